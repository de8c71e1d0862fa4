"""Inputs that broke others, by their number in the catalogue: paths, filters, PATCH and lists."""

import json
from typing import Any

import pytest

from provisioning.listing import Walk
from provisioning.scim import filters, matching, messages, patching, paths
from provisioning.scim.filters import Comparison, FilterError
from provisioning.scim.messages import Change
from provisioning.scim.patching import PatchError
from provisioning.scim.paths import Path, PathError
from provisioning.scim.schema import CORE_GROUP, CORE_USER, ENTERPRISE_USER

USER: dict[str, Any] = {
    "schemas": [CORE_USER, ENTERPRISE_USER],
    "id": "1",
    "externalId": "1",
    "userName": "ann",
    "active": True,
    "emails": [{"type": "work", "value": "a@x.test"}, {"type": "home", "value": "b@x.test"}],
    ENTERPRISE_USER: {"department": "Sales"},
}


def patched(*operations: Any, document: dict[str, Any] = USER) -> dict[str, Any]:
    return patching.applied(document, {"Operations": list(operations)})


def refused(*operations: Any) -> str:
    with pytest.raises(PatchError) as caught:
        patched(*operations)
    assert str(caught.value)
    return caught.value.scim_type


# ------------------------------------------------------------------------ A. answers of a target


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_bad_input_20_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(FilterError, match="double quotes"):
        filters.parse(f"a eq {number}")


def test_bad_input_23_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(FilterError, match="at most 2,000 characters"):
        filters.parse(f"a eq {'9' * 5_000}")


def test_bad_input_24_a_zero_character_is_nothing_that_a_path_can_hold() -> None:
    for text in ('emails[type eq "a\x00"].value', r'emails[type eq "a\u0000"].value'):
        with pytest.raises(PathError, match="hidden character"):
            paths.parse(text)


@pytest.mark.parametrize("text", ['id eq "\ud800"', r'id eq "\ud800"', "\ud800 pr"])
def test_bad_input_25_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        filters.parse(text)


# --------------------------------------------------------------------------- B. SCIM in practice


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a)b", "x or 1 eq 1", 'x" or id pr or id eq "', '\\"']
)
def test_bad_input_56_a_name_stays_one_value_in_a_filter(name: str) -> None:
    wanted = filters.parse(messages.equals("userName", name))
    assert wanted == Comparison(Path(None, "userName"), "eq", name)
    assert matching.matches(wanted, {"userName": name})
    assert not matching.matches(wanted, USER)


def test_bad_input_56_a_name_stays_one_value_in_a_path() -> None:
    name = json.dumps('x"] or value pr')
    assert patched({"op": "remove", "path": f"emails[value eq {name}]"}) == USER


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([(50, 50, 700, "51"), (0, 0, 700, "")], "speaks of 700 accounts and listed 50"),
        ([(50, 50, 700, "51"), (50, 0, 700, "101")], "more than once"),
        ([(50, 50, 99, "51"), (50, 49, 99, "101"), (0, 0, 99, "")], "more than once"),
    ],
)
def test_bad_input_69_a_list_with_gaps_is_no_proof(
    pages: list[tuple[int, int, int, str]], reason: str
) -> None:
    assert reason in walked(pages).doubt


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([(5, 5, 3, "6"), (0, 0, 3, "")], "speaks of 3 accounts and listed 5"),
        ([(3, 3, 5, "4"), (0, 0, 5, "")], "speaks of 5 accounts and listed 3"),
        ([(3, 3, 5, "4"), (2, 2, 6, "6"), (0, 0, 6, "")], "5 accounts at first and of 6 later"),
    ],
)
def test_bad_input_70_a_total_that_is_wrong_is_no_proof(
    pages: list[tuple[int, int, int, str]], reason: str
) -> None:
    assert reason in walked(pages).doubt


def walked(pages: list[tuple[int, int, int, str]]) -> Walk:
    walk = Walk()
    for returned, new, total, following in pages:
        walk.page(returned=returned, new=new, total=total, next_page=following)
    assert walk.ended
    assert not walk.proven
    return walk


@pytest.mark.parametrize(("value", "active"), [("False", False), ("TRUE", True), (False, False)])
def test_bad_input_72_active_as_text_is_understood(value: Any, active: bool) -> None:
    assert patched({"op": "replace", "path": "active", "value": value})["active"] is active
    assert patched({"op": "replace", "value": {"active": value}})["active"] is active


@pytest.mark.parametrize("value", [0, 1, None, "no", "", [], {}])
def test_bad_input_72_an_active_that_is_unknown_is_an_error(value: Any) -> None:
    assert refused({"op": "replace", "path": "active", "value": value}) == "invalidValue"
    assert refused({"op": "add", "value": {"active": value}}) == "invalidValue"


@pytest.mark.parametrize("word", ["Replace", "REPLACE", "replace", "Add"])
def test_bad_input_73_an_operation_in_any_letter_case_is_accepted(word: str) -> None:
    assert patched({"op": word, "path": "title", "value": "Boss"})["title"] == "Boss"


def test_bad_input_74_e_mails_without_a_type_or_with_the_same_one_are_kept() -> None:
    several = [{"value": "a"}, {"value": "b"}, {"type": "work", "value": "c"}]
    several.append({"type": "work", "value": "d"})
    assert patched({"op": "replace", "path": "emails", "value": several})["emails"] == several


def test_bad_input_74_two_primary_e_mails_are_an_error() -> None:
    two = [{"value": "a", "primary": True}, {"value": "b", "primary": True}]
    for path in ("emails", None):
        value: Any = two if path else {"emails": two}
        assert refused({"op": "replace", "path": path, "value": value}) == "invalidValue"


