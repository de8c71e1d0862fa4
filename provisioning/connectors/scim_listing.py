"""Reads the list of all accounts of a SCIM application, page by page."""

from collections.abc import Collection, Mapping
from typing import Any

from provisioning.connectors.base import Listing, RemoteAccount
from provisioning.connectors.service import ScimService
from provisioning.errors import Unavailable
from provisioning.plan import Value
from provisioning.scim import messages


class ScimLists(ScimService):
    """What a SCIM connector reads of many accounts at once."""

    def list_accounts(self, targets: Collection[str], *, position: str) -> Listing:
        """By startIndex, which counts from 1 and grows by what came (RFC 7644 3.4.2.4)."""
        start = int(position or 1)
        query = {"startIndex": str(start), "count": str(self.dialect.page_size)}
        reply = self._request("GET", "/Users", params=query)
        body = reply.body if isinstance(reply.body, dict) else {}
        # An empty page need not have the member (RFC 7644 3.4.2).
        listed, total = body.get("Resources") or [], count(body.get("totalResults"))
        if not isinstance(listed, list) or (total is None and "Resources" not in body):
            raise Unavailable(
                f"{self.name} answered with something else than a list of accounts"
                f"{self._shown(reply)}."
            )
        values = dict.fromkeys(targets)
        accounts = [hit for hit in (self._account(item, values) for item in listed) if hit]
        following = str(start + len(listed)) if listed else ""
        return Listing(accounts, len(listed), following, total)

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
        )


def count(told: object) -> int | None:
    """A number of accounts, which some services write as text or as 1.0; None if it is none."""
    text = f"{told:.0f}" if isinstance(told, float) and told.is_integer() else str(told)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
