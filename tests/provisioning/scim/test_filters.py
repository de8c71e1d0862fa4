"""How filters and the places of a PATCH are read and written back, and what is refused where."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models.path import ScimFilter

from provisioning.scim import filters, messages
from provisioning.scim.filters import (
    And,
    Comparison,
    Entry,
    Filter,
    FilterError,
    Not,
    Or,
    Place,
    Present,
)
from provisioning.scim.paths import Path
from provisioning.scim.schema import CORE_USER, ENTERPRISE_USER
from tests.provisioning.scim import rfc

A, B, C = (Present(Path(None, name)) for name in "abc")
TYPE = Comparison(Path(None, "type"), "eq", "work")


@pytest.mark.parametrize("text", rfc.FILTERS)
def test_every_filter_of_the_rfc_is_read_and_written_back(text: str) -> None:
    read = filters.parse(text)
    assert filters.parse(str(read)) == read


@pytest.mark.parametrize("text", rfc.PLACES)
def test_every_path_of_the_rfc_is_read_and_written_back(text: str) -> None:
    assert str(filters.place(text)) == text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a pr", A),
        ("not pr", Present(Path(None, "not"))),
        ("and pr and or pr", And((Present(Path(None, "and")), Present(Path(None, "or"))))),
        # Errata 4670: “and” binds before “or”, “not” before both.
        ("a pr or b pr and c pr", Or((A, And((B, C))))),
        ("a pr and b pr or c pr", Or((And((A, B)), C))),
        ("not (a pr) and b pr", And((Not(A), B))),
        ("not (a pr and b pr) or c pr", Or((Not(And((A, B))), C))),
        ("(a pr or b pr) and c pr", And((Or((A, B)), C))),
        ("((a pr))", A),
        ("a pr AND b PR oR c Pr", Or((And((A, B)), C))),
        # Errata 7319 and 7322.
        ("NOT(a pr)", Not(A)),
        ("not   (  a pr  )", Not(A)),
        ('x[(a pr or b pr) and type eq "work"]', Entry(Path(None, "x"), And((Or((A, B)), TYPE)))),
        ("x[not (a pr)]", Entry(Path(None, "x"), Not(A))),
        # As section 3.5.2.2 shows it.
        ('type eq"work"', TYPE),
        # As Entra asks.
        (
            'x[type eq "work"].value eq "y"',
            Entry(Path(None, "x"), And((TYPE, Comparison(Path(None, "value"), "eq", "y")))),
        ),
        (f"{CORE_USER}:name.givenName pr", Present(Path(CORE_USER, "name", sub="givenName"))),
        (
            f'{ENTERPRISE_USER}:ids[type eq "work"]',
            Entry(Path(ENTERPRISE_USER, "ids"), TYPE),
        ),
        ("a.$ref pr", Present(Path(None, "a", sub="$ref"))),
        ("a eq null", Comparison(Path(None, "a"), "eq", None)),
        ("a ne true", Comparison(Path(None, "a"), "ne", True)),
        ("a gt -1.5e3", Comparison(Path(None, "a"), "gt", -1500.0)),
        (r'a co "\"\\\u00e9\n"', Comparison(Path(None, "a"), "co", '"\\é\n')),
    ],
)
def test_a_filter_is_read_into_a_tree(text: str, tree: Filter) -> None:
    assert filters.parse(text) == tree
    assert filters.parse(str(tree)) == tree


def test_the_canonical_text_has_one_blank_and_only_needed_brackets() -> None:
    text = '  ( (a PR) )  AND   ((b  EQ"x")) Or not(c pr)  '
    assert str(filters.parse(text)) == 'a pr and b eq "x" or not (c pr)'


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "Nothing is written here"),
        ("   ", 0, "Nothing is written here"),
        ("userName", 8, "One of eq, ne"),
        ("userName eq", 11, "A value must follow eq"),
        ("userName eq ", 12, "A value must follow eq"),
        ("(userName eq )", 13, "A value must follow eq"),
        ("userName eq ann", 12, "in double quotes, true and false in small letters without"),
        ("userName eq 'ann'", 12, "straight double quotes"),
        ('userName eq "ann', 12, "no closing quote"),
        (r'userName eq "a\x"', 14, "backslash"),
        ('userName eq "a\x01"', 14, "hidden character"),
        (r'userName eq "\ud800"', 12, "half a character"),
        ('userName eq "\ud800"', 12, "half a character"),
        ('userName = "ann"', 9, "Write a word such as eq instead of “=”"),
        ('userName == "ann"', 9, "instead of “==”"),
        ('userName like "ann"', 9, "One of eq, ne"),
        ('name.a.b eq "x"', 6, "One of eq, ne"),
        ("name. pr", 5, "No blank"),
        ("name.", 4, "Remove it: name."),
        ('1a eq "x"', 0, "begins with a letter"),
        ("a\u200b pr", 1, "One of eq, ne"),
        ("\x00a pr", 0, "hidden character"),
        ("a pr b pr", 5, "“and” or “or” is missing"),
        ("a pr and", 8, "A condition is missing"),
        ("a pr and and b pr", 13, "One of eq, ne"),
        ("a pr or )", 8, "A condition is missing"),
        ("()", 1, "A condition is missing"),
        ("(a pr", 5, "“)” is missing"),
        ("(a pr]", 5, "“)” is missing"),
        ("x[a pr", 6, "“]” is missing"),
        ("a pr)", 4, "No bracket is open here"),
        ("a pr]", 4, "No bracket is open here"),
        ("x[]", 2, "A condition is missing"),
        ("x[0]", 1, "not chosen by number"),
        ("x[y[a pr]]", 3, "Brackets stand once"),
        ("x.y[a pr]", 3, "Brackets stand once"),
        ("x[a.b pr]", 2, "a part is named alone"),
        (f"x[{CORE_USER}:a pr]", 2, "a part is named alone"),
        ("a gt true", 5, "something that has an order"),
        ("a le null", 5, "something that has an order"),
        ("a co 1", 5, "co needs text"),
        ("a sw null", 5, "sw needs text"),
        ("a eq 1e999", 5, "double quotes"),
        ("a eq NaN", 5, "double quotes"),
        ("a eq True", 5, "a eq true"),
        (f'{CORE_USER} eq "x"', len(CORE_USER), "No attribute stands behind the schema"),
        ("urn:a pr", 5, "No attribute stands behind the schema"),
        ("urn::a:b pr", 4, "one colon between them"),
        ("a:b pr", 1, "One of eq, ne"),
        ("(" * 21 + "a pr", 20, "More than 20 brackets"),
        ("x" * 2_001, 2_000, "at most 2,000 characters"),
    ],
)
def test_a_wrong_filter_is_pointed_at(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        filters.parse(text)
    assert (caught.value.position, caught.value.text) == (position, text)
    assert says in caught.value.problem


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("members[", 8),
        ('members[value eq "u1"', 21),
        ('members[value eq "u1"]display', 22),
        ('members[value eq "u1"].', 22),
        ('members[value eq "u1"].a.b', 24),
        ("members pr", 7),
        ("a.b.c", 3),
        ("a.b[c pr]", 3),
        ("a[b pr][c pr]", 7),
        (ENTERPRISE_USER, len(ENTERPRISE_USER)),
    ],
)
def test_a_wrong_path_of_a_patch_is_pointed_at(text: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        filters.place(text)
    assert caught.value.position == position


def test_a_filter_that_would_be_longer_when_written_out_is_refused() -> None:
    with pytest.raises(FilterError, match="at most"):
        filters.parse(" or ".join("a eq 1e15" for _ in range(150)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_filter_for_one_value_asks_for_just_that_value(value: str) -> None:
    read = filters.parse(messages.equals("userName", value))
    assert read == Comparison(Path(None, "userName"), "eq", value)


# ------------------------------------------------------------------------------ whatever comes

NAMES = st.from_regex(r"[A-Za-z$][A-Za-z0-9$_-]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)


def conditions(attributes: st.SearchStrategy[Path]) -> st.SearchStrategy[Filter]:
    equal, order = st.sampled_from(["eq", "ne"]), st.sampled_from(["gt", "ge", "lt", "le"])
    within = st.sampled_from(["co", "sw", "ew"])
    return st.one_of(
        st.builds(Present, attributes),
        st.builds(Comparison, attributes, equal, TEXTS | NUMBERS | st.booleans() | st.none()),
        st.builds(Comparison, attributes, order, TEXTS | NUMBERS),
        st.builds(Comparison, attributes, within, TEXTS),
    )


def trees(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    def deeper(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)

    return st.recursive(leaves, deeper, max_leaves=6)


def choosing(names: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    return trees(conditions(st.builds(Path, st.none(), names)))


def whole(names: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    paths, lists = attributes(names, st.none() | names), attributes(names, st.none())
    return trees(conditions(paths) | st.builds(Entry, lists, choosing(names)))


def attributes(
    names: st.SearchStrategy[str], subs: st.SearchStrategy[str | None]
) -> st.SearchStrategy[Path]:
    schemas = st.sampled_from([None, ENTERPRISE_USER, "urn:a:b"])
    return st.builds(Path, schemas, names, st.just(()), subs)


FILTERS = whole(NAMES)
PLACES = st.one_of(
    st.builds(Place, attributes(NAMES, st.none() | NAMES)),
    st.builds(Place, attributes(NAMES, st.none() | NAMES), choosing(NAMES)),
)
# The other library takes these words for something else and wants a letter first.
WORDS = {
    *("and", "or", "not", "pr", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"),
    *("true", "false", "null"),
}
SHARED_NAMES = NAMES.filter(lambda name: name[0] != "$" and name.lower() not in WORDS)


@given(FILTERS)
def test_every_filter_reads_back_from_its_text(tree: Filter) -> None:
    assert filters.parse(str(tree)) == tree


@given(PLACES)
def test_every_place_reads_back_from_its_text(place: Place) -> None:
    assert filters.place(str(place)) == place


@given(whole(SHARED_NAMES))
def test_an_independent_library_reads_the_same_filter(tree: Filter) -> None:
    theirs = ScimFilter(str(tree))
    assert filters.parse(str(theirs)) == tree


PIECES = st.sampled_from(
    [*".[]()\":= \\'\n\x00é0", " and ", " or ", "not", "eq", " pr", "type", '"work"', "urn:", "2.0"]
)
ANY_TEXT = st.text() | st.lists(PIECES, max_size=25).map("".join)


@given(ANY_TEXT)
def test_nothing_but_a_filter_error_is_ever_raised(text: str) -> None:
    for read in (filters.parse, filters.place):
        try:
            found: Any = read(text)
        except FilterError as error:
            assert 0 <= error.position <= len(text)
            assert len(error.pointed.splitlines()) == 3
        else:
            assert read(str(found)) == found


class Counted(str):
    """Counts the characters that are taken out of it."""

    taken = 0

    def __getitem__(self, key: Any) -> str:
        part = super().__getitem__(key)
        Counted.taken += max(1, len(part))
        return part


@pytest.mark.parametrize(
    "piece",
    ["(", "not (", "a pr and ", "a pr or ", " ", "a", "a.", "urn:", "urn:a:", "[", '"', "x[", ")"]
    + ['a eq "\\\\" and ', "a eq 1 ", "x[a pr] or ", "\\", "(a pr) and "],
)
@pytest.mark.parametrize("before", ["", "a pr ", 'a eq "', "a eq 1", "urn:a:b:", "x["])
def test_reading_takes_steps_as_many_as_there_are_characters(before: str, piece: str) -> None:
    def steps(size: int) -> int:
        Counted.taken = 0
        for read in (filters.parse, filters.place):
            with suppress(FilterError):
                read(Counted((before + piece * size)[:size]))
        return Counted.taken

    assert steps(1_000) <= 12 * 1_000
    assert steps(2_000) <= 12 * 2_000
    assert steps(10**6) <= 10
