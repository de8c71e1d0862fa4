"""What is sent to a target that takes one spelling only, and when that is tried."""

from typing import Any

import pytest

from provisioning.scim import spelling
from provisioning.scim.spelling import BOOLEANS, CAPITAL, OPS, TEXT

BOTH = {OPS: CAPITAL, BOOLEANS: TEXT}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn"], "Operations": list(operations)}


def test_without_a_lesson_everything_stays_as_the_rfc_has_it() -> None:
    body = patch({"op": "replace", "path": "active", "value": False})
    assert spelling.spelled(body, {}) == body
    assert spelling.spelled(None, BOTH) is None


def test_a_change_is_written_as_entra_writes_it() -> None:
    body = patch(
        {"op": "replace", "path": "active", "value": False},
        {"op": "add", "value": {"active": True, "title": "Boss"}},
        {"op": "remove", "path": "title"},
        {"op": "replace", "path": "primary", "value": True},
    )
    before = repr(body)
    assert spelling.spelled(body, BOTH)["Operations"] == [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "value": {"active": "True", "title": "Boss"}},
        {"op": "Remove", "path": "title"},
        {"op": "Replace", "path": "primary", "value": True},
    ]
    assert repr(body) == before


def test_a_new_user_says_in_text_that_he_is_active() -> None:
    assert spelling.spelled({"userName": "ann", "active": True}, {BOOLEANS: TEXT}) == {
        "userName": "ann",
        "active": "True",
    }


REPLACE = patch({"op": "replace", "path": "title", "value": "Boss"})
SWITCH = patch({"op": "replace", "path": "active", "value": True})


@pytest.mark.parametrize(
    ("body", "said", "known", "expected"),
    [
        (REPLACE, "Invalid op: replace", {}, {OPS: CAPITAL}),
        (REPLACE, "Operation must be one of Add, Replace, Remove", {}, {OPS: CAPITAL}),
        (REPLACE, "Invalid op: Replace", {OPS: CAPITAL}, {}),
        (REPLACE, "The title is too long.", {}, {}),
        (REPLACE, "active must be a string", {}, {}),
        (SWITCH, "active must be a string", {}, {BOOLEANS: TEXT}),
        (SWITCH, "Cannot convert Boolean", {OPS: CAPITAL}, {BOOLEANS: TEXT}),
        (SWITCH, "active must be a string", {BOOLEANS: TEXT}, {}),
        ({"userName": "a", "active": True}, "active: not a string", {}, {BOOLEANS: TEXT}),
        ({"userName": "a"}, "Invalid op", {}, {}),
        (None, "Invalid op", {}, {}),
    ],
)
def test_another_spelling_is_tried_when_the_words_are_about_it(
    body: Any, said: str, known: dict[str, str], expected: dict[str, str]
) -> None:
    assert spelling.other(body, said, known) == expected
