"""A button that is pressed twice, or a form that a browser sends again, does one thing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.models import Model
from django.test import Client

from iam.models import Group, Membership, ProfileAttribute, User
from provisioning.models import Account, App, Hold, Policy, Run
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.provisioning.admin.test_holds_admin import act, confirm
from tests.support.commands import give
from tests.support.crowd import crowd
from tests.support.faulty import FaultyScim
from tests.support.threads import parallel, shared_database

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def twice(page: Page, **typed: str) -> Page:
    """The same form sent once more; what that says."""
    page.send(**typed)
    return page.send(**typed)


@pytest.mark.parametrize(
    ("view", "model", "typed"),
    [
        ("iam_user_add", User, {"username": "eve@example.org"}),
        ("iam_group_add", Group, {"name": "Support"}),
        ("iam_profileattribute_add", ProfileAttribute, {"label": "Floor", "key": "floor"}),
        ("provisioning_app_add", App, {"connector": "scim", "name": "Slack"}),
    ],
)
def test_bad_input_137_what_is_added_twice_is_there_once(
    admin_client: Client, view: str, model: type[Model], typed: dict[str, str]
) -> None:
    before = model._default_manager.count()
    again = twice(visit(admin_client, view), **typed)
    assert again.errors
    assert model._default_manager.count() == before + 1


def test_bad_input_137_a_policy_that_is_added_twice_is_there_once(
    admin_client: Client, app: App, sales: Group
) -> None:
    Policy.objects.all().delete()
    typed = {"app": str(app.pk), "group": str(sales.pk), "name": "Sales"}
    assert twice(visit(admin_client, "provisioning_policy_add"), **typed).errors
    assert Policy.objects.count() == 1


def test_bad_input_137_who_is_put_into_a_group_twice_is_in_it_once(
    admin_client: Client, bob: User, sales: Group
) -> None:
    page = visit(admin_client, "iam_group_change", sales.pk)
    page.send_rows({"user": str(bob.pk)})
    assert "This person is already in the group." in page.send_rows({"user": str(bob.pk)}).text
    assert Membership.objects.filter(user=bob).count() == 1


@pytest.mark.django_db(transaction=True)
def test_bad_input_137_two_clicks_on_push_now_make_one_account(
    admin_client: Client, app: App, ann: User, faulty: FaultyScim, push: Push, tmp_path: Path
) -> None:
    page = visit(admin_client, "provisioning_app_change", app.pk)
    with shared_database(tmp_path):
        parallel(*[lambda: page.send(button="_push_now")] * 2)
        push()
        push()
        assert faulty.writes == ["POST /Users"]
        assert Account.objects.count() == 1


def test_bad_input_137_two_clicks_on_compare_now_start_one_comparison(
    admin_client: Client, app: App
) -> None:
    page = visit(admin_client, "provisioning_app_change", app.pk)
    page.send(button="_compare_now")
    page.send(button="_compare_now")
    assert Run.objects.count() == 1


def test_bad_input_137_a_hold_is_released_once(
    admin_client: Client, app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    crowd(app, sales, faulty, 23)
    sales.users.clear()
    push()
    held = Hold.objects.first()
    confirm(admin_client, "release", held)
    faulty.requests.clear()
    again = act(admin_client, "release", held, reason="Once more.", newest=str(held.pk))
    assert "Once more." not in again
    assert Hold.objects.get(pk=held.pk).reason == "They have left."
    push()
    assert len(faulty.writes) == 1


def test_bad_input_137_a_file_that_is_imported_twice_adds_nobody_twice(
    db: None, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username\neve@example.org\n")
    for _ in range(2):
        assert give("import-users", str(file))[0] == 0
    assert User.objects.count() == 1
