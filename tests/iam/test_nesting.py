"""Which groups hold which is derived rightly from the nestings, whatever these are."""

import logging
import random
from collections.abc import Iterable

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from iam import nesting
from iam.models import Group, GroupNesting, GroupPath

pytestmark = pytest.mark.django_db

Edges = Iterable[tuple[int, int]]


def groups(count: int) -> list[int]:
    made = Group.objects.bulk_create(Group(name=f"Group {number:05}") for number in range(count))
    return [group.pk for group in made]


def nest(edges: Edges) -> None:
    """Without a signal, as an import does."""
    GroupNesting.objects.bulk_create(
        GroupNesting(parent_id=up, child_id=down) for up, down in edges
    )


def paths() -> set[tuple[int, int]]:
    return set(GroupPath.objects.values_list("ancestor", "descendant"))


def walked(edges: Edges) -> set[tuple[int, int]]:
    """The same by walking down from each group, one step after the other."""
    held: dict[int, set[int]] = {}
    for up, down in edges:
        held.setdefault(up, set()).add(down)
    found = set()
    for start in held:
        seen, todo = {start}, [start]
        while todo:
            for down in held.get(todo.pop(), set()) - seen:
                seen.add(down)
                todo.append(down)
        found |= {(start, down) for down in seen - {start}}
    return found


def stored() -> set[tuple[int, int]]:
    return set(GroupNesting.objects.values_list("parent", "child"))


def direct() -> set[tuple[int, int]]:
    return set(GroupPath.objects.filter(direct=True).values_list("ancestor", "descendant"))


@pytest.mark.parametrize("seed", range(3))
def test_any_changes_one_by_one_and_in_bulk_end_in_the_paths_that_are_walked(seed: int) -> None:
    chance = random.Random(seed)
    keys = groups(9)
    for _ in range(25):
        match chance.randrange(5):
            case 0:
                for found in GroupNesting.objects.order_by("?")[:2]:
                    found.delete()
            case 1:
                GroupNesting.objects.filter(pk__in=stored_keys(chance))._raw_delete("default")
            case 2:
                # Circles too: only a page refuses them.
                nest({tuple(chance.sample(keys, 2)) for _ in range(2)} - stored())
            case 3 if len(keys) > 5:
                gone = keys.pop(chance.randrange(len(keys)))
                Group.objects.get(pk=gone).delete()
            case _:
                up, down = chance.sample(keys, 2)
                if (up, down) not in stored():
                    GroupNesting.objects.create(parent_id=up, child_id=down)
        # Whatever the signals missed, the paths fit one another.
        assert paths() == walked(direct())
        assert nesting.differ() is (direct() != stored())
        if nesting.differ():
            nesting.renew()
        assert paths() == walked(stored())


def stored_keys(chance: random.Random) -> list[int]:
    keys = list(GroupNesting.objects.values_list("pk", flat=True))
    return chance.sample(keys, min(2, len(keys)))


@pytest.mark.parametrize("seed", range(3))
def test_without_a_circle_every_single_change_is_followed_at_once(seed: int) -> None:
    chance = random.Random(seed)
    keys = groups(8)
    for _ in range(20):
        up, down = sorted(chance.sample(range(len(keys)), 2))
        found = GroupNesting.objects.filter(parent=keys[up], child=keys[down])
        if found:
            found.delete()
        else:
            GroupNesting.objects.create(parent_id=keys[up], child_id=keys[down])
        assert paths() == walked(stored())
        assert not nesting.differ()
    Group.objects.filter(pk__in=keys[2:5]).delete()
    assert paths() == walked(stored())


def test_a_nesting_turned_into_another_one_is_followed() -> None:
    top, other, middle, low = groups(4)
    moved = GroupNesting.objects.create(parent_id=top, child_id=middle)
    GroupNesting.objects.create(parent_id=middle, child_id=low)
    moved.parent_id = other
    moved.save()
    assert paths() == walked(stored()) == {(other, middle), (other, low), (middle, low)}
    moved.child_id = low
    moved.save()
    assert paths() == walked(stored()) == {(other, low), (middle, low)}


