"""What is typed into a secret field is stored in a form that only this portal can read."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from iam import datafolder
from provisioning import secrets
from provisioning.models import App
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
VALUES = {"token": "a-token-that-nobody-shows", "client_secret": "ö “x” \n \U0001f511"}


@pytest.fixture
def keys(settings: Any) -> Any:
    """Say which keys the portal has: `keys(NEW, OLD)`."""

    def have(*keys: str) -> None:
        settings.ENCRYPTION_KEYS = list(keys)

    have(OLD)
    return have


def test_what_was_sealed_comes_back_as_it_was(keys: Any) -> None:
    assert secrets.unseal(secrets.seal(VALUES)) == VALUES


def test_nothing_is_stored_for_no_secrets(keys: Any) -> None:
    assert secrets.seal({}) == ""
    assert secrets.unseal("") == {}


def test_nothing_of_it_can_be_read(keys: Any) -> None:
    sealed = secrets.seal(VALUES)
    assert not any(part in sealed for part in (*VALUES, *VALUES.values(), "token"))


def test_the_same_secret_never_looks_the_same_twice(keys: Any) -> None:
    assert secrets.seal(VALUES) != secrets.seal(VALUES)


def test_two_installations_cannot_read_each_others_secrets(keys: Any, tmp_path: Path) -> None:
    ours, theirs = (datafolder.encryption_key(tmp_path / name) for name in ("ours", "theirs"))
    assert ours != theirs
    keys(ours)
    sealed = secrets.seal(VALUES)
    keys(theirs)
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(sealed)


def test_an_installation_keeps_its_key(tmp_path: Path) -> None:
    assert datafolder.encryption_key(tmp_path) == datafolder.encryption_key(tmp_path)
    assert (tmp_path / "encryption.key").stat().st_mode & 0o077 == 0


# ------------------------------------------------------------------------------ changing the key


def test_after_a_new_key_is_put_in_front_the_old_secrets_are_read(keys: Any) -> None:
    sealed = secrets.seal(VALUES)
    keys(NEW, OLD)
    assert secrets.unseal(sealed) == VALUES


def test_the_key_in_front_seals(keys: Any) -> None:
    keys(NEW, OLD)
    sealed = secrets.seal(VALUES)
    keys(NEW)
    assert secrets.unseal(sealed) == VALUES
    keys(OLD)
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(sealed)


def test_without_the_old_key_the_sentence_says_what_to_do(keys: Any) -> None:
    sealed = secrets.seal(VALUES)
    keys(NEW)
    with pytest.raises(secrets.Unreadable) as caught:
        secrets.unseal(sealed)
    assert "Put the old key back into GATEHOUSE_ENCRYPTION_KEYS" in str(caught.value)
    assert "enter the token again" in str(caught.value)


@pytest.mark.parametrize("damage", [lambda s: s[:-9], lambda s: "x" + s, lambda s: "é", str.upper])
def test_what_was_damaged_is_unreadable_and_not_something_else(keys: Any, damage: Any) -> None:
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(damage(secrets.seal(VALUES)))


# ------------------------------------------------------------------------------- in the database


def test_the_database_holds_no_secret_in_clear(make_app: MakeApp, faulty: FaultyScim) -> None:
    app = make_app(faulty, kind="zoom")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM provisioning_app")
        row = str(cursor.fetchall())
    assert faulty.base_url in row
    assert faulty.token not in row
    assert App.objects.get(pk=app.pk).secrets == {"token": faulty.token}


def test_a_copy_of_the_whole_database_holds_none_either(
    make_app: MakeApp, faulty: FaultyScim, tmp_path: Path
) -> None:
    make_app(faulty)
    call_command("dumpdata", output=str(tmp_path / "copy.json"), verbosity=0)
    copy = (tmp_path / "copy.json").read_text(encoding="utf-8")
    assert faulty.base_url in copy
    assert faulty.token not in copy


def test_secrets_that_cannot_be_read_count_as_not_stored(
    make_app: MakeApp, faulty: FaultyScim, keys: Any
) -> None:
    app = make_app(faulty)
    assert app.stored_secrets == {"token"}
    keys(NEW)
    assert app.stored_secrets == frozenset()
    with pytest.raises(secrets.Unreadable):
        _ = app.config
