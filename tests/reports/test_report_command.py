"""`manage.py report` finds what the page finds, and writes any number of rows, safe to open."""

import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from provisioning.models import App, Event, Outcome
from reports import exports
from tests.reports.test_report import done
from tests.support.commands import give, given

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def names(*arguments: str) -> list[str]:
    return [row["person"] for row in given("report", *arguments)]


@pytest.fixture
def some(db: None) -> App:
    app = App.objects.create(name="Zoom", connector="scim")
    done("ann@example.org", at=NOON, app=app, actor="olga", trigger="policy")
    done("anna@example.org", at=NOON + timedelta(hours=12), outcome=Outcome.FAILED)
    done("bob@example.org", at=timezone.now(), operation="update", effect="verified")
    return app


ANN, ANNA, BOB = "ann@example.org", "anna@example.org", "bob@example.org"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [BOB, ANNA, ANN]),
        (["--person", "ANN"], [ANNA, ANN]),
        (["--person", "ann", "--exactly"], []),
        (["--person", "Ann@example.org", "--exactly"], [ANN]),
        (["--app", "zoom"], [ANN]),
        (["--last", "24h"], [BOB]),
        (["--operation", "update"], [BOB]),
        (["--outcome", "failed"], [ANNA]),
        (["--effect", "verified"], [BOB]),
        (["--trigger", "policy"], [ANN]),
        (["--by", "olga"], [ANN]),
        (["--from", "2026-03-04", "--to", "2026-03-04"], [ANN]),
        (["--from", "2026-03-05", "--to", "2026-03-05T00:00"], [ANNA]),
        # Nine hours ahead both are on the fifth or the fourth, as the clock there says.
        (["--to", "2026-03-04", "--time-zone", "Asia/Tokyo"], [ANN]),
        (["--to", "2026-03-05", "--time-zone", "Asia/Tokyo"], [ANNA, ANN]),
        (["--to", "2026-03-04", "--time-zone", "America/New_York"], [ANNA, ANN]),
        (["--rows", "1"], [BOB]),
    ],
)
def test_each_filter_finds_what_it_says(
    some: App, arguments: list[str], expected: list[str]
) -> None:
    assert names(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "yesterday"], "--from: This is no date and time. Write 2026-11-01T10:00."),
        (["--to", "2026-02-30"], "--to: This is no date and time."),
        (["--from", "0001-01-01"], "--from: Enter a year from 1970 to 9998."),
        (["--from", "2026-03-05", "--to", "2026-03-04"], "The range ends before it begins."),
        (["--from", "2026-03-05", "--last", "24h"], "not both"),
        (["--time-zone", "Mars/Base"], "There is no time zone “Mars/Base”."),
        (["--time-zone", "../../etc/passwd"], "There is no time zone"),
        (["--person", "x" * 201], "--person: Ensure this value has at most 200"),
        (["--app", "Slack"], "There is no application “Slack”."),
        (["--rows", "0"], "--rows is at least 1."),
        (["--csv", "--json"], "Choose one of --csv, --xlsx and --json."),
        (["--exactly"], "are about --person"),
        (["--contains", "--app", "Zoom"], "are about --person"),
    ],
)
def test_what_makes_no_sense_is_2_and_named(some: App, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as failed:
        give("report", *arguments)
    assert failed.value.returncode == 2
    assert sentence in str(failed.value)


def test_times_are_written_in_the_zone_that_was_asked_for(some: App) -> None:
    (row,) = given("report", "--by", "olga", "--time-zone", "Asia/Tokyo")
    assert row["at"] == "2026-03-04T21:00:00+09:00"
    assert "2026-03-04 21:00:00 JST" in give("report", "--time-zone", "Asia/Tokyo")[1]


def test_a_table_holds_every_column_and_no_formula(db: None) -> None:
    done('=HYPERLINK("x")', message='a, "b"\nc', actor="@olga")
    said = give("report", "--csv")[1]
    heading, row = csv.reader(io.StringIO(said, newline=""))
    assert heading == list(exports.COLUMNS)
    read = dict(zip(heading, row, strict=True))
    assert read["person"] == '\'=HYPERLINK("x")'
    assert (read["message"], read["actor"], read["http_status"]) == ('a, "b"\nc', "'@olga", "")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_what_a_spreadsheet_would_calculate_is_made_text(text: str) -> None:
    assert exports.safe(text) == f"'{text}"
    assert exports.safe(f"a{text}") == f"a{text}"


def test_all_rows_come_once_in_order_a_query_for_each_batch(db: None) -> None:
    """Many at the same moment, too."""
    Event.objects.bulk_create(
        Event(at=NOON + timedelta(seconds=number // 7), identifier=str(number), message="Ok.")
        for number in range(4_100)
    )
    with CaptureQueriesContext(connection) as queries:
        found = [event.identifier for event in exports.stream(Event.objects.all())]
    assert found == [str(number) for number in reversed(range(4_100))]
    # And one for what is the newest.
    assert len(queries) == 4


def test_a_file_has_its_name_only_when_it_is_complete(some: App, tmp_path: Path) -> None:
    file = tmp_path / "report.jsonl"
    assert give("report", "--json", "--output", str(file)) == (0, "")
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 3
    with pytest.raises(CommandError, match="cannot be written") as failed:
        give("report", "--csv", "--output", str(tmp_path / "nowhere" / "report.csv"))
    assert failed.value.returncode == 1
    assert [each.name for each in tmp_path.iterdir()] == ["report.jsonl"]


def test_a_link_stays_one_and_a_pipe_is_written_to_and_not_replaced(
    some: App, tmp_path: Path
) -> None:
    file, link, pipe = tmp_path / "report.csv", tmp_path / "newest.csv", tmp_path / "pipe"
    link.symlink_to(file)
    assert give("report", "--csv", "--output", str(link))[0] == 0
    assert link.is_symlink() and len(file.read_text().splitlines()) == 4
    os.mkfifo(pipe)
    reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert give("report", "--csv", "--output", str(pipe))[0] == 0
    assert os.read(reads, 100_000) == file.read_bytes()
    os.close(reads)
    assert pipe.is_fifo()


def test_a_report_that_breaks_off_leaves_the_file_as_it_was(db: None, tmp_path: Path) -> None:
    Event.objects.bulk_create(Event(at=NOON, identifier="ann", message="Ok.") for _ in range(2_001))
    file = tmp_path / "report.csv"
    file.write_text("yesterday's")
    read: list[str] = []

    def break_off(execute: Any, sql: str, *more: Any) -> Any:
        read.append(sql)
        if len(read) == 2:
            raise OperationalError("the line was cut")
        return execute(sql, *more)

    with connection.execute_wrapper(break_off), pytest.raises(OperationalError, match="cut"):
        give("report", "--csv", "--output", str(file))
    assert [each.name for each in tmp_path.iterdir()] == ["report.csv"]
    assert file.read_text() == "yesterday's"


def test_a_name_cannot_command_the_terminal(db: None) -> None:
    done("\x1b[2J")
    assert "\x1b" not in give("report")[1]


def test_rows_of_an_application_cost_no_question_each(some: App) -> None:
    for _ in range(3):
        done(ANN, app=some)
    with CaptureQueriesContext(connection) as queries:
        assert len([exports.values(event) for event in exports.stream(Event.objects.all())]) == 6
    # How far it goes, and the rows.
    assert len(queries) == 2
