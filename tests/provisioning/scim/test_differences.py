"""The PATCH that turns one document into another: that it does so, and how little it says."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, PatchOp, User

from provisioning.scim import patching
from provisioning.scim.differences import difference
from provisioning.scim.messages import PATCH_OP
from provisioning.scim.schema import CORE_GROUP, CORE_USER, ENTERPRISE_USER
from tests.provisioning.scim import rfc

Document = dict[str, Any]

WORK = {"type": "work", "value": "ann@x.test", "primary": True}
HOME = {"type": "home", "value": "ann@home.test"}
ADDRESS = {"type": "work", "locality": "Bonn", "country": "DE"}
USER: Document = {
    "schemas": [CORE_USER, ENTERPRISE_USER],
    "id": "1",
    "meta": {"version": "1"},
    "groups": [{"value": "g"}],
    "userName": "ann",
    "active": True,
    "name": {"givenName": "Ann", "familyName": "Ash"},
    "emails": [WORK, HOME],
    "addresses": [ADDRESS],
    ENTERPRISE_USER: {"department": "Sales", "manager": {"value": "7"}},
}


def settled(value: Any) -> Any:
    """The same for whatever means the same: no order of entries, and no value is no value."""
    if isinstance(value, dict):
        parts = {name: settled(each) for name, each in value.items()}
        return {name: each for name, each in parts.items() if each is not None} or None
    if isinstance(value, list):
        entries = [settled(each) for each in value]
        return sorted((each for each in entries if each is not None), key=as_text) or None
    return value


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def user(**changes: Any) -> Document:
    return {**copy.deepcopy(USER), **changes}


def op(op: str, path: str, value: Any = ...) -> Document:
    return {"op": op, "path": path} | ({} if value is ... else {"value": value})


@pytest.mark.parametrize(
    ("changes", "operations"),
    [
        ({}, []),
        ({"userName": "bea"}, [op("replace", "userName", "bea")]),
        ({"title": "Boss"}, [op("add", "title", "Boss")]),
        ({"active": None}, [op("remove", "active")]),
        ({"active": 1}, [op("replace", "active", 1)]),
        (
            {"name": {"givenName": "Bea", "familyName": "Ash"}},
            [op("replace", "name.givenName", "Bea")],
        ),
        ({"name": {"familyName": "Ash"}}, [op("remove", "name.givenName")]),
        ({"name": {"GivenName": "Ann", "familyName": "Ash", "title": None}}, []),
        ({"name": {}}, [op("remove", "name")]),
        ({"emails": []}, [op("remove", "emails")]),
        ({"emails": [HOME, WORK]}, []),
        ({"emails": [WORK]}, [op("remove", 'emails[type eq "home"]')]),
        (
            {"emails": [{**WORK, "value": "b@x.test"}, HOME]},
            [op("replace", 'emails[type eq "work"].value', "b@x.test")],
        ),
        (
            {"emails": [{**WORK, "type": "other"}, HOME]},
            [op("replace", 'emails[value eq "ann@x.test"].type', "other")],
        ),
        (
            {"emails": [WORK, HOME, {"value": "x"}]},
            [op("add", "emails", [{"value": "x"}])],
        ),
        (
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
            [
                op("replace", 'emails[type eq "work"].primary', False),
                op("add", 'emails[type eq "home"].primary', True),
            ],
        ),
        (
            {"addresses": [{"type": "work", "locality": "Kiel"}]},
            [
                op("replace", 'addresses[type eq "work"].locality', "Kiel"),
                op("remove", 'addresses[type eq "work"].country'),
            ],
        ),
        ({"roles": [{"value": "x"}]}, [op("add", "roles", [{"value": "x"}])]),
        (
            {ENTERPRISE_USER: {"department": "HR", "manager": {"value": "8"}}},
            [
                op("replace", f"{ENTERPRISE_USER}:department", "HR"),
                op("replace", f"{ENTERPRISE_USER}:manager.value", "8"),
            ],
        ),
        (
            {ENTERPRISE_USER: None},
            [
                op("remove", f"{ENTERPRISE_USER}:department"),
                op("remove", f"{ENTERPRISE_USER}:manager"),
            ],
        ),
        # The target sets these itself, or nobody can name them.
        ({"id": "2", "meta": {}, "groups": [], "schemas": ["x"]}, []),
        ({"no name": 1, "http://x.test/2.0/User": {"a": 1}}, []),
        # What cannot be told apart is sent as a whole.
        (
            {"emails": [WORK, HOME, HOME]},
            [op("replace", "emails", [WORK, HOME, HOME])],
        ),
        ({"emails": "x"}, [op("remove", "emails"), op("add", "emails", "x")]),
    ],
)
def test_each_change_is_one_operation_with_a_path(
    changes: Document, operations: list[Document]
) -> None:
    body = difference(USER, user(**changes))
    assert body == {"schemas": [PATCH_OP], "Operations": operations}


def group(*members: str) -> Document:
    listed = [{"value": member, "type": "User"} for member in members]
    return {"schemas": [CORE_GROUP], "displayName": "Sales", "members": listed}


def test_one_more_member_of_many_is_one_small_operation() -> None:
    many = [f"{number:08}-7f76-453a-919d-413861904646" for number in range(5_000)]
    body = difference(group(*many), group(*many, "new"))
    assert body["Operations"] == [op("add", "members", [{"value": "new", "type": "User"}])]
    body = difference(group(*many), group(*many[1:]))
    assert body["Operations"] == [op("remove", f'members[value eq "{many[0]}"]')]


def test_a_member_is_never_turned_into_another_one() -> None:
    body = difference(group("u1"), group("U1"))
    assert body["Operations"] == [
        op("remove", 'members[value eq "u1"]'),
        op("add", "members", [{"value": "U1", "type": "User"}]),
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
FEW = st.sampled_from(["a", "A", "b", "ß", 'q"\\]', "2011-05-13T04:42:34Z"]) | TEXTS
SINGLE = FEW | st.booleans() | st.integers(-3, 3)
PARTS = st.dictionaries(st.sampled_from(["givenName", "familyName", "title"]), SINGLE, min_size=1)


def same_entry(entry: Document) -> object:
    """RFC 7643 2.4: no value twice with the same type."""
    return json.dumps([_folded(entry.get("value")), _folded(entry.get("type"))])


def _folded(value: Any) -> Any:
    # Moments are compared as such.
    return value.casefold().replace("ß", "ss") if isinstance(value, str) else value


def lists(*names: str) -> st.SearchStrategy[list[Document]]:
    optional = dict.fromkeys(names, SINGLE) | {"type": FEW}
    entries = st.fixed_dictionaries({"value": FEW}, optional=optional)
    return st.lists(entries, min_size=1, max_size=4, unique_by=same_entry)


def one_primary(entries: list[Document], which: int) -> list[Document]:
    for number, entry in enumerate(entries):
        if number == which:
            entry["primary"] = True
        elif which > 3:
            entry["primary"] = False
    return entries


CORE = {
    "active": st.booleans(),
    "title": SINGLE,
    "name": PARTS,
    "emails": st.builds(one_primary, lists("display"), st.integers(0, 6)),
    "members": st.lists(
        st.fixed_dictionaries({"value": FEW}, optional={"display": FEW}),
        max_size=4,
        unique_by=lambda member: member["value"],
    ),
    "channels": st.lists(FEW, max_size=3, unique=True),
    "odd": SINGLE | PARTS | st.lists(SINGLE, min_size=1, max_size=3, unique_by=as_text),
}
EXTENSIONS = {
    schema: st.fixed_dictionaries(
        {}, optional={"department": SINGLE, "manager": PARTS, "ids": lists("display")}
    )
    for schema in (ENTERPRISE_USER, "urn:x:y:1.0:User")
}


def declared(document: Document) -> Document:
    used = [schema for schema in EXTENSIONS if document.get(schema)]
    return {"schemas": [CORE_USER, *used], **document}


DOCUMENTS = st.fixed_dictionaries({"userName": TEXTS}, optional={**CORE, **EXTENSIONS}).map(
    declared
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_difference_applied_to_the_old_document_gives_the_new_one(
    old: Document, new: Document
) -> None:
    before = copy.deepcopy((old, new))
    body = difference(old, new)
    assert (old, new) == before
    assert settled(patching.applied(old, body)) == settled(new)
    assert all(operation["path"] for operation in body["Operations"])


@given(DOCUMENTS)
def test_nothing_changed_is_nothing_to_say(document: Document) -> None:
    assert difference(document, copy.deepcopy(document))["Operations"] == []


@given(DOCUMENTS, DOCUMENTS)
def test_what_was_sent_once_is_not_sent_again(old: Document, new: Document) -> None:
    after = patching.applied(old, difference(old, new))
    assert settled(patching.applied(after, difference(after, new))) == settled(new)
    assert all(op["path"] in {"channels", "odd"} for op in difference(after, new)["Operations"])


ROLES = st.lists(
    st.fixed_dictionaries(
        {"value": st.sampled_from("abc"), "type": st.sampled_from(["work", "home"])},
        optional={"display": st.sampled_from("xy")},
    ),
    min_size=1,
    max_size=3,
    unique_by=same_entry,
)
SHARED = st.fixed_dictionaries(
    {"userName": st.sampled_from("ab")},
    optional={
        "title": st.sampled_from("ab"),
        "active": st.booleans(),
        "name": st.dictionaries(
            st.sampled_from(["givenName", "familyName"]), st.sampled_from("ab"), min_size=1
        ),
        "roles": st.builds(one_primary, ROLES, st.integers(0, 6)),
        ENTERPRISE_USER: st.dictionaries(
            st.sampled_from(["department", "division"]), st.sampled_from("ab"), min_size=1
        ),
    },
).map(declared)


@given(SHARED, SHARED)
def test_an_independent_library_ends_with_the_new_document(old: Document, new: Document) -> None:
    kind = User[EnterpriseUser]
    body = difference(old, new)
    if not body["Operations"]:
        return
    held = kind.model_validate(old)
    PatchOp[kind].model_validate(body).patch(held)
    assert settled(held.model_dump()) == settled(kind.model_validate(new).model_dump())


@pytest.mark.parametrize("name", rfc.DOCUMENTS)
def test_every_document_of_the_rfc_can_be_built_and_undone(name: str) -> None:
    document = rfc.DOCUMENTS[name]
    kept = {"id", "meta", "groups", "schemas"}
    sent = {key: value for key, value in document.items() if key not in kept}
    bare = {key: value for key, value in document.items() if key in kept}
    built = patching.applied(bare, difference(bare, document))
    assert settled({**built, "schemas": None}) == settled({**bare, **sent, "schemas": None})
    if not {"userName", "displayName"} & document.keys():
        assert patching.applied(document, difference(document, bare)).keys() <= bare.keys()
