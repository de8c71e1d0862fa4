"""What the programme asks of the kernel about its processes, each of which leads a group."""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent(**_: Any) -> None:
    """Should the programme itself be killed, nothing of it goes on."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def lead_group(pid: int = 0) -> None:
    """Whatever the process starts is met by what is sent to it. Parent and child both say so."""
    os.setpgid(pid, pid)


def send(pid: int, number: int) -> None:
    """To the process and all that it started, as far as there is somebody left."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def frozen(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"
