"""Each role has its rights from one table, and superusers alone say who has which role."""

import io
import json
import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from iam import operators, roles
from iam.models import Group, Membership, Operator, Role, User
from tests.provisioning.admin import visit

OWN = "correct horse battery"
LIMITED = [role for role in Role if role != Role.SUPERUSER]


def operator(role: Role, name: str = "olga") -> Operator:
    found = Operator(username=name)
    roles.give(found, role)
    found.set_password(OWN)
    found.save()
    return found


# ------------------------------------------------------------------------------------- rights


def test_every_right_that_there_is_belongs_to_a_line_of_the_table(db: None) -> None:
    of_models = {
        f"{app}.{model}"
        for app, model in Permission.objects.values_list(
            "content_type__app_label", "content_type__model"
        )
    }
    assert of_models == set(roles.RIGHTS) | roles.INSIDE
    assert not set(roles.RIGHTS) & roles.INSIDE


def test_the_table_gives_no_right_that_nothing_asks_for(db: None) -> None:
    known = {
        f"{each.content_type.app_label}.{each.codename}"
        for each in Permission.objects.select_related("content_type")
    }
    given = set().union(*roles.PERMISSIONS.values())
    assert given - known == {"provisioning.push_account", "provisioning.push_pushedgroup"}


@pytest.mark.parametrize("role", LIMITED)
def test_an_operator_has_the_rights_of_the_role_and_no_other(db: None, role: Role) -> None:
    found = Operator.objects.get(pk=operator(role).pk)
    assert found.get_all_permissions() == roles.PERMISSIONS[role]
    assert not found.has_perm("iam.change_operator")
    assert found.has_module_perms("iam") and not found.has_module_perms("auth")
    # A right to one object is no right that anybody has here.
    assert not found.has_perm("iam.view_user", Group())


def test_who_is_switched_off_has_no_right_left(db: None) -> None:
    operator(Role.PROVISIONING)
    Operator.objects.update(is_active=False)
    assert Operator.objects.get().get_all_permissions() == set()


def test_an_auditor_has_no_right_but_to_look() -> None:
    assert all(".view_" in right for right in roles.PERMISSIONS[Role.AUDITOR])
    seen = {right.replace(".view_", ".") for right in roles.PERMISSIONS[Role.AUDITOR]}
    assert seen == set(roles.RIGHTS)


def test_nobody_but_a_superuser_has_more_of_anything_than_a_provisioning_administrator() -> None:
    most = roles.PERMISSIONS[Role.PROVISIONING] | {"iam.view_operator"}
    assert all(roles.PERMISSIONS[role] <= most for role in LIMITED)


def test_every_model_of_the_table_exists() -> None:
    assert all(apps.get_model(name) for name in roles.RIGHTS)


# ------------------------------------------------------------------------- who has which role


@pytest.mark.parametrize("role", Role)
def test_a_superuser_gives_a_role_and_another_one(admin_client: Client, role: Role) -> None:
    olga = operator(Role.AUDITOR)
    page = visit(admin_client, "iam_operator_change", olga.pk)
    assert page.form["role"] == "auditor"
    page = page.send(role=role.value)
    assert roles.of(Operator.objects.get(pk=olga.pk)) == role
    assert role.label in page.text


def test_the_page_says_what_each_role_may_do(admin_client: Client) -> None:
    page = visit(admin_client, "iam_operator_add")
    assert all(sentence in page.text for sentence in roles.SENTENCES.values())
    refused = page.send(username="otto", role="", password1=OWN, password2=OWN)
    assert list(refused.errors) == ["role"]
    assert list(page.send(username="x", role="owner").errors) == ["role", "password1", "password2"]


