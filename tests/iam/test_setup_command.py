"""`manage.py setup` makes an empty machine ready, and can be run again without harm."""

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def setup(folder: Path, *more: str) -> str:
    """What the command prints, run as an administrator runs it."""
    kept = {key: value for key, value in os.environ.items() if "GATEHOUSE" not in key}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "manage.py", "setup", *more],
        cwd=ROOT,
        env={**kept, "GATEHOUSE_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder, and what the first and the second run printed."""
    folder = tmp_path_factory.mktemp("machine") / "data"
    return folder, setup(folder), setup(folder)


def test_the_first_run_shows_a_one_time_password(outputs: tuple[Path, str, str]) -> None:
    _, first, _ = outputs
    pattern = r"Sign in as admin with the one-time password \w{5}-\w{5}-\w{5}\n"
    assert re.search(pattern, first)
    assert "You will be asked to choose a password of your own." in first


def test_a_second_run_shows_none_and_says_what_to_do_without(
    outputs: tuple[Path, str, str],
) -> None:
    _, _, second = outputs
    assert second == "Ready. (Lost the password? manage.py changepassword NAME)\n"


def test_there_is_one_operator_whose_password_must_be_changed(
    outputs: tuple[Path, str, str],
) -> None:
    folder, first, _ = outputs
    database = sqlite3.connect(folder / "gatehouse.sqlite3")
    rows = database.execute("SELECT username, password, password_is_temporary FROM iam_operator")
    ((name, stored, temporary),) = rows.fetchall()
    database.close()
    assert (name, bool(temporary)) == ("admin", True)
    assert re.findall(r"\w{5}-\w{5}-\w{5}", first)[0] not in stored


def test_the_keys_are_there_for_their_owner_only(outputs: tuple[Path, str, str]) -> None:
    folder, _, _ = outputs
    for name in ("secret.key", "encryption.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_with_json_it_is_one_object_with_the_password_only_once(tmp_path: Path) -> None:
    first, second = (json.loads(setup(tmp_path, "--json")) for _ in range(2))
    assert re.fullmatch(r"\w{5}-\w{5}-\w{5}", first.pop("one_time_password"))
    assert first == {"ready": True, "operator": "admin"}
    assert second == {"ready": True}


def test_a_database_that_is_away_is_a_sentence_and_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "setup", "--json"],
        cwd=ROOT,
        env={
            **{key: value for key, value in os.environ.items() if "GATEHOUSE" not in key},
            "DJANGO_SETTINGS_MODULE": "iam.settings",
            "GATEHOUSE_DATA_DIR": str(tmp_path),
            "GATEHOUSE_DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        },
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "The database does not answer as it should. Check GATEHOUSE_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
