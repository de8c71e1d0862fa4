"""The certificate for programs, of people who are here and of people who were deleted."""

from collections.abc import Callable

import pytest

from iam.models import Group, Operator, User
from provisioning import leaving
from provisioning.models import App
from tests.conftest import MakeApp
from tests.provisioning.api import Program, pointers, program
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def api(admin_user: Operator) -> Program:
    return program(admin_user)


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has left."""
    app = make_app(faulty, group=sales)
    push()
    leaving.remove_everywhere(ann, by="chief", reason="Left.")
    push()
    return app


def test_it_is_the_same_as_on_the_page(api: Program, app: App, ann: User) -> None:
    told = api.get(f"/users/{ann.pk}/certificate/").json()
    assert (told["name"], told["user"], told["complete"]) == ("Ann Ash", ann.pk, True)
    assert told["verdict"].startswith("All access of Ann Ash is removed; verified in 1 of 1")
    assert told["started"]["groups"] == ["Sales"]
    assert told["made_by"] == "admin (token test)"
    (line,) = told["lines"]
    assert (line["app"], line["standing"], line["by"]) == (app.pk, "verified", "chief")


def test_of_somebody_who_was_deleted_it_is_found_by_name(api: Program, app: App, ann: User) -> None:
    assert pointers(api.get("/certificate/", identifier="ann@example.org")) == ["identifier"]
    key = ann.pk
    ann.delete()
    told = api.get("/certificate/", identifier="ANN@example.org").json()
    assert (told["identifier"], told["user"]) == ("ann@example.org", None)
    assert api.get(f"/users/{key}/certificate/").status_code == 404


def test_what_is_asked_wrongly_is_named(api: Program, db: None) -> None:
    assert pointers(api.get("/certificate/")) == ["identifier"]
    assert pointers(api.get("/certificate/", name="x")) == ["name"]
