"""manage.py import-config: apps, mappings and policies from YAML, with a plan before anything."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from iam import actor
from provisioning.configuration import applying, telling
from provisioning.configuration.applying import Changed, Plan
from provisioning.configuration.document import Document, Unusable
from provisioning.configuration.reading import read
from provisioning.configuration.strict_yaml import LARGEST
from provisioning.management import answering
from provisioning.management.answering import DIFFERS, DONE, FAILED


class Command(answering.Command):
    help = (
        "Make applications, their mappings and the policies as a YAML file of export-config says. "
        "First it shows what would change and what that means for people, and asks. New "
        "applications are added paused. Ends with 0 if it was done or nothing was to do, with 4 "
        "if --plan found differences, with 1 if the file is wrong or something was changed "
        "meanwhile, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the YAML file, in UTF-8")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--plan", action="store_true", help="only say what would change")
        how.add_argument("--yes", action="store_true", help="do it without asking")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="delete the applications and policies that the file does not have",
        )

    def answer(self, options: dict[str, Any]) -> int:
        try:
            document = read(_raw(options["file"]))
        except Unusable as error:
            problems = [telling.of_problem(each) for each in error.problems]
            self.give({"problems": problems, "applied": False})
            self.say(*map(str, error.problems), "Nothing was changed.")
            return FAILED
        plan = applying.plan(document, prune=options["prune"])
        self.say(*telling.lines(plan))
        if plan.problems or not plan.changes:
            self.say("Nothing was changed." if plan.problems else telling.NOTHING)
            return self._ended(plan, FAILED if plan.problems else DONE)
        if options["plan"]:
            self.say("Nothing was changed.")
            return self._ended(plan, DIFFERS)
        if not options["yes"] and not self.confirmed():
            raise answering.wrong("Nothing was changed. Answer “yes”, or say --yes or --plan.")
        return self._apply(document, plan, prune=options["prune"])

    def _apply(self, document: Document, plan: Plan, *, prune: bool) -> int:
        try:
            with actor.acting_as("command line"):
                done = applying.apply(document, confirmed=plan.fingerprint, prune=prune)
        except Changed as error:
            raise CommandError(str(error), returncode=FAILED) from error
        if done.problems:
            self.say(*map(str, done.problems), "Nothing was changed.")
            return self._ended(done, FAILED)
        self.say("Done. Accounts follow by themselves within seconds.")
        return self._ended(done, DONE, applied=True)

    def _ended(self, plan: Plan, status: int, *, applied: bool = False) -> int:
        self.give({**telling.as_document(plan), "applied": applied})
        return status


def _raw(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise answering.wrong(f"{path} cannot be read: {error.strerror}.") from error
