"""A step is right, told of, or wrong; and whatever nobody speaks of is wrong."""

import pytest

from tests.interop import matrix
from tests.interop.judge import Difference, Mark, Said, Sentence, Verdict, bind, judge
from tests.interop.matrix import Result
from tests.interop.plain import Held, HeldGroup
from tests.interop.world import WORK_MAIL, Team, World, newcomer

STRANGER = Held("s", True, {"userName": "stranger@x"}, {"userName": "stranger@x"})
DROPPED = Sentence("ann", "Somebody changed the account there: title removed.")
REFUSED = Sentence("ann", "Not updated. The service refused it (error 501): “Exception”.")


@pytest.fixture
def world() -> World:
    people = {key: newcomer(key, key, "Lee", number) for number, key in enumerate(("ann", "bob"))}
    for key, person in people.items():
        person.there, person.remote_id = True, f"id-{key}"
    return World(people, strangers={"s": STRANGER.document})


def there(world: World, **values: str) -> dict[str, Held]:
    """Everything as it should be, but for ann's values; "" is none."""
    held = {
        person.remote_id: Held(person.remote_id, True, dict(person.values), {}) for person in world
    }
    changed = {key: value for key, value in {**held["id-ann"].values, **values}.items() if value}
    return {"s": STRANGER, **held, "id-ann": Held("id-ann", True, changed, {})}


def judged(
    world: World,
    held: dict[str, Held],
    said: Said | None = None,
    groups: dict[str, HeldGroup] | None = None,
    **more: int,
) -> Verdict:
    bounds = {"requests": 1, "most": 1, **more}
    groups = groups or {}
    bind(world, held, groups)
    return judge(world, held, groups, said or Said(), touched=["ann"], known=set(), **bounds)


def test_what_is_as_it_should_be_is_right(world: World) -> None:
    assert judged(world, there(world)) == Verdict(Mark.OK)


def test_a_lost_change_that_nobody_speaks_of_is_wrong(world: World) -> None:
    verdict = judged(world, there(world, title=""))
    assert verdict.mark == Mark.FAIL
    assert verdict.reason == (
        "ann: title should be “Engineer” and is “”, and Gatehouse does not say so"
    )


@pytest.mark.parametrize(
    "said",
    [
        Said(standing=[DROPPED], named={("ann", "title")}),
        Said(sentences=[REFUSED], records={"ann": {"there": "yes"}}),
    ],
    ids=["a comparison names it", "it was refused"],
)
def test_a_lost_change_that_is_told_is_a_warning(world: World, said: Said) -> None:
    verdict = judged(world, there(world, title=""), said)
    assert (verdict.mark, verdict.reason) == (Mark.WARNING, "not kept: title")


@pytest.mark.parametrize(
    "said",
    [
        Said(standing=[DROPPED], named={("bob", "title"), ("ann", "locale")}),
        Said(sentences=[REFUSED], records={"ann": {"title": "Engineer"}}),
        Said(records={"ann": {}}),
    ],
    ids=["of another account", "although it is taken for done", "without a sentence"],
)
def test_what_is_told_of_something_else_excuses_nothing(world: World, said: Said) -> None:
    assert judged(world, there(world, title=""), said).mark == Mark.FAIL


def test_a_difference_is_news_only_once(world: World) -> None:
    held, said = there(world, title=""), Said(named={("ann", "title")})
    known: set[Difference] = set()
    marks = [
        judge(world, held, {}, said, touched=["ann"], requests=0, most=0, known=known).mark
        for _ in range(2)
    ]
    assert marks == [Mark.WARNING, Mark.OK]


def test_a_change_of_somebody_whom_the_step_was_not_about_is_wrong(world: World) -> None:
    held, said = there(world), Said(named={("bob", "title")})
    values = {**held["id-bob"].values, "title": "Clerk"}
    held["id-bob"] = Held("id-bob", True, values, {})
    verdict = judged(world, held, said)
    assert verdict.reason == "bob: title is “Clerk”, which is not of this person's doing"


def test_what_only_somebody_else_should_have_is_wrong(world: World) -> None:
    mail = world.people["bob"].values[WORK_MAIL]
    said = Said(named={("ann", WORK_MAIL)})
    assert judged(world, there(world, **{WORK_MAIL: mail}), said).mark == Mark.FAIL


def test_an_account_that_is_still_on_is_wrong(world: World) -> None:
    world.people["ann"].active = False
    assert judged(world, there(world)).mark == Mark.FAIL


def test_of_an_account_that_is_off_only_the_switch_counts(world: World) -> None:
    held = there(world, title="")
    held["id-ann"] = Held("id-ann", False, held["id-ann"].values, {})
    world.people["ann"].active = False
    assert judged(world, held).mark == Mark.OK


def test_a_touched_stranger_is_wrong(world: World) -> None:
    held = there(world)
    held["s"] = Held("s", True, {}, {"userName": "stranger@x", "title": "new"})
    assert "somebody else's" in judged(world, held).reason
    del held["s"]
    assert "somebody else's" in judged(world, held).reason


def test_an_account_too_many_is_wrong(world: World) -> None:
    second = Held("2", True, dict(world.people["ann"].values), {})
    assert judged(world, {**there(world), "2": second}).reason == "ann: has two accounts"
    nobody = Held("2", True, {"userName": "nobody@x"}, {})
    assert judged(world, {**there(world), "2": nobody}).reason == "“nobody@x” is nobody's account"


