"""Carries a configuration out in one transaction, or tells what that would do.

A plan is made by doing everything and undoing it: so it has the errors of the very forms that the
pages and the API use, and its consequences are counted by what the workers go by.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from iam import fingerprint
from provisioning import transactions
from provisioning.configuration import consequences, stored
from provisioning.configuration.consequences import Counts
from provisioning.configuration.differences import Change, What, differences
from provisioning.configuration.document import Document, Problem
from provisioning.configuration.rights import refusals
from provisioning.configuration.shape import APPS, GROUPS, POLICIES
from provisioning.configuration.strict_yaml import Place
from provisioning.configuration.work import Work
from provisioning.models import App, Mapping, Policy

_PART = (
    "This file is only “{}”, so what is not in it cannot be told from what is to go. Take a file "
    "of everything, or do not ask for removals."
)
_OTHERWISE = "It would be kept in another form. Export the configuration and compare it with this."


class Changed(Exception):
    """It is not any more what was confirmed; nothing was done."""

    def __init__(self) -> None:
        super().__init__(
            "Something was changed since this plan was made, so nothing was done. Look at the new "
            "plan, and confirm that."
        )


@dataclass(frozen=True)
class Plan:
    """What is to be done, what follows for people, and what stands in the way."""

    changes: list[Change]
    counts: dict[str, Counts] = field(default_factory=dict)
    # What happens beside what is counted: what is paused, and what stays where.
    notes: list[str] = field(default_factory=list)
    consequences: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Another one as soon as anything else would be done, or to other numbers of accounts."""
        counts = {name: asdict(each) for name, each in self.counts.items()}
        return fingerprint.of([list(map(asdict, self.changes)), counts])


def plan(document: Document, *, prune: bool = False, **options: Any) -> Plan:
    """What `apply` would do. Everything is done and undone again. Options as for `apply`."""
    with transactions.undone():
        return _carried_out(document, prune=prune, **options)


def apply(document: Document, *, confirmed: str, prune: bool = False, **options: Any) -> Plan:
    """Do what was confirmed: the fingerprint of a plan. What was done, or a plan with problems.

    `portal` is where the operator reaches the portal, if known; `may` says of a permission whether
    whoever asks has it. Raises Changed. Whatever it raises, nothing is done.
    """
    try:
        with transaction.atomic():
            _lock()
            done = _carried_out(document, prune=prune, **options)
            if done.problems:
                transaction.set_rollback(True)
            elif done.fingerprint != confirmed:
                raise Changed
    except IntegrityError as error:
        raise Changed from error
    return done


def _lock() -> None:
    """Nobody changes these rows until this is done."""
    for model in (App, Mapping, Policy):
        list(model.objects.select_for_update().order_by("pk").values_list("pk"))


def _carried_out(
    document: Document,
    *,
    prune: bool,
    portal: str = "",
    may: Callable[[str], bool] = lambda right: True,
) -> Plan:
    before = stored.everything()
    changes = differences(document, before, prune=prune)
    refused = [*_part(document, prune=prune), *refusals(changes, may)]
    if refused:
        return Plan(changes, problems=refused)
    names = consequences.touched(changes, document, before)
    stood = consequences.standing(names)
    work = Work(document, portal=portal)
    work.do(changes)
    if problems := [*_unknown(document, before, changes), *work.problems]:
        return Plan(changes, problems=sorted(problems, key=_place))
    counts = consequences.compared(stood, consequences.standing(names))
    return Plan(
        changes,
        counts,
        work.notes,
        [*consequences.sentences(counts), *work.notes],
        list(_left(document, prune=prune)),
    )


def _place(problem: Problem) -> Place:
    return problem.place or Place(1, 1)


def _part(document: Document, *, prune: bool) -> Iterator[Problem]:
    if prune and document.only:
        yield document.problem(_PART.format(document.only), "only_app")


def _unknown(document: Document, before: Document, changes: list[Change]) -> Iterator[Problem]:
    """The apps and groups that are named and are neither in the file nor here."""
    gone = {each.name for each in changes if each.what is What.REMOVE and each.section == APPS}
    apps = (document.sections[APPS].keys() | before.sections[APPS].keys()) - gone
    groups = document.sections[GROUPS].keys() | before.sections[GROUPS].keys()
    for name, app in document.sections[APPS].items():
        for group in app.get("chosen_groups", []):
            if group not in groups:
                yield document.problem(_none(GROUPS, group), APPS, name, "chosen_groups")
    for name, policy in document.sections[POLICIES].items():
        now = {**before.sections[POLICIES].get(name, {}), **policy}
        if now.get("app") not in apps:
            yield document.problem(_none(APPS, now.get("app", "")), POLICIES, name, "app")
        if now.get("group") not in groups:
            yield document.problem(_none(GROUPS, now.get("group", "")), POLICIES, name, "group")


def _none(section: str, name: str) -> str:
    what = "application" if section == APPS else "group"
    if not name:
        return f"Name the {what} here."
    return f"There is no {what} “{name}”. Write it just as it is called, or add it under {section}."


def _left(document: Document, *, prune: bool) -> Iterator[Problem]:
    """What would be to do once more, so that a file that is applied twice changes nothing."""
    for change in differences(document, stored.everything(), prune=prune):
        for each in change.fields:
            new = f" Write it as “{each.old}”." if isinstance(each.old, str) and each.old else ""
            path = (change.section, change.name, *each.name.split(".", 1))
            yield document.problem(f"{_OTHERWISE}{new}", *path)
        if not change.fields:
            yield document.problem(_OTHERWISE, change.section, change.name)
