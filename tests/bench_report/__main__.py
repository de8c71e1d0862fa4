"""python -m tests.bench_report: what the report costs with millions of events; `make bench-report`.

DB=postgres measures on PostgreSQL, EVENTS=1000000 with so many events alone. Ends with 1, and says
which, if a limit is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django

from tests.bench.figures import Figure, table
from tests.chaos.database import own_database

_EXPORTED = 1_000_000
# Times the bare SQL, times what a tenth of the events took, megabytes.
_SLOWER, _GROWN, _MEMORY = 3, 1.5, 50


def main() -> int:
    arguments = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-report-")))
        os.environ["GATEHOUSE_DATA_DIR"] = str(folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "iam.settings"
        os.environ["GATEHOUSE_DATABASE_URL"] = (
            stack.enter_context(own_database())
            if arguments.db == "postgres"
            else f"sqlite:///{folder / 'gatehouse.sqlite3'}"
        )
        django.setup()
        figures = list(_measured(arguments.events))
    sys.stdout.write(f"{table(figures)}\n")
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        sys.stdout.write(f"MISSED: {' '.join(filter(None, figure.row()))}\n")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-report", description=__doc__)
    add = parser.add_argument
    add("--db", choices=["sqlite", "postgres"], default="sqlite")
    add(
        "--events",
        type=lambda text: [int(number) for number in text.split(",")],
        default=[1_000_000, 10_000_000],
        help="how many, one number after the other: 1000000,10000000",
    )
    return parser.parse_args()


def _measured(sizes: list[int]) -> Iterator[Figure]:
    from django.core.management import call_command
    from django.db import connections

    from tests.bench_report.fill import fill

    call_command("migrate", verbosity=0)
    before: dict[str, float] = {}
    for events in sizes:
        began = time.monotonic()
        fill(events)
        _say(f"{events:,} events are there after {time.monotonic() - began:.0f} s.")
        found: dict[str, float] = {}
        yield from _searches(events, found)
        yield from _charts(events, found)
        for name, took in found.items():
            if name in before:
                yield Figure("growth", name, took, "ms", before[name], at_most=_GROWN)
        before = found
        yield from _writing(events)
    connections.close_all()
    yield from _export(min(_EXPORTED, sizes[-1]))


def _searches(events: int, found: dict[str, float]) -> Iterator[Figure]:
    from tests.bench_report.searching import times

    for each in times(events):
        _say(each.line())
        name = f"{each.question}, page {each.page}"
        found[name] = each.ours.at_best
        yield Figure(
            "search",
            f"{name}, of {events:,}",
            each.ours.at_best,
            "ms",
            each.bare.at_best,
            at_most=_SLOWER,
        )


def _charts(events: int, found: dict[str, float]) -> Iterator[Figure]:
    from tests.bench_report.searching import charts

    for name, took in charts():
        found[name] = took
        yield Figure("chart", f"{name}, of {events:,}", took, "ms")


def _writing(events: int) -> Iterator[Figure]:
    from tests.bench_report.writing import costs

    for name, ours, bare in costs():
        yield Figure("write", f"{name}, beside {events:,}", ours, "µs an event", bare)


def _export(rows: int) -> Iterator[Figure]:
    """In a process of its own, whose memory has nothing else in it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_report.exporting", str(rows)],
        check=True,
        stdout=subprocess.PIPE,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    name = f"export of {told['rows']:,} events as CSV"
    yield Figure("export", name, told["rows"] / told["seconds"], "/s")
    yield Figure("export", f"{name}: memory", told["growth"], "MB", at_most=_MEMORY)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
