"""Tells an event step by step, in plain words, from what was kept of how it came about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.utils import timezone

from provisioning import wording
from provisioning.effects import Effect
from provisioning.models import EFFECT_LABELS, EVIDENCE_DAYS, Event, Evidence
from provisioning.plan import Operation

NOTHING_SENT = "Nothing was sent to the application."
_PLANNED: dict[str, str] = {
    Operation.CREATE: "Create the account.",
    Operation.ADOPT: "Take over the account that is there, so that there is no second one.",
    Operation.UPDATE: "Change the account.",
    Operation.DEACTIVATE: "Switch the account off.",
    Operation.REACTIVATE: "Switch the account on again.",
    Operation.DELETE: "Delete the account.",
    Operation.RESOLVE: "Find out whether an earlier attempt got through.",
    Operation.CREATE_GROUP: "Create the group.",
    Operation.ADOPT_GROUP: "Take over the group that is there.",
    Operation.UPDATE_GROUP: "Change the group.",
    Operation.DELETE_GROUP: "Delete the group.",
    Operation.ADD_MEMBER: "Add the person to the group.",
    Operation.REMOVE_MEMBER: "Take the person out of the group.",
}


@dataclass(frozen=True)
class Step:
    """One step of how an event came about; `name` is for programs."""

    name: str
    title: str
    sentences: tuple[str, ...]


def evidence_of(event: Event) -> Evidence | None:
    return Evidence.objects.select_related("same_as").filter(event=event).first()


def exchanges(evidence: Evidence | None) -> Sequence[Mapping[str, Any]]:
    """What was asked and answered, in its order."""
    if evidence is None:
        return ()
    found: Sequence[Mapping[str, Any]] = (evidence.same_as or evidence).exchanges
    return found


def why_missing(event: Event) -> str:
    """Why no evidence is there of an event."""
    days = event.app.keep_evidence_days if event.app is not None else EVIDENCE_DAYS
    if days and event.at < timezone.now() - timedelta(days=days):
        return (
            f"What was sent and answered is kept for {days} days, and this happened before. Only "
            "the row of the report is left."
        )
    return "No evidence was kept of this. Only the row of the report is there."


def of(event: Event, evidence: Evidence | None) -> list[Step]:
    """In their order. Without evidence only what the row itself says."""
    told = [
        ("scope", "Why", _scope(event, evidence)),
        ("matched", "How it was found", _matched(event, evidence)),
        ("planned", "What was to change", _planned(event)),
        ("sent", "What was sent", _sent(evidence)),
        ("answered", "What was answered", _answered(event, evidence)),
        ("verified", "Whether it happened", _verified(event, evidence)),
    ]
    steps = [Step(name, title, tuple(sentences)) for name, title, sentences in told]
    return [step for step in steps if step.sentences]


def in_scope(app: str, scope: Mapping[str, Any]) -> Iterator[str]:
    """Why somebody was to have the application at that moment, or not."""
    for way in scope.get("ways", ()):
        yield wording.gives(app, way["policy"], way["groups"], enabled=True)
    if scope.get("others"):
        yield f"And in {scope['others']:,} ways more."
    if scope.get("why"):
        yield scope["why"]


def _scope(event: Event, evidence: Evidence | None) -> Iterator[str]:
    if evidence is not None and evidence.scope:
        if evidence.scope.get("wanted"):
            yield f"In scope of {event.app_name}."
        else:
            yield f"Not in scope of {event.app_name} any more."
        yield from in_scope(event.app_name, evidence.scope)
    if event.trigger:
        by = f", by {event.actor}" if event.actor else ""
        yield f"Set off by: {event.get_trigger_display()}{by}."
    if event.approved_by:
        yield f"{event.approved_by} had allowed it under Holds."


def _matched(event: Event, evidence: Evidence | None) -> Iterator[str]:
    known = evidence.matched if evidence is not None else {}
    if not known:
        return
    if known["by"] == "id":
        yield f"It was known by its id there: {wording.short(known['id'])}."
        return
    by = ", then by ".join(known["asked"])
    if not known["found"]:
        yield f"It was looked for by {by}, and nothing was found."
    elif known["found"] > 1:
        yield f"It was looked for by {by}, and {known['found']:,} were found."
    elif known["by"] == "externalId":
        yield "One was found that carries our own id (externalId)."
    else:
        yield f"It was looked for by {by}, and one was found by {known['by'] or 'this'}."


def _planned(event: Event) -> Iterator[str]:
    if event.operation in _PLANNED:
        yield _PLANNED[event.operation]


def _sent(evidence: Evidence | None) -> Iterator[str]:
    if evidence is None:
        return
    seen = exchanges(evidence)
    if not seen:
        yield NOTHING_SENT
    for each in seen:
        request = each["request"]
        yield f"{request['method']} {_readable(request['url'])}"
    if left_out := (evidence.same_as or evidence).left_out:
        yield f"{left_out:,} requests in the middle are left out here."
    if evidence.same_as is not None:
        yield "Others of the same group were in the same request."


def _readable(url: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in unquote(url))


def _answered(event: Event, evidence: Evidence | None) -> Iterator[str]:
    for each in exchanges(evidence):
        status = each["response"]["status"] if each["response"] else "no answer"
        method, took = each["request"]["method"], round(each["seconds"] * 1000)
        error = f" {each['error']}" if each["error"] else ""
        yield f"{method}: {status} after {took:,} ms.{error}"
    if evidence is None and event.http_status:
        yield f"The status was {event.http_status}."


def _verified(event: Event, evidence: Evidence | None) -> Iterator[str]:
    if not event.effect:
        return
    label = EFFECT_LABELS[Effect(event.effect)]
    if event.effect == Effect.ACCEPTED:
        yield f"{label}: the application said yes, and whether it happened was not seen."
    elif event.effect == Effect.WITHOUT:
        yield f"{label}: the application said yes, and shows that nothing happened."
    else:
        seen = exchanges(evidence)
        yield f"{label}: {_by(seen)}" if seen else f"{label}."


def _by(seen: Sequence[Mapping[str, Any]]) -> str:
    methods = [each["request"]["method"] for each in seen]
    if methods[-1] != "GET":
        return "the answer showed it."
    if set(methods) == {"GET"}:
        return "it was seen when it was looked for."
    return "a look right after it showed it."