@pytest.mark.parametrize(
    "value",
    [
        {ENTERPRISE_USER: {"department": "HR"}},
        {f"{ENTERPRISE_USER}:department": "HR"},
        {ENTERPRISE_USER.lower(): {"DEPARTMENT": "HR"}},
    ],
)
def test_bad_input_76_an_extension_is_accepted_nested_and_flat(value: dict[str, Any]) -> None:
    after = patched({"op": "replace", "value": value})
    assert after == {**USER, ENTERPRISE_USER: {"department": "HR"}}


def test_bad_input_76_an_extension_is_sent_below_its_schema() -> None:
    assert messages.user({f"{ENTERPRISE_USER}:department": "HR"})[ENTERPRISE_USER] == {
        "department": "HR"
    }
    (operation,) = messages.patch([Change(f"{ENTERPRISE_USER}:department", "a", "b")])["Operations"]
    assert operation["path"] == f"{ENTERPRISE_USER}:department"


# --------------------------------------------------------------------------- C. and D. of people


@pytest.mark.parametrize(("name", "other"), [("straße", "STRASSE"), ("ÄÖ", "äö"), ("ann", "ANN")])
def test_bad_input_81_letters_of_either_case_are_the_same_name(name: str, other: str) -> None:
    wanted = filters.parse(messages.equals("userName", other))
    assert matching.matches(wanted, {"userName": name})


def test_bad_input_82_one_name_composed_in_two_ways_is_the_same() -> None:
    wanted = filters.parse(messages.equals("userName", "Zoe\u0308"))
    assert matching.matches(wanted, {"userName": "Zo\u00eb"})


@pytest.mark.parametrize("text", ["{{7*7}}", "${jndi:ldap://x}", "%s%n", "=1+1", "<script>"])
def test_bad_input_96_text_that_looks_like_code_is_text(text: str) -> None:
    after = patched({"op": "add", "path": "title", "value": text})
    assert after["title"] == text
    assert matching.matches(filters.parse(messages.equals("title", text)), after)


@pytest.mark.parametrize("value", ["1", "-1", "null", "admin", "true"])
def test_bad_input_97_an_external_id_is_text_and_nothing_else(value: str) -> None:
    wanted = filters.parse(messages.equals("externalId", value))
    assert matching.matches(wanted, {"externalId": value})
    assert not matching.matches(wanted, {"externalId": value.upper() + "x"})
    assert not matching.matches(filters.parse("externalId eq 1"), {"externalId": "1"})


@pytest.mark.parametrize(
    ("text", "position", "example"),
    [
        ('emails[type eq "work"', 21, 'emails[type eq "work"]'),
        ('emails[type = "work"]', 12, 'type eq "work"'),
        ("name..givenName", 5, "name.givenName"),
        (f"{ENTERPRISE_USER}:", len(ENTERPRISE_USER) + 1, f"{ENTERPRISE_USER}:department"),
        ("usrName", 0, "userName"),
        ("emails[0]", 7, 'emails[type eq "work"]'),
    ],
)
def test_bad_input_102_a_wrong_path_is_pointed_at_and_corrected(
    text: str, position: int, example: str
) -> None:
    with pytest.raises(PathError) as caught:
        paths.target(text)
    assert caught.value.position == position
    assert example in caught.value.problem


@pytest.mark.parametrize("name", ["id", "meta", "meta.version", "groups", "GROUPS"])
def test_bad_input_104_what_is_read_only_is_refused(name: str) -> None:
    with pytest.raises(PathError, match="read-only"):
        paths.target(name)
    for operation in ("add", "replace", "remove"):
        assert refused({"op": operation, "path": name, "value": "x"}) == "mutability"


# ------------------------------------------------------------------------------------- F. inbound


def test_bad_input_132_ten_thousand_ids_in_one_filter_are_refused() -> None:
    with pytest.raises(FilterError, match="at most 2,000 characters"):
        filters.parse(" or ".join(f'id eq "{number}"' for number in range(10_000)))


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "x" or 1 eq 1',
        'userName eq "x" or ""',
        'userName eq "x"; drop table iam_user',
        "userName eq 'x' or 'a' eq 'a'",
        'userName eq "x") or (id pr',
        "*)(uid=*",
    ],
)
def test_bad_input_138_an_injected_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        filters.parse(text)


@pytest.mark.parametrize("piece", ["(", "not (", "a[", "a pr and (", "(not("])
def test_bad_input_138_a_filter_a_thousand_deep_is_refused(piece: str) -> None:
    for repeats in (30, 1_000):
        with pytest.raises(FilterError):
            filters.parse(piece * repeats + "a pr" + ")" * repeats)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ('members[value eq "u1"]', ["u2"]),
        ('members[value eq "U1"]', ["u1", "u2"]),
        ('members[value eq "u1\\" or value pr or value eq \\""]', ["u1", "u2"]),
    ],
)
def test_bad_input_138_just_the_member_that_is_named_is_removed(path: str, left: list[str]) -> None:
    group = {
        "schemas": [CORE_GROUP],
        "displayName": "x",
        "members": [{"value": "u1"}, {"value": "u2"}],
    }
    after = patched({"op": "remove", "path": path}, document=group)
    assert [member["value"] for member in after["members"]] == left


def test_bad_input_138_ten_thousand_operations_at_once_are_refused() -> None:
    operation = {"op": "add", "path": "title", "value": "x"}
    assert refused(*[operation] * 10_000) == "tooMany"
    assert refused({"op": "add", "value": {f"a{n}": n for n in range(10_000)}}) == "tooMany"
