"""Who works where: the lane of each application and the workers that are alive."""

from django.db import models
from django.utils import timezone

from provisioning.models.apps import App


class Lane(models.Model):
    """The one place where an app's accounts are worked through; one owner at a time."""

    app = models.OneToOneField(App, on_delete=models.CASCADE, related_name="lane")
    owner = models.CharField(max_length=100, blank=True)
    # Grows with every change of owner: a result is recorded only under the token it began with.
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    # The outcomes of the last requests, and how often the app was left alone since it last
    # worked (provisioning/breaker.py).
    recent = models.CharField(max_length=20, blank=True)
    rests = models.PositiveSmallIntegerField(default=0)
    # What was done since the lane exists, for the metrics: {"create.done": 12, …}.
    tally = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"Lane of {self.app}"

    @property
    def is_resting(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()


class Worker(models.Model):
    """One process that keeps accounts right, and when it was last heard of."""

    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
