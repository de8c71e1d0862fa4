"""What failed is tried again soon and then less often, and what needs a person not for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from provisioning import retrying

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [(1, timedelta(seconds=2)), (4, timedelta(seconds=16)), (12, HOUR), (10_000, HOUR)],
)
def test_each_time_it_may_be_twice_as_long_and_never_more_than_an_hour(
    attempts: int, longest: timedelta
) -> None:
    waits = [retrying.backoff(attempts) for _ in range(500)]
    assert timedelta(seconds=1) <= min(waits)
    assert longest / 2 < max(waits) <= longest
    # Spread, so that retries do not bunch up.
    assert len(set(waits)) > 100


def test_what_is_not_seen_is_looked_for_later_than_what_failed_is_tried_again() -> None:
    now = timezone.now()
    looks = [retrying.next_look(1) - now for _ in range(500)]
    assert max(looks) > timedelta(seconds=4) > retrying.next_try(1) - now


def test_what_needs_a_person_is_tried_once_a_day_for_four_weeks() -> None:
    now = timezone.now()
    day = retrying.next_day(None)
    assert day is not None
    assert timedelta(0) <= day - now - timedelta(days=1) < timedelta(minutes=1)
    assert retrying.next_day(now - timedelta(days=27)) is not None
    assert retrying.next_day(now - timedelta(days=28)) is None
