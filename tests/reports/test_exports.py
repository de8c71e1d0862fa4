"""The report as a file: all of it, safe to open, whole while rows come and go, in little memory."""

import csv
import io
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests
from django.contrib.auth.models import Permission
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from waitress.server import create_server

from iam.models import Operator
from provisioning import retention
from provisioning.models import App, Event
from reports import exports
from tests.reports.test_report import done
from tests.support.commands import give
from tests.support.threads import eventually, meanwhile, parallel, shared_database

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ENDINGS = sorted(exports.FORMATS)


def address(ending: str) -> str:
    return reverse("admin:reports_export", args=[ending])


def rows(ending: str, content: bytes) -> list[dict[str, Any]]:
    """The rows of a file by the names of its columns; “at” as the file writes it."""
    if ending == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    heading, *found = sheet.iter_rows(values_only=True)
    assert heading[0] == "at (UTC)"
    return [dict(zip(exports.COLUMNS, row, strict=True)) for row in found]


def exported(client: Client, ending: str, **query: Any) -> list[dict[str, Any]]:
    return rows(ending, client.get(address(ending), query).getvalue())


def events(count: int, *, days: int = 0, app: App | None = None) -> None:
    """One a second, counted by their identifiers from the oldest on."""
    begin = timezone.now() - timedelta(days=days, seconds=count)
    Event.objects.bulk_create(
        (
            Event(
                at=begin + timedelta(seconds=number),
                identifier=f"{days}-{number}",
                app=app,
                message="An account was created, and so on, as long as a sentence is.",
            )
            for number in range(count)
        ),
        batch_size=1_000,
    )


# ------------------------------------------------------------------------------- what is in it


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_file_holds_what_was_searched_and_all_of_it(admin_client: Client, ending: str) -> None:
    for number in range(70):
        done(f"ann{number}@example.org", at=NOON + timedelta(seconds=number), http_status=201)
    done("bob@example.org", at=NOON)
    found = exported(admin_client, ending, identifier="ann")
    assert [row["person"] for row in found] == [f"ann{n}@example.org" for n in reversed(range(70))]
    assert str(found[0]["http_status"]) == "201"
    at = NOON + timedelta(seconds=69)
    assert found[0]["at"] == (at.isoformat() if ending == "csv" else at.replace(tzinfo=None))
    assert len(exported(admin_client, ending)) == 71


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_cell_is_a_formula(admin_client: Client, ending: str) -> None:
    done('=HYPERLINK("http://x")', message="+1", actor="@olga", app_name="-1")
    (row,) = exported(admin_client, ending)
    sign = "'" if ending == "csv" else ""
    assert row["person"] == f'{sign}=HYPERLINK("http://x")'
    assert (row["message"], row["actor"], row["app"]) == (f"{sign}+1", f"{sign}@olga", f"{sign}-1")


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_is_a_file_to_save_of_which_nothing_is_kept(admin_client: Client, ending: str) -> None:
    answer = admin_client.get(address(ending))
    assert answer.streaming
    assert "Content-Length" not in answer.headers
    assert f'.{ending}"' in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"] == exports.FORMATS[ending].content_type


def test_the_page_leads_to_the_files_of_its_search(admin_client: Client) -> None:
    done("ann@example.org")
    page = reverse("admin:reports_provisioningreport_changelist")
    html = admin_client.get(page, {"identifier": "ann", "outcome": ""}).content.decode()
    for ending in ENDINGS:
        assert f'href="{address(ending)}?identifier=ann"' in html
    assert "Export as" not in admin_client.get(page, {"identifier": "x"}).content.decode()


@pytest.mark.parametrize("query", [{"timespan": "1y"}, {"identifer": "ann"}, {"app": "999"}])
def test_what_cannot_be_searched_leads_back_to_the_page_that_says_so(
    admin_client: Client, query: dict[str, str]
) -> None:
    answer = admin_client.get(address("csv"), query, follow=True)
    assert "Nothing was searched" in answer.content.decode()


def test_only_who_may_see_the_report_gets_it(client: Client, db: None) -> None:
    done()
    assert "/login/" in client.get(address("csv")).headers["Location"]
    olga = Operator.objects.create_user("olga", is_staff=True)
    client.force_login(olga)
    assert client.get(address("xlsx")).status_code == 403
    olga.user_permissions.add(Permission.objects.get(codename="view_provisioningreport"))
    assert client.get(address("xlsx")).status_code == 200
    assert client.post(address("xlsx")).status_code == 405


