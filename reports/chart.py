"""Turns counts by the hour into the bars of a chart, by hours or days. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from provisioning.models import Outcome

HOUR = timedelta(hours=1)
# Longer timespans are shown by days.
_BY_HOURS = timedelta(hours=48)
# What is drawn alike, from below.
KINDS: dict[str, tuple[str, frozenset[str]]] = {
    "done": ("Done", frozenset({Outcome.DONE})),
    "skipped": ("Not done", frozenset({Outcome.SKIPPED})),
    "retrying": ("Tried again, or waits for you", frozenset({Outcome.RETRYING, Outcome.HELD})),
    "failed": ("Needs you", frozenset({Outcome.FAILED})),
}
# In units of the drawing: a bar with the gap beside it, and the highest one.
STEP, HEIGHT = 10, 1_000
_WIDTH = 8


@dataclass(frozen=True)
class Part:
    """A piece of a bar, in units of the drawing."""

    kind: str
    y: int
    height: int


@dataclass(frozen=True)
class Bar:
    """One hour or day: how many of each kind, and where they are drawn."""

    label: str
    counts: dict[str, int]
    x: int
    parts: list[Part]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def told(self) -> str:
        """“3 Nov: 12 done, 1 needs you”."""
        said = [f"{n:,} {KINDS[kind][0].lower()}" for kind, n in self.counts.items() if n]
        return f"{self.label}: {', '.join(said) or 'nothing'}"


@dataclass(frozen=True)
class Chart:
    """The bars from left to right. `top` is the number at which a bar has its full height."""

    bars: list[Bar]
    top: int
    by_hours: bool

    width_of_bar = _WIDTH
    height = HEIGHT

    @property
    def scale(self) -> str:
        return f"{self.top:,}"

    @property
    def ends(self) -> list[Bar]:
        """The first bar, one in the middle and the last, whose times stand below the chart."""
        return [self.bars[0], self.bars[len(self.bars) // 2], self.bars[-1]]

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)

    @property
    def width(self) -> int:
        return STEP * len(self.bars)

    @property
    def totals(self) -> list[tuple[str, str, str]]:
        """Of each kind its name, what it is called, and how many there are."""
        return [
            (kind, label, f"{sum(bar.counts[kind] for bar in self.bars):,}")
            for kind, (label, _) in KINDS.items()
        ]


def draw(
    counts: Iterable[Mapping[str, Any]], *, begin: datetime, end: datetime, zone: tzinfo
) -> Chart:
    """The chart of counts from the hour of `begin` to that of `end`.

    Each count has its `hour`, and by the name of each outcome how many there were.

    An hour belongs to the day in which it begins, in this zone.
    """
    by_hours = end - begin <= _BY_HOURS
    found = {each: dict.fromkeys(KINDS, 0) for each in _buckets(begin, end, zone, by_hours)}
    for count in counts:
        into = found[_bucket(count["hour"], zone, by_hours)]
        for kind, (_, outcomes) in KINDS.items():
            into[kind] += sum(count[outcome] for outcome in outcomes)
    top = _round_up(max(sum(each.values()) for each in found.values()))
    bars = [
        Bar(_label(bucket, zone), each, STEP * place + (STEP - _WIDTH) // 2, _parts(each, top))
        for place, (bucket, each) in enumerate(found.items())
    ]
    return Chart(bars, top, by_hours)


def _buckets(begin: datetime, end: datetime, zone: tzinfo, by_hours: bool) -> Iterator[date]:
    """Every hour or day, those in which nothing happened included; some more than once."""
    hour = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield _bucket(hour, zone, by_hours)
        hour += HOUR


def _bucket(hour: datetime, zone: tzinfo, by_hours: bool) -> date:
    """In UTC, or the hour that comes twice when the clocks are set back would be one."""
    return hour.astimezone(UTC) if by_hours else hour.astimezone(zone).date()


def _label(bucket: date, zone: tzinfo) -> str:
    if isinstance(bucket, datetime):
        local = bucket.astimezone(zone)
        return f"{local.day} {local:%b, %H:%M}"
    return f"{bucket.day} {bucket:%b %Y}"


def _parts(counts: dict[str, int], top: int) -> list[Part]:
    parts, floor = [], HEIGHT
    for kind, count in counts.items():
        # What there is can be seen, however little it is.
        height = max(round(HEIGHT * count / top), 4) if count else 0
        floor -= height
        parts += [Part(kind, floor, height)] if count else []
    return parts


def _round_up(number: int) -> int:
    """To two digits and zeros."""
    size: int = 10 ** max(len(str(number)) - 2, 0)
    return max(-(-number // size) * size, 1)
