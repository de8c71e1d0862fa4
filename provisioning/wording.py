"""The sentences that the report and the account pages show."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from iam.text import capital, counted
from provisioning.models import Account, App
from provisioning.plan import Change, Feature, Operation, State, Value

FEATURE_LABELS: dict[Feature, str] = {
    Feature.CREATE_USERS: "Create users",
    Feature.UPDATE_USERS: "Update users",
    Feature.DEACTIVATE_USERS: "Deactivate users",
    Feature.DELETE_USERS: "Delete users",
    Feature.CREATE_GROUPS: "Create group",
    Feature.UPDATE_GROUPS: "Update group",
    Feature.DELETE_GROUPS: "Delete group",
    Feature.GROUP_MEMBERS: "Group membership",
}
FEATURE_HELP: dict[Feature, str] = {
    Feature.CREATE_USERS: "An account appears when a person gets access.",
    Feature.UPDATE_USERS: "Changes of a person's attributes are passed on.",
    Feature.DEACTIVATE_USERS: "The account is switched off when access ends. It can be undone.",
    Feature.DELETE_USERS: "The account is deleted when access has ended. It cannot be undone.",
    Feature.CREATE_GROUPS: "A group appears there when it is among the groups to push.",
    Feature.UPDATE_GROUPS: "A new name or description is passed on; it stays the same group there.",
    Feature.DELETE_GROUPS: "A group that Gatehouse made is deleted there when it is not pushed any "
    "more. It cannot be undone.",
    Feature.GROUP_MEMBERS: "People are added to the group there and taken out of it, once they "
    "have an account.",
}
_ATTEMPTED: dict[Operation, str] = {
    Operation.CREATE: "created",
    Operation.ADOPT: "adopted",
    Operation.UPDATE: "updated",
    Operation.DEACTIVATE: "deactivated",
    Operation.REACTIVATE: "reactivated",
    Operation.DELETE: "deleted",
    Operation.RESOLVE: "looked up",
}


def done(account: Account, operation: Operation, changes: Sequence[Change], *, why: str) -> str:
    """What was done, for an operation that succeeded."""
    app, name = account.app.name, account.identifier
    match operation:
        case Operation.CREATE:
            return f"The account “{name}” was created in {app}."
        case Operation.UPDATE:
            return f"Changed in {app}: {changed(changes)}."
        case Operation.REACTIVATE:
            return f"The account “{name}” was switched on again in {app}."
        case Operation.DEACTIVATE:
            return f"The account “{name}” was switched off in {app}, because {why}."
        case Operation.DELETE:
            return f"The account “{name}” was deleted in {app}, because {why}."
        case _:
            return f"The account “{name}” was looked up in {app}."


def adopted(account: Account) -> str:
    return (
        f"{account.app.name} already had an account “{account.identifier}”. It was adopted, so "
        "that this person does not get a second one."
    )


def got_through(account: Account) -> str:
    return (
        f"The account “{account.identifier}” is in {account.app.name}: the earlier attempt, whose "
        "answer was lost, had worked."
    )


def deletion_got_through(account: Account) -> str:
    return (
        f"The account “{account.identifier}” was deleted in {account.app.name}: the earlier "
        "attempt, whose answer was lost, had worked. The person is to have one again, so a new "
        "one is made."
    )


def not_answering(app: App, reason: str) -> str:
    return (
        f"{reason} This has happened several times in a row, so Gatehouse asks {app.name} only now "
        "and then, with one account, until it answers again."
    )


def already_gone(account: Account) -> str:
    return f"{account.app.name} has no account “{account.identifier}” any more."


def removed_there(account: Account) -> str:
    return (
        f"Somebody removed the account “{account.identifier}” in {account.app.name} itself. "
        "Gatehouse creates it again."
    )


def failed(operation: Operation, reason: str) -> str:
    return f"Not {_ATTEMPTED[operation]}. {reason}"


def switched_off(account: Account, feature: Feature) -> str:
    app = account.app.name
    return (
        f"“{FEATURE_LABELS[feature]}” is switched off for {app}, so nothing was done. Switch it on "
        f"under Apps > {app} > Provisioning features if this should happen."
    )


def conflict_with(account: Account, other: Account) -> str:
    return (
        f"{account.app.name} already has this account, and it belongs to {other.user}. Two people "
        "cannot share one account: give one of them another value in the attribute that is mapped "
        "to the user name."
    )


def value_is_taken(account: Account) -> str:
    return (
        f"{account.app.name} has another account with a value that was made unique for this one. "
        "Gatehouse tries the next one."
    )


def conflict_foreign(account: Account) -> str:
    return (
        f"{account.app.name} already has an account “{account.identifier}”, and another system "
        "manages it. Remove it there or change this person's user name."
    )


def conflict_several(account: Account, count: int) -> str:
    return (
        f"{count} accounts in {account.app.name} match “{account.identifier}”. Merge or remove the "
        "extra ones there, then press “Push now” on this account."
    )


def id_is_taken(account: Account, remote_id: str) -> str:
    return (
        f"{account.app.name} answered with the id “{short(remote_id)}”, which is the id of another "
        f"account there. Look in {account.app.name} whether there is an account for "
        "this person. Gatehouse looks again tomorrow, or when you press “Push now”."
    )


def no_access(account: Account) -> str:
    """Why the person should not have the account."""
    if account.user is None:
        return "the person was deleted"
    if not account.user.is_active:
        return "the person was switched off"
    return f"no group of theirs has a policy for {account.app.name} any more"


def held(app: App, *, count: int, limit: int) -> str:
    """Why a removal waits; the same for everybody it concerns."""
    accounts = counted(count, "account")
    return (
        f"{accounts} in {app} would lose access within 24 hours, and {limit or 'none'} may without "
        "anybody being asked. Nothing was done: decide under Holds who may lose access and who "
        "keeps the account."
    )


def kept(account: Account) -> str:
    """What a decision to keep an account means."""
    app = account.app.name
    if account.state == State.ACTIVE:
        what = f"The account “{account.identifier}” stays in {app}"
    else:
        what = f"The account “{account.identifier}” is not deleted in {app} and stays switched off"
    return f"{what}, although {no_access(account)}: somebody decided so under Holds."


def linked(account: Account, remote_id: str) -> str:
    """A person chose which account there is whose."""
    app = account.app.name
    chosen = (
        f"Somebody chose the account with the id “{short(remote_id)}” in {app} for "
        f"“{account.identifier}”. {app} shows it."
    )
    if account.remote_id is None:
        return chosen
    return (
        f"{chosen} The one with the id “{short(account.remote_id)}”, which was theirs until now, "
        "stays there as it is and is not managed any more."
    )


def forgotten(account: Account) -> str:
    """A person decided that an account is not managed any more."""
    app, name = account.app.name, account.identifier
    if account.remote_id is None:
        return f"Gatehouse does not create or manage an account of “{name}” in {app} any more."
    return (
        f"Gatehouse does not manage the account “{name}” in {app} any more. Nothing was sent: it "
        f"stays there as it is, under the id “{short(account.remote_id)}”."
    )


def not_managed(account: Account) -> str:
    """What it means that somebody had Gatehouse stop managing an account."""
    since = f" {moment(account.forgotten_at)}" if account.forgotten_at else ""
    return (
        f"Somebody decided{since} that Gatehouse does not manage an account of "
        f"“{account.identifier}” in {account.app.name}. Whatever is there is left as it is."
    )


def because(account: Account) -> str:
    """The same as `no_access`, as a sentence."""
    return f"{capital(no_access(account))}."


def gives(app: App | str, policy: str, groups: Sequence[str], *, enabled: bool) -> str:
    """By which way a policy gives somebody the application, or would if it were switched on."""
    first, *above = groups
    held = "".join(f", which is in the group “{name}”" for name in above)
    if not enabled:
        what = f"the policy “{policy}” would give that group {app}, but it is switched off"
    else:
        what = f"the policy “{policy}” gives that group {app}"
    return f"In the group “{first}”{held}: {what}."


def moment(when: datetime) -> str:
    """A point in time, in the portal's time zone."""
    return timezone.localtime(when).strftime("on %Y-%m-%d at %H:%M %Z")