def test_an_account_under_the_name_of_another_person_is_wrong(world: World) -> None:
    held = there(world, userName=world.people["bob"].username)
    del held["id-bob"]
    said = Said(named={("ann", "userName"), ("bob", "there")})
    assert judged(world, held, said).mark == Mark.FAIL


def test_an_account_made_anew_in_place_of_the_old_one_is_wrong(world: World) -> None:
    held = there(world)
    held["new"] = held.pop("id-ann")
    assert judged(world, held).mark == Mark.FAIL


def test_a_link_to_another_account_is_wrong(world: World) -> None:
    said = Said(remote_ids={"ann": "id-bob"})
    assert judged(world, there(world), said).mark == Mark.FAIL


def test_more_requests_than_plenty_are_wrong(world: World) -> None:
    assert judged(world, there(world), requests=2).mark == Mark.FAIL


def test_waiting_without_a_reason_is_wrong(world: World) -> None:
    assert judged(world, there(world), Said(unexplained=["ann"])).mark == Mark.FAIL


@pytest.mark.parametrize(
    "text", ["", "no capital.", "No end", "Traceback (most recent call last).", "It is None."]
)
def test_a_sentence_that_nobody_can_read_is_wrong(world: World, text: str) -> None:
    said = Said(standing=[Sentence("ann", text)])
    assert judged(world, there(world), said).mark == Mark.FAIL


# -------------------------------------------------------------------------------- groups


def in_sales(world: World, *members: str, name: str = "Sales") -> dict[str, HeldGroup]:
    world.teams["sales"] = Team("sales", "Sales", {"ann", "bob"}, there=True, remote_id="g")
    return {"g": HeldGroup("g", name, members)}


def test_a_group_with_the_right_people_is_right(world: World) -> None:
    groups = in_sales(world, "id-ann", "id-bob")
    assert judged(world, there(world), groups=groups).mark == Mark.OK


@pytest.mark.parametrize("members", [(), ("id-ann",), ("id-ann", "id-bob", "s"), ("id-ann",) * 2])
def test_a_group_with_the_wrong_people_is_wrong(world: World, members: tuple[str, ...]) -> None:
    groups = in_sales(world, *members)
    assert judged(world, there(world), groups=groups).mark == Mark.FAIL


def test_whose_account_is_off_should_not_be_in_a_group(world: World) -> None:
    held, groups = there(world), in_sales(world, "id-ann")
    world.people["bob"].active = False
    held["id-bob"] = Held("id-bob", False, held["id-bob"].values, {})
    assert judged(world, held, groups=groups).mark == Mark.OK


def test_a_renamed_a_missing_and_a_second_group_are_wrong(world: World) -> None:
    groups = in_sales(world, "id-ann", "id-bob")
    second = {**groups, "2": HeldGroup("2", "Sales", ())}
    other = in_sales(world, "id-ann", "id-bob", name="Sale")
    marks = [judged(world, there(world), groups=each).mark for each in (second, other, {})]
    assert marks == [Mark.FAIL] * 3


def test_a_touched_group_of_strangers_is_wrong(world: World) -> None:
    world.strange_groups = {"x": HeldGroup("x", "Elsewhere", ("s",))}
    groups = {"x": HeldGroup("x", "Elsewhere", ())}
    assert "somebody else's" in judged(world, there(world), groups=groups).reason


def test_the_id_of_a_deleted_account_in_a_group_is_a_warning(world: World) -> None:
    groups = in_sales(world, "id-ann", "id-bob", "gone")
    verdict = judged(world, there(world), groups=groups)
    assert (verdict.mark, verdict.reason) == (
        Mark.WARNING,
        "the id of a deleted account stays in the group “Sales”",
    )


def test_who_was_in_an_adopted_group_stays_in_it(world: World) -> None:
    groups = in_sales(world, "id-ann", "id-bob")
    world.teams["sales"].before = frozenset({"s"})
    verdict = judged(world, there(world), groups=groups)
    assert "“ann, bob, without s”" in verdict.reason


# --------------------------------------------------------------------------------- the table


def test_the_table_has_a_note_for_what_is_not_right() -> None:
    wrong = Verdict(Mark.FAIL, "bob: has two accounts", ["bob: has two accounts"])
    told = Verdict(Mark.WARNING, "not kept: title", ["Somebody changed it.", "b.", "c."])
    results = {
        "one": Result({"first": Verdict(Mark.OK), "second": wrong}),
        "two": Result({"first": told}),
        "three": Result(not_run="needs Node.js"),
    }
    assert matrix.table(results, ["first", "second"]).splitlines() == [
        "| Step   | one    | two                | three     |",
        "|--------|--------|--------------------|-----------|",
        "| first  | ok     | warning 2          | not run 3 |",
        "| second | FAIL 1 | FAIL (not reached) | not run 3 |",
        "",
        "1. Bob: has two accounts.",
        "2. Not kept: title. Somebody changed it. (and 2 more)",
        "3. Not run: needs Node.js.",
    ]


def test_a_failed_step_a_broken_run_and_in_ci_a_missing_one_fail() -> None:
    right = Result({"first": Verdict(Mark.OK), "second": Verdict(Mark.WARNING)})
    wrong = Result({"first": Verdict(Mark.OK), "second": Verdict(Mark.FAIL)})
    broken = Result({"first": Verdict(Mark.OK)})
    missing = Result(not_run="needs Node.js")

    def fails(result: Result, *, in_ci: bool = False) -> bool:
        return matrix.failed(result, ["first", "second"], skipping_fails=in_ci)

    assert [fails(each) for each in (right, wrong, broken, missing)] == [False, True, True, False]
    assert fails(missing, in_ci=True)
