"""The leaver certificate: what became of one person's access, application by application."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, Case, Exists, Max, OuterRef, Q, QuerySet, When
from django.utils import timezone

from iam.models import User
from iam.text import counted, normalise
from provisioning import access, leaving, wording
from provisioning.models import (
    Account,
    App,
    Event,
    Finding,
    Hold,
    Leaving,
    Outcome,
    PushedMember,
    Run,
)
from provisioning.plan import Operation
from reports import standing
from reports.standing import REMOVED, Line, Recorded, Standing

_GIVES = [Operation.CREATE, Operation.ADOPT, Operation.REACTIVATE]
_TAKES = [Operation.DEACTIVATE, Operation.DELETE]
# So many groups there that somebody was taken out of are told, the newest first.
_GROUPS = 1_000
_NAMED = 5
_ORDER = [
    Standing.OUTSTANDING,
    Standing.NOT_MANAGED,
    Standing.KEPT,
    Standing.GIVEN,
    Standing.ACCEPTED,
    Standing.VERIFIED,
    Standing.NEVER,
]


@dataclass(frozen=True)
class Started:
    """Who removed the person everywhere, why, and how they would be brought back."""

    at: datetime
    by: str
    reason: str
    groups: tuple[str, ...]
    undoing: str


@dataclass(frozen=True)
class Certificate:
    """All that is known, `complete` if nothing of the person's access is left."""

    name: str
    identifier: str
    user: int | None
    is_active: bool
    verdict: str
    complete: bool
    made_at: datetime
    made_by: str
    time_zone: str
    started: Started | None
    lines: tuple[Line, ...]


def of_person(user: User, *, by: str) -> Certificate:
    """For somebody who is here, whether they are leaving or not; `by` is who makes it."""
    return _made(
        name=user.full_name or user.username,
        identifier=user.username,
        user=user,
        by=by,
        accounts=Q(user=user),
        events=Q(user=user),
    )


def of_deleted(identifier: str, *, by: str) -> Certificate | None:
    """For somebody who was deleted here, None if no account of theirs is known.

    Accounts and events keep the user name.
    """
    if "\x00" in identifier:
        # No name has it, and PostgreSQL takes it in no question.
        return None
    left = Q(user=None, identifier_key=normalise(identifier))
    found = Account.objects.filter(left).first()
    if found is None:
        return None
    name = found.identifier
    return _made(name=name, identifier=name, user=None, by=by, accounts=left, events=left)


def _made(
    *, name: str, identifier: str, user: User | None, by: str, accounts: Q, events: Q
) -> Certificate:
    lines = _lines(identifier, accounts=accounts, events=events)
    return Certificate(
        name=name,
        identifier=identifier,
        user=user.pk if user else None,
        is_active=user is not None and user.is_active,
        verdict=verdict(name, lines),
        complete=all(line.standing in {*REMOVED, Standing.NEVER} for line in lines),
        made_at=timezone.now(),
        made_by=by,
        time_zone=timezone.get_current_timezone_name(),
        started=_started(identifier, user),
        lines=tuple(sorted(lines, key=lambda line: _ORDER.index(line.standing))),
    )


def _started(identifier: str, user: User | None) -> Started | None:
    theirs = Q(user=user) if user else Q(user=None, identifier_key=normalise(identifier))
    row = Leaving.objects.filter(theirs).first()
    if row is None:
        return None
    return Started(row.at, row.by, row.reason, tuple(row.groups), leaving.undoing(row))


# -------------------------------------------------------------------------------- what is recorded


def _lines(identifier: str, *, accounts: Q, events: Q) -> list[Line]:
    """A line for each application there is. As many queries for a thousand as for one."""
    rows = list(_accounts(accounts))
    keys = [row.pk for row in rows]
    last, removals = _events(events)
    members = _grouped(PushedMember.objects.filter(account__in=keys).select_related("pushed_group"))
    holds = {row.account_id: row for row in Hold.objects.filter(account__in=keys).order_by("pk")}
    missing = _missing(keys)
    strangers = _strangers(identifier)
    lines = [
        standing.judged(
            Recorded(
                row,
                last=last.get(row.app_id),
                removals=removals.get(row.app_id, ()),
                members=members.get(row.pk, ()),
                hold=holds.get(row.pk),
                missing=missing.get(row.pk),
                stranger=strangers.get(row.app_id),
            )
        )
        for row in rows
    ]
    others = App.objects.exclude(pk__in={row.app_id for row in rows}).order_by("name")
    return lines + [standing.never(app, strangers.get(app.pk)) for app in others]


