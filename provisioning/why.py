"""Why a person has an account in an application or has none, and what comes next, in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils import timezone

from iam import nesting
from iam.models import Group, Membership, User
from provisioning import evidence, mapping, preview, uniqueness, wording
from provisioning.errors import Rejected
from provisioning.models import Account, App, Apply, Mapping, Origin, Policy
from provisioning.plan import State, Value

# So many policies are named to somebody whom none of them gives the application.
_NAMED = 10
_STATES = {
    State.ABSENT: "No account is there, as far as Gatehouse knows.",
    State.ACTIVE: "The account is there and switched on",
    State.SUSPENDED: "The account is there and switched off",
    State.GONE: "The account was there and is not any more.",
}


@dataclass(frozen=True)
class Way:
    """One policy for a group that the person belongs to.

    `through` are the groups from the one they are in up to the policy's own.
    """

    policy: Policy
    through: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One mapping row for the person: what it gives, and what was sent last, as it may be shown."""

    target: str
    source: str
    value: Value | None
    sent: Value | None
    problem: str = ""


@dataclass(frozen=True)
class Why:
    """The whole answer; `wanted` is whether the person should have the account now."""

    app: App
    person: str
    wanted: bool
    ways: tuple[Way, ...]
    reasons: tuple[str, ...]
    values: tuple[Line, ...]
    account: Account | None
    recorded: tuple[str, ...]
    next: tuple[str, ...]


def why(app: App, *, user: User | None, account: Account | None = None) -> Why:
    """For a person, or for the account that a deleted person left behind."""
    if user is not None:
        account = Account.objects.filter(app=app, user=user).select_related("user").first()
        step = preview.of_person(app, user)
    elif account is not None:
        step = next(preview.steps(app, Account.objects.filter(pk=account.pk)))
    else:
        raise ValueError("a person or an account is asked about")
    ways = tuple(_ways(app, user)) if user is not None else ()
    return Why(
        app=app,
        person=str(user or step.account.identifier),
        wanted=step.wanted,
        ways=ways,
        reasons=tuple(_reasons(app, user, ways, account)),
        values=tuple(_values(app, user, account)) if user is not None else (),
        account=account,
        recorded=tuple(_recorded(app, account)),
        next=tuple(_next(app, step)),
    )


# ------------------------------------------------------------------------------ who gives it


def _ways(app: App, user: User) -> Iterator[Way]:
    """The app's policies for the person's groups, switched off ones too."""
    mine = Membership.objects.filter(user=user).values_list("group", flat=True)
    routes = nesting.routes(mine)
    names = dict(Group.objects.filter(pk__in=routes).values_list("pk", "name"))
    for policy in Policy.objects.filter(app=app, group__in=routes).select_related("group"):
        yield Way(policy, tuple(names[key] for key in routes[policy.group_id]))


def _reasons(
    app: App, user: User | None, ways: tuple[Way, ...], account: Account | None
) -> Iterator[str]:
    if user is None:
        yield "The person was deleted here, so no policy gives them anything."
    elif not user.is_active:
        yield f"{user} is switched off, so no policy gives them anything."
    for way in ways:
        yield wording.gives(app, way.policy.name, way.through, enabled=way.policy.enabled)
    if user is not None and not ways:
        yield from _missing(app, user)
    if account is not None and account.kept_because:
        yield wording.kept(account)


def _missing(app: App, user: User) -> Iterator[str]:
    policies = Policy.objects.filter(app=app, enabled=True).order_by("group__name_key")
    names = list(policies.values_list("group__name", flat=True)[: _NAMED + 1])
    if not names:
        yield f"No policy gives anybody {app}. Add one under Policies."
        return
    groups = ", ".join(f"“{name}”" for name in names[:_NAMED])
    others = " and others" if len(names) > _NAMED else ""
    yield (
        f"{user} is in no group that gets {app}. The groups that get it: {groups}{others}. Put "
        "the person into one of them, or add a policy for a group of theirs."
    )


# ------------------------------------------------------------------------ what it would hold


def _values(app: App, user: User, account: Account | None) -> Iterator[Line]:
    rows = list(app.mappings.of_people())
    lines = list(_lines(rows, app, user, account))
    given = {line.target: line.value for line in lines}
    sent = {line.target: line.sent for line in lines}
    masking = evidence.masking(rows).knowing(given, sent)
    given, sent = masking.held(given), masking.held(sent)
    for line in lines:
        yield replace(line, value=given[line.target], sent=sent[line.target])


def _lines(
    rows: Sequence[Mapping], app: App, user: User, account: Account | None
) -> Iterator[Line]:
    key = account.pk if account is not None else None
    person = uniqueness.known(rows, {user: key}, app=app)[user.pk]
    there = account is not None and account.remote_id is not None
    sent = account.applied if account is not None else {}
    for row in rows:
        line = (row.target, mapping.described(row))
        if there and row.apply == Apply.CREATE:
            yield Line(*line, sent.get(row.target), sent.get(row.target))
            continue
        try:
            value = mapping.value(row, person, app=app.name)
        except Rejected as error:
            yield Line(*line, None, sent.get(row.target), str(error))
            continue
        # No mapping switches an account off (mapping.render).
        value = True if row.target == app.kind.active_target else value
        yield Line(*line, value, sent.get(row.target))


# ------------------------------------------------------------------- what is known, and next


def _recorded(app: App, account: Account | None) -> Iterator[str]:
    if account is None:
        yield f"Gatehouse has never dealt with an account of this person in {app}."
        return
    state = State(account.state)
    if account.forgotten_at is not None:
        yield wording.not_managed(account)
    elif account.remote_id is not None:
        label = Origin(account.origin).label if account.origin else ""
        origin = f", {label[0].lower()}{label[1:]}" if label else ""
        yield f"{_STATES[state]} (id there: {wording.short(account.remote_id)}{origin})."
    else:
        yield _STATES[state]
    if account.intent:
        yield "An answer was lost: whether the last write happened is looked up before the next."
    if account.checked_at is not None:
        yield f"The last look at it was {wording.moment(account.checked_at)}."
    if account.message:
        yield account.message


def _next(app: App, step: preview.Step) -> Iterator[str]:
    account = step.account
    yield preview.in_words(step)
    if account.pk is None and not step.wanted:
        return
    yield from preview.hindrances(app)
    if account.due_at is not None and account.due_at > timezone.now():
        yield f"It is looked at again {wording.moment(account.due_at)}."
