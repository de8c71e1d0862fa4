"""How much an application had done in one hour: the events, counted."""

from django.db import models

from provisioning.models.apps import App


class HourlyCount(models.Model):
    """How many events of one kind an app had in one hour, and how long they took.

    Written with the events, in the same transaction, and taken away with them
    (provisioning/hourly.py). Empty is the app of those whose app was deleted.
    """

    # The constraint below is the index.
    app = models.ForeignKey(
        App, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    hour = models.DateTimeField()
    operation = models.CharField(max_length=20)
    outcome = models.CharField(max_length=20)
    effect = models.CharField(max_length=20, blank=True)
    count = models.PositiveBigIntegerField()
    # Those that asked the application, with the milliseconds of all of them and of the longest.
    timed = models.PositiveBigIntegerField()
    total_ms = models.PositiveBigIntegerField()
    longest_ms = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app", "hour", "operation", "outcome", "effect"],
                name="one_count_a_kind_hour_and_app",
            ),
        ]
        indexes = [models.Index(fields=["hour"], name="counts_by_hour")]

    def __str__(self) -> str:
        return f"{self.count} × {self.operation} in {self.app}, {self.hour}"
