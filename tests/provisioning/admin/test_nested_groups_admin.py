"""Groups are put into groups and taken out on the group's page, which says first who loses what."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from iam.models import Group, GroupNesting, User
from provisioning.models import Account, App, Policy
from provisioning.plan import State
from tests.provisioning.admin import Page, visit


@pytest.fixture
def europe(faulty_app: App, sales: Group, bob: User) -> Group:
    """In Sales, which gets Zoom; Bob is in it, and has his account."""
    europe = Group.objects.create(name="Europe")
    europe.users.add(bob)
    GroupNesting.objects.create(parent=sales, child=europe)
    Account.objects.update(state=State.ACTIVE, remote_id="1", granted=True, due_at=None)
    return europe


@pytest.fixture
def kind() -> str:
    return "scim"


def row(page: Page, child: Group) -> dict[str, str]:
    return {
        "nestings-TOTAL_FORMS": str(int(page.form["nestings-TOTAL_FORMS"]) + 1),
        f"nestings-{page.form['nestings-TOTAL_FORMS']}-child": str(child.pk),
    }


def test_a_group_is_put_into_another_one_and_it_is_written_down_by_whom(
    admin_client: Client, sales: Group, europe: Group
) -> None:
    france = Group.objects.create(name="France")
    page = visit(admin_client, "iam_group_change", europe.pk)
    page = page.send(**row(page, france))
    assert GroupNesting.objects.get(child=france).added_by == "admin"
    assert "Accounts in Zoom follow" not in page.text
    page = visit(admin_client, "iam_group_change", france.pk)
    assert "Is part of Europe, Sales" in page.text
    assert "None, as it holds no other group." in page.text


def test_the_pages_say_who_belongs_through_another_group(
    admin_client: Client, sales: Group, europe: Group, bob: User
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk)
    assert "1 person belongs to this group as well" in page.text
    page = visit(admin_client, "iam_user_change", bob.pk)
    assert "Sales, because group Europe is in it" in page.text


@pytest.mark.parametrize("page", ["iam_group_changelist", "provisioning_policy_changelist"])
def test_the_lists_count_who_belongs_through_another_group_in_as_many_statements(
    admin_client: Client, sales: Group, europe: Group, ann: User, page: str
) -> None:
    def shown() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            rows = visit(admin_client, page).context["cl"].result_list
        return {str(getattr(row, "group", row)): row.people_in for row in rows}["Sales"], len(
            queries
        )

    shown()
    count, statements = shown()
    assert count == 2
    for number in range(5):
        group = Group.objects.create(name=f"Part {number}")
        GroupNesting.objects.create(parent=europe, child=group)
        Policy.objects.create(name=group.name, app=App.objects.get(), group=group)
        group.users.add(ann)
    assert shown() == (2, statements)


def test_a_circle_is_refused_on_the_page(admin_client: Client, sales: Group, europe: Group) -> None:
    page = visit(admin_client, "iam_group_change", europe.pk)
    page = page.send(**row(page, sales))
    assert "Sales already holds this group." in page.text
    assert GroupNesting.objects.count() == 1


def test_a_group_is_not_put_in_twice(admin_client: Client, sales: Group, europe: Group) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk)
    page = page.send(**row(page, europe))
    assert "This group is already in the group." in page.text


def test_taking_a_group_out_says_first_who_loses_what(
    admin_client: Client, sales: Group, europe: Group
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk)
    page = page.send(**{"nestings-0-DELETE": "on", "name": "Vendors"})
    assert "1 account will be deactivated in Zoom." in page.text
    assert "Nothing has been saved yet." in page.text
    assert GroupNesting.objects.exists()
    page = page.send(button="taken_out_confirmed")
    assert not GroupNesting.objects.exists()
    assert Group.objects.get(pk=sales.pk).name == "Vendors"
    assert Account.objects.get().due_at is not None


def test_deleting_a_group_says_what_those_in_it_lose(
    admin_client: Client, sales: Group, europe: Group
) -> None:
    for group in (sales, europe):
        page = visit(admin_client, "iam_group_delete", group.pk)
        assert "1 account will be deactivated in Zoom." in page.text
