"""Groups in applications, as an operator sets them up, watches them, and decides about them."""

from collections.abc import Callable

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from iam.models import Group, User
from provisioning import group_guard
from provisioning.models import App, GroupsToPush, Hold, PushedGroup, Resource
from tests.conftest import MakeApp
from tests.provisioning.admin import visit, words
from tests.provisioning.admin.test_holds_admin import confirm
from tests.provisioning.test_groups import ALL, people_in, pushed, with_groups
from tests.support.faulty import FaultyScim

Push = Callable[[], None]

LIST = "provisioning_pushedgroup_changelist"


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, features=ALL, group=sales)


def test_an_operator_chooses_what_is_pushed(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, admin_client: Client, push: Push
) -> None:
    zoom.mappings.of_groups().delete()
    page = visit(admin_client, "provisioning_app_change", zoom.pk)
    assert "Groups to push" in page.text
    assert "Group mapping" in page.text
    saved = page.send(groups_to_push="chosen", chosen_groups=str(sales.pk), adopt_groups="on")
    assert saved.status == 200
    zoom.refresh_from_db()
    assert (zoom.groups_to_push, zoom.adopt_groups) == (GroupsToPush.CHOSEN, True)
    assert list(zoom.chosen_groups.all()) == [sales]
    # An app from before there were groups gets the rows that its kind suggests.
    (row,) = zoom.mappings.of_groups()
    assert (row.target, row.source, row.resource) == ("displayName", "name", Resource.GROUP)
    push()
    assert people_in(faulty) == [ann.username]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"target": "members", "source": "name"}, "members"),
        ({"target": "displayName", "source": "username"}, "Select a valid choice"),
        (
            {"target": "displayName", "source": ":expression", "source_text": "upper(email)"},
            "no attribute",
        ),
    ],
)
def test_a_group_is_filled_from_what_a_group_has(
    zoom: App, admin_client: Client, row: dict[str, str], said: str
) -> None:
    zoom.mappings.of_groups().delete()
    page = visit(admin_client, "provisioning_app_change", zoom.pk)
    added = {f"mappings-2-0-{name}": value for name, value in row.items()}
    refused = page.send(**{"mappings-2-TOTAL_FORMS": "1", **added})
    assert said in refused.text
    assert not zoom.mappings.of_groups().exists()
    good = {"target": "displayName", "source": ":expression", "source_text": 'concat("T ", name)'}
    added = {f"mappings-2-0-{name}": value for name, value in good.items()}
    page.send(**{"mappings-2-TOTAL_FORMS": "1", **added})
    assert zoom.mappings.of_groups().get().source == good["source_text"]


def test_the_list_and_the_page_say_who_is_in_and_who_waits(
    zoom: App, ann: User, bob: User, sales: Group, admin_client: Client, push: Push
) -> None:
    assert "Groups to push" in visit(admin_client, LIST).text
    with_groups(zoom)
    push()
    sales.users.add(bob)
    row = pushed(zoom)
    assert "Sales Zoom 1 1 0 Waiting" in visit(admin_client, LIST).text
    page = visit(admin_client, "provisioning_pushedgroup_change", row.pk)
    assert ann.username in page.text
    assert "In the group" in page.text
    assert "Zoom" in visit(admin_client, "iam_group_change", sales.pk).text
    push()
    page.send(button="push_this_now")
    assert pushed(zoom).due_at is not None
    assert "The group “Sales” will be deleted in Zoom." in words(
        visit(admin_client, "iam_group_delete", sales.pk).html
    )


def test_a_group_that_is_held_is_decided_about_like_an_account(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, admin_client: Client, push: Push
) -> None:
    with_groups(zoom, guard_count=0, guard_percent=0)
    staff = Group.objects.create(name="Staff")
    staff.users.add(ann)
    zoom.policies.create(name="Staff", group=staff)
    push()
    sales.memberships.get().delete()
    push()
    hold = Hold.objects.get()
    page = visit(admin_client, "provisioning_hold_change", hold.pk)
    assert "1 person in it there should not be in it any more." in page.text
    assert "Taken out of the group" in page.text
    said = words(confirm(admin_client, "keep", hold))
    assert "1 group stays as it is." in said
    push()
    assert people_in(faulty) == [ann.username]
    data = {"action": "end_keeping", ACTION_CHECKBOX_NAME: [str(pushed(zoom, group=sales).pk)]}
    admin_client.post(reverse(f"admin:{LIST}"), data)
    push()
    assert people_in(faulty) == []
    assert group_guard.limit(zoom) == 0
    assert PushedGroup.objects.count() == 2
