"""Carries out what a person decides about whose an account is: link it, or stop managing it.

No worker has the account in hand meanwhile. What is linked is looked at in the application first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from iam import actor
from iam.text import normalise
from provisioning import (
    access,
    connections,
    correlation,
    evidence,
    group_queue,
    guard,
    lanes,
    linking,
    mapping,
    outcomes,
    queue,
    record,
    uniqueness,
    wording,
)
from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.effects import Effect
from provisioning.errors import ConnectorError, NotFound, Rejected
from provisioning.mapping import Desired
from provisioning.masking import Masking
from provisioning.models import Account, Lane, Origin, Outcome, Trigger
from provisioning.models import Mapping as Row
from provisioning.outcomes import Job
from provisioning.plan import NOTHING, Operation
from provisioning.record import Result

Answer = TypeVar("Answer")


class Refused(Exception):
    """Nothing was done; the text says why, and what would help."""


class Unconfirmed(Refused):
    """It can be done, and there is something to say against it."""


@dataclass(frozen=True)
class Candidate:
    """An account in the application, and what speaks against its being this person's.

    `values` are what it holds, as it may be shown.
    """

    there: RemoteAccount
    values: Mapping[str, Any]
    objections: tuple[str, ...]


# -------------------------------------------------------------------------------------- looking


def candidates(account: Account) -> list[Candidate]:
    """The accounts there that match the person by the attribute mapping. Raises Refused."""
    rows, desired = _held(account)
    if not desired:
        raise Refused(f"{_name(account)} was deleted here, so there is nothing to look for.")
    found = _asked(
        account,
        lambda connector: connector.find(
            desired,
            matching=mapping.matching(rows),
            external_id=str(account.external_id),
            made_by_us=False,
        ),
    )
    return [_judged(account, there, rows, desired) for there in found]


def look(account: Account, remote_id: str) -> Candidate:
    """The account with this id there. Raises Refused."""
    app = account.app
    if not app.kind.lists_accounts:
        raise Refused(f"{app} cannot be asked for one account by its id.")
    rows, desired = _held(account)
    targets = [row.target for row in rows]
    there = _asked(account, lambda connector: connector.get(remote_id, targets))
    return _judged(account, there, rows, desired)


def _held(account: Account) -> tuple[list[Row], Desired]:
    """The rows of the mapping, and what the person is to hold by them."""
    rows = list(account.app.mappings.of_people())
    if account.user is None:
        return rows, {}
    person = uniqueness.known(rows, {account.user: account.pk}, app=account.app)[account.user.pk]
    try:
        given = mapping.render(
            rows, person, kind=account.app.kind, app=account.app.name, creating=True
        )
    except Rejected as error:
        raise Refused(str(error)) from error
    return rows, given


def _asked(account: Account, question: Callable[[Connector], Answer]) -> Answer:
    app = account.app
    about = {"correlation_id": correlation.new(), "app": app.name, "account": account.pk}
    try:
        with correlation.working_on(about):
            connector = connections.connector(app)
            try:
                return question(connector.asking(_never, learned=connections.learned(app)))
            finally:
                connector.close()
    except NotFound as error:
        raise Refused(
            f"{app} has no account with this id. It is the id that {app} itself gives an account, "
            "and not the user name."
        ) from error
    except ConnectorError as error:
        raise Refused(f"{app} could not be asked. {error}") from error


def _never() -> None:
    raise AssertionError("a look writes nothing")


def _judged(
    account: Account, there: RemoteAccount, rows: Sequence[Row], desired: Desired
) -> Candidate:
    masking = evidence.masking(rows).knowing(there.values, desired)
    objections = tuple(_objections(account, there, rows, desired, masking))
    return Candidate(there, masking.held(there.values), objections)


def _objections(
    account: Account,
    there: RemoteAccount,
    rows: Sequence[Row],
    desired: Desired,
    masking: Masking,
) -> Iterator[str]:
    app = account.app
    if there.external_id not in {"", str(account.external_id)}:
        yield f"Another system manages this account: it has an external id of its own in {app}."
    named = app.kind.asked_by(desired, mapping.matching(rows))
    same = [each for each in named if _alike(there.values.get(each), desired.get(each))]
    if not same:
        held, given = masking.held(there.values), masking.held(desired)
        values = ", ".join(f"{each} is {wording.shown(held.get(each))}" for each in named)
        wanted = ", ".join(wording.shown(given.get(each)) for each in named)
        yield f"It does not match this person: {values} there, and would be {wanted}."


def _alike(one: object, other: object) -> bool:
    return one is not None and other is not None and normalise(str(one)) == normalise(str(other))


# ------------------------------------------------------------------------------------- deciding


def adopt(account: Account, *, by: str, confirmed: bool = False) -> Account:
    """Link the one account there that matches the person. Raises Refused, Unconfirmed."""
    found = candidates(account)
    if not found:
        raise Refused(f"{account.app} has no account that matches {_name(account)}.")
    if len(found) > 1:
        ids = ", ".join(f"“{wording.short(each.there.remote_id)}”" for each in found)
        raise Refused(
            f"{len(found)} accounts in {account.app} match {_name(account)}: {ids}. Look there "
            "which one is theirs, and choose it by its id."
        )
    return _link(account, found[0], by=by, confirmed=confirmed)


def relink(account: Account, remote_id: str, *, by: str, confirmed: bool = False) -> Account:
    """Link the account there with this id, whichever was linked before; that one stays as it is.

    Raises Refused, and Unconfirmed if it does not match the person.
    """
    return _link(account, look(account, remote_id), by=by, confirmed=confirmed)


def forget(account: Account, *, by: str) -> Account:
    """Manage the account no more. Nothing is sent: what is there stays as it is.

    None is created either while the person is to have one, until one is linked or managing it is
    taken up again. Raises Refused.
    """
    with _in_hand(account, by=by) as ours:
        if ours.forgotten_at is not None:
            raise Refused(f"{_name(ours)} is not managed in {ours.app} any more already.")
        message = wording.forgotten(ours)
        _let_go(ours)
        Account.objects.filter(pk=ours.pk).update(
            forgotten_at=timezone.now(), due_at=None, done_generation=F("generation")
        )
        _tell(ours, Operation.FORGET, message)
    return _again(account)


def manage_again(account: Account, *, by: str) -> Account:
    """Take up a forgotten account as if it were new: looked for, adopted, or created."""
    with _in_hand(account, by=by) as ours:
        if ours.forgotten_at is None:
            raise Refused(f"{_name(ours)} is managed in {ours.app} already.")
        Account.objects.filter(pk=ours.pk).update(forgotten_at=None)
        queue.mark_accounts(Account.objects.filter(pk=ours.pk), trigger=Trigger.MANUAL)
    return _again(account)


def _link(account: Account, chosen: Candidate, *, by: str, confirmed: bool) -> Account:
    if chosen.objections and not confirmed:
        raise Unconfirmed(" ".join(chosen.objections))
    with _in_hand(account, by=by) as ours:
        former = linking.owner_of(ours, chosen.there.remote_id)
        if ours.remote_id == chosen.there.remote_id:
            raise Refused(f"{_name(ours)} is linked to this account in {ours.app} already.")
        if former is not None and former.user is not None:
            raise Refused(wording.conflict_with(ours, former))
        if former is not None:
            _refuse_what_is_worked_on(former, lanes.of(ours.app_id))
        message = wording.linked(ours, chosen.there.remote_id)
        _let_go(ours)
        fields = _found(ours, chosen.there, former).fields
        Account.objects.filter(pk=ours.pk).update(**fields, forgotten_at=None)
        queue.mark_accounts(Account.objects.filter(pk=ours.pk), trigger=Trigger.MANUAL)
        _tell(ours, Operation.ADOPT, message)
        group_queue.accounts_changed([ours])
    return _again(account)


def _found(ours: Account, there: RemoteAccount, former: Account | None) -> Result:
    """As if a look-up had found it, `former` being the row of somebody who was deleted here."""
    wanted = Account.objects.filter(access.granted(), pk=ours.pk).exists()
    job = Job(ours, wanted, NOTHING, {}, claimed_at=timezone.now(), doubt={})
    if former is not None:
        return linking.take_over(job, there, former)
    return outcomes.found(job, there, ours=False, origin=Origin.ADOPTED)


def _let_go(ours: Account) -> None:
    """Whatever was known of an account there is not known of this one any more."""
    Account.objects.filter(pk=ours.pk).update(**outcomes.unlinked())
    guard.over([ours.pk])
    group_queue.accounts_gone([ours.pk])
    if mapping.refers_to_managers(ours.app.mappings.of_people()):
        reports = Account.objects.filter(app=ours.app, user__manager=ours.user_id)
        queue.mark_accounts(reports, trigger=Trigger.PERSON)


@contextmanager
def _in_hand(account: Account, *, by: str) -> Iterator[Account]:
    """The account as it is, kept from workers and others until the decision is written down.

    What a worker has in hand is due, in a lane with an owner. While the lane is locked here, no
    other worker begins. Raises Refused.
    """
    lanes.of(account.app_id)
    with transaction.atomic(), actor.acting_as(by):
        lane = Lane.objects.select_for_update().get(app=account.app_id)
        rows = Account.objects.select_for_update(of=("self",)).select_related("app", "user")
        ours = rows.get(pk=account.pk)
        if ours.user is None:
            raise Refused(f"{_name(ours)} was deleted here. Nothing is linked or given up now.")
        _refuse_what_is_worked_on(ours, lane)
        ours.trigger, ours.actor = Trigger.MANUAL, by
        yield ours


def _refuse_what_is_worked_on(account: Account, lane: Lane) -> None:
    now = timezone.now()
    owned = lane.lease_until is not None and lane.lease_until > now
    if owned and account.due_at is not None and account.due_at <= now:
        raise Refused(f"{_name(account)} is being worked on in {account.app} now. Try again soon.")


def _tell(ours: Account, operation: Operation, message: str) -> None:
    verified = Effect.VERIFIED if operation is Operation.ADOPT else ""
    event = record.event(ours, operation, Outcome.DONE, message, effect=verified)
    record.tell([Result(ours, event=event)], app=ours.app)


def _again(account: Account) -> Account:
    return Account.objects.select_related("app", "user").get(pk=account.pk)


def _name(account: Account) -> str:
    return f"“{account.identifier}”"
