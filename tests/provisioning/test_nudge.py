"""A commit never waits for the message broker, and who has none needs no Celery."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from iam.models import Group, User
from iam.settings import BASE_DIR
from provisioning import nudge
from provisioning.models import Account, App
from tests.conftest import MakeApp
from tests.support.brokers import writer
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim
from tests.support.portal import environment
from tests.support.servers import RawServer, never_answer
from tests.support.threads import shared_database


@pytest.fixture
def app(
    transactional_db: None, tmp_path: Path, make_app: MakeApp, faulty: FaultyScim, sales: Group
) -> Iterator[App]:
    with shared_database(tmp_path):
        yield make_app(faulty, group=sales)


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens."""
    with RawServer(never_answer) as server:
        port = server.port
    yield port


@contextmanager
def silence() -> Iterator[int]:
    """A port where somebody listens and says nothing."""
    with RawServer(never_answer) as server:
        yield server.port


@pytest.mark.parametrize("kind", ["redis", "amqp"])
@pytest.mark.parametrize("away", [nobody, silence])
def test_a_commit_does_not_wait_for_a_broker_that_is_away(
    app: App,
    bob: User,
    faulty: FaultyScim,
    kind: str,
    away: Callable[[], AbstractContextManager[int]],
) -> None:
    with away() as port, writer(f"{kind}://127.0.0.1:{port}") as process:
        assert process.stdout is not None
        said = re.search(r"committed after ([\d.]+) s", process.stdout.readline())
    assert said
    assert float(said[1]) < 10
    assert Account.objects.get().user == bob
    drain_all()
    assert faulty.active_names() == [bob.username]


def loaded(folder: Path, code: str) -> str:
    """What this code prints in the portal without a broker."""
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        env=environment(folder),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout.strip()


def test_without_a_broker_nobody_loads_celery(tmp_path: Path) -> None:
    modules = "iam.urls, reports.pages, provisioning.worker, provisioning.serving"
    code = f"import sys, {modules}; print('celery' in sys.modules)"
    assert loaded(tmp_path, code) == "False"


def test_a_broker_without_celery_is_said_before_anything_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:6379/0"
    assert nudge.check_installed() == []
    monkeypatch.delitem(sys.modules, "celery", raising=False)
    monkeypatch.setattr(sys, "path", [])
    (error,) = nudge.check_installed()
    assert "Celery is not installed" in error.msg
    settings.BROKER_URL = ""
    assert nudge.check_installed() == []


def test_celery_without_a_broker_is_refused_with_the_setting_to_give(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "provisioning.celery_app", "worker"],
        env=environment(tmp_path),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode != 0
    assert "Set GATEHOUSE_BROKER_URL" in said.stderr
