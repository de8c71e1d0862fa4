"""The Zoom guide, clicked from the first sign-in to the row in the report, as a person would."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ORGANIZATION
from tests.support.portal import Portal
from tests.support.target import Document, Target

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OWN_PASSWORD = "a-pass-phrase-of-my-own"
Shoot = Callable[..., None]


@pytest.fixture
def shoot(page: Page) -> Shoot:
    """Keep a picture of the page, where `make screenshots` asked for it."""
    folder = os.environ.get("SCREENSHOTS")

    def picture(name: str, of: Page = page) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            of.mouse.move(0, 0)
            of.wait_for_timeout(300)
            of.screenshot(path=Path(folder) / f"{name}.png")

    return picture


def test_the_zoom_guide_from_signing_in_to_the_row_in_the_report(
    portal: Portal, page: Page, target: Target, shoot: Shoot
) -> None:
    sign_in(page, portal, shoot)
    add_the_app(page, shoot)
    connect_it(page, target, shoot)
    look_at_the_mapping(page, shoot)
    look_at_the_features(page, shoot)
    add_the_group(page, shoot)
    add_the_policy(page, shoot)
    add_the_person(page, shoot)
    assert target.users() == [], "nothing may be sent before the person is in a group"
    assign_from_the_group(page, shoot)
    made = arrived(lambda: target.users())[0]
    assert (made["userName"], made["active"]) == ("ann@example.org", True)
    assert made["name"] == {"givenName": "Ann", "familyName": "Lee"}
    assert [mail["value"] for mail in made["emails"]] == ["ann@example.org"]
    assert organization(made) == "EMEA"
    read_the_report(page, shoot)
    look_at_the_account(page, shoot)
    preview_a_formula(page, shoot)
    take_her_out_from_her_own_page(page, shoot)
    arrived(lambda: [user for user in target.users() if not user["active"]])
    read_that_she_left(page, shoot)


def sign_in(page: Page, portal: Portal, shoot: Shoot) -> None:
    page.goto(portal.address)
    shoot("01-sign-in")
    page.get_by_label("Username").fill(portal.username)
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Choose a password of your own")).to_be_visible()
    for label, text in [
        ("Old password", portal.password),
        ("New password", OWN_PASSWORD),
        ("New password confirmation", OWN_PASSWORD),
    ]:
        field(page, label).fill(text)
    page.get_by_role("button", name="Change password").click()
    menu(page, "Overview")
    expect(page.get_by_role("heading", name="Set up Gatehouse")).to_be_visible()
    shoot("02-overview")


def add_the_app(page: Page, shoot: Shoot) -> None:
    page.get_by_role("link", name="Add an application").last.click()
    page.locator("label.gh-option", has_text="Zoom Workplace").click()
    page.get_by_label("Name").fill("Zoom")
    shoot("03-add-app")
    save(page)
    expect(page.get_by_text("Now connect it")).to_be_visible()


def connect_it(page: Page, target: Target, shoot: Shoot) -> None:
    expect(page.get_by_text("How to connect Zoom")).to_be_visible()
    shoot("04-connection")
    page.get_by_label("SCIM Base URL").fill(target.base_url)
    page.get_by_label("Bearer token", exact=True).first.check()
    page.locator("[name=setting_token]").fill("not-the-right-token")
    test_connection(page)
    expect(page.get_by_text("http:// is allowed only for an application")).to_be_visible()
    page.get_by_label("Runs inside our network").check()
    page.locator("[name=setting_token]").fill("not-the-right-token")
    test_connection(page)
    expect(page.get_by_text("Zoom did not accept the token")).to_be_visible()
    page.locator("[name=setting_token]").fill(target.token)
    test_connection(page)
    expect(page.get_by_text("Zoom answered and accepted the credentials")).to_be_visible()
    assert target.token not in page.content()
    shoot("05-tested")


def look_at_the_mapping(page: Page, shoot: Shoot) -> None:
    rows = page.locator("#mappings-group input[name^=mappings-][name$=-target]")
    expect(rows).to_have_count(7)  # the six of the guide and the hidden empty one
    first = rows.first
    expect(first).to_have_value("userName")
    first.scroll_into_view_if_needed()
    shoot("06-mapping")
    rows.nth(4).fill('emails[type eq "work"')
    save(page)
    pointed = page.locator(".pointed")
    expect(pointed).to_contain_text("A closing bracket “]” is missing here")
    assert pointed.inner_text().split("\n")[1] == " " * 21 + "^"
    pointed.scroll_into_view_if_needed()
    shoot("07-mapping-error")
    page.locator("input[name=mappings-4-target]").fill('emails[type eq "work"]')
    save(page)
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def look_at_the_features(page: Page, shoot: Shoot) -> None:
    menu(page, "Apps")
    page.get_by_role("link", name="Zoom", exact=True).click()
    for feature, on in [
        ("Create", True),
        ("Update", True),
        ("Deactivate", True),
        ("Delete", False),
    ]:
        expect(page.get_by_label(f"{feature} users")).to_be_checked(checked=on)
    page.get_by_label("Delete users").scroll_into_view_if_needed()
    shoot("08-features")


def add_the_group(page: Page, shoot: Shoot) -> None:
    add(page, "Groups")
    page.get_by_label("Name").fill("Sales")
    page.get_by_label("Description").fill("Everyone who talks to customers")
    shoot("09-group")
    save(page)


def add_the_policy(page: Page, shoot: Shoot) -> None:
    add(page, "Policies")
    choose(page, "app", "Zoom")
    choose(page, "group", "Sales")
    page.get_by_label("Name").fill("Zoom for Sales")
    page.get_by_label("Login method").select_option("External identity provider")
    shoot("10-policy")
    save(page)


def add_the_person(page: Page, shoot: Shoot) -> None:
    add(page, "Users")
    for label, text in [
        ("Username", "ann@example.org"),
        ("First name", "Ann"),
        ("Last name", "Lee"),
        ("E-mail", "ann@example.org"),
        ("Custom Attribute 1", "EMEA"),
    ]:
        field(page, label).fill(text)
    page.evaluate("document.querySelector('main, #page, body').scrollTo(0, 0)")
    shoot("11-user")
    save(page)


def assign_from_the_group(page: Page, shoot: Shoot) -> None:
    menu(page, "Groups")
    page.get_by_role("link", name="Sales", exact=True).click()
    page.get_by_role("link", name=re.compile("Add another Person")).click()
    choose(page, "memberships-0-user", "Ann Lee")
    shoot("12-assigned")
    save(page)
    expect(page.get_by_text("Accounts in Zoom follow by themselves")).to_be_visible()


def read_the_report(page: Page, shoot: Shoot) -> None:
    menu(page, "Provisioning report")
    page.get_by_label("End-user identifier", exact=True).fill("ann@example.org")
    page.get_by_label("Application", exact=True).select_option("Zoom")
    page.get_by_label("Timespan").select_option("Last 24 hours")
    page.get_by_role("button", name="Search").click()
    row = page.locator("#events tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Create account")
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("The account “ann@example.org” was created in Zoom.")
    expect(row).to_contain_text("Group membership by admin")
    row.scroll_into_view_if_needed()
    shoot("13-report")
    row.get_by_role("link").click()
    expect(page.locator("#steps")).to_contain_text("In the group “Sales”")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").last.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X POST ")
    assert "'Authorization: Bearer '\"$TOKEN\"" in copied


def look_at_the_account(page: Page, shoot: Shoot) -> None:
    menu(page, "Accounts")
    page.get_by_role("link", name="ann@example.org", exact=True).click()
    expect(page.get_by_text("Created by Gatehouse")).to_be_visible()
    shoot("15-account")


def preview_a_formula(page: Page, shoot: Shoot) -> None:
    menu(page, "Apps")
    page.get_by_role("link", name="Zoom", exact=True).click()
    formula = page.locator("textarea[name=mappings-3-source_text]")
    expect(formula).to_be_hidden()
    page.locator("select[name=mappings-3-source]").select_option(label="Formula")
    formula.fill("upper(last_name)")
    formula.scroll_into_view_if_needed()
    shoot("17-formula")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview the mapping").click()
    preview = opened.value
    changed = preview.locator("#preview tr", has_text="name.familyName")
    expect(changed).to_contain_text("LEE")
    expect(changed).to_contain_text("Changes from “Lee”")
    shoot("18-preview", preview)
    preview.close()
    expect(formula).to_have_value("upper(last_name)")


def take_her_out_from_her_own_page(page: Page, shoot: Shoot) -> None:
    menu(page, "Users")
    page.get_by_role("link", name="ann@example.org", exact=True).click()
    page.locator("label", has=page.locator("input[name=memberships-0-DELETE]")).click()
    shoot("16-taken-out")
    save(page)
    expect(page.get_by_text("Accounts in Zoom follow by themselves")).to_be_visible()


def read_that_she_left(page: Page, shoot: Shoot) -> None:
    menu(page, "Provisioning report")
    first = page.locator("#events tbody tr").first
    expect(first).to_contain_text("Deactivate account")
    expect(first).to_contain_text("no group of theirs has a policy for Zoom any more")
    first.scroll_into_view_if_needed()
    shoot("14-report-leaver")


# ------------------------------------------------------------------------------ what hands do


def menu(page: Page, name: str) -> None:
    page.locator("#nav-sidebar").get_by_role("link", name=name, exact=False).first.click()


def add(page: Page, what: str) -> None:
    menu(page, what)
    page.get_by_role("link", name=re.compile("Add ")).first.click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def field(page: Page, label: str) -> Locator:
    """The field with this label and no longer one; a star says that it is needed."""
    return page.get_by_label(re.compile(rf"^\s*{label}\s*\*?\s*$"))


def test_connection(page: Page) -> None:
    page.get_by_role("button", name="Save and test connection").click()


test_connection.__test__ = False  # type: ignore[attr-defined]


def choose(page: Page, field: str, text: str) -> None:
    """Search in a field with suggestions and take the first."""
    chosen: Locator = page.locator(f"select[name={field}] + .select2")
    chosen.click()
    page.locator(".select2-search__field").fill(text)
    page.locator(".select2-results__option", has_text=text).first.click()


# ------------------------------------------------------------------------------ what is there


def arrived(look: Callable[[], list[Document]]) -> list[Document]:
    """What is there as soon as something is, within the seconds that were promised."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing arrived in the application within 10 seconds")


def organization(user: Document) -> str:
    extension, _, attribute = ORGANIZATION.rpartition(":")
    return str(user[extension][attribute])
