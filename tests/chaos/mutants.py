"""Planted faults of the engine, each of which the programme has to find."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from provisioning import guard, lanes, push, queue
from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.scim import Scim
from provisioning.models import Account
from provisioning.plan import Operation


def apply(name: str) -> None:
    """Plant it in this process; "" plants nothing."""
    if name:
        MUTANTS[name]()


def _no_lookup() -> None:
    """Create without a look whether the account is there."""
    push._LOOKED_UP_FIRST = {Operation.RESOLVE}


def _no_fence() -> None:
    """Send and record whoever owns the lane by now."""
    lanes.Lease.check = lambda self: None  # type: ignore[method-assign]
    lanes.Lease.confirm = lambda self: None  # type: ignore[method-assign]


def _on_commit_only() -> None:
    """Mark only after the commit of the change; the programme leaves the sweep out as well."""

    def mark(*, users: Any = None, apps: Any = None, trigger: Any, leaving: bool = False) -> None:
        accounts = Account.objects.all()
        if users is not None:
            users = _keys(users)
            accounts = accounts.filter(user__in=users)
        if apps is not None:
            apps = _keys(apps)
            accounts = accounts.filter(app__in=apps)
        affected = list(accounts.values_list("pk", flat=True))

        def afterwards() -> None:
            now = timezone.now()
            rows = Account.objects.filter(pk__in=affected)
            queue._make_due(rows, now=now, trigger=trigger, leaving=leaving)
            queue._add_missing(users=users, apps=apps, now=now, trigger=trigger)

        transaction.on_commit(afterwards)

    queue.mark = mark


def _keys(keys: Any) -> list[int]:
    """As they are now: after the commit a query might no longer find them."""
    return [next(iter(key.values())) if isinstance(key, dict) else key for key in keys]


def _trust_filter() -> None:
    """Take the first account that a search returns for the one that was asked for."""

    def search(self: Scim, attribute: str, value: str, values: Any) -> list[RemoteAccount]:
        reply = self._request("GET", "/Users", params={"filter": f'{attribute} eq "{value}"'})
        listed = reply.body["Resources"]
        return [hit for hit in (self._account(item, values) for item in listed[:1]) if hit]

    def find(self: Scim, values: Any, **_: Any) -> Sequence[RemoteAccount]:
        return search(self, "userName", str(values["userName"]), values)

    Scim._search = search  # type: ignore[method-assign]
    Scim.find = find  # type: ignore[method-assign, assignment]


def _no_guard() -> None:
    """Let everything through that is to be held."""
    guard.hold_back = lambda claimed, **_: claimed  # type: ignore[assignment]


MUTANTS = {
    "no-lookup": _no_lookup,
    "no-fence": _no_fence,
    "on-commit-only": _on_commit_only,
    "trust-filter": _trust_filter,
    "no-guard": _no_guard,
}