def _accounts(whose: Q) -> QuerySet[Account]:
    given = Case(When(access.by_policy(), then=True), default=False, output_field=BooleanField())
    rows = Account.objects.filter(whose).annotate(given=given, kept=access.kept())
    return rows.select_related("app__lane", "user").order_by("app__name", "pk")


def _events(whose: Q) -> tuple[dict[int, Event], dict[int, list[Event]]]:
    """By application: the last event about access, and the groups left since it was last given."""
    done = Event.objects.filter(whose, outcome=Outcome.DONE, app__isnull=False).order_by()
    gave = Q(operation__in=_GIVES)
    gone = Q(operation=Operation.UPDATE, http_status=404)
    ends = done.values("app").annotate(
        last=Max("pk", filter=gave | gone | Q(operation__in=_TAKES)),
        given=Max("pk", filter=gave),
    )
    newest = {row["app"]: (row["last"], row["given"] or 0) for row in ends}
    found = Event.objects.in_bulk([last for last, _ in newest.values() if last])
    removals: dict[int, list[Event]] = {}
    left = done.filter(operation=Operation.REMOVE_MEMBER).order_by("-at", "-pk")
    for event in left[:_GROUPS]:
        if event.app_id is not None and event.pk > newest[event.app_id][1]:
            removals.setdefault(event.app_id, []).append(event)
    return {app: found[last] for app, (last, _) in newest.items() if last in found}, removals


def _grouped(members: Iterable[PushedMember]) -> dict[int, list[PushedMember]]:
    found: dict[int, list[PushedMember]] = {}
    for member in members:
        found.setdefault(member.account_id, []).append(member)
    return found


def _missing(accounts: list[int]) -> dict[int, Finding]:
    found = Finding.objects.filter(account__in=accounts, kind=Finding.Kind.MISSING, run__dry=False)
    rows = found.select_related("run").order_by("pk")
    return {row.account_id: row for row in rows if row.account_id is not None}


def _strangers(identifier: str) -> dict[int, Finding]:
    """Accounts under this name that the last comparison saw, and that nobody manages."""
    runs = Run.objects.filter(ended_at__isnull=False).order_by().values("app")
    newest = runs.annotate(newest=Max("pk")).values("newest")
    ours = Account.objects.filter(app=OuterRef("run__app"), remote_id=OuterRef("remote_id"))
    found = Finding.objects.filter(
        ~Exists(ours), run__in=newest, kind=Finding.Kind.UNKNOWN, identifier__iexact=identifier
    )
    return {row.run.app_id: row for row in found.select_related("run")}


# -------------------------------------------------------------------------------------- in a word


def verdict(name: str, lines: Iterable[Line]) -> str:
    """The whole in a sentence or two. Verified is only what an application has shown."""
    there = [line for line in lines if line.standing is not Standing.NEVER]
    if not there:
        return f"{name} has never had an account in an application that Gatehouse manages."
    removed = [line for line in there if line.standing in REMOVED]
    if len(removed) == len(there):
        return f"All access of {name} is removed; {_proof(removed)}."
    sentences = [
        _left(name, each, [line for line in there if line.standing is each], len(there))
        for each in (Standing.OUTSTANDING, Standing.NOT_MANAGED, Standing.KEPT, Standing.GIVEN)
    ]
    if removed:
        sentences.append(
            f"Access is removed in {counted(len(removed), 'application')}; {_proof(removed)}."
        )
    return " ".join(filter(None, sentences))


def _left(name: str, how: Standing, lines: list[Line], of: int) -> str:
    if not lines:
        return ""
    count = f"{len(lines)} of {counted(of, 'application')}"
    one = len(lines) == 1
    told = {
        Standing.OUTSTANDING: f"{count} {'is' if one else 'are'} outstanding",
        Standing.NOT_MANAGED: f"{count} may have an account that Gatehouse does not manage",
        Standing.KEPT: f"{count} {'keeps' if one else 'keep'} the account by a decision",
        Standing.GIVEN: f"{name} is to have access to {count}",
    }[how]
    names = [line.app_name for line in lines[:_NAMED]]
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return f"{told}: {', '.join(names)}{more}."


def _proof(removed: list[Line]) -> str:
    verified = [line for line in removed if line.standing is Standing.VERIFIED]
    moments = [line.at for line in verified if line.at is not None]
    when = f" {wording.moment(max(moments))}" if moments else ""
    told = f"verified in {len(verified)} of {counted(len(removed), 'application')}{when}"
    others = len(removed) - len(verified)
    return f"{told}, accepted in {others} without having been seen" if others else told
