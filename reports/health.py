"""Answers /healthz: whether pages, database and workers do their work, for whoever watches them."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import Error
from django.db.models import Min, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone

from provisioning import heartbeat
from provisioning.models import Account, Guard, PushedGroup

logger = logging.getLogger(__name__)

ADDRESS = "/healthz"
LONGEST_DUE = timedelta(minutes=15)

NO_DATABASE = (
    "The database does not answer. Check that it runs, that GATEHOUSE_DATABASE_URL is right, and "
    "that “manage.py setup” was given."
)
_NO_WORKER = (
    "No worker is running, so nothing is sent to any application. Start “manage.py serve”, "
    "“manage.py worker” or a Celery worker."
)

GetResponse = Callable[[HttpRequest], HttpResponse]


def answered_first(get_response: GetResponse) -> GetResponse:
    """Middleware that answers /healthz before any other can ask the database for a session.

    So the answer is JSON when the database is away, and needs neither a sign-in nor one of the
    allowed host names, which a probe does not know.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info != ADDRESS:
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        told = state()
        response = JsonResponse(told, status=200 if told["status"] == "ok" else 503)
        response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def state() -> dict[str, Any]:
    """How things are; names no person, no application and no secret, as anybody may ask."""
    now = timezone.now()
    try:
        seen, due = heartbeat.last_seen(), _oldest_due(now)
    except Error:
        # Not an error of the page: it is what the answer says.
        logger.warning("The database did not answer the health check", exc_info=True)
        return _told([NO_DATABASE], database="failing", seen=None, due=None)
    return _told(_problems(seen, due), database="ok", seen=_since(seen), due=_since(due) or 0)


def _problems(seen: datetime | None, due: datetime | None) -> list[str]:
    problems = []
    if seen is None:
        problems.append(_NO_WORKER)
    elif timezone.now() - seen > heartbeat.ALIVE_WITHIN:
        problems.append(f"{_NO_WORKER} The last one was heard of {_since(seen)} seconds ago.")
    if due is not None and timezone.now() - due > LONGEST_DUE:
        problems.append(
            f"A change has waited for {_since(due)} seconds to be sent, although nothing keeps it "
            "back. See Accounts, and the log of the worker."
        )
    return problems


def _told(
    problems: list[str], *, database: str, seen: int | None, due: int | None
) -> dict[str, Any]:
    return {
        "status": "failing" if problems else "ok",
        "database": database,
        "worker": {"seen_seconds_ago": seen},
        "oldest_due_seconds": due,
        "problems": problems,
    }


def _oldest_due(now: datetime) -> datetime | None:
    """Since when something is due that may be sent: not held, its app neither paused nor resting.

    An app that was found broken is tried between two rests, and is not waiting for us either.
    """
    resting = Q(app__lane__paused_until__gt=now) | Q(app__lane__rests__gt=0)
    accounts = Account.objects.exclude(guard=Guard.HELD)
    waiting: list[datetime | None] = [
        rows.filter(due_at__lte=now, app__paused=False)
        .exclude(resting)
        .exclude(app__lane__problem__gt="")
        .aggregate(oldest=Min("due_at"))["oldest"]
        for rows in (accounts, PushedGroup.objects.all())
    ]
    return min((since for since in waiting if since is not None), default=None)


def _since(moment: datetime | None) -> int | None:
    """Whole seconds since then; another machine's clock may be a little ahead."""
    return None if moment is None else max(0, int((timezone.now() - moment).total_seconds()))
