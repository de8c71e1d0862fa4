"""The pure decision about a group: one step, and what stands in its way."""

from typing import Any

import pytest

from provisioning.group_plan import People, RecordedGroup, plan_group
from provisioning.plan import GROUP_FEATURES, Feature, Operation, State

HELD = {"displayName": "Sales"}
NOBODY, MISSING, LEAVING = People(), People(missing=True), People(missing=True, leaving=True)


def planned(
    *,
    wanted: bool = True,
    there: bool = True,
    made_by_us: bool = True,
    doubts: Any = (),
    name: str = "Sales",
    people: People = NOBODY,
    without: Feature | None = None,
) -> tuple[Operation, Feature | None]:
    group = RecordedGroup(
        State.ACTIVE if there else State.ABSENT,
        there,
        made_by_us,
        HELD if there else {},
        doubts=doubts,
    )
    action = plan_group(
        group,
        wanted=wanted,
        desired={"displayName": name} if wanted else {},
        people=people,
        features=[feature for feature in GROUP_FEATURES if feature is not without],
    )
    return action.operation, action.skipped


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, Operation.NOTHING),
        ({"there": False}, Operation.CREATE_GROUP),
        ({"name": "Selling", "people": LEAVING}, Operation.UPDATE_GROUP),
        ({"people": LEAVING}, Operation.REMOVE_MEMBER),
        ({"people": MISSING}, Operation.ADD_MEMBER),
        ({"wanted": False}, Operation.DELETE_GROUP),
        ({"wanted": False, "people": People(held=True)}, Operation.NOTHING),
        ({"wanted": False, "there": False}, Operation.NOTHING),
        ({"wanted": False, "made_by_us": False}, Operation.NOTHING),
        ({"wanted": False, "made_by_us": False, "people": LEAVING}, Operation.REMOVE_MEMBER),
        ({"wanted": False, "made_by_us": False, "people": MISSING}, Operation.NOTHING),
        ({"doubts": [Operation.DELETE_GROUP]}, Operation.RESOLVE),
        ({"wanted": False, "doubts": [Operation.DELETE_GROUP]}, Operation.DELETE_GROUP),
        (
            {"wanted": False, "there": False, "doubts": [Operation.CREATE_GROUP]},
            Operation.RESOLVE,
        ),
        ({"there": False, "doubts": [Operation.CREATE_GROUP]}, Operation.CREATE_GROUP),
    ],
)
def test_each_situation_has_one_next_step(about: dict[str, Any], expected: Operation) -> None:
    assert planned(**about) == (expected, None)


@pytest.mark.parametrize(
    ("feature", "about"),
    [
        (Feature.CREATE_GROUPS, {"there": False}),
        (Feature.UPDATE_GROUPS, {"name": "Selling"}),
        (Feature.DELETE_GROUPS, {"wanted": False}),
        (Feature.GROUP_MEMBERS, {"people": MISSING}),
        (Feature.GROUP_MEMBERS, {"people": LEAVING}),
    ],
)
def test_a_feature_that_is_off_stands_in_the_way(feature: Feature, about: dict[str, Any]) -> None:
    assert planned(**about, without=feature) == (Operation.NOTHING, feature)


def test_a_name_that_may_not_be_changed_does_not_keep_people_out() -> None:
    about = {"name": "Selling", "people": MISSING, "without": Feature.UPDATE_GROUPS}
    assert planned(**about) == (Operation.ADD_MEMBER, None)
