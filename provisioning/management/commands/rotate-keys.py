"""manage.py rotate-keys: encrypt the stored secrets with the new key; the old one can go then."""

from typing import Any

from provisioning import sealing
from provisioning.management import answering
from provisioning.management.answering import DONE, WAITS
from provisioning.secrets import Unreadable


class Command(answering.Command):
    help = (
        "Encrypt the secrets of all applications and webhooks with the first of "
        "GATEHOUSE_ENCRYPTION_KEYS. Ends with 0 if the other keys are not needed any more, with 3 "
        "if there are secrets that no key opens: those are entered again, with 2 if the command "
        "was given in the wrong way."
    )

    def answer(self, options: dict[str, Any]) -> int:
        done, unreadable = 0, []
        for holder in sealing.holders():
            try:
                done += sealing.encrypt_anew(holder)
            except Unreadable as error:
                unreadable.append(holder.name)
                self.say(f"{holder}: {error}")
        self.give({"encrypted_anew": done, "unreadable": unreadable})
        self.say(f"{done:,} encrypted with the new key.")
        if not unreadable:
            self.say("The older keys are not needed any more, except for older backups.")
        return WAITS if unreadable else DONE
