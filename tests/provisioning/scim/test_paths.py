"""What a path means, what is refused and where, and how a document is read and written by it."""

import copy
import pickle
import time
from typing import Any

import pytest
import scim2_models
from hypothesis import given
from hypothesis import strategies as st

from provisioning.scim import paths
from provisioning.scim.paths import Path, PathError, Term
from provisioning.scim.schema import CORE_USER, ENTERPRISE_USER

ENTERPRISE = ENTERPRISE_USER
WORK = 'emails[type eq "work"]'

# ------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("userName", Path(None, "userName")),
        ("name.givenName", Path(None, "name", sub="givenName")),
        ("manager.$ref", Path(None, "manager", sub="$ref")),
        (WORK, Path(None, "emails", (Term("type", "work"),))),
        (f"{WORK}.value", Path(None, "emails", (Term("type", "work"),), "value")),
        (
            'emails[type eq "work" and primary eq true].value',
            Path(None, "emails", (Term("type", "work"), Term("primary", True)), "value"),
        ),
        ("roles[rank eq -1.5e3]", Path(None, "roles", (Term("rank", -1500.0),))),
        ("roles[rank eq 7]", Path(None, "roles", (Term("rank", 7),))),
        (r'roles[type eq "a\"]\\ é"]', Path(None, "roles", (Term("type", 'a"]\\ é'),))),
        (f"{ENTERPRISE}:organization", Path(ENTERPRISE, "organization")),
        (f"{ENTERPRISE}:manager.value", Path(ENTERPRISE, "manager", sub="value")),
        (
            f'{ENTERPRISE}:ids[type eq "a:b.c"].value',
            Path(ENTERPRISE, "ids", (Term("type", "a:b.c"),), "value"),
        ),
        (
            "urn:us:zoom:scim:schemas:extension:1.0:ZoomUser:loginType.sso",
            Path("urn:us:zoom:scim:schemas:extension:1.0:ZoomUser", "loginType", sub="sso"),
        ),
        (
            "urn:scim:schemas:extension:slack:1.0:primaryGroup",
            Path("urn:scim:schemas:extension:slack:1.0", "primaryGroup"),
        ),
    ],
)
def test_a_path_is_read_and_written_back(text: str, path: Path) -> None:
    assert paths.parse(text) == path
    assert paths.parse(str(path)) == path


