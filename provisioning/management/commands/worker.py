"""manage.py worker: keep the accounts right, without the web pages."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from provisioning import worker


class Command(BaseCommand):
    help = "Push what is due to the applications, until stopped with Ctrl-C or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("The worker is running. Press Ctrl-C to stop it.")
        worker.run(stop)
        self.stdout.write("The worker has stopped; nothing was left half done.")
