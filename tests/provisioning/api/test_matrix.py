"""Every address of the API and every method: which scope and which right it takes.

The addresses are taken from the product. One that is not in the table fails. Who has these rights
is in `tests/roles/table.py`, and everybody tries them all in `tests/roles/test_matrix.py`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, get_resolver

from iam.models import Operator, Scope
from tests.provisioning.api import V1, Program, program

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT")
# Looked at in a browser; see the end.
PAGES = {"api-docs"}
Right = tuple[Scope, str]


def reading(model: str) -> dict[str, Right]:
    return {"GET": (Scope.READ, model.replace(".", ".view_"))}


def everything(model: str, scope: Scope, *methods: str) -> tuple[dict[str, Right], ...]:
    """A list and one of it."""
    words = {"POST": "add", "PATCH": "change", "DELETE": "delete"}
    of = {name: (scope, model.replace(".", f".{words[name]}_")) for name in methods}
    return (
        {**reading(model), **{name: right for name, right in of.items() if name == "POST"}},
        {**reading(model), **{name: right for name, right in of.items() if name != "POST"}},
    )


ALL = ("POST", "PATCH", "DELETE")
TABLE: dict[str, dict[str, Right]] = {}
for name, model, scope, methods in (
    ("users", "iam.user", Scope.PEOPLE, ALL),
    ("profile-attributes", "iam.profileattribute", Scope.PEOPLE, ALL),
    ("groups", "iam.group", Scope.PEOPLE, ALL),
    ("memberships", "iam.membership", Scope.PEOPLE, ("POST", "DELETE")),
    ("nestings", "iam.groupnesting", Scope.PEOPLE, ("POST", "DELETE")),
    ("apps", "provisioning.app", Scope.APPS, ALL),
    ("mappings", "provisioning.mapping", Scope.APPS, ALL),
    ("policies", "provisioning.policy", Scope.APPS, ALL),
    ("accounts", "provisioning.account", Scope.ACCOUNTS, ()),
    ("holds", "provisioning.hold", Scope.HOLDS, ()),
    ("runs", "provisioning.run", Scope.APPS, ()),
    ("findings", "provisioning.finding", Scope.READ, ()),
    ("pushed-groups", "provisioning.pushedgroup", Scope.READ, ()),
    ("webhooks", "provisioning.webhook", Scope.WEBHOOKS, ALL),
    ("deliveries", "provisioning.delivery", Scope.READ, ()),
    ("events", "reports.provisioningreport", Scope.READ, ()),
):
    TABLE[f"api-{name}-list"], TABLE[f"api-{name}-detail"] = everything(model, scope, *methods)
TABLE["api-runs-list"]["POST"] = (Scope.APPS, "provisioning.add_run")
TABLE |= {
    "api-memberships-bulk": {"POST": (Scope.PEOPLE, "iam.add_membership")},
    **dict.fromkeys(
        ["api-apps-push", "api-apps-test"], {"POST": (Scope.APPS, "provisioning.change_app")}
    ),
    **dict.fromkeys(
        [f"api-accounts-{what}" for what in ("put-right", "leave", "end-access")],
        {"POST": (Scope.ACCOUNTS, "provisioning.change_account")},
    ),
    "api-accounts-push": {"POST": (Scope.ACCOUNTS, "provisioning.push_account")},
    **dict.fromkeys(
        [f"api-accounts-{what}" for what in ("adopt", "relink", "forget", "manage-again")],
        {"POST": (Scope.ACCOUNTS, "provisioning.change_account")},
    ),
    "api-users-remove-everywhere": {"POST": (Scope.PEOPLE, "iam.change_user")},
    "api-preview": dict.fromkeys(["GET", "POST"], (Scope.READ, "provisioning.view_account")),
    **dict.fromkeys(
        ["api-users-certificate", "api-certificate"],
        {"GET": (Scope.READ, "reports.view_provisioningreport")},
    ),
    **dict.fromkeys(
        ["api-holds-release", "api-holds-reject"],
        {"POST": (Scope.HOLDS, "provisioning.change_hold")},
    ),
    "api-configuration": {"GET": (Scope.READ, "provisioning.view_app")},
    **dict.fromkeys(
        ["api-configuration-plan", "api-configuration-apply"],
        {"POST": (Scope.APPS, "provisioning.change_app")},
    ),
    **dict.fromkeys(
        ["api-webhooks-replay", "api-webhooks-test"],
        {"POST": (Scope.WEBHOOKS, "provisioning.change_webhook")},
    ),
    **dict.fromkeys(["api-root", "api-schema"], {"GET": (Scope.READ, "")}),
    # Nothing is there, for whoever may sign in.
    "api-nowhere": dict.fromkeys(METHODS, ("", "")),
}


def routes() -> dict[str, str]:
    """An address of each route under /api/v1/, by its name; nothing has the number 0."""
    found: dict[str, str] = {}
    for prefix, pattern in _patterns(get_resolver().url_patterns, ""):
        if prefix.startswith("api/"):
            assert pattern.name, f"{pattern} has no name"
            if pattern.name in PAGES:
                continue
            found[pattern.name] = "/" + prefix
    return found


def _patterns(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            route = str(pattern.pattern).replace("(?P<pk>[0-9]{1,18})", "0")
            yield (
                prefix
                + route.strip("^$").replace(r"(?!v1$)[\s\S]*", "nowhere/").replace(r"\Z", ""),
                pattern,
            )
        else:
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))


def test_every_address_is_in_the_table_and_the_other_way_round(db: None) -> None:
    assert set(routes()) == set(TABLE)
    elsewhere = {name for name, address in routes().items() if not address.startswith(f"{V1}/")}
    assert elsewhere == {"api-nowhere"}


def test_every_scope_does_not_help_who_may_change_people_alone(db: None) -> None:
    """Rights can also be granted one by one, and are then the only ones."""
    editor = Operator.objects.create_user("editor", is_staff=True)
    editor.user_permissions.set(Permission.objects.filter(codename="change_user"))
    api = program(editor)
    let_in = {
        (name, method)
        for name, address in routes().items()
        for method in METHODS
        if api.send(method, address.removeprefix(V1), {}).status_code not in {403, 405}
    }
    anybodys = {("api-root", "GET"), ("api-schema", "GET"), *(("api-nowhere", m) for m in METHODS)}
    assert let_in == {("api-users-detail", "PATCH"), *anybodys}


def test_nobody_is_let_in_without_signing_in(db: None) -> None:
    found = {
        (name, method): Program().send(method, address.removeprefix(V1), {}).status_code
        for name, address in routes().items()
        for method in METHODS
    }
    assert {key: status for key, status in found.items() if status != 401} == {}


def test_a_method_that_is_not_in_the_table_is_not_there_for_anybody(api: Program) -> None:
    found = {
        (name, method): api.send(method, address.removeprefix(V1), {}).status_code
        for name, address in routes().items()
        for method in METHODS
        if method not in TABLE[name]
    }
    assert {key: status for key, status in found.items() if status != 405} == {}


def test_the_page_about_the_api_is_for_operators_and_asks_no_other_machine(
    client: Client, api: Program, chief: Operator
) -> None:
    for stranger in (client.get(f"{V1}/docs/"), api.get("/docs/")):
        assert stranger.headers["Location"] == f"/admin/login/?next={V1}/docs/"
    client.force_login(chief)
    page = client.get(f"{V1}/docs/")
    assert page.status_code == 200
    assert "http" not in page.content.decode().replace(V1, "")
    assert client.post(f"{V1}/docs/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/users/", "/nowhere/"])
def test_the_addresses_in_a_browser_lead_to_no_other_machine(
    client: Client, chief: Operator, path: str
) -> None:
    client.force_login(chief)
    page = client.get(V1 + path, headers={"Accept": "text/html"}).content.decode()
    assert "API of Gatehouse" in page and "breadcrumb" not in page
    assert "http" not in page.replace("http://testserver/", "").replace('http-equiv="', "")
