"""A Slack organization, from docs.slack.dev and the tests of slackapi/java-slack-sdk (2026-11)."""

from typing import ClassVar

from tests.support.servers import Reply, json_reply
from tests.support.target import CORE_USER, Document
from tests.support.vendors.base import (
    WRITES,
    Asked,
    Example,
    Limit,
    Resources,
    Rule,
    Vendor,
    copied,
    index_page,
    is_patch_op,
)

_API = "docs.slack.dev/reference/scim-api"
_LIMITS = "docs.slack.dev/reference/scim-api/rate-limits"

RULES: tuple[Rule, ...] = (
    Rule(
        "PUT of a user has a nickName",
        _API,
        "PUT /Users/…",
        lambda asked: bool(asked.document.get("nickName")),
        Example("PUT", "/scim/v2/Users/7", {"schemas": [CORE_USER], "userName": "a"}),
    ),
    Rule(
        "A new user has a userName and an e-mail address",
        _API,
        "POST /Users",
        lambda asked: bool(asked.document.get("userName") and asked.document.get("emails")),
        Example("POST", "/scim/v2/Users", {"schemas": [CORE_USER], "userName": "a"}),
    ),
    Rule(
        "PATCH is a PatchOp",
        f"{_API}, version 2",
        "PATCH /(Users|Groups)/…",
        is_patch_op,
        Example("PATCH", "/scim/v2/Users/7", {"active": False}),
    ),
)


class SlackOrganization(Vendor):
    """`settles_after` reads of a user, what DELETE did can be seen."""

    operations: ClassVar[frozenset[str]] = frozenset(
        {
            *("GET /Users", "POST /Users", "GET /Groups", "POST /Groups"),
            *("GET /Users/…", "PUT /Users/…", "PATCH /Users/…", "DELETE /Users/…"),
            *("GET /Groups/…", "PUT /Groups/…", "PATCH /Groups/…", "DELETE /Groups/…"),
            *("GET /ServiceProviderConfig", "GET /ServiceProviderConfigs"),
        }
    )
    rules: tuple[Rule, ...] = RULES

    def __init__(self) -> None:
        super().__init__()
        self.settles_after = 3
        self._leaving: dict[str, int] = {}
        # Published for all apps of an organization together.
        self.limits = [
            Limit(f"{WRITES} /Users.*", 180, 60, burst=20),
            Limit(f"{WRITES} .*", 600, 60, burst=180),
            Limit("GET .*", 1000, 60, burst=1000),
        ]

    def error(self, status: int, detail: str) -> Reply:
        return json_reply({"Errors": {"code": status, "description": detail}}, status=status)

    def unknown(self) -> Reply:
        return self.error(401, "invalid_authentication")

    def too_many(self, seconds: float) -> Reply:
        reply = super().too_many(seconds)
        return Reply(429, self.error(429, "ratelimited").body, reply.headers)

    def serve(self, asked: Asked) -> Reply:
        if asked.place.startswith("/ServiceProviderConfig"):
            return json_reply({"patch": {"supported": True}, "filter": {"supported": True}})
        return super().serve(asked)

    def listed(self, asked: Asked, resources: Resources) -> Reply:
        _, _, sought = asked.parameter("filter").partition(' eq "')
        name = "displayName" if resources is self.crews else "userName"
        found = [
            self.shown(each)
            for each in resources.values()
            if not sought or each[name].casefold() == sought.rstrip('"').casefold()
        ]
        return json_reply(index_page(found, asked, otherwise=100, most=1000))

    def shown(self, document: Document) -> Document:
        """A look at somebody who leaves brings the end nearer."""
        key = document["id"]
        if key in self._leaving:
            self._leaving[key] -= 1
            if self._leaving[key] <= 0:
                del self._leaving[key]
                self.people[key]["active"] = False
        return copied(self.people.get(key, document))

    def delete(self, asked: Asked, resources: Resources) -> Reply:
        if resources is self.crews:
            # For good (docs.slack.dev).
            return super().delete(asked, resources)
        # Deactivates, can be repeated, and is seen only later: the SDK's test looks ten times.
        if self.people[asked.key]["active"]:
            self._leaving.setdefault(asked.key, self.settles_after)
        return Reply(204)
