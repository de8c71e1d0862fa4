"""Reads variables of the environment: one that is set in the wrong way is named, not guessed at."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from environ import Env

Value = TypeVar("Value")

_DATABASES = {"django.db.backends.postgresql", "django.db.backends.sqlite3"}
_YES, _NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def whether(env: Env, name: str) -> bool:
    """False if nothing is said."""
    text = env.str(name, default="").strip().casefold() or "false"
    if text not in _YES | _NO:
        raise _unusable(name, "Write true or false.")
    return text in _YES


def one_of(env: Env, name: str, *choices: str) -> str:
    """The first one if nothing is said."""
    text = str(env.str(name, default=choices[0]))
    if text not in choices:
        raise _unusable(name, f"Write one of: {', '.join(choices)}.")
    return text


def number(env: Env, name: str, *, default: int) -> int:
    return int(_read(name, lambda: env.int(name, default=default), "Write a whole number."))


def zone(env: Env, name: str, *, default: str) -> str:
    text = str(env.str(name, default=default))
    return _read(name, lambda: ZoneInfo(text).key, "Write the name of a time zone: Europe/Paris.")


def keys(env: Env, name: str) -> list[str]:
    """Fernet keys with commas between them; none if nothing is said."""
    found = [str(key) for key in env.list(name, default=[])]
    _read(name, lambda: [Fernet(key) for key in found], "It holds what is no Fernet key.")
    return found


def database(env: Env, name: str, *, default: str) -> dict[str, Any]:
    wanted = "Write an address such as postgres://user:password@host:5432/name."
    with warnings.catch_warnings():
        # It warns of what is said in a sentence here.
        warnings.simplefilter("ignore")
        found: dict[str, Any] = _read(name, lambda: env.db(name, default=default), wanted)
    if found.get("ENGINE") not in _DATABASES:
        raise _unusable(name, wanted)
    return found


def _read(name: str, value: Callable[[], Value], wanted: str) -> Value:
    try:
        return value()
    except (ValueError, KeyError, OSError, ImproperlyConfigured) as error:
        raise _unusable(name, wanted) from error


def _unusable(name: str, wanted: str) -> ImproperlyConfigured:
    # Without the value: it may hold a password.
    return ImproperlyConfigured(f"{name} cannot be used as it is set. {wanted}")
