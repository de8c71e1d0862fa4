"""What a PATCH makes of a document, and which PATCH is refused and why."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scim2_models import EnterpriseUser, Group, PatchOp, SCIMException, ScimPolicy, User

from provisioning.scim import patching
from provisioning.scim.messages import PATCH_OP
from provisioning.scim.patching import MOST, PatchError
from provisioning.scim.schema import CORE_GROUP, CORE_USER, ENTERPRISE_USER

Document = dict[str, Any]

WORK = {"type": "work", "value": "ann@x.test", "primary": True}
HOME = {"type": "home", "value": "ann@home.test"}
USER: Document = {
    "schemas": [CORE_USER, ENTERPRISE_USER],
    "id": "1",
    "meta": {"resourceType": "User"},
    "userName": "ann",
    "active": True,
    "name": {"givenName": "Ann", "familyName": "Ash"},
    "emails": [WORK, HOME],
    ENTERPRISE_USER: {"department": "Sales"},
}
GROUP: Document = {
    "schemas": [CORE_GROUP],
    "id": "g",
    "displayName": "Sales",
    "members": [{"value": "u1", "display": "Ann"}, {"value": "u2"}, {"value": "U1"}],
}


def patched(document: Document, *operations: Document) -> Document:
    before = copy.deepcopy(document)
    after = patching.applied(document, {"schemas": [PATCH_OP], "Operations": list(operations)})
    assert document == before
    return after


def op(op: str, path: str | None = None, value: Any = ...) -> Document:
    operation: Document = {"op": op}
    if path is not None:
        operation["path"] = path
    if value is not ...:
        operation["value"] = value
    return operation


def user(**changes: Any) -> Document:
    """Ann with these changes; None for what is gone."""
    document = {**copy.deepcopy(USER), **changes}
    return {name: value for name, value in document.items() if value is not None}


def group(*members: Document) -> Document:
    return {**GROUP, "members": list(members)}


# ------------------------------------------------------------------------------- add, replace

PATHLESS = {
    "nested": {"name": {"givenName": "Bea"}, "title": "Boss"},
    "dotted": {"name.givenName": "Bea", "title": "Boss"},
    "with the schema": {f"{CORE_USER}:name.givenName": "Bea", f"{CORE_USER}:title": "Boss"},
    "below the schema": {CORE_USER: {"name.givenName": "Bea", "title": "Boss", "id": "7"}},
    "with what is read-only": {
        "id": "7",
        "Meta": {},
        "groups": [],
        "schemas": ["x"],
        "meta.version": "7",
        "name": {"givenName": "Bea"},
        "title": "Boss",
    },
}


@pytest.mark.parametrize("value", PATHLESS.values(), ids=PATHLESS)
@pytest.mark.parametrize("word", ["add", "replace", "Add", "REPLACE"])
def test_values_without_a_path_are_put_where_their_names_say(word: str, value: Document) -> None:
    expected = user(name={"givenName": "Bea", "familyName": "Ash"}, title="Boss")
    assert patched(USER, op(word, value=value)) == expected


@pytest.mark.parametrize(
    ("operation", "held"),
    [
        (op("add", value={f"{ENTERPRISE_USER}:division": "D"}), {"division": "D"}),
        (op("add", value={ENTERPRISE_USER: {"division": "D"}}), {"division": "D"}),
        (op("add", f"{ENTERPRISE_USER}:division", "D"), {"division": "D"}),
        (op("add", ENTERPRISE_USER, {"division": "D"}), {"division": "D"}),
        (op("replace", ENTERPRISE_USER.lower(), {"division": "D"}), {"division": "D"}),
        (op("replace", f"{ENTERPRISE_USER}:manager.value", "7"), {"manager": {"value": "7"}}),
        (op("replace", f"{ENTERPRISE_USER}:manager", {"value": "7"}), {"manager": {"value": "7"}}),
    ],
)
def test_a_value_of_an_extension_joins_what_is_there(operation: Document, held: Document) -> None:
    assert patched(USER, operation) == user(**{ENTERPRISE_USER: {"department": "Sales", **held}})


@pytest.mark.parametrize(
    ("name", "value", "schema"),
    [
        (f"{ENTERPRISE_USER}:division", "D", ENTERPRISE_USER),
        ("urn:x:y:1.0:User:division", "D", "urn:x:y:1.0:User"),
        ("urn:x:y:1.0:User", {"division": "D"}, "urn:x:y:1.0:User"),
        ("urn:x:y:1.0", {"division": "D"}, "urn:x:y:1.0"),
    ],
)
def test_the_schema_of_an_extension_is_declared_with_its_first_value(
    name: str, value: Any, schema: str
) -> None:
    held = user(**{ENTERPRISE_USER: None}, schemas=[CORE_USER])
    after = patched(held, op("add", value={name: value}))
    assert after == {**held, "schemas": [CORE_USER, schema], schema: {"division": "D"}}


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (op("add", "nickName", "A"), {"nickName": "A"}),
        (op("replace", "nickName", "A"), {"nickName": "A"}),
        (op("replace", "USERNAME", "bea"), {"userName": "bea"}),
        (op("replace", "name.givenName", "Bea"), {"name": {**USER["name"], "givenName": "Bea"}}),
        (op("replace", "name", {"title": "Dr"}), {"name": {**USER["name"], "title": "Dr"}}),
        (op("replace", "name", {"GivenName": None}), {"name": {"familyName": "Ash"}}),
        (op("replace", "title", None), {}),
        (op("replace", "name", None), {"name": None}),
        (op("replace", "emails", []), {"emails": None}),
        (op("add", "emails", []), {}),
        (op("add", "title", None), {}),
        (op("add", "emails", {"value": "x"}), {"emails": [WORK, HOME, {"value": "x"}]}),
        (op("add", "emails", [HOME]), {}),
        (op("add", "emails", [{**HOME, "value": "ANN@HOME.TEST", "type": "HOME"}]), None),
        (op("replace", "emails", [HOME]), {"emails": [HOME]}),
        (op("replace", "emails", HOME), {"emails": [HOME]}),
        (op("replace", "emails", [{**HOME, "display": None}, {}, None]), {"emails": [HOME]}),
        (op("add", "roles", {"value": "x"}), {"roles": [{"value": "x"}]}),
        (op("add", "roles.value", "x"), {"roles": [{"value": "x"}]}),
        (op("add", "manager", {"value": "x"}), {"manager": {"value": "x"}}),
        (op("add", "manager.value", "x"), {"manager": {"value": "x"}}),
        (
            op("replace", "emails.type", "other"),
            {"emails": [{**WORK, "type": "other"}, {**HOME, "type": "other"}]},
        ),
        (
            op("replace", 'emails[type eq "WORK"].value', "new"),
            {"emails": [{**WORK, "value": "new"}, HOME]},
        ),
        (
            op("replace", 'emails[value ew ".test" and not (primary eq true)].type', "old"),
            {"emails": [WORK, {**HOME, "type": "old"}]},
        ),
        (
            op("replace", 'emails[type eq "work"]', {"value": "new"}),
            {"emails": [{**WORK, "value": "new"}, HOME]},
        ),
        (
            op("replace", 'emails[type eq "home"].value', None),
            {"emails": [WORK, {"type": "home"}]},
        ),
        # Entra: what matches nothing is made of what the filter says.
        (
            op("add", 'emails[type eq "other" and display eq "x"].value', "new"),
            {"emails": [WORK, HOME, {"type": "other", "display": "x", "value": "new"}]},
        ),
        (
            op("add", 'roles[type eq "x"]', {"value": "y"}),
            {"roles": [{"type": "x", "value": "y"}]},
        ),
        # Only one entry is the primary one.
        (
            op("replace", 'emails[type eq "home"].primary', True),
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
        ),
        (
            op("add", "emails", [{"value": "x", "primary": "True"}]),
            {"emails": [{**WORK, "primary": False}, HOME, {"value": "x", "primary": True}]},
        ),
        (op("replace", 'emails[type eq "work"].primary', True), {}),
        (op("replace", 'emails[type eq "home"].primary', None), {}),
        (op("replace", "active", "False"), {"active": False}),
        (op("replace", "active", "false"), {"active": False}),
        (op("add", "active", False), {"active": False}),
    ],
)
def test_a_value_is_put_where_the_path_says(operation: Document, changes: Document | None) -> None:
    if changes is None:
        changes = {"emails": [WORK, operation["value"][0]]}
    assert patched(USER, operation) == user(**changes)


@pytest.mark.parametrize(
    "value",
    [
        [{"value": "u1"}],
        [{"$ref": None, "value": "u1"}],
        [{"value": "u2"}, {"value": "u1", "display": "Ann Ash", "$ref": "../Users/u1"}],
        {"value": "u1"},
    ],
)
def test_adding_a_member_that_is_there_changes_nothing(value: Any) -> None:
    assert patched(GROUP, op("add", "members", value)) == GROUP


def test_a_member_is_added_once() -> None:
    operation = op("Add", "members", [{"$ref": None, "value": "u3"}, {"value": "u3"}])
    assert patched(GROUP, operation) == group(*GROUP["members"], {"value": "u3"})


def test_okta_may_name_the_id_when_it_renames_a_group() -> None:
    operation = op("replace", value={"id": "other", "displayName": "HR"})
    assert patched(GROUP, operation) == {**GROUP, "displayName": "HR"}


# ------------------------------------------------------------------------------------- remove


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", 'members[value eq "u1"]'),
        op("Remove", "members", [{"value": "u1"}]),
        op("remove", "members", [{"$ref": None, "value": "u1"}, {"value": "u9"}]),
        op("remove", "members", {"members": [{"value": "u1"}]}),
        op("remove", "members", {"value": "u1"}),
        op("remove", "members", ["u1"]),
        op("remove", f'{CORE_GROUP}:members[value eq "u1"]'),
    ],
)
def test_one_member_is_removed_in_every_way_that_is_in_use(operation: Document) -> None:
    assert patched(GROUP, operation) == group({"value": "u2"}, {"value": "U1"})


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", 'members[value eq "u9"]'),
        op("remove", "members", [{"value": "u9"}]),
        op("remove", "members", []),
        op("remove", "members.nothing"),
        op("remove", "nothing"),
        op("remove", "displayName.part"),
        op("remove", 'displayName[value eq "x"]'),
        op("remove", f"{ENTERPRISE_USER}:department"),
        op("remove", ENTERPRISE_USER),
    ],
)
def test_removing_what_is_not_there_is_a_success(operation: Document) -> None:
    assert patched(GROUP, operation) == GROUP


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (op("remove", "NAME"), {"name": None}),
        (op("remove", "name.givenName"), {"name": {"familyName": "Ash"}}),
        (op("remove", "emails"), {"emails": None}),
        (op("remove", "active", "whatever"), {"active": None}),
        (op("remove", 'emails[type eq "work"]'), {"emails": [HOME]}),
        (op("remove", 'emails[value co "test"]'), {"emails": None}),
        (op("remove", "emails[type pr].value"), None),
        (op("remove", "emails.type"), {"emails": [{**WORK, "type": ...}, {**HOME, "type": ...}]}),
        (op("remove", f"{ENTERPRISE_USER}:department"), {ENTERPRISE_USER: None}),
        (op("remove", ENTERPRISE_USER), {ENTERPRISE_USER: None}),
        (op("replace", f"{ENTERPRISE_USER.upper()}:DEPARTMENT", None), {ENTERPRISE_USER: None}),
    ],
)
def test_what_is_removed_leaves_nothing_empty_behind(
    operation: Document, changes: Document | None
) -> None:
    if changes is None:
        changes = {"emails": [{"type": "work", "primary": True}, {"type": "home"}]}
    for entry in changes.get("emails") or []:
        for name in [name for name, value in entry.items() if value is ...]:
            del entry[name]
    if ENTERPRISE_USER in changes:
        changes = {**changes, "schemas": [CORE_USER]}
    assert patched(USER, operation) == user(**changes)


# ------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({}, "invalidSyntax"),
        (None, "invalidSyntax"),
        ("add", "invalidSyntax"),
        (op("move", "title", "x"), "invalidSyntax"),
        ({"op": None}, "invalidSyntax"),
        (op("remove"), "noTarget"),
        (op("remove", ""), "noTarget"),
        (op("remove", value={"title": "x"}), "noTarget"),
        (op("replace", 'emails[type eq "other"].value', "x"), "noTarget"),
        (op("replace", 'roles[type eq "other"]', {"value": "x"}), "noTarget"),
        (op("add", 'emails[type co "other"].value', "x"), "noTarget"),
        (op("add", 'emails[type eq "a" or type eq "b"].value', "x"), "noTarget"),
        (op("add", "emails[type eq null].value", "x"), "noTarget"),
        (op("add", 'name[type eq "x"].value', "x"), "noTarget"),
        (op("add", "title"), "invalidValue"),
        (op("add", None, "x"), "invalidValue"),
        (op("replace", None, None), "invalidValue"),
        (op("add", ENTERPRISE_USER, "x"), "invalidValue"),
        (op("add", value={ENTERPRISE_USER: "x"}), "invalidValue"),
        (op("replace", 'emails[type eq "work"]', "x"), "invalidValue"),
        (op("add", 'emails[type eq "other"]', {"type": "another"}), "invalidValue"),
        (op("replace", "emails", [WORK, {**HOME, "primary": True}]), "invalidValue"),
        (op("replace", "active", "yes"), "invalidValue"),
        (op("replace", "active", 0), "invalidValue"),
        (op("replace", "active", None), "invalidValue"),
        (op("replace", 'emails[type eq "work"].primary', "x"), "invalidValue"),
        (op("remove", "emails", [{"type": "work"}]), "invalidValue"),
        (op("add", "na me", "x"), "invalidPath"),
        (op("add", 7, "x"), "invalidPath"),
        (op("remove", ["title"]), "invalidPath"),
        (op("add", "a.b.c", "x"), "invalidPath"),
        (op("add", value={"a b": "x"}), "invalidPath"),
        (op("add", "urn:x", "x"), "invalidPath"),
        (op("add", "schemas.x", "x"), "invalidPath"),
        (op("add", "emails[type eq", "x"), "invalidFilter"),
        (op("remove", "emails[0]"), "invalidFilter"),
        (op("replace", "id", "x"), "mutability"),
        (op("replace", f"{CORE_USER}:ID", "x"), "mutability"),
        (op("remove", "meta.version"), "mutability"),
        (op("add", 'groups[value eq "x"]', "x"), "mutability"),
        (op("remove", "userName"), "mutability"),
        (op("replace", "userName", ""), "mutability"),
    ],
)
def test_a_wrong_operation_is_refused_by_its_reason(operation: Any, scim_type: str) -> None:
    with pytest.raises(PatchError) as caught:
        patched(USER, op("replace", "title", "Boss"), operation)
    assert caught.value.scim_type == scim_type
    assert str(caught.value) == caught.value.detail != ""


@pytest.mark.parametrize("patch", [None, [], "x", {}, {"Operations": None}, {"Operations": {}}])
def test_a_patch_without_operations_is_refused(patch: Any) -> None:
    with pytest.raises(PatchError) as caught:
        patching.applied(USER, patch)
    assert caught.value.scim_type == "invalidSyntax"


def test_a_group_keeps_its_name() -> None:
    with pytest.raises(PatchError) as caught:
        patched(GROUP, op("remove", "displayName"))
    assert caught.value.scim_type == "mutability"


def test_too_much_at_once_is_refused() -> None:
    many = {f"a{number}": number for number in range(MOST)}
    assert patched(USER, op("add", value=many)) == user(**many)
    for extra in (op("remove", "title"), op("add", "title", "x"), op("add", value={"title": "x"})):
        with pytest.raises(PatchError) as caught:
            patched(USER, op("add", value=many), extra)
        assert caught.value.scim_type == "tooMany"


def test_no_schemas_and_odd_letters_are_no_reason_to_refuse() -> None:
    patch = {"operations": [{"OP": "Replace", "Path": "title", "VALUE": "Boss"}]}
    assert patching.applied(USER, patch) == user(title="Boss")


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "type", "primary", "name", "emails", "members", "$ref"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        *("title", "active", "name", "name.givenName", "emails", "emails.value", "members"),
        *('emails[type eq "work"]', 'emails[value pr or type eq "x"].value', "schemas", "id"),
        *(ENTERPRISE_USER, f"{ENTERPRISE_USER}:manager.value", "urn:x:y:z", "emails[0]", ""),
        *('schemas[value co "core"]', 'name[givenName eq "x"].familyName'),
    ]
)
STRANGE = st.dictionaries(
    st.sampled_from(["emails", "Emails", "name", "members", "schemas", "title", ENTERPRISE_USER]),
    ODD,
)


@given(
    STRANGE,
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "replace", "remove"])},
            optional={"path": PATHS | st.text(max_size=8), "value": ODD | STRANGE},
        ),
        max_size=3,
    ),
)
def test_nothing_but_a_patch_error_is_ever_raised(
    document: Document, operations: list[Document]
) -> None:
    before = copy.deepcopy(document)
    try:
        patching.applied(document, {"Operations": operations})
    except PatchError as error:
        assert error.scim_type
    assert document == before


# --------------------------------------------------------------- as an independent library does


def tolerant(operation: Document) -> ScimPolicy:
    """What we tolerate: an entry is made by `add` alone."""
    unmatched = ScimPolicy.UnmatchedPathFilter
    return ScimPolicy(
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=unmatched.create if operation["op"] == "add" else unmatched.forbid,
    )


def of_theirs(kind: Any, document: Document, operations: list[Document]) -> Document | str:
    """The document after it, or why it was refused."""
    held = kind.model_validate(document)
    try:
        for operation in operations:
            message = {"schemas": [PATCH_OP], "Operations": [operation]}
            patch = PatchOp[kind].model_validate(message, scim_policy=tolerant(operation))
            patch.patch(held, scim_policy=tolerant(operation))
    except SCIMException as error:
        return error.scim_type
    except ValidationError as error:
        return error.errors()[0]["type"].removeprefix("scim_")
    found: Document = held.model_dump()
    return found


def of_ours(document: Document, operations: list[Document]) -> Document | str:
    try:
        return patched(document, *operations)
    except PatchError as error:
        return error.scim_type


TEXTS = st.sampled_from(["a", "b", "c@x.test", "D"])
TYPES = st.sampled_from(["work", "home", "other"])
ENTRIES = st.builds(lambda value, kind: {"value": value, "type": kind}, TEXTS, TYPES)
LISTS = st.lists(ENTRIES, min_size=1, max_size=3, unique_by=lambda entry: entry["type"])
# What may be added again: no operation changes it, so that it is the same for both.
ADDED = st.lists(
    st.builds(lambda value: {"value": value, "type": "other"}, st.sampled_from("ef")),
    min_size=1,
    max_size=2,
    unique_by=lambda entry: entry["value"],
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": TEXTS,
    "active": st.booleans(),
    "name.givenName": TEXTS,
    "name": st.fixed_dictionaries({"familyName": TEXTS}, optional={"givenName": TEXTS}),
    "roles": LISTS,
    'roles[type eq "work"].value': TEXTS,
    'roles[type eq "work" and value eq "a"].display': TEXTS,
    'roles[value sw "c" or not (type eq "home" or type eq "other")].display': TEXTS,
    'roles[type eq "home"].primary': st.booleans(),
    'roles[type eq "work"]': st.fixed_dictionaries({"display": TEXTS}),
    f"{ENTERPRISE_USER}:department": TEXTS,
    f"{ENTERPRISE_USER}:manager": st.fixed_dictionaries({"value": TEXTS}),
    f"{ENTERPRISE_USER}:manager.value": TEXTS,
    f"{CORE_USER}:nickName": TEXTS,
    ENTERPRISE_USER: st.fixed_dictionaries({"division": TEXTS}),
    "id": TEXTS,
    "meta.version": TEXTS,
}


def operations_on(path: str) -> st.SearchStrategy[Document]:
    adds = st.builds(op, st.just("add"), st.just(path), ADDED if path == "roles" else VALUES[path])
    replaces = st.builds(op, st.just("replace"), st.just(path), VALUES[path])
    removes = st.just(op("remove", path))
    return adds | replaces if path == ENTERPRISE_USER else adds | replaces | removes


def pathless(word: str) -> st.SearchStrategy[Document]:
    names = {
        "title": TEXTS,
        "roles": ADDED if word == "add" else LISTS,
        "name": VALUES["name"],
        ENTERPRISE_USER: VALUES[ENTERPRISE_USER],
        f"{ENTERPRISE_USER}:costCenter": TEXTS,
    }
    return st.fixed_dictionaries({}, optional=names).map(lambda value: op(word, value=value))


OPERATIONS = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(operations_on), pathless("add"), pathless("replace")
)
USERS = st.fixed_dictionaries(
    {"schemas": st.just([CORE_USER]), "userName": TEXTS},
    optional={
        "title": TEXTS,
        "active": st.booleans(),
        "name": VALUES["name"],
        "roles": LISTS,
    },
)


@given(USERS, st.lists(OPERATIONS, min_size=1, max_size=3))
def test_an_independent_library_makes_the_same_of_a_user(
    document: Document, operations: list[Document]
) -> None:
    theirs = of_theirs(User[EnterpriseUser], document, operations)
    ours = of_ours(document, operations)
    if isinstance(theirs, str):
        assert ours == theirs
    else:
        assert isinstance(ours, dict)
        assert User[EnterpriseUser].model_validate(ours).model_dump() == theirs


MEMBERS = st.lists(
    st.sampled_from(["u1", "U1", "u2", "u3"]).map(lambda value: {"value": value}),
    max_size=4,
    unique_by=lambda member: member["value"],
)


@given(
    MEMBERS,
    st.lists(
        st.one_of(
            st.builds(lambda found: op("add", "members", found), MEMBERS),
            st.builds(lambda found: op("replace", "members", found), MEMBERS),
            st.builds(lambda found: op("remove", "members", found), MEMBERS.filter(bool)),
            st.sampled_from(["u1", "U1", "u9"]).map(
                lambda value: op("remove", f'members[value eq "{value}"]')
            ),
            st.just(op("remove", "members")),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_an_independent_library_makes_the_same_of_a_group(
    members: list[Document], operations: list[Document]
) -> None:
    document = {"schemas": [CORE_GROUP], "displayName": "x", "members": members}
    theirs, ours = of_theirs(Group, document, operations), of_ours(document, operations)
    assert isinstance(ours, dict)
    assert Group.model_validate(ours).model_dump() == theirs
