"""`manage.py doctor` finds what is wrong, says what to do, and says nothing where all is well."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from iam.models import Group, User
from provisioning import heartbeat, lanes
from provisioning.models import Account, Lane, Worker
from reports import doctor
from reports.doctor import State
from tests.conftest import MakeApp
from tests.support.brokers import Broker, celery_worker
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim
from tests.support.portal import ROOT, environment, manage
from tests.support.receiver import Receiver, answers, recorded, webhook
from tests.support.threads import database_address, eventually


@pytest.fixture
def working(db: None, settings: Any) -> None:
    # Without the name that Django's own tests add.
    settings.ALLOWED_HOSTS = ["localhost"]
    now = timezone.now()
    Worker.objects.create(name="one", started_at=now, seen_at=now)


def wrong(**options: Any) -> dict[str, str]:
    """What is not as it should be, by what was looked at."""
    return {
        found.check: found.message for found in doctor.examine(**options) if found.state != State.OK
    }


def test_all_is_well(working: None) -> None:
    status, said = give("doctor")
    assert status == 0
    assert "ok       database: " in said
    assert {each["state"] for each in given("doctor")} == {"ok"}


def test_without_a_worker_it_is_1(db: None) -> None:
    status, said = give("doctor")
    assert status == 1
    assert "wrong    worker: No worker is running" in said


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("DEBUG", True, "GATEHOUSE_DEBUG is on"),
        ("ALLOWED_HOSTS", ["*"], "allows every name"),
        ("ALLOWED_HOSTS", ["portal.example.org"], "GATEHOUSE_HTTPS is off"),
        ("SECRET_KEY", "short", "shorter than 50"),
    ],
)
def test_a_setting_that_is_not_safe_is_told(
    working: None, settings: Any, setting: str, value: Any, sentence: str
) -> None:
    setattr(settings, setting, value)
    found = [each.message for each in doctor.examine() if each.check == "configuration"]
    assert any(sentence in message for message in found)


def test_a_key_that_others_may_read_is_wrong(working: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    key = tmp_path / "encryption.key"
    key.touch(mode=0o600)
    assert wrong() == {}
    key.chmod(0o640)
    assert f"chmod 600 {key}" in wrong()["keys"]


def test_a_full_disk_is_wrong(working: None) -> None:
    assert "Make room" in wrong(least_free=10**18)["disk"]


def test_a_secret_that_needs_an_older_key_or_a_lost_one_is_told(
    working: None, settings: Any, make_app: MakeApp, faulty: FaultyScim
) -> None:
    make_app(faulty)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    assert "Give “manage.py rotate-keys”" in wrong()["secrets"]
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert "Zoom: The stored token cannot be read" in wrong()["secrets"]


def test_an_application_that_is_stopped_or_paused_is_told(
    working: None, make_app: MakeApp, faulty: FaultyScim
) -> None:
    app = make_app(faulty)
    lane, _ = Lane.objects.get_or_create(app=app)
    lanes.rest(lane, problem="The token is wrong.")
    assert wrong()["applications"] == "Zoom is stopped: The token is wrong."
    lanes.resume(app.pk)
    app.paused = True
    app.save()
    assert "apps resume" in wrong()["applications"]


def test_a_webhook_that_is_not_delivered_or_has_given_up_is_told(
    working: None, receiver: Receiver, push: Callable[[], None]
) -> None:
    hook = webhook(receiver)
    receiver.on_next(answers(410))
    recorded("ann")
    push()
    told = [each for each in doctor.examine(least_free=0) if each.check == "webhooks"]
    assert [each.state for each in told] == [State.WRONG, State.WARNING]
    assert told[0].message.startswith("Tickets is not delivered: 127.0.0.1 answered 410.")
    assert told[1].message.startswith("Tickets: 1 events were given up.")
    assert not hook.deliveries.filter(state="waiting").exists()


@pytest.mark.parametrize("token", ["", "wrong"])
def test_applications_are_asked_only_on_request(
    working: None, make_app: MakeApp, faulty: FaultyScim, token: str
) -> None:
    make_app(faulty)
    faulty.token = token or faulty.token
    assert wrong() == {}
    assert faulty.requests == []
    assert ("applications" in wrong(connect=True)) == bool(token)
    assert faulty.requests


def test_a_change_that_waits_too_long_is_wrong(
    working: None, make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User
) -> None:
    make_app(faulty, group=sales)
    Account.objects.update(due_at=timezone.now() - timedelta(hours=1))
    assert "A change has waited" in wrong()["worker"]


def test_a_worker_of_the_future_means_that_the_clocks_differ(working: None) -> None:
    Worker.objects.update(seen_at=timezone.now() + timedelta(minutes=5))
    assert re.search(r"\b(300|2[89]\d) seconds apart", wrong()["clock"])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, ""),
        (5, ""),
        (120, "Its clock is 120 seconds ahead of the one here."),
        (-120, "Its clock is 120 seconds behind the one here."),
    ],
)
def test_the_clock_of_an_application_is_held_against_ours(
    working: None, make_app: MakeApp, faulty: FaultyScim, seconds: int, said: str
) -> None:
    app = make_app(faulty)
    there = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 0.5), usegmt=True)
    faulty.clock = there
    told = wrong(connect=True).get("applications", "")
    assert re.sub("11[89]|12[01]", "120", told).partition("credentials. ")[2][: len(said)] == said
    assert bool(told) == bool(said)
    app.refresh_from_db()
    assert ("clock" in app.learned) == bool(said)


def test_without_a_broker_none_is_missed(working: None) -> None:
    (found,) = [each for each in doctor.examine() if each.check == "broker"]
    assert (found.state, found.message) == (State.OK, "None is set, and none is needed.")


def about_the_broker(url: str) -> dict[str, str]:
    """What `manage.py doctor` says of it, given as an operator gives it."""
    ours = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "iam.settings",
        "GATEHOUSE_DATABASE_URL": database_address(),
        "GATEHOUSE_BROKER_URL": url,
    }
    asked = subprocess.run(
        manage("doctor", "--json"), env=ours, cwd=ROOT, capture_output=True, text=True
    )
    told = [json.loads(line) for line in asked.stdout.splitlines()]
    (found,) = [each for each in told if each["check"] == "broker"]
    return dict(found)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    ],
)
def test_a_broker_that_is_away_or_that_nobody_listens_to_is_told(name: str) -> None:
    broker = Broker(name)
    try:
        nobody = about_the_broker(broker.url)
        with celery_worker(broker, "--beat"):
            assert eventually(lambda: heartbeat.alive(prefix=heartbeat.CELERY) == 1)
            well = about_the_broker(broker.url)
            broker.wire.cut()
            away = about_the_broker(broker.url)
    finally:
        broker.close()
    assert nobody["state"] == "wrong"
    assert "no worker of Celery listens to it" in nobody["message"]
    assert (well["state"], well["message"]) == ("ok", "As it should be.")
    assert away["state"] == "wrong"
    assert "The message broker does not answer: " in away["message"]


def test_tables_that_are_missing_are_told(working: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'provisioning' AND name > '0003'")
    assert "give “manage.py setup”" in wrong()["database"]


def test_a_database_that_is_away_is_one_sentence_and_1(tmp_path: Path) -> None:
    ours = environment(tmp_path, GATEHOUSE_DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    ended = subprocess.run(manage("doctor"), env=ours, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "wrong    database: The database does not answer." in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    other = subprocess.run(manage("apps"), env=ours, cwd=ROOT, capture_output=True, text=True)
    assert (other.returncode, other.stdout) == (1, "")
    assert "ask “manage.py doctor”" in other.stderr
    assert "Traceback" not in other.stderr
