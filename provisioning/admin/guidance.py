"""What an app's page says beside its form: the steps, the suggestions, and what is missing."""

from collections.abc import Iterator
from typing import Any

from django.utils.dateparse import parse_datetime

from provisioning import connections, mapping, mapping_changes, wording
from provisioning.expressions.functions import FUNCTIONS
from provisioning.models import App
from provisioning.scim import dialect, discovery


def beside(app: App | None) -> dict[str, Any]:
    """What the page shows beside the form; a template would take the class itself for a call."""
    if app is None:
        return {}
    kind = app.kind
    return {
        "label": kind.label,
        "steps": kind.steps,
        "targets": _targets(app),
        "group_targets": kind.known_group_targets,
        "abilities": list(_abilities(app)),
        "functions": FUNCTIONS.values(),
        "attributes": [attribute.key for attribute in mapping.catalogue()],
    }


def _targets(app: App) -> list[str]:
    """What the vendor's file suggests, then what the application says it has."""
    described = discovery.suggestions(connections.learned(app))
    known = {target.lower() for target in app.kind.known_targets}
    return [*app.kind.known_targets, *(each for each in described if each.lower() not in known)]


def _abilities(app: App) -> Iterator[dict[str, Any]]:
    """What was found out about the application, with how and when."""
    for flag, lesson in app.learned.items():
        value = lesson["value"]
        if sentence := dialect.in_words(flag, value) or discovery.in_words(flag, value):
            since = parse_datetime(lesson["at"])
            yield {"sentence": sentence, "evidence": lesson["evidence"], "since": since}


def shortcomings(app: App) -> Iterator[str]:
    """Who gets no account, or no change of it, by the mapping as it is now."""
    rows = list(app.mappings.of_people())
    missing, effect = mapping_changes.unmapped(rows, app=app), mapping_changes.of(rows, app=app)
    if missing:
        waiting = effect.people - effect.accounts
        yield wording.cannot_be_created(app, missing, waiting=waiting)
    elif effect.refused:
        yield wording.would_be_refused(
            app,
            count=effect.refusals,
            people=effect.people,
            about=not effect.is_exact,
            reason=effect.reason,
        )
