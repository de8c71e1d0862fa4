"""manage.py worker: keep the accounts right, without the web pages."""

from typing import Any

from provisioning import heartbeat, worker
from provisioning.management import answering
from provisioning.management.answering import DONE
from provisioning.management.stopping import asked_to_stop


class Command(answering.Command):
    help = (
        "Push what is due to the applications, until stopped with Ctrl-C or SIGTERM. Ends with 0 "
        "if it was asked to stop, with 1 if the database is not as it should be at the start."
    )

    def answer(self, options: dict[str, Any]) -> int:
        with asked_to_stop() as stopped:
            # Fails here where there are no tables. Later it waits for a database to come back.
            heartbeat.alive()
            self._tell("working", "The worker is running. Press Ctrl-C to stop it.")
            worker.run(stopped)
            self._tell("stopped", "The worker has stopped; nothing was left half done.")
        return DONE

    def _tell(self, state: str, sentence: str) -> None:
        self.say(sentence)
        self.give({"state": state})
        self.stdout.flush()
