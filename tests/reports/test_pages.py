"""Pages of the report follow each other without a gap or a repeat, whatever is added meanwhile."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from provisioning.models import Event, Outcome
from reports.pages import PAGE_SIZE
from tests.provisioning.admin import visit

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
REPORT = "/admin/reports/provisioningreport/"
SIZES = [PAGE_SIZE, PAGE_SIZE, 130 - 2 * PAGE_SIZE]


def make(count: int, *, after: timedelta = timedelta(0), apart: timedelta, name: str = "e") -> None:
    Event.objects.bulk_create(
        Event(
            at=START + after + number * apart,
            app_name="Zoom",
            identifier=f"{name}{number:03}",
            operation="create",
            outcome=Outcome.DONE,
            message="Ok.",
        )
        for number in range(count)
    )


def read(client: Client, address: str) -> tuple[list[str], str, str]:
    """The names on a page, and where its links to newer and older events lead."""
    response = client.get(address, follow=True)
    names = [event.identifier for event in response.context["page"].events]
    links = {
        mark: REPORT + html.unescape(query)
        for query, mark in re.findall(
            r'href="(\?[^"]*(older_than|newer_than)=[^"]*)"', response.content.decode()
        )
    }
    return names, links.get("newer_than", ""), links.get("older_than", "")


def walk(client: Client, address: str, *, older: bool) -> list[list[str]]:
    """The pages from this address to the end, in the order in which they were opened."""
    pages = []
    while address and len(pages) < 20:
        names, newer_link, older_link = read(client, address)
        pages.append(names)
        address = older_link if older else newer_link
    return pages


def last_page(client: Client) -> str:
    address = found = REPORT
    while address:
        found, address = address, read(client, address)[2]
    return found


@pytest.fixture(params=[timedelta(seconds=1), timedelta(0)], ids=["a second apart", "at once"])
def apart(request: pytest.FixtureRequest) -> Any:
    """130 events follow each other at this distance."""
    return request.param


@pytest.fixture
def names(admin_client: Client, apart: timedelta) -> list[str]:
    """The names of 130 events, newest first."""
    make(130, apart=apart)
    return [f"e{number:03}" for number in reversed(range(130))]


def test_going_back_shows_every_event_once(admin_client: Client, names: list[str]) -> None:
    pages = walk(admin_client, REPORT, older=True)
    assert [len(page) for page in pages] == SIZES
    assert sum(pages, []) == names


def test_coming_forward_again_shows_every_event_once(
    admin_client: Client, names: list[str]
) -> None:
    pages = walk(admin_client, last_page(admin_client), older=False)
    assert sum(reversed(pages), []) == names


def test_events_that_arrive_meanwhile_shift_nothing(admin_client: Client, names: list[str]) -> None:
    first, _, link = read(admin_client, REPORT)
    make(30, after=timedelta(hours=1), apart=timedelta(seconds=1), name="new")
    rest = walk(admin_client, link, older=True)
    assert first + sum(rest, []) == names


def test_events_that_arrive_meanwhile_come_when_going_forward(
    admin_client: Client, names: list[str]
) -> None:
    last = last_page(admin_client)
    make(30, after=timedelta(hours=1), apart=timedelta(seconds=1), name="new")
    pages = walk(admin_client, last, older=False)
    new = [f"new{number:03}" for number in reversed(range(30))]
    assert sum(reversed(pages), []) == new + names


def test_the_first_page_leads_to_older_ones_only_and_the_last_to_newer_ones_only(
    admin_client: Client, names: list[str]
) -> None:
    _, newer, older = read(admin_client, REPORT)
    assert (newer, bool(older)) == ("", True)
    _, newer, older = read(admin_client, last_page(admin_client))
    assert (bool(newer), older) == (True, "")


@pytest.mark.parametrize("count", [0, 1, PAGE_SIZE])
def test_what_fits_on_one_page_has_no_links(admin_client: Client, count: int) -> None:
    make(count, apart=timedelta(seconds=1))
    shown, newer, older = read(admin_client, REPORT)
    assert (len(shown), newer, older) == (count, "", "")


def test_one_more_than_fits_makes_a_second_page(admin_client: Client) -> None:
    make(PAGE_SIZE + 1, apart=timedelta(0))
    assert [len(page) for page in walk(admin_client, REPORT, older=True)] == [PAGE_SIZE, 1]


def test_the_filter_goes_along_from_page_to_page(admin_client: Client) -> None:
    make(60, apart=timedelta(seconds=2), name="ann+&")
    make(60, apart=timedelta(seconds=2), after=timedelta(seconds=1), name="bob")
    page = visit(admin_client, "reports_provisioningreport_changelist", identifier="ann+&")
    pages = walk(admin_client, page.address, older=True)
    assert [len(page) for page in pages] == [50, 10]
    assert all(name.startswith("ann+&") for name in sum(pages, []))


@pytest.mark.parametrize("mark", ["older_than", "newer_than"])
@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "~",
        "2026-03-04T12:00:00~1",
        "2026-03-04T12:00:00+00:00",
        "2026-03-04T12:00:00+00:00~x",
        "2026-03-04T12:00:00+00:00~" + "9" * 5_000,
        "0001-01-01T00:00:00+14:00~1",
        "9999-12-31T23:59:59-14:00~1",
        "' OR 1=1 --~1",
        "2026-02-30T12:00:00+00:00~1",
    ],
)
def test_a_broken_mark_leads_to_the_newest_page_of_the_same_search(
    admin_client: Client, mark: str, broken: str
) -> None:
    make(2, apart=timedelta(seconds=1))
    page = visit(
        admin_client, "reports_provisioningreport_changelist", **{mark: broken}, identifier="e001"
    )
    assert page.address == f"{REPORT}?identifier=e001"
    assert [event.identifier for event in page.context["page"].events] == ["e001"]


@pytest.mark.parametrize("pk", ["0", "-1", "9" * 30])
def test_a_mark_that_no_event_ever_had_is_a_place_like_any_other(
    admin_client: Client, pk: str
) -> None:
    make(3, apart=timedelta(0))
    mark = f"{START.isoformat()}~{pk}"
    shown = visit(admin_client, "reports_provisioningreport_changelist", older_than=mark)
    count = 3 if pk.startswith("9") else 0
    assert len(shown.context["page"].events) == count
