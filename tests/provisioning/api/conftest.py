"""Programs with the rights of an operator."""

import pytest
from django.utils import timezone

from iam.models import Group, GroupNesting, Operator, User
from provisioning import apps_setup
from provisioning.models import App, Hold, Policy, PushedGroup, Run, Webhook
from tests.provisioning.api import Program, program


@pytest.fixture
def chief(db: None) -> Operator:
    return Operator.objects.create_user("chief", is_staff=True, is_superuser=True)


@pytest.fixture
def api(chief: Operator) -> Program:
    """May do everything."""
    return program(chief)


@pytest.fixture
def everything(ann: User, sales: Group) -> None:
    """One of each; nothing is ever asked of the application."""
    app = apps_setup.create(App(name="Zoom", connector="scim"))
    app.settings = {"base_url": "https://zoom.example.org/scim", "auth": "bearer"}
    app.save()
    GroupNesting.objects.create(parent=Group.objects.create(name="All"), child=sales)
    Policy.objects.create(name="Sales", app=app, group=sales)
    now = timezone.now()
    Run.objects.create(app=app, started_at=now, ended_at=now)
    PushedGroup.objects.create(app=app, group=sales, name="Sales")
    Webhook.objects.create(name="Tickets", url="https://tickets.example.org/hook")
    account = app.accounts.get()
    Hold.objects.create(app=app, account=account, identifier="ann", operation="delete", held_at=now)
