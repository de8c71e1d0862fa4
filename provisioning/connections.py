"""Keeps one connector per app open, so that tokens and connections serve more than one push."""

import json
import threading
from collections.abc import Callable, Sequence

from django.utils import timezone
from django.utils.crypto import salted_hmac

from provisioning import transactions
from provisioning.connectors.base import Connector
from provisioning.errors import Misconfigured
from provisioning.models import App
from provisioning.pace import Pace
from provisioning.scim.dialect import Lesson
from provisioning.secrets import Unreadable

_open: dict[int, tuple[object, Connector]] = {}
_paces: dict[int, tuple[float, Pace]] = {}
_lock = threading.RLock()


def connector(app: App) -> Connector:
    """A new connector with the app's settings. Raises Misconfigured if they cannot be read."""
    try:
        config = app.config
    except Unreadable as error:
        raise Misconfigured(str(error)) from error
    return app.kind(
        app.name,
        config,
        internal=app.internal,
        ca_certificate=app.ca_certificate,
        pace=_pace(app),
    )


def fingerprint(app: App) -> str:
    """Changes with whatever says which system is asked, and tells nothing about the secrets.

    Raises Misconfigured if they cannot be read.
    """
    try:
        told = json.dumps([app.connector, app.config], sort_keys=True)
    except Unreadable as error:
        raise Misconfigured(str(error)) from error
    return salted_hmac("provisioning.connections", told, algorithm="sha256").hexdigest()


def for_lane(app: App, *, before_write: Callable[[], None]) -> Connector:
    """The open connector of the app, a new one if the app was saved since.

    It asks this owner of the lane before every write, even if another owner in this process got
    the same connection since.
    """
    with _lock:
        saved, kept = _open.get(app.pk, (None, None))
        if kept is None or saved != app.changed_at:
            if kept is not None:
                kept.close()
            kept = connector(app)
            _open[app.pk] = (app.changed_at, kept)
    return kept.asking(before_write, learned=learned(app))


def learned(app: App) -> dict[str, str]:
    """What is known of the application, as a connector goes by it."""
    return {flag: str(lesson["value"]) for flag, lesson in app.learned.items()}


def remember(app: App, lessons: Sequence[Lesson]) -> None:
    """Keep what was found out about the application, for every worker and for the app's page.

    Not if the app was saved since: its address may be another one now. Nothing about the accounts
    has changed, so the time of the app's last change stays as it is.
    """
    if lessons:
        transactions.giving_way(lambda: _keep(app, lessons))


def _keep(app: App, lessons: Sequence[Lesson]) -> None:
    apps = App.objects.filter(pk=app.pk, changed_at=app.changed_at)
    current = apps.select_for_update(no_key=True).first()
    if current is not None:
        apps.update(learned=current.learned | _told(lessons), changed_at=app.changed_at)


def _told(lessons: Sequence[Lesson]) -> dict[str, dict[str, str]]:
    """Lessons as they are stored."""
    now = timezone.now().isoformat(timespec="seconds")
    return {
        lesson.flag: {"value": lesson.value, "evidence": lesson.evidence, "at": now}
        for lesson in lessons
    }


def _pace(app: App) -> Pace:
    """One for all connectors of the app in this process: it counts their requests together."""
    limit = app.requests_per_second or app.kind.requests_per_second
    with _lock:
        known, kept = _paces.get(app.pk, (None, None))
        if kept is None or known != limit:
            kept = Pace(limit)
            _paces[app.pk] = (limit, kept)
        return kept
