"""What some tests need of the machine: skipped with the reason where it is missing, never in CI."""

import os
import shutil
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.settings import ON_POSTGRESQL, POSTGRESQL
from tests.support import bad_inputs

BROKERS = {
    "redis": os.environ.get("GATEHOUSE_TEST_REDIS", "redis://127.0.0.1:6379/0"),
    "rabbitmq": os.environ.get("GATEHOUSE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
}
_PAGES = Path(__file__).parents[1] / "provisioning" / "admin"
_PACKAGES = {"redis": "redis-server", "rabbitmq": "rabbitmq-server"}
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def look() -> None:
    """Where there is no PostgreSQL the run on it ends before it begins, with one line."""
    missing = _postgresql_missing() if ON_POSTGRESQL else ""
    if missing:
        in_ci = os.environ.get("CI") == "true"
        pytest.exit(f"Not run on PostgreSQL as well. {missing}", returncode=int(in_ci))


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a run on PostgreSQL only what uses the database; skip what the machine cannot do.

    Celery works on PostgreSQL, so what needs a message broker belongs to that run alone.
    """
    if ON_POSTGRESQL:
        chosen = [item for item in items if _uses_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    else:
        chosen = [item for item in items if not any(map(item.get_closest_marker, BROKERS))]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    _need([item for item in items if item.get_closest_marker("browser")], _chromium_missing)
    for name in BROKERS:
        marked = [item for item in items if item.get_closest_marker(name)]
        _need(marked, partial(_broker_missing, name))


def _uses_database(item: pytest.Item) -> bool:
    """Whether the database may decide how it ends."""
    names = set(getattr(item, "fixturenames", ()))
    used = {"db", "transactional_db"} & names or item.get_closest_marker("django_db")
    # What a page says is tried on SQLite alone; that each opens, on both in tests/roles.
    of_pages = _PAGES in item.path.parents and not bad_inputs.numbers(item)
    return bool(used) and not of_pages and item.get_closest_marker("browser") is None


def _need(items: list[pytest.Item], missing: Callable[[], str]) -> None:
    reason = missing() if items else ""
    if not reason:
        return
    if os.environ.get("CI") == "true":
        pytest.exit(f"Nothing may be skipped in CI. {reason}", returncode=1)
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


def _chromium_missing() -> str:
    if CHROMIUM:
        return ""
    return "Chromium is not here: apt-get install chromium (or set CHROMIUM to the program)"


def _postgresql_missing() -> str:
    return _server_missing(POSTGRESQL, "PostgreSQL", "postgresql", "GATEHOUSE_TEST_POSTGRESQL")


def _broker_missing(name: str) -> str:
    return _server_missing(BROKERS[name], name, _PACKAGES[name], f"GATEHOUSE_TEST_{name.upper()}")


def _server_missing(url: str, name: str, package: str, setting: str) -> str:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or 5432), 2).close()
    except OSError:
        return (
            f"No {name} server at {address.hostname}:{address.port}: apt-get install {package} "
            f"(or set {setting} to its address)"
        )
    return ""
