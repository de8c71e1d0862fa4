"""How targets deviate: which answers refuse a form, and what a target says of itself."""

from typing import Any

import pytest

from provisioning.connectors import catalogue
from provisioning.connectors.scim import Scim
from provisioning.scim import dialect, messages
from provisioning.scim.dialect import Dialect, Search, Update
from provisioning.scim.messages import ENTERPRISE_USER, Change

MAIL = 'emails[type eq "work"].value'
ORGANIZATION = f"{ENTERPRISE_USER}:organization"


@pytest.mark.parametrize(
    ("status", "scim_type", "said"),
    [
        (501, "", ""),
        (405, "", ""),
        (400, "invalidPath", ""),
        (400, "invalidFilter", ""),
        (400, "", "Filtered paths are not supported."),
        (400, "", "PATCH Is Not Implemented"),
        (500, "", "unsupported operation"),
    ],
)
def test_these_answers_are_about_the_form(status: int, scim_type: str, said: str) -> None:
    assert dialect.refuses_form(status, scim_type, said)


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 409, 412, 422, 429, 502, 503, 504])
def test_no_other_status_is_about_the_form(status: int) -> None:
    assert not dialect.refuses_form(status, "invalidPath", "This is not supported.")


@pytest.mark.parametrize("scim_type", ["", "invalidValue", "uniqueness", "mutability", "tooMany"])
def test_a_refused_value_is_not_about_the_form(scim_type: str) -> None:
    assert not dialect.refuses_form(400, scim_type, "“x” is no e-mail address.")
    assert not dialect.refuses_form(500, scim_type, "Internal error")


def test_a_refused_value_is_not_about_the_form_even_if_it_is_called_unsupported() -> None:
    assert not dialect.refuses_form(400, "invalidValue", "The locale “xx” is not supported.")


def test_what_was_learned_comes_first_and_nothing_is_left_out() -> None:
    forms = (Update.PATHS, Update.WHOLE, Update.PUT)
    assert dialect.order(forms, None) == list(forms)
    assert dialect.order(forms, "put") == [Update.PUT, Update.PATHS, Update.WHOLE]
    assert dialect.order(forms, "of a later version") == list(forms)


def says(**config: Any) -> dict[str, str]:
    found = dialect.discovered(config, Dialect())
    return {lesson.flag: lesson.value for lesson in found}


def test_a_target_without_patch_and_filter_says_so() -> None:
    assert says(patch={"supported": False}, filter={"supported": False}) == {
        "update": "put",
        "switch": "put",
        "search.userName": "listing",
        "search.externalId": "listing",
    }


def test_a_target_with_both_is_asked_as_the_rfc_has_it() -> None:
    assert says(patch={"supported": True}, filter={"supported": True}) == {
        "update": "patch",
        "switch": "patch",
        "search.userName": "filter",
        "search.externalId": "filter",
    }


@pytest.mark.parametrize("told", [None, {}, {"supported": None}, {"supported": "no"}, [], "false"])
def test_what_is_not_said_clearly_is_not_said(told: Any) -> None:
    assert says(patch=told, filter=told) == {}


def test_a_form_that_the_kind_does_not_have_is_not_learned() -> None:
    only_patch = Dialect(updates=(Update.PATHS,), switches=(Update.PATHS,))
    found = dialect.discovered({"patch": {"supported": False}}, only_patch)
    assert found == []


@pytest.mark.parametrize("slug", sorted(catalogue()))
def test_every_form_of_every_kind_has_words(slug: str) -> None:
    kind = catalogue()[slug]
    assert issubclass(kind, Scim)
    told = [
        *(dialect.in_words("update", form) for form in kind.dialect.updates),
        *(dialect.in_words("switch", form) for form in kind.dialect.switches),
        *(dialect.in_words("search.userName", form) for form in kind.dialect.searches),
    ]
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in told)
    assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(("paging", form) for form in dialect.Paging),
        *(("page_size", size) for size in ("0", "50")),
        *(("taken", status) for status in ("400", "422", "500")),
        ("ops", "capital"),
        ("booleans", "text"),
        ("etag", "yes"),
    ],
)
def test_whatever_else_is_learned_has_words(flag: str, value: str) -> None:
    assert dialect.in_words(flag, value).endswith(".")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"cursor": True, "index": False}, {"paging": "cursor"}),
        ({"cursor": True, "index": True}, {"paging": "index"}),
        (
            {"cursor": True, "index": True, "defaultPaginationMethod": "cursor"},
            {"paging": "cursor"},
        ),
        (
            {"cursor": False, "index": True, "maxPageSize": 40},
            {"paging": "index", "page_size": "40"},
        ),
        ({"maxPageSize": 4000}, {}),
        ({"maxPageSize": True, "cursor": "yes"}, {}),
        (None, {}),
        ("cursor", {}),
    ],
)
def test_what_is_said_of_pages_is_learned(told: Any, expected: dict[str, str]) -> None:
    assert says(pagination=told) == expected


def test_what_another_version_learned_has_no_words() -> None:
    assert dialect.in_words("update", "telepathy") == ""
    assert dialect.in_words("mood", "good") == ""
    assert dialect.in_words("page_size", "large") == ""
    assert dialect.page_size(Dialect(), {"page_size": "large"}) == 100


def test_a_change_without_paths_holds_each_changed_attribute_as_a_whole() -> None:
    held = {
        "id": "7",
        "meta": {},
        "userName": "ann",
        "title": "Boss",
        "Name": {"givenName": "Ann", "familyName": "Ash"},
        "emails": [{"type": "home", "value": "h@x"}, {"type": "work", "value": "w@x"}],
        ENTERPRISE_USER: {"organization": "Acme", "department": "Sales"},
    }
    changes = [
        Change("name.givenName", "Ann", "Anna"),
        Change(MAIL, "w@x", "v@x"),
        Change(ORGANIZATION, "Acme", None),
    ]
    (operation,) = messages.patch_whole(held, changes)["Operations"]
    assert operation == {
        "op": "replace",
        "value": {
            "Name": {"givenName": "Anna", "familyName": "Ash"},
            "emails": [{"type": "home", "value": "h@x"}, {"type": "work", "value": "v@x"}],
            ENTERPRISE_USER: {"organization": None, "department": "Sales"},
        },
    }


@pytest.mark.parametrize("value", ["ann@example.org", "a.b-c_d+e%20@x.test", "7"])
def test_a_plain_value_is_searched_for_without_quotes(value: str) -> None:
    assert messages.equals_bare("userName", value) == f"userName eq {value}"


@pytest.mark.parametrize("value", ["", "a b", 'a"', "a) or (b", "x\\", "é@x", "a\nb"])
def test_a_value_that_could_change_the_question_is_not(value: str) -> None:
    assert messages.equals_bare("userName", value) == ""


def test_a_search_ends_with_the_list_of_all() -> None:
    assert {
        kind.dialect.searches[-1] for kind in catalogue().values() if issubclass(kind, Scim)
    } == {Search.LISTING}
