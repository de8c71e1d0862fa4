"""/metrics tells Prometheus what the report tells people, for those who may know."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from iam.models import Group, Operator, User
from iam.settings import BASE_DIR
from provisioning import lanes, record
from provisioning.heartbeat import Heartbeat
from provisioning.lanes import LeaseLost
from provisioning.models import Account, App, Event, Guard, Hold, Lane, Outcome
from provisioning.plan import Feature, Operation
from provisioning.record import Result
from tests.conftest import MakeApp, person
from tests.support.connectors import in_catalogue, interfering
from tests.support.faulty import FaultyScim, answer, lose_answer
from tests.support.receiver import Receiver, webhook
from tests.support.threads import WorkerThread, eventually, shared_database, stopped, worker_process

Push = Callable[[], None]
Later = Callable[..., None]
Labels = frozenset[tuple[str, str]]

TOKEN = "a-token-for-prometheus"
PUSHES = "gatehouse_pushes_total"
LATENCY = "gatehouse_push_latency_seconds"


@pytest.fixture
def prometheus(settings: Any) -> Client:
    """Who has the token."""
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def scraped(client: Client) -> dict[tuple[str, Labels], float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def number(client: Client, name: str, **labels: str) -> float:
    return scraped(client)[f"gatehouse_{name}", frozenset(labels.items())]


def counted(client: Client) -> Counter[tuple[str, ...]]:
    """(app, operation, outcome) as Prometheus is told."""
    found: Counter[tuple[str, ...]] = Counter()
    for (name, labels), value in scraped(client).items():
        if name == PUSHES:
            told = dict(labels)
            found[told["app"], told["operation"], told["outcome"]] += int(value)
    return found


def reported() -> Counter[tuple[str, ...]]:
    """The same as the report tells it."""
    return Counter(Event.objects.values_list("app_name", "operation", "outcome"))


def timed(client: Client, within: str = "+Inf") -> int:
    """How many changes arrived within so many seconds."""
    found = scraped(client)
    return int(found[f"{LATENCY}_bucket", frozenset({"app": "Zoom", "le": within}.items())])


# --------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9\xff",
    ],
)
def test_strangers_learn_nothing(db: None, settings: Any, authorization: str | None) -> None:
    settings.METRICS_TOKEN = TOKEN
    headers = {"Authorization": authorization} if authorization else None
    response = Client().get("/metrics", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "gatehouse_" not in response.content.decode()


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_in_the_settings_none_is_right(
    db: None, settings: Any, authorization: str
) -> None:
    settings.METRICS_TOKEN = ""
    response = Client().get("/metrics", headers={"Authorization": authorization})
    assert response.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Bearer  "])
def test_who_has_the_token_may_ask(db: None, settings: Any, scheme: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    response = Client().get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert response.status_code == 200
    assert "gatehouse_workers" in response.content.decode()


def test_an_operator_may_ask(admin_client: Client) -> None:
    assert number(admin_client, "workers") == 0


@pytest.mark.parametrize("lacking", ["is_staff", "is_active"])
def test_who_may_not_enter_the_portal_may_not_ask_either(
    client: Client, db: None, lacking: str
) -> None:
    olga = Operator.objects.create_user("olga", is_staff=True)
    client.force_login(olga)
    assert client.get("/metrics").status_code == 200
    Operator.objects.update(**{lacking: False})
    assert client.get("/metrics").status_code == 401


def test_it_can_only_be_read(prometheus: Client, db: None) -> None:
    assert prometheus.post("/metrics").status_code == 405


def test_an_answer_is_not_kept(prometheus: Client, db: None) -> None:
    assert "no-store" in prometheus.get("/metrics").headers["Cache-Control"]


# ------------------------------------------------------------------------------ how things are


def test_what_is_due_is_told_for_each_app(
    prometheus: Client,
    app: App,
    ann: User,
    bob: User,
    sales: Group,
    make_app: MakeApp,
    later: Later,
) -> None:
    with FaultyScim() as other:
        make_app(other, name="Idle")
    later(minutes=2)
    sales.users.add(bob)
    assert number(prometheus, "accounts_due", app="Zoom") == 2
    assert number(prometheus, "oldest_due_seconds", app="Zoom") == pytest.approx(120, abs=10)
    assert number(prometheus, "accounts_due", app="Idle") == 0
    assert number(prometheus, "oldest_due_seconds", app="Idle") == 0


def test_what_is_for_later_or_waits_for_a_decision_is_not_due(
    prometheus: Client, app: App, ann: User, bob: User, sales: Group
) -> None:
    sales.users.add(bob)
    Account.objects.filter(user=ann).update(due_at=timezone.now() + timedelta(days=1))
    Account.objects.filter(user=bob).update(guard=Guard.HELD)
    assert number(prometheus, "accounts_due", app="Zoom") == 0


def test_an_app_that_was_stopped_is_told(
    prometheus: Client, app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    assert number(prometheus, "lane_stopped", app="Zoom") == 0
    faulty.token = "another"
    push()
    assert number(prometheus, "lane_stopped", app="Zoom") == 1


def test_an_app_that_asked_for_a_rest_is_stopped_until_then(
    prometheus: Client, app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("*", answer(429, Retry_After="600"), times=1)
    push()
    assert number(prometheus, "lane_stopped", app="Zoom") == 1
    later(minutes=11)
    push()
    assert number(prometheus, "lane_stopped", app="Zoom") == 0


def test_an_app_that_somebody_paused_is_told_apart(prometheus: Client, app: App) -> None:
    App.objects.update(paused=True)
    assert number(prometheus, "app_paused", app="Zoom") == 1
    assert number(prometheus, "lane_stopped", app="Zoom") == 0


def test_removals_that_wait_for_a_decision_are_counted(
    prometheus: Client, app: App, ann: User
) -> None:
    account = Account.objects.get()
    about = {"app": app, "account": account, "operation": "deactivate", "held_at": timezone.now()}
    Hold.objects.create(**about, decision="rejected")
    assert number(prometheus, "holds_waiting", app="Zoom") == 0
    Hold.objects.create(**about)
    assert number(prometheus, "holds_waiting", app="Zoom") == 1


def test_the_workers_that_are_alive_are_counted(prometheus: Client, db: None, later: Later) -> None:
    Heartbeat("dead").beat()
    later(minutes=5)
    Heartbeat("alive").beat()
    assert number(prometheus, "workers") == 1


def test_the_version_is_the_one_of_this_checkout(prometheus: Client, db: None) -> None:
    about = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert number(prometheus, "build_info", version=about["version"]) == 1


# ------------------------------------------------------------------------------- what was done


def test_the_counters_are_those_of_the_report_after_a_mixed_day(
    prometheus: Client,
    make_app: MakeApp,
    app: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    later: Later,
) -> None:
    with FaultyScim() as second:
        make_app(second, name="Second", group=sales)
        second.add(ann.username)
        sales.users.add(*(person(f"p{number:02}") for number in range(8)))
        faulty.on("POST", answer(400), about="p01@")
        faulty.on("POST", answer(500), about="p02@", times=1)
        faulty.on("POST", lose_answer, about="p03@", times=1)
        faulty.on("POST", answer(429, Retry_After="1"), about="p04@", times=1)
        for change in (lambda: None, lambda: sales.users.remove(ann), ann.delete):
            change()
            push()
            later(minutes=5)
            push()
    assert counted(prometheus) == reported()
    assert len(reported()) >= 5
    assert reported()["Second", "adopt", "done"] == 1


def test_what_the_guard_holds_back_is_counted_as_the_report_tells_it(
    prometheus: Client, app: App, sales: Group, push: Push
) -> None:
    sales.users.add(*(person(f"p{number:02}") for number in range(12)))
    push()
    sales.users.clear()
    push()
    assert counted(prometheus) == reported()
    assert reported()["Zoom", "deactivate", "held"] == 12
    assert number(prometheus, "holds_waiting", app="Zoom") == 12
    assert number(prometheus, "accounts_due", app="Zoom") == 0


def test_what_is_not_recorded_is_not_counted(
    prometheus: Client, app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        push()
        raise ZeroDivisionError
    assert faulty.names() == [ann.username]
    assert counted(prometheus) == reported() == Counter()


def test_who_lost_the_lane_counts_nothing(prometheus: Client, app: App, ann: User) -> None:
    lease = lanes.acquire(app.pk, owner="one")
    assert lease is not None
    account = Account.objects.select_related("app").get()
    event = record.event(account, Operation.CREATE, Outcome.DONE, "Made.")
    Lane.objects.update(token=F("token") + 1)
    with pytest.raises(LeaseLost):
        record.save([Result(account, event=event)], lease=lease)
    assert counted(prometheus) == reported() == Counter()


def test_an_app_that_was_never_worked_on_has_no_counter(prometheus: Client, app: App) -> None:
    assert counted(prometheus) == Counter()
    assert timed(prometheus) == 0


def test_an_app_is_told_under_the_name_that_it_has_now(
    prometheus: Client, app: App, ann: User, push: Push
) -> None:
    push()
    App.objects.update(name='Zoom "EU" \\ é')
    assert list(counted(prometheus)) == [('Zoom "EU" \\ é', "create", "done")]


def test_the_counters_go_with_the_app(prometheus: Client, app: App, ann: User, push: Push) -> None:
    push()
    app.delete()
    assert counted(prometheus) == Counter()


# ------------------------------------------------------------------------------- how long it took


def test_a_change_is_timed_from_its_commit_to_its_effect(
    prometheus: Client, app: App, ann: User, push: Push, later: Later
) -> None:
    later(seconds=40)
    push()
    assert (timed(prometheus, "30.0"), timed(prometheus, "60.0"), timed(prometheus)) == (0, 1, 1)
    assert number(prometheus, "push_latency_seconds_count", app="Zoom") == 1
    assert number(prometheus, "push_latency_seconds_sum", app="Zoom") == pytest.approx(40, abs=5)


def test_a_failure_is_no_effect_and_the_time_goes_on(
    prometheus: Client, app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", answer(500), times=1)
    push()
    assert timed(prometheus) == 0
    later(minutes=4)
    push()
    assert (timed(prometheus, "60.0"), timed(prometheus, "300.0")) == (0, 1)


def test_a_second_change_is_timed_by_itself(
    prometheus: Client, app: App, ann: User, push: Push, later: Later
) -> None:
    push()
    later(hours=5)
    ann.last_name = "Oak"
    ann.save()
    push()
    assert timed(prometheus, "10.0") == 2


def test_a_deletion_after_the_days_of_grace_is_not_taken_for_a_slow_one(
    prometheus: Client, app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    App.objects.update(features=[feature.value for feature in Feature])
    push()
    ann.delete()
    push()
    later(days=31)
    push()
    assert faulty.users() == []
    assert reported()["Zoom", "delete", "done"] == 1
    assert timed(prometheus, "10.0") == timed(prometheus) == 2


def test_a_change_that_comes_during_a_push_is_timed_too(
    prometheus: Client, make_app: MakeApp, faulty: FaultyScim, ann: User, sales: Group, push: Push
) -> None:
    def rename(operation: str) -> None:
        if operation == "create":
            ann.last_name = "Oak"
            ann.save()

    with in_catalogue(interfering(rename), "interfering"):
        make_app(faulty, kind="interfering", group=sales)
        push()
    assert reported()["Zoom", "update", "done"] == 1
    assert timed(prometheus, "10.0") == 2
    assert Account.objects.get().marked_at is None


# -------------------------------------------------------------------------------- many of them


def test_the_number_of_queries_is_fixed(
    prometheus: Client,
    app: App,
    sales: Group,
    make_app: MakeApp,
    faulty: FaultyScim,
    push: Push,
    django_assert_num_queries: Any,
) -> None:
    with django_assert_num_queries(5):
        scraped(prometheus)
    for number_ in range(3):
        make_app(faulty, name=f"App {number_}", group=sales)
    sales.users.add(*(person(f"p{number_:02}") for number_ in range(20)))
    push()
    with django_assert_num_queries(5):
        scraped(prometheus)


def test_the_guide_explains_every_number_and_no_other(
    prometheus: Client, app: App, ann: User, push: Push, receiver: Receiver
) -> None:
    webhook(receiver)
    push()
    families = text_string_to_metric_families(prometheus.get("/metrics").content.decode())
    exposed = set()
    for family in families:
        suffix = "_total" if family.type == "counter" else ""
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        exposed.add((family.name + suffix, frozenset(labels)))
    guide = (BASE_DIR / "docs/guides/operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(gatehouse_\w+)(?:\{([\w,]+)\})?` \|", guide, re.MULTILINE)
    assert {(name, frozenset(filter(None, labels.split(",")))) for name, labels in rows} == exposed


def test_openmetrics_is_spoken_to_those_who_ask_for_it(
    prometheus: Client, app: App, ann: User, push: Push
) -> None:
    push()
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    response = prometheus.get("/metrics", headers={"Accept": accept})
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    families = list(openmetrics.text_string_to_metric_families(response.content.decode()))
    assert "gatehouse_pushes" in {family.name for family in families}


# -------------------------------------------------------------------------- several processes


@pytest.fixture
def _shared(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with shared_database(tmp_path):
        yield


def nothing_due() -> bool:
    return not Account.objects.exclude(due_at=None).exists()


def test_the_counters_go_on_after_a_restart(
    _shared: None, prometheus: Client, app: App, ann: User, bob: User, sales: Group
) -> None:
    for someone in (ann, bob):
        sales.users.add(someone)
        with worker_process() as process:
            assert eventually(nothing_due)
            assert stopped(process)[0] == 0
    assert counted(prometheus) == reported() == Counter({("Zoom", "create", "done"): 2})


def test_two_workers_count_together(
    _shared: None, prometheus: Client, make_app: MakeApp, sales: Group, faulty: FaultyScim
) -> None:
    apps = [make_app(faulty, name=f"App {number_}", group=sales) for number_ in range(3)]
    with WorkerThread(), WorkerThread():
        for number_ in range(20):
            sales.users.add(person(f"p{number_:02}"))
        assert eventually(nothing_due)
    assert counted(prometheus) == reported()
    assert sum(reported().values()) >= 20 * len(apps)
