"""Many items and rows are taken so many at a time, each once and in order."""

import pytest

from iam import batches
from iam.models import Group


@pytest.mark.parametrize(
    ("count", "found"), [(0, []), (2, [[0, 1]]), (3, [[0, 1], [2]]), (4, [[0, 1], [2, 3]])]
)
def test_each_item_comes_once_and_in_order(count: int, found: list[list[int]]) -> None:
    assert list(batches.of(iter(range(count)), 2)) == found


def test_rows_that_go_meanwhile_hide_none_of_the_others(db: None) -> None:
    keys = [Group.objects.create(name=f"Group {number}").pk for number in range(5)]
    seen: list[int] = []
    for batch in batches.by_key(Group.objects.order_by("-name"), 2):
        seen += [group.pk for group in batch]
        Group.objects.filter(pk__in=seen).delete()
    assert seen == keys
