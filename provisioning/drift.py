"""Tells how an account differs from what was left in the application, and what follows from it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from provisioning import access, comparison_wording, doubt, group_queue, queue
from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.masking import Masking
from provisioning.models import Account, App, Drift, Finding, Problem, Trigger
from provisioning.plan import Change, Operation, State, Value

# Beside the mapped targets: whether the account is switched on, and whether it is there at all.
ACTIVE, THERE = "@active", "@there"
VANISHED: "Differences" = {THERE: (True, False)}

# Target to (what was left there, what is there now).
Differences = dict[str, tuple[Value | None, Value | None]]

_FIELDS = [
    "remote_id",
    "origin",
    "state",
    "applied",
    "seen",
    "deprovisioned_at",
    "problem",
    "problem_since",
    "message",
]


@dataclass
class Verdict:
    """What came of one account: nothing to say, or a finding and what was done about it."""

    account: Account
    kind: Finding.Kind = Finding.Kind.CHANGED
    message: str = ""
    outcome: Finding.Outcome = Finding.Outcome.LISTED
    differences: Differences = field(default_factory=dict)
    # What is kept out of the message.
    masking: Masking = field(default_factory=Masking)
    # Whether the row is other than before, and whether a push is to follow.
    written: bool = False
    due: bool = False
    # The id that it had, which the account may let go of.
    remote_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.remote_id = str(self.account.remote_id)

    @property
    def told(self) -> Differences:
        """The differences as people may read them."""
        changes = [Change(path, *pair) for path, pair in self.differences.items()]
        return {each.path: (each.old, each.new) for each in self.masking.changes(changes)}


def compared(kind: type[Connector], targets: Iterable[str]) -> tuple[list[str], list[str]]:
    """The mapped targets that a listing shows, and those that it does not."""
    shown: list[str] = []
    hidden: list[str] = []
    for target in targets:
        if target != kind.active_target:
            (shown if kind.lists(target) else hidden).append(target)
    return shown, hidden


def at_rest(account: Account, *, now: datetime) -> bool:
    """Whether what is recorded is what was left there: nothing is due, nothing in doubt."""
    open_questions = doubt.operations(account.intent)
    if not account.wanted:
        # What a leaver's account holds may stay in doubt, and is not compared.
        open_questions -= {Operation.UPDATE}
    waits = account.due_at is not None and account.due_at <= now
    newer = account.generation != account.done_generation
    trying = account.problem == Problem.UNAVAILABLE
    return not (open_questions or waits or newer or trying)


def differences(account: Account, there: RemoteAccount, *, targets: Collection[str]) -> Differences:
    """What is not as it was left. Of an account that nobody should have, only the switch counts."""
    found: Differences = {}
    was_on = account.state == State.ACTIVE
    if was_on != there.active:
        found[ACTIVE] = (was_on, there.active)
    if not account.wanted:
        return found
    for target in targets:
        left, now = account.applied.get(target), storable(there.values.get(target))
        if left != now:
            found[target] = (left, now)
    return found


def judge(
    account: Account,
    found: Differences,
    *,
    setting: str,
    masking: Masking,
    dry: bool = False,
) -> Verdict:
    """What the app's setting makes of the differences; `account` gets its new values.

    A difference that was put right and is there again just so is left: the application writes the
    value in its own way, or does not take it. It is spoken of again when either side moves.
    """
    known = {
        path: pair for path, pair in account.seen.items() if found.get(path) == tuple(pair[:2])
    }
    news = {path: pair for path, pair in found.items() if not known.get(path, [0, 0, False])[2]}
    kind = Finding.Kind.MISSING if THERE in found else Finding.Kind.CHANGED
    verdict = Verdict(account, kind, differences=news, masking=masking)
    if not news:
        if not dry:
            verdict.written = _settle(account, known)
        return verdict
    verdict.message = comparison_wording.drifted(account, verdict.told, there=THERE, active=ACTIVE)
    if dry:
        return verdict
    match setting:
        case Drift.OVERWRITE:
            _overwrite(verdict, known)
        case Drift.ACCEPT:
            leave(verdict, known)
        case _:
            _ask(verdict, known)
    return verdict


def _overwrite(verdict: Verdict, known: dict[str, Any]) -> None:
    stays = {path for path in verdict.differences if path in known and path not in {ACTIVE, THERE}}
    right = {path: pair for path, pair in verdict.differences.items() if path not in stays}
    if not right:
        leave(verdict, known)
        verdict.message = comparison_wording.comes_back(verdict.account, verdict.told)
        return
    put_right(verdict, right)
    seen = {path: [*pair, path in stays] for path, pair in verdict.differences.items()}
    if THERE not in right:
        verdict.account.seen = known | seen


def put_right(verdict: Verdict, right: Differences) -> None:
    """Record what is there, so that the next push brings the account to what should be."""
    account = verdict.account
    for path, (_, now) in right.items():
        if path == THERE:
            account.remote_id, account.origin = None, ""
            account.state, account.applied, account.seen = State.GONE, {}, {}
        elif path == ACTIVE:
            account.state = State.ACTIVE if now else State.SUSPENDED
            account.deprovisioned_at = None if now else timezone.now()
        elif now is None:
            account.applied.pop(path, None)
        else:
            account.applied[path] = now
    _forget_question(account)
    verdict.written = verdict.due = True
    verdict.outcome = Finding.Outcome.PUT_RIGHT
    verdict.message = f"{verdict.message} {comparison_wording.WILL_BE_PUT_RIGHT}".strip()


def leave(verdict: Verdict, known: Mapping[str, Any]) -> None:
    """Remember the differences, so that they are not spoken of again."""
    account = verdict.account
    account.seen = {**known, **{path: [*pair, True] for path, pair in verdict.differences.items()}}
    _forget_question(account)
    verdict.written = True
    verdict.outcome = Finding.Outcome.LEFT
    verdict.message = f"{verdict.message} {comparison_wording.IS_LEFT}".strip()


def _ask(verdict: Verdict, known: Mapping[str, Any]) -> None:
    account = verdict.account
    verdict.outcome = Finding.Outcome.ASKED
    verdict.message = f"{verdict.message} {comparison_wording.DECIDE}"
    seen = {path: pair for path, pair in known.items() if pair[2]}
    # What else is wrong with the account is not hidden by the question.
    may_ask = account.problem in {"", Problem.CHANGED_THERE}
    if (account.message == verdict.message or not may_ask) and account.seen == seen:
        return
    account.seen = seen
    if may_ask:
        since = account.problem_since if account.problem else None
        account.problem, account.message = Problem.CHANGED_THERE, verdict.message
        account.problem_since = since or timezone.now()
    verdict.written = True


def _settle(account: Account, known: dict[str, Any]) -> bool:
    """The account is as it was left, or as it may stay; whether that is new."""
    asked = account.problem == Problem.CHANGED_THERE
    if account.seen == known and not asked:
        return False
    account.seen = known
    _forget_question(account)
    return True


def _forget_question(account: Account) -> None:
    if account.problem == Problem.CHANGED_THERE:
        account.problem, account.message, account.problem_since = "", "", None


def save(verdicts: Sequence[Verdict]) -> None:
    """Write the accounts down and make due what is to be put right, in the caller's transaction."""
    written = [verdict.account for verdict in verdicts if verdict.written]
    if written:
        Account.objects.bulk_update(written, _FIELDS)
        group_queue.accounts_gone([each.pk for each in written if each.remote_id is None])
    due = [verdict.account.pk for verdict in verdicts if verdict.due]
    if due:
        queue.mark_accounts(Account.objects.filter(pk__in=due), trigger=Trigger.COMPARISON)


