"""Signs messages by the scheme of Standard Webhooks, so that receivers know who sent them. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
# Bytes of a secret; the scheme allows no others.
LEAST, MOST = 24, 64
_NEW = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW)).decode()


def clean_secret(text: str) -> str:
    """A secret that somebody else made, without the blanks around it.

    Raises ValueError with a sentence if it cannot be one.
    """
    text = text.strip()
    try:
        count = len(_key(text))
    except (ValueError, binascii.Error):
        count = 0
    if not text.startswith(PREFIX) or not LEAST <= count <= MOST:
        raise ValueError(
            f"A secret is “{PREFIX}” and then {LEAST} to {MOST} random bytes in Base64: what "
            f"“openssl rand -base64 {_NEW}” prints."
        )
    return text


def headers(
    message_id: str, body: bytes, *, at: datetime, secrets: Iterable[str]
) -> dict[str, str]:
    """What the receiver checks: an id, the time, and a signature with each secret."""
    seconds = int(at.timestamp())
    signed = f"{message_id}.{seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(signed, secret) for secret in secrets),
    }


def _signature(signed: bytes, secret: str) -> str:
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
