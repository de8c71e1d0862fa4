"""manage.py doctor: whether everything is as it should be, and what to do if not."""

from typing import Any

from django.core.management.base import CommandParser

from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED
from reports import doctor
from reports.doctor import State


class Command(answering.Command):
    help = (
        "Look at the configuration, the keys, the disk, the database, the clocks, the workers and "
        "the applications, and say what to do. Ends with 0 if nothing is wrong, with 1 if "
        "something is, with 2 if the command was given in the wrong way."
    )
    # It says itself what they find.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--connect",
            action="store_true",
            help="also ask each application, as “Save and test connection” does",
        )

    def answer(self, options: dict[str, Any]) -> int:
        wrong = False
        for found in doctor.examine(connect=options["connect"]):
            self.give({"check": found.check, "state": found.state, "message": found.message})
            self.say(f"{found.state:<8} {found.check}: {found.message}")
            wrong = wrong or found.state == State.WRONG
        return FAILED if wrong else DONE
