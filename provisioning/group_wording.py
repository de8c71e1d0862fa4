"""The sentences about groups that the report and the pages show."""

from collections.abc import Sequence

from iam.text import capital, counted
from provisioning.effect_wording import differs
from provisioning.effects import LOOKS, Differing
from provisioning.models import App, GroupsToPush, MemberState, PushedGroup, PushedMember
from provisioning.plan import Change, Feature, Operation
from provisioning.wording import FEATURE_LABELS, changed, short

_ATTEMPTED: dict[Operation, str] = {
    Operation.CREATE_GROUP: "created",
    Operation.UPDATE_GROUP: "changed",
    Operation.DELETE_GROUP: "deleted",
    Operation.ADD_MEMBER: "added to the group",
    Operation.REMOVE_MEMBER: "taken out of the group",
    Operation.RESOLVE: "looked up",
}


def done(
    pushed: PushedGroup, operation: Operation, changes: Sequence[Change], different: Differing
) -> str:
    """What was done to the group itself."""
    app, name = pushed.app.name, pushed.name
    match operation:
        case Operation.CREATE_GROUP:
            return f"The group “{name}” was created in {app}."
        case Operation.UPDATE_GROUP:
            told = f"The group “{name}” was changed in {app}: {changed(changes)}."
            return f"{told} {differs(app, different)}".strip()
        case _:
            return f"The group “{name}” was deleted in {app}, because {_why_not(pushed)}."


def member_done(member: PushedMember, pushed: PushedGroup, operation: Operation) -> str:
    """What was done to one of its people."""
    app, name, who = pushed.app.name, pushed.name, _who(member)
    if operation is Operation.ADD_MEMBER:
        return f"{who} was added to the group “{name}” in {app}."
    return f"{who} was taken out of the group “{name}” in {app}."


def member_refused(member: PushedMember, pushed: PushedGroup, reason: str) -> str:
    what = "taken out of" if member.state == MemberState.REMOVING else "added to"
    return (
        f"{_who(member)} was not {what} the group “{pushed.name}” in {pushed.app.name}. {reason} "
        "Everybody else is in order. It is tried again once a day, and when the account changes."
    )


def member_unseen(member: PushedMember, pushed: PushedGroup) -> str:
    """The application said yes, and the group is shown as it was before."""
    app, who, times = pushed.app.name, _who(member), member.looks
    shows = "still shows" if member.state == MemberState.REMOVING else "still does not show"
    seen = f"{app} accepted it but {shows} {who} in the group “{pushed.name}”."
    if times < LOOKS:
        return f"{seen} Gatehouse sends it again soon."
    return (
        f"{seen} It was sent and looked at {times} times. Look at the group in {app}, and whether "
        "its members may be changed from outside. Everybody else is in order. It is tried again "
        "once a day, and when the account changes."
    )


def still_there(pushed: PushedGroup, *, times: int, trying: bool) -> str:
    app, name = pushed.app.name, pushed.name
    seen = f"{app} accepted the deletion of the group “{name}” but still shows it."
    if trying:
        return f"{seen} Gatehouse sends it again soon."
    return (
        f"{seen} It was sent and looked at {times} times. Delete the group in {app} itself, or ask "
        "its support whether groups may be deleted from outside. It is tried again once a day."
    )


def stuck(pushed: PushedGroup, count: int) -> str:
    people = counted(count, "person", "people")
    return (
        f"{pushed.app.name} did not add or take out {people} as it was asked. The list of members "
        "below says why. It is tried again once a day."
    )


def all_refused(pushed: PushedGroup, reason: str) -> str:
    return (
        f"{reason} {pushed.app.name} refused everybody of the last few who were sent, so the rest "
        "of the group waits. It is tried again tomorrow, or when you press “Push now”."
    )


def got_through(pushed: PushedGroup) -> str:
    return (
        f"The group “{pushed.name}” is in {pushed.app.name}: the earlier attempt, whose answer was "
        "lost, had worked."
    )


def adopted(pushed: PushedGroup, count: int | None) -> str:
    known = {None: "who is in it is not shown there", 0: "none of its members is known here"}
    members = counted(count or 0, "member is", "members are")
    return (
        f"{pushed.app.name} already had a group “{pushed.name}”. It was adopted; "
        f"{known.get(count, f'{members} known here')}. Members whom Gatehouse does not know stay "
        "in it."
    )


def taken_over(pushed: PushedGroup) -> str:
    return (
        f"The group “{pushed.name}” in {pushed.app.name} was left there when a former group of "
        "this name was deleted here. It belongs to the new one now."
    )


def removed_there(pushed: PushedGroup) -> str:
    return (
        f"Somebody removed the group “{pushed.name}” in {pushed.app.name} itself. Gatehouse "
        "creates it again, with all its people."
    )


