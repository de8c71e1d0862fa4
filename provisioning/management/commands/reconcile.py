"""manage.py reconcile: compare every account of an application with the application itself."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from provisioning import reconcile, schedule
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, Progress
from provisioning.management.stopping import asked_to_stop
from provisioning.models import App, Run

# How often somebody else's comparison is looked at (seconds).
_LOOK_EVERY = 0.5


class Command(answering.Command):
    help = (
        "Compare every account of an application with the application itself. Ends with 0 if all "
        "is as it should be or was put right, with 1 if something needs a person or the list was "
        "not complete, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app", help="the application by the name that it has under Apps")
        parser.add_argument("--dry-run", action="store_true", help="only look, change nothing")

    def answer(self, options: dict[str, Any]) -> int:
        app = _app(options["app"])
        try:
            run = schedule.ask_for(app, dry=options["dry_run"], by="command line")
        except schedule.Refused as error:
            raise answering.wrong(str(error)) from error
        self.say(_beginning(run))
        self.stdout.flush()
        with asked_to_stop() as stopped:
            run = self._until_ended(run, stopped)
        self.say(*_sentences(run))
        self.give(_document(run))
        ended = run.ended_at is not None and run.complete
        return DONE if ended and not reconcile.needs_a_person(run) else FAILED

    def _until_ended(self, run: Run, stopped: Callable[[], bool]) -> Run:
        """Do it, or watch a worker do it and take over should that one die."""
        with Progress(self, str(run.app), unit="accounts") as progress:

            def told(run: Run) -> None:
                progress.show(run.listed, run.expected)

            while True:
                run = reconcile.work(run, stopped=stopped, told=told)
                told(run)
                if run.ended_at is not None or stopped():
                    return run
                time.sleep(_LOOK_EVERY)


def _sentences(run: Run) -> list[str]:
    told = [
        f"{run.listed:,} listed: {run.same:,} as they should be, {run.changed:,} changed "
        f"there, {run.missing:,} missing there, {run.unknown:,} unknown to Gatehouse."
    ]
    if run.message:
        told.append(run.message)
    if run.ended_at is None:
        told.append(
            "Interrupted; nothing is lost. Give the same command to go on from here. A running "
            "worker goes on by itself."
        )
    return told


def _document(run: Run) -> dict[str, Any]:
    names = ("listed", "expected", "same", "changed", "missing", "unknown", "complete", "message")
    about = {name: getattr(run, name) for name in names}
    return {"app": run.app.name, "ended": run.ended_at is not None, **about}


def _beginning(run: Run) -> str:
    if run.owner or run.listed:
        by = run.actor or "the schedule"
        return f"Going on with the comparison that {by} started: {run.progress} accounts."
    return f"Comparing {run.app} with what Gatehouse knows. Ctrl-C interrupts; it can go on later."


def _app(name: str) -> App:
    found = answering.app_named(name)
    if not found.kind.lists_accounts:
        raise answering.wrong(f"{found.kind.label} cannot list its accounts.")
    return found
