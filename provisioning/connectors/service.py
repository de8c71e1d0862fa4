"""The service of one SCIM application: requests to it, and what its answers mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from provisioning import http
from provisioning.connectors import signing_in
from provisioning.connectors.base import Connector
from provisioning.connectors.oauth import Tokens
from provisioning.echoes import masked
from provisioning.errors import (
    AlreadyExists,
    ConnectorError,
    Misconfigured,
    NotFound,
    Promised,
    Rejected,
    Throttled,
    Unavailable,
)
from provisioning.scim import dialect, messages, spelling
from provisioning.scim.dialect import Form, Lesson

Result = TypeVar("Result")

# Only these are about what is in a request.
_ABOUT_VALUES = {400, 422}
_SCIM_JSON = "application/scim+json"
_SEARCH, _LIST, _FIRST_CURSOR = "a search", "a list by number", "a list by cursor"
# RFC 9865 section 2.1; it may also end because it took too long.
_CURSOR_LOST = {"invalidCursor", "expiredCursor"}
CORRECT = (
    "Correct the person's data or the attribute mapping; Gatehouse then tries again by itself."
)
# Where all accounts are, and all groups.
_COLLECTIONS = frozenset({"/Users", "/Groups"})


class Unsupported(Rejected):
    """The application does not take this in this form. Another form may do.

    `lasting` is whether the same is true of every account, and `evidence` how that is known.
    """

    def __init__(
        self, message: str, *, evidence: str, lasting: bool = True, http_status: int | None = None
    ) -> None:
        super().__init__(message, http_status=http_status)
        self.evidence = evidence
        self.lasting = lasting


class ScimService(Connector):
    """Sends to the SCIM Base URL, as whom the settings say. Knows nothing of accounts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._session = http.Session(
            self.config.get("base_url", ""),
            internal=self.internal,
            ca_certificate=self.ca_certificate,
        )
        self._credentials = self._sign_in()

    def close(self) -> None:
        self._session.close()
        self._credentials.close()

    def _sign_in(self) -> signing_in.Fixed | Tokens:
        return signing_in.chosen(
            self.name,
            self.config,
            internal=self.internal,
            ca_certificate=self.ca_certificate,
        )

    def _request(self, method: str, path: str, **body: Any) -> http.Response:
        """One exchange; a fetched token that is refused is renewed once and tried again.

        Raises the ConnectorError that says what to do next.
        """
        if not isinstance(self._credentials, Tokens):
            return self._sent(method, path, self._credentials.header(), body)
        token = self._credentials.token()
        try:
            return self._sent(method, path, f"Bearer {token}", body)
        except Misconfigured as error:
            if error.http_status != 401:
                raise
            self._credentials.refused(token)
            return self._sent(method, path, self._credentials.header(), body)

    def _sent(
        self, method: str, path: str, authorization: str, body: dict[str, Any]
    ) -> http.Response:
        """In the spelling that is known to be taken, or in another one if it is refused in words.

        A refused write has had no effect, so the same may be sent in another spelling.
        """
        tried: dict[str, str] = {}
        refused: Rejected | None = None
        while True:
            spelled = {**self.dialect.spelling, **self.learned, **tried}
            try:
                reply = self._once(method, path, authorization, body, spelled)
            except Rejected as error:
                refused = refused or error
                other = spelling.other(body.get("json"), error.said, spelled)
                if error.http_status not in _ABOUT_VALUES or not other:
                    raise refused from None
                tried |= other
                continue
            if refused is not None:
                evidence = dialect.evidence(method, refused.http_status or 0, refused.said)
                for flag, value in tried.items():
                    self.learn(Lesson(flag, value, evidence))
            return reply

    def _once(
        self,
        method: str,
        path: str,
        authorization: str,
        body: dict[str, Any],
        spelled: Mapping[str, str],
    ) -> http.Response:
        headers = {"Accept": _SCIM_JSON, "Authorization": authorization, **body.get("headers", {})}
        if "json" in body:
            headers["Content-Type"] = self.dialect.media_type
            body = {**body, "json": spelling.spelled(body["json"], spelled)}
        body = {**body, "headers": headers}
        # A group may have as many members as there are accounts.
        is_large = path == "/Users" or path.startswith("/Groups")
        limit = http.LIST_LIMIT if is_large else http.RESOURCE_LIMIT
        self.pace.wait()
        reply = self._session.request(
            method, path, limit=limit, before_write=self.before_write, **body
        )
        if not 200 <= reply.status < 300:
            raise self._failure(method, path, reply, body)
        if method != "GET":
            self._refuse_what_is_not_done(reply)
        return reply

    def _refuse_what_is_not_done(self, reply: http.Response) -> None:
        """A yes to a write that is not the application's own, or not yet one."""
        if reply.text.startswith("<"):
            # A portal or proxy on the way answered, and nobody knows what the application did.
            raise Unavailable(
                f"A web page came back instead of an answer from {self.name}, perhaps one on which "
                f"people sign in{self._shown(reply)}. Gatehouse looks again by itself.",
                http_status=reply.status,
            )
        if reply.status == 202:
            raise Promised(
                f"{self.name} took it for later (202) and has not said that it was done.",
                http_status=202,
            )

    def _failure(
        self, method: str, path: str, reply: http.Response, body: dict[str, Any]
    ) -> ConnectorError:
        """What an answer that is no success means; what it teaches is learned."""
        nobody = "filter" in body.get("params", {}) and reply.status in self.dialect.nobody
        said = self._said(reply)
        error: ConnectorError | None = self._unsupported(method, path, reply, body)
        # Of a group that already has a member nothing is to be adopted.
        about_name = method == "POST" or path.startswith("/Users")
        if about_name and dialect.says_taken(method, reply.status, said):
            evidence = dialect.evidence(method, reply.status, said)
            self.learn(Lesson(dialect.TAKEN, str(reply.status), evidence))
            error = self._taken(reply.status, said)
        if error is None and nobody and isinstance(reply.body, dict):
            error = self._error(reply, on_account=True)
        error = error or self._refusal(path, reply)
        error.said = said
        if isinstance(error, Throttled):
            self.pace.slow_down()
        return error

    def _correction(self, path: str) -> str:
        """What to do about a refusal."""
        return CORRECT

    def _refusal(self, path: str, reply: http.Response) -> ConnectorError:
        return self._error(reply, on_account=path not in _COLLECTIONS)

    def _unsupported(
        self, method: str, path: str, reply: http.Response, body: dict[str, Any]
    ) -> Unsupported | None:
        """What says that a change, a search or a list has a form that is not known there."""
        about = _about(method, body.get("params", {}))
        if not about:
            return None
        if (method == "GET" and reply.status == 405) or (about == _LIST and reply.status == 501):
            # There is no list at all.
            return None
        said, scim_type = self._said(reply), messages.scim_type(reply.body)
        missing = reply.status == 400 and scim_type == "noTarget"
        # There is nothing else in that question that could be wrong.
        no_cursors = about == _FIRST_CURSOR and reply.status == 400
        too_long = about == _SEARCH and reply.status in {414, 431}
        # A value with an escaped sign: scimmy 1.3.5 does not read it, and scim2-server 0.1.9 breaks
        # over it (tests/interop, 2026-11).
        escaped = "\\" in body.get("params", {}).get("filter", "")
        broken = escaped and reply.status == 500
        about_this_one = missing or too_long or broken
        refused = about_this_one or no_cursors
        if not refused and not dialect.refuses_form(reply.status, scim_type, said):
            return None
        if http.retry_after(reply.headers) is not None or _asks_for_less(said):
            return None
        return Unsupported(
            f"{self.name} refused it (error {reply.status}){said}. {self._correction(path)}",
            evidence=dialect.evidence(about, reply.status, said),
            # An entry that one account lacks, or its odd name, says nothing about the others.
            lasting=not (about_this_one or escaped),
            http_status=reply.status,
        )

    def _in_some_form(
        self, flag: str, forms: Sequence[Form], ask: Callable[[Form], Result]
    ) -> Result:
        """In the first form that is not refused as such; which one that was is remembered.

        Only an answer that says so leads to the next form. All other errors are the result, a lost
        answer above all: nobody knows what it did. The one exception: where a form is refused
        already, a 500 to the next one may be all that the service can say (django-scim2 0.23.0
        answers so to PATCH with a whole name, tests/interop, 2026-11).
        """
        refused: Unsupported | None = None
        ordered = dialect.order(forms, self.learned.get(flag))
        for form in ordered:
            try:
                result = ask(form)
            except Unsupported as error:
                refused = refused or error
                continue
            except Unavailable as error:
                if refused is None or error.http_status != 500 or form == ordered[-1]:
                    raise
                continue
            if refused is not None and refused.lasting:
                self.learn(Lesson(flag, form, refused.evidence))
            return result
        raise refused or ValueError(f"no form for {flag}")

    def _error(self, reply: http.Response, *, on_account: bool) -> ConnectorError:
        status, wait = reply.status, http.retry_after(reply.headers)
        said, scim_type = self._said(reply), messages.scim_type(reply.body)
        # GitHub answers 403 to too many requests, too (docs.github.com, rate limits, 2026-11).
        slower = status == 429 or wait is not None or _asks_for_less(said)
        if status == 401 or (status == 403 and not slower):
            return self._not_allowed(status, said)
        if 300 <= status < 400 or (status in {404, 405} and not on_account):
            return self._wrong_address(reply)
        if status == 404:
            return NotFound(f"{self.name} does not know this account.", http_status=404)
        if status == 409 or scim_type == "uniqueness":
            return self._taken(status, said)
        if scim_type in _CURSOR_LOST:
            return Unavailable(
                f"{self.name} does not know any more where in its list Gatehouse was, so nothing "
                f"is concluded from that list{said}. It is read from the beginning next time.",
                http_status=status,
            )
        if slower:
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
        text = f"{self.name} refused it (error {status}){said}. {CORRECT}"
        return Rejected(text, http_status=status)

    def _wrong_address(self, reply: http.Response) -> Misconfigured:
        if reply.status < 400:
            text = (
                f"{self.name} redirects to {self._elsewhere(reply)}, and Gatehouse does not send "
                "the token there. If that address is right, enter it as the SCIM Base URL."
            )
        else:
            text = (
                f"There is no SCIM service at {self.config['base_url']} (it answered "
                f"{reply.status}). Check the SCIM Base URL; it often ends in /scim2 or /scim/v2."
            )
        return Misconfigured(text, http_status=reply.status)

    def _taken(self, status: int, said: str) -> AlreadyExists:
        return AlreadyExists(
            f"{self.name} says that another account already uses one of these values{said}.",
            http_status=status,
        )

    def _not_allowed(self, status: int, said: str) -> Misconfigured:
        if status == 401 and isinstance(self._credentials, Tokens):
            text = (
                f"{self.name} did not accept a token that it had just made itself{said}. Check on "
                f"the page where {self.name} shows the client that it is active and may manage "
                "users, then press “Save and test connection”."
            )
        elif status == 401 and self.config.get("auth") == "basic":
            text = (
                f"{self.name} did not accept the user name and the password{said}. Enter both "
                f"again under Apps > {self.name} > Connection and press “Save and test connection”."
            )
        elif status == 401:
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
        return masked(text, self.secrets)

    @property
    def secrets(self) -> list[str]:
        return [*super().secrets, *filter(None, self._credentials.secrets)]


def _about(method: str, params: Mapping[str, str]) -> str:
    """What a request is that may be sent in another form, "" if there is none."""
    if method in {"PATCH", "PUT"}:
        return method
    if method != "GET":
        return ""
    if "filter" in params:
        return _SEARCH
    if "startIndex" in params:
        return _LIST
    return _FIRST_CURSOR if params.get("cursor") == "" else ""


def _asks_for_less(said: str) -> bool:
    """Some services say so in words, under any status.

    Databricks answers 500 with REQUEST_LIMIT_EXCEEDED (databricks-sdk-go 721, 2023-12).
    """
    words = said.casefold()
    return any(sign in words for sign in ("rate limit", "request_limit", "too many requests"))


def as_count(told: object) -> int | None:
    """How many there are, which some services write as text or as 1.0; None if it is no number."""
    text = f"{told:.0f}" if isinstance(told, float) and told.is_integer() else str(told)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
