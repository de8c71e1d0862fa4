"""Judges whether a walk over the pages of a list has certainly seen everything. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Self

MOST_PAGES = 100_000


@dataclass
class Walk:
    """What the pages so far say. `next` is where the following one begins.

    Proven complete is a walk of which every page brought something new, whose total was the same
    on all of them, and which ended with just so many accounts. When the total is reached one more
    page is asked for: some services give the size of the page for the total.

    Pages by cursor (RFC 9865) end only where no further cursor is given, and need not tell a total.
    """

    pages: int = 0
    distinct: int = 0
    total: int | None = None
    next: str = ""
    ended: bool = False
    # The first reason to think that something may be missing.
    doubt: str = ""

    @classmethod
    def stored(cls, values: dict[str, Any] | None) -> Self:
        return cls(**(values or {}))

    @property
    def stores(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def proven(self) -> bool:
        return self.ended and not self.doubt

    def page(
        self, *, returned: int, new: int, total: int | None, next_page: str, cursor: bool = False
    ) -> None:
        """Take note of one page: how much came, how much of it for the first time."""
        reached = self.pages > 0 and self.total is not None and self.distinct >= self.total
        self._hear(total, asked=not cursor)
        self.pages += 1
        self.distinct += new
        self.next = next_page
        if reached and new:
            self._doubt(f"it speaks of {self.total:,} accounts and lists more")
        elif (cursor or not reached) and new < returned:
            # Past the end some services give the first page again, which does no harm.
            self._doubt("it listed the same accounts more than once")
        elif cursor and not new and next_page:
            self._doubt("a page in between was empty")
        self._end(new)

    def _hear(self, total: int | None, *, asked: bool) -> None:
        if self.total is None:
            self.total = total
        if total is None and asked:
            self._doubt("it does not say how many accounts there are")
        elif total is not None and total != self.total:
            self._doubt(f"it spoke of {self.total:,} accounts at first and of {total:,} later")

    def _end(self, new: int) -> None:
        if self.pages >= MOST_PAGES:
            self._doubt("its list does not come to an end")
            self.ended = True
        elif not new or not self.next:
            self.ended = True
            if self.total is not None and self.distinct != self.total:
                self._doubt(f"it speaks of {self.total:,} accounts and listed {self.distinct:,}")

    def _doubt(self, reason: str) -> None:
        self.doubt = self.doubt or reason
