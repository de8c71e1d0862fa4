"""Starts scim2-server, which nobody here wrote, as the stand-in for a Zoom tenant."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from provisioning import serving

TOKEN = "demo-token"  # noqa: S105 - guards nothing: an empty server on loopback
_READY_WITHIN = 30.0


class NotStarted(Exception):
    """The stand-in did not start; the message says why."""


@dataclass(frozen=True)
class StandIn:
    base_url: str

    def users(self) -> list[dict[str, object]]:
        """Every user the server holds, asked over HTTP and not through the product."""
        found: list[dict[str, object]] = []
        while True:
            page = requests.get(
                f"{self.base_url}/Users",
                params={"startIndex": str(len(found) + 1), "count": "100"},
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
            )
            page.raise_for_status()
            listed = page.json().get("Resources", [])
            found += listed
            if not listed or len(found) >= page.json()["totalResults"]:
                return found


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in that is ready to answer, stopped at the end. Raises NotStarted."""
    program = Path(sys.executable).with_name("scim2-server")
    if not program.exists():
        raise NotStarted(
            "scim2-server, the stand-in for Zoom, is not installed here. Run “make install” first."
        )
    port = serving.free_port(0)
    command = [str(program), "--hostname", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 - our own virtual environment's program
        [*command, "--bearer-token", TOKEN], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        standin = StandIn(f"http://127.0.0.1:{port}/v2")
        _wait(standin, process)
        yield standin
    finally:
        process.terminate()
        process.wait()


def _wait(standin: StandIn, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + _READY_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            standin.users()
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise NotStarted(f"scim2-server did not answer within {_READY_WITHIN:.0f} seconds.")
