"""The log is lines or JSON, says which job a line belongs to, and never holds a secret."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from iam import logs
from iam.models import Group, User
from iam.settings import LOGGING
from provisioning import apps_setup, correlation
from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.scim import Scim
from provisioning.heartbeat import Heartbeat
from provisioning.models import Account, App, Event
from provisioning.secrets import seal, unseal
from tests.conftest import MakeApp
from tests.support.connectors import Stumbling, in_catalogue
from tests.support.faulty import FaultyScim, answer
from tests.support.threads import eventually, shared_database, stopped, worker_process

FORMATS = ("line", "json")
# Looks like nothing that a pattern could know.
CANARY = "sunflower-77-canary"
# Is never stored, so that only its surroundings can tell what it is.
STRANGER = "marigold-31-canary"

Push = Callable[[], None]


class Log:
    """What the product's own handler writes, caught instead of printed."""

    def __init__(self, format_: str) -> None:
        settings = deepcopy(LOGGING)
        parts = DictConfigurator(settings)
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(parts.configure_formatter(settings["formatters"][format_]))
        self.handler.addFilter(parts.configure_filter(settings["filters"]["about"]))

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def about(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.told if line["logger"] == logger]


def writing(format_: str) -> Iterator[Log]:
    log, root = Log(format_), logging.getLogger()
    before = root.level
    root.addHandler(log.handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(log.handler)
    root.setLevel(before)


@pytest.fixture(params=FORMATS)
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """Everything that is logged, in both formats one after the other."""
    yield from writing(request.param)


@pytest.fixture
def lines() -> Iterator[Log]:
    yield from writing("line")


@pytest.fixture
def objects() -> Iterator[Log]:
    yield from writing("json")


logger = logging.getLogger("somewhere")


# --------------------------------------------------------------------------------------- lines


def test_a_line_has_time_level_place_and_message(lines: Log) -> None:
    logger.warning("Three %s", "words")
    assert lines.text.endswith(" WARNING somewhere: Three words\n")


def test_a_line_about_a_job_says_which(lines: Log) -> None:
    with correlation.working_on({"correlation_id": "abc", "app": "Zoom", "account": 7}):
        logger.info("Asked")
    logger.info("Over")
    first, second = lines.text.splitlines()
    assert first.endswith("Asked [correlation_id=abc app=Zoom account=7]")
    assert second.endswith("Over")


def test_a_traceback_stands_moved_in_under_its_line(lines: Log) -> None:
    try:
        raise ZeroDivisionError("a\nforged line")
    except ZeroDivisionError:
        logger.exception("Broken")
    first, *rest = lines.text.splitlines()
    assert first.endswith("Broken")
    assert all(line.startswith("    ") for line in rest)
    assert rest[-1] == "    forged line"


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[2K", "\x00", "\u2028", "\x85", "\x7f"])
def test_text_from_outside_cannot_begin_a_line_of_its_own(lines: Log, sign: str) -> None:
    logger.warning("Answered: %s", f"no{sign}2026-11-25 00:00:00 INFO somewhere: All is well")
    (only,) = lines.text.splitlines()
    assert only.isprintable()


def test_letters_of_every_language_stay(lines: Log) -> None:
    logger.warning("Żółć “日本” é")
    assert lines.text.endswith("Żółć “日本” é\n")


# ---------------------------------------------------------------------------------------- JSON


def test_an_object_has_the_time_in_utc_and_the_rest_under_its_name(objects: Log) -> None:
    logger.error("Three %s", "words")
    (told,) = objects.told
    time = told.pop("time")
    assert time.endswith("+00:00")
    assert told == {"level": "ERROR", "logger": "somewhere", "message": "Three words"}


def test_an_object_about_a_job_says_which(objects: Log) -> None:
    with correlation.working_on({"correlation_id": "abc", "app": "Zoom", "account": 7}):
        logger.info("Asked")
    (told,) = objects.told
    assert (told["correlation_id"], told["app"], told["account"]) == ("abc", "Zoom", 7)


def test_an_object_holds_the_exception(objects: Log) -> None:
    try:
        raise ZeroDivisionError("broken \ud800 \n in two")
    except ZeroDivisionError:
        # Not by way of a logger: pytest keeps what is logged, and cannot send half a character
        # from one of its processes to another.
        trouble = (logger.name, logging.ERROR, __file__, 1, "Oh", (), sys.exc_info())
        objects.handler.handle(logging.LogRecord(*trouble))
    (told,) = objects.told
    assert told["exception"].startswith("Traceback")
    assert "ZeroDivisionError: broken" in told["exception"]


# ------------------------------------------------------------------------------------ redaction


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "{{'Authorization': 'Bearer {}'}}",
        '{{"Authorization": "Basic {}"}}',
        "InvalidHeader(b'Bearer {}')",
        "authorization: {}",
        "authorization: Digest username=ann, response={}",
        "POST /token?grant_type=x&client_secret={}&y=1",
        "access_token={}",
        '{{"access_token": "{}", "expires_in": 1}}',
        r'"{{\"token\": \"{}\"}}"',
        "client_secret='{}'",
        "password = {}",
        "API-KEY: {}",
        "GATEHOUSE_METRICS_TOKEN={}",
        "postgres://gatehouse:{}@db.example.org:5432/gatehouse",
    ],
)
@pytest.mark.parametrize("where", ["message", "exception"])
def test_what_looks_like_a_secret_is_hidden(log: Log, text: str, where: str) -> None:
    text = text.format(STRANGER)
    try:
        raise ValueError(text)
    except ValueError:
        if where == "exception":
            logger.exception("It says")
        else:
            logger.warning("It says %s", text)
    assert STRANGER not in log.text
    assert logs.HIDDEN in log.text


