"""A formula is read, or refused with a mark under the character and what would be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam import attributes
from provisioning.expressions.grammar import DEEPEST, FUNCTIONS, LONGEST, parse
from provisioning.expressions.tree import FLAGS
from provisioning.expressions.values import ExpressionError, Kind

NAMES = [attribute.key for attribute in attributes.BUILT_IN] + ["custom.cost_center"]


def refused(formula: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        found = parse(formula)
        found.refuse_unknown(attributes=NAMES, groups=["Sales"])
        found.refuse_list()
    assert 0 <= raised.value.position <= len(formula)
    return raised.value


# ------------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        ("email", Kind.TEXT),
        ("custom.cost_center", Kind.TEXT),
        ("is_active", Kind.FLAG),
        ('"a \\" and \\u00e9"', Kind.TEXT),
        ("-1.5e3", Kind.NUMBER),
        ("true", Kind.FLAG),
        (" lower ( email ) ", Kind.TEXT),
        ("lower(\n  email\n)", Kind.TEXT),
        ("title(title)", Kind.TEXT),
        ("manager", Kind.TEXT),
        ("manager(is_active)", Kind.FLAG),
        ("length(email)", Kind.NUMBER),
        ('if(is_active, 1, "none")', Kind.MIXED),
        ('lower(if(is_active, 1, "none"))', Kind.TEXT),
        ('switch(login_method, "external", true, false)', Kind.FLAG),
        ('if(and(is_active, is_member_of("Sales"), not(is_empty(title))), "a")', Kind.TEXT),
    ],
)
def test_a_formula_is_read(formula: str, kind: Kind) -> None:
    assert parse(formula).root.kind is kind


def test_what_a_formula_depends_on_is_known_without_working_it_out() -> None:
    found = parse('if(is_member_of("Sales"), manager(email), coalesce(title, custom.a))')
    assert [each.name for each in found.attributes] == ["email", "title", "custom.a"]
    assert [each.value for each in found.groups] == ["Sales"]


def test_the_attributes_that_are_yes_or_no_are_known() -> None:
    from iam.models import User

    flags = {key for key in NAMES if isinstance(attributes.value(User(), key), bool)}
    assert flags == FLAGS


def test_a_name_is_no_function_and_attribute_unless_the_bracket_tells() -> None:
    both = {key for key in NAMES if key in FUNCTIONS}
    assert both == {"title", "manager"}


# ----------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("formula", "position", "said"),
    [
        ("", 0, "The formula is empty."),
        ("  ", 0, "The formula is empty."),
        ("lowr(email)", 0, "There is no function “lowr”. Did you mean “lower”?"),
        ("LOWER(email)", 0, "Did you mean “lower”?"),
        ("lower(emial)", 6, "People have no attribute “emial”. Did you mean “email”?"),
        ("lower(Sales)", 6, 'If it is a text, put it in double quotes: "Sales".'),
        ("custom.nothing", 0, "People have no attribute “custom.nothing”."),
        ("lower(email", 11, "A closing bracket “)” is missing here."),
        ("lower(email))", 12, "No bracket is open here. Remove this one."),
        ("lower()", 6, "It is written lower(text). More is missing here."),
        ("lower(email, title)", 13, "Here is one value too many."),
        ('replace(email, "a")', 18, "It is written replace(text, what, with). More is missing"),
        ("lower", 5, "A bracket is missing here: lower(text)"),
        ("lower(email title)", 12, "A comma or a closing bracket is missing here."),
        ("lower(,)", 6, "A value is missing here."),
        ("concat(email,)", 13, "A value is missing here."),
        ("email title", 6, "The formula has ended before this."),
        ('first_name + " "', 11, "“+” has no meaning here"),
        ("a ? b : c", 2, "“?” has no meaning here"),
        ("lower('x')", 6, 'Use straight double quotes: "Sales".'),
        ("lower(“x”)", 6, 'Use straight double quotes: "Sales".'),
        ('"abc', 0, "This text has no closing quote."),
        ('"a\nb"', 2, "A text stands on one line."),
        ('"a\\qb"', 2, "A backslash stands only before"),
        ('"\\ud800"', 0, "This text holds a hidden character."),
        ("email\u0000", 5, "A hidden character stands here."),
        ("em\u200bail", 2, "A hidden character stands here."),
        ("12a", 0, "Write a number as 12 or 1.5"),
        ("1e999", 0, "Write a number as 12 or 1.5"),
        ("left(email, 01)", 12, "Write a number as 12 or 1.5"),
        ('left(email, "2")', 12, "“count” of left() is a number, and this is a text."),
        ("lower(12)", 6, "“text” of lower() is a text, and this is a number."),
        ('if(email, "a")', 3, 'Ask about it, as in equals(department, "Sales").'),
        ("item(email, 1)", 5, 'Make a list of it, as in split(email, "@").'),
        ('lower(split(email, "@"))', 6, "Take one of the list with item()."),
        ('split(email, "@")', 0, "This makes a list, and this attribute takes one value."),
        ("is_member_of(title)", 13, "Write “group” of is_member_of() out, in double quotes."),
        ('is_member_of("Salse")', 13, "There is no group “Salse”. Did you mean “Sales”?"),
        ('manager("email")', 8, "Name one attribute of the manager without quotes"),
        ("manager(manager)", 8, "“manager” of the manager is not known here."),
        ('format_date(title, "DD.MM", "YYYY")', 19, "A date is written with YYYY, MM and DD"),
    ],
)
def test_a_mistake_is_pointed_at_with_what_would_be_right(
    formula: str, position: int, said: str
) -> None:
    error = refused(formula)
    assert said in str(error)
    assert error.position == position
    line, mark, sentence = error.pointed.split("\n")
    assert (len(line), mark) == (len(formula), " " * position + "^")
    assert sentence == str(error)


def test_of_a_long_formula_what_stands_around_the_mistake_is_shown() -> None:
    error = refused(f'concat("{"x" * 50}", lowr(email), "{"y" * 50}")')
    line, mark, _ = error.pointed.split("\n")
    assert (len(line), line[0], line[-1]) == (38, "…", "…")
    assert line[mark.index("^") :].startswith("lowr(emai")


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os')",
        "email.__class__",
        "{{ email }}",
        "lambda: 1",
        "email[0]",
        "1/0",
        "exec(email)",
        "${email}",
    ],
)
def test_nothing_of_another_language_is_understood(formula: str) -> None:
    refused(formula)


def test_size_and_depth_are_limited() -> None:
    assert parse(f'"{"x" * (LONGEST - 2)}"')
    assert "at most 1,000 characters" in str(refused(f'"{"x" * LONGEST}"'))
    assert parse("lower(" * DEEPEST + "email" + ")" * DEEPEST)
    deeper = DEEPEST + 1
    assert "inside each other" in str(refused("lower(" * deeper + "email" + ")" * deeper))
    assert "at most" in str(refused("lower(" * 100_000))


@given(st.text(max_size=LONGEST + 10))
def test_no_text_at_all_raises_anything_else(formula: str) -> None:
    try:
        parse(formula)
    except ExpressionError as error:
        assert 0 <= error.position <= len(formula)
        assert error.pointed.count("\n") == 2


_TOKENS = [*FUNCTIONS, *NAMES, "(", ")", ",", " ", '"a"', '"', "1", "-", "true", "x", ".", "\\"]


@given(st.lists(st.sampled_from(_TOKENS), max_size=60).map("".join))
def test_no_mixture_of_its_own_words_raises_anything_else(formula: str) -> None:
    try:
        parse(formula).refuse_unknown(attributes=NAMES, groups=[])
    except ExpressionError as error:
        assert 0 <= error.position <= len(formula)


@pytest.mark.parametrize(
    "formula",
    ["1 / 0", "length(email) / 0", "while(true)", "for x in email", "__import__", "email.__class__"]
    + ['match(email, "(a+)+$")', "lower(" * 10_000, '"' + "x" * 1_000_000 + '"', "{{7*7}}"],
    ids=lambda formula: formula[:12],
)
def test_bad_input_105_what_divides_repeats_or_reaches_out_is_refused(formula: str) -> None:
    assert len(refused(formula).pointed) < 300
