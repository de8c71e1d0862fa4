"""How commands end when nobody reads them, nothing can be written, or Ctrl-C is pressed."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import portal

# Each with something to say, on a machine that was set up.
COMMANDS = [
    ["apps"],
    ["import-users", "people.csv", "--dry-run"],
    ["create-token", "admin", "--name", "x"],
]
GROUP = "gatehouse_configuration: 1\ngroups:\n  Partners:\n    description: Others\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a command needs to know of a portal that is set up."""
    folder = tmp_path_factory.mktemp("portal")
    ours = portal.environment(folder)
    # As an operator has it: what is said is kept back until there is enough of it, or the end.
    ours.pop("PYTHONUNBUFFERED", None)
    subprocess.run(portal.manage("setup"), env=ours, cwd=portal.ROOT, check=True)
    (folder / "people.csv").write_text("username\nbea@example.org\n")
    (folder / "group.yaml").write_text(GROUP)
    return ours


def given(command: list[str], here: dict[str, str], out: int) -> subprocess.CompletedProcess[str]:
    folder = here["GATEHOUSE_DATA_DIR"]
    command = [f"{folder}/{each}" if "." in each else each for each in command]
    return subprocess.run(
        portal.manage(*command),
        env=here,
        cwd=portal.ROOT,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_whoever_has_seen_enough_is_told_no_more(here: dict[str, str], command: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    ended = given(command, here, writes)
    os.close(writes)
    assert (ended.returncode, "Broken pipe" in ended.stderr) == (1, False), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_full_disk_is_said_in_a_sentence(here: dict[str, str], command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = given(command, here, full.fileno())
    assert ended.returncode == 1
    assert "It could not go on" in ended.stderr and "No space left" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_command_that_was_started_without_an_output_works(here: dict[str, str]) -> None:
    command = ["sh", "-c", '"$@" >&- 2>&-', "-", *portal.manage("apps")]
    assert subprocess.run(command, env=here, cwd=portal.ROOT, timeout=60).returncode == 0


def at_a_terminal(here: dict[str, str], *options: str, answer: bytes) -> tuple[int, str]:
    """What `import-config` says to somebody who answers its question in this way."""
    file = f"{here['GATEHOUSE_DATA_DIR']}/group.yaml"
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(portal.ROOT)
        command = portal.manage("import-config", file, *options)
        os.execve(command[0], command, here)  # noqa: S606 - our own program
    said = b""
    while part := _read(terminal):
        said += part
        if said.endswith(b"Go on? "):
            # Ctrl-C before Python has begun to read would be seen with the next key only.
            time.sleep(1)
            os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # How Linux says that nobody writes there any more.
        return b""


@pytest.mark.parametrize("key", [b"\x04", b"no\n", b"\n"], ids=["Ctrl-D", "no", "enter"])
def test_whoever_does_not_say_yes_has_changed_nothing(here: dict[str, str], key: bytes) -> None:
    status, said = at_a_terminal(here, answer=key)
    assert (status, "Nothing was changed" in said, "Traceback" in said) == (2, True, False), said


def test_ctrl_c_at_the_question_is_a_sentence(here: dict[str, str]) -> None:
    status, said = at_a_terminal(here, answer=b"\x03")
    assert (status, "Interrupted." in said, "Traceback" in said) == (1, True, False), said


def test_a_program_that_asks_for_json_is_asked_nothing(here: dict[str, str]) -> None:
    status, said = at_a_terminal(here, "--json", answer=b"yes\n")
    assert (status, "Go on?" in said) == (2, False), said
