"""`manage.py rotate-keys` makes the old key needless, and says where that cannot be done."""

from typing import Any

import pytest
from cryptography.fernet import Fernet

from provisioning import apps_setup
from provisioning.models import App
from provisioning.plan import Feature
from provisioning.secrets import Unreadable
from tests.support.commands import give, given

NEW, OLD, LOST = (Fernet.generate_key().decode() for _ in range(3))


def app(settings: Any, name: str, key: str, *, secret: str) -> App:
    settings.ENCRYPTION_KEYS = [key]
    app = apps_setup.create(App(name=name, connector="scim"))
    apps_setup.configure(
        app, settings=app.settings, secrets={"token": secret}, features=(Feature.CREATE_USERS,)
    )
    app.save()
    return app


def test_afterwards_the_new_key_alone_opens_every_secret(db: None, settings: Any) -> None:
    for name in ("Slack", "Zoom"):
        app(settings, name, OLD, secret=f"of {name}")
    before = dict(App.objects.values_list("name", "changed_at"))
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert given("rotate-keys") == [{"encrypted_anew": 2, "unreadable": []}]
    assert given("rotate-keys") == [{"encrypted_anew": 0, "unreadable": []}]
    settings.ENCRYPTION_KEYS = [NEW]
    assert [each.secrets["token"] for each in App.objects.all()] == ["of Slack", "of Zoom"]
    assert dict(App.objects.values_list("name", "changed_at")) == before


def test_a_secret_that_no_key_opens_is_3_left_as_it_is_and_named(db: None, settings: Any) -> None:
    lost = app(settings, "Lost", LOST, secret="s3cret")
    app(settings, "Zoom", OLD, secret="s3cret")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    status, said = give("rotate-keys")
    assert status == 3
    assert "Lost: The stored token cannot be read" in said
    assert "1 encrypted with the new key." in said
    assert "not needed any more" not in said
    with pytest.raises(Unreadable):
        App.objects.get(pk=lost.pk).secrets  # noqa: B018
    settings.ENCRYPTION_KEYS = [LOST]
    assert App.objects.get(pk=lost.pk).secrets == {"token": "s3cret"}


def test_no_secret_is_said(db: None, settings: Any) -> None:
    app(settings, "Zoom", OLD, secret="s3cret")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert "s3cret" not in give("rotate-keys")[1]
