"""Who loses access because groups are taken out of each other is counted like any other leaver."""

from collections.abc import Callable

import pytest

from iam.models import Group, GroupNesting
from provisioning import queue
from tests.conftest import MakeApp
from tests.support.crowd import crowd, held
from tests.support.faulty import FaultyScim

# Ten may go without anybody being asked.
CASES = [
    pytest.param(11, GroupNesting.delete, True, id="too many"),
    pytest.param(10, GroupNesting.delete, False, id="as many as may"),
    pytest.param(
        11,
        lambda nested: GroupNesting.objects.filter(pk=nested.pk)._raw_delete("default"),
        True,
        id="too many, in bulk",
    ),
]


@pytest.mark.parametrize(("count", "take_out", "waits"), CASES)
def test_the_guard_counts_who_loses_access_with_a_nesting(
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    push: Callable[[], None],
    count: int,
    take_out: Callable[[GroupNesting], object],
    waits: bool,
) -> None:
    app = make_app(faulty, group=sales)
    europe, france = (Group.objects.create(name=name) for name in ("Europe", "France"))
    nested = GroupNesting.objects.create(parent=sales, child=europe)
    GroupNesting.objects.create(parent=europe, child=france)
    crowd(app, france, faulty, count)
    queue.sweep()
    push()
    assert (faulty.writes, len(faulty.active_names())) == ([], count)
    take_out(nested)
    queue.sweep()
    push()
    assert len(faulty.active_names()) == (count if waits else 0)
    assert held(app) == (count if waits else 0)
    assert bool(faulty.writes) is not waits