@pytest.mark.parametrize(
    "text",
    [
        "The bearer of this is Ann",
        "Zoom did not accept the token (error 401).",
        "https://example.org:8000/scim/v2?filter=a",
        "Basic facts",
    ],
)
def test_what_is_no_secret_stays(lines: Log, text: str) -> None:
    logger.warning(text)
    assert text in lines.text


def test_a_secret_that_was_read_is_hidden_wherever_it_turns_up(log: Log) -> None:
    unseal(seal({"token": f"{CANARY}-{log.handler.formatter.__class__.__name__}"}))
    logger.warning("The answer was %s-%s!", CANARY, log.handler.formatter.__class__.__name__)
    assert CANARY not in log.text


def test_a_secret_that_is_a_word_uncovers_no_other(lines: Log) -> None:
    unseal(seal({"token": "assertion", "client_secret": "password"}))
    logger.warning("assertion=%s password=%s", STRANGER, STRANGER)
    assert STRANGER not in lines.text


def test_a_value_too_short_to_be_a_secret_blots_out_nothing(lines: Log) -> None:
    unseal(seal({"token": "e", "client_secret": "we were"}))
    logger.warning("Here we were")
    assert "Here we were" in lines.text


# ------------------------------------------------------------------------------------- pushes


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, transactional_db: None) -> App:
    return make_app(faulty, group=sales)


def test_a_push_is_one_line_without_the_name_of_the_person(
    objects: Log, app: App, ann: User, push: Push
) -> None:
    push()
    (told,) = objects.about("provisioning.record")
    event, account = Event.objects.get(), Account.objects.get()
    assert told["message"].startswith("create: done (")
    assert told.pop("level") == "INFO"
    about = {"app": "Zoom", "account": account.pk, "correlation_id": event.correlation_id}
    what = {"operation": "create", "outcome": "done", "attempt": 1}
    assert {key: told[key] for key in about | what} == about | what
    assert told["duration_ms"] == event.duration_ms
    assert "ann" not in json.dumps(told).lower()


@pytest.mark.parametrize(("status", "outcome"), [(400, "failed"), (500, "retrying")])
def test_a_failure_is_a_warning_with_its_status(
    objects: Log, app: App, ann: User, faulty: FaultyScim, push: Push, status: int, outcome: str
) -> None:
    faulty.on("POST", answer(status, {"detail": f"{ann.username} is not welcome"}))
    push()
    (told,) = objects.about("provisioning.record")
    assert (told["level"], told["outcome"], told["http_status"]) == ("WARNING", outcome, status)
    assert f"status {status}" in told["message"]
    assert "welcome" not in json.dumps(told)


def test_a_mistake_of_ours_is_told_with_the_id_of_its_row(
    objects: Log,
    ann: User,
    bob: User,
    make_app: MakeApp,
    sales: Group,
    push: Push,
    faulty: FaultyScim,
) -> None:
    sales.users.set([bob])
    with in_catalogue(Stumbling, "stumbling"):
        make_app(faulty, kind="stumbling", group=sales)
        push()
    (told,) = objects.about("provisioning.failures")
    assert "a mistake in the connector" in told["exception"]
    event = Event.objects.get(user=bob)
    assert (told["correlation_id"], told["app"]) == (event.correlation_id, "Zoom")
    assert told["account"] == Account.objects.get(user=bob).pk


def test_every_line_during_a_request_says_which_job_it_belongs_to(
    objects: Log, app: App, ann: User, push: Push
) -> None:
    push()
    told = objects.about("urllib3.connectionpool")
    assert told
    assert {line["correlation_id"] for line in told} == {Event.objects.get().correlation_id}


# -------------------------------------------------------------------------------------- canary


class Talkative(Scim):
    """Puts its secret into an exception for whoever is called Bob."""

    def create(self, values: Any, *, external_id: str) -> RemoteAccount:
        if values["name.givenName"] == "Bob":
            raise ZeroDivisionError(f"the settings were {self.config}, {self.config['token']}!")
        return super().create(values, external_id=external_id)


def test_a_token_is_in_no_line_no_number_and_no_answer(
    log: Log,
    transactional_db: None,
    make_app: MakeApp,
    faulty: FaultyScim,
    ann: User,
    bob: User,
    sales: Group,
    push: Push,
    admin_client: Client,
) -> None:
    faulty.token = CANARY
    sales.users.add(bob)
    faulty.on("POST", answer(400, {"detail": f"Bad: {CANARY}, Authorization: Bearer {CANARY}"}))
    with in_catalogue(Talkative, "talkative"):
        app = make_app(faulty, kind="talkative", group=sales)
        Heartbeat("one").beat()
        assert apps_setup.check_connection(app)[0]
        push()
        faulty.token = "another"
        assert not apps_setup.check_connection(app)[0]
    assert "ZeroDivisionError: the settings were" in log.text
    assert Event.objects.filter(outcome="failed").exists()
    for text in (log.text, *(admin_client.get(path).content.decode() for path in PATHS)):
        assert text
        assert CANARY not in text


PATHS = ("/metrics", "/healthz")


# -------------------------------------------------------------------------------------- settings


def test_a_worker_writes_as_the_setting_says(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ann: User, app: App
) -> None:
    monkeypatch.setenv("GATEHOUSE_LOG_FORMAT", "json")
    monkeypatch.setenv("GATEHOUSE_LOG_LEVEL", "INFO")
    with shared_database(tmp_path), worker_process() as process:
        assert eventually(lambda: Event.objects.exists())
        _, output = stopped(process)
    told = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert "provisioning.record" in {line["logger"] for line in told}
