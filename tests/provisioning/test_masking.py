"""What is kept of a request or a sentence has no secret in it, is of bounded size, and says so."""

import json
from typing import Any

import pytest

from provisioning.echoes import MASK
from provisioning.masking import LONGEST_BODY, Masking
from provisioning.plan import Change
from provisioning.witness import Exchange

TOKEN = "a-token-that-nobody-may-read"
URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def exchange(**about: Any) -> Exchange:
    fields: dict[str, Any] = {
        "method": "POST",
        "url": "https://zoom.example.org/scim/Users",
        "headers": {},
        "body": None,
        "confidential": False,
        "seconds": 0.1,
    }
    return Exchange(**fields | about)


def body(masking: Masking, value: Any) -> Any:
    return masking.exchange(exchange(body=value))["request"]["body"]


def test_only_harmless_headers_are_shown() -> None:
    sent = {"Authorization": f"Bearer {TOKEN}", "X-Api-Key": TOKEN, "Accept": "application/json"}
    seen = exchange(headers=sent, status=200, answer_headers={"Set-Cookie": TOKEN, "ETag": "1"})
    kept = Masking().exchange(seen)
    assert kept["request"]["headers"] == {
        "Authorization": f"Bearer {MASK}",
        "X-Api-Key": MASK,
        "Accept": "application/json",
    }
    assert kept["response"]["headers"] == {"ETag": "1"}


@pytest.mark.parametrize("header", ["Authorization", "authorization"])
def test_a_scheme_that_is_a_secret_is_not_shown(header: str) -> None:
    kept = Masking().exchange(exchange(headers={header: f"{TOKEN} x"}))
    assert kept["request"]["headers"] == {header: MASK}


def test_of_a_confidential_exchange_no_body_and_no_parameter_is_shown() -> None:
    seen = exchange(
        url="https://zoom.example.org/token?grant_type=x&filter=abc",
        body={"client_secret": TOKEN},
        confidential=True,
        status=200,
        answer={"access_token": TOKEN, "expires_in": 3600},
    )
    kept = Masking().exchange(seen)
    assert (
        kept["request"]["url"] == f"https://zoom.example.org/token?grant_type={MASK}&filter={MASK}"
    )
    assert kept["request"]["body"] == kept["response"]["body"] == MASK


def test_an_address_shows_what_a_search_needs_and_nobody_s_password() -> None:
    url = f"https://ann:{TOKEN}@zoom.example.org:8443/Users?count=1&key={TOKEN}&startIndex=2"
    kept = Masking().exchange(exchange(url=url))["request"]["url"]
    assert kept == f"https://zoom.example.org:8443/Users?count=1&key={MASK}&startIndex=2"


@pytest.mark.parametrize(
    ("target", "document", "shown"),
    [
        (
            "title",
            {"title": "Boss", "name": {"title": "X"}},
            {"title": MASK, "name": {"title": MASK}},
        ),
        (
            "name.familyName",
            {"name": {"familyName": "Ash", "givenName": "Ann"}},
            {"name": {"familyName": MASK, "givenName": "Ann"}},
        ),
        ('emails[type eq "work"].value', {"emails": [{"value": "a@b"}]}, {"emails": MASK}),
        (f"{URN}:organization", {URN: {"organization": "Acme"}}, {URN: {"organization": MASK}}),
        (f"{URN}:organization", {f"{URN}:organization": "Acme"}, {f"{URN}:organization": MASK}),
        (
            "title",
            {"op": "replace", "path": "title", "value": "Boss"},
            {"op": "replace", "path": "title", "value": MASK},
        ),
        (
            "name.familyName",
            {"value": {"name.familyName": "Ash"}},
            {"value": {"name.familyName": MASK}},
        ),
        ("title", {"TITLE": "Boss"}, {"TITLE": MASK}),
        ("title", {"title": None}, {"title": None}),
        ("salary", {"salary": 4711}, {"salary": MASK}),
    ],
)
def test_a_sensitive_attribute_is_masked_in_every_form_of_a_document(
    target: str, document: Any, shown: Any
) -> None:
    assert body(Masking.of([target]), document) == shown


def test_passwords_are_masked_whatever_is_mapped() -> None:
    assert body(Masking(), {"password": "hunter2", "userName": "ann"}) == {
        "password": MASK,
        "userName": "ann",
    }


def test_a_search_for_a_sensitive_value_hides_it() -> None:
    url = "https://x.example/Users?filter=title%20eq%20%22B%5C%22oss%22%20and%20active%20eq%20true"
    kept = Masking.of(["title"]).exchange(exchange(method="GET", url=url))["request"]["url"]
    assert "oss" not in kept and "true" not in kept
    assert kept.count(MASK) == 2


def test_what_a_sensitive_target_holds_is_hidden_where_it_is_repeated() -> None:
    masking = Masking.of(["title"]).knowing({"title": "Head of Sales", "userName": "ann"})
    assert masking.text("“Head of Sales” is too long for ann.") == f"“{MASK}” is too long for ann."
    assert body(masking, {"detail": "No Head of Sales here"}) == {"detail": f"No {MASK} here"}
    url = "https://x.example/Users/Head%20of%20Sales"
    assert "Sales" not in masking.exchange(exchange(url=url))["request"]["url"]
    change = Change("title", "Head of Sales", "CEO")
    assert masking.changes([change]) == [Change("title", MASK, MASK)]


def test_a_short_value_does_not_tear_words_apart() -> None:
    masking = Masking.of(["gender"]).knowing({"gender": "m"})
    assert masking.text("member") == "member"
    assert masking.text("m") == MASK


def test_a_secret_is_hidden_wherever_the_application_repeats_it() -> None:
    masking = Masking().besides([TOKEN])
    seen = exchange(status=400, answer={TOKEN: [f"bad {TOKEN}"]}, error=f"said {TOKEN}")
    assert TOKEN not in json.dumps(masking.exchange(seen))
    cut = exchange(status=400, answer=f"You sent {TOKEN[:12]}")
    assert masking.exchange(cut)["response"]["body"] == f"You sent {MASK}"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        ["x" * 10] * 100_000,
        {f"key{number}": "value" for number in range(100_000)},
        [[{"a": "x" * 100}] * 500] * 500,
    ],
)
def test_a_body_is_cut_and_says_so(value: Any) -> None:
    kept = json.dumps(body(Masking(), value), ensure_ascii=False)
    assert len(kept) < 3 * LONGEST_BODY
    assert "cut" in kept


def test_what_no_database_takes_is_made_fit_for_one() -> None:
    deep: Any = "end"
    for _ in range(60):
        deep = [deep]
    kept = body(Masking(), {"a\0b": "c\0d", "half": "\ud800", "deep": deep})
    text = json.dumps(kept, ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text and "nested more deeply" in text