def already_gone(pushed: PushedGroup) -> str:
    return f"{pushed.app.name} has no group “{pushed.name}” any more."


def let_go(pushed: PushedGroup) -> str:
    return (
        f"The group “{pushed.name}” stays in {pushed.app.name}, although {_why_not(pushed)}: it "
        "was there before Gatehouse and was adopted, so it is not deleted. Everybody whom "
        "Gatehouse kept in it was taken out."
    )


def kept(pushed: PushedGroup) -> str:
    return (
        f"The group “{pushed.name}” stays in {pushed.app.name} as it is: somebody decided so under "
        "Holds. It is asked again when somebody else is to be taken out."
    )


def switched_off(pushed: PushedGroup, feature: Feature, *, wanted: bool) -> str:
    app, label = pushed.app.name, FEATURE_LABELS[feature]
    where = f"Switch it on under Apps > {app} > Provisioning features if this should happen."
    if wanted:
        return f"“{label}” is switched off for {app}, so nothing was done. {where}"
    return (
        f"The group “{pushed.name}” is left in {app} as it is, although {_why_not(pushed)}, "
        f"because “{label}” is switched off. {where}"
    )


def failed(operation: Operation, reason: str) -> str:
    return f"Not {_ATTEMPTED[operation]}. {reason}"


def conflict_there(pushed: PushedGroup) -> str:
    app = pushed.app.name
    return (
        f"{app} already has a group “{pushed.name}”, which Gatehouse did not make. Switch on "
        f"“Adopt groups that are there already” under Apps > {app} to take it over, or rename or "
        "remove one of the two."
    )


def conflict_foreign(pushed: PushedGroup) -> str:
    return (
        f"{pushed.app.name} already has a group “{pushed.name}”, and another system manages it. "
        "Rename or remove one of the two."
    )


def conflict_with(pushed: PushedGroup, other: PushedGroup) -> str:
    return (
        f"{pushed.app.name} already has this group, and it is the one of “{other.name}” here. Give "
        "one of the two another name in the attribute that is mapped to the group's name."
    )


def conflict_several(pushed: PushedGroup, count: int) -> str:
    return (
        f"{count} groups in {pushed.app.name} match “{pushed.name}”. Rename or remove the extra "
        "ones there, then press “Push now” on this group."
    )


def hidden(pushed: PushedGroup) -> str:
    return (
        f"{pushed.app.name} says that the group “{pushed.name}” exists already, but does not show "
        "it. Look for it there, and rename or remove it."
    )


def id_is_taken(pushed: PushedGroup, remote_id: str) -> str:
    return (
        f"{pushed.app.name} answered with the id “{short(remote_id)}”, which is the id of another "
        f"group there. Look in {pushed.app.name} whether there is a group “{pushed.name}”. "
        "Gatehouse looks again tomorrow, or when you press “Push now”."
    )


def held(app: App, *, count: int, limit: int) -> str:
    """Why removals from groups wait; the same for every group that it concerns."""
    people = counted(count, "person", "people")
    return (
        f"{people} would be taken out of groups in {app} within 24 hours, and {limit or 'none'} "
        "may without anybody being asked. Nobody was taken out: decide under Holds. People are "
        "still added."
    )


def waits(pushed: PushedGroup) -> str:
    """What an operator is to do about a group that the guard holds."""
    who = counted(pushed.guard_people, "person waits", "people wait")
    return (
        f"{who} to be taken out of the group “{pushed.name}” in {pushed.app.name}. Decide under "
        "Holds. Nobody is taken out until then; people are still added."
    )


def why_held(pushed: PushedGroup, *, people: int, deletes: bool) -> str:
    who = counted(people, "person", "people")
    if deletes:
        return f"The group is to be deleted, because {_why_not(pushed)}. It has {who} in it."
    if pushed.group is None:
        return f"{who} would be taken out, because {_why_not(pushed)}."
    return f"{who} in it there should not be in it any more."


def scope(pushed: PushedGroup, *, wanted: bool) -> str:
    """Why the group is to be in the application, or not."""
    app, name = pushed.app, pushed.name
    if not wanted:
        return f"{capital(_why_not(pushed))}."
    if app.groups_to_push == GroupsToPush.CHOSEN:
        return f"The group “{name}” is one of those that were chosen for {app}."
    return f"The group “{name}” has a policy for {app}, which gets the groups of its policies."


def _why_not(pushed: PushedGroup) -> str:
    if pushed.group is None:
        return "the group was deleted here"
    return f"it is not among the groups to push to {pushed.app.name} any more"


def _who(member: PushedMember) -> str:
    account = member.account
    return account.user.full_name or account.identifier if account.user else account.identifier
