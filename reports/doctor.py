"""Looks whether everything that the product needs is as it should be, and says what to do."""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from iam import datafolder
from provisioning import apps_setup, heartbeat, nudge, sealing, secrets, webhook_queue
from provisioning.models import App, Lane, Worker
from provisioning.scim import dialect
from reports import health

# In bytes.
LEAST_FREE = 1_000_000_000
MOST_APART = timedelta(seconds=10)
_NEEDED = "database"
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}


class State(StrEnum):
    OK = "ok"
    # It works, and should be seen to all the same.
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one look found, and what to do about it."""

    check: str
    state: State
    message: str


Findings = Iterator[Finding]


def examine(*, connect: bool = False, least_free: int = LEAST_FREE) -> Findings:
    """Look at everything. With `connect`, each application is asked as well."""
    looks: dict[str, Callable[[], Findings]] = {
        "configuration": _configuration,
        "keys": _key_files,
        "disk": partial(_disk, least_free),
        _NEEDED: _database,
        "clock": _clock,
        "worker": _worker,
        "broker": _broker,
        "secrets": _secrets,
        "applications": _connections if connect else _applications,
        "webhooks": _webhooks,
    }
    for name, look in looks.items():
        try:
            found = list(look())
        except Error as error:
            found = [Finding(name, State.WRONG, f"{health.NO_DATABASE} It says: {error}")]
        yield from found or [Finding(name, State.OK, "As it should be.")]
        if name == _NEEDED and any(each.state == State.WRONG for each in found):
            # All that comes after asks it.
            return


def _configuration() -> Findings:
    def told(state: State, message: str) -> Finding:
        return Finding("configuration", state, message)

    for message in checks.run_checks():
        serious = message.is_serious()
        yield told(State.WRONG if serious else State.WARNING, f"{message.msg} {message.hint or ''}")
    if settings.DEBUG:
        yield told(
            State.WRONG,
            "GATEHOUSE_DEBUG is on, so pages show how the product works inside. Switch it off.",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield told(
            State.WRONG,
            "GATEHOUSE_ALLOWED_HOSTS allows every name. Name the host by which it is reached.",
        )
    if {*settings.ALLOWED_HOSTS} - _LOCAL and not settings.HTTPS:
        yield told(
            State.WARNING,
            "The portal has a name that others may reach, and GATEHOUSE_HTTPS is off, so passwords "
            "may travel in clear. Put a proxy with a certificate in front, and switch it on.",
        )
    if len(settings.SECRET_KEY) < 50:
        yield told(State.WRONG, "GATEHOUSE_SECRET_KEY is shorter than 50 characters. Take more.")
    manifest = getattr(staticfiles_storage, "manifest_name", None)
    if manifest and not (Path(settings.STATIC_ROOT) / manifest).exists():
        yield told(State.WRONG, "The static files are missing. Give “manage.py setup”.")


def _key_files() -> Findings:
    for path in datafolder.key_files(settings.DATA_DIR):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                "keys",
                State.WRONG,
                f"Others on this machine may read {path}. Give “chmod 600 {path}”, and change the "
                "key if somebody may have done so.",
            )


def _disk(least_free: int) -> Findings:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < least_free:
        yield Finding(
            "disk",
            State.WRONG,
            f"Only {free // 1_000_000:,} MB are free for {settings.DATA_DIR}. When nothing is "
            "left, nothing can be recorded. Make room, for example with “manage.py purge”.",
        )


def _database() -> Findings:
    connection.ensure_connection()
    version = ".".join(map(str, connection.get_database_version()))
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding(
            "database",
            State.WRONG,
            f"{len(missing)} changes of its tables are missing. Stop the service, take a backup, "
            "and give “manage.py setup”.",
        )
        return
    yield Finding(
        "database", State.OK, f"{connection.display_name} {version}, with all of its tables."
    )


def _clock() -> Findings:
    now = timezone.now()
    moments = list(Worker.objects.filter(seen_at__gt=now).values_list("seen_at", flat=True))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moments.append(cursor.fetchone()[0])
    apart = max((abs(moment - now) for moment in moments), default=timedelta())
    if apart > MOST_APART:
        yield Finding(
            "clock",
            State.WRONG,
            f"The clocks of the machines that work together are {apart.total_seconds():.0f} "
            "seconds apart. Let all of them set their clocks by one time server (NTP).",
        )


def _worker() -> Findings:
    for problem in health.state()["problems"]:
        yield Finding("worker", State.WRONG, problem)


def _broker() -> Findings:
    if not settings.BROKER_URL:
        yield Finding("broker", State.OK, "None is set, and none is needed.")
    elif trouble := nudge.broker_trouble():
        yield Finding(
            "broker",
            State.WRONG,
            f"The message broker does not answer: {trouble} Check GATEHOUSE_BROKER_URL, and that "
            "it runs. Until it does, Celery's workers do nothing; “manage.py worker” needs none.",
        )
    elif not heartbeat.alive(prefix=heartbeat.CELERY):
        yield Finding(
            "broker",
            State.WRONG,
            "The message broker answers, but no worker of Celery listens to it. Start one with its "
            "beat, as the guide to scaling says, or take GATEHOUSE_BROKER_URL away.",
        )


def _secrets() -> Findings:
    old = 0
    for holder in sealing.holders():
        try:
            secrets.unseal(holder.sealed_secrets)
            old += not secrets.is_current(holder.sealed_secrets)
        except secrets.Unreadable as error:
            yield Finding("secrets", State.WRONG, f"{holder}: {error}")
    if old:
        yield Finding(
            "secrets",
            State.WARNING,
            f"The secrets of {old} applications or webhooks need an older key. Give “manage.py "
            "rotate-keys”.",
        )


def _applications() -> Findings:
    for lane in Lane.objects.exclude(problem="").select_related("app"):
        yield Finding("applications", State.WRONG, f"{lane.app} is stopped: {lane.problem}")
    for app in App.objects.filter(paused=True):
        yield Finding(
            "applications",
            State.WARNING,
            f"{app} is paused. “manage.py apps resume” lets it go on.",
        )


def _connections() -> Findings:
    for app in App.objects.all():
        worked, sentence = apps_setup.check_connection(app)
        app.refresh_from_db(fields=["learned"])
        well = State.WARNING if dialect.WARNINGS & app.learned.keys() else State.OK
        yield Finding("applications", well if worked else State.WRONG, f"{app}: {sentence}")


def _webhooks() -> Findings:
    for lane in webhook_queue.in_trouble():
        yield Finding("webhooks", State.WRONG, f"{lane.webhook} is not delivered: {lane.problem}")
    for _, name, count in webhook_queue.given_up():
        yield Finding(
            "webhooks",
            State.WARNING,
            f"{name}: {count:,} events were given up. Send them again, or leave them undelivered, "
            "on the webhook's page.",
        )
