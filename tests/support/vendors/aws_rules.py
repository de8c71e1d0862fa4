"""What AWS IAM Identity Center asks of every request, from its SCIM developer guide (2026-11)."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, PATCH_OP
from provisioning.scim.schema import CORE_GROUP
from tests.support.target import Document
from tests.support.vendors.base import (
    Asked,
    Example,
    Rule,
    is_patch_op,
    members_changed,
    names_changed,
)

_GUIDE = "docs.aws.amazon.com/singlesignon/latest/developerguide"
_PING = "docs.pingidentity.com, AWS IAM Identity Center Provisioner, changelog of 1.1.0.3"

_SENT = "(POST|PUT) /Users.*"
_WRITTEN = "(POST|PUT|PATCH) /(Users|Groups).*"
LISTS = ("emails", "phoneNumbers", "addresses")
_MODIFIABLE = {
    *("userName", "active", "externalId", "displayName", "nickName", "profileUrl", "title"),
    *("userType", "preferredLanguage", "locale", "timezone", "name", ENTERPRISE_USER, *LISTS),
}
_USER_ATTRIBUTES = {*_MODIFIABLE, "schemas", "roles"}
_USER_FILTERS = ({"userName"}, {"externalId"}, {"groups.value"}, {"id", "manager"}, {"id"})
_GROUP_FILTERS = (
    *({"displayName"}, {"externalId"}, {"id"}, {"members"}, {"members.value"}),
    *({"id", "members"}, {"id", "members.value"}),
)
_TERM = r'([A-Za-z.]+) eq ("(?:[^"\\]|\\.)*")'
_MOST_MEMBERS = 100
LARGEST_PAGE = 100


def terms(question: str) -> list[tuple[str, str]]:
    """What a filter asks for, [] if it is no series of `attribute eq "value"`."""
    if not re.fullmatch(f"{_TERM}(?: and {_TERM})*", question):
        return []
    return [(name, json.loads(value)) for name, value in re.findall(_TERM, question)]


def _searches(asked: Asked) -> bool:
    if "filter" not in asked.query:
        return True
    allowed = _GROUP_FILTERS if asked.place == "/Groups" else _USER_FILTERS
    return {name for name, _ in terms(asked.parameter("filter"))} in allowed


def _has_what_is_required(asked: Asked) -> bool:
    name = asked.document.get("name") or {}
    return all([asked.document.get("userName"), asked.document.get("displayName")]) and all(
        [name.get("givenName"), name.get("familyName")]
    )


def _is_single(asked: Asked) -> bool:
    return all(len(values) <= 1 for values in _lists(asked))


def _lists(asked: Asked) -> Iterator[list[Document]]:
    """Each value of an address or a number that is sent as a list."""
    sent = [asked.document, *(each.get("value") for each in asked.operations)]
    for document in sent:
        if isinstance(document, dict):
            yield from (document.get(name) or [] for name in LISTS)
    for operation in asked.operations:
        if operation.get("path") in LISTS and isinstance(operation.get("value"), list):
            yield operation["value"]


def _shows_no_display(asked: Asked) -> bool:
    values = itertools.chain.from_iterable(_lists(asked))
    paths = [str(each.get("path") or "") for each in asked.operations]
    return not any("display" in value for value in values) and not any(
        re.match(r"(emails|phoneNumbers|addresses).*\.display$", path) for path in paths
    )


def _email_is_primary(asked: Asked) -> bool:
    return all(mail.get("primary") is True for mail in asked.document.get("emails") or [])


def _operates(asked: Asked) -> bool:
    """The form of each operation."""
    for operation in asked.operations:
        op = str(operation.get("op", "")).lower()
        path, value = operation.get("path"), operation.get("value")
        if op == "remove" and not path:
            return False
        if op in {"add", "replace"} and value is None:
            return False
        if op not in {"add", "replace", "remove"}:
            return False
    return is_patch_op(asked)


def _filters_by_eq(asked: Asked) -> bool:
    paths = [str(each.get("path") or "") for each in asked.operations]
    return all(terms(inside) for path in paths for inside in re.findall(r"\[(.*)\]", path))


def _at_most_one_switch(asked: Asked) -> bool:
    return len([name for name in names_changed(asked) if name in {"userName", "active"}]) <= 1


def _keeps_name_and_switch(asked: Asked) -> bool:
    removed = [each.get("path") for each in asked.operations if _op(each) == "remove"]
    return not {"userName", "active"} & set(removed)


def _leaves_members_in(asked: Asked) -> bool:
    for operation in asked.operations:
        value, path = operation.get("value"), operation.get("path")
        whole = path == "members" or (not path and isinstance(value, dict) and "members" in value)
        if whole and _op(operation) == "replace":
            return False
        if path == "members" and _op(operation) == "remove" and not value:
            return False
    return True


def _op(operation: Document) -> str:
    return str(operation.get("op", "")).lower()


def _patch(*operations: Any) -> Document:
    return {"schemas": [PATCH_OP], "Operations": operations}


def _user(**attributes: Any) -> Document:
    name = {"givenName": "A", "familyName": "B"}
    own = {"schemas": [CORE_USER], "userName": "a", "displayName": "A B", "name": name}
    return {**own, **attributes}


BASE = "/tenant-1/scim/v2"
_USER, _GROUP = f"{BASE}/Users/7", f"{BASE}/Groups/7"
_MANY = [{"value": str(number)} for number in range(_MOST_MEMBERS + 1)]

RULES: tuple[Rule, ...] = (
    Rule(
        "PATCH has a User-Agent",
        _PING,
        "PATCH .*",
        lambda asked: bool(asked.headers.get("User-Agent")),
        Example("PATCH", _USER, _patch(), headers={"User-Agent": ""}),
        status=403,
    ),
    Rule(
        "A body is one JSON object",
        f"{_GUIDE}/createuser.html",
        _WRITTEN,
        lambda asked: asked.document != {},
        Example("PUT", _USER, []),
    ),
    Rule(
        "A list is asked for by cursor, count and filter",
        f"{_GUIDE}/listusers.html: startIndex and attributes are not supported",
        "GET /(Users|Groups)",
        lambda asked: asked.query.keys() <= {"cursor", "count", "filter"},
        Example("GET", f"{BASE}/Users?startIndex=101"),
    ),
    Rule(
        "A page has 1 to 100 entries",
        f"{_GUIDE}/listusers.html",
        "GET /(Users|Groups)",
        lambda asked: 1 <= int(asked.parameter("count", "1")) <= LARGEST_PAGE,
        Example("GET", f"{BASE}/Users?count=101"),
    ),
    Rule(
        'A filter is attribute eq "value", joined by and, of the attributes in the guide',
        f"{_GUIDE}/listusers.html, listgroups.html",
        "GET /(Users|Groups)",
        _searches,
        Example("GET", f"{BASE}/Users?filter=userName%20co%20%22a%22"),
    ),
    Rule(
        "A user has userName, displayName, a given and a family name",
        f"{_GUIDE}/createuser.html",
        _SENT,
        _has_what_is_required,
        Example("POST", f"{BASE}/Users", {"schemas": [CORE_USER], "userName": "a"}),
    ),
    Rule(
        "The e-mail address is marked as primary",
        f"{_GUIDE}/createuser.html",
        _SENT,
        _email_is_primary,
        Example("POST", f"{BASE}/Users", _user(emails=[{"type": "work", "value": "a@x"}])),
    ),
    Rule(
        "Addresses and telephone numbers have one value each",
        f"{_GUIDE}/limitations.html",
        "(POST|PUT|PATCH) /Users.*",
        _is_single,
        Example("PATCH", _USER, _patch({"op": "add", "path": "emails", "value": [{}, {}]})),
    ),
    Rule(
        "Addresses and telephone numbers have no display",
        f"{_GUIDE}/createuser.html",
        "(POST|PUT|PATCH) /Users.*",
        _shows_no_display,
        Example("POST", f"{BASE}/Users", _user(phoneNumbers=[{"value": "1", "display": "1"}])),
    ),
    Rule(
        "A user holds the supported attributes only",
        f"{_GUIDE}/limitations.html",
        _SENT,
        lambda asked: asked.document.keys() <= _USER_ATTRIBUTES | {"id", "meta"},
        Example("POST", f"{BASE}/Users", _user(entitlements=[])),
    ),
    Rule(
        "PATCH of a user changes the modifiable attributes only",
        f"{_GUIDE}/patchuser.html",
        "PATCH /Users/…",
        lambda asked: {*names_changed(asked)} <= _MODIFIABLE,
        Example("PATCH", _USER, _patch({"op": "add", "path": "photos", "value": [{}]})),
    ),
    Rule(
        "Every operation is add, replace or remove, with a path to remove or a value to put",
        f"{_GUIDE}/patchuser.html",
        "PATCH /(Users|Groups)/…",
        _operates,
        Example("PATCH", _USER, _patch({"op": "remove", "value": {"title": "Boss"}})),
    ),
    Rule(
        "A path chooses by eq",
        f"{_GUIDE}/patchuser.html",
        "PATCH /(Users|Groups)/…",
        _filters_by_eq,
        Example("PATCH", _USER, _patch({"op": "remove", "path": 'emails[type co "w"]'})),
    ),
    Rule(
        "One request has at most one operation on userName or active",
        f"{_GUIDE}/patchuser.html, read strictly",
        "PATCH /Users/…",
        _at_most_one_switch,
        Example(
            "PATCH", _USER, _patch({"op": "replace", "value": {"userName": "b", "active": True}})
        ),
    ),
    Rule(
        "userName and active are not removed",
        f"{_GUIDE}/patchuser.html",
        "PATCH /Users/…",
        _keeps_name_and_switch,
        Example("PATCH", _USER, _patch({"op": "remove", "path": "active"})),
    ),
    Rule(
        "A group has a displayName",
        f"{_GUIDE}/creategroup.html",
        "POST /Groups",
        lambda asked: bool(asked.document.get("displayName")),
        Example("POST", f"{BASE}/Groups", {"schemas": [CORE_GROUP]}),
    ),
    Rule(
        "One request changes at most 100 members",
        f"{_GUIDE}/patchgroup.html, creategroup.html",
        "(POST|PATCH) /Groups.*",
        lambda asked: members_changed(asked) <= _MOST_MEMBERS,
        Example("PATCH", _GROUP, _patch({"op": "add", "path": "members", "value": _MANY})),
    ),
    Rule(
        "PATCH of a group changes displayName, members and externalId only",
        f"{_GUIDE}/patchgroup.html",
        "PATCH /Groups/…",
        lambda asked: {*names_changed(asked)} <= {"displayName", "members", "externalId"},
        Example("PATCH", _GROUP, _patch({"op": "add", "path": "owners", "value": [{}]})),
    ),
    Rule(
        "Members are not replaced or removed all at once",
        f"{_GUIDE}/patchgroup.html, limitations.html",
        "PATCH /Groups/…",
        _leaves_members_in,
        Example("PATCH", _GROUP, _patch({"op": "remove", "path": "members"})),
    ),
)
