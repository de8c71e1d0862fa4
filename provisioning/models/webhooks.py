"""Webhooks: who is told of events, and what has been told to whom."""

import uuid
from datetime import UTC
from functools import cached_property
from typing import Any

from django.db import models
from django.utils import timezone

from iam import text
from provisioning import secrets
from provisioning.models.accounts import Event
from provisioning.models.apps import App
from provisioning.models.lanes import Leased


class Webhook(models.Model):
    """An address that events are delivered to, signed, as soon as they are recorded."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[text.visible],
        help_text="What people here call the system that is told: Ticket system",
    )
    # What all its messages have in common, so that no two installations send the same id.
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    url = models.CharField(
        "address",
        max_length=2048,
        help_text="Each event is sent to this address: https://tickets.example.org/hooks/gatehouse",
    )
    internal = models.BooleanField(
        "runs inside our network",
        default=False,
        help_text="Allows addresses inside your own network and plain http. Leave off for systems "
        "on the internet.",
    )
    enabled = models.BooleanField(
        default=True,
        help_text="Switched off, nothing is sent. What happens meanwhile can be sent later with "
        "“Send a timespan again”.",
    )
    # Not told by an empty choice: it would become “every one” when the last chosen app is deleted.
    all_apps = models.BooleanField(
        "every application",
        default=True,
        help_text="Tell events of every application, also of those that are added later.",
    )
    apps = models.ManyToManyField(
        App,
        blank=True,
        related_name="webhooks",
        verbose_name="applications",
        help_text="Only events of these, if “Every application” is off.",
    )
    # What an event has to be; all of them while the list is empty.
    operations = models.JSONField(default=list, blank=True)
    outcomes = models.JSONField(default=list, blank=True)
    # The key that messages are signed with, and while it is exchanged the one before it.
    sealed_secrets = models.TextField(blank=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def problem(self) -> str:
        """Why it is told of nothing at the moment; empty while all is well."""
        return self.lane.problem if hasattr(self, "lane") else ""

    @property
    def signing_secrets(self) -> list[str]:
        """In clear, the newest first: a message is signed with each. Raises secrets.Unreadable."""
        held = secrets.unseal(self.sealed_secrets)
        overlaps = self.former_until is not None and self.former_until > timezone.now()
        names = ("current", "former") if overlaps else ("current",)
        return [held[name] for name in names if name in held]

    def tells(self) -> "models.QuerySet[Event]":
        """All events that it was chosen for."""
        wanted: dict[str, Any] = {}
        if self.operations:
            wanted["operation__in"] = self.operations
        if self.outcomes:
            wanted["outcome__in"] = self.outcomes
        if not self.all_apps:
            wanted["app__in"] = self.apps.all()
        return Event.objects.filter(**wanted)


class WebhookLane(Leased):
    """The one place from where a webhook's deliveries are sent; one owner at a time."""

    webhook = models.OneToOneField(Webhook, on_delete=models.CASCADE, related_name="lane")

    def __str__(self) -> str:
        return f"Lane of {self.webhook}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"
    LEFT = "left", "Left undelivered"


class Delivery(models.Model):
    """One event for one webhook. It is there as long as the event, and can be sent again."""

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(
        max_length=20, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    # Since it was recorded, or was to be sent again: after three days it is given up.
    waits_since = models.DateTimeField()
    due_at = models.DateTimeField()
    # What the receiver answered last, or why there was no answer.
    status = models.PositiveSmallIntegerField("answer", null=True, blank=True)
    message = models.CharField("it said", max_length=500, blank=True)
    delivered_at = models.DateTimeField("delivered", null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"
        constraints = [
            # By its event first: that is how deliveries go along when old events are removed.
            models.UniqueConstraint(
                fields=["event", "webhook"], name="one_delivery_an_event_and_webhook"
            )
        ]
        indexes = [
            models.Index(fields=["webhook", "id"], name="deliveries_of_a_webhook"),
            models.Index(
                fields=["webhook", "id"],
                condition=models.Q(state=DeliveryState.WAITING),
                name="deliveries_waiting",
            ),
            models.Index(
                fields=["webhook", "id"],
                condition=models.Q(state=DeliveryState.GIVEN_UP),
                name="deliveries_given_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"

    @cached_property
    def message_id(self) -> str:
        """The same however often it is sent: by it the receiver knows what it has already.

        Of the event's time too, as its number may be given anew when a backup is restored.
        """
        about = f"{self.event_id} {self.event.at.astimezone(UTC).isoformat()}"
        return f"msg_{uuid.uuid5(self.webhook.key, about).hex}"
