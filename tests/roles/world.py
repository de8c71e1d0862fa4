"""One object of everything that has a page or an address, and everybody who may ask for it."""

import json
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from iam import roles, tokens
from iam.models import (
    ApiToken,
    Group,
    GroupNesting,
    Membership,
    Operator,
    ProfileAttribute,
    Role,
    Scope,
    User,
)
from provisioning import apps_setup
from provisioning.models import (
    Account,
    App,
    Delivery,
    Event,
    Finding,
    Hold,
    Policy,
    PushedGroup,
    PushedMember,
    Run,
    Webhook,
)
from provisioning.models.groups import MemberState
from provisioning.plan import Operation, State
from tests.roles.table import LETTERS, TOKENS

# Nobody listens there: who may test a connection is told so at once.
_NOWHERE = "http://127.0.0.1:9"


def operator(letter: str, name: str = "") -> Operator:
    """An operator with this role; 0 has none."""
    found = Operator(username=name or f"operator-{letter}", is_staff=True)
    for role, known in LETTERS.items():
        if letter == known:
            roles.give(found, role)
    found.set_password("correct horse battery")
    found.save()
    return found


def build() -> dict[type[Model], Model]:
    """One object of each model; nothing of it can be reached outside."""
    now = timezone.now()
    ann = User.objects.create(username="ann@example.org", custom={"team": "Red"})
    sales = Group.objects.create(name="Sales", open_to_help_desk=True)
    north = Group.objects.create(name="North")
    ProfileAttribute.objects.create(key="team", label="Team")
    GroupNesting.objects.create(parent=north, child=sales)
    app = apps_setup.create(App(name="Zoom", connector="scim", internal=True))
    settings = {"base_url": _NOWHERE, "auth": "bearer"}
    apps_setup.configure(app, settings=settings, secrets={"token": "s3cret-token"}, features=())
    app.save()
    Policy.objects.create(name="Zoom for Sales", app=app, group=sales)
    Membership.objects.create(user=ann, group=sales)
    account = Account.objects.get(app=app, user=ann)
    Account.objects.update(state=State.ACTIVE, remote_id="1")
    pushed = PushedGroup.objects.create(app=app, group=sales, name="Sales")
    PushedMember.objects.create(
        pushed_group=pushed, account=account, remote_id="1", state=MemberState.IN
    )
    Hold.objects.create(
        app=app,
        account=account,
        identifier=account.identifier,
        operation=Operation.DEACTIVATE,
        why="No policy gives it any more.",
        held_at=now,
    )
    run = Run.objects.create(app=app, started_at=now, ended_at=now, complete=True)
    Finding.objects.create(
        run=run, account=account, kind=Finding.Kind.CHANGED, identifier="ann", remote_id="1"
    )
    event = Event.objects.create(at=now, app=app, app_name="Zoom", user=ann, identifier="ann")
    webhook = Webhook.objects.create(name="Tickets", url="https://tickets.example.org/hook")
    Delivery.objects.create(webhook=webhook, event=event, due_at=now, waits_since=now)
    operator("S", "another")
    return {model: model.objects.first() for model in apps.get_models() if model.objects.exists()}


class Caller:
    """Somebody at the door: with a session, with a token, or with nothing."""

    def __init__(self, letter: str, owner: Operator | None, scopes: tuple[str, ...] | None) -> None:
        self.letter, self.scopes = letter, scopes
        self.client = Client()
        self.headers: dict[str, str] = {}
        if scopes is not None and owner is not None:
            expires = timezone.now() + timedelta(days=1)
            _, secret = tokens.issue(owner, name="matrix", scopes=scopes, expires_at=expires)
            self.headers = {"Authorization": f"Bearer {secret}"}
        elif owner is not None:
            self.client.force_login(owner)
        self._cookies = self.client.cookies.copy()

    def ask(self, method: str, address: str, form: dict[str, Any] | None = None) -> Any:
        # Whatever was asked before, such as to be signed out.
        self.client.cookies = self._cookies.copy()
        if form is not None:
            return self.client.post(address, form, headers=self.headers)
        if method == "POST" and not address.startswith("/api/"):
            return self.client.post(address, {}, headers=self.headers)
        kind = "application/json"
        return self.client.generic(method, address, json.dumps({}), kind, headers=self.headers)


def caller(name: str, things: dict[type[Model], Model]) -> Caller:
    """By the name of a role, of a token in the table, “no role” or “anonymous”."""
    if name == "anonymous":
        return Caller("-", None, None)
    if name in TOKENS:
        letter, scopes = TOKENS[name]
        return Caller(letter, operator(letter), scopes)
    letter = LETTERS[Role(name)] if name in Role.values else "0"
    owner = operator(letter)
    expires = timezone.now() + timedelta(days=1)
    # Of tokens each sees their own.
    things[ApiToken], _ = tokens.issue(owner, name="own", scopes=[Scope.READ], expires_at=expires)
    return Caller(letter, owner, None)


def snapshot() -> dict[str, list[Any]]:
    """Everything that is kept of people and accounts, but for what a look leaves behind."""
    seen = {"last_used_at", "last_login"}
    return {
        model._meta.label: [
            {name: value for name, value in row.items() if name not in seen}
            for row in model.objects.order_by("pk").values()
        ]
        for model in apps.get_models()
        if model._meta.app_label in {"iam", "provisioning"}
    }
