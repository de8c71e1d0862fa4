"""Sets webhooks up: the secret that messages are signed with, saving, and a message to try it."""

import uuid
from datetime import timedelta

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from provisioning import secrets, webhook_queue, webhook_sending, webhook_signing
from provisioning.models import Delivery, DeliveryState, Webhook

# So long messages are signed with the former secret too, while the receiver is given the new one.
OVERLAP = timedelta(hours=24)


def new_secret(webhook: Webhook) -> str:
    """Make a secret for a webhook; it is known now and never again."""
    made = webhook_signing.new_secret()
    use_secret(webhook, made)
    return made


def use_secret(webhook: Webhook, secret: str) -> None:
    """Sign with this from now on, and for a day with the one before as well."""
    try:
        former = webhook.signing_secrets[:1]
    except secrets.Unreadable:
        former = []
    held = {"current": secret, **({"former": former[0]} if former else {})}
    webhook.sealed_secrets = secrets.seal(held)
    webhook.former_until = timezone.now() + OVERLAP if former else None
    webhook.save(update_fields=["sealed_secrets", "former_until", "changed_at"])


def counted(webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
    """Each with how many of its deliveries wait, and were given up; and with its lane."""
    return webhooks.select_related("lane").annotate(
        waiting=_count(DeliveryState.WAITING), given_up=_count(DeliveryState.GIVEN_UP)
    )


def _count(state: str) -> Coalesce:
    # By the index of this state: most deliveries of a webhook are neither.
    found = Delivery.objects.filter(webhook=OuterRef("pk"), state=state).order_by()
    return Coalesce(Subquery(found.values("webhook").annotate(n=Count("pk")).values("n")), 0)


def send_test(webhook: Webhook) -> tuple[bool, str]:
    """Send a message that is no event, once: whether it was taken, and what was answered."""
    to = webhook_sending.session(webhook)
    try:
        answer = webhook_sending.send_test(to, webhook, message_id=f"msg_{uuid.uuid4().hex}")
    finally:
        to.close()
    said = f" It said: “{answer.said}”" if answer.said else ""
    if answer.problem:
        return False, f"{answer.problem}{said}"
    webhook_queue.resume(webhook)
    return True, f"The receiver took the message (answer {answer.status}).{said}"
