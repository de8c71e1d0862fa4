"""The page of a person leads to why they have an account in an application, or have none."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from iam.models import Operator, User
from provisioning.models import App
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim


@pytest.fixture
def kind() -> str:
    return "zoom"


def test_the_person_s_page_leads_to_the_reasons_in_each_application(
    admin_client: Client, faulty_app: App, make_app: MakeApp, faulty: FaultyScim, ann: User
) -> None:
    slack = make_app(faulty, name="<i>Slack")
    address = reverse("admin:iam_user_why", args=[ann.pk])
    assert f'href="{address}"' in visit(admin_client, "iam_user_change", ann.pk).html
    page = visit(admin_client, "iam_user_why", ann.pk)
    assert "Ann Ash (ann@example.org) should have an account in Zoom." in page.text
    assert "the policy “Zoom for Sales” gives that group Zoom" in page.text
    assert faulty_app.secrets["token"] not in page.html
    assert "organization Custom Attribute 1 Acme" in page.text
    assert "Times are in UTC." in page.text
    assert f'href="{reverse("admin:iam_user_change", args=[ann.pk])}"' in page.html
    other = visit(admin_client, "iam_user_why", ann.pk, app=slack.pk)
    assert "should not have an account in <i>Slack" in other.text
    assert "<i>Slack" not in other.html


def test_it_is_not_for_who_may_not_see_people(client: Client, ann: User) -> None:
    auditor = Operator.objects.create(username="auditor", is_staff=True)
    auditor.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(auditor)
    assert visit(client, "iam_user_why", ann.pk).status == 403


@pytest.mark.parametrize("app", ["0", "9" * 30])
def test_an_application_that_is_not_there_is_not_shown(
    admin_client: Client, ann: User, app: str
) -> None:
    page = visit(admin_client, "iam_user_why", ann.pk, app=app)
    assert "No application yet" in page.text or page.status == 404
