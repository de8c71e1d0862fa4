"""manage.py create-operator: let somebody sign in to the portal, with a role."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from iam import operators, roles
from iam.models import Operator, Role
from iam.text import complaints


class Command(BaseCommand):
    help = (
        "Make an operator with a role, and print the password with which they sign in once. Ends "
        "with 0 if the operator was made, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("operator", help="the new operator's user name")
        told = " ".join(f"{role.value}: {text}" for role, text in roles.SENTENCES.items())
        parser.add_argument("--role", required=True, choices=Role.values, help=told)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        name, role = options["operator"], Role(options["role"])
        if Operator.objects.filter(username=name).exists():
            raise CommandError(
                f"There is an operator “{name}” already. A superuser changes the role on the "
                "operator's page.",
                returncode=2,
            )
        try:
            password = operators.one_time_password(name, role)
        except ValidationError as error:
            raise CommandError(complaints(error), returncode=2) from error
        if options["json"]:
            told = {"operator": name, "role": role.value, "one_time_password": password}
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(password)
        self.stderr.write(
            f"“{name}” signs in once with this password and then chooses another one. Role: "
            f"{role.label}."
        )
