"""Why a person had an account in an application at a moment in the past, or had none.

Told from what was recorded by then, and never guessed from how things stand now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from iam import moments
from iam.models import User
from iam.text import capital
from provisioning import steps, wording
from provisioning.models import Account, App, Event, Evidence, Outcome
from provisioning.plan import Operation

_SHOWN = 10
_STATES: dict[str, str] = {
    Operation.CREATE: "The account was there and switched on",
    Operation.ADOPT: "The account was there",
    Operation.UPDATE: "The account was there",
    Operation.REACTIVATE: "The account was there and switched on",
    Operation.DEACTIVATE: "The account was there and switched off",
    Operation.DELETE: "The account was not there any more",
}
_OF_ACCOUNTS = [*_STATES, Operation.RESOLVE]


@dataclass(frozen=True)
class Then:
    """The whole answer.

    `state` says how the account stood, `reasons` why, `values` what it was to hold by target, and
    `done` what had been done last, newest first. What is not known any more is said in words.
    """

    app: App
    person: str
    moment: datetime
    state: tuple[str, ...]
    reasons: tuple[str, ...]
    values: Mapping[str, Any]
    done: tuple[Event, ...]


def why_at(
    app: App, moment: datetime, *, user: User | None, account: Account | None = None
) -> Then:
    """For a person, or for the account that a deleted person left behind.

    Raises ValueError with a sentence if the moment has not come yet.
    """
    if moment > timezone.now():
        raise ValueError("This moment has not come yet. Ask about one in the past.")
    about: dict[str, Any] = (
        {"user": user} if account is None else {"identifier_key": account.identifier_key}
    )
    events = Event.objects.filter(
        app=app, at__lte=moment, operation__in=_OF_ACCOUNTS, **about
    ).order_by("-at", "-pk")
    done = tuple(events[:_SHOWN])
    evidence = Evidence.objects.filter(event__in=events).order_by("-event__at", "-pk")
    last = evidence.select_related("event").first()
    person = str(user) if account is None else account.identifier
    return Then(
        app=app,
        person=person,
        moment=moment,
        state=tuple(_state(events) if done else _nothing(app, moment, user, person)),
        reasons=tuple(_reasons(app, done, last, evidence)),
        values=_values(evidence),
        done=done,
    )


def read(typed: str) -> datetime:
    """A moment as a person types it, in the portal's zone; a day alone is meant with its end.

    Raises ValueError with a sentence.
    """
    if (end := moments.end_of_day(typed)) is not None:
        return end
    try:
        moment = datetime.fromisoformat(typed)
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"“{typed}” is no date and time. Write 2026-11-01T10:00.") from error


def _state(events: QuerySet[Event]) -> Iterator[str]:
    last = events.filter(outcome=Outcome.DONE, operation__in=_STATES).first()
    if last is None:
        yield "No account had been made by then, as far as is recorded."
        return
    yield f"{_STATES[last.operation]}, since {_on(last.at)}: {last.message}"


def _nothing(app: App, moment: datetime, user: User | None, person: str) -> Iterator[str]:
    yield f"Nothing is recorded of {person} in {app} up to {_on(moment)}."
    if user is not None and user.created_at > moment:
        yield f"{person} was added here only {wording.moment(user.created_at)}."
    if app.created_at > moment:
        yield f"{app} was added here only {wording.moment(app.created_at)}."
    if app.keep_events_days is not None:
        yield f"Rows of {app} are kept for {app.keep_events_days} days; older ones are gone."


def _reasons(
    app: App, done: tuple[Event, ...], last: Evidence | None, evidence: QuerySet[Evidence]
) -> Iterator[str]:
    if done and (last is None or last.event != done[0]):
        yield f"{capital(_when(done[0]))}: {steps.why_missing(done[0])}"
    if last is None:
        return
    wanted = bool(last.scope.get("wanted"))
    should = "should" if wanted else "should not"
    yield f"{capital(_when(last.event))} the person {should} have an account in {app}."
    yield from steps.in_scope(app.name, last.scope)
    if last.event.trigger:
        by = f", by {last.event.actor}" if last.event.actor else ""
        yield f"Set off by: {last.event.get_trigger_display()}{by}."
    before = None if wanted else evidence.filter(scope__wanted=True).first()
    if before is not None:
        yield f"Before that, {_when(before.event)}, it was given:"
        yield from steps.in_scope(app.name, before.scope)


def _values(evidence: QuerySet[Evidence]) -> Mapping[str, Any]:
    found = evidence.exclude(values={}).values_list("values", flat=True).first()
    return found or {}


def _when(event: Event) -> str:
    return wording.moment(event.at)


def _on(moment: datetime) -> str:
    return wording.moment(moment).removeprefix("on ")
