"""How a service is started, waited for, and stopped with all that it started."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

TOKEN = "a-token-that-nobody-shows"

_READY_WITHIN = 60.0


@dataclass(frozen=True)
class Target:
    """One service. `command` is given a port and a folder that lasts for one run."""

    name: str
    versions: str
    base_path: str
    command: Callable[[int, Path], Sequence[str]]
    # Makes what it needs. Raises NotHere.
    prepare: Callable[[], object] = field(default=lambda: None)

    @contextmanager
    def running(self, folder: Path) -> Iterator[str]:
        """Its SCIM Base URL, while it runs."""
        port = _free_port()
        log = folder / "service.log"
        with log.open("wb") as output:
            # It leads a group of its own, so that whatever it starts ends with it.
            process = subprocess.Popen(
                self.command(port, folder),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                address = f"http://127.0.0.1:{port}{self.base_path}"
                self._wait(address, process, log)
                yield address
            finally:
                _stop(process)

    def _wait(self, address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        give_up = time.monotonic() + _READY_WITHIN
        while time.monotonic() < give_up and process.poll() is None:
            with suppress(requests.ConnectionError):
                headers = {"Authorization": f"Bearer {TOKEN}"}
                requests.get(f"{address}/Users", headers=headers, timeout=5)
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start:\n{log.read_text()[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
