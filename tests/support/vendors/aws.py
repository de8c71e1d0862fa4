"""AWS IAM Identity Center, from its SCIM developer guide and recorded answers (November 2026)."""

import uuid
from typing import ClassVar

from provisioning.scim.messages import ERROR, LIST_RESPONSE
from tests.support.servers import Reply, json_reply
from tests.support.target import Document
from tests.support.vendors.aws_rules import BASE, LARGEST_PAGE, LISTS, RULES, terms
from tests.support.vendors.base import (
    Asked,
    Limit,
    Resources,
    Rule,
    Vendor,
    copied,
    index_page,
)


class AwsTenant(Vendor):
    """One instance of IAM Identity Center with its SCIM endpoint.

    `by_index` is as all were until 2025: pages of 50 by startIndex, and no cursor.
    """

    prefix: ClassVar[str] = BASE
    operations: ClassVar[frozenset[str]] = frozenset(
        {
            *("GET /Users", "POST /Users", "GET /Groups", "POST /Groups"),
            *("GET /Users/…", "PUT /Users/…", "PATCH /Users/…", "DELETE /Users/…"),
            *("GET /Groups/…", "PATCH /Groups/…", "DELETE /Groups/…"),
            *("GET /ServiceProviderConfig", "GET /Schemas", "GET /ResourceTypes"),
        }
    )
    rules: tuple[Rule, ...] = RULES

    def __init__(self, *, by_index: bool = False) -> None:
        super().__init__()
        self.by_index = by_index
        if by_index:
            self.rules = tuple(rule for rule in RULES if "cursor" not in rule.says)
        # Cursor to the filter and the page size it was given out with, and where it goes on.
        self._cursors: dict[str, tuple[str, str, int]] = {}

    def allow(self, a_second: float) -> None:
        """ThrottlingException 429 is documented, no figure is."""
        self.limits = [Limit(".* /(Users|Groups).*", a_second, 1, burst=a_second)]

    # ----------------------------------------------------------------------------- answers

    def error(self, status: int, detail: str) -> Reply:
        # `schema` and `schemas`, no scimType: recorded in slashdevops/idp-scim-sync pkg/aws.
        return json_reply(
            {
                "schema": [ERROR],
                "schemas": [ERROR],
                "detail": detail,
                "status": str(status),
                "exceptionRequestId": str(uuid.uuid4()),
                "timeStamp": "2026-11-25 10:57:08.014",
            },
            status=status,
        )

    def too_many(self, seconds: float) -> Reply:
        return self.error(429, "Rate exceeded")

    def serve(self, asked: Asked) -> Reply:
        if asked.place == "/ServiceProviderConfig":
            off = {"supported": False}
            return json_reply({"patch": {"supported": True}, "bulk": off, "etag": off})
        if asked.place in {"/Schemas", "/ResourceTypes"}:
            # What stands in them is not asserted by anybody.
            return json_reply({"schemas": [LIST_RESPONSE], "totalResults": 0, "Resources": []})
        return super().serve(asked)

    def shown(self, document: Document) -> Document:
        shown = copied(document)
        # GetGroup and ListGroups return an empty member list (listgroups.html).
        return shown if "userName" in shown else {**shown, "members": []}

    # ----------------------------------------------------------------------- users, groups

    def listed(self, asked: Asked, resources: Resources) -> Reply:
        question = asked.parameter("filter")
        found = [
            self.shown(each)
            for each in resources.values()
            if all(_is(each, *term) for term in terms(question))
        ]
        if self.by_index and "cursor" in asked.query:
            return self.error(400, "Request is unparsable, syntactically incorrect.")
        if "cursor" not in asked.query:
            # A single page where there are cursors: nothing leads to the next.
            most = 50 if self.by_index else LARGEST_PAGE
            return json_reply(index_page(found, asked, otherwise=most, most=most))
        return self._by_cursor(asked, found)

    def _by_cursor(self, asked: Asked, found: list[Document]) -> Reply:
        question = asked.parameter("filter")
        cursor, count = asked.parameter("cursor"), asked.parameter("count", "100")
        start = 0
        if cursor:
            given_to, size, start = self._cursors.get(cursor, ("", "", 0))
            if (given_to, size) != (question, count):
                return self.violated(asked, "A cursor is used as it was given out")
        shown = found[start : start + int(count)]
        body: Document = {
            "schemas": [LIST_RESPONSE],
            "itemsPerPage": len(shown),
            "Resources": shown,
        }
        if start + len(shown) < len(found):
            following = f"Q3Vyc29y{len(self._cursors)}=="
            self._cursors[following] = (question, count, start + len(shown))
            body["nextCursor"] = following
        return json_reply(body)

    def create(self, asked: Asked, resources: Resources) -> Reply:
        if self.taken(asked.document, resources):
            return self.error(409, "Refused to create a new, duplicate resource.")
        return super().create(asked, resources)

    def replace(self, asked: Asked, resources: Resources, document: Document) -> Reply:
        if any(len(document.get(name) or []) > 1 for name in LISTS):
            return self.violated(asked, "Addresses and telephone numbers have one value each")
        return super().replace(asked, resources, document)


def _is(document: Document, name: str, value: str) -> bool:
    if name in {"members", "members.value"}:
        return value in {member["value"] for member in document.get("members", [])}
    held = str(document.get(name, ""))
    return held == value if name == "externalId" else held.casefold() == value.casefold()
