"""Tells a plan: in sentences for people, and as one document for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from provisioning.configuration.applying import Plan
from provisioning.configuration.differences import Change, What
from provisioning.configuration.document import Problem
from provisioning.configuration.shape import ONE, ROW_FIELDS

NOTHING = "Nothing to do: everything is as the file says."
_TITLES = {What.ADD: "Add the", What.CHANGE: "Change the", What.REMOVE: "Delete the"}
_LONGEST = 200


def title(change: Change) -> str:
    """Such as “Add the application “Zoom””."""
    return f"{_TITLES[change.what]} {ONE[change.section]} “{change.name}”"


def lines(plan: Plan) -> Iterator[str]:
    """One change after the other and what follows from them, or else only what is wrong."""
    if plan.problems:
        # Not the changes beside it: one of them may hold a secret.
        yield from map(str, plan.problems)
        return
    for change in plan.changes:
        yield f"{title(change)}{':' if change.fields else '.'}"
        for field in change.fields:
            if change.what is What.ADD:
                yield f"  {field.name}: {shown(field.new)}"
            else:
                yield f"  {field.name}: {shown(field.old)} → {shown(field.new)}"
    if plan.consequences:
        yield "What happens:"
        yield from (f"  {sentence}" for sentence in plan.consequences)


def shown(value: Any) -> str:
    """A value of a file, in one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return ", ".join(f"{name}: {shown(each)}" for name, each in _short(value).items())
        case list():
            return ", ".join(map(shown, value)) or "none"
        case str():
            text = "".join(sign if sign.isprintable() else " " for sign in value)
            return f"“{text}”" if len(text) <= _LONGEST else f"“{text[:_LONGEST]}…”"
    return str(value)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A mapping row without its target, which stands before it, and what is as in a new one."""
    fields = ROW_FIELDS["attribute_mapping"]
    return {
        name: each
        for name, each in row.items()
        if name != "target" and each != fields[name].default
    }


def as_document(plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "changes": [
            {
                "what": change.what.value,
                "section": change.section,
                "name": change.name,
                "fields": [asdict(field) for field in change.fields],
            }
            for change in (() if plan.problems else plan.changes)
        ],
        "consequences": plan.consequences,
        "counts": {name: asdict(counts) for name, counts in plan.counts.items()},
        "problems": [of_problem(problem) for problem in plan.problems],
        "fingerprint": plan.fingerprint,
    }


def of_problem(problem: Problem) -> dict[str, Any]:
    return {
        "message": problem.message,
        "path": list(problem.path),
        "line": problem.place.line if problem.place else None,
        "column": problem.place.column if problem.place else None,
    }
