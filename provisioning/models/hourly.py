"""How much an application had done in one hour: the events, counted."""

from django.db import models

from provisioning.models.apps import App


class HourlyCount(models.Model):
    """How many events an app had in one hour by their outcome, and how long they took.

    One row for each operation, and one without for all of them together. Written with the events,
    in the same transaction, and taken away with them (provisioning/hourly.py). Empty is the app of
    those whose app was deleted.
    """

    # What is asked for with few apps reads those of the others past them in the constraint's index.
    app = models.ForeignKey(
        App, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    hour = models.DateTimeField()
    operation = models.CharField(max_length=20, blank=True)
    # One for each outcome.
    done = models.PositiveBigIntegerField()
    retrying = models.PositiveBigIntegerField()
    failed = models.PositiveBigIntegerField()
    skipped = models.PositiveBigIntegerField()
    held = models.PositiveBigIntegerField()
    # Those that asked the application, with the milliseconds of all of them and of the longest.
    timed = models.PositiveBigIntegerField()
    total_ms = models.PositiveBigIntegerField()
    longest_ms = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "hour", "app"], name="one_count_an_operation_hour_and_app"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation or 'everything'} in {self.app}, {self.hour}"
