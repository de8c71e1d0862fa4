"""How the list of all accounts is read: by number, by cursor, and in which pages."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.connectors.aws_identity_center import AwsIdentityCenter
from provisioning.connectors.base import Listing
from provisioning.connectors.scim import Scim
from provisioning.errors import Unavailable
from provisioning.listing import Walk
from provisioning.scim.messages import LIST_RESPONSE
from tests.provisioning.connectors.calls import SECRET
from tests.support.servers import HttpServer, Reply, json_reply

Query = dict[str, str]
Page = Callable[[Query], Any]
EVERYBODY = [{"id": str(number), "userName": f"p{number}"} for number in range(7)]
# As opaque as they come: every sign that means something in an address.
CURSORS = ["Q3Vy+c29y/==", "a&count=1 b%20"]


@pytest.fixture
def serving() -> Iterator[Callable[..., Any]]:
    """A connector for a server whose answer to a list is what `page` makes of the question."""
    servers = []

    def start(page: Page, kind: type[Scim] = Scim) -> tuple[Scim, list[Query]]:
        asked: list[Query] = []

        def handle(method: str, path: str, *_: Any) -> Reply:
            query = parse_qs(urlsplit(path).query, keep_blank_values=True)
            asked.append({key: values[0] for key, values in query.items()})
            said = page(asked[-1])
            return said if isinstance(said, Reply) else json_reply(said)

        server = HttpServer(handle).__enter__()
        servers.append(server)
        config = {"base_url": server.url, "token": SECRET}
        return kind("Crew", config, internal=True).asking(lambda: None), asked

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def part(first: int, size: int, **more: Any) -> dict[str, Any]:
    return {"schemas": [LIST_RESPONSE], "Resources": EVERYBODY[first : first + size], **more}


def by_cursor(query: Query) -> Any:
    """Pages of three as in RFC 9865; no total, and the end is that no cursor comes."""
    if "cursor" not in query:
        return json_reply({"detail": "Use cursor."}, status=400)
    if query["cursor"] not in {"", *CURSORS}:
        return json_reply({"scimType": "invalidCursor", "detail": "What?"}, status=400)
    page = 0 if query["cursor"] == "" else 1 + CURSORS.index(query["cursor"])
    following = {"nextCursor": CURSORS[page]} if page < 2 else {}
    return part(3 * page, 3, **following)


def by_index(query: Query) -> Any:
    return part(int(query.get("startIndex", 1)) - 1, 3, totalResults=7)


def walk(scim: Scim, *, most: int = 20) -> tuple[Walk, list[str]]:
    """The whole list as a comparison reads it, and who was in it."""
    walked, seen = Walk(), list[str]()
    while not walked.ended:
        page: Listing = scim.list_accounts({"userName"}, position=walked.next)
        new = [hit.remote_id for hit in page.accounts if hit.remote_id not in seen]
        seen += new
        walked.page(
            returned=page.returned,
            new=len(new),
            total=page.total,
            next_page=page.next,
            cursor=page.cursor,
        )
        assert walked.pages < most
    return walked, seen


def learned(scim: Scim) -> dict[str, str]:
    return {lesson.flag: lesson.value for lesson in scim.lessons}


def test_a_list_by_cursor_begins_with_an_empty_one_and_ends_without_one(serving: Any) -> None:
    scim, asked = serving(by_cursor, AwsIdentityCenter)
    walked, seen = walk(scim)
    assert (walked.proven, seen) == (True, [user["id"] for user in EVERYBODY])
    assert asked == [{"cursor": cursor, "count": "50"} for cursor in ("", *CURSORS)]
    assert learned(scim) == {}


def test_a_list_whose_numbers_are_refused_is_read_by_cursor_from_then_on(serving: Any) -> None:
    def page(query: Query) -> Any:
        if "startIndex" in query:
            return json_reply({"detail": "startIndex is not supported."}, status=400)
        return by_cursor(query)

    scim, asked = serving(page)
    assert walk(scim)[0].proven
    assert learned(scim) == {"paging": "cursor"}
    asked.clear()
    walk(scim)
    assert "cursor" in asked[0]


@pytest.mark.parametrize("status", [400, 501])
def test_a_list_whose_cursors_are_refused_is_read_by_number_from_then_on(
    serving: Any, status: int
) -> None:
    def page(query: Query) -> Any:
        refused = json_reply({"detail": "Bad parameter."}, status=status)
        return refused if "cursor" in query else by_index(query)

    scim, asked = serving(page, AwsIdentityCenter)
    walked, seen = walk(scim)
    assert (walked.proven, len(seen)) == (True, 7)
    assert learned(scim) == {"paging": "index"}
    assert "Bad parameter." in scim.lessons[0].evidence
    asked.clear()
    walk(scim)
    assert "cursor" not in asked[0]


def test_a_server_that_takes_no_notice_of_the_cursor_is_read_to_the_end(serving: Any) -> None:
    scim, _ = serving(by_index, AwsIdentityCenter)
    walked, seen = walk(scim)
    assert (walked.proven, len(seen)) == (True, 7)
    assert learned(scim) == {"paging": "index"}


def test_a_cursor_that_comes_without_being_asked_for_is_followed(serving: Any) -> None:
    scim, asked = serving(
        lambda query: by_cursor(query) if "cursor" in query else by_cursor({"cursor": ""})
    )
    walked, seen = walk(scim)
    assert (walked.proven, len(seen)) == (True, 7)
    assert asked[1:] == [{"cursor": cursor, "count": "100"} for cursor in CURSORS]


@pytest.mark.parametrize("reason", ["invalidCursor", "expiredCursor"])
def test_a_cursor_that_is_not_known_any_more_ends_the_list_unproven(
    serving: Any, reason: str
) -> None:
    def page(query: Query) -> Any:
        if query["cursor"] == CURSORS[1]:
            return json_reply({"scimType": reason, "detail": "Too late."}, status=400)
        return by_cursor(query)

    scim, _ = serving(page, AwsIdentityCenter)
    with pytest.raises(Unavailable, match="nothing is concluded from that list"):
        walk(scim)
    assert learned(scim) == {}


@pytest.mark.parametrize("cursor", ["x" * 5_000, "a\0b", "a\ud800"])
def test_a_cursor_that_cannot_be_sent_back_is_an_error(serving: Any, cursor: str) -> None:
    scim, _ = serving(lambda query: part(0, 3, nextCursor=cursor), AwsIdentityCenter)
    with pytest.raises(Unavailable, match="bookmark"):
        walk(scim)


@pytest.mark.parametrize("cursor", [None, "", False])
def test_no_cursor_is_the_end_however_it_is_written(serving: Any, cursor: Any) -> None:
    scim, _ = serving(lambda query: part(0, 7, nextCursor=cursor), AwsIdentityCenter)
    walked, seen = walk(scim)
    assert (walked.proven, len(seen)) == (True, 7)


def test_the_same_cursor_again_and_again_is_no_proof_and_no_loop(serving: Any) -> None:
    scim, asked = serving(lambda query: part(0, 3, nextCursor="round"), AwsIdentityCenter)
    assert not walk(scim)[0].proven
    assert len(asked) == 2


# --------------------------------------------------------------------------- the size of a page


@pytest.mark.parametrize(("most", "said"), [(50, "50"), (10, "10"), (0, "0")])
@pytest.mark.parametrize("status", [400, 500])
def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    serving: Any, status: int, most: int, said: str
) -> None:
    def page(query: Query) -> Any:
        if int(query.get("count", 0)) > most:
            return json_reply({"detail": "No."}, status=status)
        return by_index(query)

    scim, asked = serving(page)
    assert walk(scim)[0].proven
    assert learned(scim) == {"page_size": said}
    asked.clear()
    walk(scim)
    assert {query.get("count", "0") for query in asked} == {said}


def test_a_server_that_fails_at_any_size_teaches_nothing(serving: Any) -> None:
    scim, asked = serving(lambda query: json_reply({}, status=500))
    with pytest.raises(Unavailable):
        walk(scim)
    assert (len(asked), learned(scim)) == (4, {})


@pytest.mark.parametrize("status", [401, 429, 502, 503])
def test_other_errors_do_not_make_smaller_pages(serving: Any, status: int) -> None:
    scim, asked = serving(lambda query: json_reply({}, status=status))
    with pytest.raises(Exception, match="Crew"):
        walk(scim)
    assert len(asked) == 1


def test_the_check_does_without_numbers_where_they_end_in_an_error(serving: Any) -> None:
    scim, _ = serving(lambda query: json_reply({}, status=500) if query else by_index(query))
    assert "Connected" in scim.check()


def test_the_check_takes_a_list_that_tells_no_total(serving: Any) -> None:
    scim, _ = serving(lambda query: part(0, 1))
    assert "Connected" in scim.check()


# ----------------------------------------------------------------- lists that lie, by their number


@pytest.mark.parametrize(
    ("page", "doubt"),
    [
        pytest.param(
            lambda query: part(int(query["startIndex"]) - 1, 3, totalResults=700),
            "speaks of 700 accounts and listed 7",
            id="bad-input-69 stops early",
        ),
        pytest.param(
            lambda query: part(0, 3, totalResults=7),
            "more than once",
            id="bad-input-69 startIndex ignored",
        ),
        pytest.param(
            lambda query: part(max(0, int(query["startIndex"]) - 2), 3, totalResults=7),
            "more than once",
            id="bad-input-69 pages overlap",
        ),
        pytest.param(
            lambda query: part(0, 3, nextCursor="round"),
            "more than once",
            id="bad-input-69 cursor repeats for ever",
        ),
        pytest.param(
            lambda query: part(int(query["startIndex"]) - 1, 3, totalResults=6),
            "lists more",
            id="bad-input-70 total too small",
        ),
        pytest.param(
            lambda query: part(
                int(query["startIndex"]) - 1, 3, totalResults=7 + (query["startIndex"] != "1")
            ),
            "7 accounts at first and of 8 later",
            id="bad-input-70 total changes",
        ),
    ],
)
def test_a_list_that_contradicts_itself_is_never_complete(
    serving: Any, page: Page, doubt: str
) -> None:
    scim, _ = serving(page)
    walked, _ = walk(scim)
    assert not walked.proven
    assert doubt in walked.doubt
