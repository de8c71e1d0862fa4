"""The sentences about what an application shows, or does not show, after it said yes."""

from collections.abc import Mapping

from django.utils import timezone

from provisioning.effects import Differing
from provisioning.models import Account
from provisioning.plan import Operation, Value
from provisioning.wording import no_access, shown

_SHOWN_AS = {Operation.DEACTIVATE: "off", Operation.REACTIVATE: "on"}
_DOING: dict[Operation, str] = {
    Operation.CREATE: "creating “{name}”",
    Operation.UPDATE: "changing “{name}”",
    Operation.DEACTIVATE: "switching “{name}” off",
    Operation.REACTIVATE: "switching “{name}” on",
    Operation.DELETE: "deleting “{name}”",
}
_STILL: dict[Operation, str] = {
    Operation.UPDATE: "the old values",
    Operation.DEACTIVATE: "the account as on",
    Operation.REACTIVATE: "the account as off",
    Operation.DELETE: "the account",
}
_LOOK_THERE: dict[Operation, str] = {
    Operation.CREATE: "whether the account is there, perhaps among invited people.",
    Operation.UPDATE: "whether this account may be changed from outside.",
    Operation.DEACTIVATE: "whether this account may be switched off from outside: "
    "administrators often may not.",
    Operation.REACTIVATE: "whether there is a licence left for this account, and "
    "whether it may be switched on from outside.",
    Operation.DELETE: "whether this account may be deleted from outside: "
    "administrators often may not.",
}


def seen(account: Account, operation: Operation, different: Differing, *, verified: bool) -> str:
    """What the application shows after it said yes, "" where that needs no words."""
    app = account.app.name
    match operation:
        case Operation.UPDATE:
            return differs(app, different)
        case Operation.CREATE:
            return ""
        case _ if not verified:
            return (
                f"{app} accepted it, but does not show the account, so this could not be checked."
            )
        case Operation.DELETE:
            return f"{app} does not have it any more."
        case _:
            return f"{app} shows it as {_SHOWN_AS[operation]}."


def differs(app: str, different: Differing) -> str:
    """What is shown after a change that is something else than was sent, "" if nothing is."""
    return " ".join([*_ignored(app, different.ignored), *_own_way(app, different)])


def _ignored(app: str, ignored: Mapping[str, Value | None]) -> list[str]:
    empty = [path for path, value in ignored.items() if value is None]
    old = [f"{path} ({shown(value)})" for path, value in ignored.items() if value is not None]
    found = []
    if old:
        found.append(f"{app} accepted it but still shows the old value for {', '.join(old)}.")
    if empty:
        found.append(f"{app} accepted it but shows no value for {', '.join(empty)}.")
    if found:
        found.append(
            f"Gatehouse does not send this again: look in {app} whether it may be changed from "
            "outside, or take it out of the attribute mapping."
        )
    return found


def _own_way(app: str, different: Differing) -> list[str]:
    told = [f"{path} is {shown(value)} there" for path, value in different.rewritten.items()]
    return [f"{app} writes it in its own way: {'; '.join(told)}."] if told else []


def kept_there(account: Account) -> str:
    app = account.app.name
    return (
        f"The account “{account.identifier}” is switched off in {app}, because "
        f"{no_access(account)}. {app} keeps the accounts that are deleted, so it stays there."
    )


def not_seen_yet(account: Account, operation: Operation, *, shown: bool) -> str:
    """Accepted, and not to be seen: Gatehouse goes on looking."""
    app, doing = account.app.name, _doing(account, operation)
    if not shown:
        return (
            f"{app} accepted {doing} and has not confirmed it yet. Gatehouse looks again by itself."
        )
    return (
        f"{app} accepted {doing}, but {_still(operation)}. Some applications take a while: "
        "Gatehouse looks again by itself."
    )


def without_effect(account: Account, operation: Operation, *, times: int, shown: bool) -> str:
    """The same after several looks: a person has to find out why."""
    app, doing = account.app.name, _doing(account, operation)
    now = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    what = f"but {_still(operation)}" if shown else "but has never confirmed it"
    return (
        f"{app} accepted {doing}, {what} (checked {times} times, last at {now}). "
        f"Look in {app} {_LOOK_THERE[operation]} Gatehouse looks again every day, and when you "
        "press “Push now”."
    )


def _doing(account: Account, operation: Operation) -> str:
    return _DOING[operation].format(name=account.identifier)


def _still(operation: Operation) -> str:
    return f"still shows {_STILL[operation]}"
