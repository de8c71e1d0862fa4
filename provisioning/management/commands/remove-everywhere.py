"""manage.py remove-everywhere: what would happen, and then a person's access ends everywhere."""

from typing import Any

from django.core.management.base import CommandParser

from provisioning import leaving
from provisioning.leaving import Consequences, Outlook
from provisioning.management import answering
from provisioning.management.answering import DONE, WAITS


class Command(answering.Command):
    help = (
        "Switch a person off, take them out of every group, and have their access removed in every "
        "application, before everybody else. First it says what would happen, and asks. Ends with "
        "0 if that was begun, with 3 if something of it waits for a person, with 2 if the command "
        "was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("person", help="the person's user name")
        parser.add_argument("--preview", action="store_true", help="only say what would happen")
        parser.add_argument("--reason", default="", help="why it is done")
        parser.add_argument("--by", default="", help="the operator who does it")
        parser.add_argument("--yes", action="store_true", help="do it without asking")

    def answer(self, options: dict[str, Any]) -> int:
        person = answering.person_named(options["person"])
        found = leaving.consequences(person)
        waits = {Outlook.WAITS, Outlook.STAYS}
        status = WAITS if any(each.outlook in waits for each in found.apps) else DONE
        self.say(*_sentences(found))
        if options["preview"]:
            self.give(_document(found))
            return status
        by = answering.operator_named(options["by"], rights=leaving.RIGHTS)
        if not options["reason"].strip():
            raise answering.wrong("It has a reason: give one with --reason.")
        if not options["yes"] and not self.confirmed():
            raise answering.wrong("Nothing was done. Answer “yes”, or say --yes.")
        row = leaving.remove_everywhere(person, by=by, reason=options["reason"])
        self.give({**_document(found), "undoing": leaving.undoing(row)})
        self.say("Begun.", leaving.undoing(row), f"Watch it with “certificate {person.username}”.")
        return status


def _sentences(found: Consequences) -> list[str]:
    groups = ", ".join(f"“{name}”" for name in found.groups) or "no group"
    return [
        f"{found.person} would be switched off and taken out of {groups}.",
        *(f"{each.app}: {each.outlook.label}. {' '.join(each.sentences)}" for each in found.apps),
        *([] if found.apps else ["Gatehouse has no account of theirs anywhere."]),
    ]


def _document(found: Consequences) -> dict[str, Any]:
    return {
        "person": found.person.username,
        "groups": found.groups,
        "apps": [{**vars(each), "app": each.app.name} for each in found.apps],
    }
