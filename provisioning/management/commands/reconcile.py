"""manage.py reconcile: compare every account of an application with the application itself."""

import sys
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from iam.text import normalise
from provisioning import reconcile
from provisioning.management.stopping import asked_to_stop
from provisioning.models import App, Run

# How often somebody else's comparison is looked at, and how often a line is printed (seconds).
_LOOK_EVERY = 0.5
_SAY_EVERY = 5.0


class Command(BaseCommand):
    help = (
        "Compare every account of an application with the application itself. Ends with 0 if all "
        "is as it should be or was put right, with 1 if something needs a person or the list was "
        "not complete, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="the application by the name that it has under Apps")
        parser.add_argument("--dry-run", action="store_true", help="only look, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        app = _app(options["app"])
        dry = options["dry_run"]
        run = reconcile.start(app, dry=dry, actor="command line")
        if run.dry != dry:
            other = "one that only looks" if run.dry else "one that acts"
            raise CommandError(
                f"Another comparison of {app} is under way, {other}. Wait until it has ended.",
                returncode=2,
            )
        self.stdout.write(_beginning(run))
        self.stdout.flush()
        with asked_to_stop() as stopped:
            run = self._until_ended(run, stopped)
        self._say(run)
        if run.ended_at is None or not run.complete or reconcile.needs_a_person(run):
            sys.exit(1)

    def _until_ended(self, run: Run, stopped: Callable[[], bool]) -> Run:
        """Do it, or watch a worker do it and take over should that one die."""
        with _Progress(self, run) as progress:
            while True:
                run = reconcile.work(run, stopped=stopped, told=progress.show)
                progress.show(run)
                if run.ended_at is not None or stopped():
                    return run
                time.sleep(_LOOK_EVERY)

    def _say(self, run: Run) -> None:
        self.stdout.write(
            f"{run.listed:,} listed: {run.same:,} as they should be, {run.changed:,} changed "
            f"there, {run.missing:,} missing there, {run.unknown:,} unknown to Gatehouse."
        )
        if run.message:
            self.stdout.write(run.message)
        if run.ended_at is None:
            self.stdout.write(
                "Interrupted; nothing is lost. Give the same command to go on from here. A "
                "running worker goes on by itself."
            )


def _beginning(run: Run) -> str:
    if run.owner or run.listed:
        by = run.actor or "the schedule"
        return f"Going on with the comparison that {by} started: {run.progress} accounts."
    return f"Comparing {run.app} with what Gatehouse knows. Ctrl-C interrupts; it can go on later."


class _Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, command: BaseCommand, run: Run) -> None:
        self._command = command
        self._said_at = time.monotonic()
        terminal = sys.stdout.isatty()
        self._bar = tqdm(desc=str(run.app), file=sys.stdout, disable=not terminal, unit=" accounts")

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, run: Run) -> None:
        if not self._bar.disable:
            self._bar.total = run.expected
            self._bar.n = run.listed
            self._bar.refresh()
        elif run.ended_at is None and time.monotonic() - self._said_at > _SAY_EVERY:
            self._said_at = time.monotonic()
            self._command.stdout.write(f"{run.progress} accounts")


def _app(name: str) -> App:
    # Not by the database: SQLite folds ASCII letters only.
    sought = normalise(name)
    found = next((app for app in App.objects.all() if normalise(app.name) == sought), None)
    if found is None:
        names = ", ".join(f"“{each}”" for each in App.objects.values_list("name", flat=True))
        raise CommandError(
            f"There is no application “{name}”. There is {names or 'none yet'}.", returncode=2
        )
    if not found.kind.lists_accounts:
        raise CommandError(f"{found.kind.label} cannot list its accounts.", returncode=2)
    return found
