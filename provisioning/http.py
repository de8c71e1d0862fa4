"""The one guarded way out to other systems: where to, for how long, and how much is read."""

import json as jsonlib
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPHeaderDict
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from provisioning import correlation, http_failures, version, wire, witness
from provisioning.addresses import authority
from provisioning.errors import ConnectorError, Misconfigured, Rejected, Unavailable
from provisioning.strict_json import Broken, parsed

# Bytes of one answer, counted after decompression.
RESOURCE_LIMIT = 1_000_000
LIST_LIMIT = 10_000_000

# As many as an app may be set to have on their way (App.requests_at_once).
_CONNECTIONS = 64
_SHOWN = 200
_DAY = 86_400.0


@dataclass(frozen=True)
class Response:
    """What came back. `headers` ignores case; `seconds` is how long it took, the body included.

    `body` is the parsed JSON if `is_json`; if not, `text` has the first printable characters.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str
    seconds: float
    is_json: bool


class Session:
    """The connections to one application. Safe to share between threads.

    `internal` allows addresses inside one's own network, http and any port. Times are in seconds,
    and `deadline` is for the whole request. `ca_certificate` is the PEM text of an authority of
    one's own. Of a `confidential` one no body is shown to whoever keeps evidence. Raises
    Misconfigured if the certificate cannot be read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        internal: bool = False,
        ca_certificate: str = "",
        confidential: bool = False,
        connect_timeout: float = 5.0,
        read_timeout: float = 10.0,
        deadline: float = 30.0,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._confidential = confidential
        self._internal = internal
        self._tls = _trusted(ca_certificate)
        self._timeout = Timeout(connect=connect_timeout, read=read_timeout)
        self._deadline = deadline
        # Until when the certificate that was shown last is good, once one was.
        self.certificate_ends: datetime | None = None
        # How far its clock is ahead of ours, by the answer that came last and told its time.
        self.clock_ahead: timedelta | None = None
        # Scheme and host as they stand in addresses that were looked at and are in order.
        self._allowed: set[tuple[str, str]] = set()
        self._pools: dict[tuple[str, str | None, int | None], HTTPConnectionPool] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = RESOURCE_LIMIT,
        before_write: Callable[[], None] = lambda: None,
    ) -> Response:
        """Send one request and read the whole answer, of at most `limit` bytes.

        `body` is JSON that is sent as it stands, because it was signed.
        `before_write` is called right before the bytes of anything but a GET are sent. Every
        status is an answer, redirects included: nothing is followed. Raises Unavailable,
        Misconfigured, Rejected (a value cannot be sent) and whatever `before_write` raises.
        """
        url = self._url(path_or_url, params)
        content, sent = _content(json, form, body)
        sent.update(headers or {})
        sent["User-Agent"] = _user_agent()
        sent[correlation.HEADER] = correlation.current()
        started = monotonic()
        leave = None if method == "GET" else before_write
        wire.begin(ends=started + self._deadline, leave=leave)
        seen: dict[str, Any] = {}
        try:
            response = self._answer(method, url, content, sent, limit, started)
            seen = {"status": response.status, "answer_headers": response.headers}
            seen["answer"] = response.body if response.is_json else response.text or None
            return response
        except ConnectorError as error:
            seen = {"status": error.http_status, "error": str(error)}
            raise
        finally:
            if seen:
                said = form if json is None else json
                told = (method, url.geturl(), sent, said, self._confidential, monotonic() - started)
                witness.show(witness.Exchange(*told, **seen))

    def _answer(
        self,
        method: str,
        url: SplitResult,
        content: bytes | None,
        headers: Mapping[str, str],
        limit: int,
        started: float,
    ) -> Response:
        host, status = str(url.hostname), None
        try:
            answer = self._open(method, url, content, headers)
            status = answer.status
            self._note_clock(answer.headers.get("Date", ""))
            raw = _read(answer, host, limit)
        except HTTPError as error:
            raise http_failures.explained(error, host, status, monotonic() - started) from error
        except wire.NoLeave as refused:
            raise refused.args[0] from None
        return _response(answer, host, raw, monotonic() - started)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()

    def _note(self, ends: str) -> None:
        self.certificate_ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    def _note_clock(self, date: str) -> None:
        moment = _moment(date)
        if moment is not None:
            self.clock_ahead = moment - datetime.now(UTC)

    def _url(self, path_or_url: str, params: Mapping[str, str] | None) -> SplitResult:
        url = path_or_url
        if not url.startswith(("http://", "https://")):
            url = f"{self._base}/{url.lstrip('/')}"
        if params:
            url += ("&" if "?" in url else "?") + _encoded(params)
        try:
            parts = urlsplit(url)
            if parts[:2] not in self._allowed:
                authority(parts, internal=self._internal)
                self._allowed.add(parts[:2])
        except ValueError as error:
            raise Misconfigured(str(error)) from error
        return parts

    def _open(
        self, method: str, url: SplitResult, body: bytes | None, headers: Mapping[str, str]
    ) -> BaseHTTPResponse:
        try:
            return self._pool(url).urlopen(
                method,
                (url.path or "/") + (f"?{url.query}" if url.query else ""),
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                pool_timeout=self._deadline,  # type: ignore[arg-type]
            )
        except ValueError:
            # Not chained: the original error quotes the header, which is often the token.
            raise Misconfigured(
                f"The request to {url.hostname} holds a character that cannot be sent. "
                "Enter the token again, without spaces and line breaks."
            ) from None

    def _pool(self, url: SplitResult) -> HTTPConnectionPool:
        where = (url.scheme, url.hostname, url.port)
        options: dict[str, Any] = {
            "timeout": self._timeout,
            "maxsize": _CONNECTIONS,
            "block": True,
            "internal": self._internal,
            "trusted": self._note,
        }
        with self._lock:
            if where not in self._pools:
                kind: type[HTTPConnectionPool] = wire.HttpPool
                if url.scheme == "https":
                    kind, options["ssl_context"] = wire.HttpsPool, self._tls
                self._pools[where] = kind(str(url.hostname), url.port, **options)
            return self._pools[where]