def test_the_canonical_text_has_one_blank_and_lower_case_words() -> None:
    path = paths.parse('emails[type  EQ "work"   And primary eQ true]')
    assert str(path) == 'emails[type eq "work" and primary eq true]'


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "The path is empty"),
        ("  ", 0, "The path is empty"),
        ('emails[type eq "work"', 21, 'is missing here, as in emails[type eq "work"]'),
        ('emails[type eq "work".value', 21, 'as in emails[type eq "work"].value'),
        ('emails[type eq "work"x', 21, "“]” is missing"),
        ('emails[type = "work"]', 12, 'instead of “=”: type eq "work"'),
        ('emails[type="work"]', 11, "instead of “=”"),
        ('emails[type == "work"]', 12, "instead of “==”"),
        ('emails[type != "work"]', 12, "instead of “!=”"),
        ("emails[type eq 'work']", 15, 'straight double quotes: type eq "work"'),
        ("emails[type eq “work”]", 15, "straight double quotes"),
        ("emails[type eq work]", 15, 'type eq "work"'),
        ("emails[type eq null]", 15, "double quotes"),
        ("emails[primary eq True]", 18, "primary eq true"),
        ("emails[rank eq 1e999]", 15, "double quotes"),
        ("emails[rank eq -Infinity]", 15, "double quotes"),
        ("emails[rank eq NaN]", 15, "double quotes"),
        ('emails[type eq "work].value', 15, "no closing quote"),
        (r'emails[type eq "a\x"]', 17, "backslash"),
        (r'emails[type eq "\u0007"]', 15, "hidden character"),
        (r'emails[type eq "\ud800"]', 15, "hidden character"),
        ('emails[type co "work"]', 12, "Only eq is possible in a mapping"),
        ("emails[type PR]", 12, "Only eq is possible in a mapping"),
        ("emails[work]", 11, "Here eq and a value must stand"),
        ('emails[not (type eq "x")]', 11, "Here eq and a value must stand"),
        ('emails[type eq"work"]', 14, "A blank and a value must follow eq"),
        ("emails[type eq", 14, "A blank and a value must follow eq"),
        ("emails[type eq ]", 15, "Text stands in double quotes"),
        ('emails[type eq "a" or type eq "b"]', 19, "Only “and”"),
        ('emails[type eq "a" "b"]', 19, "Only “and”"),
        ('emails[type eq "a" and]', 22, "must follow “and”"),
        ('emails[type eq "a" and ]', 23, "A condition is missing"),
        ('emails[type eq "a" and Type eq "b"]', 23, "stands twice"),
        ('emails[type eq "a" ]', 18, "No blank"),
        ('emails[ type eq "a"]', 7, "No blank"),
        ("emails[]", 7, "A condition is missing"),
        ("emails[", 7, "A condition is missing"),
        ("emails[0]", 7, 'Choose by type: emails[type eq "work"]'),
        (f"{WORK}value", 22, f"A dot is missing here: {WORK}.value"),
        (f"{WORK}[type eq 1]", 22, "Brackets stand once"),
        ("emails]", 6, "No bracket is open"),
        ("name..givenName", 5, "One dot is enough here: name.givenName"),
        ("name.", 4, "Remove it: name."),
        (".name", 0, "“.” cannot stand here"),
        ("name.given.first", 10, "at most two levels"),
        (f"{WORK}.value.x", 28, "at most two levels"),
        ("na me", 2, "No blank"),
        (" name", 0, "No blank"),
        ("name ", 4, "No blank"),
        ("na\u00a0me", 2, "No blank"),
        ("na\u200bme", 2, "A hidden character"),
        ("name\n", 4, "A hidden character"),
        ("na\x00me", 2, "A hidden character"),
        ("na\ud800me", 2, "A hidden character"),
        ("1name", 0, "begins with a letter"),
        ("näme", 1, "“ä” cannot stand here"),
        ("a" * 501, 500, "at most 500 characters"),
        ("foo:bar", 3, "A colon stands only in a schema"),
        ("urn:", 4, "No attribute stands behind the schema"),
        ("urn:x:name", 10, "No attribute stands behind the schema"),
        (f"{ENTERPRISE}:", len(ENTERPRISE) + 1, f"as in {ENTERPRISE}:department"),
        (ENTERPRISE, len(ENTERPRISE), f"as in {ENTERPRISE}:department"),
        (f"{ENTERPRISE}.division", len(ENTERPRISE), f"as in {ENTERPRISE}:division"),
        (f'{ENTERPRISE}[type eq "x"]', len(ENTERPRISE), "No attribute stands behind the schema"),
        ("urn::a:b:c", 4, "one colon between them"),
        ("urn:a b:c:d", 5, "No blank"),
        ("urn:a:b:1.0", 8, "begins with a letter"),
    ],
)
def test_a_wrong_path_is_pointed_at(text: str, position: int, says: str) -> None:
    with pytest.raises(PathError) as caught:
        paths.parse(text)
    assert caught.value.position == position
    assert says in caught.value.problem


def test_a_missing_bracket_is_pointed_at() -> None:
    with pytest.raises(PathError) as caught:
        paths.parse('emails[type eq "work"')
    assert caught.value.pointed.splitlines() == [
        'emails[type eq "work"',
        "                     ^",
        'A closing bracket “]” is missing here, as in emails[type eq "work"]',
    ]
    assert str(caught.value) == caught.value.problem


def test_a_line_break_in_a_path_does_not_tear_it_from_its_mark() -> None:
    with pytest.raises(PathError) as caught:
        paths.parse("user\nName")
    assert caught.value.pointed.splitlines()[:2] == ["user\ufffdName", "    ^"]


def test_a_path_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(PathError("a b", 1, "No blank.")))  # noqa: S301
    assert (error.text, error.position, str(error)) == ("a b", 1, "No blank.")


def test_a_number_that_is_longer_when_written_out_cannot_make_a_path_too_long() -> None:
    terms = " and ".join(f"a{number} eq 1e15" for number in range(30))
    with pytest.raises(PathError, match="at most 500"):
        paths.parse(f"x[{terms}]")


