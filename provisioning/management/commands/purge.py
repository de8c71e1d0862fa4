"""manage.py purge: remove events, evidence and what else is kept no longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from iam.text import counted
from provisioning import retention
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, Progress
from provisioning.management.stopping import asked_to_stop
from provisioning.models import App

_LEAVINGS = "notes of a removal everywhere"
_WORDS = {
    "events": "event",
    "pieces of evidence": "piece of evidence",
    "answers of the API": "answer of the API",
    _LEAVINGS: "note of a removal everywhere",
}


@dataclass(frozen=True)
class _Old:
    """What is to be removed: of one application, or of all."""

    what: str
    app: App | None
    rows: QuerySet[Any]

    def in_words(self, count: int) -> str:
        of = f" of {self.app}" if self.app else ""
        return counted(count, f"{_WORDS[self.what]}{of}", f"{self.what}{of}")


class Command(answering.Command):
    help = (
        "Remove from the provisioning report what is older than each application keeps it, or all "
        "events that are older than so many days, the notes of who was removed everywhere by then, "
        "and the answers of the API that nobody can ask for again, while everything goes on. Ends "
        "with 0 if that is done, with 1 if it was interrupted, with 2 if the command was given in "
        "the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than",
            type=int,
            metavar="DAYS",
            help="events that are older, 7 days at least; without it each application's own days",
        )
        parser.add_argument("--app", type=answering.name, help="only what is of this application")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def answer(self, options: dict[str, Any]) -> int:
        app = answering.app_named(options["app"]) if options["app"] else None
        for old in _old(app, options["older_than"]):
            total, removed, interrupted = old.rows.count(), 0, False
            if options["dry_run"]:
                self.say(f"{old.in_words(total)} would be removed. Nothing was.")
            else:
                self.say(f"Removing {old.in_words(total)}. Ctrl-C interrupts.")
                self.stdout.flush()
                removed, interrupted = self._purge(old, total)
                self.say(f"{removed:,} removed.")
            name = old.app.name if old.app else None
            self.give({"what": old.what, "app": name, "older": total, "removed": removed})
            if interrupted:
                self.say("Interrupted. Give the same command to go on.")
                return FAILED
        return DONE

    def _purge(self, old: _Old, total: int) -> tuple[int, bool]:
        """How many were removed, and whether somebody interrupted it."""
        with asked_to_stop() as stopped, Progress(self, "Purge", unit=old.what) as progress:
            removed = retention.purge(
                old.rows, stopped=stopped, told=lambda count: progress.show(count, total)
            )
            return removed, stopped()


def _old(app: App | None, days: int | None) -> Iterator[_Old]:
    if days is None:
        yield from _expired(app)
    else:
        least = retention.LEAST.days
        if not least <= days <= 36_500:
            raise answering.wrong(f"--older-than is a number of days from {least} to 36500.")
        yield _Old("events", app, retention.older(than=timedelta(days=days), app=app))
        if app is None:
            yield _Old(_LEAVINGS, None, retention.older_leavings(days=days))
    if app is None:
        yield _Old("answers of the API", None, retention.old_answers())


def _expired(app: App | None) -> Iterator[_Old]:
    apps = [app] if app else list(App.objects.all())
    pieces = retention.expired_evidence(apps, deleted=app is None)
    yield _Old("pieces of evidence", app, pieces)
    for each, rows in retention.expired_events(apps):
        yield _Old("events", each, rows)
    if app is None:
        yield _Old(_LEAVINGS, None, retention.expired_leavings(apps))
