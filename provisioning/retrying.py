"""When something that failed is tried again, and something unseen looked for again."""

import random
from datetime import datetime, timedelta

from django.utils import timezone

_LONGEST_WAIT = timedelta(hours=1)
_SHORTEST_WAIT = timedelta(seconds=1)
# What is refused is tried again without anything having changed here, since it may have there.
_DAILY = timedelta(days=1)
_GIVE_UP_AFTER = timedelta(days=28)
# Something that is seen only after a while is not looked for as soon as something that failed.
_SLOW = 3


def backoff(attempts: int) -> timedelta:
    """Up to twice as long each time, at most an hour, spread so that retries do not bunch up."""
    longest = min(_LONGEST_WAIT, timedelta(seconds=2 ** min(attempts, 12)))
    spread = longest * random.random()  # noqa: S311 - spreads load, guards nothing
    return max(_SHORTEST_WAIT, spread)


def next_try(attempts: int) -> datetime:
    """After so many attempts that failed in passing."""
    return timezone.now() + backoff(attempts)


def next_look(looks: int) -> datetime:
    """After so many looks in vain for the effect of a write."""
    return timezone.now() + backoff(looks + _SLOW)


def next_day(began: datetime | None) -> datetime | None:
    """For what needs a person: daily from its beginning on, and not for ever; None is just now."""
    now = timezone.now()
    return now + _DAILY if now - (began or now) < _GIVE_UP_AFTER else None
