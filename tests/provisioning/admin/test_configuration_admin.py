"""The configuration is exported on its page, and imported after the plan has been shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from iam.models import Group, Operator, User
from provisioning.configuration.rights import TO_READ
from provisioning.models import Account, App, Event, Policy
from provisioning.plan import State
from tests.conftest import MakeApp
from tests.provisioning.admin import visit, words
from tests.provisioning.configuration import HEAD, exported
from tests.support.faulty import FaultyScim

CANARY = "canary-77be"
DISABLED = f"{HEAD}policies:\n  Zoom for Sales:\n    enabled: false\n"


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User) -> App:
    faulty.token = CANARY
    return make_app(faulty, group=sales)


def address() -> str:
    return reverse("admin:provisioning_app_configuration")


def upload(client: Client, text: str | bytes, **fields: str) -> Any:
    raw = text if isinstance(text, bytes) else text.encode()
    return client.post(address(), {"file": SimpleUploadedFile("c.yaml", raw), **fields})


def confirm(client: Client, shown: Any, **fields: str) -> Any:
    """Press the button below the plan, with line ends as a browser sends them."""
    plan = shown.context["plan"]
    text = shown.context["text"].replace("\n", "\r\n")
    sent = {"text": text, "confirmed": plan.fingerprint, **fields}
    return client.post(address(), sent, follow=True)


def test_the_list_of_applications_leads_to_the_page(admin_client: Client, zoom: App) -> None:
    assert "Configuration as a file" in visit(admin_client, "provisioning_app_changelist").text
    assert visit(admin_client, "provisioning_app_configuration").status == 200


def test_the_export_is_the_file_without_a_secret(admin_client: Client, zoom: App) -> None:
    answer = admin_client.get(address(), {"export": ""})
    assert answer.content.decode() == exported()
    assert CANARY not in answer.content.decode()
    assert ".yaml" in answer.headers["Content-Disposition"]


def test_a_file_is_only_shown_until_it_is_confirmed(
    admin_client: Client, zoom: App, push: Callable[[], None]
) -> None:
    push()
    shown = upload(admin_client, DISABLED)
    text = words(shown.content.decode())
    assert "Change the policy “Zoom for Sales” What Now Then enabled true false" in text
    assert "1 account will be deactivated in Zoom." in text
    assert Policy.objects.get().enabled
    done = confirm(admin_client, shown)
    assert "1 change was made." in words(done.content.decode())
    assert not Policy.objects.get().enabled
    push()
    assert Account.objects.get().state == State.SUSPENDED
    assert Event.objects.latest("pk").actor == "admin"


def test_what_was_exported_changes_nothing(admin_client: Client, zoom: App) -> None:
    shown = upload(admin_client, exported(), prune="on")
    assert "Nothing to do: everything is as the file says." in words(shown.content.decode())


def test_what_to_enter_is_said_again_after_it_was_done(admin_client: Client, zoom: App) -> None:
    text = exported().replace("127.0.0.1", "localhost")
    done = words(confirm(admin_client, upload(admin_client, text)).content.decode())
    assert "Enter on its page: Bearer token." in done and App.objects.get().paused


def test_a_wrong_file_is_refused_with_its_lines(admin_client: Client, zoom: App) -> None:
    text = words(upload(admin_client, f"{HEAD}apps:\n  Zoom:\n    drift: no\n").content.decode())
    assert "Line 4, column 12 (apps › Zoom › drift): YAML takes no for true or false." in text
    assert "Make these changes" not in text
    wrong = upload(admin_client, f"{HEAD}apps:\n  Zoom:\n    guard_percent: 101\n")
    assert "(apps › Zoom › guard_percent): Ensure this value" in words(wrong.content.decode())


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"PK\x03\x04", b"x" * 1_100_000])
def test_no_file_breaks_the_page(admin_client: Client, zoom: App, raw: bytes) -> None:
    before = exported()
    shown = upload(admin_client, raw)
    assert shown.status_code == 200 and "Make these changes" not in shown.content.decode()
    assert exported() == before


def test_without_a_file_one_is_asked_for(admin_client: Client, zoom: App) -> None:
    answer = admin_client.post(address(), {})
    assert "Choose a file." in answer.content.decode()


def test_nothing_in_a_file_is_taken_for_html(admin_client: Client, zoom: App) -> None:
    shown = upload(admin_client, f'{HEAD}groups:\n  "</textarea><script>alert(1)</script>": {{}}\n')
    assert "<script>alert(1)" not in shown.content.decode()
    confirm(admin_client, shown)
    assert Group.objects.filter(name="</textarea><script>alert(1)</script>").exists()


def test_what_was_changed_meanwhile_is_shown_anew_and_not_done(
    admin_client: Client, zoom: App
) -> None:
    shown = upload(admin_client, f"{HEAD}apps:\n  Zoom:\n    guard_count: 4\n")
    App.objects.update(guard_count=7)
    again = confirm(admin_client, shown)
    assert "Something was changed since this plan was made" in words(again.content.decode())
    assert App.objects.get().guard_count == 7
    confirm(admin_client, again)
    assert App.objects.get().guard_count == 4


def test_a_confirmation_without_a_plan_does_nothing(admin_client: Client, zoom: App) -> None:
    admin_client.post(address(), {"text": DISABLED, "confirmed": ""})
    assert Policy.objects.get().enabled


def operator(*rights: str) -> Client:
    found = Operator.objects.create_user("helper", is_staff=True)
    codenames = [right.partition(".")[2] for right in rights]
    found.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(found)
    return client


def test_whoever_may_not_see_everything_in_it_does_not_get_it(zoom: App) -> None:
    client = operator(*[right for right in TO_READ if right != "iam.view_group"])
    assert client.get(address()).status_code == 403
    assert client.get(address(), {"export": ""}).status_code == 403
    assert "Configuration as a file" not in visit(client, "provisioning_app_changelist").text


def test_whoever_may_only_look_changes_nothing(zoom: App) -> None:
    client = operator(*TO_READ)
    shown = upload(client, DISABLED)
    text = words(shown.content.decode())
    assert "you lack the permission “provisioning.change_policy”" in text
    confirm(client, shown)
    assert Policy.objects.get().enabled
