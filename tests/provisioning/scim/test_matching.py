"""Which documents a filter asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, Group, User
from scim2_models.path import ScimFilter

from provisioning.scim import filters, matching
from provisioning.scim.filters import And, Comparison, Entry, Filter, Not, Or, Present
from provisioning.scim.paths import Path
from provisioning.scim.schema import CORE_GROUP, CORE_USER, ENTERPRISE_USER
from tests.provisioning.scim import rfc

USER: dict[str, Any] = {
    "schemas": [CORE_USER, ENTERPRISE_USER],
    "id": "Ab1",
    "externalId": "E1",
    "userName": "Ann@example.com",
    "active": True,
    "title": None,
    "nickName": "",
    "name": {"givenName": "Zoë", "familyName": "O'Malley"},
    "emails": [
        {"type": "work", "value": "ann@example.com", "primary": True},
        {"type": "home", "value": "ann@example.org"},
    ],
    "roles": [],
    "meta": {"lastModified": "2011-05-13T04:42:34Z", "resourceType": "User"},
    "loginCount": 7,
    ENTERPRISE_USER: {"department": "Sales", "manager": {"value": "m1", "displayName": None}},
}
GROUP = {"schemas": [CORE_GROUP], "displayName": "Sales", "members": [{"value": "Ab1"}]}


def asks_for(text: str, document: dict[str, Any]) -> bool:
    return matching.matches(filters.parse(text), document)


@pytest.mark.parametrize(("text", "found"), rfc.FILTERS.items())
def test_every_filter_of_the_rfc_finds_whom_it_should(text: str, found: bool) -> None:
    assert asks_for(text, rfc.USER) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "ANN@EXAMPLE.COM"', True),
        ('USERNAME EQ "ann@example.com"', True),
        # externalId and id are compared letter by letter (RFC 7643 3.1).
        ('externalId eq "E1"', True),
        ('externalId eq "e1"', False),
        ('id eq "AB1"', False),
        ('id sw "A"', True),
        ('id sw "a"', False),
        ('id gt "Aa"', True),
        ('meta.resourceType eq "user"', False),
        ('name.givenName eq "zoe\u0308"', True),
        ('name.familyName co "malley"', True),
        ('name.familyName ew "Y"', True),
        ('name.familyName sw "malley"', False),
        ('name eq "Zoë"', False),
        ("name pr", True),
        ("title pr", False),
        ("nickName pr", False),
        ("roles pr", False),
        ("emails pr", True),
        ("emails.display pr", False),
        ("active eq true", True),
        ("active ne true", False),
        ("active pr", True),
        ("active eq 1", False),
        ('active eq "true"', False),
        ('active gt "a"', False),
        ("loginCount ge 7.0", True),
        ("loginCount gt 7", False),
        ("loginCount lt 7.5", True),
        ("loginCount eq true", False),
        ('loginCount gt "1"', False),
        ('loginCount co "7"', False),
        # Nothing is different from everything.
        ('title ne "Boss"', True),
        ("title eq null", True),
        ("title ne null", False),
        ("userName ne null", True),
        ("nobody eq null", True),
        ('nobody lt "x"', False),
        # One entry is enough; “ne” asks for all.
        ('emails.type eq "home"', True),
        ('emails ne "ann@example.com"', False),
        ('emails eq "ANN@example.org"', True),
        ('emails.type eq "work" and emails.value co ".org"', True),
        ('emails[type eq "work" and value co ".org"]', False),
        ('emails[type eq "work"].value co ".COM"', True),
        ("emails[not (primary pr)]", True),
        ("emails[primary eq false]", False),
        ('roles[value eq "x"]', False),
        ('userName[value sw "ann"]', True),
        (f'schemas eq "{ENTERPRISE_USER.upper()}"', True),
        ('schemas[value co "enterprise"]', True),
        # A moment is the same in every time zone.
        ('meta.lastModified eq "2011-05-13T06:42:34+02:00"', True),
        ('meta.lastModified gt "2011-05-13T05:42:34+02:00"', True),
        ('meta.lastModified lt "2011-05-13T04:42:34.5Z"', True),
        # One without a time zone is taken for UTC.
        ('meta.lastModified eq "2011-05-13T04:42:34"', True),
        ('meta.lastModified gt "2011-05-13T04:42:33"', True),
        ('meta.lastModified sw "2011-05"', True),
        ('meta.lastModified gt "2011"', False),
        (f'{ENTERPRISE_USER}:department eq "sales"', True),
        (f'{ENTERPRISE_USER.lower()}:DEPARTMENT eq "sales"', True),
        (f'{ENTERPRISE_USER}:manager eq "M1"', True),
        (f'{ENTERPRISE_USER}:manager.value sw "m"', True),
        (f"{ENTERPRISE_USER}:manager.displayName pr", False),
        (f'{CORE_USER}:name.givenName sw "z"', True),
        ("urn:not:there:x pr", False),
    ],
)
def test_a_filter_finds_whom_it_should(text: str, found: bool) -> None:
    assert asks_for(text, USER) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('displayName eq "sales"', True),
        (f'{CORE_GROUP}:displayName eq "sales"', True),
        ('members eq "Ab1"', True),
        ('members eq "aB1"', False),
        ('members.value eq "aB1"', False),
        ('members[value eq "Ab1"]', True),
        ('members[value eq "aB1"]', False),
    ],
)
def test_members_are_compared_letter_by_letter(text: str, found: bool) -> None:
    assert asks_for(text, GROUP) is found


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(
        [
            "2011-05-13T04:42:34Z",
            "2011-05-13T99",
            "2011-05-13T04:42:34",
            "0001-01-01T00:00:00+14:00",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "value", "type", "primary"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["a", "A", "b", "urn:x:y"]), ODD),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]),
    st.sampled_from(['"a"', '"2011-05-13T04:42:34+02:00"', '"9999-12-31T23:59:59-14:00"']),
)
def test_no_document_is_too_strange_to_be_searched(
    document: dict[str, Any], operator: str, value: str
) -> None:
    for attribute in ("a", "b.a", "urn:x:y:a", "urn:x:y:b.value"):
        found = asks_for(f"{attribute} {operator} {value}", document)
        assert found is not asks_for(f"not ({attribute} {operator} {value})", document)
        asks_for(f"{attribute.partition('.')[0]}[value {operator} {value} or type pr]", document)


# --------------------------------------------------------------- as an independent library does

TEXTS = st.sampled_from(["ann", "Ann", "an", "ANNA", "e1", "E1", "work", "x@y.test", ""])
DOCUMENTS = st.fixed_dictionaries(
    {"schemas": st.just([CORE_USER, ENTERPRISE_USER]), "userName": TEXTS.filter(bool)},
    optional={
        "externalId": TEXTS,
        "title": TEXTS,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({}, optional={"givenName": TEXTS, "familyName": TEXTS}),
        "roles": st.lists(
            st.fixed_dictionaries({"value": TEXTS}, optional={"type": TEXTS}), max_size=3
        ),
        ENTERPRISE_USER: st.fixed_dictionaries({"department": TEXTS}),
    },
)
ATTRIBUTES = st.sampled_from(
    [
        *("userName", "externalId", "title", "name.givenName", "name.familyName", "roles"),
        *("roles.value", "roles.type", f"{ENTERPRISE_USER}:department", f"{CORE_USER}:title"),
    ]
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def compared(attributes: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    def comparison(attribute: str, operator: str, value: str) -> Filter:
        return Comparison(filters.place(attribute).attribute, operator, value)

    return st.builds(comparison, attributes, OPERATORS, TEXTS)


def combined(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    def deeper(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        pair = st.tuples(inner, inner)
        return st.builds(And, pair) | st.builds(Or, pair) | st.builds(Not, inner)

    return st.recursive(leaves, deeper, max_leaves=4)


IN_BRACKETS = combined(compared(st.sampled_from(["type", "value"])))
SHARED = combined(
    compared(ATTRIBUTES)
    | st.just(Comparison(Path(None, "active"), "eq", True))
    | st.builds(Present, ATTRIBUTES.map(lambda text: filters.place(text).attribute))
    | st.builds(Entry, st.just(Path(None, "roles")), IN_BRACKETS)
)


@given(DOCUMENTS, SHARED)
def test_an_independent_library_finds_the_same(document: dict[str, Any], wanted: Filter) -> None:
    kind = User[EnterpriseUser]
    theirs = ScimFilter[kind](str(wanted)).match(kind.model_validate(document))
    assert matching.matches(wanted, document) is theirs


@pytest.mark.parametrize("text", ['members.value eq "Ab1"', 'members[value eq "aB1"]'])
def test_an_independent_library_agrees_about_members(text: str) -> None:
    theirs = ScimFilter[Group](text).match(Group.model_validate(GROUP))
    assert asks_for(text, GROUP) is theirs
