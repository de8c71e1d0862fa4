"""Changes many memberships at once: a few statements, and one mark for everybody concerned."""

from collections.abc import Collection, Iterable, Iterator

from django.db import transaction
from django.db.models import Q, QuerySet

from iam import actor, batches
from iam.models import Membership
from provisioning import queue

# (user, group)
Pair = tuple[int, int]
# So many pairs are asked for in one statement; SQLite takes no deeper condition than 1,000.
_AT_ONCE = 200


@transaction.atomic
def change(*, add: Collection[Pair], remove: Collection[Pair]) -> tuple[int, int]:
    """Put people into groups and take others out; how many were not in, and were.

    All of it is done before anybody is marked: who only moves to a group that gives the same
    application loses nothing meanwhile.
    """
    there = {pair for rows in _rows(add) for pair in rows.values_list("user", "group")}
    new = sorted(set(add) - there)
    Membership.objects.bulk_create(
        (Membership(user_id=user, group_id=group, added_by=actor.current()) for user, group in new),
        ignore_conflicts=True,
    )
    gone: list[Pair] = []
    for rows in _rows(remove):
        gone += rows.values_list("user", "group")
        # `delete` would send a signal for each row, and each would mark by itself.
        rows._raw_delete(rows.db)
    if new or gone:
        changed = [*new, *gone]
        queue.mark_members({user for user, _ in changed}, {group for _, group in changed})
    return len(new), len(gone)


def _rows(pairs: Iterable[Pair]) -> Iterator[QuerySet[Membership]]:
    for batch in batches.of(sorted(set(pairs)), _AT_ONCE):
        wanted = Q()
        for user, group in batch:
            wanted |= Q(user=user, group=group)
        yield Membership.objects.filter(wanted).order_by()
