"""A secret that was put in anywhere is nowhere to be read again.

Pages, addresses of the API, tables and commands are taken from the product, so that a new one is
searched as well.
"""

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client
from django.urls import URLPattern, get_resolver

from iam import logs, operators
from iam.models import Group, Operator
from provisioning import apps_setup, connectors, queue, reconcile, webhook_signing
from provisioning.models import App, Delivery, Event, Policy, Trigger, Webhook
from provisioning.plan import Feature
from tests.conftest import person
from tests.provisioning.admin import visit
from tests.provisioning.api import Program, program
from tests.support.canaries import Canary, Search
from tests.support.faulty import FaultyScim, json_reply
from tests.support.receiver import Receiver, answers, webhook
from tests.support.servers import Reply
from tests.support.threads import shared_database

Push = Callable[[], None]

# What is asked of each command. Those that give out a secret by design, or go on, are None.
_CONFIGURATION = Path(__file__).parent / "provisioning" / "configuration" / "whole.yaml"
COMMANDS: dict[str, list[list[str]] | None] = {
    "apps": [[], ["--json"], ["check", "scim bearer"]],
    "certificate": [["ann@example.org"], ["ann@example.org", "--json"]],
    "create-operator": None,
    "create-token": None,
    "demo": None,
    "doctor": [[], ["--json"]],
    "export-config": [[]],
    "holds": [[], ["--json"]],
    "import-config": [[str(_CONFIGURATION), "--plan"], [str(_CONFIGURATION), "--plan", "--json"]],
    "import-users": None,
    "preview": [["scim bearer"], ["scim bearer", "--json"]],
    "purge": [["--older-than", "30", "--dry-run"]],
    "push": [["--all"]],
    "reconcile": [["scim bearer", "--json"]],
    "remove-everywhere": [["ann@example.org", "--preview"]],
    "report": [[], ["--json"], ["--csv"]],
    "rotate-keys": [[]],
    "serve": None,
    "setup": None,
    "webhooks": [[], ["--json"], ["test", "Tickets", "--json"]],
    "why": [["ann@example.org", "scim bearer", "--json"]],
    "worker": None,
}


# Of each model; what all rows hold is looked for in the database and the API.
_ROWS = 3


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_no_secret_is_ever_shown_or_kept_in_clear(
    sales: Group,
    faulty: FaultyScim,
    receiver: Receiver,
    push: Push,
    tmp_path: Path,
    settings: Any,
) -> None:
    search = Search()
    with shared_database(tmp_path), logged() as lines:
        settings.METRICS_TOKEN = search.plant("the token of /metrics")
        for about in ("SECRET_KEY", *settings.ENCRYPTION_KEYS):
            value = getattr(settings, about, about)
            search.canaries.append(Canary("a key of the environment", value))
        client, api = sign_in(search)
        sales.users.add(person("ann", first_name="Ann"))
        every_app(search, faulty, sales)
        tell_a_webhook(search, receiver)
        fail_and_succeed(faulty, push)
        look_at_pages(search, client)
        send_wrong_forms(search, client)
        look_at_the_api(search, api)
        give_commands(search)
        look_at_the_database(search, tmp_path)
        search.through("the log", lines.getvalue())
        assert sorted(search.found) == []
        # Otherwise nothing was repeated, or nothing looked through.
        assert Event.objects.filter(message__contains="the server repeats •••").exists()
        assert Delivery.objects.filter(message__contains="The receiver repeats •••").exists()
        assert len(search.looked) > 100 and sum(search.looked.values()) > 1_000_000