# --------------------------------------------------------------------- decided by a person


def open_questions(accounts: Iterable[Account]) -> list[Finding]:
    """The last finding of each account that waits for a decision."""
    asked = Finding.objects.filter(account__in=accounts, account__problem=Problem.CHANGED_THERE)
    newest = {finding.account_id: finding for finding in asked.order_by("pk")}
    return list(newest.values())


def decide(findings: Iterable[Finding], *, put_it_right: bool) -> int:
    """Do what a person decided about these findings, where they still hold; how many did."""
    about = {finding.account_id: finding for finding in findings if finding.differences}
    decided: list[Finding] = []
    verdicts: list[Verdict] = []
    with transaction.atomic():
        for account in locked({"pk__in": [key for key in about if key]}):
            finding = about[account.pk]
            verdict = _decided(account, finding, put_it_right=put_it_right)
            if verdict is not None:
                verdicts.append(verdict)
                finding.outcome = verdict.outcome
                decided.append(finding)
        save(verdicts)
        Finding.objects.bulk_update(decided, ["outcome"])
    return len(decided)


def _decided(account: Account, finding: Finding, *, put_it_right: bool) -> Verdict | None:
    found: Differences = {path: (left, now) for path, (left, now) in finding.differences.items()}
    if account.remote_id != finding.remote_id or not at_rest(account, now=timezone.now()):
        return None
    if any(pair[0] != _left(account, path) for path, pair in found.items()):
        # It was changed here meanwhile, which says what should be there.
        return None
    verdict = Verdict(account, differences=found)
    if put_it_right:
        put_right(verdict, found)
    else:
        leave(verdict, account.seen)
    return verdict


def _left(account: Account, path: str) -> Value | None:
    if path == THERE:
        return True
    if path == ACTIVE:
        return account.state == State.ACTIVE
    value: Value | None = account.applied.get(path)
    return value


def locked(wanted: Mapping[str, Any], app: App | None = None) -> list[Account]:
    """The accounts, kept from being written by others until the transaction ends.

    With `app`, for a comparison: those that somebody is writing just now are left out.
    """
    rows = Account.objects.filter(**wanted)
    if app is not None:
        rows = rows.filter(app=app)
    rows = access.with_wanted(rows).order_by("pk")
    return list(rows.select_for_update(skip_locked=app is not None))


def storable(value: Value | None) -> Value | None:
    """A value from outside as a database takes it; an empty text is no value."""
    if isinstance(value, list):
        return sorted({kept for each in value if (kept := str(storable(each) or ""))}) or None
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode() or None
