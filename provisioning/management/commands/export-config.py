"""manage.py export-config: apps, mappings and policies as YAML, without secrets."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from provisioning.configuration import stored, writing
from provisioning.management import answering
from provisioning.management.answering import DONE


class Command(answering.Command):
    help = (
        "Write applications, their mappings and the policies as YAML, for review and for another "
        "Gatehouse. People, who is in which group, accounts and secrets are not in it. Ends with 0 "
        "if it was written, with 1 if it could not be, with 2 if the command was given wrongly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--output", type=Path, metavar="FILE", help="write it to this file")
        parser.add_argument(
            "--app", type=answering.name, help="only this application, with its policies"
        )

    def answer(self, options: dict[str, Any]) -> int:
        app = answering.app_named(options["app"]).name if options["app"] else ""
        document = stored.exported(app)
        text = writing.as_text(document)
        if self.in_json:
            text = answering.as_json(writing.as_values(document)) + "\n"
        if options["output"] is None:
            self.stdout.write(text, ending="")
            return DONE
        with answering.written(options["output"]) as file:
            file.write(text)
        self.say(f"The configuration is in {options['output']}.")
        return DONE
