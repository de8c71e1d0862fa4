"""Judges, from what is recorded of one account, whether the person's access there has ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from provisioning import doubt, preview, wording
from provisioning.drift import ACTIVE
from provisioning.effects import Effect
from provisioning.models import (
    Account,
    App,
    Decision,
    Event,
    Finding,
    Guard,
    Hold,
    MemberState,
    Problem,
    PushedMember,
    Trigger,
)
from provisioning.plan import Feature, Operation, State


class Standing(StrEnum):
    """How it stands with one person's access to one application."""

    VERIFIED = "verified"
    ACCEPTED = "accepted"
    OUTSTANDING = "outstanding"
    KEPT = "kept"
    NOT_MANAGED = "not_managed"
    GIVEN = "given"
    NEVER = "never"


STANDING_LABELS = {
    Standing.VERIFIED: "Removed, verified",
    Standing.ACCEPTED: "Removed, accepted",
    Standing.OUTSTANDING: "Outstanding",
    Standing.KEPT: "Kept by a decision",
    Standing.NOT_MANAGED: "Not managed here",
    Standing.GIVEN: "Has access",
    Standing.NEVER: "Never had an account",
}
_NOT_YET = ("No worker has come to it yet.", "It follows within seconds while a worker runs.")
_SEEN = "Seen there, never adopted"
REMOVED = (Standing.VERIFIED, Standing.ACCEPTED)


@dataclass(frozen=True)
class Recorded:
    """What is recorded about one account, beside its row.

    `last` is the last event that gave or took access, `missing` the last comparison that did not
    find the account, `stranger` an account there under the person's name that is not managed.
    `account` is annotated with `given`, whether a policy gives it, and `kept`.
    """

    account: Account
    last: Event | None = None
    removals: Sequence[Event] = ()
    members: Sequence[PushedMember] = ()
    hold: Hold | None = None
    missing: Finding | None = None
    stranger: Finding | None = None


@dataclass(frozen=True)
class Removal:
    """A group there that the account is in, was taken out of, or is to be taken out of."""

    sentence: str
    at: datetime | None
    standing: Standing

    @property
    def label(self) -> str:
        return STANDING_LABELS[self.standing]


@dataclass(frozen=True)
class Line:
    """One application: what was removed, when, by whose doing, and what is left to do."""

    app: int
    app_name: str
    # None if there is no row of one.
    account: int | None
    standing: Standing
    what: str
    at: datetime | None = None
    because_of: str = ""
    by: str = ""
    why: str = ""
    to_do: str = ""
    groups: tuple[Removal, ...] = ()

    @property
    def label(self) -> str:
        return STANDING_LABELS[self.standing]


def never(app: App, stranger: Finding | None = None) -> Line:
    """For an application in which Gatehouse has never dealt with an account of the person.

    `stranger` is one under their name that a comparison saw there.
    """
    if stranger is None:
        return Line(app.pk, app.name, None, Standing.NEVER, "No account")
    seen, to_do = stranger.message, _look_there(app)
    return Line(app.pk, app.name, None, Standing.NOT_MANAGED, _SEEN, why=seen, to_do=to_do)


def judged(recorded: Recorded) -> Line:
    """The line of one account. No question is asked to the database or the application."""
    line = _line(recorded)
    still_in = any(group.standing is Standing.OUTSTANDING for group in line.groups)
    if line.standing not in REMOVED or not still_in:
        return line
    return _with(
        recorded,
        Standing.OUTSTANDING,
        line.what,
        why="The account is in a group there still.",
        to_do="Gatehouse takes it out by itself if it may; otherwise look under Groups there.",
    )


def _line(recorded: Recorded) -> Line:
    account = recorded.account
    if account.forgotten_at is not None:
        return _with(
            recorded,
            Standing.NOT_MANAGED,
            "Given up",
            why=wording.not_managed(account),
            to_do=_look_there(account.app),
        )
    if account.given:  # type: ignore[attr-defined] # annotated by the certificate
        return _with(
            recorded,
            Standing.GIVEN,
            "Access is to be there",
            why="A policy gives it.",
            to_do="To end it, remove the person everywhere, or end what gives it.",
        )
    if account.kept:  # type: ignore[attr-defined] # the same
        return _kept(recorded)
    return _linked(recorded) if account.remote_id is not None else _not_linked(recorded)


# --------------------------------------------------------------------------- nobody is linked to


def _not_linked(recorded: Recorded) -> Line:
    account, stranger = recorded.account, _stranger(recorded)
    if Operation.CREATE in doubt.operations(account.intent):
        return _outstanding(recorded, "An account may have been made, whose answer was lost")
    if account.problem == Problem.CONFLICT or stranger is not None:
        seen = stranger.message if stranger is not None else account.message
        return _with(
            recorded,
            Standing.NOT_MANAGED,
            _SEEN,
            why=seen,
            to_do=_look_there(account.app),
        )
    if account.state == State.GONE:
        deleted = recorded.last is not None and recorded.last.operation == Operation.DELETE
        return _removed(recorded, "Account deleted" if deleted else "Account not there any more")
    return _with(recorded, Standing.NEVER, "No account")


def _stranger(recorded: Recorded) -> Finding | None:
    """Seen there since: what was adopted and removed after that comparison is not there now."""
    found, last = recorded.stranger, recorded.last
    return found if found is None or last is None or last.at < found.run.started_at else None


# ----------------------------------------------------------------------------- somebody is linked


