"""What became of a write whose answer was lost stays in doubt until something settles it."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import doubt
from provisioning.models import App
from provisioning.plan import Action, Change, Operation
from tests.support.faulty import Fault, FaultyScim, answer, lose_answer
from tests.support.looks import account, agree

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def pushed(faulty_app: App, ann: User, push: Push) -> App:
    """Ann has her account."""
    push()
    return faulty_app


@pytest.fixture
def wait(later: Later, push: Push) -> Callable[[], None]:
    """Until every retry and every rest is over, and then push."""

    def until_over() -> None:
        later(hours=2)
        push()

    return until_over


CERTAIN = [answer(401), answer(400)]


@pytest.mark.parametrize("refusal", CERTAIN, ids=["401", "400"])
def test_a_lost_deactivation_is_not_forgotten_when_the_next_request_is_refused(
    pushed: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Callable[[], None],
    refusal: Fault,
) -> None:
    faulty.on("PATCH", lose_answer, times=1)
    sales.users.remove(ann)
    push()
    faulty.on("*", refusal)
    wait()
    faulty.heal()
    sales.users.add(ann)
    pushed.save()
    wait()
    assert faulty.active_names() == [ann.username]
    agree(pushed, faulty)


@pytest.mark.parametrize("refusal", CERTAIN, ids=["401", "400"])
def test_a_lost_deactivation_is_not_forgotten_when_giving_back_is_refused(
    pushed: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Callable[[], None],
    refusal: Fault,
) -> None:
    faulty.on("PATCH", lose_answer, times=1)
    sales.users.remove(ann)
    push()
    sales.users.add(ann)
    faulty.on("PATCH", refusal, times=1)
    push()
    faulty.heal()
    ann.save()
    pushed.save()
    wait()
    assert faulty.active_names() == [ann.username]
    agree(pushed, faulty)


def test_a_lost_change_is_not_forgotten_while_the_person_is_away(
    pushed: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Callable[[], None]
) -> None:
    for method in ("PUT", "PATCH"):
        faulty.on(method, lose_answer, about="Oak", times=1)
    rename(ann, "Oak")
    push()
    sales.users.remove(ann)
    wait()
    rename(ann, "Ash")
    sales.users.add(ann)
    wait()
    assert faulty.user(ann.username)["name"]["familyName"] == "Ash"
    agree(pushed, faulty)


def test_a_lost_change_is_not_forgotten_when_the_next_one_is_refused(
    pushed: App, ann: User, faulty: FaultyScim, push: Push, wait: Callable[[], None]
) -> None:
    for method in ("PUT", "PATCH"):
        faulty.on(method, lose_answer, about="Oak", times=1)
    rename(ann, "Oak")
    push()
    for method in ("PUT", "PATCH"):
        faulty.on(method, answer(400), times=1)
    wait()
    faulty.heal()
    rename(ann, "Ash")
    wait()
    assert faulty.user(ann.username)["name"]["familyName"] == "Ash"
    agree(pushed, faulty)


def test_an_account_found_after_a_lost_create_is_not_written_again(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, wait: Callable[[], None]
) -> None:
    faulty.on("POST", lose_answer, times=1)
    push()
    wait()
    assert faulty.writes == ["POST /Users"]
    assert len(faulty.user(ann.username)["emails"]) == 1
    agree(faulty_app, faulty)


def test_a_leavers_lost_create_is_not_forgotten_when_looking_it_up_is_refused(
    faulty_app: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Callable[[], None],
) -> None:
    faulty.on("POST", lose_answer, times=1)
    push()
    sales.users.remove(ann)
    faulty.on("GET", answer(401), times=1)
    wait()
    faulty_app.save()
    wait()
    assert faulty.active_names() == []
    assert account(faulty_app, ann).intent == {}


def rename(user: User, last_name: str) -> None:
    user.last_name = last_name
    user.save()


# -------------------------------------------------------------------------------- the bookkeeping


UPDATE = Action(Operation.UPDATE, (Change("title", "Boss", None),))


def sent(*actions: Action) -> doubt.Doubt:
    """In doubt after these writes, none of which was answered."""
    now: doubt.Doubt = {}
    for action in actions:
        now = doubt.sending(now, action, desired={"userName": "ann"}, identifying=["userName"])
    return now


def test_doubts_add_up() -> None:
    both = sent(UPDATE, Action(Operation.DEACTIVATE))
    assert doubt.operations(both) == {Operation.UPDATE, Operation.DEACTIVATE}
    assert doubt.paths(both) == ["title"]


def test_a_lost_create_is_looked_for_under_the_name_it_was_sent_with() -> None:
    assert doubt.tried(sent(Action(Operation.CREATE))) == {"userName": "ann"}


@pytest.mark.parametrize(
    ("done", "left"),
    [
        (Operation.UPDATE, {Operation.DEACTIVATE}),
        (Operation.DEACTIVATE, {Operation.UPDATE}),
        (Operation.REACTIVATE, {Operation.UPDATE}),
        (Operation.DELETE, set()),
        (Operation.CREATE, set()),
    ],
)
def test_what_is_done_settles_what_it_decides(done: Operation, left: set[Operation]) -> None:
    after = doubt.settled(sent(UPDATE, Action(Operation.DEACTIVATE)), done)
    assert doubt.operations(after) == left
    assert doubt.paths(after) == (["title"] if Operation.UPDATE in left else [])