def changed(changes: Sequence[Change]) -> str:
    """What became of each target."""
    return "; ".join(map(_change, changes))


def changed_in_short(changes: Sequence[Change]) -> str:
    """The same, short enough for a list of examples."""
    return changed([Change(each.path, short(each.old), short(each.new)) for each in changes])


def many_changes(app: App, *, count: int, accounts: int, looked_at: int | None) -> str:
    """What a mapping would do, before it is saved; `looked_at` if not everybody was."""
    about, seen = (
        ("", "") if looked_at is None else ("about ", f", judged by {looked_at:,} of them")
    )
    return (
        f"This changes {about}{count:,} of {accounts:,} accounts in {app}{seen}. Nothing has been "
        "saved yet."
    )


def cannot_be_created(app: App, targets: Sequence[str], *, waiting: int) -> str:
    needed = ", ".join(f"“{target}”" for target in targets)
    who = {0: "Nobody waits", 1: "1 person waits"}.get(waiting, f"{waiting:,} people wait")
    return (
        f"{app} needs {needed}, and no row of the attribute mapping fills it, so no account can be "
        f"created there. {who} for one. Add a row for it."
    )


def would_be_refused(app: App, *, count: int, people: int, about: bool, reason: str) -> str:
    are = counted(count, "person", "people")
    return (
        f"By the attribute mapping {'about ' * about}{are} of the {people:,} who are to have {app} "
        f"cannot be brought up to date there. For example: {reason}"
    )


def _change(change: Change) -> str:
    if change.new is None:
        return f"{change.path} removed"
    if change.old is None:
        return f"{change.path} set to {in_words(change.new)}"
    return f"{change.path} from {in_words(change.old)} to {in_words(change.new)}"


def in_words(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"“{each}”" for each in value)
    return f"“{value}”"


STEPS_ASIDE = "It is for a moment: accounts exchange this value, and one of them has to step aside."
_LONGEST_VALUE = 100


def short(value: Value | None) -> Value | None:
    """A value from outside, fit for a sentence."""
    if isinstance(value, list):
        return short(", ".join(value))
    if not isinstance(value, str):
        return value
    shown = "".join(sign if sign.isprintable() else " " for sign in value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"


def in_a_table(value: Value | None) -> str:
    """A value in a cell of its own."""
    if isinstance(value, bool):
        return in_words(value)
    return "–" if value is None else ", ".join(value) if isinstance(value, list) else str(value)


def shown(value: Value | None) -> str:
    """What an application holds, fit for a sentence."""
    short_one = short(value)
    return "empty" if short_one is None else in_words(short_one)
