"""manage.py setup: make this machine ready to serve."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from iam import operators


class Command(BaseCommand):
    help = "Create or update the database and the static files, and the first operator."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        first = operators.first_operator()
        if first is None:
            self.stdout.write("Ready. (Lost the password? manage.py changepassword NAME)")
            return
        name, password = first
        self.stdout.write(f"Ready. Sign in as {name} with the one-time password {password}")
        self.stdout.write("You will be asked to choose a password of your own.")