def test_the_command_writes_the_same_workbook(admin_client: Client, tmp_path: Path) -> None:
    done("ann@example.org", at=NOON)
    done("=1+1", at=NOON)
    file = tmp_path / "report.xlsx"
    assert give("report", "--xlsx", "--output", str(file)) == (0, "")
    assert rows("xlsx", file.read_bytes()) == exported(admin_client, "xlsx")


# ------------------------------------------------------------------------------------- a stream


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_begins_before_anything_is_asked_and_reads_on_as_it_is_read(
    admin_client: Client, ending: str
) -> None:
    events(6_100)
    with CaptureQueriesContext(connection) as queries:
        answer = admin_client.get(address(ending))
        asked = len(queries)
        parts = iter(answer.streaming_content)
        assert next(parts)
        assert len(queries) == asked
        next(parts)
        # What is the newest, and the first batch of four.
        assert asked + 2 <= len(queries) < asked + 5
        for _ in parts:
            pass
    assert len(queries) == asked + 5


@pytest.mark.parametrize("ending", ENDINGS)
def test_memory_does_not_grow_with_the_rows(admin_client: Client, ending: str) -> None:
    # What is loaded for the first one does not count.
    assert exported(admin_client, ending) == []
    peaks = []
    # Two whole batches at once are in memory with either.
    for count in (4_500, 6_500):
        events(count)
        tracemalloc.start()
        answer = admin_client.get(address(ending))
        for _ in answer.streaming_content:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1_000_000


@contextmanager
def served() -> Iterator[str]:
    """The address of the pages, served as `manage.py serve` does."""
    application = get_wsgi_application()
    server = create_server(application, host="127.0.0.1", port=0, threads=4, asyncore_use_poll=True)
    loop = threading.Thread(target=server.run, daemon=True)
    loop.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # The loop of waitress ends when it has nothing to watch; else only a signal ends it.
        watched = list(server._map.values())
        server.trigger.pull_trigger(server._map.clear)
        loop.join()
        server.task_dispatcher.shutdown()
        for each in watched:
            each.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", ENDINGS)
def test_several_at_once_over_http_are_whole_and_leave_no_connection(
    admin_client: Client, ending: str, tmp_path: Path
) -> None:
    session = {name: morsel.value for name, morsel in admin_client.cookies.items()}
    found: list[int] = []
    with shared_database(tmp_path), served() as site:
        events(5_000)

        def save() -> None:
            answer = requests.get(site + address(ending), cookies=session, timeout=60)
            found.append(len(rows(ending, answer.content)))

        def leave() -> None:
            with requests.get(
                site + address(ending), cookies=session, timeout=60, stream=True
            ) as answer:
                assert next(answer.iter_content(64))

        parallel(save, save, leave, leave)
        assert found == [5_000, 5_000]
        assert eventually(nobody_else_is_connected)


def nobody_else_is_connected() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0] == 0)


# ------------------------------------------------------------------------ while rows come and go


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("of_one_app", [False, True])
def test_bad_input_139_while_rows_are_purged_and_added_it_is_what_was_there_up_to_one_point(
    tmp_path: Path, of_one_app: bool
) -> None:
    app = App.objects.create(name="Zoom", connector="scim")
    with shared_database(tmp_path):
        events(5_000, days=40, app=app)
        events(2_500, days=1, app=app)
        there = list(Event.objects.order_by("-at", "-pk").values_list("identifier", flat=True))
        begun = threading.Event()
        old = retention.older(than=timedelta(days=30), app=app if of_one_app else None)
        found = exports.stream(Event.objects.filter(app=app) if of_one_app else Event.objects.all())
        read = [next(found).identifier for _ in range(100)]
        with meanwhile(lambda: retention.purge(old, told=lambda _: begun.set())) as purging:
            assert begun.wait(60)
            # One now, and one that was recorded late.
            done("new", app=app)
            done("late", app=app, at=timezone.now() - timedelta(days=20))
            for event in found:
                read.append(event.identifier)
                if len(read) == 4_700:
                    # By now the purge has come to what is still to be read.
                    purging.join(60)
        assert not old.exists()
    assert len(read) == len(set(read))
    assert 2_500 <= len(read) < len(there)
    assert read == there[: len(read)]
