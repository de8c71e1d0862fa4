"""Everything here that holds secrets, and how it is encrypted anew when the key changes."""

from collections.abc import Iterator
from itertools import chain

from django.db import transaction
from django.db.models import F

from provisioning import secrets
from provisioning.models import App, Webhook


def holders() -> Iterator[App | Webhook]:
    """Every application and webhook with something encrypted."""
    apps = App.objects.exclude(sealed_secrets="")
    return chain(apps, Webhook.objects.exclude(sealed_secrets=""))


def encrypt_anew(holder: App | Webhook) -> bool:
    """Encrypt its secrets with the first key; whether that was needed. Raises secrets.Unreadable.

    What they are stays the same, so nothing about it counts as changed.
    """
    rows = type(holder)._default_manager.filter(pk=holder.pk)
    with transaction.atomic():
        current = rows.select_for_update(no_key=True).get()
        if secrets.is_current(current.sealed_secrets):
            return False
        sealed = secrets.seal(secrets.unseal(current.sealed_secrets))
        rows.update(sealed_secrets=sealed, changed_at=F("changed_at"))
    return True
