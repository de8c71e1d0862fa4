"""Says why a request got no whole answer, and what to do about it."""

import http.client
import ssl

from urllib3.exceptions import (
    DecodeError,
    EmptyPoolError,
    HTTPError,
    InvalidHeader,
    ReadTimeoutError,
    SSLError,
)

from provisioning import wire
from provisioning.errors import Misconfigured, Unavailable

# What to do about a refused certificate, by the verify code of OpenSSL.
_CERTIFICATE = {
    9: "is not valid yet. Check the clock of this machine",
    10: "has expired. Ask the people who run it for a new one",
    62: "is for another name. Check the address for typing errors",
    64: "is for another address. Use the name in the certificate instead of the IP address",
    **dict.fromkeys(
        (18, 19, 20, 21),
        "is self-signed or comes from an authority that Gatehouse does not know. "
        "If it is one of your own, paste its certificate under “Own certificate authority”",
    ),
}
_UNREADABLE = {
    http.client.BadStatusLine,
    http.client.HTTPException,
    http.client.LineTooLong,
    http.client.UnknownProtocol,
}
_NO_MODERN_TLS = {
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "WRONG_VERSION_NUMBER",
}


def explained(
    error: HTTPError, host: str, status: int | None, seconds: float
) -> Unavailable | Misconfigured:
    """The error to raise; `status` is that of an answer that had begun, if one had."""
    cause = error.args[-1] if error.args else None
    if isinstance(error, SSLError) and (reason := _distrust(host, cause)):
        return Misconfigured(reason)
    if isinstance(error, ReadTimeoutError) or isinstance(cause, TimeoutError):
        did = "did not answer" if status is None else "did not finish its answer"
        text = f"{host} {did} within {max(1, round(seconds))} seconds."
    elif isinstance(error, EmptyPoolError):
        text = f"Too many requests to {host} are under way."
    elif isinstance(error, DecodeError):
        text = f"{host} sent a compressed answer that cannot be unpacked."
    elif status is not None:
        text = f"{host} broke off in the middle of its answer."
    elif isinstance(error, InvalidHeader) or type(cause) in _UNREADABLE:
        text = f"{host} sent headers that Gatehouse cannot read: broken, too long or too many."
    else:
        text = f"{host} closed the connection without an answer."
    return Unavailable(f"{text} {wire.AGAIN}", http_status=status)


def _distrust(host: str, cause: object) -> str:
    """Why the host is not trusted, or nothing if the secure connection just broke."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = _CERTIFICATE.get(cause.verify_code, f"is refused: {cause.verify_message}")
        return f"The certificate of {host} {reason}. Nothing was sent."
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_MODERN_TLS:
        return (
            f"{host} does not speak TLS 1.2 or newer at this port. Check the address and the port. "
            "Nothing was sent."
        )
    return ""
