"""A formula is worked out for a person: what it gives, what is empty, and what it may not do."""

import pytest
from hypothesis import given

from provisioning.expressions.evaluation import evaluate
from provisioning.expressions.grammar import LONGEST, parse
from provisioning.expressions.values import (
    LONGEST_TEXT,
    EvaluationError,
    ExpressionError,
    Held,
    Value,
    size,
)
from tests.provisioning.expressions.formulas import Somebody, formulas, people

BOSS = {"email": "boss@example.org", "first_name": "Bea", "title": None, "is_active": True}
ANN = Somebody(
    holds={
        "first_name": "Ann",
        "last_name": "Åsh-O'neil",
        "email": "ann@example.org",
        "title": None,
        "is_active": True,
        "login_method": "external",
        "custom.code": "007",
    },
    manager=BOSS,
    groups=frozenset({"sales"}),
)


def worked_out(formula: str, person: Somebody = ANN) -> Held:
    return evaluate(parse(formula), person)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ('""', None),
        ("title", None),
        ("lower(title)", None),
        ('concat(title, "x")', None),
        ('join("x", title, first_name)', "Ann"),
        ('join(", ", title)', None),
        ("length(title)", 0),
        ("coalesce(title, first_name)", "Ann"),
        ("coalesce(title, title)", None),
        ('if(is_empty(title), "none")', "none"),
        ('if(not(is_empty(title)), "some")', None),
        ('equals(title, "")', True),
        ('contains(title, "x")', False),
        ('starts_with(first_name, "")', False),
        ('switch(title, "", "none")', "none"),
        ("left(first_name, number(title))", None),
        ("manager(title)", None),
        ("replace(title, first_name, email)", None),
        ('replace(first_name, "", "x")', "Ann"),
        ('replace(first_name, "n", "")', "A"),
    ],
)
def test_what_is_empty_is_empty(formula: str, value: Value | None) -> None:
    assert worked_out(formula) == value


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ('equals("STRASSE", "straße")', True),
        ('switch("EXTERNAL", login_method, 1, 2)', 1),
        ('switch("x", "a", 1, "b", 2)', None),
        ('contains(email, "@EXAMPLE.")', True),
        ('ends_with(email, ".ORG")', True),
        ('is_member_of("SALES")', True),
        ('is_member_of("Support")', False),
        ("if(is_active, true, false)", True),
        ("if(false, first_name)", None),
        ("or(false, is_active)", True),
        ("and(true, false, true)", False),
        ("manager(email)", "boss@example.org"),
        ("if(manager(is_active), 1, 0)", 1),
        ("number(custom.code)", 7),
        ('number("1.5")', 1.5),
        ('lower(if(true, 12, "X"))', "12"),
        ("upper(concat(true, 1.5))", "TRUE1.5"),
        ("title(last_name)", "Åsh-O'Neil"),
        ("title(upper(last_name))", "Åsh-O'Neil"),
        ('strip_accents("Łódź Æsir Straße ñ")', "Lodz AEsir Strasse n"),
        ('item(split(email, "@"), 3)', None),
        ('item(split(email, "@"), 0)', None),
        ('item(split(email, "@"), -3)', None),
        ('item(split("a,,b", ","), 2)', None),
        ('join("+", split("a,,b", ","), "c")', "a+b+c"),
        ("left(email, -1)", None),
        ("left(email, 1e300)", "ann@example.org"),
        ("right(email, 3)", "org"),
        ("right(email, 0)", None),
        ('middle("abcdef", 2, 3)', "bcd"),
        ('middle("abcdef", 0, 1)', "a"),
        ('before(email, "#")', "ann@example.org"),
        ('after(email, "#")', None),
        ('list(title, "b", split("c,,a", ","), 1)', ("b", "c", "a", "1")),
        ("list(title)", None),
        ('unique(concat("a", 1))', "a1"),
        ("unique(title)", None),
        ('format_date("25.11.2026", "DD.MM.YYYY", "YYYY-MM-DD")', "2026-11-25"),
        ('format_date("2026-11-25T08:30:00Z", "YYYY-MM-DD", "MM/DD/YYYY")', "11/25/2026"),
    ],
)
def test_what_it_gives(formula: str, value: Value | None) -> None:
    found = worked_out(formula)
    assert (found, type(found)) == (value, type(value))


