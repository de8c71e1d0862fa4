"""manage.py worker: keep the accounts right, without the web pages."""

from typing import Any

from django.core.management.base import BaseCommand

from provisioning import worker
from provisioning.management.stopping import asked_to_stop


class Command(BaseCommand):
    help = "Push what is due to the applications, until stopped with Ctrl-C or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        with asked_to_stop() as stopped:
            self.stdout.write("The worker is running. Press Ctrl-C to stop it.")
            worker.run(stopped)
            self.stdout.write("The worker has stopped; nothing was left half done.")
