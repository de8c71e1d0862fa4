"""What was done is counted, and how long it took, in a form that grows with neither."""

import pytest

from provisioning import tally


def in_buckets(*seconds: float) -> dict[str, float]:
    buckets, _ = tally.latency(tally.counted({}, done=[], latencies=seconds))
    return dict(buckets)


def test_each_operation_is_counted_by_what_came_of_it() -> None:
    counted = tally.counted(
        {}, done=[("create", "done")] * 2 + [("create", "failed")], latencies=[]
    )
    assert tally.operations(counted) == [("create", "done", 2), ("create", "failed", 1)]


def test_counting_goes_on_from_what_was_counted_and_leaves_it_as_it_is() -> None:
    before = tally.counted({}, done=[("create", "done")], latencies=[0.1])
    after = tally.counted(before, done=[("create", "done")], latencies=[0.2])
    assert tally.operations(before) == [("create", "done", 1)]
    assert tally.operations(after) == [("create", "done", 2)]
    assert tally.latency(after)[1] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("seconds", "top"),
    [(0, "0.5"), (0.5, "0.5"), (0.51, "1.0"), (59, "60.0"), (3600, "3600.0"), (3601, "+Inf")],
)
def test_a_time_falls_into_the_first_bucket_that_holds_it(seconds: float, top: str) -> None:
    found = in_buckets(seconds)
    assert next(name for name, count in found.items() if count) == top


def test_a_bucket_holds_those_before_it() -> None:
    found = in_buckets(0.1, 3, 3, 5000)
    tops = ("0.5", "2.0", "5.0", "3600.0", "+Inf")
    assert [found[top] for top in tops] == [1, 1, 3, 3, 4]


def test_the_buckets_are_those_that_were_promised() -> None:
    promised = [0.5, 1, 2, 5, 10, 30, 60, 300, 3600, float("inf")]
    assert [float(top) for top in in_buckets()] == promised


def test_a_clock_that_was_set_back_makes_no_sum_that_goes_down() -> None:
    counted = tally.counted({}, done=[], latencies=[-5.0])
    assert tally.latency(counted)[1] == 0
    assert in_buckets(-5.0)["0.5"] == 1


def test_times_are_not_taken_for_operations() -> None:
    assert tally.operations(tally.counted({}, done=[], latencies=[1.0])) == []
