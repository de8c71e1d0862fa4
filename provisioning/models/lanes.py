"""Who works where: the lane of each application, what a lane is, and the workers alive."""

from django.db import models
from django.utils import timezone

from provisioning.models.apps import App


class Leased(models.Model):
    """A place from where something is sent: one owner at a time, and a rest while it fails."""

    owner = models.CharField(max_length=100, blank=True)
    # Grows with every change of owner: a result is recorded only under the token it began with.
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    # How often it was left alone since it last worked (provisioning/breaker.py).
    rests = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def is_resting(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()


class Lane(Leased):
    """The one place where an app's accounts are worked through; one owner at a time."""

    app = models.OneToOneField(App, on_delete=models.CASCADE, related_name="lane")
    # The outcomes of the last requests (provisioning/breaker.py).
    recent = models.CharField(max_length=20, blank=True)
    # What was done since the lane exists, for the metrics: {"create.done": 12, …}.
    tally = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"Lane of {self.app}"


class Worker(models.Model):
    """One process that keeps accounts right, and when it was last heard of."""

    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
