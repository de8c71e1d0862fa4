"""manage.py setup: make this machine ready to serve."""

import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from iam import operators


class Command(BaseCommand):
    help = (
        "Create or update the database and the static files, and the first operator. Ends with 0 "
        "if it is ready, with 1 if the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        name, password = operators.first_operator() or ("", "")
        if options["json"]:
            told = {"ready": True, "operator": name, "one_time_password": password}
            self.stdout.write(json.dumps({key: value for key, value in told.items() if value}))
        elif name:
            self.stdout.write(f"Ready. Sign in as {name} with the one-time password {password}")
            self.stdout.write("You will be asked to choose a password of your own.")
        else:
            self.stdout.write("Ready. (Lost the password? manage.py changepassword NAME)")
