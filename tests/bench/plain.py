"""The baseline of a push: a bare thread pool of `requests` that sends the same bodies.

python -m tests.bench.plain URL BODIES THREADS; what it took is written as JSON.
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

_SCIM = "application/scim+json"
_own = threading.local()


def _push(url: str, name: str, body: dict[str, object]) -> None:
    """One search and one create, as a first push of the product is."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
        _own.session.headers.update({"Accept": _SCIM, "Authorization": "Bearer bench"})
    found = _own.session.get(f"{url}/Users", params={"filter": f'userName eq "{name}"'}, timeout=30)
    if found.json()["totalResults"]:
        raise RuntimeError("the baseline must begin with an empty application")
    made = _own.session.post(f"{url}/Users", json=body, headers={"Content-Type": _SCIM}, timeout=30)
    if not made.json()["id"]:
        raise RuntimeError("the application did not create the account")


def main() -> None:
    url, bodies, threads = sys.argv[1:]
    people = json.loads(Path(bodies).read_text())
    began, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(int(threads)) as pool:
        for future in [pool.submit(_push, url, name, body) for name, body in people]:
            future.result()
    json.dump({"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}, sys.stdout)


if __name__ == "__main__":
    main()