def test_fifty_levels_and_ten_thousand_groups_are_right() -> None:
    """bad-input-109"""
    keys = groups(10_000)
    # Twenty columns of fifty levels; all others are in the groups at the top.
    deep = [(keys[number - 20], keys[number]) for number in range(20, 1_000)]
    edges = [*deep, *((keys[number % 60], keys[number]) for number in range(1_000, 10_000))]
    nest(edges)
    assert nesting.differ()
    assert nesting.renew() == 20 * 50 * 49 / 2 + 9_000 * 2
    assert paths() == walked(edges)
    assert not nesting.differ()
    # One more in the middle: what is above it now holds what is below it.
    GroupNesting.objects.create(parent_id=keys[500], child_id=keys[501])
    assert paths() == walked([*edges, (keys[500], keys[501])])
    assert not nesting.differ()


def test_a_circle_from_an_import_ends_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """bad-input-108"""
    a, b, c, d = groups(4)
    nest([(a, b), (b, c), (c, a), (c, d)])
    with caplog.at_level(logging.WARNING):
        assert nesting.differ()
        nesting.renew()
        assert paths() == walked(stored())
        # Nothing more to do for the sweep, and nothing to be told again.
        assert not nesting.differ()
        assert nesting.renew() == 0
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "Groups hold each other in a circle"
    ]
    GroupNesting.objects.get(parent=c, child=a).delete()
    assert paths() == walked(stored())
    assert not nesting.differ()


def test_a_stale_way_into_a_circle_is_found() -> None:
    top, a, b = groups(3)
    nest([(top, a), (a, b), (b, a)])
    nesting.renew()
    GroupNesting.objects.filter(parent=top)._raw_delete("default")
    assert nesting.differ()
    nesting.renew()
    assert paths() == {(a, b), (b, a)}


def test_a_chain_that_is_too_long_is_cut_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """bad-input-109"""
    keys = groups(300)
    nest(zip(keys, keys[1:], strict=False))
    nesting.renew()
    assert GroupPath.objects.filter(ancestor=keys[0]).count() == nesting.LEVELS
    assert len(caplog.records) == 1
    assert not nesting.differ()


# ---------------------------------------------------------------------------- what is refused


def refused(up: int, down: int) -> str:
    with pytest.raises(ValidationError) as caught:
        GroupNesting(parent_id=up, child_id=down).full_clean()
    return " ".join(caught.value.messages)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (1, "Group 00001 already holds this group."),
        (2, "Group 00002 already holds Group 00001, which holds this group."),
        (
            9,
            "Group 00009 already holds Group 00008, which holds Group 00007, which holds "
            "Group 00006, which holds 5 more in one another, the last of which holds this group.",
        ),
    ],
)
def test_a_circle_is_refused_and_the_way_is_named(length: int, said: str) -> None:
    """bad-input-108"""
    keys = groups(length + 1)
    nest(zip(keys[1:], keys, strict=False))
    # The wrong turning is not named.
    nest([(keys[-1], groups_more())])
    assert refused(keys[0], keys[-1]) == said


def groups_more() -> int:
    return Group.objects.create(name="Aside").pk


def test_a_group_in_itself_is_refused_on_the_page_and_by_the_database() -> None:
    (key,) = groups(1)
    assert refused(key, key) == "A group cannot hold itself."
    with pytest.raises(IntegrityError), transaction.atomic():
        nest([(key, key)])


def test_the_same_nesting_twice_is_refused() -> None:
    up, down = groups(2)
    nest([(up, down)])
    assert refused(up, down) == "This group is already in the group."


def test_too_many_levels_are_refused_above_and_below_together() -> None:
    above, below = groups_in_a_row(33), groups_in_a_row(33)
    assert "over more than 64 levels" in refused(above[-1], below[0])
    GroupNesting(parent_id=above[-2], child_id=below[0]).full_clean()


def groups_in_a_row(count: int) -> list[int]:
    made = [Group.objects.create(name=f"{count} {Group.objects.count()}").pk for _ in range(count)]
    nest(zip(made, made[1:], strict=False))
    return made
