"""What a change of the mapping does to how many people is told before it is saved."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning import mapping_changes, ownership
from provisioning.models import Account, App, Mapping, SourceKind
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    """One more than may be changed without a question; one of them has no last name."""
    people = [person(f"p{each:02}", first_name="Pat", last_name="Lee") for each in range(11)]
    people[0].last_name = ""
    people[0].save()
    sales.users.add(*people)
    return people


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, crowd: list[User], push: Push) -> App:
    """Everybody has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def with_row(app: App, target: str, source: str, kind: str = "attribute") -> list[Mapping]:
    rows = [row for row in app.mappings.of_people() if row.target != target]
    return [*rows, Mapping(app=app, target=target, kind=kind, source=source)]


def test_it_counts_whose_account_would_hold_something_else(app: App, crowd: list[User]) -> None:
    found = mapping_changes.of(with_row(app, "nickName", "last_name"), app=app)
    assert (found.people, found.accounts, found.changes, found.refusals) == (11, 11, 10, 0)
    assert f"{crowd[1].username}: nickName set to “Lee”" in found.examples
    assert mapping_changes.of(list(app.mappings.of_people()), app=app).changes == 0
    assert mapping_changes.of(with_row(app, "nickName", "title"), app=app).changes == 0


def test_an_example_tells_no_sensitive_value(app: App, crowd: list[User]) -> None:
    app.mappings.filter(target="name.familyName").update(sensitive=True)
    rows = with_row(app, "name.familyName", "username")
    examples = " ".join(mapping_changes.of(rows, app=app).examples)
    assert "name.familyName from “•••” to “•••”" in examples
    assert "Lee" not in examples


def test_it_counts_who_would_be_refused(app: App) -> None:
    found = mapping_changes.of(with_row(app, "userName", "last_name"), app=app)
    assert (found.changes, found.refusals) == (10, 1)
    assert "needs “userName”, which comes from Last name" in found.reason
    Account.objects.update(remote_id=None)
    found = mapping_changes.of(with_row(app, "userName", "last_name"), app=app)
    assert (found.accounts, found.changes, found.refusals) == (0, 0, 1)


def test_who_is_not_managed_any_more_neither_waits_nor_is_changed(
    app: App, crowd: list[User]
) -> None:
    ownership.forget(Account.objects.get(user=crowd[0]), by="admin")
    rows = with_row(app, "userName", "last_name")
    found = mapping_changes.of(rows, app=app)
    assert (found.people, found.accounts, found.changes, found.refusals) == (10, 10, 10, 0)


def test_of_many_people_some_are_looked_at(app: App) -> None:
    rows = with_row(app, "nickName", "first_name")
    with CaptureQueriesContext(connection) as few:
        found = mapping_changes.of(rows, app=app, most=3)
    assert (found.looked_at, found.changes, found.is_exact) == (3, 11, False)
    with CaptureQueriesContext(connection) as all_:
        assert mapping_changes.of(rows, app=app).is_exact
    assert len(few) == len(all_)


def test_values_that_would_be_made_unique_are_told_apart(app: App) -> None:
    rows = with_row(app, "nickName", "unique(first_name)", SourceKind.EXPRESSION)
    found = mapping_changes.of(rows, app=app)
    assert found.changes == 11
    assert len({each.partition("set to")[2] for each in found.examples}) == 11


# ------------------------------------------------------------------------------- on the page


@pytest.fixture
def page(admin_client: Client, app: App) -> Page:
    return visit(admin_client, "provisioning_app_change", app.pk)


def test_bad_input_107_a_change_of_nearly_everybody_is_asked_about_first(
    page: Page, app: App, crowd: list[User]
) -> None:
    before = list(app.mappings.of_people().values_list("target", "source"))
    asked = page.send_rows({"target": "nickName", "source": "first_name"})
    assert "This changes 11 of 11 accounts in Zoom. Nothing has been saved yet." in asked.text
    assert f"{crowd[0].username}: nickName set to “Pat”" in asked.text
    assert list(app.mappings.of_people().values_list("target", "source")) == before
    number = len(before)
    other = asked.send(**{f"mappings-{number}-source": "username"})
    assert "nickName set to “p00@example.org”" in other.text
    assert app.mappings.of_people().count() == number
    other.send()
    assert app.mappings.get(target="nickName").source == "username"


def test_bad_input_107_few_changes_and_none_are_saved_at_once(page: Page, app: App) -> None:
    page.send_rows(
        {"target": "nickName", "source": "last_name"}, {"target": "title", "source": "title"}
    )
    assert app.mappings.filter(target__in=["nickName", "title"]).count() == 2


def test_bad_input_107_where_nothing_is_updated_nothing_is_asked(
    admin_client: Client, app: App
) -> None:
    app.features = [Feature.CREATE_USERS]
    app.save()
    page = visit(admin_client, "provisioning_app_change", app.pk)
    page.send_rows({"target": "nickName", "source": "first_name"})
    assert app.mappings.filter(target="nickName").exists()


def test_bad_input_106_a_needed_attribute_without_a_row_is_told_with_who_waits(
    page: Page, app: App, sales: Group
) -> None:
    sales.users.add(person("new"))
    saved = page.send(**{"mappings-0-DELETE": "on"})
    assert "Zoom needs “userName”, and no row of the attribute mapping fills it" in saved.text
    assert "1 person waits for one." in saved.text
    assert not app.mappings.filter(target="userName").exists()


def test_bad_input_106_whom_a_needed_attribute_is_empty_for_is_counted(
    page: Page, app: App
) -> None:
    asked = page.send(**{"mappings-0-source": "last_name", "mappings-2-DELETE": "on"})
    saved = asked.send() if "Save once more" in asked.text else asked
    assert "1 person of the 11 who are to have Zoom cannot be brought up to date" in saved.text
