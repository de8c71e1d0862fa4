"""What Zoom asks of every request, from what is documented of its SCIM service (November 2026)."""

import json
import re
from typing import Any

from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, PATCH_OP
from provisioning.scim.schema import CORE_GROUP
from tests.support.target import Document
from tests.support.vendors.base import (
    Asked,
    Example,
    Rule,
    is_patch_op,
    names_changed,
)

OLD_ZOOM = "urn:us:zoom:scim:schemas:extension:1.0:ZoomUser"
NEW_ZOOM = "urn:ietf:params:scim:schemas:extension:zoom:1.0:User"
GROUP_ZOOM = "urn:ietf:params:scim:schemas:extension:zoom:2.0:Group"

_API = "developers.zoom.us/docs/api/scim2"
_COPY = "copies of that page: developers.qodex.ai/zoom-public, withone.ai/knowledge/zoom"
_TOKENS = "developers.zoom.us/docs/internal-apps/s2s-oauth"

_WRITTEN = "(POST|PUT|PATCH) /(Users|Groups).*"
_SENT = "(POST|PUT) /Users.*"
_ATTRIBUTES = {
    *("schemas", "userName", "name", "displayName", "active", "emails", "userType", "title"),
    *("locale", "phoneNumbers", "roles", ENTERPRISE_USER, OLD_ZOOM, NEW_ZOOM),
}
_EXTENSIONS = (ENTERPRISE_USER, OLD_ZOOM, NEW_ZOOM)
_ENTERPRISE = {"department", "organization", "costCenter", "manager"}
_NEW_ZOOM = {
    *("personalLinkName", "pronouns", "zoomUnited", "zoomOneBizPlus", "zoomIQ", "zoomWhiteboard"),
    *("zoomCustomerManagedKey", "zoomWhiteboardPlus", "zoomTranslatedCaptions", "zoomHuddles"),
}
_LONGEST = 100_000


def _is_known(asked: Asked) -> bool:
    sent = asked.document
    inside = (sent.get(ENTERPRISE_USER) or {}).keys() <= _ENTERPRISE
    return inside and sent.keys() <= _ATTRIBUTES and (sent.get(NEW_ZOOM) or {}).keys() <= _NEW_ZOOM


def _declares(asked: Asked) -> bool:
    sent = asked.document
    used = {each for each in _EXTENSIONS if sent.get(each)}
    return {CORE_USER, *used} <= set(sent.get("schemas") or ())


def _one_work_address(asked: Asked) -> bool:
    emails = asked.document.get("emails") or []
    return len(emails) <= 1 and all(mail.get("type") == "work" for mail in emails)


def _switches(asked: Asked) -> bool:
    switches = [[{"op": "replace", "value": {"active": state}}] for state in (True, False)]
    return is_patch_op(asked) and asked.document["Operations"] in switches


def _changes_the_group(asked: Asked) -> bool:
    changed = names_changed(asked)
    return (
        is_patch_op(asked)
        and {*changed} <= {"displayName", "members", GROUP_ZOOM}
        and changed != []
    )


def _searches_by_name(asked: Asked) -> bool:
    return "filter" not in asked.query or sought(asked.parameter("filter")) is not None


def sought(question: str) -> str | None:
    """The user name that a filter asks for, with or without quotes; None for another question."""
    if found := re.fullmatch(r'userName eq ("(?:[^"\\]|\\.)*")', question):
        return str(json.loads(found[1]))
    found = re.fullmatch(r"userName eq ([^\s\"]+)", question)
    return found[1] if found else None


def _pages(asked: Asked) -> bool:
    count, start = asked.parameter("count", "10"), asked.parameter("startIndex", "1")
    return count.isdigit() and 1 <= int(count) <= 100 and start.isdigit() and int(start) >= 1


def _patch(*operations: Any) -> Document:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def _user(**attributes: Any) -> Document:
    return {"schemas": [CORE_USER], "userName": "a@example.org", **attributes}


_USER = "/scim2/Users/7"
_GROUP = "/scim2/Groups/7"

