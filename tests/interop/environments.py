"""Makes what the independent services need, each in a folder of its own that is kept for later."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = Path(__file__).resolve().parent / "servers"
KEPT = ROOT / ".interop"

_OLDEST_NODE = 18


class NotHere(Exception):
    """This machine lacks something; the message says what."""


def python(name: str) -> Path:
    """The Python of a virtual environment that holds what servers/NAME/requirements.txt pins."""
    pinned = SERVERS / name / "requirements.txt"
    folder = KEPT / name
    program = folder / "bin" / "python"
    if _is_made(folder, pinned):
        return program
    shutil.rmtree(folder, ignore_errors=True)
    # Without pip, as some systems ship Python without ensurepip; ours installs into it.
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip = (sys.executable, "-m", "pip", "--python", str(program), "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--no-deps", "--requirement", str(pinned))
    _mark(folder, pinned)
    return program


def node(name: str) -> Path:
    """A folder with servers/scimmy/server.mjs and the packages of servers/scimmy/NAME."""
    _look_for_node()
    source = SERVERS / "scimmy" / name
    lock = source / "package-lock.json"
    folder = KEPT / f"scimmy-{name}"
    if not _is_made(folder, lock):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in (source / "package.json", lock):
            shutil.copy(file, folder)
        options = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        _run("npm", "ci", *options, folder=folder)
        _mark(folder, lock)
    shutil.copy(SERVERS / "scimmy" / "server.mjs", folder)
    return folder


def _look_for_node() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise NotHere(f"needs Node.js {_OLDEST_NODE} or newer, with npm")
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(told.lstrip("v").partition(".")[0]) < _OLDEST_NODE:
        raise NotHere(f"needs Node.js {_OLDEST_NODE} or newer; this one is {told.strip()}")


def _is_made(folder: Path, pinned: Path) -> bool:
    """Whether it was finished, and from these versions."""
    mark = folder / "made-from"
    return mark.exists() and mark.read_bytes() == pinned.read_bytes()


def _mark(folder: Path, pinned: Path) -> None:
    shutil.copy(pinned, folder / "made-from")


def _run(*command: str, folder: Path = ROOT) -> None:
    said = subprocess.run(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_env()
    )
    if said.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said.stdout[-3000:]}")


def _env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
