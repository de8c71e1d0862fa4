"""Gathers how an event came about while a job is under way, and puts it beside the event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from provisioning import witness
from provisioning.connectors.base import Connector, RemoteAccount, RemoteGroup
from provisioning.echoes import written
from provisioning.masking import Masking
from provisioning.models import App, Event, Evidence
from provisioning.models import Mapping as Row
from provisioning.plan import Change, Value

# Of the exchanges of one job the first and the last are kept, so many of each.
_AT_EACH_END = 5
Desired = Mapping[str, Value | None]


@dataclass
class Kept:
    """What is known of one job so far. Used by one thread at a time.

    `scope` says why the account is to be there, or not (provisioning/scope.py).
    """

    masking: Masking = field(default_factory=Masking)
    scope: Mapping[str, Any] = field(default_factory=dict)
    matched: dict[str, Any] = field(default_factory=dict)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0
    # The evidence that the others of the same request refer to.
    first: Evidence | None = None

    @contextmanager
    def watching(self, connector: Connector) -> Iterator[None]:
        """Keep what this thread asks the application and what it answers."""

        def see(exchange: witness.Exchange) -> None:
            # Asked for each time: a token may have been fetched just now.
            repeated = (form for secret in connector.secrets for form in written(secret))
            kept = self.masking.besides(repeated).exchange(exchange)
            if len(self.exchanges) == 2 * _AT_EACH_END:
                del self.exchanges[_AT_EACH_END]
                self.left_out += 1
            self.exchanges.append(kept)

        with witness.watching(see):
            yield

    def looked(
        self,
        found: Sequence[RemoteAccount | RemoteGroup],
        *,
        asked: Sequence[str],
        desired: Desired,
        external_id: str,
    ) -> None:
        """The account, or the group, was looked for by the targets in `asked`."""
        by = ""
        if len(found) == 1:
            there = found[0]
            agree = [path for path in asked if _alike(there.values.get(path), desired.get(path))]
            by = "externalId" if there.external_id == external_id else next(iter(agree), "")
        self.matched = {"by": by, "asked": list(asked), "found": len(found)}


def masking(rows: Iterable[Row]) -> Masking:
    """What these rows of a mapping keep out of reports."""
    return Masking.of(row.target for row in rows if row.sensitive)


def shown(values: Desired, rows: Iterable[Row]) -> dict[str, Any]:
    """What mapped targets hold, as far as these rows of a mapping let it be shown."""
    return masking(rows).knowing(values).held(values)


def attach(
    event: Event,
    kept: Kept,
    *,
    app: App,
    changes: Sequence[Change] = (),
    values: Desired | None = None,
    remote_id: str | None = None,
    one_of_several: bool = False,
) -> None:
    """Have the evidence written with the event; nothing is written here.

    `remote_id` is the id by which the account was known, if it was. `one_of_several` says that
    other events tell of the same request.
    """
    if not app.keep_evidence_days:
        return
    evidence = Evidence(
        event=event,
        scope=dict(kept.scope),
        matched=kept.matched or _known(kept.masking, remote_id),
        changes=[
            {"target": each.path, "old": each.old, "new": each.new}
            for each in kept.masking.changes(changes)
        ],
        values=kept.masking.held(values or {}),
    )
    if one_of_several and kept.first is not None:
        evidence.same_as = kept.first
    else:
        evidence.exchanges, evidence.left_out = list(kept.exchanges), kept.left_out
        kept.first = evidence


def write(events: Sequence[Event]) -> None:
    """What was attached to these events, which have just been written."""
    related = Event._meta.get_field("evidence")
    # Without asking the database for what is not there.
    found = [event.evidence for event in events if related.is_cached(event)]
    for each in found:
        each.event_id = each.event.pk
    Evidence.objects.bulk_create(found, batch_size=1_000)


def _known(masking: Masking, remote_id: str | None) -> dict[str, Any]:
    return {"by": "id", "id": masking.text(remote_id)} if remote_id else {}


def _alike(there: Value | None, ours: Value | None) -> bool:
    return ours is not None and str(there).casefold() == str(ours).casefold()
