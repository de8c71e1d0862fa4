"""Keeps one connector per app open, so that tokens and connections serve more than one push."""

import threading
from collections.abc import Callable

from provisioning.connectors.base import Connector
from provisioning.errors import Misconfigured
from provisioning.models import App
from provisioning.secrets import Unreadable

_open: dict[int, tuple[object, Connector]] = {}
_lock = threading.Lock()


def connector(app: App, *, before_write: Callable[[], None] = lambda: None) -> Connector:
    """A new connector with the app's settings. Raises Misconfigured if they cannot be read."""
    try:
        config = app.config
    except Unreadable as error:
        raise Misconfigured(str(error)) from error
    return app.kind(app.name, config, internal=app.internal, before_write=before_write)


def for_lane(app: App, *, before_write: Callable[[], None]) -> Connector:
    """The open connector of the app, a new one if the app was saved since.

    Only the owner of the app's lane calls this, so nobody else writes through it meanwhile.
    """
    with _lock:
        saved, kept = _open.get(app.pk, (None, None))
        if kept is None or saved != app.changed_at:
            if kept is not None:
                kept.close()
            kept = connector(app)
            _open[app.pk] = (app.changed_at, kept)
    kept.before_write = before_write
    return kept
