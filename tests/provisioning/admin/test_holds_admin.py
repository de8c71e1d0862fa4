"""Holds: an operator reads who would lose what and why, and decides, with a reason."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from iam.models import Group, Operator, User
from provisioning.models import Account, App, Decision, Hold
from provisioning.plan import Feature
from tests.conftest import REVERSIBLE, MakeApp
from tests.provisioning.admin import visit, words
from tests.support.crowd import crowd
from tests.support.faulty import FaultyScim

Push = Callable[[], None]

LIST = "provisioning_hold_changelist"
ACCOUNTS = "provisioning_account_changelist"


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def waiting(app: App, sales: Group, faulty: FaultyScim, push: Push) -> list[Hold]:
    """Twenty-three people who would lose Zoom at once."""
    crowd(app, sales, faulty, 23)
    sales.users.clear()
    push()
    return list(Hold.objects.order_by("identifier"))


def act(
    client: Client, action: str, *chosen: Any, view: str = LIST, query: str = "", **more: Any
) -> str:
    """The page after choosing an action for these rows, or after confirming it."""
    data = {"action": action, "_selected_action": [each.pk for each in chosen], **more}
    response = client.post(reverse(f"admin:{view}") + query, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def confirm(client: Client, action: str, *chosen: Any, **more: Any) -> str:
    """The same after the page that asks, with what stands in its hidden fields."""
    asked = act(client, action, *chosen, **more)
    (newest,) = re.findall(r'name="newest" value="(\d+)"', asked)
    filled = {"reason": "They have left.", "newest": newest, **more}
    return act(client, action, *chosen, **filled)


def decided() -> list[tuple[str, str, str]]:
    rows = Hold.objects.exclude(decision=Decision.WAITING).order_by("identifier")
    return list(rows.values_list("decision", "decided_by", "reason"))


# ---------------------------------------------------------------------------------- the list


def test_what_waits_is_listed_with_the_reason(admin_client: Client, waiting: list[Hold]) -> None:
    text = visit(admin_client, LIST).text
    assert "p0000@example.org Zoom Deactivated No group of theirs has a policy for Zoom" in text
    assert "23" in text


def test_an_empty_list_says_what_it_is_for(admin_client: Client) -> None:
    assert "Nothing waits for a decision." in visit(admin_client, LIST).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 22),
        ({"decision": "waiting"}, 22),
        ({"decision": "released"}, 1),
        ({"decision": "rejected"}, 0),
        ({"decision": "all"}, 23),
        ({"decision": "nonsense"}, 0),
        ({"q": "P0003"}, 1),
        ({"q": "0003"}, 0),
        ({"q": "x" * 60_000}, 0),
    ],
)
def test_holds_are_searched_and_filtered(
    admin_client: Client, waiting: list[Hold], query: dict[str, str], found: int
) -> None:
    confirm(admin_client, "release", waiting[0])
    page = visit(admin_client, LIST, **query)
    assert len(page.context["cl"].result_list) == found


def test_holds_are_filtered_by_application(
    admin_client: Client, waiting: list[Hold], make_app: MakeApp, faulty: FaultyScim
) -> None:
    other = make_app(faulty, name="Chat")
    for app, count in ((waiting[0].app, 23), (other, 0)):
        page = visit(admin_client, LIST, app__id__exact=str(app.pk))
        assert len(page.context["cl"].result_list) == count


def test_the_list_costs_the_same_number_of_queries_for_many(
    admin_client: Client,
    waiting: list[Hold],
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        visit(admin_client, LIST)


def test_a_hold_is_neither_added_nor_edited_nor_deleted(
    admin_client: Client, waiting: list[Hold]
) -> None:
    hold = waiting[0]
    page = visit(admin_client, "provisioning_hold_change", hold.pk)
    assert "p0000@example.org" in page.text
    assert "Save" not in page.text
    assert page.send(decision="released", reason="Sneaky").status == 403
    assert admin_client.get(reverse("admin:provisioning_hold_add")).status_code == 403
    delete = reverse("admin:provisioning_hold_delete", args=[hold.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in visit(admin_client, LIST).html
    hold.refresh_from_db()
    assert (hold.decision, hold.reason) == (Decision.WAITING, "")


# -------------------------------------------------------------------------------- deciding


def test_releasing_says_first_what_happens_to_whom(
    admin_client: Client, waiting: list[Hold], faulty: FaultyScim, push: Push
) -> None:
    asked = words(act(admin_client, "release", *waiting))
    assert (
        "23 people lose Zoom: their accounts are switched off there. That can be undone." in asked
    )
    assert "p0019@example.org and 3 more" in asked
    assert decided() == []
    push()
    assert len(faulty.active_names()) == 23


def test_who_is_released_loses_the_account(
    admin_client: Client, waiting: list[Hold], faulty: FaultyScim, push: Push
) -> None:
    said = words(confirm(admin_client, "release", *waiting[:2]))
    assert "2 accounts may lose access now." in said
    assert decided() == [("released", "admin", "They have left.")] * 2
    push()
    assert len(faulty.active_names()) == 21


def test_who_is_kept_keeps_the_account(
    admin_client: Client, waiting: list[Hold], faulty: FaultyScim, push: Push
) -> None:
    asked = words(act(admin_client, "keep", waiting[0]))
    assert "1 person keeps Zoom: the account stays as it is until something changes" in asked
    said = words(confirm(admin_client, "keep", waiting[0]))
    assert "1 account stays." in said
    assert decided() == [("rejected", "admin", "They have left.")]
    push()
    assert len(faulty.active_names()) == 23


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1_001, "a\0b"])
def test_a_decision_needs_a_reason(admin_client: Client, waiting: list[Hold], reason: str) -> None:
    page = confirm(admin_client, "release", waiting[0], reason=reason)
    assert 'class="gh-error"' in page
    assert decided() == []


def test_a_reason_is_shown_as_text(admin_client: Client, waiting: list[Hold]) -> None:
    payload = "<img src=x onerror=alert(1)>"
    confirm(admin_client, "release", waiting[0], reason=payload)
    for page in (
        visit(admin_client, LIST, decision="all"),
        visit(admin_client, "provisioning_hold_change", waiting[0].pk),
    ):
        assert payload not in page.html
        assert payload in page.text


def test_all_that_wait_are_decided_together_and_no_more(
    admin_client: Client,
    waiting: list[Hold],
    app: App,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
) -> None:
    across = {"select_across": "1"}
    asked = act(admin_client, "release", waiting[0], **across)
    assert "23 people lose Zoom" in words(asked)
    (newest,) = re.findall(r'name="newest" value="(\d+)"', asked)
    crowd(app, sales, faulty, 12, prefix="later")
    sales.users.clear()
    push()
    act(admin_client, "release", waiting[0], newest=newest, reason="All of them.", **across)
    assert len(decided()) == 23
    assert Hold.objects.filter(decision=Decision.WAITING).count() == 12


def test_what_was_decided_meanwhile_is_not_decided_again(
    admin_client: Client, waiting: list[Hold]
) -> None:
    confirm(admin_client, "keep", waiting[0])
    confirm(admin_client, "release", *waiting[:3], query="?decision=all")
    assert [decision for decision, _, _ in decided()] == ["rejected", "released", "released"]
    said = words(act(admin_client, "release", waiting[0], query="?decision=all"))
    assert "None of these waits for a decision any more." in said


def test_a_deletion_is_called_what_it_is(
    admin_client: Client, make_app: MakeApp, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    everything = (*REVERSIBLE, Feature.DELETE_USERS)
    app = make_app(faulty, group=sales, features=everything, delete_after_days=0)
    crowd(app, sales, faulty, 11)
    sales.users.clear()
    push()
    holds = list(Hold.objects.all())
    asked = words(act(admin_client, "release", *holds))
    assert "11 people lose Zoom for good: their accounts are deleted there." in asked
    assert "11 accounts in Zoom are not deleted" in words(act(admin_client, "keep", *holds))


def test_who_may_only_look_cannot_decide(client: Client, waiting: list[Hold]) -> None:
    viewer = Operator.objects.create_user("vera", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_hold"))
    client.force_login(viewer)
    page = visit(client, LIST)
    assert len(page.context["cl"].result_list) == 23
    assert "Let them" not in page.text
    act(client, "release", waiting[0], newest="99999", reason="Sneaky")
    assert decided() == []


# ------------------------------------------------------------------------------ where it shows


def test_the_menu_counts_what_waits(admin_client: Client, waiting: list[Hold]) -> None:
    assert re.search(r"Holds 23\b", visit(admin_client, "index").text)
    confirm(admin_client, "release", *waiting)
    assert not re.search(r"Holds \d", visit(admin_client, "index").text)


@pytest.mark.parametrize("page", ["index", "provisioning_app_change"])
def test_a_red_notice_leads_to_what_waits(
    admin_client: Client, waiting: list[Hold], app: App, page: str
) -> None:
    args = [] if page == "index" else [app.pk]
    shown = visit(admin_client, page, *args)
    assert "23 accounts in Zoom wait for your decision." in shown.text
    (address,) = re.findall(r'href="([^"]*/hold/\?[^"]*)"', shown.html)
    listed = admin_client.get(html.unescape(address))
    assert len(listed.context["cl"].result_list) == 23
    confirm(admin_client, "keep", *waiting[1:])
    assert "1 account in Zoom waits for your decision." in visit(admin_client, page, *args).text
    confirm(admin_client, "keep", waiting[0])
    assert "your decision" not in visit(admin_client, page, *args).text


def test_the_account_says_that_it_is_held(admin_client: Client, waiting: list[Hold]) -> None:
    text = visit(admin_client, ACCOUNTS, q="p0000").text
    assert "p0000@example.org p0000@example.org Zoom Held 23 accounts in Zoom would lose" in text


def test_limits_are_set_on_the_page_of_the_app(admin_client: Client, app: App) -> None:
    page = visit(admin_client, "provisioning_app_change", app.pk)
    assert (page.form["guard_count"], page.form["guard_percent"]) == ("10", "5")
    page.send(guard_count="3", guard_percent="0")
    app.refresh_from_db()
    assert (app.guard_count, app.guard_percent) == (3, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("guard_count", "-1"),
        ("guard_count", "9" * 20),
        ("guard_percent", "101"),
        ("guard_percent", ""),
    ],
)
def test_a_wrong_limit_is_refused(admin_client: Client, app: App, field: str, value: str) -> None:
    page = visit(admin_client, "provisioning_app_change", app.pk).send(**{field: value})
    assert list(page.errors) == [field]


@pytest.mark.parametrize(("count", "waits"), [(10, False), (11, True)])
def test_deleting_says_first_that_it_will_be_held(
    admin_client: Client, app: App, sales: Group, faulty: FaultyScim, count: int, waits: bool
) -> None:
    crowd(app, sales, faulty, count)
    text = visit(admin_client, "iam_group_delete", sales.pk).text
    assert f"{count} accounts will be deactivated in Zoom." in text
    said = "they wait under Holds until somebody decides, because Zoom may lose at most 10 of its"
    assert (said in text) is waits


def test_holds_go_with_their_application(
    admin_client: Client, waiting: list[Hold], app: App, faulty: FaultyScim
) -> None:
    visit(admin_client, "provisioning_app_delete", app.pk).send()
    assert not App.objects.exists()
    assert not Hold.objects.exists()
    assert len(faulty.active_names()) == 23


# -------------------------------------------------------------------------------- end access


@pytest.fixture
def kept(admin_client: Client, waiting: list[Hold], push: Push) -> list[Account]:
    confirm(admin_client, "keep", *waiting)
    push()
    return list(Account.objects.order_by("identifier"))


def test_kept_accounts_are_found(
    admin_client: Client, kept: list[Account], app: App, sales: Group, faulty: FaultyScim
) -> None:
    crowd(app, sales, faulty, 2, prefix="stays")
    page = visit(admin_client, ACCOUNTS, kept="yes")
    assert len(page.context["cl"].result_list) == 23
    assert "Zoom Kept" in page.text


def test_ending_access_says_first_what_happens_and_then_does_it(
    admin_client: Client, kept: list[Account], faulty: FaultyScim, push: Push
) -> None:
    asked = words(act(admin_client, "end_access", *kept[:3], view=ACCOUNTS))
    assert "3 accounts will be deactivated in Zoom." in asked
    push()
    assert len(faulty.active_names()) == 23
    said = confirm(admin_client, "end_access", *kept[:3], view=ACCOUNTS)
    assert "3 accounts lose access now." in words(said)
    push()
    assert len(faulty.active_names()) == 20


def test_access_that_a_group_gives_is_not_ended_here(
    admin_client: Client, app: App, sales: Group, ann: User, push: Push, faulty: FaultyScim
) -> None:
    push()
    anns = Account.objects.get(user=ann)
    said = words(act(admin_client, "end_access", anns, view=ACCOUNTS, newest="99999"))
    assert "None of these accounts was kept under Holds." in said
    push()
    assert faulty.active_names() == [ann.username]
