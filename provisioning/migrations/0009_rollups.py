from contextlib import suppress

import django.db.models.deletion
from django.db import Error, migrations, models, transaction

_HOUR_OF = {
    "sqlite": "substr(at, 1, 13) || ':00:00'",
    "postgresql": "date_trunc('hour', at, 'UTC')",
}
# Each event twice: with its operation, and with all operations together.
_COUNT = """
    INSERT INTO provisioning_hourlycount (operation, hour, app_id,
        done, retrying, failed, skipped, held, timed, total_ms, longest_ms)
    SELECT CASE WHEN apart = 1 THEN operation ELSE '' END, {hour}, app_id,
        count(*) FILTER (WHERE outcome = 'done'),
        count(*) FILTER (WHERE outcome = 'retrying'),
        count(*) FILTER (WHERE outcome = 'failed'),
        count(*) FILTER (WHERE outcome = 'skipped'),
        count(*) FILTER (WHERE outcome = 'held'),
        count(nullif(duration_ms, 0)), sum(duration_ms), max(duration_ms)
    FROM provisioning_event CROSS JOIN (SELECT 0 AS apart UNION ALL SELECT 1) AS ways
    GROUP BY 1, 2, 3
"""
_NOT_DONE = models.Q(("outcome", "done"), _negated=True)


def count_what_was_done(apps, editor):
    """The counts of the events that are there already, in one statement."""
    with editor.connection.cursor() as cursor:
        cursor.execute(_COUNT.format(hour=_HOUR_OF[editor.connection.vendor]))


def index_parts_of_names(apps, editor):
    """On PostgreSQL, if its extension pg_trgm is there or may be made; else there is no index."""
    if editor.connection.vendor != "postgresql":
        return
    # docs/guides/settings.md says what to do when it is wanted later.
    with (
        suppress(Error),
        transaction.atomic(using=editor.connection.alias),
        editor.connection.cursor() as cursor,
    ):
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        cursor.execute(
            "CREATE INDEX events_by_part_of_name ON provisioning_event "
            "USING gin (identifier_key gin_trgm_ops)"
        )


def drop_parts_of_names(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS events_by_part_of_name")


class Migration(migrations.Migration):
    dependencies = [
        ("iam", "0005_api"),
        ("provisioning", "0008_leavers"),
    ]

    operations = [
        migrations.CreateModel(
            name="HourlyCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("operation", models.CharField(blank=True, max_length=20)),
                ("done", models.PositiveBigIntegerField()),
                ("retrying", models.PositiveBigIntegerField()),
                ("failed", models.PositiveBigIntegerField()),
                ("skipped", models.PositiveBigIntegerField()),
                ("held", models.PositiveBigIntegerField()),
                ("timed", models.PositiveBigIntegerField()),
                ("total_ms", models.PositiveBigIntegerField()),
                ("longest_ms", models.PositiveBigIntegerField()),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="provisioning.app",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("operation", "hour", "app"),
                        name="one_count_an_operation_hour_and_app",
                    )
                ],
            },
        ),
        migrations.RemoveIndex(model_name="event", name="events_by_identifier"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["identifier_key", "-at", "-id"],
                name="events_by_identifier",
                opclasses=["varchar_pattern_ops", "timestamptz_ops", "int8_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["operation", "-at", "-id"], name="events_by_operation"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["trigger", "-at", "-id"], name="events_by_trigger"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("actor", ""), _negated=True),
                fields=["actor", "-at", "-id"],
                name="events_by_actor",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=_NOT_DONE, fields=["outcome", "-at", "-id"], name="events_not_done"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=_NOT_DONE,
                fields=["app", "outcome", "-at", "-id"],
                name="events_not_done_by_app",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("effect", "verified"), _negated=True),
                fields=["effect", "-at", "-id"],
                name="events_not_verified",
            ),
        ),
        migrations.RunPython(index_parts_of_names, drop_parts_of_names),
        migrations.RunPython(count_what_was_done, migrations.RunPython.noop),
    ]
