"""Keeps one caller from taking the portal's whole time: so many requests a minute."""

import threading
import time
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from provisioning.api.authentication import caller

_MINUTE = 60
_lock = threading.Lock()
# The minute that is counted now, and how often each caller has asked in it. In each process for
# itself: there is no cache server, and a write for each request would cost more than it saves.
_counted: tuple[int, dict[str, int]] = (0, {})


class PerMinute(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        return _count(caller(request)) <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return _MINUTE - time.time() % _MINUTE


def _count(name: str) -> int:
    global _counted
    minute = int(time.time() // _MINUTE)
    with _lock:
        if _counted[0] != minute:
            _counted = (minute, {})
        counts = _counted[1]
        counts[name] = counts.get(name, 0) + 1
        return counts[name]
