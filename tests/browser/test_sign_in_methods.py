"""Only the fields of the chosen sign-in method are on the page, and all of them are."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_zoom_guide import sign_in
from tests.support.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def add(page: Page, portal: Portal, label: str) -> None:
    page.goto(f"{portal.address}/admin/provisioning/app/add/")
    page.get_by_text(label, exact=True).click()
    page.get_by_label("Name").fill(label)
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_label("SCIM Base URL")).to_be_visible()


def test_the_fields_follow_the_sign_in_method(portal: Portal, page: Page) -> None:
    sign_in(page, portal, lambda name: None)
    add(page, portal, "Slack")
    expect(page.get_by_label("Bearer token")).to_be_visible()
    add(page, portal, "Any SCIM 2.0 application")
    expect(page.locator("#id_setting_token")).to_be_visible()
    expect(page.locator("#id_setting_password")).to_be_hidden()
    page.get_by_text("User name and password", exact=True).click()
    expect(page.locator("#id_setting_password")).to_be_visible()
    expect(page.locator("#id_setting_token")).to_be_hidden()
    page.get_by_text("OAuth 2.0 client credentials", exact=True).click()
    expect(page.locator("#id_setting_scope")).to_be_visible()
    expect(page.locator("#id_setting_password")).to_be_hidden()