def test_a_long_wrong_path_is_refused_at_once() -> None:
    started = time.monotonic()
    for text in ("[" * 10**6, "a." * 10**6, 'x[a eq "' + "\\" * 10**6, "urn:" * 10**6):
        with pytest.raises(PathError):
            paths.parse(text)
    assert time.monotonic() - started < 1


PIECES = st.sampled_from(
    [*".[]\":= \\'\n\x00é0", "eq", "and", "type", "emails", '"work"', "urn:", "2.0", "true", "1e9"]
)
NAMES = st.from_regex(r"[A-Za-z$][A-Za-z0-9$_-]{0,9}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=15)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
TERMS = st.lists(
    st.builds(Term, NAMES, TEXTS | st.booleans() | NUMBERS),
    max_size=3,
    unique_by=lambda term: term.attribute.lower(),
).map(tuple)
SCHEMAS = st.none() | st.just(ENTERPRISE) | st.just("urn:a:b")
PATHS = st.builds(Path, SCHEMAS, NAMES, TERMS, st.none() | NAMES)


@given(st.text() | st.lists(PIECES, max_size=20).map("".join))
def test_nothing_but_a_path_error_is_ever_raised(text: str) -> None:
    for read in (paths.parse, paths.target):
        try:
            path = read(text)
        except PathError as error:
            assert 0 <= error.position <= len(text)
            assert len(error.pointed.splitlines()) == 3
        else:
            assert paths.parse(str(path)) == path


@given(PATHS)
def test_every_path_reads_back_from_its_text(path: Path) -> None:
    assert paths.parse(str(path)) == path


# ------------------------------------------------------------------------------------ targets


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("username", "userName"),
        ("ACTIVE", "active"),
        ("Name.GivenName", "name.givenName"),
        (f"{CORE_USER}:userName", "userName"),
        (f"{CORE_USER.upper()}:NAME.familyname", "name.familyName"),
        (WORK, f"{WORK}.value"),
        (f"{WORK}.value", f"{WORK}.value"),
        ('Emails[Type eq "work"].Display', 'emails[type eq "work"].display'),
        ("roles[primary eq true]", "roles[primary eq true].value"),
        ('addresses[type eq "work"].locality', 'addresses[type eq "work"].locality'),
        ("addresses[primary eq true].country", "addresses[primary eq true].country"),
        (f"{ENTERPRISE}:organization", f"{ENTERPRISE}:organization"),
        (f"{ENTERPRISE.lower()}:costCenter", f"{ENTERPRISE}:costCenter"),
        (f"{ENTERPRISE}:manager.value", f"{ENTERPRISE}:manager.value"),
        (f'{ENTERPRISE}:ids[type eq "a"]', f'{ENTERPRISE}:ids[type eq "a"].value'),
        (
            "urn:ietf:params:scim:schemas:extension:zoom:1.0:User:id",
            "urn:ietf:params:scim:schemas:extension:zoom:1.0:User:id",
        ),
    ],
)
def test_a_target_gets_its_canonical_form(text: str, canonical: str) -> None:
    assert str(paths.target(text)) == canonical
    assert paths.target(canonical) == paths.target(text)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("usrName", 0, "SCIM users have no attribute “usrName”. Did you mean “userName”?"),
        ("firstName", 0, "Did you mean “name.givenName”?"),
        ("lastName", 0, "Did you mean “name.familyName”?"),
        ("givenName", 0, "Did you mean “name.givenName”?"),
        ("email", 0, f"Did you mean “{WORK}”?"),
        ("department", 0, f"Did you mean “{ENTERPRISE}:department”?"),
        ("qqqq", 0, "SCIM users have no attribute “qqqq”."),
        (f"{CORE_USER}:usrName", len(CORE_USER) + 1, "Did you mean “userName”?"),
        ("id", 0, "read-only"),
        ("Meta.created", 0, "read-only"),
        ("groups", 0, "read-only"),
        ('groups[type eq "direct"].value', 0, "read-only"),
        ("externalId", 0, "Gatehouse fills “externalId” itself"),
        ("schemas", 0, "Gatehouse fills “schemas” itself"),
        ("password", 0, "Passwords are not provisioned"),
        ("emails", 6, f"in brackets which one is meant: {WORK}."),
        ("emails.value", 6, f"in brackets which one is meant: {WORK}."),
        ("x509Certificates", 16, "several entries"),
        ("addresses", 9, 'meant: addresses[type eq "work"].locality.'),
        ('addresses[type eq "work"]', 25, 'addresses[type eq "work"].locality.'),
        ("name", 4, "Name one of them: name.givenName."),
        ("name.first", 5, "“name” has no part “first”."),
        ("name.givnName", 5, "Did you mean “givenName”?"),
        ('name[type eq "x"].givenName', 4, "exists only once"),
        ("userName.value", 8, "Write userName."),
        ('userName[type eq "x"]', 8, "exists only once"),
        ('emails[kind eq "work"]', 7, "“emails” has no part “kind”."),
        ('emails[type eq "x" and foo eq "y"]', 23, "“emails” has no part “foo”."),
        ('roles[primary eq "True"]', 6, "without quotes: roles[primary eq true]."),
        ("emails[type eq true]", 7, 'in double quotes: emails[type eq "work"].'),
        ('emails[value eq "a"]', 7, 'another part: emails[type eq "work"].value.'),
        ('emails[type eq "work"].mail', 23, "“emails” has no part “mail”."),
        ('emails[type eq "work"', 21, "“]” is missing"),
    ],
)
def test_a_target_that_no_mapping_may_fill_is_pointed_at(
    text: str, position: int, says: str
) -> None:
    with pytest.raises(PathError) as caught:
        paths.target(text)
    assert caught.value.position == position
    assert says in caught.value.problem


