"""manage.py serve: web server and worker in one process."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from provisioning import serving
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED


class Command(answering.Command):
    help = (
        "Serve the portal and push accounts, in one process, until stopped with Ctrl-C. Ends with "
        "0 if it was asked to stop, with 1 if it could not serve, with 2 if the command was given "
        "in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=answering.port, default=8000, help="port to listen on")

    def answer(self, options: dict[str, Any]) -> int:
        host, port = options["host"], options["port"]
        try:
            serving.serve(host=host, port=port, ready=self._ready)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            # waitress says ValueError where the name leads nowhere.
            why = error.strerror if isinstance(error, OSError) else "there is no such address"
            raise CommandError(
                f"Cannot listen on {host} port {port}: {why}. Another program may use it; choose "
                "one with --port.",
                returncode=FAILED,
            ) from error
        self.give({"state": "stopped"})
        return DONE

    def _ready(self, address: str) -> None:
        self.say(f"Gatehouse is at {address} (Ctrl-C stops it)")
        self.give({"state": "serving", "address": address})
        self.stdout.flush()
