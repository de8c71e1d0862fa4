"""Searches of the report under a name: opened by one click, one's own or everybody's."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from iam.models import Operator
from provisioning.models import App, Outcome
from reports import saved_searches
from reports.models import SavedSearch
from tests.provisioning.admin import Page
from tests.reports.test_report import done, found, report
from tests.support.commands import give, given


@pytest.fixture
def olga(db: None) -> Operator:
    olga = Operator.objects.create_user("olga", is_staff=True)
    olga.user_permissions.add(Permission.objects.get(codename="view_provisioningreport"))
    return olga


def save(client: Client, query: str, **fields: Any) -> str:
    """Where pressing “Save” under “Save this search” leads to."""
    address = reverse("admin:reports_save_search")
    answer = client.post(address, {"name": "Failed", "query": query, **fields})
    return str(answer.headers["Location"].partition("?")[2])


def change(client: Client, search: SavedSearch, **fields: Any) -> int:
    address = reverse("admin:reports_change_search", args=[search.pk])
    return client.post(address, {"name": search.name, **fields}).status_code


def chips(page: Page) -> list[str]:
    return [search.name for search in page.context["searches"]]


def kept() -> list[tuple[str, str, bool]]:
    return list(SavedSearch.objects.values_list("name", "query", "shared"))


# ------------------------------------------------------------------------------------- to save


def test_a_search_is_saved_without_its_empty_fields_and_opened_by_its_name(
    admin_client: Client,
) -> None:
    done("ann", outcome=Outcome.FAILED)
    done("bob")
    query = save(admin_client, "timespan=7d&identifier=&outcome=failed&older_than=x")
    assert query == "outcome=failed&timespan=7d"
    assert kept() == [("Failed", query, False)]
    page = report(admin_client)
    assert f'href="?{query.replace("&", "&amp;")}">Failed</a>' in page.html
    opened = report(admin_client, outcome="failed", timespan="7d")
    assert found(opened) == ["ann"]
    assert 'aria-current="true">Failed</a>' in opened.html
    assert "Rename, share or delete “Failed”" in opened.text
    assert "Save this search" in report(admin_client, outcome="failed").text


def test_a_timespan_counts_back_from_the_day_on_which_it_is_opened(
    admin_client: Client, later: Any
) -> None:
    save(admin_client, "timespan=24h")
    done("ann", at=timezone.now() + timedelta(days=3))
    later(days=3, hours=1)
    assert [row["person"] for row in given("report", "--search", "failed")] == ["ann"]
    later(days=1)
    assert given("report", "--search", "failed") == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("timespan=1y", "Timespan: Select a valid choice."),
        ("app=999", "Application: There is no such application here."),
        ("identifer=ann", "The report has no filter called “identifer”."),
        ("timespan=7d&after=2026-03-04", "not both"),
        ("identifier=a%00b", "Null characters are not allowed."),
        ("", "leaves nothing out"),
        ("older_than=x&app=", "leaves nothing out"),
    ],
)
def test_what_the_report_would_refuse_is_not_saved_and_it_is_said_why(
    admin_client: Client, query: str, sentence: str
) -> None:
    save(admin_client, query)
    assert kept() == []
    assert sentence in report(admin_client).text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "cannot be blank"),
        ("   ", "cannot be blank"),
        ("a\u200bb", "cannot be seen"),
        ("x" * 61, "at most 60"),
        ("FAILED", "You have a saved search “FAILED” already."),
    ],
)
def test_a_name_must_be_one_and_ones_own(admin_client: Client, name: str, sentence: str) -> None:
    save(admin_client, "outcome=failed")
    save(admin_client, "outcome=done", name=name)
    assert [name for name, *_ in kept()] == ["Failed"]
    assert sentence in report(admin_client).text


def test_there_are_only_so_many(admin_user: Operator) -> None:
    for number in range(saved_searches.MOST):
        saved_searches.save(admin_user, name=str(number), query="outcome=done", shared=False)
    with pytest.raises(ValidationError, match="Delete one"):
        saved_searches.save(admin_user, name="one more", query="outcome=done", shared=False)


# ------------------------------------------------------------------------------ whose it is


def test_ones_own_is_seen_by_nobody_else_until_it_is_shared(
    admin_client: Client, olga: Operator
) -> None:
    save(admin_client, "outcome=failed")
    client = Client()
    client.force_login(olga)
    assert chips(report(client)) == []
    change(admin_client, SavedSearch.objects.get(), shared="on")
    page = report(client, outcome="failed")
    assert chips(page) == ["Failed"]
    assert "Failed by admin" in page.text
    # Not hers, so she may save it under a name of her own.
    assert "Save this search" in page.text
    save(client, "outcome=failed")
    assert SavedSearch.objects.count() == 2


def test_it_is_renamed_and_deleted_by_its_owner_alone(admin_client: Client, olga: Operator) -> None:
    done()
    save(admin_client, "outcome=done", shared="on")
    search = SavedSearch.objects.get()
    client = Client()
    client.force_login(olga)
    assert change(client, search, name="Hers") == 404
    assert change(client, search, delete="1") == 404
    assert change(admin_client, search, name="Done") == 302
    assert kept() == [("Done", "outcome=done", False)]
    change(admin_client, search, delete="1")
    assert kept() == []
    assert found(report(admin_client)) == ["ann@example.org"]


def test_who_may_not_see_the_report_saves_nothing(client: Client, olga: Operator) -> None:
    olga.user_permissions.clear()
    client.force_login(olga)
    address = reverse("admin:reports_save_search")
    assert client.post(address, {"name": "x", "query": "outcome=done"}).status_code == 403
    assert client.get(address).status_code in {403, 405}
    assert kept() == []


def test_a_search_for_an_application_that_is_gone_finds_nothing_and_says_so(
    admin_client: Client,
) -> None:
    done()
    app = App.objects.create(name="Zoom", connector="scim")
    save(admin_client, f"app={app.pk}")
    app.delete()
    page = report(admin_client, app=SavedSearch.objects.get().query.partition("=")[2])
    assert "Nothing was searched" in page.text
    assert found(page) == []
    with pytest.raises(CommandError, match="--app: There is no such application here"):
        give("report", "--search", "Failed")


def test_the_page_costs_one_query_for_any_number_of_them(admin_client: Client) -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 5 * number):
            save(admin_client, "outcome=done", name=f"{number} {each}", shared="on")
        report(admin_client)
        with CaptureQueriesContext(connection) as queries:
            report(admin_client)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# ------------------------------------------------------------------------------ the command


def test_the_command_goes_by_a_saved_search_and_what_is_given_beside_it(
    admin_user: Operator,
) -> None:
    done("ann", outcome=Outcome.FAILED)
    done("bob", outcome=Outcome.FAILED)
    done("carl")
    saved_searches.save(admin_user, name="Failed", query="outcome=failed", shared=False)
    assert [row["person"] for row in given("report", "--search", "FAILED")] == ["bob", "ann"]
    assert [row["person"] for row in given("report", "--search", "failed", "--person", "ann")] == [
        "ann"
    ]


def test_which_one_is_meant_must_be_clear(admin_user: Operator, olga: Operator) -> None:
    done("ann", outcome=Outcome.FAILED)
    with pytest.raises(CommandError, match="There is no saved search “Failed”") as failed:
        give("report", "--search", "Failed")
    assert failed.value.returncode == 2
    saved_searches.save(admin_user, name="Failed", query="outcome=failed", shared=False)
    saved_searches.save(olga, name="failed", query="outcome=done", shared=False)
    with pytest.raises(CommandError, match="Say --of one of: admin, olga") as failed:
        give("report", "--search", "Failed")
    assert failed.value.returncode == 2
    assert len(given("report", "--search", "Failed", "--of", "admin")) == 1
    with pytest.raises(CommandError, match="There is no saved search “Failed” of nobody"):
        give("report", "--search", "Failed", "--of", "nobody")
