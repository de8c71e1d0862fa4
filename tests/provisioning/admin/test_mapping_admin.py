"""The mapping is edited row by row, and a wrong path is shown with a mark under the character."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from iam.models import Group, ProfileAttribute, User
from provisioning import apps_setup, secrets
from provisioning.connectors.zoom import Zoom
from provisioning.models import Account, App, Event
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
Row = dict[str, str]

WORK = 'emails[type eq "work"].value'
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GUIDE = [
    ("userName", "username"),
    ("active", "is_active"),
    ("name.givenName", "first_name"),
    ("name.familyName", "last_name"),
    (WORK, "email"),
    (f"{ENTERPRISE}:organization", "custom.custom_attribute_1"),
]


def rows_of(app: App) -> list[tuple[str, str]]:
    return list(app.mappings.of_people().values_list("target", "source"))


def shown_rows(page: Page) -> list[tuple[str, str]]:
    count = int(page.form["mappings-TOTAL_FORMS"])
    row = "mappings-{}-{}".format
    return [(page.form[row(n, "target")], page.form[row(n, "source")]) for n in range(count)]


@pytest.fixture
def app(db: None) -> App:
    """A Zoom app that is connected; its mapping is as it was suggested."""
    app = apps_setup.create(App(name="Zoom", connector="zoom"))
    app.settings["auth"] = "bearer"
    app.sealed_secrets = secrets.seal({"token": "token"})
    app.save()
    return app


@pytest.fixture
def page(admin_client: Client, app: App) -> Page:
    return visit(admin_client, "provisioning_app_change", app.pk)


# ------------------------------------------------------------------------------- ordinary work


def test_the_six_rows_of_the_guide_are_there_from_the_start(page: Page, app: App) -> None:
    assert list(Zoom.default_mappings) == GUIDE
    assert shown_rows(page) == GUIDE
    assert rows_of(app) == GUIDE


def test_a_row_is_edited(page: Page, app: App) -> None:
    page.send(**{"mappings-3-target": "name.formatted", "mappings-3-source": "full_name"})
    assert rows_of(app)[3] == ("name.formatted", "full_name")
    assert app.mappings.of_people().count() == 6


def test_new_rows_stand_at_the_end_in_their_order(page: Page, app: App) -> None:
    added = [("title", "title"), ("nickName", "display_name")]
    page.send_rows(*({"target": target, "source": source} for target, source in added))
    assert rows_of(app) == [*GUIDE, *added]


def test_a_row_is_removed(page: Page, app: App) -> None:
    page.send(**{"mappings-4-DELETE": "on"})
    assert rows_of(app) == GUIDE[:4] + GUIDE[5:]


def test_a_row_is_replaced_in_one_go(page: Page, app: App) -> None:
    page.send_rows({"target": WORK, "source": "username"}, **{"mappings-4-DELETE": "on"})
    assert rows_of(app)[-1] == (WORK, "username")
    assert app.mappings.of_people().count() == 6


def test_two_rows_exchange_their_targets(page: Page, app: App) -> None:
    page.send(
        **{"mappings-2-target": "name.familyName", "mappings-3-target": "name.givenName"},
    )
    assert rows_of(app)[2:4] == [("name.familyName", "first_name"), ("name.givenName", "last_name")]


def test_an_empty_new_row_is_left_out(page: Page, app: App) -> None:
    page.send_rows({"target": "", "source": ""})
    assert rows_of(app) == GUIDE


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("USERNAME", "userName"),
        ('phoneNumbers[type eq "work"]', 'phoneNumbers[type eq "work"].value'),
        ('phoneNumbers[type EQ "work"].value', 'phoneNumbers[type eq "work"].value'),
        ("  title  ", "title"),
        (f"{ENTERPRISE}:department", f"{ENTERPRISE}:department"),
    ],
)
def test_a_path_is_kept_in_its_normal_form(page: Page, app: App, typed: str, kept: str) -> None:
    page.send_rows({"target": typed, "source": "title"}, **{"mappings-0-DELETE": "on"})
    assert rows_of(app)[-1] == (kept, "title")


def test_everybody_is_brought_up_to_date_after_a_change(
    admin_client: Client, faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    page = visit(admin_client, "provisioning_app_change", faulty_app.pk)
    page.send_rows({"target": "nickName", "source": "first_name"})
    assert Account.objects.get().due_at is not None
    push()
    assert faulty.user(ann.username)["nickName"] == "Ann"
    assert Event.objects.first().actor == "admin"  # type: ignore[union-attr]


# -------------------------------------------------------------------------------- wrong paths


@pytest.mark.parametrize(
    ("typed", "mark", "said"),
    [
        ('emails[type eq "work"', 21, "A closing bracket “]” is missing here"),
        ('emails[type = "work"]', 12, "Write eq, with a blank on each side, instead of “=”"),
        ("name..givenName", 5, "One dot is enough here: name.givenName"),
        (f"{ENTERPRISE}:", 59, "No attribute stands behind the schema."),
        (ENTERPRISE, 58, "No attribute stands behind the schema."),
        ("emails[0]", 7, "Entries are not chosen by number."),
        ("user name", 4, "No blank may stand here. Remove it."),
        ("user\u200bName", 4, "A hidden character stands here."),
        ("emails[type eq 'work']", 15, "Use straight double quotes"),
        ("emails[type eq “work”]", 15, "Use straight double quotes"),
        ('emails[type co "work"]', 12, "Only eq is possible in a mapping"),
        ("name.", 4, "A dot is the last thing here. Remove it: name."),
    ],
)
def test_a_wrong_path_is_shown_with_a_mark_under_the_character(
    page: Page, app: App, typed: str, mark: int, said: str
) -> None:
    refused = page.send_rows({"target": typed, "source": "title"})
    line, under, sentence = pointed(refused)
    assert (len(line), under) == (len(typed), " " * mark + "^")
    assert said in sentence
    assert refused.form["mappings-6-target"] == typed
    assert rows_of(app) == GUIDE


@pytest.mark.parametrize(
    "target", ["id", "meta", "meta.created", "groups", "schemas", "noSuchThing", "name.noSuchPart"]
)
def test_what_nobody_can_fill_is_refused(page: Page, app: App, target: str) -> None:
    refused = page.send_rows({"target": target, "source": "title"})
    assert pointed(refused)[0] == target
    assert rows_of(app) == GUIDE


def pointed(page: Page) -> list[str]:
    """The lines under the one refused path, as they stand on the page."""
    start = page.html.index('<span class="pointed">')
    shown = page.html[start : page.html.index("</span>", start)]
    forms, *_ = [each.formset.forms for each in page.context["inline_admin_formsets"]]
    (error,) = [said for form in forms for said in form.errors.get("target", [])]
    assert error.startswith(shown)
    return html.unescape(shown.removeprefix('<span class="pointed">')).split("\n")


def test_a_path_with_markup_is_shown_as_text(page: Page) -> None:
    refused = page.send_rows({"target": "<script>alert(1)</script>", "source": "title"})
    assert "<script>alert(1)" not in refused.html
    assert "&lt;script&gt;alert(1)" in refused.html


@pytest.mark.parametrize(
    "row",
    [{"target": "", "source": "title"}, {"target": "title", "source": ""}],
    ids=["no target", "no source"],
)
def test_half_a_row_is_refused(page: Page, app: App, row: Row) -> None:
    assert "This field is required." in page.send_rows(row).text
    assert rows_of(app) == GUIDE


@pytest.mark.parametrize("source", ["password", "pk", "external_id", "custom.nothing", "x" * 200])
def test_only_what_people_have_can_be_chosen(page: Page, app: App, source: str) -> None:
    assert "Select a valid choice." in page.send_rows({"target": "title", "source": source}).text
    assert rows_of(app) == GUIDE


@pytest.mark.parametrize("length", [501, 65_536])
def test_a_path_that_is_too_long_is_refused(page: Page, app: App, length: int) -> None:
    assert "500 characters" in page.send_rows({"target": "x" * length, "source": "title"}).text
    assert rows_of(app) == GUIDE


# --------------------------------------------------------------------------- one row a target


@pytest.mark.parametrize("typed", ["userName", "USERNAME", 'emails[type eq "work"]', WORK])
def test_two_rows_may_not_fill_one_target(page: Page, app: App, typed: str) -> None:
    """bad-input-103"""
    refused = page.send_rows({"target": typed, "source": "title"})
    row, target = (5, WORK) if "emails" in typed else (1, "userName")
    assert f"Row {row} already fills “{target}”. Remove one of the two." in refused.text
    assert rows_of(app) == GUIDE


def test_two_new_rows_may_not_either(page: Page, app: App) -> None:
    row = {"target": "title", "source": "title"}
    assert "Row 7 already fills “title”." in page.send_rows(row, row).text
    assert rows_of(app) == GUIDE


def test_different_entries_of_one_list_are_different_targets(page: Page, app: App) -> None:
    page.send_rows(
        {"target": 'emails[type eq "home"].value', "source": "custom.custom_attribute_1"}
    )
    assert app.mappings.of_people().count() == 7


# ---------------------------------------------------------------------- a removed attribute


def test_a_row_whose_attribute_was_removed_says_so_and_can_stay_or_be_changed(
    admin_client: Client, page: Page, app: App
) -> None:
    ProfileAttribute.objects.all().delete()
    page = visit(admin_client, "provisioning_app_change", app.pk)
    assert "custom.custom_attribute_1 (not defined any more)" in page.text
    page.send(name="Zoom 2")
    assert rows_of(app) == GUIDE
    page = visit(admin_client, "provisioning_app_change", app.pk)
    page.send(**{"mappings-5-source": "department"})
    assert rows_of(app)[5] == (f"{ENTERPRISE}:organization", "department")


def test_a_removed_attribute_cannot_be_chosen_for_another_row(
    admin_client: Client, page: Page, app: App
) -> None:
    ProfileAttribute.objects.all().delete()
    refused = page.send(**{"mappings-4-source": "custom.custom_attribute_1"})
    assert "Select a valid choice." in refused.text
    assert rows_of(app) == GUIDE


def test_another_app_keeps_its_own_mapping(
    page: Page, app: App, make_app: MakeApp, faulty: FaultyScim
) -> None:
    other = make_app(faulty, name="Chat")
    before = rows_of(other)
    page.send(**{"mappings-4-DELETE": "on"})
    assert rows_of(other) == before


# ------------------------------------------------------------------ more than an attribute

NEW = "mappings-6"


def saved(app: App) -> dict[str, Any]:
    row = app.mappings.of_people().order_by("pk").last()
    assert row is not None
    return {
        name: getattr(row, name) for name in ("kind", "source", "when_empty", "default", "apply")
    }


def test_a_row_that_says_nothing_else_is_an_attribute_that_is_always_filled_in(
    page: Page,
    app: App,
) -> None:
    page.send_rows({"target": "title", "source": "title"})
    assert saved(app) == {
        "kind": "attribute",
        "source": "title",
        "when_empty": "clear",
        "default": "",
        "apply": "always",
    }


def test_a_formula_and_all_that_can_be_said_of_a_row_are_kept_and_shown_again(
    admin_client: Client,
    page: Page,
    app: App,
) -> None:
    typed = {
        "target": "title",
        "source": ":expression",
        "source_text": 'join(" ",\r\n title, login_method)',
        "when_empty": "default",
        "when_empty_text": "none",
        "apply": "create",
    }
    page.send_rows(typed)
    assert saved(app) == {
        "kind": "expression",
        "source": 'join(" ",\n title, login_method)',
        "when_empty": "default",
        "default": "none",
        "apply": "create",
    }
    again = visit(admin_client, "provisioning_app_change", app.pk)
    shown = {name: again.form[f"{NEW}-{name}"] for name in typed}
    assert {name: text.split() for name, text in shown.items()} == {
        name: text.split() for name, text in typed.items()
    }
    again.send(**{f"{NEW}-source": "title", f"{NEW}-when_empty": "leave"})
    assert saved(app) == {
        "kind": "attribute",
        "source": "title",
        "when_empty": "leave",
        "default": "",
        "apply": "create",
    }


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"source": ":constant"}, "source", "Write the fixed text below the choice."),
        ({"source": ":constant", "source_text": "a\0b"}, "source", "Null characters"),
        ({"source": ":expression"}, "source", "The formula is empty."),
        ({"source": ":expression", "source_text": "lowr(email)"}, "source", "Did you mean “lower”"),
        ({"source": ":expression", "source_text": "custom.no"}, "source", "no attribute"),
        (
            {"source": ":expression", "source_text": 'if(is_member_of("Slaes"), "a")'},
            "source",
            "There is no group “Slaes”. Did you mean “Sales”?",
        ),
        ({"source": ":other", "source_text": "x"}, "source", "Select a valid choice."),
        ({"source": "title", "when_empty": "default"}, "when_empty", "Write the text to use."),
        ({"source": "title", "when_empty": "x"}, "when_empty", "Select a valid choice."),
        ({"source": "title", "apply": "never"}, "apply", "Select a valid choice."),
        ({"source": "title", "match": "4"}, "match", "Select a valid choice."),
        ({"source": "title", "match": "1"}, "match", "Zoom cannot be searched for “title”, only"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_at_its_field(
    page: Page,
    app: App,
    row: dict[str, str],
    field: str,
    said: str,
) -> None:
    Group.objects.create(name="Sales")
    refused = page.send_rows({"target": "title", **row})
    forms, *_ = [each.formset.forms for each in refused.context["inline_admin_formsets"]]
    (errors,) = [each.errors for each in forms if each.errors]
    assert list(errors) == [field]
    assert said in str(errors[field])
    assert app.mappings.of_people().count() == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"0-match": "1", "4-match": "1"}, "“userName” has this place. Choose another one."),
        ({"1-match": "1"}, "is the same for everybody, so nobody can be found by it."),
        ({"0-source": ":expression", "0-source_text": "unique(email)"}, "Nobody can be found by"),
    ],
)
def test_accounts_are_found_only_by_what_tells_people_apart(
    page: Page, app: App, changes: dict[str, str], said: str
) -> None:
    App.objects.update(connector="scim")
    typed = {f"mappings-{name}": value for name, value in changes.items()}
    assert said in page.send(**typed).text
    assert not app.mappings.exclude(match=None).exists()


def test_the_order_in_which_accounts_are_found_is_kept(admin_client: Client, app: App) -> None:
    App.objects.update(connector="scim")
    page = visit(admin_client, "provisioning_app_change", app.pk)
    made_up = {"mappings-0-source": ":expression", "mappings-0-source_text": "unique(email)"}
    page.send(**made_up, **{"mappings-4-match": "1"})
    assert list(app.mappings.exclude(match=None).values_list("target", "match")) == [(WORK, 1)]


def test_the_mark_stands_under_the_character_of_the_formula(page: Page) -> None:
    typed = {"target": "title", "source": ":expression", "source_text": 'left(email, "2")'}
    refused = page.send_rows(typed)
    pointed = refused.html.partition('<span class="pointed">')[2].partition("</span>")[0]
    assert pointed.split("\n")[1] == " " * 12 + "^"
    assert refused.form[f"{NEW}-source_text"] == typed["source_text"]


def test_the_functions_and_attributes_are_listed_on_the_page(page: Page) -> None:
    assert "format_date(date, written, wanted)" in page.text
    assert "custom.custom_attribute_1" in page.text
