"""Targets that hold several values, and the reference to the manager's account."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, User
from provisioning import reconcile
from provisioning.models import Account, App, Mapping, SourceKind
from tests.conftest import KINDS, MakeApp, person
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree
from tests.support.target import ENTERPRISE_USER, Target

Push = Callable[[], None]
MANAGER = f"{ENTERPRISE_USER}:manager.value"
ROLES = 'list(title, if(is_member_of("Sales"), "crm"))'


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    """Changed by PATCH, and by PUT."""
    return make_app(faulty, kind=request.param, group=sales)


def formula(app: App, target: str, source: str) -> Mapping:
    return Mapping.objects.create(app=app, target=target, kind=SourceKind.EXPRESSION, source=source)


def set_title(user: User, title: str) -> None:
    user.title = title
    user.save()


def test_a_list_follows_the_person_and_its_order_is_no_change(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "roles", ROLES)
    formula(app, "urn:acme:1.0:User:tags", 'split("b,a", ",")')
    Mapping.objects.create(app=app, target="entitlements", source="title")
    set_title(ann, "zed")
    push()
    there = faulty.user(ann.username)
    assert there["roles"] == [{"value": "crm"}, {"value": "zed"}]
    assert there["urn:acme:1.0:User"] == {"tags": ["a", "b"]}
    assert there["entitlements"] == [{"value": "zed"}]
    there["roles"].reverse()
    assert reconcile.work(reconcile.start(app)).changed == 0
    set_title(ann, "")
    push()
    there = faulty.user(ann.username)
    assert there["roles"] == [{"value": "crm"}]
    assert not there.get("entitlements")
    agree(app, faulty)
    writes = len(faulty.writes)
    ann.save()
    push()
    assert len(faulty.writes) == writes


def test_a_list_that_was_changed_there_is_put_right(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "roles", ROLES)
    push()
    faulty.user(ann.username)["roles"].append({"value": "admin"})
    run = reconcile.work(reconcile.start(app))
    assert "roles from “crm” to “admin, crm”" in run.findings.get().message
    push()
    assert faulty.user(ann.username)["roles"] == [{"value": "crm"}]


def test_the_second_address_that_is_cleared_takes_only_itself_away(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    Mapping.objects.create(app=app, target='emails[type eq "home"].value', source="title")
    set_title(ann, "home@example.org")
    push()
    set_title(ann, "")
    push()
    (left,) = faulty.user(ann.username)["emails"]
    assert (left["type"], left["value"]) == ("work", ann.email)


# ------------------------------------------------------------------- the manager's account


@pytest.fixture
def referring(app: App, ann: User) -> App:
    """Ann reports to a boss who is in no group yet."""
    Mapping.objects.create(app=app, target=MANAGER, source="manager_account")
    ann.manager = person("boss")
    ann.save()
    return app


def manager(faulty: FaultyScim, user: User) -> Any:
    held = faulty.user(user.username).get(ENTERPRISE_USER, {})
    return (held.get("manager") or {}).get("value")


def test_bad_input_93_an_account_is_made_without_its_manager_and_follows(
    referring: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert manager(faulty, ann) is None
    assert account(referring, ann).problem == ""
    boss = ann.manager
    assert boss is not None
    sales.users.add(boss)
    push()
    assert manager(faulty, ann) == faulty.user(boss.username)["id"]
    agree(referring, faulty)


def test_bad_input_93_a_manager_who_is_refused_holds_back_the_reference_alone(
    referring: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400, {"detail": "No."}), about="boss")
    assert ann.manager is not None
    sales.users.add(ann.manager)
    push()
    assert faulty.active_names() == [ann.username]
    assert manager(faulty, ann) is None
    assert account(referring, ann).due_at is None


def test_bad_input_93_who_is_their_own_manager_has_none(
    referring: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    User.objects.filter(pk=ann.pk).update(manager=ann)
    push()
    assert manager(faulty, ann) is None
    agree(referring, faulty)


def test_bad_input_93_a_circle_of_managers_ends(
    referring: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    boss = ann.manager
    assert boss is not None
    User.objects.filter(pk=boss.pk).update(manager=ann)
    sales.users.add(boss)
    push()
    assert manager(faulty, ann) == faulty.user(boss.username)["id"]
    assert manager(faulty, boss) == faulty.user(ann.username)["id"]
    assert not Account.objects.filter(due_at__isnull=False).exists()


def test_a_manager_with_a_new_account_is_another_reference(
    referring: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    boss = ann.manager
    assert boss is not None
    sales.users.add(boss)
    push()
    del faulty.stored[manager(faulty, ann)]
    boss.first_name = "Bea"
    boss.save()
    push()
    assert manager(faulty, ann) == faulty.user(boss.username)["id"]


def test_an_independent_server_takes_lists_references_and_extensions(
    make_app: MakeApp, target: Target, sales: Group, ann: User, push: Push
) -> None:
    app = make_app(target, group=sales)
    formula(app, "roles", 'split("b,a", ",")')
    Mapping.objects.create(app=app, target=MANAGER, source="manager_account")
    boss = ann.manager = person("boss")
    ann.save()
    sales.users.add(boss)
    push()
    there = target.user(ann.username)
    assert sorted(each["value"] for each in there["roles"]) == ["a", "b"]
    assert there[ENTERPRISE_USER]["manager"]["value"] == target.user(boss.username)["id"]
    agree(app, target)
    app.mappings.filter(target="roles").delete()
    formula(app, "roles", 'split("c", ",")')
    ann.manager = None
    ann.save()
    push()
    there = target.user(ann.username)
    assert [each["value"] for each in there["roles"]] == ["c"]
    assert not there[ENTERPRISE_USER].get("manager")
