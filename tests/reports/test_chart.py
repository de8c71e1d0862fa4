"""A chart has a bar for each hour or day of the portal's time zone, and shows all there is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from provisioning.models import Outcome
from reports.chart import HEIGHT, Chart, draw

NOON = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)


def count(hour: datetime, **counts: int) -> dict[str, object]:
    return {**dict.fromkeys(Outcome.values, 0), **counts, "hour": hour.replace(minute=0)}


def drawn(*counts: dict[str, object], zone: str = "UTC", **span: int) -> Chart:
    """Up to now, which is noon."""
    begin = NOON - timedelta(**span)
    return draw(counts, begin=begin, end=NOON, zone=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("span", "bars"),
    [({"hours": 0}, 1), ({"hours": 24}, 25), ({"hours": 48}, 49), ({"hours": 49}, 3)],
)
def test_two_days_are_shown_by_hours_and_more_by_days(span: dict[str, int], bars: int) -> None:
    chart = drawn(**span)
    assert len(chart.bars) == bars
    assert chart.by_hours == (bars != 3)


def test_the_first_and_the_last_hour_are_there_in_full() -> None:
    first, last = NOON - timedelta(hours=24), NOON
    chart = drawn(count(first, done=1), count(last, failed=2), hours=24)
    assert [bar.total for bar in chart.bars] == [1, *[0] * 23, 2]
    assert chart.bars[0].told == "3 Mar, 12:00: 1 done"
    assert chart.bars[-1].told == "4 Mar, 12:00: 2 needs you"


def test_an_hour_belongs_to_the_day_that_it_is_where_the_portal_is() -> None:
    midnight = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
    counts = (count(midnight - timedelta(hours=1), done=1), count(midnight, done=2))
    days = {
        zone: [bar.total for bar in drawn(*counts, zone=zone, days=3).bars]
        for zone in ("UTC", "Asia/Tokyo", "America/New_York")
    }
    assert days == {
        "UTC": [0, 0, 1, 2],
        "Asia/Tokyo": [0, 0, 0, 3],
        "America/New_York": [0, 0, 3, 0],
    }


def test_the_hour_that_comes_twice_is_two_bars() -> None:
    zone, end = ZoneInfo("Europe/Paris"), datetime(2026, 10, 25, 3, 0, tzinfo=UTC)
    chart = draw([], begin=end - timedelta(hours=4), end=end, zone=zone)
    times = [bar.label.partition(", ")[2] for bar in chart.bars]
    assert times == ["01:00", "02:00", "02:00", "03:00", "04:00"]


def test_the_parts_of_a_bar_stand_on_each_other_and_fit() -> None:
    counts = {"done": 70, "skipped": 10, "held": 5, "retrying": 10, "failed": 5}
    (bar,) = drawn(count(NOON, **counts)).bars
    assert [part.kind for part in bar.parts] == ["done", "skipped", "retrying", "failed"]
    floor = HEIGHT
    for part in bar.parts:
        assert part.y + part.height == floor
        floor = part.y
    assert bar.parts[0].height == 700
    assert floor >= 0


def test_little_beside_much_can_still_be_seen() -> None:
    (bar,) = drawn(count(NOON, done=1_000_000, failed=1)).bars
    assert bar.parts[-1].kind == "failed"
    assert bar.parts[-1].height > 0
    assert bar.parts[-1].y >= 0


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (7, 7), (99, 99), (101, 110), (11_111, 12_000)]
)
def test_the_scale_ends_at_a_round_number_that_holds_the_highest_bar(most: int, top: int) -> None:
    assert drawn(count(NOON, done=most)).top == top
