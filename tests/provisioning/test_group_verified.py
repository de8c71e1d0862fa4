"""What is accepted for a group is looked at; what has no effect is told and not sent for ever."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from iam.models import Group, Membership, User
from provisioning import group_guard, group_queue
from provisioning.connectors.base import RemoteGroup
from provisioning.connectors.scim import Scim
from provisioning.effects import LOOKS, Effect, group_changed, of_member
from provisioning.group_members import about_to
from provisioning.models import App, Event, Hold, Lane, MemberState, Problem, PushedMember, Trigger
from provisioning.plan import Change, Operation, State
from tests.conftest import MakeApp
from tests.provisioning.test_groups import ALL, about_groups, agree, people_in, pushed, with_groups
from tests.support.connectors import in_catalogue
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]
Later = Callable[..., None]
ADD, REMOVE = Operation.ADD_MEMBER, Operation.REMOVE_MEMBER


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User) -> App:
    return with_groups(make_app(faulty, features=ALL, group=sales))


def told(operation: str) -> list[tuple[str, str, str]]:
    rows = Event.objects.filter(operation=operation).order_by("pk")
    return [(row.identifier, row.outcome, row.effect) for row in rows]


# ------------------------------------------------------------------------------- what proves what


@pytest.mark.parametrize(
    ("operation", "inside", "expected"),
    [
        (ADD, {"a"}, Effect.VERIFIED),
        (ADD, {"b"}, Effect.WITHOUT),
        (REMOVE, {"b"}, Effect.VERIFIED),
        (REMOVE, {"a"}, Effect.WITHOUT),
        (ADD, None, Effect.ACCEPTED),
        (REMOVE, None, Effect.ACCEPTED),
    ],
)
def test_who_is_shown_in_a_group(
    operation: Operation, inside: set[str] | None, expected: Effect
) -> None:
    assert of_member(operation, "a", inside) is expected


def test_one_who_is_sent_the_other_way_has_no_looks_behind() -> None:
    row = PushedMember(state=MemberState.ADDING, looks=3)
    about_to(row, MemberState.ADDING)
    assert row.looks == 3
    about_to(row, MemberState.REMOVING)
    assert row.looks == 0


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("Selling", Effect.VERIFIED),
        ("selling", Effect.VERIFIED),
        ("Sales", Effect.WITHOUT),
        ("", Effect.ACCEPTED),
        (None, Effect.ACCEPTED),
    ],
)
def test_what_a_group_is_called_after_a_rename(shown: str | None, expected: Effect) -> None:
    there = None if shown is None else RemoteGroup("g", {"displayName": shown})
    effect, different = group_changed([Change("displayName", "Sales", "Selling")], there)
    assert effect is expected
    assert bool(different.ignored) == (expected is Effect.WITHOUT)
    assert bool(different.rewritten) == (shown == "selling")


# -------------------------------------------------------------------------------- the group itself


def test_the_report_tells_what_was_seen_of_a_groups_whole_life(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.groups.shows_changes = True
    sales.name = "Selling"
    sales.save()
    push()
    sales.delete()
    push()
    for operation, who in [
        ("create_group", "Sales"),
        ("add_member", ann.username),
        ("update_group", "Selling"),
        ("delete_group", "Selling"),
    ]:
        assert told(operation) == [(who, "done", "verified")]


def test_a_rename_that_is_ignored_is_told_once(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.groups.without_effect = faulty.groups.shows_changes = True
    sales.name = "Selling"
    sales.save()
    push()
    assert told("update_group") == [("Selling", "done", "without_effect")]
    message = Event.objects.get(operation="update_group").message
    assert "Zoom accepted it but still shows the old value for displayName (“Sales”)" in message
    about_groups(faulty)
    group_queue.mark_apps([zoom.pk], trigger=Trigger.MANUAL)
    push()
    assert about_groups(faulty) == []
    agree(zoom, faulty)


def test_a_group_that_stays_after_its_deletion_is_a_persons_business(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    push()
    faulty.groups.keeps_deleted = True
    sales.delete()
    for _ in range(LOOKS + 3):
        push()
        later(minutes=5)
    expected = [*(LOOKS - 1) * ["retrying"], "failed"]
    assert told("delete_group") == [("Sales", each, "without_effect") for each in expected]
    row = pushed(zoom)
    assert row.problem == Problem.WITHOUT_EFFECT
    assert "Zoom accepted the deletion of the group “Sales” but still shows it." in row.message
    assert row.members.count() == 1
    assert group_queue.sweep() == 0
    faulty.groups.keeps_deleted = False
    later(days=1)
    push()
    assert told("delete_group")[LOOKS:] == [("Sales", "done", "verified")]
    assert pushed(zoom).state == State.GONE
    agree(zoom, faulty)


# -------------------------------------------------------------------------------------- its people


@pytest.mark.parametrize("answers", ["in the answer", "in a look"])
@pytest.mark.parametrize("operation", ["add_member", "remove_member"])
def test_a_member_about_whom_nothing_happens_is_told_and_never_sent_for_ever(
    zoom: App,
    ann: User,
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    later: Later,
    operation: str,
    answers: str,
) -> None:
    everybody = Group.objects.create(name="Everybody")
    everybody.users.add(ann, bob)
    zoom.policies.create(name="Everybody", group=everybody)
    is_adding = operation == "add_member"
    sales.users.set([] if is_adding else [ann, bob])
    push()
    faulty.groups.shows_changes = answers == "in the answer"
    ids = {user["userName"]: user["id"] for user in faulty.users()}
    faulty.groups.ignored_members = {ids[ann.username]}
    Event.objects.all().delete()
    about_groups(faulty)
    sales.users.set([ann, bob] if is_adding else [])
    push()
    # The others go on, and are verified.
    assert (bob.username in people_in(faulty)) is is_adding
    assert (bob.username, "done", "verified") in told(operation)
    # Another reason to look at the group is none to send her before her time.
    sent = list(faulty.writes)
    group_queue.mark_apps([zoom.pk], trigger=Trigger.MANUAL)
    push()
    assert faulty.writes == sent
    for _ in range(LOOKS + 3):
        later(minutes=5)
        push()
    expected = [*(LOOKS - 1) * ["retrying"], "failed"]
    hers = [each for each in told(operation) if each[0] == ann.username]
    assert hers == [(ann.username, each, "without_effect") for each in expected]
    assert sum("PATCH" in line for line in about_groups(faulty)) == LOOKS
    row = PushedMember.objects.get(account__user=ann, pushed_group__group=sales)
    shows = "does not show" if is_adding else "shows"
    assert f"Zoom accepted it but still {shows} Ann Ash in the group “Sales”." in row.message
    assert pushed(zoom, group=sales).problem == Problem.REJECTED
    assert group_queue.sweep() == 0
    faulty.groups.ignored_members.clear()
    later(days=1)
    push()
    assert (ann.username in people_in(faulty)) is is_adding
    agree(zoom, faulty)


def test_one_who_was_added_in_vain_and_leaves_is_taken_out_all_the_same(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """The application may have been late."""
    everybody = Group.objects.create(name="Everybody")
    everybody.users.add(ann, bob)
    zoom.policies.create(name="Everybody", group=everybody)
    sales.users.set([bob])
    push()
    ids = {user["userName"]: user["id"] for user in faulty.users()}
    faulty.groups.ignored_members = {ids[ann.username]}
    sales.users.add(ann)
    push()
    assert PushedMember.objects.get(state=MemberState.ADDING).looks == 1
    faulty.groups.ignored_members.clear()
    faulty.groups.named("Sales")["members"].append({"value": ids[ann.username]})
    Membership.objects.get(user=ann, group=sales).delete()
    push()
    assert people_in(faulty) == [bob.username]
    agree(zoom, faulty)


def test_a_removal_in_vain_that_the_guard_holds_back_is_no_loop(
    zoom: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    everybody = Group.objects.create(name="Everybody")
    everybody.users.add(ann)
    zoom.policies.create(name="Everybody", group=everybody)
    push()
    ids = {user["userName"]: user["id"] for user in faulty.users()}
    faulty.groups.ignored_members = {ids[ann.username]}
    sales.users.clear()
    push()
    App.objects.update(guard_count=0, guard_percent=0)
    about_groups(faulty)
    later(minutes=5)
    push()
    assert about_groups(faulty) == []
    assert pushed(zoom, group=sales).problem == Problem.HELD
    group_guard.release(Hold.objects.all(), by="olga", reason="Checked")
    push()
    later(minutes=5)
    # In vain once more, and what was allowed is still allowed.
    push()
    assert about_groups(faulty).count("PATCH /Groups/…") == 2
    faulty.groups.ignored_members.clear()
    later(minutes=5)
    push()
    assert people_in(faulty) == []
    assert pushed(zoom, group=sales).released_by == ""


@pytest.mark.parametrize("status", [500, 429])
def test_a_look_that_fails_undoes_and_repeats_nothing(
    zoom: App, ann: User, faulty: FaultyScim, push: Push, status: int
) -> None:
    faulty.on("GET", answer(status), about="/Groups/")
    push()
    assert told("add_member") == [(ann.username, "done", "accepted")]
    lane = Lane.objects.get(app=zoom)
    assert (lane.paused_until is not None) is (status == 429)
    Lane.objects.update(paused_until=None)
    push()
    assert faulty.writes.count("PATCH /Groups/…") == 1
    agree(zoom, faulty)


def test_where_members_are_hidden_it_is_accepted_and_asked_for_no_more(
    zoom: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.groups.hides_members = True
    push()
    assert told("add_member") == [(ann.username, "done", "accepted")]
    about_groups(faulty)
    sales.users.add(bob)
    push()
    assert about_groups(faulty) == ["PATCH /Groups/…"]


def test_one_of_a_hidden_group_is_found_by_a_filter(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    asked = "id eq {group} and members eq {member}"
    groups = replace(Scim.dialect.groups, shows_members=False, member_filter=asked)
    fields = {"dialect": replace(Scim.dialect, groups=groups)}
    faulty.groups.hides_members = True
    with in_catalogue(type("Filtering", (Scim,), fields), "filtering") as kind:
        with_groups(make_app(faulty, kind=kind, features=ALL, group=sales))
        push()
        assert told("add_member") == [(ann.username, "done", "verified")]
        made = ["GET /Groups", "POST /Groups"]
        assert about_groups(faulty) == [*made, "PATCH /Groups/…", "GET /Groups"]
