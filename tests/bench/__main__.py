"""python -m tests.bench: what the product costs, in one table; see `make bench`.

SIZE=0.1 measures with a tenth of the people, ONLY=a,d just these figures. Writes bench.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

FIGURES = "abcdefgh"


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        _prepare(Path(folder))
        from tests.bench.figures import Figure, table
        from tests.bench.server import running

        found: list[Figure] = []
        began = time.monotonic()
        with running() as server:
            for key, measure in _measures().items():
                if key not in arguments.only:
                    continue
                for figure in measure(server, Path(folder), size=arguments.size):
                    found.append(figure)
                    sys.stderr.write(f"{' '.join(filter(None, figure.row()))}\n")
    sys.stdout.write(f"{table(found)}\n")
    _write(found, size=arguments.size, seconds=time.monotonic() - began)
    return 1 if any(figure.missed for figure in found) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    add = parser.add_argument
    add("--size", type=float, default=float(os.environ.get("SIZE") or 1))
    add("--only", default=os.environ.get("ONLY") or FIGURES, help=f"of {FIGURES}")
    return parser.parse_args()


def _prepare(folder: Path) -> None:
    """Settings as of a new installation, with a data folder of the run's own."""
    for name in [name for name in os.environ if name.startswith("GATEHOUSE_")]:
        # Those for tests say where servers are that (h) may use.
        if not name.startswith("GATEHOUSE_TEST_"):
            del os.environ[name]
    os.environ["GATEHOUSE_DATA_DIR"] = str(folder)
    # Said in so many words, or a file `.env` could name the database of a running portal.
    os.environ["GATEHOUSE_DATABASE_URL"] = f"sqlite:///{folder / 'gatehouse.sqlite3'}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "iam.settings"
    # An application that does not answer is part of it, and no news.
    os.environ["GATEHOUSE_LOG_LEVEL"] = "ERROR"
    django.setup()


def _measures() -> dict[str, Callable[..., Iterator[object]]]:
    """What measures each of the figures, given the server, a folder and the size."""
    from tests.bench import latency, marking, pushing, scaling

    return {
        "a": pushing.throughput,
        "b": marking.unchanged,
        "c": marking.one_more,
        "d": marking.many_at_once,
        "e": latency.commit_to_request,
        "f": latency.beside_a_dead_one,
        "g": pushing.memory,
        "h": scaling.two_workers,
    }


def _write(found: list[Any], *, size: float, seconds: float) -> None:
    told = {
        "size": size,
        "processors": os.cpu_count(),
        "seconds": round(seconds),
        "figures": [figure.told() for figure in found],
    }
    Path("bench.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
