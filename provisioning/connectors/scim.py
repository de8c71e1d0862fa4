"""Any application that speaks SCIM 2.0 (RFC 7643, RFC 7644)."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from provisioning import http
from provisioning.connectors import signing_in
from provisioning.connectors.base import RemoteAccount, Setting, Source, Step
from provisioning.connectors.everybody import Everybody
from provisioning.connectors.scim_discovery import ScimDescribed
from provisioning.connectors.scim_listing import ScimLists
from provisioning.connectors.scim_members import ScimMembers
from provisioning.connectors.service import CORRECT, Unsupported, as_count
from provisioning.errors import (
    ConnectorError,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from provisioning.plan import Change, Feature, Value
from provisioning.scim import dialect, messages, paths, schema
from provisioning.scim import matching as comparing
from provisioning.scim.dialect import SEARCH, SWITCH, UPDATE, Search, Update
from provisioning.scim.paths import Document

BASE_URL = Setting(
    key="base_url",
    label="SCIM Base URL",
    help_text="The address that the application shows on its SCIM or provisioning page. It often "
    "ends in /scim/v2. Gatehouse adds /Users itself.",
    is_url=True,
)
TOKEN = signing_in.TOKEN
# An entity tag (RFC 9110 8.8.3).
_VERSION = re.compile(r'(W/)?"[!#-~]{1,200}"')


class Scim(ScimMembers, ScimLists, ScimDescribed):
    slug: ClassVar[str] = "scim"
    label: ClassVar[str] = "Any SCIM 2.0 application"
    description: ClassVar[str] = "For every application with a SCIM Base URL."
    position: ClassVar[int] = 900
    settings: ClassVar[tuple[Setting, ...]] = (
        BASE_URL,
        signing_in.CHOICE,
        replace(TOKEN, when=signing_in.BEARER),
        *signing_in.PASSWORD,
        *signing_in.CLIENT,
    )
    features: ClassVar[tuple[Feature, ...]] = tuple(Feature)
    default_mappings: ClassVar[tuple[tuple[str, Source], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        ('emails[type eq "work"].value', "email"),
    )
    known_targets: ClassVar[tuple[str, ...]] = (
        "userName",
        "active",
        "name.givenName",
        "name.familyName",
        "name.formatted",
        'emails[type eq "work"]',
        'phoneNumbers[type eq "work"]',
        "displayName",
        "nickName",
        "title",
        "userType",
        "locale",
        "preferredLanguage",
        "timezone",
        f"{messages.ENTERPRISE_USER}:employeeNumber",
        f"{messages.ENTERPRISE_USER}:department",
        f"{messages.ENTERPRISE_USER}:organization",
        f"{messages.ENTERPRISE_USER}:costCenter",
        f"{messages.ENTERPRISE_USER}:division",
    )
    required_targets: ClassVar[tuple[str, ...]] = ("userName",)
    active_target: ClassVar[str] = "active"
    default_group_mappings: ClassVar[tuple[tuple[str, str], ...]] = (("displayName", "name"),)
    known_group_targets: ClassVar[tuple[str, ...]] = ("displayName",)
    required_group_targets: ClassVar[tuple[str, ...]] = ("displayName",)
    lists_accounts: ClassVar[bool] = True
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Open the application's provisioning page",
            "Sign in to the application as an administrator and look for “SCIM”, “Provisioning” "
            "or “Directory integration”, usually near the settings for single sign-on.",
        ),
        Step("Make a token", "Create a token there. It is often shown only once: copy it now."),
        Step(
            "Fill in this page",
            "Paste the SCIM Base URL and the token below, then press “Save and test connection”.",
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._everybody = Everybody()

    def asking(
        self, before_write: Callable[[], None], *, learned: Mapping[str, str] | None = None
    ) -> Self:
        asking = super().asking(before_write, learned=learned)
        asking._everybody = Everybody()
        return asking

    @classmethod
    def target(cls, text: str) -> str:
        return str(paths.target(text))

    @classmethod
    def takes_list(cls, target: str) -> bool | None:
        path = paths.parse(target)
        if not schema.is_core(path.schema):
            return None
        return schema.is_whole_list(path)

    @classmethod
    def cannot_match(cls, target: str) -> str:
        if cls.takes_list(target):
            return f"“{target}” holds several values, and many people may have the same."
        if target == cls.active_target:
            return f"“{target}” is the same for everybody, so nobody can be found by it."
        searchable = cls.dialect.searchable
        if searchable and messages.sought(target) not in searchable:
            return (
                f"{cls.label} cannot be searched for “{target}”, only for {', '.join(searchable)}."
            )
        return ""

    def check(self) -> str:
        try:
            reply = self._first_page()
        except Rejected as error:
            raise Misconfigured(
                f"{str(error).removesuffix(CORRECT)}Check the SCIM Base URL, and what "
                f"{self.name} asks for before accounts may be managed from outside, such as single "
                "sign-on.",
                http_status=error.http_status,
            ) from error
        body = reply.body if isinstance(reply.body, dict) else {}
        # A list by cursor need not say how many there are (RFC 9865).
        by_cursor = messages.LIST_RESPONSE in str(body.get("schemas")) and "Resources" in body
        if as_count(body.get("totalResults")) is None and not by_cursor:
            raise Misconfigured(
                f"Something answered at {self.config['base_url']}, but it is not a SCIM service"
                f"{self._shown(reply)}. Copy the SCIM Base URL again from the page where "
                f"{self.name} shows it; it often ends in /scim2 or /scim/v2."
            )
        sentence = f"Connected: {self.name} answered and accepted the credentials."
        ends = " ".join(dialect.in_words(each.flag, each.value) for each in self._certificate())
        return f"{sentence} {ends}".rstrip()

    def _first_page(self) -> http.Response:
        """One account; everybody of a first page where no number may be named."""
        try:
            return self._request("GET", "/Users", params={"startIndex": "1", "count": "1"})
        except (Rejected, Unavailable) as error:
            if isinstance(error, Throttled) or error.http_status not in {500, 501}:
                raise
            try:
                return self._request("GET", "/Users")
            except ConnectorError:
                raise error from None

    def find(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
        made_by_us: bool,
    ) -> Sequence[RemoteAccount]:
        if made_by_us and self.dialect.keeps_external_id:
            hits = self._search("externalId", external_id, values)
            if hits:
                return hits
        for target in self.asked_by(values, matching):
            hits = self._search(messages.sought(target), _certain(values[target]), values)
            if hits:
                return hits
        return []

    def look_through(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
    ) -> Sequence[RemoteAccount]:
        for target in self.asked_by(values, matching):
            _, hits = self._listed(messages.sought(target), _certain(values[target]), values)
            if hits:
                return hits
        return []

    def create(self, values: Mapping[str, Value | None], *, external_id: str) -> RemoteAccount:
        kept = external_id if self.dialect.keeps_external_id else None
        self._everybody.forget()
        reply = self._request("POST", "/Users", json=messages.user(values, external_id=kept))
        made = self._account(reply.body, values)
        if made is None:
            # RFC 7644 section 3.3 asks for the resource; without it the id must be looked up.
            raise Unavailable(
                f"{self.name} accepted the new account but did not say which id it has. Gatehouse "
                "looks it up."
            )
        # One with an id that cannot be kept is there now, and for a person.
        http.segment(made.remote_id)
        return made

    def update(
        self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]
    ) -> RemoteAccount | None:
        shown = self._in_some_form(
            UPDATE,
            self.dialect.updates,
            lambda form: self._change(form, remote_id, for_library(changes), held=held),
        )
        # Without the attribute that every account has it is not the whole account.
        return shown if shown and "userName" in shown.values else None

    def deactivate(self, remote_id: str) -> RemoteAccount | None:
        shown = self._set_active(remote_id, False)
        return shown if shown and shown.tells_active else None

    def reactivate(self, remote_id: str) -> RemoteAccount | None:
        shown = self._set_active(remote_id, True)
        return shown if shown and shown.tells_active else None

    def delete(self, remote_id: str) -> None:
        try:
            self._request("DELETE", self._path(remote_id))
        except NotFound:
            return

    def get(self, remote_id: str, targets: Collection[str]) -> RemoteAccount:
        _, found = self._got(remote_id, dict.fromkeys(targets))
        return found

    def _got(
        self, remote_id: str, values: Mapping[str, Value | None]
    ) -> tuple[Document, RemoteAccount]:
        reply = self._request("GET", self._path(remote_id))
        found = self._seen(reply.body, values)
        if found is None or found.remote_id != remote_id:
            raise Unavailable(
                f"{self.name} was asked for one account and answered with something else"
                f"{self._shown(reply)}."
            )
        return reply.body, found

    def _set_active(self, remote_id: str, active: bool) -> RemoteAccount | None:
        change = messages.Change("active", old=not active, new=active)
        return self._in_some_form(
            SWITCH,
            self.dialect.switches,
            lambda form: self._change(form, remote_id, [change], held=()),
        )

    def _change(
        self,
        form: Update,
        remote_id: str,
        changes: Sequence[messages.Change],
        *,
        held: Collection[str],
    ) -> RemoteAccount | None:
        """The account, if the answer shows it."""
        path = self._path(remote_id)
        # Whether somebody is switched on is a whole attribute without a look at the others.
        alone = form is Update.WHOLE and all(change.path == "active" for change in changes)
        if form is Update.PATHS:
            reply = self._request("PATCH", path, json=messages.patch(changes, held=held))
        elif alone:
            reply = self._request("PATCH", path, json=messages.patch_whole({}, changes))
        else:
            reply = self._change_held(form, path, changes)
        asked = {"userName", *(change.path for change in changes)}
        shown = self._account(reply.body, dict.fromkeys(asked))
        return shown if shown and shown.remote_id == remote_id else None

    def _change_held(
        self, form: Update, path: str, changes: Sequence[messages.Change], *, tries: int = 3
    ) -> http.Response:
        """Change what the account holds now; if somebody was faster, what it holds after that."""
        document = self._document(path)
        headers = {"If-Match": version} if (version := self._version(document)) else {}
        try:
            if form is Update.PUT:
                body = messages.merged(document, changes)
                if not self.dialect.keeps_external_id:
                    body.pop("externalId", None)
                return self._request("PUT", path, json=body, headers=headers)
            body = messages.patch_whole(document, changes)
            return self._request("PATCH", path, json=body, headers=headers)
        except Rejected as error:
            if error.http_status != 412 or tries <= 1:
                raise
            return self._change_held(form, path, changes, tries=tries - 1)

    def _version(self, document: dict[str, Any]) -> str:
        """For If-Match, where the application is known to go by it (RFC 7644 3.14)."""
        meta = document.get("meta")
        version = meta.get("version") if isinstance(meta, dict) else None
        usable = isinstance(version, str) and _VERSION.fullmatch(version)
        return str(version) if usable and self.learned.get(dialect.ETAG) == "yes" else ""

    def _document(self, path: str) -> dict[str, Any]:
        document = self._request("GET", path).body
        if not isinstance(document, dict):
            raise Unavailable(f"{self.name} did not show the account that is to be changed.")
        return document

    def _search(
        self, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteAccount]:
        """Everybody who has this value; nobody only if there is certainly none."""
        return self._in_some_form(
            f"{SEARCH}{attribute}",
            self.dialect.searches,
            lambda form: self._searched(form, attribute, value, values),
        )

    def _searched(
        self, form: Search, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteAccount]:
        if form is Search.FILTER:
            return self._filtered(messages.equals(attribute, value), attribute, value, values)
        if form is Search.BARE:
            bare = messages.equals_bare(attribute, value)
            if not bare:
                raise Unsupported(self._no_search(attribute, value), evidence="", lasting=False)
            return self._filtered(bare, attribute, value, values)
        doubt, hits = self._listed(attribute, value, values)
        if doubt and not hits:
            raise Rejected(
                f"{self.name} could not be searched for {attribute} “{value}”, and the list of its "
                f"accounts does not tell either whether this one exists there: {doubt}. Ask the "
                "application's support whether its SCIM service supports filters."
            )
        return hits

    def _filtered(
        self, question: str, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> list[RemoteAccount]:
        """Raises Unsupported if the answer holds what was not asked for.

        A server that ignores the filter does so, and then it says nothing about this account.
        """
        try:
            reply = self._request("GET", "/Users", params={"filter": question})
        except NotFound:
            return []
        body = reply.body if isinstance(reply.body, dict) else {}
        total, listed = as_count(body.get("totalResults")), body.get("Resources") or []
        if total is None or not isinstance(listed, list):
            raise Unavailable(
                f"{self.name} answered a search with something else than a list of accounts"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        found = [(item, self._seen(item, values)) for item in listed]
        accounts = [hit for _, hit in found if hit]
        wrong = [hit for item, hit in found if hit and not _has(item, attribute, value)]
        if wrong or len(accounts) < max(total, len(listed)):
            raise Unsupported(
                self._no_search(attribute, value),
                evidence=f"It answered a search for one account with {total:,}.",
                # Otherwise one broken entry would have everybody listed for ever.
                lasting=bool(wrong),
            )
        return accounts

    def _listed(
        self, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> tuple[str, list[RemoteAccount]]:
        """Who has this value by the list of all, and why that list may have gaps."""
        index = self._everybody.index({"userName", "externalId", attribute}, self._held)
        hits = []
        for remote_id in index.ids(attribute, str(value)):
            try:
                document, hit = self._got(remote_id, values)
            except NotFound:
                # Gone since the list was read.
                continue
            if _has(document, attribute, value):
                hits.append(hit)
        return index.doubt, hits

    def _no_search(self, attribute: str, value: Value) -> str:
        return (
            f"{self.name} did not search for {attribute} “{value}” but answered with other "
            "accounts, so Gatehouse cannot tell whether this one exists there."
        )

    def _path(self, remote_id: str) -> str:
        return f"/Users/{http.segment(remote_id)}"


def _has(document: Document, attribute: str, value: Value) -> bool:
    return comparing.holds(document, paths.parse(attribute), value)


def _certain(value: Value | None) -> Value:
    """A value that is searched for. Without one everybody would be found, or nobody."""
    if value is None or value == "":
        raise ValueError("nothing to search for")
    return value


def for_library(changes: Sequence[Change]) -> list[messages.Change]:
    return [messages.Change(change.path, change.old, change.new) for change in changes]