# ------------------------------------------------------------------------------------- planting


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the log of the product says, with everything that any library adds."""
    lines, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(lines), root.level
    handler.setFormatter(logs.Json())
    # A traceback for each variable that a template may do without.
    handler.addFilter(lambda record: record.name != "django.template")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def sign_in(search: Search) -> tuple[Client, Program]:
    """An operator in a browser and one by a program, and a third with a one-time password."""
    chief = Operator.objects.create_superuser("chief", password=search.plant("a password"))
    client = Client()
    client.force_login(chief)
    search.canaries.append(Canary("a session", client.cookies["sessionid"].value))
    api = program(chief)
    search.canaries.append(Canary("a token of the API", api.headers["Authorization"][10:]))
    once = operators.one_time_password("new")
    search.canaries.append(Canary("a one-time password", once))
    return client, api


def every_app(search: Search, faulty: FaultyScim, group: Group) -> None:
    """One of each kind and way to sign in, with something in each of its secret fields."""
    for slug, kind in connectors.catalogue().items():
        ways = next((s.choices for s in kind.settings if s.key == "auth"), (("", ""),))
        for way, _ in ways:
            app = apps_setup.create(App(name=f"{slug} {way}".strip(), connector=slug))
            app.internal = True
            app.requests_per_second = 1000
            values = {
                s.key: faulty.base_url if s.is_url else s.default or s.key
                for s in kind.settings
                if not s.secret
            } | ({"auth": way} if way else {})
            secrets = {s.key: search.plant(f"{s.key} of {app}") for s in kind.settings if s.secret}
            apps_setup.configure(app, settings=values, secrets=secrets, features=list(Feature))
            app.save()
            Policy.objects.create(name=app.name, app=app, group=group)


def tell_a_webhook(search: Search, receiver: Receiver) -> None:
    """Its receiver repeats what messages are signed with."""
    webhook(receiver)
    search.canaries.append(Canary("the secret of a webhook", receiver.secret))
    receiver.always(answers(400, f"The receiver repeats {receiver.secret}".encode()))


def fail_and_succeed(faulty: FaultyScim, push: Push) -> None:
    """First whatever was sent comes back in an error, in every form, then some of it works."""

    def repeat(status: int) -> Callable[[Callable[[], Reply]], Reply]:
        def fault(serve: Callable[[], Reply]) -> Reply:
            asked = faulty.requests[-1]
            sent = asked.headers.get("Authorization", "").split(" ")[-1]
            forms = [sent, quote(sent, safe=""), base64.b64encode(sent.encode()).decode()]
            told = f"the server repeats {' '.join(forms)} {asked.body.decode()}"
            headers = {"Location": f"/{quote(sent, safe='')}", "WWW-Authenticate": sent}
            reply = json_reply({"detail": told, "error": told}, status=status)
            return Reply(status, reply.body, {**reply.headers, **headers})

        return fault

    for status in (400, 302, 401, 500):
        faulty.on("*", repeat(status))
        for app in App.objects.all():
            apps_setup.check_connection(app)
        queue.mark(apps=App.objects.values_list("pk", flat=True), trigger=Trigger.MANUAL)
        push()
        faulty.heal()
    works = App.objects.get(name="scim bearer")
    faulty.token = works.secrets["token"]
    apps_setup.check_connection(works)
    queue.mark(apps=[works.pk], trigger=Trigger.MANUAL)
    push()
    faulty.user("ann@example.org")["name"]["givenName"] = "Changed"
    reconcile.work(reconcile.start(works))


# ------------------------------------------------------------------------------------ searching


def look_at_pages(search: Search, client: Client) -> None:
    """Every page there is, those about one row for the newest rows."""
    for prefix, pattern in _patterns(get_resolver().url_patterns, ""):
        if prefix.startswith("api/"):
            continue
        for address in _addresses(prefix, pattern):
            answer = client.get(address)
            assert answer.status_code < 500, address
            headers = dict(answer.headers.items())
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            search.through(address, body + json.dumps(headers).encode())


def _addresses(prefix: str, pattern: URLPattern) -> Iterator[str]:
    names = list(pattern.pattern.converters)
    route = "/" + prefix + str(pattern.pattern).strip("^$").replace(r"\Z", "")
    if not names:
        yield route
        return
    about = [
        m for m in admin.site._registry if f"{m._meta.label_lower.replace('.', '/')}/" in prefix
    ]
    for model in about:
        for key in model._default_manager.order_by("-pk").values_list("pk", flat=True)[:_ROWS]:
            address = route
            for name, converter in pattern.pattern.converters.items():
                kind = type(converter).__name__.removesuffix("Converter").lower()
                for told in (f"<{kind}:{name}>", f"<{name}>"):
                    address = address.replace(told, str(key))
            yield address


def _patterns(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield prefix, pattern
        else:
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))


def one_of_each() -> list[App]:
    """An app for each set of secret fields that there is."""
    found = {frozenset(app.stored_secrets): app for app in App.objects.all()}
    return list(found.values())


def send_wrong_forms(search: Search, client: Client) -> None:
    """What was typed into a secret field is not on the page that says what was wrong."""
    for app in one_of_each():
        secrets = {f"setting_{s.key}": search.plant("typed") for s in app.kind.settings if s.secret}
        page = visit(client, "provisioning_app_change", app.pk)
        search.through("a wrong form", page.send(name="", **secrets).html)
        moved = page.send(setting_base_url="https://elsewhere.example.org", **secrets)
        search.through("a wrong form", moved.html)
    typed = {"password1": search.plant("typed"), "password2": search.plant("typed")}
    page = visit(client, "iam_operator_add").send(username="next", **typed)
    search.through("a wrong form", page.html)
    login = {"username": "chief", "password": search.plant("typed")}
    search.through("a wrong form", Client().post("/admin/login/", login).content)


def look_at_the_api(search: Search, api: Program) -> None:
    """Every list, everything in it, and errors about secrets."""
    root = api.get("/")
    for address in root.json().values():
        answer = api.client.get(address, headers=api.headers)
        search.through(address, answer.content)
        for row in answer.json()["items"] if "items" in str(answer.content) else []:
            one = api.client.get(f"{address}{row['id']}/", headers=api.headers)
            search.through(address, one.content)
    search.through("the schema", api.get("/schema/").content)
    for app in one_of_each():
        secrets = {s.key: search.plant("sent") for s in app.kind.settings if s.secret}
        wrong = {"secrets": secrets, "features": ["nothing"]}
        search.through("a refusal", api.patch(f"/apps/{app.pk}/", wrong).content)
        search.through("an answer", api.patch(f"/apps/{app.pk}/", {"secrets": secrets}).content)
    sign_anew(search, api)
    unknown = Program(search.plant("an unknown token"))
    search.through("a refusal", unknown.get("/users/").content)


def sign_anew(search: Search, api: Program) -> None:
    """The secret of a webhook is given by a program; the former one signs along."""
    secret = webhook_signing.new_secret()
    search.canaries.append(Canary("a secret that was sent", secret))
    address = f"/webhooks/{Webhook.objects.get().pk}/"
    search.through("a refusal", api.patch(address, {"secret": secret, "url": "odd"}).content)
    search.through("a refusal", api.patch(address, {"secret": f"{secret}?"}).content)
    search.through("an answer", api.patch(address, {"secret": secret}).content)


def give_commands(search: Search) -> None:
    ours = {
        name for name, app in get_commands().items() if app in {"iam", "provisioning", "reports"}
    }
    assert ours == set(COMMANDS), "Say in the table above what is to be asked of each command."
    for name, asked in {**COMMANDS, "dumpdata": [[]]}.items():
        for arguments in asked or []:
            out = io.StringIO()
            with suppress(SystemExit):
                call_command(name, *arguments, stdout=out, stderr=out)
            # As with the database: Django keeps the keys of sessions in clear.
            search.through(f"manage.py {name}", out.getvalue() + " ", but="a session")


def look_at_the_database(search: Search, folder: Path) -> None:
    if connection.vendor == "sqlite":
        for file in folder.iterdir():
            search.through(file.name, file.read_bytes(), but="a session")
        assert (folder / "shared.sqlite3-wal").exists()
        return
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608
            search.through(table, f"{table} {cursor.fetchall()}", but="a session")