@pytest.mark.parametrize("change", [{"role": "auditor"}, {"is_active": None}])
def test_the_last_superuser_stays_one(
    admin_client: Client, admin_user: Operator, change: dict[str, str | None]
) -> None:
    page = visit(admin_client, "iam_operator_change", admin_user.pk).send(**change)
    assert list(page.errors) == list(change)
    operator(Role.SUPERUSER)
    visit(admin_client, "iam_operator_change", admin_user.pk).send(**change)
    admin_user.refresh_from_db()
    assert not (admin_user.is_superuser and admin_user.is_active)


def test_an_auditor_sees_who_has_which_role_and_no_trace_of_a_password(db: None) -> None:
    boss, audra = operator(Role.SUPERUSER, "boss"), operator(Role.AUDITOR, "audra")
    client = Client()
    client.force_login(audra)
    assert "Superuser" in visit(client, "iam_operator_changelist").text
    page = visit(client, "iam_operator_change", boss.pk)
    assert page.status == 200 and "assword" not in page.text.replace("Change password", "")
    assert boss.password[-10:] not in page.html


# ------------------------------------------------------------------------------- the commands


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create-operator", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_the_command_makes_an_operator_who_signs_in_once(db: None, client: Client) -> None:
    told = json.loads(create("olga", "--role", "help_desk", "--json"))
    assert (told["operator"], told["role"]) == ("olga", "help_desk")
    form = {"username": "olga", "password": told["one_time_password"]}
    client.post("/admin/login/", form)
    assert client.get("/admin/").headers["Location"] == "/admin/password_change/"
    assert roles.of(Operator.objects.get()) == Role.HELP_DESK


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "olga"])
def test_the_command_refuses_a_name_that_is_none_or_taken(db: None, name: str) -> None:
    before = operator(Role.HELP_DESK)
    with pytest.raises(CommandError) as refused:
        create(name, "--role", "superuser")
    assert refused.value.returncode == 2
    assert roles.of(Operator.objects.get()) == Role.HELP_DESK
    assert Operator.objects.get().password == before.password


def test_a_new_password_changes_no_role(db: None) -> None:
    operator(Role.AUDITOR)
    operators.one_time_password("olga")
    assert roles.of(Operator.objects.get()) == Role.AUDITOR


# ---------------------------------------------------------------------------------- the groups


def test_the_help_desk_finds_only_the_groups_that_are_open_to_it(db: None) -> None:
    Group.objects.create(name="Board")
    Group.objects.create(name="Sales", open_to_help_desk=True)
    client = Client()
    client.force_login(operator(Role.HELP_DESK))
    query = {"app_label": "iam", "model_name": "membership", "field_name": "group", "term": ""}
    found = client.get("/admin/autocomplete/", query).json()["results"]
    assert [each["text"] for each in found] == ["Sales"]


def removable(client: Client, user: User) -> set[str]:
    """The groups with a bin on the person's page."""
    page = visit(client, "iam_user_change", user.pk)
    rows = re.findall(r'name="memberships-(\d)-DELETE"', page.html)
    keys = [page.form[f"memberships-{row}-id"] for row in rows]
    return set(Membership.objects.filter(pk__in=keys).values_list("group__name", flat=True))


def test_the_help_desk_is_offered_to_remove_people_only_from_the_groups_that_are_open_to_it(
    client: Client, ann: User
) -> None:
    ann.groups.add(Group.objects.create(name="Parking", open_to_help_desk=True))
    client.force_login(operator(Role.HELP_DESK))
    assert removable(client, ann) == {"Parking"}
    client.force_login(operator(Role.PROVISIONING, "petra"))
    assert removable(client, ann) == {"Parking", "Sales"}


def test_the_others_fill_every_group(db: None) -> None:
    Group.objects.create(name="Board")
    for role in (Role.SUPERUSER, Role.PROVISIONING):
        keys = [group.pk for group in Group.objects.all()]
        assert roles.refusal(operator(role, role.value), keys) == ""
    assert "“Board” is not open" in roles.refusal(operator(Role.HELP_DESK, "hal"), keys)
