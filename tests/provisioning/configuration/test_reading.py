"""A configuration is read as it stands, and whatever else stands there is named with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.configuration.document import Unusable
from provisioning.configuration.reading import read
from provisioning.configuration.strict_yaml import LARGEST

HEAD = "gatehouse_configuration: 1\n"
# Everything after the head begins in line 2.
WRONG = {
    "unknown section": ("people: {}\n", 2, "There is nothing called “people” here. Known are:"),
    "unknown field": ("groups:\n  A:\n    colour: red\n", 4, "nothing called “colour”"),
    "secret field": ("apps:\n  A:\n    sealed_secrets: x\n", 4, "called “sealed_secrets”"),
    "paused": ("apps:\n  A:\n    paused: false\n", 4, "called “paused”"),
    "unknown in a row": ("apps:\n  A:\n    attribute_mapping:\n      - x: y\n", 5, "called “x”"),
    "match of a group": (
        "apps:\n  A:\n    group_mapping:\n      - {target: a, source: name, match: 1}\n",
        5,
        "called “match”",
    ),
    "row without source": (
        "apps:\n  A:\n    attribute_mapping:\n      - target: a\n",
        5,
        "A row needs “source”.",
    ),
    "same target": (
        "apps:\n  A:\n    attribute_mapping:\n      - {target: a, source: b}\n"
        "      - {target: a, source: c}\n",
        6,
        "Row 1 already fills “a”.",
    ),
    "same key": ("groups:\n  A: {}\n  A: {}\n", 4, "“A” stands here twice, first in line 3."),
    "same key in full": (
        'groups: {}\n"\\u0067roups": {}\n',
        3,
        "stands here twice, first in line 2.",
    ),
    "same name": ("groups:\n  Sales: {}\n  SALES: {}\n", 4, "This is the same name as “Sales”."),
    "blank at the end": ("groups:\n  'Sales ': {}\n", 3, "Blanks stand around this name."),
    "norway": ("groups:\n  A:\n    description: NO\n", 4, "for true or false. Give a text in"),
    "norway as a name": ("groups:\n  no: {}\n", 3, "YAML takes no for true or false."),
    "sexagesimal": ("groups:\n  A:\n    description: 12:30\n", 4, "YAML takes 12:30 for a number"),
    "number": ("groups:\n  A:\n    description: 0042\n", 4, "YAML takes 0042 for a number"),
    "date": ("groups:\n  A:\n    description: 2026-11-26\n", 4, "for a date"),
    "empty": ("groups:\n  A:\n    description:\n", 4, "takes an empty value for nothing"),
    "merge": ("groups:\n  A:\n    <<: {}\n", 4, "nothing called “<<”"),
    "on": ("apps:\n  A:\n    internal: on\n", 4, "Give true or false here, without quotes."),
    "quoted flag": ("apps:\n  A:\n    internal: 'true'\n", 4, "Give true or false"),
    "capital flag": ("apps:\n  A:\n    internal: True\n", 4, "Give true or false"),
    "text as a number": ("apps:\n  A:\n    guard_count: ten\n", 4, "Give a whole number here"),
    "octal": ("apps:\n  A:\n    guard_count: 010\n", 4, "Give a whole number here"),
    "negative": ("apps:\n  A:\n    guard_count: -1\n", 4, "Give a whole number here"),
    "endless": (f"apps:\n  A:\n    guard_count: {'9' * 5000}\n", 4, "Give a whole number here"),
    "infinite": ("apps:\n  A:\n    requests_per_second: .inf\n", 4, "Give a number or null"),
    "null": ("apps:\n  A:\n    guard_count: null\n", 4, "Give a whole number here"),
    "choice": ("apps:\n  A:\n    drift: ignore\n", 4, "is not one of: overwrite, accept, ask."),
    "match": (
        "apps:\n  A:\n    attribute_mapping:\n      - {target: a, source: b, match: 4}\n",
        5,
        "Give 1, 2, 3 or null here",
    ),
    "feature": ("apps:\n  A:\n    features: [fly]\n", 4, "“fly” is not one of: create_users"),
    "list for a text": ("groups:\n  A:\n    description: [a]\n", 4, "Give a text here."),
    "text for a list": ("apps:\n  A:\n    features: create_users\n", 4, "Give a list"),
    "text for entries": ("groups: Sales\n", 2, "Names with colons must stand here"),
    "list for entries": ("groups:\n  - Sales\n", 3, "Names with colons must stand here"),
    "list as a name": ("groups:\n  ? [a]\n  : {}\n", 3, "A name must stand here"),
    "anchor": ("groups: &a {}\n", 2, "References with & and * are not read."),
    "alias": ("groups: *a\n", 2, "References with & and * are not read."),
    "tag": ("groups: !!python/object/apply:os.system [true]\n", 2, "The type “tag:yaml.org"),
    "own tag": ("groups: !x {}\n", 2, "The type “!x” is not read."),
    "tab": ("groups:\n\tA: {}\n", 3, "A tab stands here. Indent with blanks only."),
    "open quote": ("groups:\n  'A: {}\n", None, "This is not YAML"),
    "open bracket": ("groups: [\n", None, "This is not YAML"),
    "two colons": ("groups: a: b\n", 2, "This is not YAML"),
    "two documents": ("---\ngroups: {}\n", 2, "A second document begins here."),
    "depth": (f"groups: {'[' * 500}{']' * 500}\n", 2, "This is nested too deeply."),
    "control character": ("groups:\n  A\x00: {}\n", 3, "A character stands here that cannot be"),
    "too many rows": (
        f"apps:\n  A:\n    attribute_mapping: [{'{},' * 1001}]\n",
        4,
        "a list of at most 1,000 rows",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_belong_there_is_named_with_its_line(case: str) -> None:
    text, line, said = WRONG[case]
    with pytest.raises(Unusable) as refused:
        read((HEAD + text).encode())
    problem = refused.value.problems[0]
    assert said in str(problem) and problem.place is not None
    assert line in (None, problem.place.line)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "The file is empty."),
        (b"# nothing\n", "The file is empty."),
        (b"apps: {}\n", "Begin the file with “gatehouse_configuration: 1”."),
        (b"gatehouse_configuration: 2\n", "Begin the file with “gatehouse_configuration: 1”."),
        (b"- 1\n", "Names with colons must stand here"),
        (b"%YAML 9.9\n---\na: 1\n", "This is not YAML"),
        (HEAD.encode("utf-16"), "The file is not in UTF-8."),
        (
            HEAD.encode() + b"groups:\n  M\xfcller: {}\n",
            "Line 3, column 1: The file is not in UTF-8",
        ),
        (HEAD.encode() + b"#" * LARGEST, "The file is larger than 1 MB."),
        (b"\x7fELF\x00\x01", "cannot be seen"),
    ],
)
def test_what_is_no_configuration_at_all_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(Unusable, match=said):
        read(raw)


def test_a_bomb_of_references_is_refused_at_the_first_one() -> None:
    bomb = (
        HEAD
        + "groups:\n  A: &a [x, x]\n"
        + "".join(f"  B{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(50))
    )
    with pytest.raises(Unusable, match="^Line 3, column 6: References") as refused:
        read(bomb.encode())
    assert len(refused.value.problems) == 1


def test_all_mistakes_are_told_at_once_but_not_endlessly() -> None:
    many = "".join(f"  G{n}:\n    description: no\n" for n in range(100))
    with pytest.raises(Unusable) as refused:
        read(f"{HEAD}groups:\n{many}".encode())
    assert len(refused.value.problems) == 20
    assert [problem.place.line for problem in refused.value.problems if problem.place][:2] == [4, 6]


def test_a_row_that_says_little_is_as_a_new_one() -> None:
    row = "apps:\n  A:\n    attribute_mapping:\n      - target: a\n        source: ' b '\n"
    (read_row,) = read((HEAD + row).encode()).sections["apps"]["A"]["attribute_mapping"]
    assert read_row == {
        "target": "a",
        "kind": "attribute",
        "source": "b",
        "when_empty": "clear",
        "default": "",
        "apply": "always",
        "match": None,
        "sensitive": False,
    }


def test_a_bom_and_line_ends_of_windows_do_no_harm() -> None:
    raw = ("\ufeff" + HEAD + "groups:\n  A:\n    description: b\n").replace("\n", "\r\n").encode()
    assert read(raw).sections["groups"] == {"A": {"description": "b"}}


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_no_text_does_anything_but_being_read_or_refused(garbage: str | bytes) -> None:
    raw = garbage if isinstance(garbage, bytes) else (HEAD + garbage).encode(errors="replace")
    try:
        read(raw)
    except Unusable as refused:
        assert refused.problems
