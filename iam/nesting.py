"""Which groups hold which, through others too: the paths, derived from the nestings.

A nesting says that one group is directly in another; a path that there is a way down from one to
the other. Only this module writes paths. It walks level by level, never calls itself, meets each
group once and stops at a bound, so a circle that came in by an import does no harm.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Q

from iam.models import Group, GroupNesting, GroupPath

logger = logging.getLogger(__name__)

# How many nestings may lie on the way from a group down to another one.
LEVELS = 64
_NAMED = 4
_AT_ONCE = 10_000

# (ancestor, descendant)
Pair = tuple[int, int]
# From a group to those that hold it, or to those that it holds, directly.
Ways = dict[int, list[int]]
T = TypeVar("T")
_NOTHING = Q(pk__in=())


def renew(child: int | None = None, *, without: int | None = None) -> int:
    """Put right the paths that lead to this group and to those in it; None stands for all groups.

    To be called whenever a nesting of the group in another one came or went, or, `without` it,
    before it goes. How many paths changed.
    """
    held = _and_below([child]) if child is not None else _all_held()
    ways = _ways_up(held, without=Q(pk=without))
    stored = _stored(held)
    right = {(above, group) for group in held for above in _reached(group, ways)}
    # In order, so that two that come at once do not wait for each other.
    new = sorted(right.difference(stored))
    gone = [key for pair, key in stored.items() if pair not in right]
    if new or gone:
        _write(gone=gone, new=new)
        _warn(_levels(ways))
    return len(new) + len(gone)


def differ() -> bool:
    """Whether the paths may be others than the nestings say, as after a bulk write.

    Each step is looked at for itself, which costs less than walking all ways. Only a circle could
    give itself right in that, so where there is one, the answer is always yes.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 WHERE {' OR '.join(f'EXISTS ({each})' for each in _SIGNS)}")
        return cursor.fetchone() is not None


_SIGNS = (
    # A nesting, or a path with a nesting added to it, is no path yet.
    """
    SELECT 1 FROM iam_groupnesting n
    LEFT JOIN iam_grouppath p ON p.ancestor_id = n.parent_id AND p.descendant_id = n.child_id
    WHERE p.id IS NULL
    """,
    """
    SELECT 1 FROM iam_groupnesting n JOIN iam_grouppath above ON above.descendant_id = n.parent_id
    LEFT JOIN iam_grouppath p
        ON p.ancestor_id = above.ancestor_id AND p.descendant_id = n.child_id
    WHERE p.id IS NULL
    """,
    # A path ends in no nesting any more.
    """
    SELECT 1 FROM iam_grouppath p WHERE NOT EXISTS (
        SELECT 1 FROM iam_groupnesting n
        LEFT JOIN iam_grouppath above
            ON above.ancestor_id = p.ancestor_id AND above.descendant_id = n.parent_id
        WHERE n.child_id = p.descendant_id
            AND (n.parent_id = p.ancestor_id OR above.id IS NOT NULL)
    )
    """,
    # A circle.
    """
    SELECT 1 FROM iam_grouppath p JOIN iam_grouppath back
        ON back.ancestor_id = p.descendant_id AND back.descendant_id = p.ancestor_id
    """,
)


def ending(*, nestings: Sequence[int] = (), groups: Sequence[int] = ()) -> list[int]:
    """The keys of the paths there would no longer be without these nestings and these groups."""
    going = Q(pk__in=nestings) | Q(parent__in=groups) | Q(child__in=groups)
    held = _and_below(GroupNesting.objects.filter(going).values_list("child", flat=True))
    ways = _ways_up(held, without=going)
    above = {group: _reached(group, ways) for group in held}
    return [key for (up, down), key in _stored(held).items() if up not in above[down]]


def refusal(*, parent: int, child: int) -> str:
    """Why this group must not be put into that one, as a sentence; empty if it may be."""
    if parent == child:
        return "A group cannot hold itself."
    above, below = _ways_up([parent]), _ways_down([child])
    if way := _way(above, start=parent, end=child):
        return _circle(way)
    if (_levels(above) or 0) + 1 + (_levels(below) or 0) <= LEVELS:
        return ""
    return (
        f"Groups would be held by groups over more than {LEVELS} levels. Put this group into one "
        "that is further up."
    )


def _circle(way: list[int]) -> str:
    names = dict(Group.objects.filter(pk__in=way).values_list("pk", "name"))
    first, *others = [names[key] for key in way]
    shown = [f"{name}, which holds " for name in others[: _NAMED - 1]]
    if more := len(others) - len(shown):
        shown.append(f"{more} more in one another, the last of which holds ")
    return f"{first} already holds {''.join(shown)}this group."


