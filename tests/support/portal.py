"""The portal as an operator starts it: `manage.py setup`, then `manage.py serve`, by themselves."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from provisioning import serving

ROOT = Path(__file__).resolve().parents[2]

_READY_WITHIN = 60.0
_PASSWORD = re.compile(r"one-time password (\S+)")


@dataclass(frozen=True)
class Portal:
    """A running, empty portal and the sign-in that its set-up printed."""

    address: str
    username: str
    password: str


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing of the test run's own settings, and a data folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GATEHOUSE_", "DJANGO"))}
    return {**kept, "GATEHOUSE_DATA_DIR": str(folder), **settings}


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Portal]:
    """A portal with this data folder, stopped at the end as an operator stops it."""
    ours = environment(folder, **settings)
    said = subprocess.run(
        manage("setup"), env=ours, check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    found = _PASSWORD.search(said)
    assert found, said
    port = serving.free_port(0)
    process = subprocess.Popen(
        manage("serve", "--port", str(port)), env=ours, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield Portal(address, "admin", found[1])
        process.terminate()
        assert process.wait(timeout=60) == 0, "the portal did not stop cleanly"
    finally:
        process.kill()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + _READY_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            requests.get(address, timeout=5, allow_redirects=False)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise RuntimeError("the portal did not start")
