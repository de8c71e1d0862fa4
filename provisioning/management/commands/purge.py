"""manage.py purge: remove events, and answers of the API, that need not be kept any longer."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from provisioning import retention
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, Progress
from provisioning.management.stopping import asked_to_stop


class Command(answering.Command):
    help = (
        "Remove the events of the provisioning report that are older than so many days, and the "
        "answers of the API that nobody can ask for again, while everything goes on. Ends with 0 "
        "if they were removed, with 1 if it was interrupted, with 2 if the command was given in "
        "the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than", type=int, required=True, metavar="DAYS", help="7 days at least"
        )
        parser.add_argument("--app", help="only those of this application")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def answer(self, options: dict[str, Any]) -> int:
        days, least = options["older_than"], retention.LEAST.days
        if not least <= days <= 36_500:
            raise answering.wrong(f"--older-than is a number of days from {least} to 36500.")
        app = answering.app_named(options["app"]) if options["app"] else None
        events = retention.older(than=timedelta(days=days), app=app)
        total = events.count()
        of = f" of {app}" if app else ""
        rows = "1 event" if total == 1 else f"{total:,} events"
        if options["dry_run"]:
            self.give({"older": total, "removed": 0})
            self.say(f"{rows}{of} would be removed. Nothing was.")
            return DONE
        self.say(f"Removing {rows}{of} older than {days} days. Ctrl-C interrupts.")
        self.stdout.flush()
        with asked_to_stop() as stopped, Progress(self, "Purge", unit="events") as progress:
            removed = retention.purge(
                events, stopped=stopped, told=lambda count: progress.show(count, total)
            )
            if app is None:
                retention.purge(retention.old_answers(), stopped=stopped)
            interrupted = stopped()
        self.give({"older": total, "removed": removed})
        self.say(f"{removed:,} removed.")
        if interrupted:
            self.say("Interrupted. Give the same command to go on.")
        return FAILED if interrupted else DONE
