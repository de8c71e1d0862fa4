"""What is kept beside an event: why, how and with which requests it came about."""

from django.db import models

from provisioning.models.accounts import Event


class Evidence(models.Model):
    """How one event came about. Written with it, masked before that, and gone sooner than it.

    Its parts have the shapes that `provisioning.evidence` gives them.
    """

    event = models.OneToOneField(
        Event, on_delete=models.CASCADE, primary_key=True, related_name="evidence"
    )
    # Why the account was to be there at that moment, or not: {"wanted", "ways", "others", "why"}.
    scope = models.JSONField(default=dict)
    # How it was found in the application: {"by", "asked", "found"}.
    matched = models.JSONField(default=dict)
    # What was to change: [{"target", "old", "new"}].
    changes = models.JSONField(default=list)
    # What every mapped target was to hold, by target.
    values = models.JSONField(default=dict)
    # What was asked and answered (masking.Masking.exchange), and how many more there were.
    exchanges = models.JSONField(default=list)
    left_out = models.PositiveIntegerField(default=0)
    # Of several events of one request the first has the exchanges.
    same_as = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Evidence of: {self.event}"
