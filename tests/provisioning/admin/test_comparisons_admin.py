"""Comparisons are started, watched and decided about by clicking, and show all as text."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from iam.models import Group, Operator, User
from provisioning import reconcile, schedule
from provisioning.models import Account, App, Drift, Finding, Problem, Run
from tests.conftest import MakeApp, person
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim, pages
from tests.support.looks import account, agree

Push = Callable[[], None]

PAYLOAD = "<img src=x onerror=alert(1)>"
RUNS, FINDINGS = "provisioning_run_changelist", "provisioning_finding_changelist"
ACCOUNTS = "provisioning_account_changelist"


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    app = make_app(faulty, group=sales)
    push()
    return app


@pytest.fixture
def asked(app: App, ann: User, faulty: FaultyScim) -> App:
    """Ann's name was changed there, and the app is set to ask."""
    App.objects.update(drift=Drift.ASK)
    faulty.user(ann.username)["name"]["familyName"] = PAYLOAD
    compare(app)
    faulty.requests.clear()
    return app


def compare(app: App) -> Run:
    return reconcile.work(reconcile.start(App.objects.get(pk=app.pk), actor="olga"))


def act(client: Client, view: str, action: str, *rows: Any) -> str:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = client.post(reverse(f"admin:{view}"), chosen, follow=True)
    return page.content.decode()


def page_of(client: Client, app: App) -> Page:
    return visit(client, "provisioning_app_change", app.pk)


# ------------------------------------------------------------------------------------ starting


def test_the_button_saves_and_starts_a_comparison_that_a_worker_carries_out(
    admin_client: Client, app: App, push: Push
) -> None:
    page = page_of(admin_client, app).send(button="_compare_now", name="Zoom 2")
    assert "All accounts of Zoom 2 are compared with Zoom 2 itself." in page.text
    run = Run.objects.get()
    assert reverse("admin:provisioning_run_change", args=[run.pk]) in page.html
    assert (run.actor, run.dry, run.ended_at) == ("admin", False, None)
    push()
    assert schedule.next_run() == run
    assert reconcile.work(run).same == 1


def test_the_button_pressed_twice_starts_one(admin_client: Client, app: App) -> None:
    for _ in range(2):
        page_of(admin_client, app).send(button="_compare_now")
    assert Run.objects.count() == 1


def test_while_another_one_only_looks_the_button_says_so(admin_client: Client, app: App) -> None:
    run = reconcile.start(app, dry=True)
    page = page_of(admin_client, app).send(button="_compare_now")
    assert "Another comparison of Zoom is under way, one that only looks." in page.text
    assert Run.objects.get() == run


def test_nothing_starts_when_the_form_is_wrong(admin_client: Client, app: App) -> None:
    page = page_of(admin_client, app).send(button="_compare_now", compare_hours="-1")
    assert page.errors["compare_hours"]
    assert not Run.objects.exists()


def test_of_a_paused_app_it_says_that_the_comparison_waits(admin_client: Client, app: App) -> None:
    page = page_of(admin_client, app).send(button="_compare_now", paused="on")
    assert "It waits until Zoom is not paused any more." in page.text


def test_what_to_do_and_how_often_is_set_on_the_apps_page(admin_client: Client, app: App) -> None:
    page_of(admin_client, app).send(drift="ask", compare_hours="12")
    app.refresh_from_db()
    assert (app.drift, app.compare_hours) == (Drift.ASK, 12)


# ------------------------------------------------------------------------------------ watching


def test_a_comparison_shows_how_far_it_is(
    admin_client: Client, app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(*[person(f"p{number}") for number in range(4)])
    push()
    faulty.paging = pages(2)
    left = iter([False])
    run = reconcile.work(reconcile.start(app, actor="olga"), stopped=lambda: next(left, True))
    for page in (
        visit(admin_client, RUNS),
        visit(admin_client, "provisioning_run_change", run.pk),
    ):
        assert "Under way" in page.text
        assert "2 of 5" in page.text
        assert "olga" in page.text
    reconcile.work(run)
    assert "5 of 5" in visit(admin_client, RUNS).text
    assert "Complete" in visit(admin_client, RUNS).text


def test_a_comparison_leads_to_its_findings_and_to_no_others(
    admin_client: Client, asked: App, faulty: FaultyScim
) -> None:
    faulty.add("stranger")
    run = compare(asked)
    page = visit(admin_client, "provisioning_run_change", run.pk)
    address = f"{reverse(f'admin:{FINDINGS}')}?run__id__exact={run.pk}"
    assert address in page.html
    assert "See the findings: 2" in page.text
    listed = admin_client.get(address).context["cl"].result_list
    assert {finding.run_id for finding in listed} == {run.pk}
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 2),
        ({"kind__exact": "unknown"}, 1),
        ({"outcome__exact": "asked"}, 1),
        ({"q": "STRA"}, 1),
        ({"q": "x" * 60_000}, 0),
    ],
)
def test_findings_are_searched_and_filtered(
    admin_client: Client, asked: App, faulty: FaultyScim, query: dict[str, str], found: int
) -> None:
    Run.objects.all().delete()
    faulty.add("stranger")
    compare(asked)
    page = visit(admin_client, FINDINGS, **query)
    assert len(page.context["cl"].result_list) == found


def test_comparisons_and_findings_are_neither_added_nor_edited_nor_deleted(
    admin_client: Client, asked: App
) -> None:
    finding = Finding.objects.get()
    for model, row in (("run", finding.run), ("finding", finding)):
        add = reverse(f"admin:provisioning_{model}_add")
        change = reverse(f"admin:provisioning_{model}_change", args=[row.pk])
        delete = reverse(f"admin:provisioning_{model}_delete", args=[row.pk])
        assert admin_client.get(add).status_code == 403
        assert admin_client.post(change, {"message": "x", "complete": "on"}).status_code == 403
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403
        assert admin_client.get(change).status_code == 200


