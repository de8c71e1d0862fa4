"""What the report and the certificate say can be read on a narrow screen and on paper."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_zoom_guide import sign_in
from tests.support.portal import ROOT, Portal, environment, manage, running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

REPORT = "/admin/reports/provisioningreport/"
CERTIFICATE = f"{REPORT}certificate/?identifier="
WHO = f"{'wolfeschlegelsteinhausenbergerdorff' * 3}@example.org"
# Somebody with a long name, in an application with a long name, about whom there is much to say.
FILL = f"""
from django.utils import timezone
from provisioning.models import Account, App, Event
app = App.objects.create(name="Customer relations of all of Europe " * 2 + "in production")
who = {{"app": app, "identifier": {WHO!r}}}
Account.objects.create(**who, external_id="0" * 32, remote_id="1", state="active")
Event.objects.create(at=timezone.now(), app_name=app.name, operation="update", outcome="failed",
    effect="accepted", message=f"{{who['identifier']}}: " + "much to say " * 20, **who)
"""
CUT_OFF = "[...document.querySelectorAll('.gh-scroll')].some(e => e.scrollWidth > e.clientWidth)"
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def filled() -> Iterator[Portal]:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as portal:
        given = manage("shell", "--no-imports", "-c", FILL)
        subprocess.run(given, env=environment(Path(name)), cwd=ROOT, check=True)
        yield portal


def test_nothing_is_cut_off_and_paper_is_black_on_white(filled: Portal, page: Page) -> None:
    sign_in(page, filled, lambda name: None)
    report, certificate = f"{filled.address}{REPORT}", f"{filled.address}{CERTIFICATE}{WHO}"
    for width in (1400, 1000, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for address in (filled.address, report, certificate):
            page.goto(address)
            expect(page.locator(".gh-stacked tbody tr").first).to_be_visible()
            assert not page.evaluate(CUT_OFF), (width, address)
            assert not page.evaluate(SIDEWAYS), (width, address)
    page.goto(report)
    page.locator("#events a").first.click()
    expect(page.get_by_text("Step by step")).to_be_visible()
    assert not page.evaluate(SIDEWAYS)
    page.set_viewport_size({"width": 780, "height": 1100})
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(certificate)
    expect(page.locator("#lines thead")).to_be_visible()
    for part in ("#certificate h1", "#verdict", "#lines th", "#lines td"):
        expect(page.locator(part).first).to_have_css("color", "rgb(0, 0, 0)")
    assert not page.evaluate(SIDEWAYS)
