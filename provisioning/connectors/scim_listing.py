"""Reads the list of all accounts of a SCIM application, page by page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from provisioning import http
from provisioning.connectors.base import Listing, RemoteAccount
from provisioning.connectors.everybody import Page
from provisioning.connectors.service import ScimService, Unsupported, as_count
from provisioning.errors import ConnectorError, Rejected, Throttled, Unavailable
from provisioning.plan import Value
from provisioning.scim import dialect, matching, messages, paths
from provisioning.scim.dialect import PAGE_SIZE, PAGING, Lesson, Paging
from provisioning.scim.messages import unclear

# Before the cursor in a position; by index it is a number.
_CURSOR: Final = "cursor="
# A longer one is no bookmark, and many servers take no longer address.
_LONGEST_CURSOR = 4_000
# How many accounts are asked for where more are refused; 0 leaves it to the application.
_SMALLER = (50, 10, 0)
# What is answered to a number that is too large, or to any.
TOO_MANY = frozenset({400, 413, 422, 500})


@dataclass(frozen=True)
class Documents:
    """One page of the list as it came. The rest is as in a `Listing`."""

    items: list[Any]
    next: str
    total: int | None
    cursor: bool = False


class ScimLists(ScimService):
    """What a SCIM connector reads of many accounts at once."""

    def list_accounts(self, targets: Collection[str], *, position: str) -> Listing:
        page, values = self._documents(position), dict.fromkeys(targets)
        # One that cannot be read is left out, and the list is no proof then.
        readable = (item for item in page.items if not (isinstance(item, dict) and unclear(item)))
        accounts = [hit for hit in (self._account(item, values) for item in readable) if hit]
        return Listing(accounts, len(page.items), page.next, page.total, cursor=page.cursor)

    def _held(self, attributes: Collection[str], position: str) -> Page:
        """What each account of a page holds of these attributes."""
        page = self._documents(position)
        known = {name: paths.parse(name) for name in attributes}
        held = {
            str(item["id"]): {name: matching.values(item, path) for name, path in known.items()}
            for item in page.items
            if isinstance(item, dict) and item.get("id")
        }
        return Page(held, len(page.items), page.next, page.total, cursor=page.cursor)

    def _documents(self, position: str) -> Documents:
        """By startIndex (RFC 7644 3.4.2.4) or by cursor (RFC 9865), as the application takes it."""
        if position.startswith(_CURSOR):
            return self._by_cursor(position.removeprefix(_CURSOR))
        if position:
            return self._by_index(int(position))

        def first(form: Paging) -> Documents:
            return self._by_cursor() if form is Paging.CURSOR else self._by_index()

        return self._in_some_form(PAGING, self.dialect.paging, first)

    def _by_index(self, start: int = 1) -> Documents:
        """The index counts from 1 and grows by what came; a cursor that is offered is better."""
        page = self._page({"startIndex": str(start)})
        if page.cursor or not page.items:
            return page
        return replace(page, next=str(start + len(page.items)))

    def _by_cursor(self, cursor: str = "") -> Documents:
        """The first page is asked for with an empty cursor; that none comes back is the end."""
        page = self._page({"cursor": cursor})
        returned = len(page.items)
        more = page.total is not None and 0 < returned < page.total
        if cursor or page.next or not more:
            return replace(page, cursor=True)
        # It took no notice of the cursor.
        self.learn(Lesson(PAGING, Paging.INDEX, "It gave a part of its list, and no cursor."))
        return replace(page, next=str(1 + returned))

    def _page(self, where: Mapping[str, str]) -> Documents:
        """As large as it is taken; how large that is, is remembered."""
        size = dialect.page_size(self.dialect, self.learned)
        # On the way by cursor all else is repeated as it was (RFC 9865 section 2).
        sizes = [
            size,
            *(smaller for smaller in _SMALLER if smaller < size and "cursor" not in where),
        ]
        refused: ConnectorError | None = None
        for number in sizes:
            asked = {**where, "count": str(number)} if number else where
            try:
                reply = self._request("GET", "/Users", params=asked)
            except (Rejected, Unavailable) as error:
                if isinstance(error, Unsupported | Throttled) or error.http_status not in TOO_MANY:
                    raise
                refused = refused or error
                continue
            if refused is not None:
                said = f"It answered {refused.http_status} to a page of {size} accounts."
                self.learn(Lesson(PAGE_SIZE, str(number), said))
            return self._listing(reply)
        raise refused or ValueError("no page size")

    def _listing(self, reply: http.Response) -> Documents:
        body = reply.body if isinstance(reply.body, dict) else {}
        # An empty page need not have the member (RFC 7644 3.4.2).
        listed, total = body.get("Resources") or [], as_count(body.get("totalResults"))
        if not isinstance(listed, list) or (total is None and "Resources" not in body):
            raise Unavailable(
                f"{self.name} answered with something else than a list of accounts"
                f"{self._shown(reply)}."
            )
        cursor = self._cursor(body.get("nextCursor"))
        following = f"{_CURSOR}{cursor}" if cursor else ""
        return Documents(listed, following, total, cursor=bool(cursor))

    def _cursor(self, told: object) -> str:
        """The bookmark of the next page, "" if there is none."""
        cursor = str(told) if told else ""
        if len(cursor) > _LONGEST_CURSOR or not cursor.isprintable():
            raise Unavailable(
                f"{self.name} gave a bookmark for the next page of its list that cannot be sent "
                "back. Ask the people who run it."
            )
        return cursor

    def _seen(self, document: Any, values: Mapping[str, Value | None]) -> RemoteAccount | None:
        """An account as it is there.

        Raises Rejected if it has an id that cannot be kept, or does not say whether it is active.
        """
        told = unclear(document) if isinstance(document, dict) else ""
        if told:
            raise Rejected(
                f"{self.name} says “{self._masked(told[:50])}” where it should say whether this "
                "account is active, which is neither yes nor no. Ask the people who run it."
            )
        found = self._account(document, values)
        if found:
            http.segment(found.remote_id)
        return found

    def _account(self, document: Any, values: Mapping[str, Value | None]) -> RemoteAccount | None:
        if not isinstance(document, dict) or not document.get("id"):
            return None
        found = messages.read(document, {*values, "userName", "active"})
        kept = document.get("externalId") if self.dialect.keeps_external_id else None
        return RemoteAccount(
            remote_id=str(document["id"]),
            active=found.get("active") is not False,
            values={path: value for path, value in found.items() if path in values},
            external_id=str(kept or ""),
            tells_active="active" in found,
        )
