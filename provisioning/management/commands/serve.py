"""manage.py serve: web server and worker in one process."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from provisioning import serving


class Command(BaseCommand):
    help = "Serve the portal and push accounts, in one process, until stopped with Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        try:
            serving.serve(host=host, port=port, ready=self._ready)
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host} port {port}: {error.strerror}. Another program may use "
                "it; choose one with --port."
            ) from error

    def _ready(self, address: str) -> None:
        self.stdout.write(f"Gatehouse is at {address} (Ctrl-C stops it)")
        self.stdout.flush()
