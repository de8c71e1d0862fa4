"""A refused form leads to the next one, with the same change, and nothing else does."""

from collections.abc import Iterator
from typing import Any

import pytest

from provisioning.connectors.scim import Scim
from provisioning.connectors.zoom import Zoom
from provisioning.errors import AlreadyExists, ConnectorError, NotFound, Rejected, Unavailable
from provisioning.plan import Change
from tests.provisioning.connectors.calls import ANN, EXTERNAL, MAIL, ORGANIZATION, find
from tests.support.faulty import Fault, FaultyScim, answer, effect_then, html, lose_answer, pages
from tests.support.target import TOKEN, Document

UNSUPPORTED = answer(400, {"detail": "Paths with a filter are not supported."})
NO_PATCH = answer(501, {"detail": "No PATCH here."})
CHANGES = [
    Change("name.givenName", "Ann", "Anna"),
    Change(MAIL, "ann@example.org", "anna@example.org"),
    Change(ORGANIZATION, "Acme", None),
]


@pytest.fixture
def scim(faulty: FaultyScim) -> Iterator[Scim]:
    connector = Scim("Crew", {"base_url": faulty.base_url, "token": TOKEN}, internal=True)
    yield connector.asking(lambda: None)
    connector.close()


@pytest.fixture
def ann(faulty: FaultyScim) -> Document:
    return faulty.add(
        ANN,
        externalId=EXTERNAL,
        nickName="Annie",
        name={"givenName": "Ann", "familyName": "Ash"},
        emails=[{"type": "home", "value": "home@x"}, {"type": "work", "value": ANN}],
        **{ORGANIZATION.rpartition(":")[0]: {"organization": "Acme", "department": "Sales"}},
    )


def update(scim: Scim, ann: Document) -> None:
    scim.update(ann["id"], CHANGES, held={"name.givenName", MAIL, ORGANIZATION})


def changed(ann: Document) -> Document:
    """What Ann is to hold after the changes, and nothing else touched."""
    held = {key: value for key, value in ann.items() if not key.startswith("urn:")}
    emails = [{"type": "home", "value": "home@x"}, {"type": "work", "value": "anna@example.org"}]
    return {**held, "name": {"givenName": "Anna", "familyName": "Ash"}, "emails": emails}


def holds(faulty: FaultyScim) -> Document:
    (held,) = faulty.users()
    for key, value in held.items():
        if key.startswith("urn:"):
            assert value == {"department": "Sales"} | (
                {"organization": None} if "organization" in value else {}
            )
    return {key: value for key, value in held.items() if not key.startswith("urn:")}


def learned(scim: Scim) -> dict[str, str]:
    return {lesson.flag: lesson.value for lesson in scim.lessons}


# ------------------------------------------------------------------------------------- changes


