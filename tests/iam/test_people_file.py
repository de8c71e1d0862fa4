"""People from a CSV file: what is wrong has a line and a column, all else is a person."""

from pathlib import Path

import pytest

from iam.people_file import Person, people
from iam.people_lines import Problem, Unusable

pytestmark = pytest.mark.django_db


def read(folder: Path, content: bytes | str, *, clearing: bool = False) -> list[Person | Problem]:
    file = folder / "people.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(people(file, clearing=clearing))


@pytest.mark.parametrize(
    "content",
    [
        "username,first_name\nann,Ann\nbob,Bob\n",
        "\ufeffusername,first_name\nann,Ann\nbob,Bob\n",
        "User Name,First name\r\nann,Ann\nbob,Bob\r\n".replace("User Name", "Username"),
        "username;first-name\n ann ; Ann\n\n;\nbob;Bob",
        'username\tFIRST_NAME\n"ann"\t"Ann"\nbob\tBob\n',
    ],
)
def test_the_same_people_are_in_every_way_to_write_it(tmp_path: Path, content: str) -> None:
    found = read(tmp_path, content)
    told = [(each.username, each.values) for each in found if isinstance(each, Person)]
    assert told == [("ann", {"first_name": "Ann"}), ("bob", {"first_name": "Bob"})]


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    (person,) = read(
        tmp_path,
        "username,is_active,manager,Custom Attribute 1,title\n"
        'ann,No,bob,"=1+1, as text\nin two lines",\n'.replace("\nin", " in"),
    )
    assert person == Person(
        2, "ann", {"is_active": False}, {"custom_attribute_1": "=1+1, as text in two lines"}, "bob"
    )


def test_an_empty_cell_says_nothing_or_empties_but_never_switches_off(tmp_path: Path) -> None:
    content = "username,title,is_active,manager\nann,,,\n"
    assert read(tmp_path, content) == [Person(2, "ann")]
    (cleared,) = read(tmp_path, content, clearing=True)
    assert cleared == Person(2, "ann", {"title": ""}, {}, "")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Line 1: The file is empty."),
        (b"\n \n", "Line 1: No column is called"),
        (b"PK\x03\x04rest", "Line 1: This is no Excel workbook (.xlsx), or it is"),
        (b"\xd0\xcf\x11\xe0", "Line 1: This is a file of an older Excel (.xls)."),
        ("username\nann\n".encode("utf-16"), "Line 1: This is UTF-16."),
        ("username,Größe\n".encode("latin-1"), "Line 1: This is not UTF-8."),
        ("username\nann\nzoë\n".encode("latin-1"), "Save it as CSV (UTF-8)."),
        (b"first_name\nAnn\n", "Line 1: No column is called “username”."),
        (b"username|title\nann|x\n", "Line 1: There is no attribute “username|title”."),
        (b"username,shoe size\n", "Line 1: There is no attribute “shoe size”. There are: "),
        (b"username,title,Job title\n", "Line 1: Two columns fill “title”."),
        (b'username,title\nann,x\n"bob,y\ncarl,z\n', "Line 3: Not a line of CSV"),
        (b'username\nann\n"b"ob\n', "Line 3: Not a line of CSV"),
        (b'username\n"' + b"x\n" * 100_000, "Line 2: Not a line of CSV"),
        (b"full_name,username\n", "There is no attribute “full_name”"),
    ],
)
def test_a_file_that_cannot_be_understood_says_from_which_line_on(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    """bad-input-122"""
    with pytest.raises(Unusable) as failed:
        read(tmp_path, content)
    assert sentence in str(failed.value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ann", "Line 3: 1 cell, and the first line has 4."),
        ("ann,1,2,3,4", "Line 3: 5 cells, and the first line has 4."),
        (",a@example.org,,", "Line 3, column “username”: Nobody is named."),
        ("a\u200bn,,,", "Line 3, column “username”: Character 2 cannot be seen"),
        ("a\0,,,", "Line 3, column “username”: Character 2 cannot be seen (U+0000)"),
        ("a" * 151 + ",,,", "Line 3, column “username”: Ensure this value has at most 150"),
        ("ann,example,,", "Line 3, column “email”: Enter a valid email address."),
        ("ann,,maybe,", "Line 3, column “is_active”: “maybe” is neither yes nor no."),
        ("ann,,,ANN", "Line 3, column “manager”: Nobody can be their own manager."),
    ],
)
def test_a_line_that_is_wrong_is_named_and_the_others_are_read(
    tmp_path: Path, line: str, sentence: str
) -> None:
    before, found, after = read(
        tmp_path, f"username,email,is_active,manager\nbob,,,\n{line}\ncarl,,,\n"
    )
    assert sentence in str(found)
    assert isinstance(before, Person)
    assert isinstance(after, Person)


def test_a_line_is_named_by_where_it_begins_when_one_before_has_several(tmp_path: Path) -> None:
    found = read(tmp_path, 'username,title\n"ann","a\nb"\nbob\n')
    assert [str(each) for each in found if isinstance(each, Problem)] == [
        "Line 2, column “title”: Character 2 cannot be seen (U+000A). Delete it and type the text "
        "again.",
        "Line 4: 1 cell, and the first line has 2.",
    ]
