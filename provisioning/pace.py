"""Keeps the requests to an application under the rate that it takes. Knows nothing of requests."""

import threading
import time
from collections import deque

_SLOWEST = 0.2
# How much of the limit the rate grows back with each second in which nothing was refused.
_GROWTH = 0.02
_MEASURED_OVER = 50
# Seconds' worth of requests that may go out at once after a pause, so that one change is not slow.
_BURST = 1.0


class Pace:
    """Leave to send, at most `limit` times a second; 0 is no limit, until one is learned.

    When the application asks for fewer requests the rate is halved, and grows back slowly. Safe to
    share between threads.
    """

    def __init__(self, limit: float = 0.0) -> None:
        self._limit = limit
        self._rate = limit
        self._next = 0.0
        self._sent: deque[float] = deque(maxlen=_MEASURED_OVER)
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests a second that may be sent now; 0 for as many as there are."""
        return self._rate

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = time.monotonic()
            moment = self._reserve(now) if self._rate else now
            self._sent.append(moment)
        if moment > now:
            time.sleep(moment - now)

    def slow_down(self) -> None:
        """The application asked for fewer requests."""
        with self._lock:
            if not self._limit:
                self._limit = self._rate = self._measured()
            self._rate = max(_SLOWEST, self._rate / 2)

    def _reserve(self, now: float) -> float:
        """The moment that belongs to the next request."""
        # Credit for a time without requests, up to the burst.
        self._next = max(self._next, now - _BURST) + 1 / self._rate
        self._rate = min(self._limit, self._rate + self._limit * _GROWTH / self._rate)
        return max(now, self._next)

    def _measured(self) -> float:
        """The rate at which the last requests went out."""
        if len(self._sent) < 2:
            return 2 * _SLOWEST
        span = max(self._sent[-1] - self._sent[0], 0.001)
        return max(2 * _SLOWEST, (len(self._sent) - 1) / span)
