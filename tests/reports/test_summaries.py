"""Above the rows stand the outcomes over time, and the slowest and most failing applications."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from provisioning import hourly
from provisioning.models import App, Event, HourlyCount, Outcome
from reports.summaries import Application, Summary
from tests.provisioning.admin import Page, visit

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
Write = Callable[..., None]


@pytest.fixture
def zoom(db: None) -> App:
    return App.objects.create(name="Zoom", connector="scim")


@pytest.fixture
def chat(db: None) -> App:
    return App.objects.create(name="Chat", connector="scim")


def done(app: App, count: int = 1, *, hours_ago: float = 0, ms: int = 0, **more: Any) -> None:
    at = more.pop("at", timezone.now() - timedelta(hours=hours_ago))
    fields = {"operation": "create", "outcome": Outcome.DONE, "identifier": "ann", **more}
    events = [Event(at=at, app=app, message="Ok.", duration_ms=ms, **fields) for _ in range(count)]
    Event.objects.bulk_create(events)
    hourly.add(events)


def report(client: Client, **query: Any) -> Page:
    return visit(client, "reports_provisioningreport_changelist", **query)


def totals(page: Page) -> dict[str, str]:
    return {kind: total for kind, _, total in summary(page).chart.totals if total != "0"}  # type: ignore[union-attr]


def summary(page: Page) -> Summary:
    found: Summary = page.context["summary"]
    return found


def applications(page: Page) -> dict[str, Application]:
    return {row.name: row for row in summary(page).applications}


# ---------------------------------------------------------------------------------- the chart


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"done": "5", "failed": "2", "retrying": "1"}),
        ({"timespan": "24h"}, {"done": "2", "failed": "2"}),
        ({"timespan": "24h", "outcome": "failed"}, {"failed": "2"}),
        ({"app": "Chat"}, {"failed": "2"}),
        ({"operation": "delete"}, {"retrying": "1"}),
        ({"operation": "create", "outcome": "done"}, {"done": "5"}),
        ({"identifier": "bob"}, {"done": "3"}),
        ({"effect": "verified"}, {"done": "3"}),
        ({"trigger": "manual"}, {"retrying": "1"}),
        ({"actor": "olga"}, {"retrying": "1"}),
        ({"identifier": "bob", "timespan": "24h", "outcome": "done"}, None),
    ],
)
def test_the_chart_shows_what_fits_the_filters(
    admin_client: Client, zoom: App, chat: App, query: dict[str, Any], expected: Any
) -> None:
    done(zoom, 2, hours_ago=1)
    done(zoom, 3, hours_ago=60, identifier="bob", effect="verified")
    done(chat, 2, hours_ago=2, outcome=Outcome.FAILED)
    about = {"trigger": "manual", "actor": "olga", "operation": "delete"}
    done(zoom, hours_ago=300, outcome=Outcome.RETRYING, **about)
    done(zoom, 9, hours_ago=24 * 50)
    if "app" in query:
        query = {**query, "app": App.objects.get(name=query["app"]).pk}
    page = report(admin_client, **query)
    if expected is None:
        assert summary_is_missing(page)
    else:
        assert totals(page) == expected


def summary_is_missing(page: Page) -> bool:
    return page.context["summary"] is None and "<svg" not in page.html


def test_a_range_of_ones_own_is_shown_with_its_ends(admin_client: Client, zoom: App) -> None:
    for hour in (10, 11, 12, 13):
        done(zoom, at=NOON.replace(hour=hour))
    page = report(admin_client, after="2026-03-04T11:00", before="2026-03-04T12:59")
    chart = summary(page).chart
    assert [bar.total for bar in chart.bars] == [1, 1]  # type: ignore[union-attr]
    assert "4 Mar, 11:00: 1 done" in page.text


def test_of_a_very_long_range_the_end_is_shown_and_it_is_said(
    admin_client: Client, zoom: App
) -> None:
    done(zoom, at=NOON)
    done(zoom, at=NOON - timedelta(days=93))
    page = report(admin_client, after="1970-01-01T00:00", before="2026-03-04T12:30")
    assert totals(page) == {"done": "1"}
    assert "The last 92 days of the range are shown." in page.text


def test_more_events_of_one_person_than_can_be_read_have_no_chart_and_a_sentence(
    admin_client: Client, zoom: App
) -> None:
    done(zoom, 1_999, hours_ago=1)
    assert totals(report(admin_client, identifier="ann")) == {"done": "1,999"}
    done(zoom, 1, hours_ago=1)
    page = report(admin_client, identifier="ann")
    assert summary(page).chart is None
    assert "for fewer than 2,000 events. Choose a shorter timespan" in page.text
    assert len(page.context["page"].events) == 50


def test_where_nothing_was_done_lately_it_is_said_instead(admin_client: Client, zoom: App) -> None:
    done(zoom, hours_ago=24 * 40)
    page = report(admin_client)
    assert "There is no chart, as nothing was done in this time." in page.text
    assert "<svg" not in page.html


def test_the_chart_is_not_drawn_for_older_pages_empty_answers_and_errors(
    admin_client: Client, zoom: App
) -> None:
    done(zoom, 60)
    older = f"{timezone.now().isoformat()}~99999999"
    assert "<svg" in report(admin_client).html
    assert summary_is_missing(report(admin_client, older_than=older))
    assert summary_is_missing(report(admin_client, identifier="zoe"))
    assert summary_is_missing(report(admin_client, after="yesterday"))


def test_who_cannot_see_the_chart_reads_the_same(admin_client: Client, zoom: App) -> None:
    done(zoom, 1_234, hours_ago=1)
    page = report(admin_client, timespan="24h")
    assert 'role="img"' in page.html
    assert "Done: 1,234." in page.text
    assert "The same as a table" in page.text
    assert "Each bar is one hour in UTC" in page.text


def test_the_chart_and_its_table_are_read_from_the_counts_alone(
    admin_client: Client, zoom: App
) -> None:
    done(zoom, 3, hours_ago=1)
    HourlyCount.objects.update(done=7)
    with CaptureQueriesContext(connection) as queries:
        page = report(admin_client)
    assert totals(page) == {"done": "7"}
    assert sum("provisioning_event" in query["sql"] for query in queries) == 1


# ------------------------------------------------------------------------------- applications


def test_an_application_has_its_failures_and_its_times(
    admin_client: Client, zoom: App, chat: App
) -> None:
    done(zoom, 6, ms=500)
    done(zoom, ms=2_500)
    done(zoom, outcome=Outcome.FAILED)
    done(zoom, outcome=Outcome.RETRYING, ms=1_500)
    done(zoom, outcome=Outcome.HELD)
    done(chat, outcome=Outcome.HELD)
    page = report(admin_client)
    row = applications(page)["Zoom"]
    assert (row.failures, row.events, row.share) == (2, 10, 20.0)
    assert (row.mean, row.longest) == (0.875, 2.5)
    assert applications(page)["Chat"].mean is None
    assert "Zoom 2 of 10 20.0 % 0.88 s 2.50 s" in page.text


def test_those_that_failed_most_and_the_slowest_are_shown(admin_client: Client, db: None) -> None:
    for number in range(10):
        app = App.objects.create(name=f"App {number}", connector="scim")
        done(app, 10 - number, outcome=Outcome.FAILED)
        done(app, ms=100 * (number + 1))
    assert list(applications(report(admin_client))) == [f"App {n}" for n in (0, 1, 2, 9, 8, 7)]


def test_an_application_leads_to_its_own_report(admin_client: Client, zoom: App, chat: App) -> None:
    done(zoom)
    done(chat)
    page = report(admin_client, timespan="7d")
    assert f'href="?timespan=7d&amp;app={zoom.pk}"' in page.html
    assert list(applications(report(admin_client, timespan="7d", app=zoom.pk))) == ["Zoom"]


def test_deleted_applications_are_shown_without_a_link(admin_client: Client, zoom: App) -> None:
    done(zoom, 2)
    zoom.delete()
    page = report(admin_client)
    assert "Deleted applications 0 of 2" in page.text
    assert "app=" not in page.html.partition('id="applications"')[2].partition("</section>")[0]