def test_where_paths_are_refused_whole_attributes_are_sent(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", UNSUPPORTED, about='"path"')
    wanted = changed(ann)
    update(scim, ann)
    assert faulty.journal == ["PATCH /Users/…", "GET /Users/…", "PATCH /Users/…"]
    assert holds(faulty) == {**wanted, "schemas": holds(faulty)["schemas"]}
    assert learned(scim) == {"update": "patch_whole"}
    assert "Paths with a filter are not supported." in scim.lessons[0].evidence


@pytest.mark.parametrize(
    "refusal",
    [
        answer(501),
        answer(405),
        answer(400, {"scimType": "invalidPath"}),
        answer(500, {"detail": "PATCH is not implemented"}),
        answer(*html(501)),
    ],
    ids=["501", "405", "400", "500", "html"],
)
def test_where_patch_is_refused_everything_is_put(
    scim: Scim, faulty: FaultyScim, ann: Document, refusal: Fault
) -> None:
    """bad-input-47"""
    faulty.on("PATCH", refusal)
    wanted = changed(ann)
    update(scim, ann)
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…", "PUT /Users/…"]
    assert holds(faulty) == {**wanted, "schemas": holds(faulty)["schemas"]}
    assert learned(scim) == {"update": "put"}


def test_where_one_form_is_refused_and_the_next_breaks_the_server_everything_is_put(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", UNSUPPORTED, about='"path"')
    faulty.on("PATCH", answer(500, {"detail": "Something broke."}))
    wanted = changed(ann)
    update(scim, ann)
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…", "PUT /Users/…"]
    assert holds(faulty) == {**wanted, "schemas": holds(faulty)["schemas"]}
    assert learned(scim) == {"update": "put"}


def test_a_server_that_breaks_over_the_last_form_is_asked_again_later(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", UNSUPPORTED, about='"path"')
    faulty.on("*", answer(500, {"detail": "Something broke."}), about="Anna")
    with pytest.raises(Unavailable):
        update(scim, ann)
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…", "PUT /Users/…"]
    assert scim.lessons == []


def test_what_was_learned_is_used_from_the_start(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", NO_PATCH)
    knowing = scim.asking(lambda: None, learned={"update": "put", "switch": "put"})
    update(knowing, ann)
    knowing.deactivate(ann["id"])
    assert faulty.writes == ["PUT /Users/…", "PUT /Users/…"]
    assert faulty.active_names() == []
    assert knowing.lessons == []


def test_what_was_learned_wrongly_is_learned_anew(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PUT", answer(405))
    misled = scim.asking(lambda: None, learned={"update": "put"})
    update(misled, ann)
    assert faulty.user(ANN)["name"]["givenName"] == "Anna"
    assert learned(misled) == {"update": "patch"}


@pytest.mark.parametrize(("switch", "active"), [("deactivate", False), ("reactivate", True)])
def test_an_account_is_switched_in_the_form_that_is_taken(
    scim: Scim, faulty: FaultyScim, ann: Document, switch: str, active: bool
) -> None:
    faulty.stored[ann["id"]]["active"] = not active
    faulty.on("PATCH", UNSUPPORTED, about='"path"')
    {"deactivate": scim.deactivate, "reactivate": scim.reactivate}[switch](ann["id"])
    assert faulty.journal == ["PATCH /Users/…", "PATCH /Users/…"]
    assert faulty.user(ANN)["active"] is active
    assert learned(scim) == {"switch": "patch_whole"}


def test_switching_works_without_patch_too(scim: Scim, faulty: FaultyScim, ann: Document) -> None:
    faulty.on("PATCH", NO_PATCH)
    scim.deactivate(ann["id"])
    (held,) = faulty.users()
    assert held["active"] is False
    assert (held["nickName"], held["externalId"]) == ("Annie", EXTERNAL)
    assert learned(scim) == {"switch": "put"}


def test_an_entry_that_one_account_lacks_teaches_nothing(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", answer(400, {"scimType": "noTarget"}), times=1)
    update(scim, ann)
    assert faulty.user(ANN)["name"]["givenName"] == "Anna"
    assert scim.lessons == []


# ---------------------------------------------------------------- what never leads to another form


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(
            answer(400, {"scimType": "invalidValue", "detail": "No such title."}),
            Rejected,
            id="value",
        ),
        pytest.param(answer(400, {"detail": "The address is wrong."}), Rejected, id="address"),
        pytest.param(answer(409, {"detail": "Not supported twice."}), AlreadyExists, id="409"),
        pytest.param(answer(401, {"detail": "not supported"}), ConnectorError, id="401"),
        pytest.param(answer(403, {"detail": "not supported"}), ConnectorError, id="403"),
        pytest.param(answer(404), NotFound, id="404"),
        pytest.param(answer(429, {"detail": "not supported"}), Unavailable, id="429"),
        pytest.param(answer(501, {"detail": "Rate limit reached"}), Unavailable, id="rate"),
        pytest.param(answer(501, Retry_After="3"), Unavailable, id="retry"),
        pytest.param(answer(500, {"detail": "Something broke."}), Unavailable, id="500"),
        pytest.param(answer(503, {"detail": "not supported"}), Unavailable, id="503"),
        pytest.param(lose_answer, Unavailable, id="lost"),
        pytest.param(effect_then(*html(200)), Unavailable, id="page"),
    ],
)
def test_another_answer_is_the_answer(
    scim: Scim, faulty: FaultyScim, ann: Document, fault: Fault, kind: type[ConnectorError]
) -> None:
    faulty.on("PATCH", fault)
    with pytest.raises(kind):
        update(scim, ann)
    with pytest.raises(kind):
        scim.deactivate(ann["id"])
    assert faulty.journal == ["PATCH /Users/…"] * 2
    assert scim.lessons == []


def test_a_lost_answer_after_a_refusal_is_the_answer(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", UNSUPPORTED, about='"path"')
    faulty.on("PATCH", lose_answer)
    with pytest.raises(Unavailable):
        update(scim, ann)
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…"]
    assert scim.lessons == []


def test_what_is_refused_in_every_form_is_told_in_the_first_words(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", UNSUPPORTED, times=1)
    faulty.on("*", NO_PATCH, about="Anna")
    with pytest.raises(Rejected, match="Paths with a filter"):
        update(scim, ann)
    assert scim.lessons == []


def test_the_owner_of_the_lane_is_asked_before_each_form(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    faulty.on("PATCH", NO_PATCH)

    def lost_at_the_third() -> None:
        if len(faulty.writes) == 2:
            raise TimeoutError("the lease is over")

    with pytest.raises(TimeoutError):
        update(scim.asking(lost_at_the_third), ann)
    assert faulty.writes == ["PATCH /Users/…", "PATCH /Users/…"]
    assert faulty.user(ANN)["name"]["givenName"] == "Ann"


# ------------------------------------------------------------------------------------- searches


def ignore(faulty: FaultyScim) -> None:
    faulty.ignores_filter = True


def refuse(faulty: FaultyScim) -> None:
    faulty.on("GET", answer(400, {"scimType": "invalidFilter"}), about="filter=")


def not_there(faulty: FaultyScim) -> None:
    faulty.on("GET", answer(501, {"detail": "No filters."}), about="filter=")


SEARCHLESS = pytest.mark.parametrize(
    "searchless", [ignore, refuse, not_there], ids=["ignored", "refused", "unknown"]
)


@SEARCHLESS
def test_without_a_search_the_list_of_all_says_who_is_there(
    scim: Scim, faulty: FaultyScim, ann: Document, searchless: Any
) -> None:
    for number in range(5):
        faulty.add(f"p{number}@example.org")
    faulty.paging = pages(most=2)
    searchless(faulty)
    (hit,) = find(scim)
    assert (hit.remote_id, hit.values["name.givenName"]) == (ann["id"], "Ann")
    assert learned(scim) == {"search.userName": "listing"}


@SEARCHLESS
def test_without_a_search_a_whole_list_says_who_is_absent(
    scim: Scim, faulty: FaultyScim, searchless: Any
) -> None:
    faulty.add("bob@example.org")
    faulty.add("cid@example.org")
    searchless(faulty)
    assert find(scim) == []


@SEARCHLESS
def test_a_list_with_gaps_does_not_say_who_is_absent(
    scim: Scim, faulty: FaultyScim, searchless: Any
) -> None:
    faulty.add("bob@example.org")
    faulty.add("cid@example.org")
    faulty.paging = lambda found, start, count: {
        "totalResults": 7,
        "Resources": pages()(found, start, count)["Resources"],
    }
    searchless(faulty)
    with pytest.raises(Rejected, match="speaks of 7 accounts and listed 2"):
        find(scim)


def test_a_list_without_user_names_does_not_say_who_is_absent(
    scim: Scim, faulty: FaultyScim
) -> None:
    faulty.add("bob@example.org")
    faulty.add("")
    not_there(faulty)
    with pytest.raises(Rejected, match="without a user name"):
        find(scim)


def test_an_account_that_has_changed_since_the_list_is_not_taken(
    scim: Scim, faulty: FaultyScim, ann: Document
) -> None:
    not_there(faulty)
    assert find(scim)
    faulty.stored[ann["id"]]["userName"] = "somebody.else@example.org"
    assert find(scim) == []


@pytest.mark.parametrize(
    "refusal",
    [answer(400, {"scimType": "invalidFilter"}), answer(500, {"detail": "Something broke."})],
    ids=["refused", "breaks the server"],
)
def test_a_value_that_the_search_cannot_take_teaches_nothing_about_others(
    scim: Scim, faulty: FaultyScim, refusal: Any
) -> None:
    name = 'ivan "vanya"@example.org'
    there = faulty.add(name)
    faulty.on("GET", refusal, about='\\"')
    (hit,) = scim.find({"userName": name}, external_id=EXTERNAL, made_by_us=False)
    assert hit.remote_id == there["id"]
    assert len(faulty.requests) > 1
    assert scim.lessons == []


def test_the_list_is_read_once_for_many(scim: Scim, faulty: FaultyScim) -> None:
    faulty.add("bob@example.org")
    not_there(faulty)
    for number in range(10):
        assert not scim.find({"userName": f"p{number}"}, external_id="x", made_by_us=True)
    assert len([each for each in faulty.requests if "startIndex" in each.path]) == 2


def test_a_create_has_the_list_read_anew(scim: Scim, faulty: FaultyScim) -> None:
    not_there(faulty)
    assert find(scim) == []
    made = scim.create({"userName": ANN}, external_id=EXTERNAL)
    (hit,) = find(scim)
    assert hit.remote_id == made.remote_id


def test_the_next_batch_has_the_list_read_anew(scim: Scim, faulty: FaultyScim) -> None:
    not_there(faulty)
    assert find(scim) == []
    faulty.add(ANN)
    assert find(scim.asking(lambda: None))


def test_a_broken_entry_teaches_nothing(scim: Scim, faulty: FaultyScim, ann: Document) -> None:
    body = {"totalResults": 2, "Resources": [{"id": "7", "userName": ANN}, None]}
    faulty.on("GET", answer(200, body), about="filter=", times=1)
    assert find(scim)
    assert scim.lessons == []


@pytest.mark.parametrize(
    "fault",
    [answer(401), answer(429), answer(503), lose_answer],
    ids=["401", "429", "503", "lost"],
)
def test_a_search_that_fails_otherwise_is_not_replaced(
    scim: Scim, faulty: FaultyScim, fault: Fault
) -> None:
    faulty.on("GET", fault, about="filter=")
    with pytest.raises(ConnectorError):
        find(scim)
    assert len(faulty.requests) == 1
    assert scim.lessons == []


def test_zoom_is_asked_without_quotes_where_it_refuses_them(faulty: FaultyScim) -> None:
    faulty.on("GET", answer(400, {"scimType": "invalidFilter"}), about='filter=userName eq "')
    faulty.on("GET", answer(200, {"totalResults": 0}), about="filter=userName eq ann@")
    config = {"base_url": faulty.base_url, "token": TOKEN, "auth": "bearer"}
    zoom = Zoom("Zoom", config, internal=True)
    assert zoom.find({"userName": ANN}, external_id="", made_by_us=False) == []
    assert zoom.lessons[0].value == "bare_filter"
    zoom.close()
