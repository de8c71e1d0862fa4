"""Which groups hold which, through others too: the paths, derived from the nestings.

A nesting says that one group is directly in another; a path that there is a way down from one to
the other. A path over a single nesting is called direct, and stands for that nesting: the paths
are always those that the direct ones among them make. Only this module writes paths. It walks level
by level, never calls itself, meets each group once and stops at a bound, so a circle that came in
by an import does no harm.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from iam import batches
from iam.models import Group, GroupNesting, GroupPath

logger = logging.getLogger(__name__)

# How many nestings may lie on the way from a group down to another one.
LEVELS = 64
_NAMED = 4
# As many keys as any database takes in one statement, and rows of numbers written into one.
_KEYS = 500
_ROWS = 10_000
# Any number that nobody else takes for a lock of this kind.
_LOCK = int.from_bytes(b"nestings")

# (ancestor, descendant, whether there is a nesting for just this)
Path = tuple[int, int, bool]
# From a group to those that hold it, or to those that it holds, directly.
Ways = dict[int, list[int]]
_ANY = Q()


def lock() -> None:
    """Keep all others from changing paths until this transaction ends.

    Two that nest at the same moment would each miss what the other one writes. SQLite lets only
    one write anyway. Called before anything else is locked, so that no two wait for each other.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def renew(child: int | None = None, *, without: int | None = None) -> int:
    """Put right the paths that lead to this group and to those in it; None stands for all groups.

    To be called whenever a nesting of the group in another one came or went, or, `without` it,
    before it goes. How many paths changed.
    """
    with transaction.atomic():
        lock()
        stored, ways, held = _all() if child is None else _around(child, without)
        right = _paths(held, ways)
        # In order, which costs the database less.
        new = sorted(right.difference(stored))
        gone = [key for path, key in stored.items() if path not in right]
        if new or gone:
            _write(gone=gone, new=new)
            _warn(_levels(ways))
    return len(new) + len(gone)


def differ() -> bool:
    """Whether the paths are others than the nestings say, as after a bulk write.

    It leaves a nesting without its direct path behind, or a direct path without its nesting.
    """
    step = {"ancestor": OuterRef("parent"), "descendant": OuterRef("child"), "direct": True}
    nesting = {"parent": OuterRef("ancestor"), "child": OuterRef("descendant")}
    missing = GroupNesting.objects.filter(~Exists(GroupPath.objects.filter(**step)))
    stale = GroupPath.objects.filter(~Exists(GroupNesting.objects.filter(**nesting)), direct=True)
    return missing.exists() or stale.exists()


def ending(*, nestings: Collection[int] = (), groups: Collection[int] = ()) -> list[int]:
    """The keys of the paths there would no longer be without these nestings and these groups."""
    going = Q(pk__in=nestings) | Q(parent__in=groups) | Q(child__in=groups)
    rows = GroupNesting.objects.filter(going).order_by()
    steps = set(rows.values_list("parent", "child"))
    held = _and_below({child for _, child in steps})
    stored = _stored(held)
    left = {
        group: [above for above in others if (above, group) not in steps]
        for group, others in _known_ways(stored, held).items()
    }
    right = {(above, group) for above, group, _ in _paths(held, left)}
    return [key for (above, group, _), key in stored.items() if (above, group) not in right]


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
    groups = list(groups)
    return _routes(groups, _ways_up(groups))


def routes_of_each(groups: Iterable[int]) -> dict[int, dict[int, list[int]]]:
    """The same for each of these groups by itself, and no more questions than for all together."""
    groups = list(groups)
    ways = _ways_up(groups)
    return {group: _routes([group], ways) for group in groups}


def _routes(groups: list[int], ways: "Ways") -> dict[int, list[int]]:
    found = {group: [group] for group in groups}
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


def _ways_up(groups: Iterable[int]) -> Ways:
    """From these groups, and from each that holds one of them, to the groups it is directly in."""
    return _ways(groups, "child", "parent")


def _ways_down(groups: Iterable[int]) -> Ways:
    return _ways(groups, "parent", "child")


def _ways(groups: Iterable[int], start: str, end: str) -> Ways:
    nestings = GroupNesting.objects.order_by().values_list(start, end)
    found: Ways = {}
    todo = set(groups)
    while todo:
        level: Ways = {}
        for keys in batches.of(todo, _KEYS):
            for this, other in nestings.filter(**{f"{start}__in": keys}):
                level.setdefault(this, []).append(other)
        found |= level
        todo = {other for others in level.values() for other in others} - found.keys()
    return found


def _paths(held: Iterable[int], ways: Ways) -> set[Path]:
    """The paths that lead to these groups over these ways up."""
    return {
        (above, group, above in ways.get(group, ()))
        for group in held
        for above in _reached(group, ways)
    }


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


def _all() -> tuple[dict[Path, int], Ways, Collection[int]]:
    """All paths with their keys, and the ways up from all groups that are in others."""
    ways: Ways = {}
    for parent, child in GroupNesting.objects.order_by().values_list("parent", "child"):
        ways.setdefault(child, []).append(parent)
    return _rows(_ANY), ways, ways.keys()


def _around(child: int, without: int | None) -> tuple[dict[Path, int], Ways, Collection[int]]:
    """The same for one group and those that it holds, as far as its own nestings change anything.

    Of all others the direct paths are taken, not the nestings: what a bulk write has made of those
    is not known to the groups further down either, and is left to the next `renew` of all.
    """
    held = _and_below({child})
    stored = _stored(held)
    nestings = GroupNesting.objects.filter(child=child).order_by()
    if without is not None:
        nestings = nestings.exclude(pk=without)
    parents = set(nestings.values_list("parent", flat=True))
    ways = _known_ways({**stored, **_stored(parents)}, held | parents)
    return stored, {**ways, child: list(parents)}, held


def _and_below(groups: Collection[int]) -> set[int]:
    """These groups and those that they hold, as far as it is written down."""
    found = set(groups)
    for keys in batches.of(groups, _KEYS):
        below = GroupPath.objects.filter(ancestor__in=keys).order_by()
        found.update(below.values_list("descendant", flat=True))
    return found


def _stored(groups: Collection[int], *, which: Q = _ANY) -> dict[Path, int]:
    """The paths to these groups, with their keys."""
    found: dict[Path, int] = {}
    for keys in batches.of(groups, _KEYS):
        found |= _rows(which & Q(descendant__in=keys))
    return found


def _rows(which: Q) -> dict[Path, int]:
    rows = GroupPath.objects.filter(which).order_by()
    columns = rows.values_list("ancestor", "descendant", "direct", "pk")
    return {(above, below, direct): key for above, below, direct, key in columns.iterator()}


def _known_ways(stored: Collection[Path], groups: Collection[int]) -> Ways:
    """The ways up that the paths know of, from these groups, to which all `stored` lead."""
    further = {above for above, _, _ in stored}.difference(groups)
    found: Ways = {}
    for above, below, direct in (*stored, *_stored(further, which=Q(direct=True))):
        if direct:
            found.setdefault(below, []).append(above)
    return found


def _write(*, gone: list[int], new: list[Path]) -> None:
    for keys in batches.of(gone, _KEYS):
        GroupPath.objects.filter(pk__in=keys).delete()
    with connection.cursor() as cursor:
        for paths in batches.of(new, _ROWS):
            # Numbers alone, and without the model: there may be hundreds of thousands.
            values = ", ".join(f"({up:d}, {down:d}, {direct})" for up, down, direct in paths)
            cursor.execute(
                f"INSERT INTO iam_grouppath (ancestor_id, descendant_id, direct) VALUES {values}"
            )


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
