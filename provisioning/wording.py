"""The sentences that the report and the account pages show."""

from collections.abc import Sequence

from provisioning.models import Account
from provisioning.plan import Change, Feature, Operation, Value

FEATURE_LABELS: dict[Feature, str] = {
    Feature.CREATE_USERS: "Create users",
    Feature.UPDATE_USERS: "Update users",
    Feature.DEACTIVATE_USERS: "Deactivate users",
    Feature.DELETE_USERS: "Delete users",
}
FEATURE_HELP: dict[Feature, str] = {
    Feature.CREATE_USERS: "An account appears when a person gets access.",
    Feature.UPDATE_USERS: "Changes of a person's attributes are passed on.",
    Feature.DEACTIVATE_USERS: "The account is switched off when access ends. It can be undone.",
    Feature.DELETE_USERS: "The account is deleted when access has ended. It cannot be undone.",
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
            return f"Changed in {app}: {'; '.join(_change(change) for change in changes)}."
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


def no_access(account: Account) -> str:
    """Why the person should not have the account."""
    if account.user is None:
        return "the person was deleted"
    if not account.user.is_active:
        return "the person was switched off"
    return f"no group of theirs has a policy for {account.app.name} any more"


def _change(change: Change) -> str:
    if change.new is None:
        return f"{change.path} removed"
    if change.old is None:
        return f"{change.path} set to {_value(change.new)}"
    return f"{change.path} from {_value(change.old)} to {_value(change.new)}"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"“{value}”"
