"""The folder of this machine: its database and the keys that were made on the first start."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet


def secret_key(folder: Path) -> str:
    """The key that signs sessions, made on the first start."""
    return _kept(folder / "secret.key", make=lambda: secrets.token_urlsafe(64))


def encryption_key(folder: Path) -> str:
    """The key that encrypts the applications' secrets, made on the first start.

    It is not derived from the session key: that one may be changed at any time, this one must not.
    """
    return _kept(folder / "encryption.key", make=lambda: Fernet.generate_key().decode())


def key_files(folder: Path) -> list[Path]:
    """Where the keys are that this machine made, if it made them."""
    return [folder / "secret.key", folder / "encryption.key"]


def _kept(path: Path, *, make: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(make())
        # Of two processes that start at once one wins the name, and both read the winner's key.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="utf-8").strip()
