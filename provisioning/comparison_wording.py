"""The sentences that tell what a comparison found."""

from collections.abc import Mapping, Sequence

from iam.text import counted
from provisioning import wording
from provisioning.models import Account, App
from provisioning.plan import Change, Value

WILL_BE_PUT_RIGHT = "Gatehouse puts it right."
IS_LEFT = "It is left as it is."
DECIDE = "Decide under Accounts: “Put it right” or “Leave it as it is”."


def drifted(
    account: Account,
    differences: Mapping[str, tuple[Value | None, Value | None]],
    *,
    there: str,
    active: str,
) -> str:
    """What somebody did in the application itself, as far as a comparison can tell."""
    app, name = account.app.name, account.identifier
    if there in differences:
        return f"Somebody removed the account “{name}” in {app} itself."
    changes = [Change(path, old, new) for path, (old, new) in differences.items() if path != active]
    told = [wording.changed_in_short(changes)] if changes else []
    if active in differences:
        is_on = differences[active][1]
        unwanted = is_on and not account.wanted
        against = ", although the person should not have it" if unwanted else ""
        told.insert(0, f"switched {'on' if is_on else 'off'}{against}")
    return f"Somebody changed the account “{name}” in {app} itself: {'; '.join(told)}."


def comes_back(
    account: Account, differences: Mapping[str, tuple[Value | None, Value | None]]
) -> str:
    """The application holds what it held before it was put right."""
    app = account.app.name
    kept = "; ".join(
        f"{path} is {wording.shown(new)} there and was sent as {wording.shown(old)}"
        for path, (old, new) in differences.items()
    )
    return (
        f"{app} still holds values of its own for “{account.identifier}”, although they were put "
        f"right after the last comparison: {kept}. {app} writes them in its own way, or somebody "
        "changes them again and again."
    )


def unknown_there(app: App, name: str) -> str:
    return (
        f"{app} has an account “{wording.short(name)}” that Gatehouse neither made nor adopted. "
        "Nothing is done to it."
    )


def too_many_missing(app: App, *, limit: int) -> str:
    return (
        f"More than {limit:,} accounts are missing in {app}, so nothing was done about any of "
        "them. Did the address change to another tenant? If they really were removed there, "
        "choose them among the findings and press “Put it right”."
    )


def nothing_listed(app: App, *, known: int) -> str:
    accounts = counted(known, "account")
    return (
        f"{app} listed no account at all, and Gatehouse knows {accounts} there, so nothing was "
        "done about it. Did the address change to another tenant?"
    )


def not_proven(app: App, reason: str) -> str:
    return (
        f"The list that {app} gave may have gaps: {reason}. What was listed was compared; nothing "
        "was taken for missing."
    )


def not_compared(app: App, targets: Sequence[str]) -> str:
    return f"Not compared, because {app} does not list it: {', '.join(targets)}."


def passed_over(count: int) -> str:
    accounts = counted(count, "account was", "accounts were")
    return f"{accounts} about to be changed by Gatehouse and left to the next comparison."
