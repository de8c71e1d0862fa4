"""What is sent to a SCIM target, and what is understood of its answers."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, PatchOp, User

from provisioning.scim import messages, paths
from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, Change

WORK = 'emails[type eq "work"].value'
HOME = 'emails[type eq "home"].value'
CITY = 'addresses[type eq "work"].locality'
COUNTRY = 'addresses[type eq "work"].country'
ORGANIZATION = f"{ENTERPRISE_USER}:organization"
ZOOM_USER = "urn:ietf:params:scim:schemas:extension:zoom:1.0:User"

REMOTE: dict[str, Any] = {
    "schemas": [CORE_USER],
    "id": "k&Kd",
    "meta": {"resourceType": "User"},
    "groups": [{"value": "g1"}],
    "externalId": "e1",
    "userName": "ann@example.com",
    "nickName": "kept",
    "active": True,
    "name": {"givenName": "Ann", "familyName": "Ash"},
    "emails": [
        {"type": "work", "value": "ann@example.com", "primary": True},
        {"type": "home", "value": "ann@example.org"},
    ],
}


# ------------------------------------------------------------------------------------- create


def test_the_zoom_guide_gives_the_documented_body() -> None:
    values = {
        "userName": "j@example.com",
        "active": True,
        "name.givenName": "J",
        "name.familyName": "C",
        WORK: "j@example.com",
        ORGANIZATION: "Sales",
        "title": None,
        f"{ZOOM_USER}:pronouns": None,
    }
    assert messages.user(values, external_id="e1") == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "externalId": "e1",
        "userName": "j@example.com",
        "name": {"givenName": "J", "familyName": "C"},
        "emails": [{"type": "work", "value": "j@example.com", "primary": True}],
        "active": True,
        ENTERPRISE_USER: {"organization": "Sales"},
    }


def test_a_created_user_is_valid_for_an_independent_library() -> None:
    values = {
        "userName": "j@example.com",
        WORK: "j@example.com",
        CITY: "Bonn",
        COUNTRY: "DE",
        f"{ENTERPRISE_USER}:manager.value": "26118915",
        'roles[type eq "x"].value': "member",
    }
    found = User[EnterpriseUser].model_validate(messages.user(values))
    assert found[EnterpriseUser].manager.value == "26118915"
    assert [(each.locality, each.country) for each in found.addresses] == [("Bonn", "DE")]
    assert found.emails[0].primary is True


def test_nothing_but_the_schema_is_sent_of_a_person_without_values() -> None:
    assert messages.user({"title": None}) == {"schemas": [CORE_USER]}


# --------------------------------------------------------------------------------------- read


def test_only_the_asked_single_values_are_read() -> None:
    asked = ["userName", WORK, "name.familyName", "name", "emails", "title", ORGANIZATION]
    assert messages.read(REMOTE, asked) == {
        "userName": "ann@example.com",
        WORK: "ann@example.com",
        "name.familyName": "Ash",
    }


@pytest.mark.parametrize(
    ("held", "active"),
    [(True, True), (False, False), ("True", True), ("false", False), ("FALSE", False)],
)
def test_active_is_a_boolean_however_it_is_spelled(held: object, active: bool) -> None:
    assert messages.read({"Active": held}, ["active"])["active"] is active


@pytest.mark.parametrize("held", ["yes", "", 1, 0, None, [], {}])
def test_an_active_that_is_no_boolean_is_left_out(held: object) -> None:
    assert messages.read({"active": held}, ["active"]) == {}


def test_only_active_turns_text_into_a_boolean() -> None:
    assert messages.read({"title": "true"}, ["title"]) == {"title": "true"}


@given(
    st.dictionaries(
        st.sampled_from(["userName", "active", WORK, ORGANIZATION, CITY]),
        st.text() | st.booleans(),
    )
)
def test_what_is_sent_reads_back(values: dict[str, str | bool]) -> None:
    if not isinstance(values.get("active", True), bool):
        del values["active"]
    assert messages.read(messages.user(values), values) == values


# -------------------------------------------------------------------------------------- patch


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (
            Change("active", True, False),
            {"op": "replace", "path": "active", "value": False},
        ),
        (
            Change("title", None, "Boss"),
            {"op": "replace", "path": "title", "value": "Boss"},
        ),
        (
            Change(ORGANIZATION, "a", "b"),
            {"op": "replace", "path": ORGANIZATION, "value": "b"},
        ),
        (
            Change(WORK, "a@example.com", "b@example.com"),
            {"op": "replace", "path": WORK, "value": "b@example.com"},
        ),
        (
            Change(WORK, None, "b@example.com"),
            {"op": "add", "path": "emails", "value": [{"type": "work", "value": "b@example.com"}]},
        ),
        (
            Change(f'{ENTERPRISE_USER}:ids[type eq "a"].value', None, "7"),
            {
                "op": "add",
                "path": f"{ENTERPRISE_USER}:ids",
                "value": [{"type": "a", "value": "7"}],
            },
        ),
        (Change("name.givenName", "Ann", None), {"op": "remove", "path": "name.givenName"}),
        (Change(WORK, "a@example.com", None), {"op": "remove", "path": 'emails[type eq "work"]'}),
        (Change(CITY, "Bonn", None), {"op": "remove", "path": CITY}),
        (Change(ORGANIZATION, "a", None), {"op": "remove", "path": ORGANIZATION}),
    ],
)
def test_each_change_is_one_operation_with_a_path(
    change: Change, operation: dict[str, Any]
) -> None:
    assert messages.patch([change]) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [operation],
    }


def test_the_parts_of_a_new_entry_are_added_together() -> None:
    body = messages.patch([Change(CITY, None, "Bonn"), Change(COUNTRY, None, "DE")])
    entry = {"type": "work", "locality": "Bonn", "country": "DE"}
    assert body["Operations"] == [{"op": "add", "path": "addresses", "value": [entry]}]


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ([Change(COUNTRY, None, "DE")], [CITY]),
        ([Change(COUNTRY, None, "DE"), Change(CITY, "Bonn", "Kiel")], []),
    ],
)
def test_an_entry_that_exists_is_not_added_again(changes: list[Change], held: list[str]) -> None:
    operation = messages.patch(changes, held=held)["Operations"][0]
    assert operation == {"op": "replace", "path": COUNTRY, "value": "DE"}


CHANGES = [
    Change("userName", "ann@example.com", "bob@example.com"),
    Change("title", None, "Boss"),
    Change("name.givenName", "Ann", None),
    Change(WORK, "ann@example.com", "bob@example.com"),
    Change(HOME, "ann@example.org", None),
    Change('phoneNumbers[type eq "work"].value', None, "+49 1"),
    Change(CITY, None, "Bonn"),
    Change(COUNTRY, None, "DE"),
    Change(ORGANIZATION, None, "Sales"),
]


def test_an_independent_server_library_ends_with_the_new_values() -> None:
    kind = User[EnterpriseUser]
    held = kind.model_validate(REMOTE)
    PatchOp[kind].model_validate(messages.patch(CHANGES)).patch(held)
    found = messages.read(held.model_dump(), [change.path for change in CHANGES])
    assert found == {change.path: change.new for change in CHANGES if change.new is not None}


# ---------------------------------------------------------------------------------------- put


def test_a_put_body_holds_what_the_target_holds_with_the_changes_in_it() -> None:
    before = copy.deepcopy(REMOTE)
    assert messages.merged(REMOTE, CHANGES) == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "externalId": "e1",
        "userName": "bob@example.com",
        "nickName": "kept",
        "title": "Boss",
        "active": True,
        "name": {"givenName": None, "familyName": "Ash"},
        "emails": [{"type": "work", "value": "bob@example.com", "primary": True}],
        "phoneNumbers": [{"type": "work", "value": "+49 1", "primary": True}],
        "addresses": [{"type": "work", "locality": "Bonn", "country": "DE"}],
        ENTERPRISE_USER: {"organization": "Sales"},
    }
    assert before == REMOTE


def test_what_only_programmers_understand_is_left_out_of_an_error() -> None:
    detail = 'Parsing failed\nTraceback (most recent call last):\n  File "/srv/app.py", line 5'
    assert messages.error_detail({"detail": detail}) == "Parsing failed"


def test_an_entry_without_a_value_is_not_sent_back() -> None:
    remote = {"emails": [{"value": "", "primary": True}, {"type": "home", "value": "a@x"}]}
    body = messages.merged(remote, [Change(WORK, None, "a@example.com")])
    assert body["emails"] == [
        {"type": "home", "value": "a@x"},
        {"type": "work", "value": "a@example.com"},
    ]


def test_an_entry_that_gets_a_value_keeps_what_else_is_in_it() -> None:
    remote = {"emails": [{"type": "work", "value": "", "primary": True}]}
    body = messages.merged(remote, [Change(WORK, None, "a@example.com")])
    assert body["emails"] == [{"type": "work", "value": "a@example.com", "primary": True}]


def test_the_last_entry_is_cleared_with_an_empty_list() -> None:
    remote = {"emails": [{"type": "work", "value": "a@example.com"}]}
    assert messages.merged(remote, [Change(WORK, "a@example.com", None)])["emails"] == []


def test_an_extension_value_is_cleared_with_null() -> None:
    remote = {"schemas": [CORE_USER, ENTERPRISE_USER.lower()], ENTERPRISE_USER: {"x": 1}}
    body = messages.merged(remote, [Change(ORGANIZATION, "Sales", None)])
    assert body[ENTERPRISE_USER] == {"x": 1, "organization": None}
    assert body["schemas"] == [CORE_USER, ENTERPRISE_USER.lower()]


@pytest.mark.parametrize("schemas", [None, "x", 7, {}, [None, 7]])
def test_missing_or_malformed_schemas_are_repaired(schemas: object) -> None:
    body = messages.merged({"schemas": schemas}, [Change(ORGANIZATION, None, "Sales")])
    assert body["schemas"] == [CORE_USER, ENTERPRISE_USER]


def test_read_only_attributes_are_dropped_in_any_letter_case() -> None:
    body = messages.merged({"ID": "1", "Meta": {}, "GROUPS": []}, [])
    assert body == {"schemas": [CORE_USER]}


# ------------------------------------------------------------------------------------- filter


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ann@example.com", 'userName eq "ann@example.com"'),
        ('a"b', r'userName eq "a\"b"'),
        ("a\\b", r'userName eq "a\\b"'),
        ('x" or active eq "true', r'userName eq "x\" or active eq \"true"'),
        (") or 1 eq 1", 'userName eq ") or 1 eq 1"'),
        ("Zoë", 'userName eq "Zoë"'),
    ],
)
def test_a_value_is_escaped_in_a_filter(value: str, text: str) -> None:
    assert messages.equals("userName", value) == text


@given(st.text())
def test_no_value_can_leave_its_quotes(value: str) -> None:
    text = messages.equals("userName", value)
    found, end = json.JSONDecoder().raw_decode(text, len("userName eq "))
    assert (found, end) == (value, len(text))


# ------------------------------------------------------------------------------------- errors

ZOOM = {
    "code": 300,
    "message": "Validation Failed.",
    "errors": [{"field": "email", "message": "Invalid email."}, {"field": "x"}, None],
}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "No such user.", "status": 400}, "No such user."),
        ({"Detail": "No such user."}, "No such user."),
        (ZOOM, "Validation Failed. Invalid email."),
        ({"code": 300, "message": "No access."}, "No access."),
        (
            {"Errors": {"description": "invalid_authentication", "code": 401}},
            "invalid_authentication",
        ),
        ("Account has not enabled Single Sign-On.", "Account has not enabled Single Sign-On."),
        ("a\x00b\r\n\tc\x1b[31m \u202ed", "a b c [31m d"),
        ("x" * 900, "x" * 500),
        ("<!DOCTYPE html><title>502</title>", ""),
        ("\n<HTML>Bad Gateway</HTML>", ""),
        ("", ""),
        (None, ""),
        ({}, ""),
        ([], ""),
        (42, ""),
        ({"detail": {"odd": 1}, "message": [], "errors": [[["deep"]]]}, ""),
    ],
)
def test_the_words_for_a_person_are_found_in_an_error(body: object, detail: str) -> None:
    assert messages.error_detail(body) == detail


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"scimType": "uniqueness"}, "uniqueness"),
        ({"scimtype": "noTarget"}, "noTarget"),
        ({"scimType": None}, ""),
        ({"scimType": 7}, ""),
        ("uniqueness", ""),
        (None, ""),
    ],
)
def test_the_reason_for_a_machine_is_found_in_an_error(body: object, found: str) -> None:
    assert messages.scim_type(body) == found


NAMES = st.sampled_from(["detail", "message", "errors", "Errors", "description", "scimType"])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=10,
)


@given(BODIES)
def test_no_error_body_is_too_strange(body: object) -> None:
    detail = messages.error_detail(body)
    assert len(detail) <= 500
    assert detail.isprintable()
    assert messages.scim_type(body).isprintable()


@given(st.dictionaries(st.sampled_from(["schemas", "emails", "name", ENTERPRISE_USER]), BODIES))
def test_no_remote_document_is_too_strange_for_a_put(document: dict[str, Any]) -> None:
    body = messages.merged(document, CHANGES)
    for change in CHANGES:
        assert paths.get(body, paths.parse(change.path)) == change.new


# ------------------------------------------------------------------------------ several values

TAGS = "urn:acme:1.0:User:tags"


def test_a_list_is_sent_as_entries_and_in_an_extension_as_it_is() -> None:
    made = messages.user({"userName": "ann", "roles": ["a", "b"], TAGS: ["x"]})
    assert made["roles"] == [{"value": "a"}, {"value": "b"}]
    assert made["urn:acme:1.0:User"] == {"tags": ["x"]}
    assert "urn:acme:1.0:User" in made["schemas"]
    assert messages.read(made, ["roles", TAGS]) == {"roles": ["a", "b"], TAGS: ["x"]}


def test_the_order_of_a_list_and_what_else_is_in_its_entries_means_nothing() -> None:
    there = {"roles": [{"value": "b", "primary": True}, {"display": "?"}, {"value": "a"}, "a", 7]}
    assert messages.read(there, ["roles"]) == {"roles": ["a", "b"]}
    assert messages.read({"roles": []}, ["roles"]) == {}


@pytest.mark.parametrize(
    ("new", "operation", "put"),
    [
        (["b"], {"op": "replace", "path": "roles", "value": [{"value": "b"}]}, [{"value": "b"}]),
        (None, {"op": "remove", "path": "roles"}, []),
    ],
)
def test_a_list_is_changed_as_a_whole(new: list[str] | None, operation: Any, put: Any) -> None:
    change = messages.Change("roles", ["a"], new)
    assert messages.patch([change])["Operations"] == [operation]
    assert messages.merged({"roles": [{"value": "a"}]}, [change])["roles"] == put


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("userName", "userName"),
        (WORK, "emails.value"),
        ('phoneNumbers[type eq "work"].display', "phoneNumbers.display"),
        ("name.givenName", "name.givenName"),
        (ORGANIZATION, ORGANIZATION),
    ],
)
def test_a_filter_names_a_target_without_its_brackets(target: str, named: str) -> None:
    assert messages.sought(target) == named
