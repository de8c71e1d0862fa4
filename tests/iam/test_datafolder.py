"""The keys of a machine are made once, belong to it alone, and are the same for every process."""

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from iam import datafolder

KEYS = {"secret.key": datafolder.secret_key, "encryption.key": datafolder.encryption_key}


@pytest.fixture(params=KEYS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def key(name: str) -> Callable[[Path], str]:
    return KEYS[name]


def test_a_key_is_made_on_the_first_start_and_stays(
    tmp_path: Path, name: str, key: Callable[[Path], str]
) -> None:
    folder = tmp_path / "new" / "folder"
    first = key(folder)
    assert len(first) >= 43
    assert key(folder) == first
    assert [file.name for file in folder.iterdir()] == [name]


def test_nobody_else_on_the_machine_can_read_it(
    tmp_path: Path, name: str, key: Callable[[Path], str]
) -> None:
    key(tmp_path)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_two_machines_have_different_keys(tmp_path: Path, key: Callable[[Path], str]) -> None:
    assert key(tmp_path / "one") != key(tmp_path / "two")


def test_a_key_that_somebody_put_there_is_used(
    tmp_path: Path, name: str, key: Callable[[Path], str]
) -> None:
    (tmp_path / name).write_text("theirs\n")
    assert key(tmp_path) == "theirs"


def test_the_encryption_key_can_encrypt(tmp_path: Path) -> None:
    cipher = Fernet(datafolder.encryption_key(tmp_path))
    assert cipher.decrypt(cipher.encrypt(b"token")) == b"token"


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path, name: str) -> None:
    function = KEYS[name].__name__
    # All of them wait for the line on their input, so that they ask together.
    code = (
        "import pathlib, sys; from iam import datafolder; print('ready', flush=True); "
        f"sys.stdin.readline(); print(datafolder.{function}(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, tmp_path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(6)]  # type: ignore[call-overload]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate()[0].strip() for process in started}
    assert answers == {KEYS[name](tmp_path)}
    assert [file.name for file in tmp_path.iterdir()] == [name]
