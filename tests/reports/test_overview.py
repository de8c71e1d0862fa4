"""The first page leads through the set-up and says what there is and what needs somebody."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning.models import Account, App, Event, Policy
from tests.conftest import MakeApp, person
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]

STEPS = [
    "Add an application",
    "Add a group",
    "Add a policy",
    "Add people",
    "Put people into the group",
]


def overview(client: Client) -> Page:
    return visit(client, "index")


def test_the_steps_stand_in_the_order_in_which_they_are_done(admin_client: Client) -> None:
    text = overview(admin_client).text
    places = [text.index(step) for step in STEPS]
    assert places == sorted(places)


def test_each_step_done_makes_the_next_one_the_next(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim
) -> None:
    def next_step() -> str | None:
        step = overview(admin_client).context["next_step"]
        return step.title if step else None

    seen = [next_step()]
    app = make_app(faulty)
    seen.append(next_step())
    group = Group.objects.create(name="Sales")
    seen.append(next_step())
    Policy.objects.create(name="Zoom for Sales", app=app, group=group)
    seen.append(next_step())
    ann = person("ann")
    seen.append(next_step())
    group.users.add(ann)
    assert seen == STEPS
    assert next_step() is None
    assert "Set up Gatehouse" not in overview(admin_client).text


def test_every_step_leads_to_a_page_that_opens(admin_client: Client) -> None:
    for step in overview(admin_client).context["steps"]:
        assert admin_client.get(step.address).status_code == 200


def test_the_numbers_are_those_of_the_moment(
    admin_client: Client, faulty_app: App, ann: User, bob: User, faulty: FaultyScim, push: Push
) -> None:
    person("gone", is_active=False)
    assert (
        "2 active people 0 active accounts 1 waiting to be sent 0 need you"
        in overview(admin_client).text
    )
    faulty.on("POST", answer(400), about="bob@")
    faulty_app.policies.get().group.users.add(bob)
    push()
    assert (
        "2 active people 1 active accounts 0 waiting to be sent 1 need you"
        in overview(admin_client).text
    )


@pytest.mark.parametrize("number", range(4))
def test_every_number_leads_to_a_list_of_just_as_many(
    admin_client: Client,
    faulty_app: App,
    ann: User,
    bob: User,
    faulty: FaultyScim,
    push: Push,
    number: int,
) -> None:
    person("gone", is_active=False)
    faulty.on("POST", answer(400), about="bob@")
    faulty_app.policies.get().group.users.add(bob)
    push()
    faulty_app.policies.get().group.users.add(person("carl"))
    page = overview(admin_client)
    grid = page.html[page.html.index('<div class="gh-grid is-numbers">') :]
    address = grid.split('href="')[number + 1].split('"')[0]
    shown = grid.split('<span class="gh-number">')[number + 1].split("<")[0]
    assert admin_client.get(address).context["cl"].result_count == int(shown) > 0


def test_a_stopped_application_is_named_with_the_reason(
    admin_client: Client, faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.token = "another"
    push()
    text = overview(admin_client).text
    assert "Zoom is stopped since" in text
    assert "did not accept the token" in text


def test_a_paused_application_is_named(admin_client: Client, faulty_app: App) -> None:
    assert "is paused" not in overview(admin_client).text
    App.objects.update(paused=True)
    assert "Zoom is paused. Nothing is sent to it" in overview(admin_client).text


def test_what_was_done_last_is_shown_as_text(
    admin_client: Client, faulty_app: App, mallory: User, faulty: FaultyScim, push: Push
) -> None:
    assert (
        "Nothing yet. What is done in the applications appears here." in overview(admin_client).text
    )
    payload = "<img src=x onerror=alert(1)>"
    faulty.on("POST", answer(400, {"detail": payload}))
    push()
    page = overview(admin_client)
    assert payload not in page.html
    assert payload in page.text


def test_the_last_ten_events_are_shown_newest_first(
    admin_client: Client, faulty_app: App, push: Push
) -> None:
    group = faulty_app.policies.get().group
    group.users.add(*[person(f"p{number:02}") for number in range(12)])
    push()
    shown = list(overview(admin_client).context["events"])
    assert shown == list(Event.objects.order_by("-at", "-pk")[:10])
    assert len(shown) == 10


def test_the_page_costs_the_same_number_of_queries_however_much_there_is(
    admin_client: Client, faulty_app: App, faulty: FaultyScim, push: Push
) -> None:
    group = faulty_app.policies.get().group
    counts = []
    for names in (["ann"], [f"p{number:02}" for number in range(40)]):
        group.users.add(*[person(name) for name in names])
        push()
        with CaptureQueriesContext(connection) as queries:
            overview(admin_client)
        counts.append(len(queries))
    assert Account.objects.count() == 41
    assert counts[0] == counts[1] <= 17


def test_many_stopped_applications_cost_no_query_each(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    counts = []
    right = faulty.token
    for names in (["A"], ["B", "C", "D", "E"]):
        faulty.token = right
        for name in names:
            make_app(faulty, name=name, group=sales)
        faulty.token = "another"
        push()
        with CaptureQueriesContext(connection) as queries:
            overview(admin_client)
        counts.append(len(queries))
    assert overview(admin_client).text.count("is stopped since") == 5
    assert counts[0] == counts[1]
