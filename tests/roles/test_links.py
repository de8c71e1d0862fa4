"""Nothing on a page leads to a page that is closed to whom it is shown."""

import re
from collections import Counter
from html import unescape
from urllib.parse import urljoin

import pytest

from iam.models import Role
from tests.roles import world

_LINK = re.compile(r'<(?:a|form)\b[^>]*?\b(?:href|action|formaction)="([^"#]*)"')
_BUTTON = re.compile(r'<button\b[^>]*?\bname="(_\w+|push_this_now)"')
# So many of each kind of page are enough.
_OF_A_KIND = 2


@pytest.mark.parametrize("name", [*Role.values, "no role"])
def test_every_link_of_every_page_opens(db: None, name: str) -> None:
    caller = world.caller(name, world.build())
    waiting, seen, kinds = ["/admin/"], {"/admin/"}, Counter[str]()
    closed = []
    while waiting:
        address = waiting.pop()
        answer = caller.ask("GET", address)
        if answer.status_code == 302 and answer.headers["Location"].startswith("/admin/reports/"):
            # The certificate has its page there.
            waiting.append(answer.headers["Location"])
            continue
        if answer.status_code == 405:
            # Where a form is sent to.
            continue
        if answer.status_code != 200:
            closed.append((address, answer.status_code))
            continue
        if answer.streaming:
            # A file to save.
            assert list(answer)
            continue
        for link in _LINK.findall(answer.content.decode()):
            there = urljoin(address, unescape(link))
            kind = re.sub(r"\d+", "", there.partition("?")[0])
            new = there.startswith("/admin/") and there not in seen and "logout" not in there
            if new and kinds[kind] < _OF_A_KIND:
                kinds[kind] += 1
                seen.add(there)
                waiting.append(there)
    assert closed == []
    assert len(seen) > (1 if name == "no role" else 10)


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        ("help_desk", {"_save", "_continue", "push_this_now"}),
        # A preview changes nothing.
        ("auditor", {"_preview"}),
    ],
)
def test_no_button_is_shown_that_the_role_may_not_press(
    db: None, name: str, buttons: set[str]
) -> None:
    things = world.build()
    caller = world.caller(name, things)
    found = set()
    for model, thing in things.items():
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{thing.pk}/change/"
        answer = caller.ask("GET", address)
        if answer.status_code == 200:
            found |= set(_BUTTON.findall(answer.content.decode()))
    assert found <= buttons