def _linked(recorded: Recorded) -> Line:
    account = recorded.account
    lost = doubt.operations(account.intent) & {Operation.DEACTIVATE, Operation.REACTIVATE}
    if account.state == State.ACTIVE or lost or account.problem == Problem.CHANGED_THERE:
        return _outstanding(recorded, "Access has not ended yet")
    if account.seen.get(ACTIVE, [None, False])[1]:
        return _with(
            recorded,
            Standing.KEPT,
            "Account switched on there",
            why="Somebody switched it on in the application, and it was decided to leave it so.",
            to_do="Press “Push now” on the account, or switch it off there.",
        )
    return _removed(recorded, "Account switched off")


def _kept(recorded: Recorded) -> Line:
    account, hold = recorded.account, recorded.hold
    decided = ""
    if hold is not None and hold.decision == Decision.REJECTED:
        decided = f" Decided by {hold.decided_by}: {hold.reason}"
    what = "Account stays" if account.state == State.ACTIVE else "Account stays, switched off"
    return _with(
        recorded,
        Standing.KEPT,
        what,
        why=f"{wording.kept(account)}{decided}",
        to_do="To end it, choose “End access” under Accounts.",
    )


def _removed(recorded: Recorded, what: str) -> Line:
    """Verified is only what the application has shown, or what it did not have any more."""
    last, missing = recorded.last, recorded.missing
    if last is not None and _ended(recorded.account, last):
        seen = last.effect == Effect.VERIFIED
        standing = Standing.VERIFIED if seen else Standing.ACCEPTED
        return _with(recorded, standing, what, at=last.at, why=last.message)
    if missing is not None and recorded.account.state == State.GONE:
        at = missing.run.ended_at or missing.run.started_at
        return _with(recorded, Standing.VERIFIED, what, at=at, why=missing.message)
    return _with(
        recorded,
        Standing.ACCEPTED,
        what,
        at=recorded.account.deprovisioned_at,
        why="So it is recorded. The report has no row any more that tells what showed it.",
    )


def _ended(account: Account, last: Event) -> bool:
    """Whether the last event about access is the one that led to what is recorded now."""
    if last.http_status == 404 or last.operation in {Operation.DEACTIVATE, Operation.DELETE}:
        return True
    # Found switched off, and never switched on by us.
    return last.operation == Operation.ADOPT and account.state == State.SUSPENDED


def _outstanding(recorded: Recorded, what: str) -> Line:
    account = recorded.account
    hindered = list(preview.hindrances(account.app))
    why, to_do = _reason(account, hindered)
    return _with(recorded, Standing.OUTSTANDING, what, why=why, to_do=to_do)


def _reason(account: Account, hindered: list[str]) -> tuple[str, str]:
    if account.guard == Guard.HELD:
        return account.message, "Decide under Holds."
    if hindered:
        return " ".join(hindered), f"Put that right under Apps > {account.app}."
    if account.generation > account.done_generation:
        # Whatever is said of it is about what was before.
        return _NOT_YET
    if account.problem == Problem.SWITCHED_OFF:
        return account.message, f"Or switch the account off in {account.app} itself."
    if account.problem == Problem.UNAVAILABLE:
        return account.message, "Gatehouse tries again by itself."
    if account.problem:
        return account.message, (
            "Once what is said here is put right, press “Push now” on the account, or switch the "
            f"account off in {account.app} itself."
        )
    if Feature.DEACTIVATE_USERS not in account.app.features:
        return f"“Deactivate users” is switched off for {account.app}.", _look_there(account.app)
    return _NOT_YET


def _look_there(app: App) -> str:
    return f"Look in {app} whether an account is to be switched off there."


# ------------------------------------------------------------------------------------------ parts


def _with(
    recorded: Recorded,
    standing: Standing,
    what: str,
    *,
    at: datetime | None = None,
    why: str = "",
    to_do: str = "",
) -> Line:
    account = recorded.account
    trigger, by = _set_off_by(recorded, standing)
    return Line(
        app=account.app_id,
        app_name=account.app.name,
        account=account.pk,
        standing=standing,
        what=what,
        at=at,
        because_of=str(Trigger(trigger).label) if trigger else "",
        by=by,
        why=why,
        to_do=to_do,
        groups=tuple(_groups(recorded, standing)),
    )


def _set_off_by(recorded: Recorded, standing: Standing) -> tuple[str, str]:
    """What set it off and who, if anything was ever done."""
    if standing is Standing.NEVER:
        return "", ""
    account, last = recorded.account, recorded.last
    if last is not None and standing in REMOVED:
        return last.trigger, last.actor
    return account.trigger, account.actor


def _groups(recorded: Recorded, standing: Standing) -> Iterator[Removal]:
    for event in recorded.removals:
        verified = event.effect == Effect.VERIFIED
        seen = Standing.VERIFIED if verified else Standing.ACCEPTED
        yield Removal(event.message, event.at, seen)
    for member in recorded.members:
        # Of whoever was refused nothing is there.
        if member.state == MemberState.REFUSED:
            continue
        group = f"the group “{member.pushed_group.name}” there."
        if standing is Standing.GIVEN and member.state != MemberState.REMOVING:
            is_in = member.state == MemberState.IN
            yield Removal(f"{'In' if is_in else 'To be added to'} {group}", None, Standing.GIVEN)
        else:
            left = member.message or f"To be taken out of {group}"
            yield Removal(left, None, Standing.OUTSTANDING)
