"""Tokens are made, shown once and ended: on their page and by the command."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from iam import tokens
from iam.logs import redacted
from iam.models import ApiToken, Operator
from tests.provisioning.admin import visit


def make(client: Client, **fields: str) -> Any:
    page = visit(client, "iam_apitoken_add")
    return page.send(**{"name": "HR import", "allowed": "people", **fields})


def test_a_token_is_shown_once_and_opens_the_api(admin_client: Client) -> None:
    page = make(admin_client)
    (row,) = ApiToken.objects.all()
    secret = page.context["secret"]
    assert secret in page.html and "never again" in page.text
    assert "no-store" in page.headers["Cache-Control"]
    assert tokens.found(secret) == row
    assert (row.scopes, row.owner.username) == (["people"], "admin")
    kept = [visit(admin_client, "iam_apitoken_changelist"), visit(admin_client, "index")]
    kept.append(visit(admin_client, "iam_apitoken_change", row.pk))
    assert all(secret not in each.html for each in kept)
    assert row.hint in kept[0].text
    assert secret not in str(admin_client.cookies)


def test_a_token_does_not_get_into_the_log(admin_user: Operator) -> None:
    expires = timezone.now() + timedelta(days=1)
    _, secret = tokens.issue(admin_user, name="CI", scopes=["read"], expires_at=expires)
    assert redacted(f"GET /?x={secret} for {secret}.") == "GET /?x=gh_[hidden] for gh_[hidden]."


def test_a_token_is_revoked_at_once(admin_client: Client) -> None:
    secret = make(admin_client).context["secret"]
    row = ApiToken.objects.get()
    listed = visit(admin_client, "iam_apitoken_changelist")
    page = admin_client.post(
        listed.address, {"action": "revoke", "_selected_action": [row.pk]}, follow=True
    )
    assert "1 token is refused from now on" in page.content.decode()
    with pytest.raises(tokens.Refused, match="revoked"):
        tokens.found(secret)


@pytest.mark.parametrize(
    ("field", "value"),
    [("allowed", "everything"), ("name", ""), ("name", "a\u200bb"), ("expires_at_0", "2020-01-01")]
    + [("expires_at_0", "2199-01-01"), ("expires_at_0", "soon")],
)
def test_a_token_that_makes_no_sense_is_not_made(
    admin_client: Client, field: str, value: str
) -> None:
    page = make(admin_client, **{field: value})
    assert list(page.errors) == [field.removesuffix("_0")]
    assert not ApiToken.objects.exists()


def test_an_operator_sees_and_ends_only_tokens_of_their_own(client: Client, db: None) -> None:
    clerk = Operator.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__endswith="apitoken"))
    boss = Operator.objects.create_user("boss", is_staff=True, is_superuser=True)
    expires = timezone.now() + timedelta(days=1)
    theirs, _ = tokens.issue(boss, name="boss", scopes=["read"], expires_at=expires)
    client.force_login(clerk)
    make(client)
    listed = visit(client, "iam_apitoken_changelist")
    assert "HR import" in listed.text and theirs.hint not in listed.text
    client.post(listed.address, {"action": "revoke", "_selected_action": [theirs.pk]})
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create-token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_the_command_prints_the_token_alone(admin_user: Operator) -> None:
    row = tokens.found(create("admin", "--name", "CI"))
    assert (row.name, row.scopes, row.owner) == ("CI", ["read"], admin_user)


def test_the_command_prints_one_object(admin_user: Operator) -> None:
    told = json.loads(
        create("admin", "--name=CI", "--scope=holds", "--scope=read", "--days=1", "--json")
    )
    assert tokens.found(told["token"]).scopes == told["scopes"] == ["read", "holds"]


@pytest.mark.parametrize(
    "arguments",
    [["nobody", "--name=x"], ["admin", "--name="], ["admin", "--name=x", "--days=0"]]
    + [["admin", "--name=x", "--days=367"], ["admin", "--name=" + "x" * 51]],
    ids=" ".join,
)
def test_the_command_that_is_given_wrongly_ends_with_2(
    admin_user: Operator, arguments: list[str]
) -> None:
    with pytest.raises(CommandError) as refused:
        create(*arguments)
    assert refused.value.returncode == 2
    assert not ApiToken.objects.exists()
