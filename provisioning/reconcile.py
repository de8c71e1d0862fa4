"""Compares every account of an app with the app itself, page by page, and goes on where it ended.

It only reads there. What is found is recorded, and put right by the ordinary push.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from iam import actor
from provisioning import comparison_wording, connections, drift, evidence, guard, mapping, wording
from provisioning.connectors.base import Connector, RemoteAccount
from provisioning.drift import VANISHED, Verdict
from provisioning.errors import ConnectorError, NotFound, Rejected
from provisioning.heartbeat import new_name
from provisioning.listing import Walk
from provisioning.models import Account, App, Apply, Event, Finding, Run, Sighting
from provisioning.models import Mapping as Row

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
# Accounts that were not listed are asked for one by one; so many, or for so many seconds, are
# recorded together.
_ASK = 20
_ASK_FOR = 20.0
_ACT = 100
_LONGEST_ID = 500
# Older comparisons of an app are forgotten.
KEPT = 10

Stopped = Callable[[], bool]
Told = Callable[[Run], None]


class _Lost(Exception):
    """Somebody else is at this comparison by now, or its app was deleted."""


def start(app: App, *, dry: bool = False, actor: str = "") -> Run:
    """A new comparison, or the one that has not ended yet. `work` carries it out."""
    fresh = {"dry": dry, "actor": actor, "started_at": timezone.now()}
    return Run.objects.get_or_create(app=app, ended_at=None, defaults=fresh)[0]


def free(now: datetime) -> Q:
    """Whether nobody is at a comparison."""
    return Q(lease_until=None) | Q(lease_until__lt=now)


def work(run: Run, *, stopped: Stopped = lambda: False, told: Told = lambda run: None) -> Run:
    """Go on with a comparison until it has ended or `stopped`; `told` is called after each step.

    Returns at once if somebody else is at it. What is done is committed with each page, so that
    it can go on from there after whatever ended it.
    """
    owner = new_name()
    now = timezone.now()
    ours = Run.objects.filter(free(now), pk=run.pk, ended_at=None)
    if ours.update(owner=owner, lease_until=now + LEASE):
        try:
            with actor.acting_as(run.actor):
                _work(Run.objects.select_related("app").get(pk=run.pk, owner=owner), stopped, told)
        except (_Lost, Run.DoesNotExist):
            pass
        finally:
            Run.objects.filter(pk=run.pk, owner=owner).update(owner="", lease_until=None)
    return Run.objects.select_related("app").filter(pk=run.pk).first() or run


def _work(run: Run, stopped: Stopped, told: Told) -> None:
    comparison = _Comparison(run)
    try:
        with closing(connections.connector(run.app)) as connector:
            asking = connector.asking(lambda: None, learned=connections.learned(run.app))
            try:
                while not stopped() and comparison.step(asking):
                    told(run)
            finally:
                connections.remember(run.app, asking.lessons)
    except ConnectorError as error:
        comparison.fail(str(error))
    except (_Lost, InterfaceError, OperationalError):
        # Whoever takes it up next goes on from what was committed.
        raise
    except Exception:
        logger.exception("The comparison of %s met something unexpected", run.app)
        comparison.fail("Gatehouse itself failed. Its log says more.")
    told(run)


@dataclass
class _Comparison:
    """One comparison in the hands of its owner.

    `run.position` says where it is: {"phase", "walk", "connection", "after", "known"}, and
    "passed", how many could not be compared because they were being changed.
    """

    run: Run
    app: App = field(init=False)
    rows: list[Row] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = self.run.app

    def step(self, connector: Connector) -> bool:
        """One page, or one handful of accounts; whether there is more to do."""
        self._refresh()
        position = self.run.position
        connection = connections.fingerprint(self.app)
        if position.setdefault("connection", connection) != connection:
            self.fail(f"The connection of {self.app} was changed meanwhile. Compare once more.")
            return False
        match position.setdefault("phase", "list"):
            case "list":
                self._list(connector)
            case "ask":
                self._ask(connector)
            case _:
                self._act()
        return self.run.ended_at is None

    def fail(self, reason: str) -> None:
        """End before everything was seen."""
        self.run.position["failed"] = True
        with transaction.atomic():
            self._own()
            self._end(complete=False, message=reason)

    def _refresh(self) -> None:
        """Go by what the app is set to now."""
        app = App.objects.filter(pk=self.run.app_id).first()
        if app is None:
            raise _Lost
        self.app = app
        self.rows = list(app.mappings.of_people())
        self.masking = evidence.masking(self.rows)
        # What was filled in when the account was created is theirs since.
        targets = [row.target for row in self.rows if row.apply == Apply.ALWAYS]
        self.shown, self.hidden = drift.compared(app.kind, targets)

    @property
    def _targets(self) -> list[str]:
        return [*self.shown, self.app.kind.required_targets[0]]

    # ---------------------------------------------------------------------------- the listing

    def _list(self, connector: Connector) -> None:
        walk = Walk.stored(self.run.position.get("walk"))
        began = timezone.now()
        page = connector.list_accounts(self._targets, position=walk.next)
        there = {_key(account.remote_id): account for account in page.accounts}
        with transaction.atomic():
            self._own()
            sightings = Sighting.objects.filter(run=self.run, remote_id__in=there)
            for seen in sightings.values_list("remote_id", flat=True):
                del there[seen]
            Sighting.objects.bulk_create(Sighting(run=self.run, remote_id=key) for key in there)
            self._compare(there, began)
            walk.page(
                returned=page.returned,
                new=len(there),
                total=page.total,
                next_page=page.next,
                cursor=page.cursor,
            )
            self.run.listed += len(there)
            self.run.expected = walk.total
            self.run.position["walk"] = walk.stores
            if walk.ended:
                self._listed(walk)
            self._store()

    def _listed(self, walk: Walk) -> None:
        """All pages have come: what follows depends on whether that was everything."""
        if not walk.proven:
            self._end(complete=False, message=comparison_wording.not_proven(self.app, walk.doubt))
            return
        known = Account.objects.filter(app=self.app, remote_id__isnull=False).count()
        self.run.position |= {"phase": "ask", "after": 0, "known": known}

    def _compare(self, there: Mapping[str, RemoteAccount], began: datetime) -> None:
        ours = Account.objects.filter(app=self.app, remote_id__in=list(there))
        known = set(ours.values_list("remote_id", flat=True))
        accounts = drift.locked({"remote_id__in": list(known)}, self.app)
        steady = self._steady(accounts, began)
        left_alone = mapping.left_alone(self.rows, steady, app=self.app)
        verdicts = []
        for account in steady:
            targets = [each for each in self.shown if each not in left_alone.get(account.pk, ())]
            differences = drift.differences(account, there[str(account.remote_id)], targets=targets)
            verdicts.append(self._judge(account, differences))
        passed = self.run.position.get("passed", 0) + len(known) - len(steady)
        self.run.position["passed"] = passed
        strangers = [found for key, found in there.items() if key not in known]
        findings = [self._finding(verdict) for verdict in verdicts if verdict.message]
        findings += [self._stranger(found) for found in strangers]
        drift.save(verdicts)
        self._record(findings)
        self.run.same += sum(not verdict.message for verdict in verdicts)
        self.run.changed += sum(bool(verdict.message) for verdict in verdicts)
        self.run.unknown += len(strangers)

    def _steady(self, accounts: Iterable[Account], began: datetime) -> list[Account]:
        """Those of which what was recorded is what was there when the application was asked."""
        now = timezone.now()
        events = Event.objects.filter(app=self.app, at__gte=began)
        written = set(events.order_by().values_list("identifier", flat=True))
        steady = [
            account
            for account in accounts
            if account.identifier not in written and drift.at_rest(account, now=now)
        ]
        for account in steady:
            account.app = self.app
        return steady

    def _judge(self, account: Account, differences: drift.Differences) -> Verdict:
        return drift.judge(
            account,
            differences,
            setting=self.app.drift,
            masking=self.masking,
            dry=self.run.dry,
        )

    # --------------------------------------------------------------------- what was not listed

    def _ask(self, connector: Connector) -> None:
        """Ask for some of those that the list lacked; only “there is none” counts as missing."""
        position = self.run.position
        unlisted = Exists(Sighting.objects.filter(run=self.run, remote_id=OuterRef("remote_id")))
        missing = Account.objects.filter(~unlisted, app=self.app, remote_id__isnull=False)
        most = _ACT if self._no_more_questions else _ASK
        some = list(missing.filter(pk__gt=position["after"]).order_by("pk")[:most])
        if not some:
            self._asked()
            return
        began, until = timezone.now(), time.monotonic() + _ASK_FOR
        there: dict[str, RemoteAccount] = {}
        vanished: list[str] = []
        for account in some:
            if time.monotonic() > until:
                break
            position["after"], remote_id = account.pk, str(account.remote_id)
            if self._no_more_questions:
                vanished.append(remote_id)
                continue
            try:
                there[remote_id] = connector.get(remote_id, self._targets)
            except NotFound:
                vanished.append(remote_id)
            except Rejected:
                # Nobody knows whether it is there.
                continue
        with transaction.atomic():
            self._own()
            self._compare(there, began)
            self._miss(vanished, began)
            self._store()

    @property
    def _no_more_questions(self) -> bool:
        """So many are missing, or all of them, that nothing will be done about it anyway."""
        return not self.run.listed or self.run.missing > guard.limit(self.app)

    def _miss(self, remote_ids: list[str], began: datetime) -> None:
        """Write down who is missing. What is done about it is decided when all are known."""
        accounts = drift.locked({"remote_id__in": remote_ids}, self.app)
        verdicts = [
            drift.judge(account, VANISHED, setting=self.app.drift, masking=self.masking, dry=True)
            for account in self._steady(accounts, began)
        ]
        findings = [self._finding(verdict) for verdict in verdicts if verdict.message]
        self._record(findings)
        self.run.missing += len(findings)

    def _asked(self) -> None:
        position = self.run.position
        with transaction.atomic():
            self._own()
            if self.run.missing and not self.run.listed:
                message = comparison_wording.nothing_listed(self.app, known=position["known"])
                self._end(complete=True, message=message)
            elif self.run.missing > (limit := guard.limit(self.app)):
                self._end(
                    complete=True,
                    message=comparison_wording.too_many_missing(self.app, limit=limit),
                )
            elif self.run.dry or not self.run.missing:
                self._end(complete=True)
            else:
                self.run.position |= {"phase": "act", "after": 0}
                self._store()

    def _act(self) -> None:
        """Do what the app's setting says about some of those that are missing."""
        position = self.run.position
        with transaction.atomic():
            self._own()
            missing = self.run.findings.filter(kind=Finding.Kind.MISSING, pk__gt=position["after"])
            some = {finding.remote_id: finding for finding in missing.order_by("pk")[:_ACT]}
            if not some:
                self._end(complete=True)
                return
            now = timezone.now()
            accounts = drift.locked({"remote_id__in": list(some)}, self.app)
            resting = [account for account in accounts if drift.at_rest(account, now=now)]
            verdicts = []
            for account in resting:
                account.app, finding = self.app, some[str(account.remote_id)]
                verdict = self._judge(account, VANISHED)
                finding.outcome, finding.message = verdict.outcome, verdict.message
                verdicts.append(verdict)
            drift.save(verdicts)
            Finding.objects.bulk_update(some.values(), ["outcome", "message"])
            position["after"] = max(finding.pk for finding in some.values())
            self._store()

    # ------------------------------------------------------------------------------- recording

    def _finding(self, verdict: Verdict) -> Finding:
        account = verdict.account
        return Finding(
            run=self.run,
            kind=verdict.kind,
            account=account,
            identifier=account.identifier,
            # The row may have let go of it just now.
            remote_id=verdict.remote_id,
            message=verdict.message,
            outcome=verdict.outcome,
            differences=verdict.differences,
        )

    def _stranger(self, found: RemoteAccount) -> Finding:
        name = drift.storable(found.values.get(self.app.kind.required_targets[0]))
        name = str(wording.short(name if name is not None else found.remote_id))
        return Finding(
            run=self.run,
            kind=Finding.Kind.UNKNOWN,
            identifier=name,
            remote_id=_key(found.remote_id),
            message=comparison_wording.unknown_there(self.app, name),
        )

    def _record(self, findings: list[Finding]) -> None:
        # Whatever was found before an interruption is there already.
        Finding.objects.bulk_create(findings, ignore_conflicts=True)

    def _own(self) -> None:
        """Lock the row. Raises _Lost if it is somebody else's by now."""
        ours = Run.objects.filter(pk=self.run.pk, owner=self.run.owner, ended_at=None)
        if not ours.select_for_update().exists():
            raise _Lost

    def _store(self) -> None:
        if self.run.ended_at is None:
            self.run.lease_until = timezone.now() + LEASE
            self.run.save()

    def _end(self, *, complete: bool, message: str = "") -> None:
        notes = [message] if message else []
        if self.hidden:
            notes.append(comparison_wording.not_compared(self.app, self.hidden))
        if self.run.position.get("passed"):
            notes.append(comparison_wording.passed_over(self.run.position["passed"]))
        self.run.ended_at, self.run.complete = timezone.now(), complete
        self.run.message = " ".join(notes)
        self.run.owner, self.run.lease_until = "", None
        self.run.save()
        Sighting.objects.filter(run=self.run).delete()
        older = Run.objects.filter(app=self.run.app_id).order_by("-started_at", "-pk")[KEPT:]
        Run.objects.filter(pk__in=list(older.values_list("pk", flat=True))).delete()


def needs_a_person(run: Run) -> bool:
    """Whether something was found that nobody has decided about."""
    waits = Q(outcome=Finding.Outcome.ASKED)
    waits |= Q(outcome=Finding.Outcome.LISTED) & ~Q(kind=Finding.Kind.UNKNOWN)
    return run.findings.filter(waits).exists()


def _key(remote_id: str) -> str:
    """The id as it is written down; one that no database takes can be nobody's we know."""
    if len(remote_id) <= _LONGEST_ID and drift.storable(remote_id) == remote_id:
        return remote_id
    return f"sha256:{hashlib.sha256(remote_id.encode('utf-8', 'replace')).hexdigest()}"
