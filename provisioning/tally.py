"""Counts what was done in a lane, and how long it took to get there. Pure: the row is `Lane.tally`.

{"create.done": 12, …} for the operations, and for the time from the commit of a change to its
recorded effect {"latency.5.0": 3, …, "latency.sum": 17.2}: how many came within so many seconds,
each in the first bucket that it fits, and all seconds together.
"""

from collections.abc import Iterable, Mapping

Tally = dict[str, float]

# As Prometheus writes numbers.
BUCKETS = ("0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0", "300.0", "3600.0", "+Inf")
_LATENCY = "latency."
_SUM = "latency.sum"


def counted(
    tally: Mapping[str, float],
    *,
    done: Iterable[tuple[str, str]],
    latencies: Iterable[float],
) -> Tally:
    """The tally with these (operation, outcome) and these seconds in it."""
    grown = dict(tally)
    for operation, outcome in done:
        _add(grown, f"{operation}.{outcome}", 1)
    for seconds in latencies:
        # A clock that was set back must not make a sum that goes down.
        seconds = max(0.0, seconds)
        _add(grown, next(_LATENCY + top for top in BUCKETS if seconds <= float(top)), 1)
        _add(grown, _SUM, seconds)
    return grown


def operations(tally: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """(operation, outcome, how often)."""
    found = []
    for key, count in sorted(tally.items()):
        if not key.startswith(_LATENCY):
            operation, _, outcome = key.partition(".")
            found.append((operation, outcome, count))
    return found


def latency(tally: Mapping[str, float]) -> tuple[list[tuple[str, float]], float]:
    """How many came within each bucket's seconds, every bucket holding those before it; the sum."""
    total = 0.0
    buckets = []
    for top in BUCKETS:
        total += tally.get(_LATENCY + top, 0)
        buckets.append((top, total))
    return buckets, tally.get(_SUM, 0.0)


def _add(tally: Tally, key: str, value: float) -> None:
    tally[key] = tally.get(key, 0) + value
