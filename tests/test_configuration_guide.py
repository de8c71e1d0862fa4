"""The example of the guide to configuration is applied, and what it says is refused is refused."""

import re

import pytest

from iam.models import ProfileAttribute
from provisioning.configuration import applying, stored, writing
from provisioning.configuration.document import Unusable
from provisioning.configuration.reading import read
from provisioning.models import App, Policy
from tests.test_docs import rows, text

PAGE = text("docs/guides/configuration.md")
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
# The places in which something of this kind belongs.
_PLACES = {"text": ("groups", "description"), "true or false": ("apps", "adopt_groups")}
REFUSED = [
    (_PLACES.get(kind, ("apps", "guard_count")), value)
    for cells in rows(PAGE, "In the file | What to write instead")
    for kind in re.findall(r"where (?:an? )?(text|true or false|number)", cells[0])
    for value in re.findall(r"`([^`]+)`", cells[0])
]


def test_the_example_makes_everything_that_it_says_on_an_empty_database(db: None) -> None:
    document = read(EXAMPLE.encode())
    plan = applying.plan(document)
    assert plan.problems == [] and not App.objects.exists()
    applying.apply(document, confirmed=plan.fingerprint)
    app, policy = App.objects.get(), Policy.objects.get()
    assert (app.name, app.paused, policy.login_method) == ("Chat", True, "external")
    assert policy.group.description == "Everybody who sells"
    assert [row.target for row in app.mappings.of_people()][:2] == ["userName", "active"]
    assert ProfileAttribute.objects.filter(key="cost_center").exists()
    assert applying.plan(document).changes == []


def test_what_is_exported_then_says_the_same_in_full(db: None) -> None:
    document = read(EXAMPLE.encode())
    applying.apply(document, confirmed=applying.plan(document).fingerprint)
    assert applying.plan(read(writing.as_text(stored.exported()).encode())).changes == []


@pytest.mark.parametrize(("place", "value"), REFUSED)
def test_what_the_guide_says_is_refused_is_refused(place: tuple[str, str], value: str) -> None:
    section, name = place
    with pytest.raises(Unusable, match=r"^Line 4, column \d+ \(\w+ › A › \w+\): "):
        read(f"gatehouse_configuration: 1\n{section}:\n  A:\n    {name}: {value}\n".encode())


def test_the_guide_tells_of_each_kind_that_is_refused() -> None:
    assert {name for (_, name), _ in REFUSED} == {"description", "adopt_groups", "guard_count"}
