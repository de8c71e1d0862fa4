"""People come into groups and leave them from either page, and it is written down who did it."""

from collections.abc import Callable

import pytest
from django.test import Client

from iam.models import Group, Membership, User
from provisioning.models import App
from tests.conftest import person
from tests.provisioning.admin import visit


def members(group: Group) -> list[str]:
    return sorted(group.users.values_list("username", flat=True))


def test_a_group_is_made_with_its_first_people(admin_client: Client, ann: User, bob: User) -> None:
    page = visit(admin_client, "iam_group_add")
    page.send_rows({"user": str(ann.pk)}, {"user": str(bob.pk)}, name="Support")
    assert members(Group.objects.get(name="Support")) == [ann.username, bob.username]


def test_a_person_is_added_on_the_groups_page(
    admin_client: Client, ann: User, bob: User, sales: Group
) -> None:
    visit(admin_client, "iam_group_change", sales.pk).send_rows({"user": str(bob.pk)})
    assert members(sales) == [ann.username, bob.username]
    assert Membership.objects.get(user=bob).added_by == "admin"


def test_a_group_is_added_on_the_persons_page(
    admin_client: Client, bob: User, sales: Group
) -> None:
    visit(admin_client, "iam_user_change", bob.pk).send_rows({"group": str(sales.pk)})
    assert members(sales) == [bob.username]
    page = visit(admin_client, "iam_user_change", bob.pk)
    assert Membership.objects.get(user=bob).added_by == "admin"
    assert "Sales" in page.text


def test_who_added_someone_stays_written_down_when_another_operator_saves(
    client: Client, django_user_model: type, ann: User, sales: Group, bob: User
) -> None:
    for name, added in (("olga", ann), ("otto", bob)):
        Membership.objects.filter(user=added).delete()
        client.force_login(django_user_model.objects.create_superuser(name))
        visit(client, "iam_group_change", sales.pk).send_rows({"user": str(added.pk)})
    by = Membership.objects.values_list("user__first_name", "added_by")
    assert dict(by) == {"Ann": "olga", "Bob": "otto"}


@pytest.mark.parametrize("page", ["group", "user"])
def test_a_person_is_taken_out_on_either_page(
    admin_client: Client, ann: User, sales: Group, page: str
) -> None:
    shown = {"group": sales, "user": ann}[page]
    visit(admin_client, f"iam_{page}_change", shown.pk).send(**{"memberships-0-DELETE": "on"})
    assert members(sales) == []
    assert User.objects.get() == ann


def test_adding_someone_twice_is_refused(
    admin_client: Client, ann: User, bob: User, sales: Group
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk).send_rows({"user": str(ann.pk)})
    assert "This person is already in the group." in page.text
    page = visit(admin_client, "iam_group_change", sales.pk)
    page = page.send_rows({"user": str(bob.pk)}, {"user": str(bob.pk)})
    assert "correct the duplicate data for user" in page.text
    assert members(sales) == [ann.username]


def test_a_membership_is_not_turned_into_another_one(
    admin_client: Client, ann: User, bob: User, sales: Group
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk)
    page.send(**{"memberships-0-user": str(bob.pk)})
    assert members(sales) == [ann.username]


def test_someone_is_added_to_a_group_that_needs_several_pages(
    admin_client: Client, ann: User, bob: User, sales: Group
) -> None:
    for number in range(70):
        sales.users.add(person(f"p{number:02}"))
    page = visit(admin_client, "iam_group_change", sales.pk)
    page = page.send_rows({"user": str(bob.pk)}, button="_continue")
    assert "was changed successfully" in page.text
    assert sales.users.count() == 72


def test_someone_on_a_later_page_of_the_group_is_not_added_again(
    admin_client: Client, sales: Group
) -> None:
    crowd = [person(f"p{number:02}") for number in range(70)]
    sales.users.add(*crowd)
    page = visit(admin_client, "iam_group_change", sales.pk).send_rows({"user": str(crowd[-1].pk)})
    assert "This person is already in the group." in page.text
    assert sales.users.count() == 70


@pytest.mark.parametrize("typed", ["SALES", "sales", "ｓａｌｅｓ"])
def test_a_group_name_that_is_taken_is_refused(
    admin_client: Client, sales: Group, typed: str
) -> None:
    page = visit(admin_client, "iam_group_add").send(name=typed)
    assert page.errors == {"name": ["There is already a group “Sales”."]}
    assert Group.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "Sa\u200bles", "Character 3 cannot be seen (U+200B)"),
        ("name", "x" * 65_536, "at most 200 characters"),
        ("description", "a\x00b", "Null characters are not allowed."),
        ("description", "a\x1fb", "Character 2 cannot be seen (U+001F)"),
        ("description", "x" * 65_536, "at most 500 characters"),
    ],
)
def test_wrong_input_is_refused_at_its_field(
    admin_client: Client, field: str, typed: str, said: str
) -> None:
    page = visit(admin_client, "iam_group_add").send(**{"name": "Sales", field: typed})
    assert said in page.errors[field][0]
    assert not Group.objects.exists()


@pytest.mark.parametrize(
    ("query", "found"),
    [("sal", ["Sales"]), ("SALES", ["Sales"]), ("les", []), ("x" * 60_000, [])],
)
def test_groups_are_found_by_the_beginning_of_their_name(
    admin_client: Client, sales: Group, query: str, found: list[str]
) -> None:
    page = visit(admin_client, "iam_group_changelist", q=query)
    assert [group.name for group in page.context["cl"].result_list] == found


def test_the_list_says_how_many_people_are_in(admin_client: Client, ann: User, bob: User) -> None:
    Group.objects.get().users.add(bob)
    (row,) = visit(admin_client, "iam_group_changelist").context["cl"].result_list
    assert row.people_in == 2


def test_deleting_a_group_says_first_who_loses_what(
    admin_client: Client, faulty_app: App, ann: User, bob: User, push: Callable[[], None]
) -> None:
    """bad-input-110"""
    sales = Group.objects.get()
    sales.users.add(bob)
    push()
    page = visit(admin_client, "iam_group_delete", sales.pk)
    assert "2 accounts will be deactivated in Zoom." in page.text
    page.send()
    assert not Group.objects.exists()
    assert User.objects.count() == 2


def test_saving_says_that_the_applications_follow(
    admin_client: Client, faulty_app: App, bob: User, sales: Group
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk).send_rows({"user": str(bob.pk)})
    assert "Accounts in Zoom follow by themselves within seconds. See the report" in page.text
