"""Any application that speaks SCIM 2.0 (RFC 7643, RFC 7644)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from provisioning import http
from provisioning.connectors import signing_in
from provisioning.connectors.base import Listing, RemoteAccount, Setting, Step
from provisioning.connectors.everybody import Everybody
from provisioning.connectors.scim_members import ScimMembers
from provisioning.connectors.service import CORRECT, Unsupported, as_count
from provisioning.errors import ConnectorError, Misconfigured, NotFound, Rejected, Unavailable
from provisioning.plan import Change, Feature, Value
from provisioning.scim import dialect, messages, paths
from provisioning.scim.dialect import SEARCH, SWITCH, UPDATE, Lesson, Search, Update

BASE_URL = Setting(
    key="base_url",
    label="SCIM Base URL",
    help_text="The address that the application shows on its SCIM or provisioning page. It often "
    "ends in /scim/v2. Gatehouse adds /Users itself.",
    is_url=True,
)
TOKEN = signing_in.TOKEN


class Scim(ScimMembers):
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
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
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

    def check(self) -> str:
        try:
            reply = self._request("GET", "/Users", params={"startIndex": "1", "count": "1"})
        except Rejected as error:
            raise Misconfigured(
                f"{str(error).removesuffix(CORRECT)}Check the SCIM Base URL, and what "
                f"{self.name} asks for before accounts may be managed from outside, such as single "
                "sign-on.",
                http_status=error.http_status,
            ) from error
        if not isinstance(reply.body, dict) or as_count(reply.body.get("totalResults")) is None:
            raise Misconfigured(
                f"Something answered at {self.config['base_url']}, but it is not a SCIM service"
                f"{self._shown(reply)}. Copy the SCIM Base URL again from the page where "
                f"{self.name} shows it; it often ends in /scim2 or /scim/v2."
            )
        return f"Connected: {self.name} answered and accepted the credentials."

    def discover(self) -> Sequence[Lesson]:
        for path in self.dialect.discovery:
            try:
                told = self._request("GET", path).body
            except ConnectorError:
                continue
            if isinstance(told, dict):
                found = dialect.discovered(told, self.dialect)
                return found + self._discovered_of_groups(told)
        return ()

    def find(
        self, values: Mapping[str, Value | None], *, external_id: str, made_by_us: bool
    ) -> Sequence[RemoteAccount]:
        if made_by_us and self.dialect.keeps_external_id:
            hits = self._search("externalId", external_id, values)
            if hits:
                return hits
        return self._search("userName", str(values["userName"]), values)

    def look_through(
        self, values: Mapping[str, Value | None], *, external_id: str
    ) -> Sequence[RemoteAccount]:
        _, hits = self._listed("userName", str(values["userName"]), values)
        return hits

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
        return made

    def update(self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]) -> None:
        self._in_some_form(
            UPDATE,
            self.dialect.updates,
            lambda form: self._change(form, remote_id, for_library(changes), held=held),
        )

    def deactivate(self, remote_id: str) -> None:
        self._set_active(remote_id, False)

    def reactivate(self, remote_id: str) -> None:
        self._set_active(remote_id, True)

    def delete(self, remote_id: str) -> None:
        try:
            self._request("DELETE", self._path(remote_id))
        except NotFound:
            return

    def list_accounts(self, targets: Collection[str], *, position: str) -> Listing:
        """By startIndex, which counts from 1 and grows by what came (RFC 7644 3.4.2.4)."""
        start = int(position or 1)
        query = {"startIndex": str(start), "count": str(self.dialect.page_size)}
        reply = self._request("GET", "/Users", params=query)
        body = reply.body if isinstance(reply.body, dict) else {}
        # An empty page need not have the member (RFC 7644 3.4.2).
        listed, total = body.get("Resources") or [], as_count(body.get("totalResults"))
        if not isinstance(listed, list) or (total is None and "Resources" not in body):
            raise Unavailable(
                f"{self.name} answered with something else than a list of accounts"
                f"{self._shown(reply)}."
            )
        values = dict.fromkeys(targets)
        accounts = [hit for hit in (self._account(item, values) for item in listed) if hit]
        following = str(start + len(listed)) if listed else ""
        return Listing(accounts, len(listed), following, total)

    def get(self, remote_id: str, targets: Collection[str]) -> RemoteAccount:
        reply = self._request("GET", self._path(remote_id))
        found = self._account(reply.body, dict.fromkeys(targets))
        if found is None or found.remote_id != remote_id:
            raise Unavailable(
                f"{self.name} was asked for one account and answered with something else"
                f"{self._shown(reply)}."
            )
        return found

    def _set_active(self, remote_id: str, active: bool) -> None:
        change = messages.Change("active", old=not active, new=active)
        self._in_some_form(
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
    ) -> None:
        path = self._path(remote_id)
        if form is Update.PATHS:
            self._request("PATCH", path, json=messages.patch(changes, held=held))
        elif form is Update.PUT:
            body = messages.merged(self._document(path), changes)
            if not self.dialect.keeps_external_id:
                body.pop("externalId", None)
            self._request("PUT", path, json=body)
        else:
            # Whether somebody is switched on is a whole attribute without a look at the others.
            alone = all(change.path == "active" for change in changes)
            document = {} if alone else self._document(path)
            self._request("PATCH", path, json=messages.patch_whole(document, changes))

    def _document(self, path: str) -> dict[str, Any]:
        document = self._request("GET", path).body
        if not isinstance(document, dict):
            raise Unavailable(f"{self.name} did not show the account that is to be changed.")
        return document

    def _search(
        self, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteAccount]:
        """Everybody who has this value; nobody only if there is certainly none."""
        return self._in_some_form(
            f"{SEARCH}{attribute}",
            self.dialect.searches,
            lambda form: self._searched(form, attribute, value, values),
        )

    def _searched(
        self, form: Search, attribute: str, value: str, values: Mapping[str, Value | None]
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
        self, question: str, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> list[RemoteAccount]:
        """Raises Unsupported if the answer holds what was not asked for.

        A server that ignores the filter does so, and then it says nothing about this account.
        """
        reply = self._request("GET", "/Users", params={"filter": question})
        body = reply.body if isinstance(reply.body, dict) else {}
        total, listed = as_count(body.get("totalResults")), body.get("Resources") or []
        if total is None or not isinstance(listed, list):
            raise Unavailable(
                f"{self.name} answered a search with something else than a list of accounts"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        accounts = [hit for hit in (self._account(item, values) for item in listed) if hit]
        wrong = [hit for hit in accounts if not _matches(hit, attribute, value)]
        if wrong or len(accounts) < max(total, len(listed)):
            raise Unsupported(
                self._no_search(attribute, value),
                evidence=f"It answered a search for one account with {total:,}.",
                # Otherwise one broken entry would have everybody listed for ever.
                lasting=bool(wrong),
            )
        return accounts

    def _listed(
        self, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> tuple[str, list[RemoteAccount]]:
        """Who has this value by the list of all, and why that list may have gaps."""
        index = self._everybody.index(
            lambda position: self.list_accounts({"userName"}, position=position)
        )
        hits = []
        for remote_id in index.ids(attribute, value):
            try:
                hit = self.get(remote_id, values)
            except NotFound:
                # Gone since the list was read.
                continue
            if _matches(hit, attribute, value):
                hits.append(hit)
        return index.doubt, hits

    def _no_search(self, attribute: str, value: str) -> str:
        return (
            f"{self.name} did not search for {attribute} “{value}” but answered with other "
            "accounts, so Gatehouse cannot tell whether this one exists there."
        )

    def _account(self, document: Any, values: Mapping[str, Value | None]) -> RemoteAccount | None:
        if not isinstance(document, dict) or not document.get("id"):
            return None
        found = messages.read(document, {*values, "userName", "active"})
        kept = document.get("externalId") if self.dialect.keeps_external_id else None
        return RemoteAccount(
            remote_id=str(document["id"]),
            active=found.get("active") is not False,
            values={path: value for path, value in found.items() if path in values},
            external_id=str(kept or ""),
        )

    def _path(self, remote_id: str) -> str:
        return f"/Users/{http.segment(remote_id)}"


def _matches(hit: RemoteAccount, attribute: str, value: str) -> bool:
    if attribute == "externalId":
        return hit.external_id == value
    return str(hit.values.get(attribute, "")).casefold() == value.casefold()


def for_library(changes: Sequence[Change]) -> list[messages.Change]:
    return [messages.Change(change.path, change.old, change.new) for change in changes]
