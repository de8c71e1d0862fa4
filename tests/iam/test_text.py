"""Two names are the same, or may not be typed at all, by one rule on every database."""

import pytest
from django.core.exceptions import ValidationError

from iam.models import User
from iam.text import NORMALISED_LENGTH, normalise, plain, visible


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ANN@EXAMPLE.ORG", "ann@example.org"),
        ("ÄÖ", "äö"),
        ("straße", "STRASSE"),
        ("İstanbul", "i̇stanbul"),
        ("\u00e9", "e\u0301"),
        ("É", "e\u0301"),
        ("ΣΑΣ", "σας"),
        ("ａｎｎ", "ann"),
        ("ﬁn", "FIN"),
        ("\u212a", "k"),
        ("a\u00a0b", "a b"),
    ],
)
def test_names_that_are_read_alike_are_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann", "anna"), ("a", "ä"), ("i", "ı"), ("ann", "аnn"), ("a b", "ab"), ("a1", "al")],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize("text", ["İ", "ẞ", "ﷺ", "e\u0301\u0327", "\u1e9b\u0323", "Ǆ", "👩‍🚀"])
def test_a_normal_form_does_not_change_any_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("text", ["", "Ann", "Ann 👩‍🚀", "עברית", "e\u0301", "{{7*7}}", "%s%n"])
def test_ordinary_text_is_accepted(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize("text", ["ann", "安娜", "𝒜nn", "עברית", "e\u0301", '"; DROP TABLE x'])
def test_a_name_may_have_the_letters_of_every_language(text: str) -> None:
    assert visible(text) is None


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("\x00ann", 1, "U+0000"),
        ("an\tn", 3, "U+0009"),
        ("ann\n", 4, "U+000A"),
        ("ann\x7f", 4, "U+007F"),
        ("a\x85n", 2, "U+0085"),
        ("a\ud800n", 2, "U+D800"),
    ],
)
@pytest.mark.parametrize("check", [plain, visible])
def test_control_characters_are_refused_everywhere(
    check: type[plain], text: str, place: int, code: str
) -> None:
    """bad-input-80"""
    with pytest.raises(ValidationError, match=f"Character {place} .*U\\{code[1:]}"):
        check(text)


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("an\u200bn", 3, "U+200B"),
        ("ann\u202egro", 4, "U+202E"),
        ("\ufeffann", 1, "U+FEFF"),
        ("a\u00adnn", 2, "U+00AD"),
        ("ann\u2028", 4, "U+2028"),
        ("ann\u2066", 4, "U+2066"),
    ],
)
def test_a_name_may_not_hide_or_turn_anything(text: str, place: int, code: str) -> None:
    """bad-input-79"""
    with pytest.raises(ValidationError, match=f"Character {place} .*U\\{code[1:]}"):
        visible(text)
    plain(text)


@pytest.mark.parametrize(
    "address", ["ann@bücher.example", '"ann"@example.org', "ann@elsewhere.example", "a+b@x.example"]
)
def test_only_the_form_of_an_address_is_judged(address: str) -> None:
    """bad-input-86"""
    assert User._meta.get_field("email").run_validators(address) is None


@pytest.mark.parametrize(
    "address", ["ann", "a@b@example.org", "ann@", "@example.org", "a@x y.example", "a@x..example"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """bad-input-86"""
    with pytest.raises(ValidationError, match="valid email address"):
        User._meta.get_field("email").run_validators(address)


@pytest.mark.parametrize(("length", "fits"), [(NORMALISED_LENGTH // 18, True), (150, False)])
def test_a_name_whose_comparable_form_is_too_long_is_refused(length: int, fits: bool) -> None:
    name = "ﷺ" * length
    if fits:
        assert visible(name) is None
        return
    with pytest.raises(ValidationError, match="too long"):
        visible(name)
