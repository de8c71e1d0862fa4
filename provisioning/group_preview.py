"""What would be done now to the groups of an app, by the plan that the worker goes by."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils import timezone

from iam import batches
from provisioning import access, group_guard, group_mapping, group_members, wording
from provisioning.errors import Rejected
from provisioning.group_plan import People, plan_group
from provisioning.models import App, GroupGuard, Mapping, PushedGroup
from provisioning.plan import NOTHING, Action, Operation

_BATCH = 200


@dataclass(frozen=True)
class GroupStep:
    """What would happen to one group there next, and how many people it would gain and lose.

    `refused` is why it cannot be sent; `held` says that it waits for a decision, or would.
    """

    pushed: PushedGroup
    action: Action = NOTHING
    joining: int = 0
    leaving: int = 0
    refused: str = ""
    held: bool = False

    @property
    def kind(self) -> str:
        """By what steps are counted, as those of accounts are."""
        if self.refused:
            return "refused"
        if self.held:
            return "held"
        return "switched_off" if self.action.skipped else self.action.operation.value


@dataclass
class GroupSummary:
    """How many groups there are of each kind of step, and the first ones."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[GroupStep] = field(default_factory=list)


def due(app: App) -> QuerySet[PushedGroup]:
    """What a worker would take up now, once no account is due."""
    return PushedGroup.objects.filter(app=app, due_at__lte=timezone.now())


def summary(app: App, groups: QuerySet[PushedGroup], *, rows: int) -> GroupSummary:
    """These groups counted, with so many of those for which there is something to do."""
    found = GroupSummary()
    for step in steps(app, groups):
        found.counts[step.kind] += 1
        if step.kind != Operation.NOTHING and len(found.first) < rows:
            found.first.append(step)
    return found


def steps(app: App, groups: QuerySet[PushedGroup]) -> Iterator[GroupStep]:
    """The next step of each of these groups, read in batches. Nothing is written or sent."""
    rows = list(app.mappings.of_groups())
    too_many = group_guard.would_hold(app)
    chosen = access.with_wanted_groups(groups).select_related("group")
    for batch in batches.by_key(chosen, _BATCH):
        joining, leaving = group_members.changes(batch)
        for pushed in batch:
            pushed.app = app
            yield _step(
                pushed, rows, joining.get(pushed.pk, 0), leaving.get(pushed.pk, 0), too_many
            )


def _step(
    pushed: PushedGroup, rows: Sequence[Mapping], joining: int, leaving: int, too_many: bool
) -> GroupStep:
    stays = pushed.guard in {GroupGuard.HELD, GroupGuard.KEPT}
    desired: group_mapping.Desired = {}
    try:
        if pushed.wanted and pushed.group is not None:
            pushed.name = pushed.group.name
            desired = group_mapping.render(
                rows,
                pushed.group,
                kind=pushed.app.kind,
                app=pushed.app.name,
                creating=pushed.remote_id is None,
            )
    except Rejected as error:
        return GroupStep(pushed, refused=str(error))
    action = plan_group(
        pushed.recorded,
        wanted=pushed.wanted,
        desired=desired,
        people=People(bool(joining), bool(leaving) and not stays, held=stays),
        features=pushed.app.rules.features,
    )
    removes = leaving > 0 or action.operation is Operation.DELETE_GROUP
    held = pushed.guard == GroupGuard.HELD or (too_many and not pushed.guard and removes)
    return GroupStep(pushed, action, joining, leaving, held=held)


def in_words(step: GroupStep) -> str:
    """What would be done next, before anything is."""
    if step.refused:
        return f"Nothing can be sent. {step.refused}"
    told = [_itself(step), _members(step)]
    if step.held:
        told.append("It waits under Holds until somebody decides, as too many would go at once.")
    return " ".join(sentence for sentence in told if sentence)


def _itself(step: GroupStep) -> str:
    app, name, action = step.pushed.app.name, step.pushed.name, step.action
    match action.operation:
        case Operation.CREATE_GROUP:
            return (
                f"A group “{name}” would be created in {app}, or the one that is there already "
                "would be adopted."
            )
        case Operation.UPDATE_GROUP:
            return (
                f"The group “{name}” would be changed in {app}: {wording.changed(action.changes)}."
            )
        case Operation.DELETE_GROUP:
            return f"The group “{name}” would be deleted in {app}."
        case Operation.RESOLVE:
            return f"{app} would be asked what became of the group “{name}”."
    if action.skipped is not None:
        label = wording.FEATURE_LABELS[action.skipped]
        return f"The group “{name}” stays as it is in {app}, as “{label}” is switched off."
    return ""


def _members(step: GroupStep) -> str:
    if step.action.operation in {Operation.DELETE_GROUP, Operation.RESOLVE} or step.action.skipped:
        return ""
    parts = [
        f"{count:,} {'person' if count == 1 else 'people'} would be {what}"
        for count, what in ((step.joining, "added to it"), (step.leaving, "taken out of it"))
        if count
    ]
    return f"{' and '.join(parts)}." if parts else ""
