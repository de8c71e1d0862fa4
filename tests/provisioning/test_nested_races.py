"""Two who put groups into each other at the same moment end in paths that are right at once."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from django.db import transaction

from iam import nesting
from iam.models import Group, GroupNesting, GroupPath
from tests.support.threads import meanwhile, shared_database, waits


@pytest.mark.django_db(transaction=True)
def test_two_who_nest_at_the_same_moment_leave_no_path_out(tmp_path: Path) -> None:
    with shared_database(tmp_path):
        top, middle, low = (Group.objects.create(name=name) for name in ("Top", "Middle", "Low"))
        with ExitStack() as afterwards, transaction.atomic():
            GroupNesting.objects.create(parent=top, child=middle)
            nest = partial(GroupNesting.objects.create, parent=middle, child=low)
            assert waits(afterwards.enter_context(meanwhile(nest)))
        assert set(GroupPath.objects.values_list("ancestor", "descendant", "direct")) == {
            (top.pk, middle.pk, True),
            (middle.pk, low.pk, True),
            (top.pk, low.pk, False),
        }
        assert not nesting.differ()
