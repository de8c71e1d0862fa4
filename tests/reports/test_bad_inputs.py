"""Strange timespans mean the same on the page, in the API and to the command."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError
from django.test import Client

from iam.models import Operator
from tests.provisioning.api import program
from tests.reports.test_report import NOON, done, found, report
from tests.support.commands import given

# What is found from one moment to another; None where the range is refused.
Ask = Callable[[str, str], list[str] | None]
LEAP_DAY = NOON.replace(year=2024, month=2, day=29)


def _page(begin: str, end: str) -> list[str] | None:
    client = Client()
    client.force_login(Operator.objects.get())
    page = report(client, after=begin, before=end)
    return None if page.context["form"].errors else found(page)


def _api(begin: str, end: str) -> list[str] | None:
    answer = program(Operator.objects.get()).get("/events/", after=begin, before=end)
    if answer.status_code == 400:
        assert "errors" in answer.json()
        return None
    return [each["identifier"] for each in answer.json()["items"]]


def _command(begin: str, end: str) -> list[str] | None:
    try:
        return [row["person"] for row in given("report", "--from", begin, "--to", end)]
    except CommandError as error:
        assert "\n" not in str(error) and error.returncode == 2
        return None


@pytest.mark.parametrize("ask", [_page, _api, _command], ids=["page", "api", "command"])
@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("2026-03-05T00:00", "2026-03-04T00:00", None),
        ("2020-01-01T00:00", "2029-12-31T23:59", ["now", "leap day"]),
        ("2999-01-01T00:00", "2999-12-31T00:00", []),
        ("9998-12-31T00:00", "9999-12-31T23:59", None),
        ("0000-01-01T00:00", "2026-03-05T00:00", None),
        ("2026-03-04T12:00", "2026-03-04T12:00", ["now"]),
        ("2026-03-04T12:00Z", "2026-03-04T12:00Z", ["now"]),
        ("2026-03-04T12:00+02:00", "2026-03-04T12:00+00:00", ["now"]),
        ("2024-02-29T00:00", "2024-02-29T23:59", ["leap day"]),
        ("2026-02-29T00:00", "2026-03-05T00:00", None),
    ],
)
def test_bad_input_129_a_strange_range_is_refused_or_clearly_empty(
    db: None, ask: Ask, begin: str, end: str, expected: list[str] | None
) -> None:
    Operator.objects.create_superuser("chief")
    done("leap day", at=LEAP_DAY)
    done("now", at=NOON)
    assert ask(begin, end) == expected
