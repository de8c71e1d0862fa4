"""Any application that speaks SCIM 2.0 (RFC 7643, RFC 7644)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from provisioning import http
from provisioning.connectors.base import Connector, Listing, RemoteAccount, Setting, Step, masked
from provisioning.errors import (
    AlreadyExists,
    ConnectorError,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from provisioning.plan import Change, Feature, Value
from provisioning.scim import messages, paths

_SCIM_JSON = "application/scim+json"
# No application is known to give more on one page (Zoom and Atlassian: 100).
_PAGE = 100
_CORRECT = (
    "Correct the person's data or the attribute mapping; Gatehouse then tries again by itself."
)

BASE_URL = Setting(
    key="base_url",
    label="SCIM Base URL",
    help_text="The address that the application shows on its SCIM or provisioning page. It often "
    "ends in /scim/v2. Gatehouse adds /Users itself.",
    is_url=True,
)
TOKEN = Setting(
    key="token",
    label="Bearer token",
    help_text="The secret token that the application made for provisioning.",
    secret=True,
)


class Scim(Connector):
    slug: ClassVar[str] = "scim"
    label: ClassVar[str] = "Any SCIM 2.0 application"
    description: ClassVar[str] = "For every application with a SCIM Base URL and a bearer token."
    position: ClassVar[int] = 900
    settings: ClassVar[tuple[Setting, ...]] = (BASE_URL, TOKEN)
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

    # How this kind deviates: each is a fact of the vendor's file that changes it.
    keeps_external_id: ClassVar[bool] = True
    # How what is sent is labelled.
    media_type: ClassVar[str] = _SCIM_JSON

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._session = http.Session(
            self.config.get("base_url", ""),
            internal=self.internal,
            ca_certificate=self.ca_certificate,
        )

    @classmethod
    def target(cls, text: str) -> str:
        return str(paths.target(text))

    def check(self) -> str:
        try:
            reply = self._request("GET", "/Users", params={"startIndex": "1", "count": "1"})
        except Rejected as error:
            raise Misconfigured(
                f"{str(error).removesuffix(_CORRECT)}Check the SCIM Base URL, and what "
                f"{self.name} asks for before accounts may be managed from outside, such as single "
                "sign-on.",
                http_status=error.http_status,
            ) from error
        if not isinstance(reply.body, dict) or _count(reply.body.get("totalResults")) is None:
            raise Misconfigured(
                f"Something answered at {self.config['base_url']}, but it is not a SCIM service"
                f"{self._shown(reply)}. Copy the SCIM Base URL again from the page where "
                f"{self.name} shows it; it often ends in /scim2 or /scim/v2."
            )
        return f"Connected: {self.name} answered and accepted the credentials."

    def find(
        self, values: Mapping[str, Value | None], *, external_id: str, made_by_us: bool
    ) -> Sequence[RemoteAccount]:
        if made_by_us and self.keeps_external_id:
            hits = [
                hit
                for hit in self._search("externalId", external_id, values)
                if hit.external_id == external_id
            ]
            if hits:
                return hits
        name = str(values["userName"])
        return [
            hit
            for hit in self._search("userName", name, values)
            if str(hit.values.get("userName", "")).casefold() == name.casefold()
        ]

    def create(self, values: Mapping[str, Value | None], *, external_id: str) -> RemoteAccount:
        kept = external_id if self.keeps_external_id else None
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
        self._patch(remote_id, messages.patch(for_library(changes), held=held))

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
        query = {"startIndex": str(start), "count": str(_PAGE)}
        reply = self._request("GET", "/Users", params=query)
        body = reply.body if isinstance(reply.body, dict) else {}
        # An empty page need not have the member (RFC 7644 3.4.2).
        listed, total = body.get("Resources") or [], _count(body.get("totalResults"))
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

    def close(self) -> None:
        self._session.close()

    def _set_active(self, remote_id: str, active: bool) -> None:
        change = messages.Change("active", old=not active, new=active)
        self._patch(remote_id, messages.patch([change]))

    def _patch(self, remote_id: str, body: dict[str, Any]) -> None:
        self._request("PATCH", self._path(remote_id), json=body)

    def _search(
        self, attribute: str, value: str, values: Mapping[str, Value | None]
    ) -> list[RemoteAccount]:
        """Everything that the application returns for one filter; the caller verifies each.

        Raises Rejected if it returned what was not asked for, as a server does that ignores the
        filter: then an empty list of matches would not mean that the account is absent.
        """
        query = {"filter": messages.equals(attribute, value)}
        reply = self._request("GET", "/Users", params=query)
        body = reply.body if isinstance(reply.body, dict) else {}
        total, listed = _count(body.get("totalResults")), body.get("Resources") or []
        if total is None or not isinstance(listed, list):
            raise Unavailable(
                f"{self.name} answered a search with something else than a list of accounts"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        accounts = [hit for hit in (self._account(item, values) for item in listed) if hit]
        wrong = [hit for hit in accounts if not _matches(hit, attribute, value)]
        if wrong or len(accounts) < max(total, len(listed)):
            raise Rejected(
                f"{self.name} did not search for {attribute} “{value}” but answered with other "
                "accounts, so Gatehouse cannot tell whether this one exists there. Ask the "
                "application's support whether its SCIM service supports filters."
            )
        return accounts

    def _account(self, document: Any, values: Mapping[str, Value | None]) -> RemoteAccount | None:
        if not isinstance(document, dict) or not document.get("id"):
            return None
        found = messages.read(document, {*values, "userName", "active"})
        return RemoteAccount(
            remote_id=str(document["id"]),
            active=found.get("active") is not False,
            values={path: value for path, value in found.items() if path in values},
            external_id=str(document.get("externalId") or "") if self.keeps_external_id else "",
        )

    def _path(self, remote_id: str) -> str:
        return f"/Users/{http.segment(remote_id)}"

    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config.get('token', '')}"}

    def _request(self, method: str, path: str, **body: Any) -> http.Response:
        """One exchange. Raises the ConnectorError that says what to do next."""
        headers = {"Accept": _SCIM_JSON, **self._credentials()}
        if "json" in body:
            headers["Content-Type"] = self.media_type
        limit = http.LIST_LIMIT if path == "/Users" else http.RESOURCE_LIMIT
        self.pace.wait()
        reply = self._session.request(
            method, path, headers=headers, limit=limit, before_write=self.before_write, **body
        )
        if 200 <= reply.status < 300:
            if method != "GET" and reply.text.startswith("<"):
                # A portal or proxy on the way answered, and nobody knows what the application did.
                raise Unavailable(
                    f"A web page came back instead of an answer from {self.name}, perhaps one on "
                    f"which people sign in{self._shown(reply)}. Gatehouse looks again by itself.",
                    http_status=reply.status,
                )
            return reply
        error = self._error(reply, on_account=path != "/Users")
        if isinstance(error, Throttled):
            self.pace.slow_down()
        raise error

    def _error(self, reply: http.Response, *, on_account: bool) -> ConnectorError:
        status, wait = reply.status, http.retry_after(reply.headers)
        said = self._said(reply)
        if status in {401, 403}:
            return self._not_allowed(status, said)
        if 300 <= status < 400:
            return Misconfigured(
                f"{self.name} redirects to {self._elsewhere(reply)}, and Gatehouse does not send "
                "the token there. If that address is right, enter it as the SCIM Base URL.",
                http_status=status,
            )
        if status == 404 and on_account:
            return NotFound(f"{self.name} does not know this account.", http_status=404)
        if status == 404 or (status == 405 and not on_account):
            return Misconfigured(
                f"There is no SCIM service at {self.config['base_url']} (it answered {status}). "
                "Check the SCIM Base URL; it often ends in /scim2 or /scim/v2.",
                http_status=status,
            )
        if status == 409 or messages.scim_type(reply.body) == "uniqueness":
            return AlreadyExists(
                f"{self.name} says that another account already uses one of these values{said}.",
                http_status=status,
            )
        if status == 429 or wait is not None or _asks_for_less(said):
            return Throttled(
                f"{self.name} asks for fewer requests. Gatehouse waits and goes on by itself.",
                retry_after=wait,
                http_status=status,
            )
        if status in {408, 425} or (status >= 500 and status != 501):
            return Unavailable(
                f"{self.name} has a problem on its side (error {status}){said}. Gatehouse tries "
                "again by itself.",
                http_status=status,
            )
        return Rejected(
            f"{self.name} refused it (error {status}){said}. {_CORRECT}",
            http_status=status,
        )

    def _not_allowed(self, status: int, said: str) -> Misconfigured:
        if status == 401:
            text = (
                f"{self.name} did not accept the token{said}. Make a new one there, paste it under "
                f"Apps > {self.name} > Connection and press “Save and test connection”. Nothing is "
                "lost meanwhile."
            )
        else:
            text = (
                f"{self.name} accepted the token but does not allow this{said}. Give the token or "
                "its owner the right to manage users there, then press “Save and test connection”."
            )
        return Misconfigured(text, http_status=status)

    def _said(self, reply: http.Response) -> str:
        detail = messages.error_detail(reply.body) if reply.body is not None else ""
        return f": “{self._masked(detail)}”" if detail else self._shown(reply)

    def _shown(self, reply: http.Response) -> str:
        return f" (it answered: “{self._masked(reply.text)}”)" if reply.text else ""

    def _elsewhere(self, reply: http.Response) -> str:
        return self._masked(reply.headers.get("Location", "another address")[:200])

    def _masked(self, text: str) -> str:
        return masked(text, self._secrets())

    def _secrets(self) -> list[str]:
        held = [self.config.get(setting.key) for setting in self.settings if setting.secret]
        return [secret for secret in held if secret]


def _matches(hit: RemoteAccount, attribute: str, value: str) -> bool:
    if attribute == "externalId":
        return hit.external_id == value
    return str(hit.values.get(attribute, "")).casefold() == value.casefold()


def _count(told: object) -> int | None:
    """A number of accounts, which some services write as text or as 1.0; None if it is none."""
    text = f"{told:.0f}" if isinstance(told, float) and told.is_integer() else str(told)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def for_library(changes: Sequence[Change]) -> list[messages.Change]:
    return [messages.Change(change.path, change.old, change.new) for change in changes]


def _asks_for_less(said: str) -> bool:
    """Some services say so in words, under any status.

    Databricks answers 500 with REQUEST_LIMIT_EXCEEDED (databricks-sdk-go 721, 2023-12).
    """
    words = said.casefold()
    return any(sign in words for sign in ("rate limit", "request_limit", "too many requests"))
