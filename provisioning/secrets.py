"""Encrypts what an administrator types into a secret field, and decrypts it for the connector."""

import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from iam import logs


class Unreadable(Exception):
    """The stored secrets were encrypted with a key that is not here any more."""


def seal(values: Mapping[str, str]) -> str:
    """The encrypted form to store; empty for no secrets at all."""
    if not values:
        return ""
    return (
        _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(json.dumps(dict(values)).encode()).decode()
    )


def unseal(stored: str) -> dict[str, str]:
    """What `seal` was given. Raises Unreadable when none of the keys fits."""
    if not stored:
        return {}
    try:
        opened = _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(stored.encode())
    except InvalidToken as error:
        raise Unreadable(
            "The stored token cannot be read, because the encryption key has changed. Put the old "
            "key back into GATEHOUSE_ENCRYPTION_KEYS, or enter the token again."
        ) from error
    values: dict[str, str] = json.loads(opened)
    logs.keep_out(values.values())
    return values


def is_current(stored: str) -> bool:
    """Whether it was encrypted with the first key, so that the others are not needed for it."""
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(stored.encode())
    except InvalidToken:
        return not stored
    return True


@lru_cache(maxsize=1)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
