"""manage.py create-token: let a program act for an operator through the API."""

import json
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from iam import roles, tokens
from iam.models import Operator, Scope
from iam.text import complaints


class Command(BaseCommand):
    help = (
        "Make a token with which a program acts for an operator through the API, and print it "
        "once. Ends with 0 if it was made, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        longest = tokens.LONGEST.days
        parser.add_argument("operator", help="the operator for whom it acts, by the user name")
        parser.add_argument("--name", required=True, help="what uses it: “HR import”")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="what it may do; may be given several times (read, if it is not given)",
        )
        parser.add_argument(
            "--days", type=int, default=90, help=f"how long it lasts, 1 to {longest} (90)"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= tokens.LONGEST.days:
            raise CommandError(
                f"--days is {options['days']}. Give a number from 1 to {tokens.LONGEST.days}.",
                returncode=2,
            )
        try:
            token, secret = tokens.issue(
                _operator(options["operator"]),
                name=options["name"],
                scopes=options["scope"] or [Scope.READ],
                expires_at=timezone.now() + timedelta(days=options["days"]),
            )
        except ValidationError as error:
            raise CommandError(complaints(error), returncode=2) from error
        if options["json"]:
            told = {
                "token": secret,
                "name": token.name,
                "operator": token.owner.username,
                "role": roles.of(token.owner) or "",
                "scopes": token.scopes,
                "expires_at": token.expires_at.isoformat(),
            }
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(secret)
        self.stderr.write(
            f"“{token.name}” may {', '.join(token.scopes)} for {token.owner.username} until "
            f"{token.expires_at:%Y-%m-%d}. It is shown this once: keep it where secrets are kept."
        )


def _operator(name: str) -> Operator:
    found = Operator.objects.filter(username=name, is_active=True, is_staff=True).first()
    if found is None:
        raise CommandError(f"No operator “{name}” may sign in here.", returncode=2)
    return found
