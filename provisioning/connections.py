"""Keeps one connector per app open, so that tokens and connections serve more than one push."""

import json
import threading
from collections.abc import Callable

from django.utils.crypto import salted_hmac

from provisioning.connectors.base import Connector
from provisioning.errors import Misconfigured
from provisioning.models import App
from provisioning.pace import Pace
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
    return kept.asking(before_write)


def _pace(app: App) -> Pace:
    """One for all connectors of the app in this process: it counts their requests together."""
    limit = app.requests_per_second or app.kind.requests_per_second
    with _lock:
        known, kept = _paces.get(app.pk, (None, None))
        if kept is None or known != limit:
            kept = Pace(limit)
            _paces[app.pk] = (limit, kept)
        return kept
