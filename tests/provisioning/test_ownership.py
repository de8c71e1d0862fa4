"""A person decides whose an account is; it is looked at first, and no worker has it meanwhile."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from iam.models import Group, User
from provisioning import lanes, ownership
from provisioning.models import (
    Account,
    App,
    Event,
    Lane,
    Mapping,
    Origin,
    PushedGroup,
    PushedMember,
)
from provisioning.ownership import Refused, Unconfirmed
from provisioning.plan import State
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree, happened

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def conflict(app: App, ann: User, faulty: FaultyScim, push: Push) -> str:
    """Another system manages the account under ann's name; its id there."""
    there = faulty.add(ann.username, externalId="of-hr")
    push()
    assert account(app, ann).problem == "conflict"
    return str(there["id"])


def relink(app: App, user: User, remote_id: str, *, confirmed: bool = False) -> Account:
    return ownership.relink(account(app, user), remote_id, by="chief", confirmed=confirmed)


# --------------------------------------------------------------------------------------- adopting


def test_what_another_system_manages_is_adopted_only_if_a_person_says_so_twice(
    app: App, ann: User, conflict: str, faulty: FaultyScim, push: Push
) -> None:
    with pytest.raises(Unconfirmed, match="Another system manages this account"):
        ownership.adopt(account(app, ann), by="chief")
    assert account(app, ann).remote_id is None
    ours = ownership.adopt(account(app, ann), by="chief", confirmed=True)
    assert (ours.remote_id, ours.origin, ours.problem) == (conflict, Origin.ADOPTED, "")
    push()
    agree(app, faulty)
    assert [user["name"]["givenName"] for user in faulty.users()] == ["Ann"]
    event = Event.objects.get(operation="adopt", outcome="done")
    assert (event.actor, event.effect) == ("chief", "verified")


