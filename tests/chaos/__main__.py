"""python -m tests.chaos: the fault programme from the command line, see `make chaos`."""

import argparse
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import django

from tests.chaos.database import own_database

if TYPE_CHECKING:
    from tests.chaos.broker import Queue
    from tests.chaos.programme import Outcome

_KINDS = (
    *("duplicates", "missing", "wrong", "unreported", "invented"),
    *("concurrent", "touched_strangers", "over_removed"),
)


def main() -> int:
    arguments = _arguments()
    # So that what is open is closed, whoever ends the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-chaos-"))
    os.environ["GATEHOUSE_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "iam.settings"
    os.environ.pop("GATEHOUSE_DATABASE_URL", None)
    with ExitStack() as stack:
        if arguments.db == "postgres":
            os.environ["GATEHOUSE_DATABASE_URL"] = stack.enter_context(own_database())
        django.setup()
        status = _run(arguments, folder, stack)
    if status == 0:
        # Only what went wrong is worth keeping: logs, and evidence.json with the whole journal.
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    add = parser.add_argument
    add("--kills", type=int, default=60)
    add("--pauses", type=int, default=20)
    add("--seed", type=int, default=secrets.randbelow(1_000_000))
    add("--db", choices=["sqlite", "postgres"], default="sqlite")
    add("--driver", choices=["embedded", "celery"], default="embedded")
    add("--mutant", default="")
    add("--workers", type=int, default=0, help="one on SQLite, three on PostgreSQL")
    add("--people", type=int, default=100)
    add("--lease", type=float, default=3.0, help="seconds; everything else is in proportion")
    add("--no-sweep", action="store_true", help="no routine check, and only edits with a signal")
    add("--blows", default="", help="only these, with commas: worker,writer,committed,effect,…")
    add("--faults", type=float, default=0.15, help="share of the requests that fail")
    arguments = parser.parse_args()
    if arguments.driver == "celery" and arguments.db == "sqlite":
        parser.error("Celery works on PostgreSQL only: say DB=postgres (--db postgres) as well.")
    return arguments


def _run(arguments: argparse.Namespace, folder: Path, stack: ExitStack) -> int:
    from django.db import connection

    from tests.chaos.mutants import MUTANTS
    from tests.chaos.programme import FaultServer, Options, Programme

    if arguments.mutant not in {"", *MUTANTS}:
        sys.stderr.write(f"MUTANT is one of {', '.join(MUTANTS)}.\n")
        return 2
    options = Options(
        kills=arguments.kills,
        pauses=arguments.pauses,
        seed=arguments.seed,
        mutant=arguments.mutant,
        workers=arguments.workers or (3 if arguments.db == "postgres" else 1),
        people=arguments.people,
        lease=arguments.lease,
        sweeps=not (arguments.no_sweep or arguments.mutant == "on-commit-only"),
        blows=tuple(filter(None, arguments.blows.split(","))),
        faults=arguments.faults,
        queue=_queue(stack) if arguments.driver == "celery" else None,
    )
    sys.stdout.write(
        f"seed={options.seed} db={connection.vendor} driver={arguments.driver} "
        f"workers={options.workers} mutant={options.mutant or 'none'}; logs in {folder}\n"
    )
    sys.stdout.flush()
    began = time.monotonic()
    server = FaultServer(folder, seed=options.seed, people=options.people)
    outcome = Programme(options, folder, stack.enter_context(server)).run()
    return _told(outcome, time.monotonic() - began, driver=arguments.driver)


def _queue(stack: ExitStack) -> "Queue":
    from redis import ConnectionError

    from tests.chaos.broker import own_queue

    try:
        return stack.enter_context(own_queue())
    except ConnectionError as error:
        raise SystemExit(f"Celery needs Redis (GATEHOUSE_TEST_REDIS): {error}") from error


def _told(outcome: "Outcome", seconds: float, *, driver: str) -> int:
    from tests.chaos.checker import counted

    say = sys.stdout.write
    found = counted(outcome.violations)
    counts = " ".join(f"{kind}={found[kind]}" for kind in _KINDS)
    where = ", ".join(f"{name} {times}" for name, times in sorted(outcome.where.items()))
    say(f"blows: {where}\n")
    for story in outcome.stories:
        say(f"{story}\n")
    say(
        f"kills={outcome.kills} pauses={outcome.pauses} changes={outcome.changes} {counts} "
        f"undrained={outcome.left} crashed={outcome.crashes} lost_leases={outcome.losses} "
        f"requests={outcome.requests} effects={outcome.effects} seconds={seconds:.0f} "
        f"driver={driver}\n"
    )
    if not outcome.complete:
        say("The time was up before there were as many kills and pauses as asked for.\n")
    bad = outcome.violations or outcome.left or outcome.crashes or not outcome.complete
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