RULES: tuple[Rule, ...] = (
    Rule(
        "What is accepted is application/scim+json",
        _API,
        ".* /(Users|Groups).*",
        lambda asked: asked.headers.get("Accept") == "application/scim+json",
        Example("GET", "/scim2/Users", headers={"Accept": "application/json"}),
    ),
    Rule(
        "A body is labelled application/json",
        _COPY,
        _WRITTEN,
        lambda asked: asked.headers.get("Content-Type") == "application/json",
        Example("POST", "/scim2/Users", _user(), headers={"Content-Type": "text/plain"}),
    ),
    Rule(
        "A body is one JSON object",
        _COPY,
        _WRITTEN,
        lambda asked: asked.document != {},
        Example("PUT", _USER, []),
    ),
    Rule(
        "A body has at most 100,000 characters",
        _COPY,
        _WRITTEN,
        lambda asked: len(asked.text) <= _LONGEST,
        Example("POST", "/scim2/Users", _user(title="x" * _LONGEST)),
    ),
    Rule(
        "An id in an address is percent-encoded",
        "withone.ai/knowledge/zoom, whose sample id holds “&”",
        ".* /(Users|Groups)/…",
        lambda asked: "&" not in asked.path and "?" not in asked.path,
        Example("GET", "/scim2/Users/k&7"),
    ),
    Rule(
        "A list is asked for by startIndex, count and filter",
        _API,
        "GET /(Users|Groups)",
        lambda asked: asked.query.keys() <= {"startIndex", "count", "filter"},
        Example("GET", "/scim2/Users?attributes=userName"),
    ),
    Rule(
        "A page has 1 to 100 entries, counted from 1",
        _COPY,
        "GET /(Users|Groups)",
        _pages,
        Example("GET", "/scim2/Users?count=101"),
    ),
    Rule(
        "Users are searched for by userName eq, with one value",
        _API,
        "GET /Users",
        _searches_by_name,
        Example("GET", "/scim2/Users?filter=userName%20co%20%22a%22"),
    ),
    Rule(
        "Groups are not searched for",
        f"{_API}: no filter is described for groups",
        "GET /Groups",
        lambda asked: "filter" not in asked.query,
        Example("GET", "/scim2/Groups?filter=displayName%20eq%20%22a%22"),
    ),
    Rule(
        "Every schema that a user makes use of is named",
        _COPY,
        _SENT,
        _declares,
        Example("PUT", _USER, _user(**{ENTERPRISE_USER: {"organization": "Acme"}})),
    ),
    Rule(
        "A new user has a userName",
        _API,
        "POST /Users",
        lambda asked: bool(asked.document.get("userName")),
        Example("POST", "/scim2/Users", {"schemas": [CORE_USER], "active": True}),
    ),
    Rule(
        "externalId is Zoom's own and is not sent",
        _API,
        _WRITTEN,
        lambda asked: "externalId" not in asked.document,
        Example("POST", "/scim2/Users", _user(externalId="7")),
    ),
    Rule(
        "A user holds the documented attributes only",
        _API,
        _SENT,
        _is_known,
        Example("POST", "/scim2/Users", _user(nickName="Annie")),
    ),
    Rule(
        "A user has one address, which is the work address",
        _API,
        _SENT,
        _one_work_address,
        Example("POST", "/scim2/Users", _user(emails=[{"type": "home", "value": "a@x"}])),
    ),
    Rule(
        "PATCH of a user only switches active, without a path",
        f"{_API}: userADSCIM2Deactivate",
        "PATCH /Users/…",
        _switches,
        Example("PATCH", _USER, _patch({"op": "replace", "path": "active", "value": False})),
    ),
    Rule(
        'The "DisplayName" of the request is invalid.',
        f"{_API}: groupScim2Create; the words from {_COPY}",
        "POST /Groups",
        lambda asked: bool(
            asked.document.get("displayName") and CORE_GROUP in asked.document.get("schemas", [])
        ),
        Example("POST", "/scim2/Groups", {"displayName": "Sales"}),
    ),
    Rule(
        "PATCH of a group changes its name or its members",
        f"{_API}: groupSCIM2Update",
        "PATCH /Groups/…",
        _changes_the_group,
        Example("PATCH", _GROUP, _patch({"op": "add", "path": "owners", "value": []})),
    ),
    Rule(
        "A token is fetched by an empty POST with grant_type and account_id in the address",
        _TOKENS,
        "POST /oauth/token",
        lambda asked: asked.query.keys() == {"grant_type", "account_id"} and not asked.text,
        Example("POST", "/oauth/token", {"grant_type": "account_credentials"}),
    ),
    Rule(
        "A token is fetched with the client's id and secret as Basic authentication",
        _TOKENS,
        "POST /oauth/token",
        lambda asked: asked.headers.get("Authorization", "").startswith("Basic "),
        Example("POST", "/oauth/token?grant_type=account_credentials&account_id=7"),
    ),
)
