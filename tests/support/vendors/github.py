"""GitHub's two SCIM services, from github/docs and a copy of its organization pages (2026-11)."""

from typing import Any, ClassVar

from provisioning.scim.messages import PATCH_OP
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
    index_page,
    is_patch_op,
)

_REST = "docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent"
_EMU = "github/docs, emu-scim-rate-limit-details.md"
_ORG = "github/docs, rest/scim, as copied on tryapis.com and apidog.com"

_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent "
    "header."
)


def _chooses(asked: Asked) -> bool:
    return any("[" in str(each.get("path") or "") for each in asked.operations)


def _has_primary_address(asked: Asked) -> bool:
    return any(mail.get("value") for mail in asked.document.get("emails") or [])


def _shared(base: str) -> tuple[Rule, ...]:
    """What holds for both services."""
    return (
        Rule(
            _AGENT,
            _REST,
            ".*",
            lambda asked: bool(asked.headers.get("User-Agent")),
            Example("GET", f"{base}/Users", headers={"User-Agent": ""}),
            status=403,
        ),
        Rule(
            "A new user has a userName and an e-mail address",
            _ORG,
            "POST /Users",
            lambda asked: bool(asked.document.get("userName")) and _has_primary_address(asked),
            Example("POST", f"{base}/Users", {"schemas": [CORE_USER], "userName": "a"}),
        ),
        Rule(
            "PATCH is a PatchOp",
            _ORG,
            "PATCH /.*",
            is_patch_op,
            Example("PATCH", f"{base}/Users/7", {"active": False}),
        ),
    )


class GitHub(Vendor):
    """What both services do."""

    def error(self, status: int, detail: str) -> Reply:
        # The first lines of GitHub's REST errors, and SCIM's own words.
        return json_reply({"message": detail, "detail": detail, "status": status}, status=status)

    def listed(self, asked: Asked, resources: Resources) -> Reply:
        """Suspended people are in it too."""
        name, _, sought = asked.parameter("filter").partition(' eq "')
        found = [
            self.shown(each)
            for each in resources.values()
            if not sought or str(each.get(name)).casefold() == sought.rstrip('"').casefold()
        ]
        return json_reply(index_page(found, asked, otherwise=30, most=100))


class GitHubEnterprise(GitHub):
    """Enterprise Managed Users: DELETE cannot be undone, and an hour takes so many people.

    `refuses_with` is 429, or 403 as for GitHub's secondary limits.
    """

    prefix: ClassVar[str] = "/scim/v2/enterprises/acme"
    operations: ClassVar[frozenset[str]] = frozenset(
        {
            *("GET /Users", "POST /Users", "GET /Groups", "POST /Groups"),
            *("GET /Users/…", "PUT /Users/…", "PATCH /Users/…", "DELETE /Users/…"),
            *("GET /Groups/…", "PUT /Groups/…", "PATCH /Groups/…", "DELETE /Groups/…"),
            *("GET /ServiceProviderConfig", "GET /ServiceProviderConfigs"),
        }
    )
    rules: tuple[Rule, ...] = _shared(prefix)

    def __init__(self) -> None:
        super().__init__()
        self.deleted_for_good: list[str] = []
        self.refuses_with = 429
        self.allow_an_hour(1000)

    def allow_an_hour(self, most: int) -> None:
        """1,000 users an hour are published (emu-scim-rate-limit-details.md)."""
        self.limits = [Limit(f"{WRITES} /Users.*", most, 3600, burst=most)]

    def serve(self, asked: Asked) -> Reply:
        if asked.place.startswith("/ServiceProviderConfig"):
            return json_reply({"patch": {"supported": True}, "filter": {"supported": True}})
        return super().serve(asked)

    def too_many(self, seconds: float) -> Reply:
        # docs.github.com, rest/using-the-rest-api/rate-limits-for-the-rest-api
        said = self.error(self.refuses_with, "You have exceeded a secondary rate limit.")
        return Reply(said.status, said.body, super().too_many(seconds).headers)

    def delete(self, asked: Asked, resources: Resources) -> Reply:
        if resources is self.people:
            self.deleted_for_good.append(resources[asked.key]["userName"])
        return super().delete(asked, resources)


def _path_without_filter() -> Rule:
    path = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@x"}
    body: Any = {"schemas": [PATCH_OP], "Operations": [path]}
    return Rule(
        "Paths with a filter are not supported",
        _ORG,
        "PATCH /Users/…",
        lambda asked: not _chooses(asked),
        Example("PATCH", f"{GitHubOrganization.prefix}/Users/7", body),
    )


class GitHubOrganization(GitHub):
    """`active: false` removes the person and forgets the identity."""

    prefix: ClassVar[str] = "/scim/v2/organizations/acme"
    operations: ClassVar[frozenset[str]] = frozenset(
        {
            *("GET /Users", "POST /Users", "GET /Users/…"),
            *("PUT /Users/…", "PATCH /Users/…", "DELETE /Users/…"),
        }
    )
    rules: tuple[Rule, ...]

    def replace(self, asked: Asked, resources: Resources, document: Document) -> Reply:
        reply = super().replace(asked, resources, document)
        if document.get("active") is False:
            resources.pop(asked.key, None)
        return reply


GitHubOrganization.rules = (*_shared(GitHubOrganization.prefix), _path_without_filter())