def test_what_an_application_holds_is_shown_as_text(
    admin_client: Client, asked: App, faulty: FaultyScim, ann: User
) -> None:
    faulty.add(PAYLOAD)
    compare(asked)
    for view in (RUNS, FINDINGS, ACCOUNTS):
        assert PAYLOAD not in visit(admin_client, view).html
    assert PAYLOAD in visit(admin_client, FINDINGS).text
    assert PAYLOAD in visit(admin_client, ACCOUNTS).text


def test_the_list_of_findings_stays_fast_with_very_many(
    admin_client: Client, asked: App, django_assert_max_num_queries: Any
) -> None:
    run = Run.objects.get()
    Finding.objects.bulk_create(
        Finding(run=run, kind="unknown", identifier=f"s{n}", remote_id=f"s{n}", message="x")
        for n in range(50_000)
    )
    with django_assert_max_num_queries(14):
        page = visit(admin_client, FINDINGS, run__id__exact=str(run.pk))
    assert len(page.context["cl"].result_list) <= 100


# ------------------------------------------------------------------------------------ deciding


def test_the_account_says_what_was_changed_and_waits(
    admin_client: Client, asked: App, ann: User
) -> None:
    text = visit(admin_client, ACCOUNTS).text
    assert "Changed there" in text
    assert "“Put it right” or “Leave it as it is”" in text
    assert "Changed there" in visit(admin_client, "iam_user_change", ann.pk).text


@pytest.mark.parametrize("view", [ACCOUNTS, FINDINGS])
def test_put_it_right(
    admin_client: Client, asked: App, ann: User, faulty: FaultyScim, push: Push, view: str
) -> None:
    row = account(asked, ann) if view == ACCOUNTS else Finding.objects.get()
    assert "1 account: put right within seconds." in act(admin_client, view, "put_right", row)
    push()
    assert faulty.user(ann.username)["name"]["familyName"] == "Ash"
    after = account(asked, ann)
    assert (after.problem, after.message, after.actor) == ("", "", "admin")
    assert Finding.objects.get().outcome == "put_right"
    agree(asked, faulty)


@pytest.mark.parametrize("view", [ACCOUNTS, FINDINGS])
def test_leave_it_as_it_is(
    admin_client: Client, asked: App, ann: User, faulty: FaultyScim, push: Push, view: str
) -> None:
    row = account(asked, ann) if view == ACCOUNTS else Finding.objects.get()
    said = act(admin_client, view, "leave", row)
    assert "1 account: left as it is in the application." in said
    push()
    assert account(asked, ann).problem == ""
    assert Finding.objects.get().outcome == "left"
    assert faulty.writes == []
    assert compare(asked).changed == 0


def test_a_deletion_that_somebody_decides_about_is_created_again(
    admin_client: Client,
    app: App,
    ann: User,
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
) -> None:
    sales.users.add(bob)
    push()
    App.objects.update(drift=Drift.ASK)
    del faulty.stored[faulty.user(ann.username)["id"]]
    compare(app)
    act(admin_client, ACCOUNTS, "put_right", account(app, ann))
    push()
    assert faulty.active_names() == [ann.username, bob.username]
    agree(app, faulty)


def test_very_many_missing_ones_are_put_right_when_a_person_says_so(
    admin_client: Client, app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.stored.clear()
    compare(app)
    push()
    assert faulty.users() == []
    act(admin_client, FINDINGS, "put_right", Finding.objects.get())
    push()
    assert faulty.active_names() == [ann.username]
    agree(app, faulty)


def test_a_decision_comes_too_late_when_the_person_has_changed_here(
    admin_client: Client, asked: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    ann.last_name = "Elm"
    ann.save()
    assert "Nothing was done" in act(admin_client, FINDINGS, "leave", Finding.objects.get())
    push()
    assert "Nothing was done" in act(admin_client, FINDINGS, "put_right", Finding.objects.get())
    assert faulty.user(ann.username)["name"]["familyName"] == "Elm"


def test_a_stranger_is_never_put_right(
    admin_client: Client, app: App, faulty: FaultyScim, push: Push
) -> None:
    faulty.add("stranger")
    compare(app)
    faulty.requests.clear()
    assert "Nothing was done" in act(admin_client, FINDINGS, "put_right", Finding.objects.get())
    push()
    assert faulty.writes == []


def test_who_may_not_change_accounts_may_not_decide(client: Client, asked: App, ann: User) -> None:
    watcher = Operator.objects.create_user("walter", password="x", is_staff=True)
    from django.contrib.auth.models import Permission

    watcher.user_permissions.set(
        Permission.objects.filter(codename__in=["view_finding", "view_run", "view_account"])
    )
    client.force_login(watcher)
    assert "Changed there" in visit(client, FINDINGS).text
    act(client, FINDINGS, "put_right", Finding.objects.get())
    act(client, ACCOUNTS, "put_right", account(asked, ann))
    assert account(asked, ann).problem == Problem.CHANGED_THERE


def test_the_overview_counts_an_account_that_waits_for_a_decision(
    admin_client: Client, asked: App
) -> None:
    assert visit(admin_client, "index").context["accounts"]["stuck"] == 1


def test_comparisons_are_in_the_menu_and_say_how_one_is_started(admin_client: Client) -> None:
    assert reverse(f"admin:{RUNS}") in visit(admin_client, "index").html
    assert "Save and compare now" in visit(admin_client, RUNS).text


def test_an_account_whose_person_is_gone_keeps_its_finding(asked: App, ann: User) -> None:
    Account.objects.all().delete()
    assert Finding.objects.get().account is None
