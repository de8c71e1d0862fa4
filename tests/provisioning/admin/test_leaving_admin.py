"""A person is removed everywhere from their page, after a look at what would happen."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from iam.models import Group, Operator, User
from provisioning.models import App, Leaving
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
PAGE = "iam_user_remove_everywhere"


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def test_the_persons_page_leads_to_it(admin_client: Client, app: App, ann: User) -> None:
    page = visit(admin_client, "iam_user_change", ann.pk)
    assert "Remove everywhere now" in page.text
    assert "Certificate" in page.text


def test_it_says_first_what_would_happen_and_does_nothing(
    admin_client: Client, app: App, ann: User
) -> None:
    text = visit(admin_client, PAGE, ann.pk).text
    assert "Ann Ash (ann@example.org) is switched off." in text
    assert "They are taken out of “Sales”." in text
    assert "Zoom Within seconds The account “ann@example.org” would be switched off" in text
    ann.refresh_from_db()
    assert ann.is_active


def test_it_needs_a_reason(admin_client: Client, app: App, ann: User) -> None:
    page = visit(admin_client, PAGE, ann.pk).send(button="confirmed", reason=" ")
    assert "This field is required." in page.text
    assert not Leaving.objects.exists()


def test_it_leads_to_the_certificate_which_is_watched_until_it_is_done(
    admin_client: Client, app: App, ann: User, push: Push
) -> None:
    page = visit(admin_client, PAGE, ann.pk).send(button="confirmed", reason="She has left.")
    assert "1 of 1 application is outstanding: Zoom." in page.text
    assert "Removed everywhere" in page.text
    assert "by admin: She has left." in page.text
    assert '<meta http-equiv="refresh"' in page.html
    push()
    again = visit(admin_client, "reports_certificate", ann.pk, watch=1)
    assert "All access of Ann Ash is removed; verified in 1 of 1 application" in again.text
    assert "http-equiv" not in again.html


def test_whoever_may_not_is_neither_asked_nor_let_in(client: Client, app: App, ann: User) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    may = ["view_user", "change_user", "delete_membership"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=may))
    client.force_login(clerk)
    assert "Remove everywhere now" not in visit(client, "iam_user_change", ann.pk).text
    page = visit(client, PAGE, ann.pk)
    assert page.status == 403
    assert client.post(page.address, {"reason": "x", "confirmed": "1"}).status_code == 403
    assert not Leaving.objects.exists()


def test_a_name_that_would_be_a_page_of_its_own_stays_a_name(
    admin_client: Client, app: App, mallory: User
) -> None:
    assert "<script>alert(1)" not in visit(admin_client, PAGE, mallory.pk).html