def segment(text: str) -> str:
    """An id from the application as one segment of a path. Raises Rejected if it cannot be one."""
    hidden = any(sign < " " or sign == "\x7f" for sign in text)
    if text in {"", ".", ".."} or len(text) > 500 or hidden:
        raise Rejected(
            "The application knows this account by an id that cannot be part of a web address. "
            "Ask the people who run it to change the id."
        )
    return _sendable(lambda: quote(text, safe=""))


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds to wait, at most a day, from a Retry-After in seconds or as a date.

    None when it is missing, unreadable or in the past: the caller's own back-off applies then.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _DAY)
    moment = _moment(text)
    if moment is None:
        return None
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, _DAY) if seconds >= 0 else None


def _moment(text: str) -> datetime | None:
    """A date as headers write it; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # An asctime date has no zone and means UTC (RFC 9110, 5.6.7).
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _content(
    json: Any, form: Mapping[str, str] | None, body: bytes | None
) -> tuple[bytes | None, HTTPHeaderDict]:
    headers = HTTPHeaderDict({"Accept-Encoding": "gzip, deflate"})
    if json is not None or body is not None:
        headers["Content-Type"] = "application/json"
        return jsonlib.dumps(json).encode() if body is None else body, headers
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return _encoded(form).encode(), headers
    return None, headers


def _encoded(values: Mapping[str, str]) -> str:
    return _sendable(lambda: urlencode(values, quote_via=quote))


def _sendable(encode: Callable[[], str]) -> str:
    try:
        return encode()
    except UnicodeEncodeError as error:
        raise Rejected(
            "A value of this account holds half a character, which cannot be sent. "
            "Type the value again."
        ) from error


def tls(ca_certificate: str) -> ssl.SSLContext:
    """What is trusted: public authorities, and one's own given as PEM text.

    Raises ValueError with a sentence if the text holds no certificate.
    """
    return _tls(certifi.where(), ca_certificate)


@lru_cache(maxsize=16)
def _tls(authorities: str, ca_certificate: str) -> ssl.SSLContext:
    """Kept, as reading all public authorities takes longer than a request."""
    context = ssl.create_default_context(cafile=authorities)
    if ca_certificate:
        try:
            context.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, ValueError, TypeError) as error:
            raise ValueError(
                "This is not a certificate. Paste the whole text, from -----BEGIN CERTIFICATE----- "
                "to -----END CERTIFICATE-----."
            ) from error
    return context


def _trusted(ca_certificate: str) -> ssl.SSLContext:
    try:
        return tls(ca_certificate)
    except ValueError as error:
        raise Misconfigured(f"Own certificate authority: {error}") from error


def _user_agent() -> str:
    """With a version, which some applications ask for: GitHub refuses requests without a name."""
    known = version.current()
    return f"Gatehouse/{known}" if known else "Gatehouse"


def _read(answer: BaseHTTPResponse, host: str, limit: int) -> bytes:
    raw = bytearray()
    try:
        for piece in answer.stream(65_536):
            raw += piece
            if len(raw) > limit:
                raise Unavailable(
                    f"{host} sent an answer larger than {limit / 1e6:g} MB, so Gatehouse stopped "
                    f"reading it. {wire.AGAIN}",
                    http_status=answer.status,
                )
    finally:
        # Of an answer that was not read to its end, the connection cannot be used again.
        answer.close()
        answer.release_conn()
    return bytes(raw)


def _response(answer: BaseHTTPResponse, host: str, raw: bytes, seconds: float) -> Response:
    if not raw.strip():
        return Response(answer.status, answer.headers, None, "", seconds, is_json=False)
    try:
        body = parsed(raw)
    except Broken as error:
        claims = "json" in answer.headers.get("Content-Type", "") or raw.lstrip()[:1] in b"{["
        # An error status says enough by itself, and what to do next: 401 must not look like 200.
        if claims and 200 <= answer.status < 300:
            raise Unavailable(
                f"{host} sent JSON that cannot be read: {error}. {wire.AGAIN}",
                http_status=answer.status,
            ) from error
        text = _printable(raw)
        return Response(answer.status, answer.headers, None, text, seconds, is_json=False)
    return Response(answer.status, answer.headers, body, "", seconds, is_json=True)


def _printable(raw: bytes) -> str:
    words = " ".join(raw[: _SHOWN * 20].decode("utf-8", "replace").split())
    return "".join(sign for sign in words if sign.isprintable())[:_SHOWN]
