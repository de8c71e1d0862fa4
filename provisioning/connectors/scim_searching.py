"""Finds the accounts of a SCIM application: by a search, or in the list of all."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self

from provisioning import http
from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.everybody import Everybody
from provisioning.connectors.scim_listing import ScimLists
from provisioning.connectors.service import Unsupported, as_count
from provisioning.errors import NotFound, Rejected, Unavailable
from provisioning.plan import Value
from provisioning.scim import matching as comparing
from provisioning.scim import messages, paths
from provisioning.scim.dialect import SEARCH, Search
from provisioning.scim.paths import Document


class ScimSearches(ScimLists):
    """What a SCIM connector knows of one account at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._everybody = Everybody()

    def asking(
        self, before_write: Callable[[], None], *, learned: Mapping[str, str] | None = None
    ) -> Self:
        asking = super().asking(before_write, learned=learned)
        asking._everybody = Everybody()
        return asking

    def find(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
        made_by_us: bool,
    ) -> Sequence[RemoteAccount]:
        if made_by_us and self.dialect.keeps_external_id:
            hits = self._search("externalId", external_id, values)
            if hits:
                return hits
        for target in self.asked_by(values, matching):
            hits = self._search(messages.sought(target), _certain(values[target]), values)
            if hits:
                return hits
        return []

    def look_through(
        self,
        values: Mapping[str, Value | None],
        *,
        matching: Sequence[str] = (),
        external_id: str,
    ) -> Sequence[RemoteAccount]:
        for target in self.asked_by(values, matching):
            _, hits = self._listed(messages.sought(target), _certain(values[target]), values)
            if hits:
                return hits
        return []

    def get(self, remote_id: str, targets: Collection[str]) -> RemoteAccount:
        _, found = self._got(remote_id, dict.fromkeys(targets))
        return found

    def _got(
        self, remote_id: str, values: Mapping[str, Value | None]
    ) -> tuple[Document, RemoteAccount]:
        reply = self._request("GET", self._path(remote_id))
        found = self._seen(reply.body, values)
        if found is None or found.remote_id != remote_id:
            raise Unavailable(
                f"{self.name} was asked for one account and answered with something else"
                f"{self._shown(reply)}."
            )
        return reply.body, found

    def _search(
        self, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteAccount]:
        """Everybody who has this value; nobody only if there is certainly none."""
        return self._in_some_form(
            f"{SEARCH}{attribute}",
            self.dialect.searches,
            lambda form: self._searched(form, attribute, value, values),
        )

    def _searched(
        self, form: Search, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> Sequence[RemoteAccount]:
        if form is Search.FILTER:
            return self._filtered(messages.equals(attribute, value), attribute, value, values)
        if form is Search.BARE:
            bare = messages.equals_bare(attribute, value)
            if not bare:
                raise Unsupported(self._no_search(attribute, value), evidence="", lasting=False)
            return self._filtered(bare, attribute, value, values)
        doubt, hits = self._listed(attribute, value, values)
        if doubt and not hits:
            raise Rejected(
                f"{self.name} could not be searched for {attribute} “{value}”, and the list of its "
                f"accounts does not tell either whether this one exists there: {doubt}. Ask the "
                "application's support whether its SCIM service supports filters."
            )
        return hits

    def _filtered(
        self, question: str, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> list[RemoteAccount]:
        """Raises Unsupported if the answer holds what was not asked for.

        A server that ignores the filter does so, and then it says nothing about this account.
        """
        try:
            reply = self._request("GET", "/Users", params={"filter": question})
        except NotFound:
            return []
        body = reply.body if isinstance(reply.body, dict) else {}
        total, listed = as_count(body.get("totalResults")), body.get("Resources") or []
        if total is None or not isinstance(listed, list):
            raise Unavailable(
                f"{self.name} answered a search with something else than a list of accounts"
                f"{self._shown(reply)}. Gatehouse tries again by itself."
            )
        found = [(item, self._seen(item, values)) for item in listed]
        accounts = [hit for _, hit in found if hit]
        wrong = [hit for item, hit in found if hit and not _has(item, attribute, value)]
        if wrong or len(accounts) < max(total, len(listed)):
            raise Unsupported(
                self._no_search(attribute, value),
                evidence=f"It answered a search for one account with {total:,}.",
                # Otherwise one broken entry would have everybody listed for ever.
                lasting=bool(wrong),
            )
        return accounts

    def _listed(
        self, attribute: str, value: Value, values: Mapping[str, Value | None]
    ) -> tuple[str, list[RemoteAccount]]:
        """Who has this value by the list of all, and why that list may have gaps."""
        index = self._everybody.index({"userName", "externalId", attribute}, self._held)
        hits = []
        for remote_id in index.ids(attribute, str(value)):
            try:
                document, hit = self._got(remote_id, values)
            except NotFound:
                # Gone since the list was read.
                continue
            if _has(document, attribute, value):
                hits.append(hit)
        return index.doubt, hits

    def _no_search(self, attribute: str, value: Value) -> str:
        return (
            f"{self.name} did not search for {attribute} “{value}” but answered with other "
            "accounts, so Gatehouse cannot tell whether this one exists there."
        )

    def _path(self, remote_id: str) -> str:
        return f"/Users/{http.segment(remote_id)}"


def _has(document: Document, attribute: str, value: Value) -> bool:
    return comparing.holds(document, paths.parse(attribute), value)


def _certain(value: Value | None) -> Value:
    """A value that is searched for. Without one everybody would be found, or nobody."""
    if value is None or value == "":
        raise ValueError("nothing to search for")
    return value
