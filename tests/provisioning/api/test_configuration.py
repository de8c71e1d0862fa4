"""The configuration through the API: the text, its plan, and what was confirmed."""

from typing import Any

import pytest

from iam.models import Group, Operator, Scope, User
from provisioning.models import App, Policy
from tests.conftest import MakeApp
from tests.provisioning.api import Program, pointers, program
from tests.provisioning.configuration import HEAD, exported
from tests.support.faulty import FaultyScim

DISABLED = f"{HEAD}policies:\n  Zoom for Sales:\n    enabled: false\n"
PLAN, APPLY = "/configuration/plan/", "/configuration/apply/"


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User) -> App:
    return make_app(faulty, group=sales)


def test_the_text_is_that_of_the_export(api: Program, zoom: App) -> None:
    assert api.get("/configuration/").json() == {"text": exported()}
    assert api.get("/configuration/", app="Zoom").json() == {"text": exported("Zoom")}


@pytest.mark.parametrize("query", [{"app": "Nothing"}, {"name": "Zoom"}])
def test_an_unknown_app_or_parameter_is_refused(api: Program, zoom: App, query: Any) -> None:
    answer = api.get("/configuration/", **query)
    assert answer.status_code == 400 and pointers(answer) == list(query)


def test_a_plan_tells_and_changes_nothing_and_is_done_by_its_fingerprint(
    api: Program, zoom: App
) -> None:
    plan = api.post(PLAN, {"text": DISABLED}).json()
    (change,) = plan["changes"]
    assert change == {
        "what": "change",
        "section": "policies",
        "name": "Zoom for Sales",
        "fields": [{"name": "enabled", "old": True, "new": False}],
    }
    assert Policy.objects.get().enabled
    done = api.post(APPLY, {"text": DISABLED, "fingerprint": plan["fingerprint"]})
    assert done.status_code == 200 and not Policy.objects.get().enabled
    assert api.post(PLAN, {"text": DISABLED}).json()["changes"] == []


def test_what_was_changed_meanwhile_is_a_conflict(api: Program, zoom: App) -> None:
    plan = api.post(PLAN, {"text": DISABLED}).json()
    Policy.objects.update(enabled=False, login_method="external")
    answer = api.post(APPLY, {"text": DISABLED, "fingerprint": plan["fingerprint"]})
    assert answer.status_code == 409 and "Look at the new plan" in answer.json()["detail"]


@pytest.mark.parametrize("path", [PLAN, APPLY])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}apps:\n  Zoom:\n    drift: no\n", "Line 4, column 12"),
        (f"{HEAD}apps:\n  Zoom:\n    guard_percent: 101\n", "(apps › Zoom › guard_percent)"),
        ("apps: &a {}", "Line 1, column 7: References"),
    ],
)
def test_a_wrong_text_is_refused_with_its_lines(
    api: Program, zoom: App, path: str, text: str, said: str
) -> None:
    before = exported()
    answer = api.post(path, {"text": text} | ({"fingerprint": "x"} if path == APPLY else {}))
    assert answer.status_code == 400 and pointers(answer) == ["#/text"]
    assert said in answer.json()["errors"][0]["detail"]
    assert exported() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/text"),
        ({"text": 1}, "#/text"),
        ({"text": HEAD, "prune": "yes"}, "#/prune"),
        ({"text": HEAD, "force": True}, "#/force"),
    ],
)
def test_what_the_body_should_not_have_is_named(api: Program, body: Any, pointer: str) -> None:
    answer = api.post(PLAN, body)
    assert answer.status_code == 400 and pointers(answer) == [pointer]


def test_groups_need_the_scope_for_people_too(chief: Operator, zoom: App) -> None:
    text = f"{HEAD}groups:\n  Staff: {{}}\n"
    apps = program(chief, Scope.APPS, Scope.READ)
    assert apps.post(PLAN, {"text": DISABLED}).status_code == 200
    refused = apps.post(PLAN, {"text": text})
    assert refused.status_code == 403 and "scope “people”" in refused.json()["detail"]
    both = program(chief, Scope.APPS, Scope.PEOPLE)
    plan = both.post(PLAN, {"text": text}).json()
    answer = apps.post(APPLY, {"text": text, "fingerprint": plan["fingerprint"]})
    assert answer.status_code == 403 and not Group.objects.filter(name="Staff").exists()


def test_the_same_request_sent_again_is_answered_the_same(api: Program, zoom: App) -> None:
    body = {
        "text": DISABLED,
        "fingerprint": api.post(PLAN, {"text": DISABLED}).json()["fingerprint"],
    }
    first = api.post(APPLY, body, Idempotency_Key="k1")
    again = api.post(APPLY, body, Idempotency_Key="k1")
    assert first.json() == again.json() and again.headers["Idempotency-Replayed"] == "true"
