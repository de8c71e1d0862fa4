"""All accounts of an application, read once for a batch, where it cannot be searched."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provisioning.connectors.base import Listing
from provisioning.listing import Walk

# Well within the lease on the lane, which nobody renews meanwhile (seconds).
_LONGEST = 45.0


@dataclass
class Index:
    """Who is in the list: the ids for each value of what is searched for.

    `doubt` is why the list may have gaps; then absence from it proves nothing.
    """

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

    def index(self, page: Callable[[str], Listing]) -> Index:
        with self._lock:
            if self._index is None:
                self._index = _read(page)
            return self._index

    def forget(self) -> None:
        """Somebody is added now: whoever asks next is to see it."""
        with self._lock:
            self._index = None


def _read(page: Callable[[str], Listing]) -> Index:
    index, walk, seen = Index(), Walk(), set[str]()
    ends = time.monotonic() + _LONGEST
    while not walk.ended:
        if time.monotonic() > ends:
            index.doubt = "it takes too long to be read"
            return index
        listed = page(walk.next)
        fresh = {hit.remote_id: hit for hit in listed.accounts if hit.remote_id not in seen}
        seen |= fresh.keys()
        for hit in fresh.values():
            name = str(hit.values.get("userName", ""))
            if not name:
                index.doubt = "it lists accounts without a user name"
            index.add("userName", name, hit.remote_id)
            index.add("externalId", hit.external_id, hit.remote_id)
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
    # RFC 7643 section 4.1.1: userName ignores case, externalId does not.
    return value.casefold() if attribute == "userName" else value
