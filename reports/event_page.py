"""The page of one row of the report: its steps in order, and what was sent and answered."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from provisioning import steps, wording
from provisioning.models import Account, Event, Evidence
from reports import curl


def page(model_admin: ModelAdmin, request: HttpRequest, event: Event) -> TemplateResponse:
    evidence = steps.evidence_of(event)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"{event.get_operation_display()}: {event.identifier} in {event.app_name}",
        "event": event,
        "account": _account(event),
        "steps": steps.of(event, evidence),
        "changes": list(_changes(evidence)) if evidence else [],
        "exchanges": list(_shown(steps.exchanges(evidence))),
        "empty": steps.NOTHING_SENT if evidence else steps.why_missing(event),
    }
    return TemplateResponse(request, "reports/event.html", context)


def _account(event: Event) -> Account | None:
    """The account that it was about, if it is known still."""
    # Whoever was deleted here is known by their user name.
    left = Q(user=None, identifier_key=event.identifier_key)
    whose = Q(user=event.user_id) if event.user_id else left
    return Account.objects.filter(whose, app=event.app_id).first() if event.app_id else None


def _changes(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    for each in evidence.changes:
        old, new = wording.in_a_table(each["old"]), wording.in_a_table(each["new"])
        yield each["target"], old, new


def _shown(exchanges: Any) -> Iterator[dict[str, Any]]:
    for each in exchanges:
        request, response = each["request"], each["response"]
        yield {
            **each,
            "sent": _text(request),
            "answer": _text(response) if response else "",
            "curl": curl.command(request),
            "before_curl": curl.before_use(request),
        }


def _text(message: Mapping[str, Any]) -> str:
    """Headers and body as they are read."""
    headers = "\n".join(f"{name}: {value}" for name, value in message["headers"].items())
    body = message["body"]
    if body is None:
        return headers
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)
    return f"{headers}\n\n{text}"