@pytest.mark.parametrize("attribute", ["emails", "phoneNumbers", "ims", "x509Certificates"])
def test_the_example_given_for_a_multi_valued_attribute_is_itself_right(attribute: str) -> None:
    with pytest.raises(PathError) as caught:
        paths.target(attribute)
    example = caught.value.problem.rpartition(": ")[2].rstrip(".")
    assert paths.target(example).attribute == attribute


# ---------------------------------------------------------------------------------- documents

USER: dict[str, Any] = {
    "UserName": "ann@x.test",
    "name": {"GivenName": "Ann", "familyName": None},
    "emails": [
        {"type": "home", "value": "ann@home.test"},
        {"type": "Work", "value": "ann@x.test", "primary": True},
    ],
    ENTERPRISE.lower(): {"organization": "Sales"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userName", "ann@x.test"),
        (f"{CORE_USER}:userName", "ann@x.test"),
        ("name.givenName", "Ann"),
        ("name.familyName", None),
        ("title", None),
        ("title.x", None),
        (f"{WORK}.value", "ann@x.test"),
        (WORK, "ann@x.test"),
        ("emails[primary eq true].value", "ann@x.test"),
        ("emails[primary eq 1].value", None),
        ('emails[type eq "other"].value', None),
        (f"{WORK}.display", None),
        (f"{ENTERPRISE}:organization", "Sales"),
        (f"{ENTERPRISE}:division", None),
        ("urn:not:there:x", None),
    ],
)
def test_a_value_is_found_in_any_letter_case(path: str, value: object) -> None:
    assert paths.get(USER, paths.parse(path)) == value


@pytest.mark.parametrize("odd", [None, 7, "text", True, [], [None], ["x"], [[]], {}, {"value": []}])
@pytest.mark.parametrize(
    "path", ["a.b", 'a[type eq "b"].c', "urn:a:b:c.d", 'urn:a:b:c[type eq "b"]']
)
def test_what_has_the_wrong_type_is_absent(odd: object, path: str) -> None:
    for document in ({"a": odd}, {"urn:a:b": odd}, {"urn:a:b": {"c": odd}}):
        document = copy.deepcopy(document)
        read = paths.parse(path)
        assert paths.get(document, read) is None
        paths.remove(document, read)
        paths.put(document, read, "new")
        assert paths.get(document, read) == "new"


def test_containers_and_entries_are_made() -> None:
    document: dict[str, Any] = {}
    for text in ("name.givenName", WORK, f"{ENTERPRISE}:organization", "active"):
        paths.put(document, paths.target(text), "x")
    assert document == {
        "name": {"givenName": "x"},
        "emails": [{"type": "work", "primary": True, "value": "x"}],
        ENTERPRISE: {"organization": "x"},
        "active": "x",
    }


