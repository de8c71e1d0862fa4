"""Two administrators with the same form open: nothing is overwritten unseen (bad input 136)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client

from iam.models import Group, Operator, User
from provisioning.models import App
from tests.provisioning.admin import Page, visit
from tests.support.threads import parallel, shared_database

REFUSED = "Nothing was saved, because this was changed while you had it open."


@pytest.fixture
def beth(db: None) -> Client:
    """Another administrator than the one of `admin_client`."""
    client = Client()
    client.force_login(Operator.objects.create_superuser("beth"))
    return client


def both(first: Client, second: Client, view: str, key: int) -> tuple[Page, Page]:
    """The page as both have it open."""
    return visit(first, view, key), visit(second, view, key)


@pytest.mark.parametrize(
    ("view", "field", "label"),
    [
        ("iam_user", "last_name", "Last name"),
        ("iam_group", "name", "Name"),
        ("iam_profileattribute", "label", "Label"),
        ("iam_operator", "last_name", "Last name"),
        ("provisioning_policy", "name", "Name"),
        ("provisioning_app", "name", "Name"),
    ],
)
def test_bad_input_136_the_second_is_told_who_changed_what_and_keeps_what_they_typed(
    admin_client: Client,
    beth: Client,
    ann: User,
    faulty_app: App,
    view: str,
    field: str,
    label: str,
) -> None:
    model = apps.get_model(*view.split("_"))
    row = model._default_manager.first()
    mine, hers = both(admin_client, beth, f"{view}_change", row.pk)
    hers.send(**{field: "Hers"})
    refused = mine.send(**{field: "Mine"})
    assert f"{REFUSED} beth changed: {label}. What you typed" in refused.text
    assert refused.form[field] == "Mine"
    row.refresh_from_db()
    assert getattr(row, field) == "Hers"
    refused.send()
    row.refresh_from_db()
    assert getattr(row, field) == "Mine"


def test_bad_input_136_another_field_is_not_put_back_either(
    admin_client: Client, beth: Client, ann: User
) -> None:
    mine, hers = both(admin_client, beth, "iam_user_change", ann.pk)
    hers.send(department="Sales", custom_custom_attribute_1="Oak Ltd")
    refused = mine.send(last_name="Oak")
    assert "beth changed: Custom Attribute 1, Department." in refused.text
    ann.refresh_from_db()
    assert (ann.last_name, ann.department) == ("Ash", "Sales")


def test_bad_input_136_rows_of_a_mapping_are_not_put_back(
    admin_client: Client, beth: Client, faulty_app: App
) -> None:
    mine, hers = both(admin_client, beth, "provisioning_app_change", faulty_app.pk)
    targets = {key for key, value in mine.form.items() if value == "name.familyName"}
    (target,) = targets
    hers.send(**{target: "nickName"})
    refused = mine.send(name="Mine")
    assert "beth changed: row “name.familyName ← last_name”, row “nickName ← last_name”." in (
        refused.text
    )
    assert faulty_app.mappings.filter(target="nickName").exists()
    assert not App.objects.filter(name="Mine").exists()


def test_bad_input_136_a_row_that_was_taken_out_meanwhile_is_told_of_and_stays_out(
    admin_client: Client, beth: Client, faulty_app: App
) -> None:
    mine, hers = both(admin_client, beth, "provisioning_app_change", faulty_app.pk)
    rows = faulty_app.mappings.count()
    hers.send(**{"mappings-2-DELETE": "on"})
    refused = mine.send(name="Mine")
    assert REFUSED in refused.text
    assert faulty_app.mappings.count() == rows - 1
    visit(admin_client, "provisioning_app_change", faulty_app.pk).send(name="Mine")
    assert faulty_app.mappings.count() == rows - 1


def test_bad_input_136_both_take_the_same_person_out_of_a_group(
    admin_client: Client, beth: Client, ann: User, sales: Group
) -> None:
    mine, hers = both(admin_client, beth, "iam_group_change", sales.pk)
    hers.send(**{"memberships-0-DELETE": "on"})
    after = mine.send(**{"memberships-0-DELETE": "on"})
    assert after.status == 200
    assert not sales.users.exists()


def test_bad_input_136_what_a_program_changed_is_told_as_well(
    admin_client: Client, ann: User
) -> None:
    page = visit(admin_client, "iam_user_change", ann.pk)
    User.objects.filter(pk=ann.pk).update(title="Director")
    refused = page.send(title="Clerk")
    assert "A program, an import or a command changed: Job title." in refused.text
    ann.refresh_from_db()
    assert ann.title == "Director"


def test_what_gatehouse_writes_by_itself_is_no_change(
    admin_client: Client, ann: User, faulty_app: App, push: Callable[[], None]
) -> None:
    person = visit(admin_client, "iam_user_change", ann.pk)
    app = visit(admin_client, "provisioning_app_change", faulty_app.pk)
    push()
    assert REFUSED not in person.send(last_name="Oak").text
    assert REFUSED not in app.send(name="Other").text
    assert (User.objects.get().last_name, App.objects.get().name) == ("Oak", "Other")


def test_bad_inputs_136_and_137_the_same_form_sent_twice_is_no_change(
    admin_client: Client, ann: User
) -> None:
    page = visit(admin_client, "iam_user_change", ann.pk)
    page.send(last_name="Oak")
    assert "was changed successfully" in page.send(last_name="Oak").text
    own = page.send(last_name="Elm").text
    assert (
        "You yourself, in another window or by pressing a button twice, changed: Last name" in own
    )


@pytest.mark.parametrize("text", ["", "null", "[]", '[1, {"First name": 7}]', "[" * 9_000, "\x00"])
def test_bad_input_136_a_page_of_which_nothing_is_known_is_not_saved(
    admin_client: Client, ann: User, text: str
) -> None:
    refused = visit(admin_client, "iam_user_change", ann.pk).send(last_name="Oak", as_opened=text)
    assert REFUSED in refused.text
    assert User.objects.get().last_name == "Ash"


@pytest.mark.django_db(transaction=True)
def test_bad_input_136_of_two_that_come_at_once_one_is_saved(
    admin_client: Client, beth: Client, ann: User, tmp_path: Path
) -> None:
    mine, hers = both(admin_client, beth, "iam_user_change", ann.pk)
    answers: list[Page] = []
    with shared_database(tmp_path):
        parallel(
            lambda: answers.append(mine.send(last_name="Mine")),
            lambda: answers.append(hers.send(last_name="Hers")),
        )
        assert sorted(REFUSED in answer.text for answer in answers) == [False, True]