def test_of_several_none_is_adopted_and_their_ids_are_told(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.unique = False
    ids = {faulty.add(ann.username)["id"] for _ in range(2)}
    push()
    with pytest.raises(Refused) as refused:
        ownership.adopt(account(app, ann), by="chief", confirmed=True)
    assert all(each in str(refused.value) for each in ids)
    chosen = ids.pop()
    relink(app, ann, chosen)
    push()
    assert account(app, ann).remote_id == chosen
    agree(app, faulty)


def test_where_there_is_none_none_is_adopted(app: App, ann: User) -> None:
    with pytest.raises(Refused, match="Zoom has no account that matches “ann@example.org”"):
        ownership.adopt(account(app, ann), by="chief")


def test_what_speaks_against_an_account_tells_no_sensitive_value(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    app.mappings.filter(target="userName").update(match=None)
    Mapping.objects.create(app=app, target="title", source="title", match=1, sensitive=True)
    User.objects.filter(pk=ann.pk).update(title="canary-ours")
    there = faulty.add("other@example.org", title="canary-theirs")
    found = ownership.look(account(app, ann), there["id"])
    assert found.objections == (
        "It does not match this person: title is “•••” there, and would be “•••”.",
    )
    assert found.values["userName"] == "other@example.org"
    assert "canary" not in repr((found.values, found.objections))


# ---------------------------------------------------------------------------------------- linking


def test_a_chosen_account_is_linked_and_the_former_one_stays_as_it_is(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    first = account(app, ann).remote_id
    other = faulty.add("old.ann@example.org")
    before = dict(faulty.stored[str(first)])
    with pytest.raises(Unconfirmed, match="userName is “old.ann@example.org” there"):
        relink(app, ann, other["id"])
    faulty.unique = False
    relink(app, ann, other["id"], confirmed=True)
    push()
    assert faulty.stored[other["id"]]["userName"] == "ann@example.org"
    assert faulty.stored[str(first)] == before
    assert str(first) in Event.objects.get(operation="adopt").message


def test_an_account_that_matches_needs_no_second_word(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    there = faulty.add("ANN@example.org")
    assert relink(app, ann, there["id"]).remote_id == there["id"]


def test_the_account_of_somebody_else_is_never_linked(
    app: App, ann: User, mallory: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    theirs = account(app, ann).remote_id
    with pytest.raises(Refused, match="it belongs to Ann Ash") as refused:
        relink(app, mallory, str(theirs), confirmed=True)
    assert not isinstance(refused.value, Unconfirmed)
    assert account(app, ann).remote_id == theirs


def test_what_somebody_left_behind_who_was_deleted_here_may_be_linked(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    there = account(app, ann).remote_id
    ann.delete()
    again = person("ann2", first_name="Ann")
    sales.users.add(again)
    relink(app, again, str(there), confirmed=True)
    assert Account.objects.get(user=None).remote_id is None
    push()
    agree(app, faulty)
    assert account(app, again).remote_id == there


@pytest.mark.parametrize("remote_id", ["nobody", "../Users", "x" * 600, "\0"])
def test_an_id_that_nobody_has_is_refused(app: App, ann: User, remote_id: str) -> None:
    with pytest.raises(Refused, match="no account with this id|could not be asked"):
        relink(app, ann, remote_id, confirmed=True)
    assert account(app, ann).remote_id is None


def test_an_application_that_does_not_answer_decides_nothing(
    app: App, ann: User, faulty: FaultyScim
) -> None:
    faulty.on("GET", answer(503))
    with pytest.raises(Refused, match="Zoom could not be asked"):
        relink(app, ann, "x", confirmed=True)


def test_who_was_deleted_here_is_linked_to_nothing(app: App, ann: User, push: Push) -> None:
    push()
    ann.delete()
    ours = Account.objects.get()
    with pytest.raises(Refused, match="was deleted here"):
        ownership.adopt(ours, by="chief")
    with pytest.raises(Refused, match="was deleted here"):
        ownership.forget(ours, by="chief")


def test_a_look_writes_nothing(app: App, ann: User, conflict: str, faulty: FaultyScim) -> None:
    before = list(Account.objects.values())
    (found,) = ownership.candidates(account(app, ann))
    assert (found.there.remote_id, len(found.objections)) == (conflict, 1)
    assert ownership.look(account(app, ann), conflict).objections == found.objections
    assert (list(Account.objects.values()), faulty.writes) == (before, [])


# ------------------------------------------------------------------------------------- forgetting


def test_a_forgotten_account_stays_there_and_none_is_made_in_its_place(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    before, journal = dict(faulty.stored), list(faulty.journal)
    ours = ownership.forget(account(app, ann), by="chief")
    assert (ours.remote_id, ours.state, ours.due_at) == (None, State.ABSENT, None)
    ann.first_name = "Anna"
    ann.save()
    sales.users.remove(ann)
    sales.users.add(ann)
    app.save()
    push()
    assert (faulty.stored, faulty.journal) == (before, journal)
    assert happened(app)[-1] == ("forget", "done")
    assert account(app, ann).forgotten_at is not None


def test_a_forgotten_account_is_not_removed_when_the_person_leaves(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    ownership.forget(account(app, ann), by="chief")
    sales.users.remove(ann)
    push()
    assert [user["active"] for user in faulty.users()] == [True]


def test_managing_it_is_taken_up_again_with_the_account_that_is_there(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add(ann.username)
    push()
    (there,) = faulty.users()
    ownership.forget(account(app, ann), by="chief")
    ownership.manage_again(account(app, ann), by="chief")
    push()
    assert account(app, ann).remote_id == there["id"]
    agree(app, faulty)


def test_linking_takes_up_what_was_forgotten(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    there = str(account(app, ann).remote_id)
    ownership.forget(account(app, ann), by="chief")
    assert relink(app, ann, there, confirmed=True).forgotten_at is None
    push()
    agree(app, faulty)


def test_what_cannot_be_forgotten_or_taken_up_twice_is_said(
    app: App, ann: User, push: Push
) -> None:
    push()
    with pytest.raises(Refused, match="is managed in Zoom already"):
        ownership.manage_again(account(app, ann), by="chief")
    ownership.forget(account(app, ann), by="chief")
    with pytest.raises(Refused, match="not managed in Zoom any more already"):
        ownership.forget(account(app, ann), by="chief")


def test_its_groups_there_forget_it_and_nobody_is_taken_out(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    ours = account(app, ann)
    pushed = PushedGroup.objects.create(app=app, name="Sales", remote_id="g1")
    PushedMember.objects.create(
        pushed_group=pushed, account=ours, remote_id=str(ours.remote_id), state="in"
    )
    ownership.forget(ours, by="chief")
    push()
    assert not PushedMember.objects.exists()
    assert [line for line in faulty.journal if "/Groups" in line] == []


def test_those_who_report_to_a_manager_follow_the_managers_account(
    app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    Mapping.objects.create(app=app, target=f"{enterprise}:manager.value", source="manager_account")
    User.objects.filter(pk=bob.pk).update(manager=ann)
    sales.users.add(bob)
    push()
    push()
    first = account(app, bob).applied[f"{enterprise}:manager.value"]
    assert first == account(app, ann).remote_id
    other = faulty.add("other.ann@example.org")
    faulty.unique = False
    relink(app, ann, other["id"], confirmed=True)
    push()
    assert account(app, bob).applied[f"{enterprise}:manager.value"] == other["id"]


# -------------------------------------------------------------------------------- lane and workers


def test_what_a_worker_has_in_hand_is_left_to_it(app: App, ann: User) -> None:
    lease = lanes.acquire(app.pk, owner="worker")
    assert lease is not None
    for decision in (ownership.forget, ownership.manage_again):
        with pytest.raises(Refused, match="is being worked on in Zoom now"):
            decision(account(app, ann), by="chief")
    lease.release()
    assert ownership.forget(account(app, ann), by="chief").forgotten_at is not None


def test_what_was_left_behind_is_not_taken_out_of_a_workers_hands_either(
    app: App, ann: User, bob: User, sales: Group, push: Push
) -> None:
    sales.users.add(bob)
    push()
    there = str(account(app, ann).remote_id)
    ann.delete()
    assert lanes.acquire(app.pk, owner="worker") is not None
    with pytest.raises(Refused, match="“ann@example.org” is being worked on in Zoom now"):
        relink(app, bob, there, confirmed=True)


def test_a_lane_whose_owner_died_hinders_nobody(app: App, ann: User) -> None:
    assert lanes.acquire(app.pk, owner="worker") is not None
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert ownership.forget(account(app, ann), by="chief").forgotten_at is not None


def test_what_is_at_rest_is_decided_while_a_worker_is_at_others(
    app: App, ann: User, push: Push
) -> None:
    push()
    assert lanes.acquire(app.pk, owner="worker") is not None
    assert ownership.forget(account(app, ann), by="chief").forgotten_at is not None
