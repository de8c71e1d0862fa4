"""All accounts of an application, read once for a batch, where it cannot be searched."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.listing import Walk

# Everybody has one (RFC 7643 section 4.1.1): a list without it does not show what is there.
_NEEDED = "userName"
# Well within the lease on the lane, which nobody renews meanwhile (seconds).
_LONGEST = 45.0


@dataclass(frozen=True)
class Page:
    """One page of the list: each account's id with what it holds of what is searched for.

    The rest is as in a `Listing` (provisioning/connectors/base.py).
    """

    held: Mapping[str, Mapping[str, Sequence[str]]]
    returned: int
    next: str
    total: int | None
    cursor: bool = False


# One page, from a position, with these attributes.
Read = Callable[[Collection[str], str], Page]


@dataclass
class Index:
    """Who is in the list: the ids for each value of what is searched for.

    `doubt` is why the list may have gaps; then absence from it proves nothing.
    """

    attributes: frozenset[str]
    doubt: str = ""
    _ids: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, attribute: str, value: str, remote_id: str) -> None:
        self._ids[attribute, _key(attribute, value)].append(remote_id)

    def ids(self, attribute: str, value: str) -> Sequence[str]:
        return self._ids.get((attribute, _key(attribute, value)), ())


class Everybody:
    """The index, read when it is first needed. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: Index | None = None

    def index(self, attributes: Collection[str], read: Read) -> Index:
        """Who has which of these, and of those that were asked for before."""
        with self._lock:
            known = self._index.attributes if self._index else frozenset[str]()
            if self._index is None or not known.issuperset(attributes):
                self._index = _read(known.union(attributes), read)
            return self._index

    def forget(self) -> None:
        """Somebody is added now: whoever asks next is to see it."""
        with self._lock:
            self._index = None


def _read(attributes: frozenset[str], read: Read) -> Index:
    index, walk, seen = Index(attributes), Walk(), set[str]()
    ends = time.monotonic() + _LONGEST
    while not walk.ended:
        if time.monotonic() > ends:
            index.doubt = "it takes too long to be read"
            return index
        listed = read(attributes, walk.next)
        fresh = {key: held for key, held in listed.held.items() if key not in seen}
        seen |= fresh.keys()
        for remote_id, held in fresh.items():
            if not any(held[_NEEDED]):
                index.doubt = "it lists accounts without a user name"
            for attribute, values in held.items():
                for value in values:
                    index.add(attribute, value, remote_id)
        walk.page(
            returned=listed.returned,
            new=len(fresh),
            total=listed.total,
            next_page=listed.next,
            cursor=listed.cursor,
        )
    index.doubt = index.doubt or walk.doubt
    return index


def _key(attribute: str, value: str) -> str:
    # Only ids are compared letter by letter (RFC 7643 section 3.1).
    return value if attribute == "externalId" else value.casefold()