def test_only_the_first_entry_is_the_primary_one() -> None:
    document: dict[str, Any] = {}
    paths.put(document, paths.target('emails[type eq "work"]'), "a")
    paths.put(document, paths.target('emails[type eq "home"]'), "b")
    assert [entry.get("primary") for entry in document["emails"]] == [True, None]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        # RFC 7643 8.7.1 gives an address no `primary`.
        ('addresses[type eq "work"].country', {"type": "work", "country": "x"}),
        ("roles[primary eq false]", {"primary": False, "value": "x"}),
    ],
)
def test_primary_is_set_only_where_it_may_be(text: str, entry: dict[str, Any]) -> None:
    document: dict[str, Any] = {}
    paths.put(document, paths.target(text), "x")
    assert document == {paths.target(text).attribute: [entry]}


def test_an_existing_value_is_replaced_where_it_stands() -> None:
    document = copy.deepcopy(USER)
    paths.put(document, paths.target("userName"), "bob")
    paths.put(document, paths.target(WORK), "bob@x.test")
    paths.put(document, paths.target(f"{ENTERPRISE}:organization"), "HR")
    assert document["UserName"] == "bob"
    assert "userName" not in document
    assert document["emails"][1] == {"type": "Work", "value": "bob@x.test", "primary": True}
    assert document[ENTERPRISE.lower()] == {"organization": "HR"}
    assert ENTERPRISE not in document


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ({"a": 1, "A": 2, "b": 3}, "a", {"b": 3}),
        ({"name": {"givenName": "x"}}, "name.givenName", {}),
        ({"name": {"givenName": "x", "z": 0}}, "name.givenName", {"name": {"z": 0}}),
        ({"name": "x"}, "name.givenName", {"name": "x"}),
        ({"emails": [{"type": "work", "value": "x"}]}, WORK, {}),
        (
            {"emails": [{"type": "work", "value": "x", "display": "y"}]},
            f"{WORK}.display",
            {"emails": [{"type": "work", "value": "x"}]},
        ),
        (
            {"emails": [{"type": "home", "value": "x"}, {"type": "work", "value": "y"}]},
            WORK,
            {"emails": [{"type": "home", "value": "x"}]},
        ),
        (
            {"addresses": [{"type": "work", "primary": True, "locality": "x"}]},
            'addresses[type eq "work"].locality',
            {},
        ),
        ({ENTERPRISE: {"organization": "x"}}, f"{ENTERPRISE}:organization", {}),
        ({}, f"{ENTERPRISE}:organization", {}),
        ({}, "name.givenName", {}),
    ],
)
def test_what_is_removed_leaves_nothing_empty_behind(
    before: dict[str, Any], path: str, after: dict[str, Any]
) -> None:
    document = copy.deepcopy(before)
    paths.remove(document, paths.parse(path))
    assert document == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["userName", "USERNAME", "name", "givenName", "emails", "type", "value", ENTERPRISE]
            ),
            inner | st.just("work"),
            max_size=4,
        )
    ),
    max_leaves=15,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["userName", "USERNAME", "name", "Name", "emails", "Emails", ENTERPRISE]),
    JSON,
)
TARGETS = st.sampled_from(
    [
        "userName",
        "name.givenName",
        WORK,
        f"{WORK}.display",
        'emails[primary eq true and type eq "home"]',
        'addresses[type eq "work"].locality',
        f"{ENTERPRISE}:organization",
        f"{ENTERPRISE}:manager.value",
    ]
).map(paths.target)


@given(DOCUMENTS, TARGETS, st.text() | st.booleans() | st.integers())
def test_what_is_put_is_found(
    document: dict[str, Any], path: Path, value: str | bool | int
) -> None:
    paths.put(document, path, value)
    assert paths.get(document, path) == value


@given(DOCUMENTS, TARGETS)
def test_what_is_removed_is_not_found(document: dict[str, Any], path: Path) -> None:
    paths.remove(document, path)
    assert paths.get(document, path) is None
    again = copy.deepcopy(document)
    paths.remove(again, path)
    assert again == document


@given(TARGETS)
def test_an_independent_library_reads_the_same_paths(path: Path) -> None:
    user = scim2_models.User[scim2_models.EnterpriseUser]
    scim2_models.Path[user](str(path))