def routes(groups: Iterable[int]) -> dict[int, list[int]]:
    """Each group that whoever is in these belongs to, with a shortest way up to it, ends included.

    The way begins with one of these groups.
    """
    found = {group: [group] for group in groups}
    ways = _ways_up(found)
    level = list(found)
    while level:
        following = []
        for this in level:
            new = [other for other in dict.fromkeys(ways.get(this, ())) if other not in found]
            found |= {other: [*found[this], other] for other in new}
            following += new
        level = following
    return found


# ----------------------------------------------------------------------------- walking the ways


def _ways_up(groups: Iterable[int], *, without: Q = _NOTHING) -> Ways:
    """From these groups, and from each that holds one of them, to the groups it is directly in."""
    return _ways(groups, "child", "parent", without)


def _ways_down(groups: Iterable[int]) -> Ways:
    return _ways(groups, "parent", "child", _NOTHING)


def _ways(groups: Iterable[int], start: str, end: str, without: Q) -> Ways:
    nestings = GroupNesting.objects.exclude(without).order_by().values_list(start, end)
    found: Ways = {}
    todo = set(groups)
    while todo:
        level: Ways = {}
        for keys in _batches(todo):
            for this, other in nestings.filter(**{f"{start}__in": keys}):
                level.setdefault(this, []).append(other)
        found |= level
        todo = {other for others in level.values() for other in others} - found.keys()
    return found


def _reached(group: int, ways: Ways) -> set[int]:
    """The groups that the ways lead to from this one, each once."""
    found: set[int] = set()
    level = {group}
    for _ in range(LEVELS):
        level = {other for this in level for other in ways.get(this, ())} - found - {group}
        if not level:
            break
        found |= level
    return found


def _way(ways: Ways, *, start: int, end: int) -> list[int]:
    """The shortest way back, from the end to the last group before the start; empty if none."""
    back: dict[int, int] = {}
    level = [start]
    while level and end not in back:
        step = [(other, this) for this in level for other in ways.get(this, ())]
        new = {other: this for other, this in step if other not in back}
        back |= new
        level = list(new)
    way = [end] if end in back else []
    while way and back[way[-1]] != start:
        way.append(back[way[-1]])
    return way


def _levels(ways: Ways) -> int | None:
    """How many nestings the longest of these ways has; None if they go in a circle."""
    coming = Counter(other for others in ways.values() for other in others)
    level, levels = [group for group in ways if not coming[group]], 0
    while level:
        following = []
        for other in (other for group in level for other in ways.get(group, ())):
            coming[other] -= 1
            if not coming[other]:
                following.append(other)
        level, levels = following, levels + bool(following)
    return None if coming.total() else levels


# ----------------------------------------------------------------------------- reading, writing


def _all_held() -> set[int]:
    held = GroupNesting.objects.order_by().values_list("child", flat=True)
    return set(held.union(GroupPath.objects.values_list("descendant", flat=True)))


def _and_below(groups: Iterable[int]) -> set[int]:
    """These groups and those that they hold, as far as it is written down."""
    found = set(groups)
    for keys in _batches(list(found)):
        found.update(
            GroupPath.objects.filter(ancestor__in=keys).values_list("descendant", flat=True)
        )
    return found


def _stored(groups: Collection[int]) -> dict[Pair, int]:
    """The paths to these groups, with their keys."""
    columns = GroupPath.objects.order_by().values_list("ancestor", "descendant", "pk")
    return {
        (above, below): key
        for keys in _batches(groups)
        for above, below, key in columns.filter(descendant__in=keys)
    }


def _write(*, gone: list[int], new: list[Pair]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for keys in _batches(gone):
            GroupPath.objects.filter(pk__in=keys).delete()
        for pairs in _batches(new):
            # Numbers alone, and without the model: there may be hundreds of thousands.
            values = ", ".join(f"({above:d}, {below:d})" for above, below in pairs)
            cursor.execute(
                "INSERT INTO iam_grouppath (ancestor_id, descendant_id) "
                f"VALUES {values} ON CONFLICT DO NOTHING"
            )


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    """As many as a database takes in one statement."""
    source = iter(rows)
    while batch := list(islice(source, _AT_ONCE)):
        yield batch


def _warn(levels: int | None) -> None:
    if levels is None:
        logger.warning(
            "Groups hold each other in a circle, as only an import can make it. Whoever is in one "
            "of them belongs to all. Take one of these groups out of another under Groups."
        )
    elif levels > LEVELS:
        logger.warning(
            "Groups are held by groups over %s levels, as only an import can make it, and people "
            "belong to no group that is more than %s levels above theirs. Take groups out of the "
            "middle under Groups, and put them further up.",
            levels,
            LEVELS,
        )
