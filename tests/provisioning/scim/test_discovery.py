"""What a description of users teaches: suggestions and warnings, and nothing from a half one."""

from typing import Any

import pytest

from provisioning.scim import discovery
from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER

CREW = "urn:crew:scim:2.0:User"
TYPES = [
    {
        "id": "User",
        "endpoint": "/Users",
        "schema": CORE_USER,
        "schemaExtensions": [{"schema": CREW, "required": False}],
    },
    {"name": "Group", "endpoint": "/scim/v2/Groups/"},
]


def attribute(name: str, *parts: Any, **said: Any) -> dict[str, Any]:
    return {"name": name, "subAttributes": list(parts), **said}


SCHEMAS = [
    {
        "id": CORE_USER,
        "attributes": [
            attribute("id", mutability="readOnly"),
            attribute("userName", required=True),
            attribute("name", attribute("givenName"), attribute("familyName", required=True)),
            attribute("emails", attribute("value"), attribute("type"), multiValued=True),
            attribute("title", mutability="immutable"),
        ],
    },
    {"id": CREW, "attributes": [attribute("shoeSize"), attribute("rank", required=True)]},
    {"id": "urn:crew:scim:2.0:Ship", "attributes": [attribute("mast")]},
]


def learned(types: Any = TYPES, schemas: Any = SCHEMAS) -> dict[str, str]:
    found = discovery.lessons(discovery.listed(types), discovery.listed(schemas))
    return {lesson.flag: lesson.value for lesson in found}


def objection(target: str, *, always: bool = True, **given: Any) -> str:
    return discovery.objection(target, learned(**given), always=always)


def test_what_it_says_is_told_in_a_few_sentences() -> None:
    told = learned()
    assert discovery.in_words("groups", told["groups"]) == "It has groups."
    sentence = discovery.in_words("attributes", told["attributes"])
    assert sentence.startswith("It describes 11 attributes of its users. It needs userName, ")
    assert sentence.endswith("It fills in by itself: id.")


def test_an_application_without_groups_says_so() -> None:
    assert learned(types=TYPES[:1])["groups"] == "no"
    assert "groups" not in learned(types=[])


def test_what_may_be_filled_is_suggested() -> None:
    assert discovery.suggestions(learned()) == [
        "userName",
        "name.givenName",
        "name.familyName",
        "title",
        f"{CREW}:shoeSize",
        f"{CREW}:rank",
    ]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nickName", "does not say that its users have “nickName”"),
        ("name.middleName", "does not say that its users have “name.middleName”"),
        (f"{ENTERPRISE_USER}:department", f"have “{ENTERPRISE_USER}:department”"),
        ("title", "cannot be changed later"),
    ],
)
def test_a_row_that_it_has_something_against_is_warned_of(target: str, words: str) -> None:
    assert words in objection(target)


@pytest.mark.parametrize(
    "target",
    ["USERNAME", "name.givenName", 'emails[type eq "work"].value', f"{CREW.upper()}:shoesize"],
)
def test_a_row_that_it_describes_is_not(target: str) -> None:
    assert objection(target) == ""


def test_what_is_set_once_may_be_set_at_creation() -> None:
    assert objection("title", always=False) == ""


def test_what_it_fills_in_by_itself_is_warned_of() -> None:
    schemas = [{"id": CORE_USER, "attributes": [attribute("title", mutability="readOnly")]}]
    assert "fills in “title” by itself" in objection("title", schemas=schemas)


def test_what_it_needs_and_no_row_fills_is_named() -> None:
    rows = ["userName", "name.givenName"]
    assert discovery.unfilled(rows, learned()) == [f"{CREW}:rank"]


@pytest.mark.parametrize(
    "schemas",
    [
        None,
        [],
        {},
        "x",
        7,
        [None, 7, []],
        {"Resources": 7},
        {"Resources": [{"id": 7, "attributes": 7}]},
        [{"id": CORE_USER}],
        [{"id": CORE_USER, "attributes": {"a": 1}}],
        [
            {
                "id": CORE_USER,
                "attributes": [None, {}, {"name": 7}, {"name": "a b"}, {"name": "<b>"}],
            }
        ],
        # Without the core a description is of something else.
        [{"id": CREW, "attributes": [attribute("shoeSize")]}],
    ],
)
def test_half_a_description_concludes_nothing(schemas: Any) -> None:
    for types in (TYPES, schemas):
        told = learned(types=types, schemas=schemas)
        assert "attributes" not in told
        assert discovery.objection("nickName", told, always=True) == ""
        assert discovery.suggestions(told) == []


def test_a_huge_description_is_cut_and_then_nothing_is_missing() -> None:
    many = [attribute("userName"), *(attribute(f"a{number}" + "x" * 50) for number in range(9_999))]
    told = learned(schemas=[{"id": CORE_USER, "attributes": many}])
    assert len(told["attributes"]) <= 12_000
    assert discovery.objection("nickName", told, always=True) == ""
    assert "attributes of its users" in discovery.in_words("attributes", told["attributes"])


def test_without_resource_types_the_schemas_of_users_are_known_by_their_names() -> None:
    assert f"{CREW}:rank" in learned(types=[])["attributes"]
    assert "mast" not in learned(types=[])["attributes"]


@pytest.mark.parametrize("stored", ["", "{", "[]", "7"])
def test_what_another_version_stored_is_passed_over(stored: str) -> None:
    assert discovery.known({"attributes": stored}) == {}
    assert discovery.in_words("attributes", stored) == ""
