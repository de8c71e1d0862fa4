"""What would be sent now: the next step of accounts, by the plan that the worker goes by."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet
from django.utils import timezone

from iam import batches
from iam.models import User
from provisioning import access, evidence, guard, mapping, uniqueness, wording
from provisioning.errors import Rejected
from provisioning.mapping import Desired, Person
from provisioning.masking import Masking
from provisioning.models import Account, App, Guard, Lane, Mapping
from provisioning.plan import NOTHING, REMOVALS, Action, Change, Operation, difference, plan

_BATCH = 200


def planned(
    account: Account,
    person: Person | None,
    rows: Sequence[Mapping],
    *,
    app: App,
    wanted: bool,
    now: datetime,
) -> tuple[Action, Desired]:
    """The next step of an account, and what it is to hold. No side effects.

    `person` is None where nobody is to have it. Raises Rejected.
    """
    desired: Desired = {}
    if person is not None:
        desired = mapping.render(
            rows,
            person,
            kind=app.kind,
            app=app.name,
            creating=not account.recorded.has_remote,
        )
    action = plan(account.recorded, wanted=wanted, desired=desired, rules=app.rules, now=now)
    return action, desired


@dataclass(frozen=True)
class Step:
    """What would happen to one account next.

    `refused` is why it cannot be sent; `held` says that it waits for a decision, or would.
    """

    account: Account
    wanted: bool
    action: Action = NOTHING
    refused: str = ""
    held: bool = False
    # What a new account would hold.
    desired: Desired = field(default_factory=dict)
    # What the rows of the mapping keep out of reports.
    masking: Masking = field(default_factory=Masking)

    @property
    def changes(self) -> list[Change]:
        """Attribute by attribute, as it may be shown; of a new account, all that is filled in."""
        creating = self.action.operation is Operation.CREATE
        changes = difference({}, self.desired) if creating else self.action.changes
        return self.masking.knowing(self.desired, self.account.applied).changes(changes)

    @property
    def kind(self) -> str:
        """By what steps are counted: the operation, or what stands in its way."""
        if self.refused:
            return "refused"
        if self.held:
            return "held"
        return "switched_off" if self.action.skipped else self.action.operation.value


@dataclass
class Summary:
    """How many steps of each kind there are in an app, and the first ones."""

    app: App
    counts: Counter[str] = field(default_factory=Counter)
    first: list[Step] = field(default_factory=list)


def due(app: App) -> QuerySet[Account]:
    """What a worker would take up now, if the app is neither paused nor at rest."""
    return Account.objects.filter(app=app, due_at__lte=timezone.now())


def summary(app: App, steps: Iterable[Step], *, rows: int) -> Summary:
    """The steps counted, with so many of them; what there is nothing to do for is only counted."""
    found = Summary(app)
    for step in steps:
        found.counts[step.kind] += 1
        if step.kind != Operation.NOTHING and len(found.first) < rows:
            found.first.append(step)
    return found


def steps(app: App, accounts: QuerySet[Account]) -> Iterator[Step]:
    """The next step of each account, read in batches. Nothing is written or sent."""
    rows = list(app.mappings.of_people())
    too_many = guard.would_hold(app, removed=max(1, guard.due_removals(app)))
    found = access.with_wanted(accounts.filter(app=app)).select_related("user__manager")
    for batch in batches.by_key(found, _BATCH):
        given = {each.user: each.pk for each in batch if each.user is not None and each.wanted}
        people = uniqueness.known(rows, given, app=app)
        for account in batch:
            account.app = app
            person = people.get(account.user_id or 0)
            yield _step(account, person, rows, wanted=account.wanted, too_many=too_many)


def of_person(app: App, user: User) -> Step:
    """The next step for a person, also one who has no account there yet."""
    for step in islice(steps(app, Account.objects.filter(user=user)), 1):
        return step
    account = Account(app=app, user=user, identifier=user.username, external_id=user.external_id)
    if not access.entitled(app).filter(pk=user.pk).exists():
        return Step(account, wanted=False)
    rows = list(app.mappings.of_people())
    person = uniqueness.known(rows, {user: None}, app=app)[user.pk]
    return _step(account, person, rows, wanted=True, too_many=False)


def hindrances(app: App) -> Iterator[str]:
    """Why nothing is sent to the application now, if nothing is."""
    if app.paused:
        yield f"{app} is paused: nothing is sent until somebody switches that off."
    lane: Lane | None = getattr(app, "lane", None)
    if lane is not None and lane.problem:
        yield f"{app} is stopped: {lane.problem}"


def in_words(step: Step) -> str:
    """What would be done next, before anything is."""
    account, action = step.account, step.action
    app, name = account.app.name, account.identifier
    if step.refused:
        return f"Nothing can be sent. {step.refused}"
    if step.held:
        what = "deleted" if action.operation is Operation.DELETE else "switched off"
        return (
            f"The account “{name}” would be {what} in {app}, because {wording.no_access(account)}, "
            "but too many would go at once: it waits under Holds until somebody decides."
        )
    match action.operation:
        case Operation.CREATE:
            return (
                f"An account “{name}” would be created in {app}, or the one that is there already "
                "would be adopted."
            )
        case Operation.UPDATE:
            return f"Would be changed in {app}: {wording.changed(step.changes)}."
        case Operation.NOTHING:
            return _nothing(step)
        case Operation.RESOLVE:
            return f"{app} would be asked whether it has an account “{name}”."
        case Operation.REACTIVATE:
            return f"The account “{name}” would be switched on again in {app}."
    what = "deleted" if action.operation is Operation.DELETE else "switched off"
    return f"The account “{name}” would be {what} in {app}, because {wording.no_access(account)}."


def _nothing(step: Step) -> str:
    account, action = step.account, step.action
    if account.forgotten_at is not None:
        return wording.not_managed(account)
    if action.skipped is not None:
        return wording.switched_off(account, action.skipped)
    if action.not_before is not None:
        return (
            f"The account “{account.identifier}” stays switched off in {account.app} and would be "
            f"deleted {wording.moment(action.not_before)}."
        )
    return "Nothing would be sent: all is as it should be."


def _step(
    account: Account,
    person: Person | None,
    rows: Sequence[Mapping],
    *,
    wanted: bool,
    too_many: bool,
) -> Step:
    try:
        action, desired = planned(
            account, person, rows, app=account.app, wanted=wanted, now=timezone.now()
        )
    except Rejected as error:
        return Step(account, wanted, refused=str(error))
    undecided = too_many and account.guard != Guard.RELEASED
    held = action.operation in REMOVALS and (account.guard == Guard.HELD or undecided)
    masking = evidence.masking(rows)
    return Step(account, wanted, action, held=held, desired=desired, masking=masking)
