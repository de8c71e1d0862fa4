"""scim2-server, which nobody here wrote, and what it holds, read without the product."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from provisioning import serving

TOKEN = "a-token-that-nobody-shows"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_READY_WITHIN = 60.0

Document = dict[str, Any]


@contextmanager
def scim2_server(*more: str) -> Iterator[str]:
    """The address of a server that makes a tenant, /NAME/v2, on the first request to it.

    `more` is further arguments of its command line.
    """
    program = Path(sys.executable).with_name("scim2-server")
    port = serving.free_port(0)
    process = subprocess.Popen(
        [program, "--port", str(port), "--bearer-token", TOKEN, "--dynamic-tenants", *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/ready/v2/Users", process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + _READY_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            requests.get(url, timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise RuntimeError("scim2-server did not start")


@dataclass
class Target:
    """One tenant of an application, seen by its own administrator."""

    base_url: str
    token: str = TOKEN
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def users(self) -> list[Document]:
        """Every user there is."""
        page = self._ask("GET", "/Users", params={"count": 1000})
        assert len(page["Resources"]) == page["totalResults"]
        found: list[Document] = page["Resources"]
        return found

    def names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users())

    def active_names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users() if user.get("active"))

    def user(self, name: str) -> Document:
        """The one user with this name."""
        (found,) = [user for user in self.users() if user["userName"] == name]
        return found

    def add(self, name: str, /, **attributes: Any) -> Document:
        """A user that somebody makes in the application itself."""
        body = {"schemas": [CORE_USER], "active": True, "userName": name, **attributes}
        return self._ask("POST", "/Users", json=body)

    def remove(self, name: str) -> None:
        self._ask("DELETE", f"/Users/{self.user(name)['id']}")

    def _ask(self, method: str, path: str, **options: Any) -> Document:
        reply = self._session.request(method, self.base_url + path, timeout=30, **options)
        reply.raise_for_status()
        body: Document = reply.json() if reply.content else {}
        return body

    def close(self) -> None:
        self._session.close()


def fresh_tenant(server: str) -> Target:
    return Target(f"{server}/{uuid.uuid4().hex}/v2")
