"""Works through the due groups of an app's lane: one step for each, then accounts come first again.

A step is one request: create, change or delete a group, or add or remove one portion of members.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.utils import timezone

from provisioning import (
    doubt,
    evidence,
    exchange,
    group_exchange,
    group_failures,
    group_guard,
    group_mapping,
    group_members,
    group_outcomes,
    group_queue,
    group_record,
    group_wording,
)
from provisioning.connectors.base import Connector, RemoteGroup
from provisioning.errors import Rejected
from provisioning.group_exchange import OF_MEMBERS, GroupAnswer, GroupJob
from provisioning.group_plan import People, plan_group
from provisioning.group_record import GroupResult
from provisioning.lanes import Lease, LeaseLost
from provisioning.masking import Masking
from provisioning.models import App, Mapping, MemberState, Origin, PushedGroup, PushedMember
from provisioning.plan import NOTHING, Feature, Operation
from provisioning.trouble import Trouble

# So many groups have one step each before accounts are looked at again.
_PORTION = 20
# A larger group is not read to see what became of a few of its members.
_SMALL = 1_000
# So many refused one after the other are not their own fault, but the group's.
_TOO_MANY_REFUSED = 20


@dataclass
class _Progress:
    """How far one group has come under one generation: what is behind is not looked at again."""

    generation: int
    # How many may be taken out still; None before the guard has looked, and while it holds them.
    allowed: int = 0
    held: bool = False
    judged: bool = False
    left_to: int = 0
    nobody_leaves: bool = False
    joined_to: int = 0
    nobody_is_missing: bool = False
    # Members in one request, where fewer than the application's limit; whether nobody knows yet
    # that it was for a single member's sake; how many were refused in a row.
    size: int = 0
    unexplained: bool = False
    refused: int = 0


@dataclass
class Groups:
    """The groups of one lane during one round of its owner."""

    app: App
    connector: Connector
    lease: Lease
    trouble: Trouble
    _rows: list[Mapping] = field(default_factory=list)
    _progress: dict[int, _Progress] = field(default_factory=dict)

    def work(self, app: App, connector: Connector) -> int:
        """One step for each of the groups that are due; how many there were."""
        self.app, self.connector = app, connector
        claimed = group_queue.claim(app, limit=1 if self.trouble.lane.paused_until else _PORTION)
        if not claimed:
            return 0
        self._rows = list(app.mappings.of_groups())
        for pushed in claimed:
            pushed.app = app
        self._judge(claimed)
        jobs = self._plan(claimed)
        self._send([job for job in jobs if not _looked_up_first(job)])
        self._send(self._look_up([job for job in jobs if _looked_up_first(job)]))
        return len(claimed)

    # ------------------------------------------------------------------------------- planning

    def _judge(self, claimed: list[PushedGroup]) -> None:
        """Ask the guard about those that may lose somebody and were not asked about yet."""
        for pushed in claimed:
            known = self._progress.get(pushed.pk)
            if known is None or known.generation != pushed.generation:
                self._progress[pushed.pk] = _Progress(pushed.generation)
        new = [
            pushed
            for pushed in claimed
            if pushed.remote_id is not None and not self._progress[pushed.pk].judged
        ]
        if not new:
            return
        for pushed in new:
            group_members.drop_pointless(pushed)
        for pk, allowed in group_guard.judge(new, app=self.app, lease=self.lease).items():
            progress = self._progress[pk]
            progress.judged, progress.held, progress.allowed = True, allowed is None, allowed or 0

    def _plan(self, claimed: list[PushedGroup]) -> list[GroupJob]:
        """The jobs with something to send; all others are recorded as they are."""
        jobs: list[GroupJob] = []
        results: list[GroupResult] = []
        masking = evidence.masking(self._rows)
        for pushed in claimed:
            job = _bare(pushed, masking)
            try:
                job = self._planned(job)
            except Rejected as error:
                results.append(group_failures.park(job, error, str(error), seconds=0))
                continue
            if job.action.operation is Operation.NOTHING:
                looked_at = pushed.remote_id is None or self._progress[pushed.pk].judged
                results.append(
                    group_outcomes.settled(job) if looked_at else group_outcomes.again(job)
                )
                if looked_at:
                    # At its next look, everybody may be due anew.
                    self._progress.pop(pushed.pk)
            else:
                jobs.append(job)
        self._save(results)
        return jobs

    def _planned(self, job: GroupJob) -> GroupJob:
        pushed, progress = job.pushed, self._progress[job.pushed.pk]
        desired: group_mapping.Desired = {}
        if job.wanted and pushed.group is not None:
            pushed.name, pushed.name_key = pushed.group.name, pushed.group.name_key
            desired = group_mapping.render(
                self._rows,
                pushed.group,
                kind=self.app.kind,
                app=self.app.name,
                creating=pushed.remote_id is None,
            )
            job.kept.masking = job.kept.masking.knowing(desired, pushed.applied)
        leaving = self._leaving(job)
        missing = [] if leaving else self._missing(job)
        action = plan_group(
            pushed.recorded,
            wanted=job.wanted,
            desired=desired,
            people=People(bool(missing), bool(leaving), held=progress.held),
            features=self.app.rules.features,
        )
        members = {
            Operation.REMOVE_MEMBER: leaving,
            Operation.ADD_MEMBER: missing,
        }.get(action.operation, [])
        small = bool(members) and not pushed.members.all()[_SMALL : _SMALL + 1].exists()
        return replace(job, action=action, desired=desired, members=members, is_small=small)

    def _leaving(self, job: GroupJob) -> list[PushedMember]:
        """The next portion of those who are to be taken out and may be."""
        pushed, progress = job.pushed, self._progress[job.pushed.pk]
        if pushed.remote_id is None or progress.nobody_leaves or _is_deleted_whole(job):
            return []
        rows = group_members.next_leaving(
            pushed,
            after=progress.left_to,
            now=job.claimed_at,
            limit=self._size(progress),
            may_lose=not progress.held,
        )
        progress.nobody_leaves = not rows
        sends = Feature.GROUP_MEMBERS in self.app.rules.features
        return _as_judged(rows, progress) if sends else rows

    def _missing(self, job: GroupJob) -> list[PushedMember]:
        """The next portion of those who are to be added: who was refused before comes last."""
        pushed, progress = job.pushed, self._progress[job.pushed.pk]
        if pushed.remote_id is None or not job.wanted:
            return []
        limit = self._size(progress)
        accounts = []
        if not progress.nobody_is_missing:
            accounts = group_members.missing(pushed, after=progress.joined_to, limit=limit)
            progress.nobody_is_missing = not accounts
        if not accounts:
            accounts = group_members.refused(pushed, now=job.claimed_at, limit=limit)
        return group_members.rows_of(pushed, accounts)

    def _size(self, progress: _Progress) -> int:
        return progress.size or max(1, self.connector.members_at_once)

    # ------------------------------------------------------------------------------ looking up

    def _look_up(self, jobs: list[GroupJob]) -> list[GroupJob]:
        """Link what is there already; the jobs whose group is certainly absent remain."""
        absent: list[GroupJob] = []
        for answer in self._each(group_exchange.look_up, jobs):
            self.lease.renew()
            if answer.error is not None:
                self._save([self._failed(answer)])
            elif answer.found:
                self._link(answer.job, list(answer.found))
            elif answer.job.action.operation is Operation.RESOLVE:
                self._save([group_outcomes.never_got_through(answer.job)])
            else:
                absent.append(answer.job)
        return absent

    def _link(self, job: GroupJob, hits: list[RemoteGroup]) -> None:
        """Adopt one exact hit that nobody owns; everything else is a conflict for a person."""
        pushed, hit = job.pushed, hits[0]
        owner = group_outcomes.owner(pushed, hit.remote_id)
        ours = _made_by_us(job, hit)
        orphan = owner is not None and owner.group_id is None
        if job.action.operation is Operation.RESOLVE and not ours:
            self._save([group_outcomes.never_got_through(job)])
        elif message := _conflict(job, hits, owner=None if orphan else owner, ours=ours or orphan):
            self._save([group_outcomes.conflict(job, message)])
        else:
            for answer in self._each(group_exchange.reading(hit.remote_id), [job]):
                if answer.there is None:
                    self._save([self._failed(answer)])
                else:
                    former = owner if orphan else None
                    there = answer.there
                    self._save([group_outcomes.found(job, there, ours=ours, former=former)])

    # ---------------------------------------------------------------------------------- sending

    def _send(self, jobs: list[GroupJob]) -> None:
        if not jobs or self.trouble.resting.is_set():
            return
        for job in jobs:
            identifying = self.app.kind.required_group_targets
            job.pushed.intent = group_exchange.sending(job, identifying)
            for member in job.members:
                removing = job.action.operation is Operation.REMOVE_MEMBER
                group_members.about_to(
                    member, MemberState.REMOVING if removing else MemberState.ADDING
                )
        group_record.save_intents([(job.pushed, job.members) for job in jobs], self.lease)
        lost: LeaseLost | None = None
        for answer in self._each(group_exchange.write, jobs):
            if isinstance(answer.error, LeaseLost):
                # Too late to send more, but perhaps not to record what was answered before.
                lost = answer.error
            else:
                self._save([self._result(answer)])
        if lost is not None:
            raise lost

    def _result(self, answer: GroupAnswer) -> GroupResult:
        progress = self._progress[answer.job.pushed.pk]
        if answer.job.action.operation in OF_MEMBERS:
            if isinstance(answer.error, Rejected):
                return self._portion_refused(answer, progress, answer.error)
            if answer.error is None:
                self._went_through(answer.job, progress)
        if answer.throttled is not None:
            self.trouble.rest(answer.throttled)
        return self._failed(answer) if answer.error else group_outcomes.done(answer)

    def _went_through(self, job: GroupJob, progress: _Progress) -> None:
        _step_over(job, progress)
        progress.refused = 0
        if progress.size and not progress.unexplained:
            doubled = progress.size * 2
            progress.size = 0 if doubled >= self.connector.members_at_once else doubled

    def _portion_refused(
        self, answer: GroupAnswer, progress: _Progress, error: Rejected
    ) -> GroupResult:
        """Halve it until the one is found that is refused, or a size that is not too large."""
        job = answer.job
        if len(job.members) > 1:
            progress.size, progress.unexplained = len(job.members) // 2, True
            return group_outcomes.again(job)
        _step_over(job, progress)
        progress.unexplained, progress.refused = False, progress.refused + 1
        if progress.refused >= _TOO_MANY_REFUSED:
            reason = group_wording.all_refused(job.pushed, str(error))
            return group_failures.park(job, error, reason, seconds=answer.seconds)
        return group_failures.refused(job, error, seconds=answer.seconds)

    def _failed(self, answer: GroupAnswer) -> GroupResult:
        error, told = self.trouble.judged(answer, app=self.app)
        return group_failures.failed(answer.job, error, seconds=answer.seconds, told=told)

    def _each(
        self, step: Callable[[Connector, GroupJob], GroupAnswer], jobs: list[GroupJob]
    ) -> Iterator[GroupAnswer]:
        return exchange.each(
            step,
            self.connector,
            jobs,
            at_once=self.app.at_once,
            resting=self.trouble.resting,
            ends=self.trouble.ends,
        )

    def _save(self, results: Iterable[GroupResult]) -> None:
        results = list(results)
        if results:
            self.lease.renew()
            group_record.save(results, lease=self.lease)
            for result in results:
                if "remote_id" in result.fields:
                    # Another group there, with nobody in it as far as we know.
                    self._progress.pop(result.pushed.pk, None)
            self.trouble.note(results)


def _looked_up_first(job: GroupJob) -> bool:
    operation, is_linked = job.action.operation, job.pushed.remote_id is not None
    return operation is Operation.CREATE_GROUP or (operation is Operation.RESOLVE and not is_linked)


def _bare(pushed: PushedGroup, masking: Masking) -> GroupJob:
    why = group_wording.scope(pushed, wanted=pushed.wanted)
    scope = {"wanted": pushed.wanted, "ways": [], "others": 0, "why": why}
    kept = evidence.Kept(masking, scope)
    now = timezone.now()
    return GroupJob(
        pushed, pushed.wanted, NOTHING, {}, claimed_at=now, doubt=pushed.intent, kept=kept
    )


def _is_deleted_whole(job: GroupJob) -> bool:
    """Nobody is taken out of a group of ours before it goes."""
    return not job.wanted and job.pushed.origin == Origin.CREATED


def _as_judged(rows: list[PushedMember], progress: _Progress) -> list[PushedMember]:
    """No more than the guard has allowed; who lost the account anyway does not count."""
    allowed: list[PushedMember] = []
    for row in rows:
        if group_members.is_losing(row):
            if not progress.allowed:
                # Somebody more than there were when it looked: it looks again.
                progress.judged = False
                break
            progress.allowed -= 1
        allowed.append(row)
    return allowed


def _step_over(job: GroupJob, progress: _Progress) -> None:
    """The portion is behind us, whatever came of each."""
    if job.action.operation is Operation.REMOVE_MEMBER:
        progress.left_to = max(member.pk for member in job.members)
    elif not progress.nobody_is_missing:
        progress.joined_to = max(member.account_id for member in job.members)


def _made_by_us(job: GroupJob, hit: RemoteGroup) -> bool:
    if hit.external_id:
        return hit.external_id == str(job.pushed.external_id)
    # The intent of a create is committed only after a look-up found nothing.
    return Operation.CREATE_GROUP in doubt.operations(job.doubt)


def _conflict(
    job: GroupJob, hits: list[RemoteGroup], *, owner: PushedGroup | None, ours: bool
) -> str:
    """Why the group that is there cannot be linked, if it cannot."""
    pushed = job.pushed
    if len(hits) > 1:
        return group_wording.conflict_several(pushed, len(hits))
    if owner is not None:
        return group_wording.conflict_with(pushed, owner)
    if ours:
        return ""
    if hits[0].external_id:
        return group_wording.conflict_foreign(pushed)
    return "" if pushed.app.adopt_groups else group_wording.conflict_there(pushed)