def test_unique_gives_one_value_after_the_other_wherever_it_stands() -> None:
    found = parse('concat(upper(unique("ann")), "@x")')
    assert found.is_unique
    assert not parse("upper(email)").is_unique
    assert [evaluate(found, ANN, number=each) for each in (1, 2, 10)] == [
        "ANN@x",
        "ANN2@x",
        "ANN10@x",
    ]


def test_without_a_manager_nothing_is_known_of_one() -> None:
    assert worked_out("manager(email)", Somebody()) is None
    assert worked_out('if(manager(is_active), "a", "b")', Somebody()) == "b"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ('format_date("soon", "YYYY-MM-DD", "YYYY")', "“soon” is not a date written as YYYY"),
        ('format_date("2026-02-30", "YYYY-MM-DD", "YYYY")', "is not a date"),
        ('format_date("2026-11-25x", "YYYY-MM-DD", "YYYY")', "is not a date"),
        ('format_date("٢٠٢٦-11-25", "YYYY-MM-DD", "YYYY")', "is not a date"),
        ("number(first_name)", "“Ann” is not a number."),
        ('number("1_000")', "“1_000” is not a number."),
        ('number("nan")', "“nan” is not a number."),
        ('number("1e999")', "“1e999” is not a number."),
    ],
)
def test_what_has_no_value_is_a_sentence(formula: str, said: str) -> None:
    with pytest.raises(EvaluationError, match=said.replace("(", r"\(")):
        worked_out(formula)


@pytest.mark.parametrize(
    "date", ["0000-00-00", "2027-02-29", "10000-01-01", "2026-13-01", "2026-1-1", "-001-01-01"]
)
def test_bad_input_94_a_day_that_does_not_exist_is_refused_with_the_format(date: str) -> None:
    with pytest.raises(EvaluationError, match="is not a date written as YYYY-MM-DD"):
        worked_out('format_date(title, "YYYY-MM-DD", "DD.MM.YYYY")', Somebody({"title": date}))


@pytest.mark.parametrize("time", ["2026-03-29T02:30:00", "2026-03-29T02:30:00+01:00"])
def test_bad_input_94_an_hour_that_a_time_zone_leaves_out_is_on_its_day(time: str) -> None:
    found = worked_out('format_date(title, "YYYY-MM-DD", "DD.MM.YYYY")', Somebody({"title": time}))
    assert found == "29.03.2026"


@pytest.mark.parametrize(
    "formula",
    [
        'coalesce(first_name, number("x"))',
        'if(true, 1, number("x"))',
        'or(true, equals(number("x"), 1))',
    ],
)
def test_what_is_not_asked_for_cannot_fail(formula: str) -> None:
    assert worked_out(formula)


# --------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "formula",
    [
        "concat(email, email, email, email)",
        'replace(email, "x", email)',
        'join(email, "a", "b", "c", "d", "e", "f")',
        f"concat({', '.join(['email'] * 120)})",
    ],
)
def test_no_formula_makes_a_text_that_is_too_long(formula: str) -> None:
    with pytest.raises(EvaluationError, match="more than 4,000 characters|too many long texts"):
        worked_out(formula, Somebody(holds={"email": "x" * (LONGEST_TEXT // 3)}))


def test_a_replacement_that_would_be_huge_is_not_made() -> None:
    doubled = '"xxxxxxxxxx"'
    for _ in range(12):
        doubled = f'replace({doubled}, "x", "xxxxxxxxxx")'
    with pytest.raises(EvaluationError, match="more than 4,000 characters"):
        worked_out(doubled)


@given(formulas(), people())
def test_every_formula_gives_one_value_or_says_why_not(formula: str, person: Somebody) -> None:
    if len(formula) > LONGEST:
        return
    try:
        found = worked_out(formula, person)
    except EvaluationError as error:
        assert str(error).endswith(".")
        return
    assert found is None or isinstance(found, str | bool | int | float | tuple)
    assert found not in ("", ())
    assert size(found) <= LONGEST_TEXT


@given(formulas())
def test_a_right_formula_is_read_as_it_stands(formula: str) -> None:
    try:
        found = parse(formula)
    except ExpressionError as error:
        assert len(formula) > LONGEST, error.pointed
        return
    assert found.text == formula
