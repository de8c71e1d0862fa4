"""Any application that speaks SCIM 2.0 (RFC 7643, RFC 7644)."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from provisioning import http
from provisioning.connectors import signing_in
from provisioning.connectors.base import RemoteAccount, Setting, Source, Step
from provisioning.connectors.scim_discovery import ScimDescribed
from provisioning.connectors.scim_members import ScimMembers
from provisioning.connectors.scim_searching import ScimSearches
from provisioning.connectors.service import CORRECT, as_count
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
from provisioning.scim.dialect import SWITCH, UPDATE, Update

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


class Scim(ScimMembers, ScimSearches, ScimDescribed):
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
        warned = [dialect.in_words(each.flag, each.value) for each in self._warnings()]
        return " ".join([sentence, *warned])

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


def for_library(changes: Sequence[Change]) -> list[messages.Change]:
    return [messages.Change(change.path, change.old, change.new) for change in changes]
