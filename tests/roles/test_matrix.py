"""Everybody, at every address, with every method: who is let in is who the table lets in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.test import Client

from iam.models import Role
from tests.provisioning.api.test_matrix import TABLE as API
from tests.roles import world
from tests.roles.routes import Route, label, routes
from tests.roles.table import ACTIONS, ELSEWHERE, OPEN, OWN_PAGES, PAGES, TOKENS, holds
from tests.roles.world import Caller

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_OF_PAGES = ("GET", "HEAD", "POST")
EVERYONE = [*Role.values, "no role", "anonymous", *TOKENS]
# The columns of the table.
_PAGES = {"changelist": 0, "history": 0, "change": 0, "add": 1, "delete": 3}
# What somebody who may is answered, as nothing but the address is sent.
EXPECTED = {200, 201, 202, 204, 302, 400, 404, 409}

World = dict[type[Model], Model]


@pytest.fixture
def things(db: None) -> World:
    return world.build()


def may(caller: Caller, route: Route, method: str) -> bool:
    """What the table says."""
    if route.name in API:
        return _may_use(caller, API[route.name].get(_as_asked(method)))
    if caller.headers or caller.letter == "-":
        # A token opens the API and nothing else.
        return False
    if route.name in ELSEWHERE:
        letters, methods = ELSEWHERE[route.name]
        return caller.letter in letters and method in methods
    if method not in _OF_PAGES:
        return False
    if route.name in OWN_PAGES:
        return caller.letter in OWN_PAGES[route.name]
    page = route.name.rpartition("_")[2]
    if page in _PAGES:
        column = 2 if (page, method) == ("change", "POST") else _PAGES[page]
        return caller.letter in PAGES[label(route.model)][column]
    # Leads on to the object's page, which asks for itself.
    return route.name.startswith("/admin/")


def _as_asked(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _may_use(caller: Caller, needed: tuple[str, str] | None) -> bool:
    if needed is None:
        return False
    scope, right = needed
    in_scope = caller.scopes is None or not scope or scope in caller.scopes
    return in_scope and holds(caller.letter, right)


def let_in(answer: Any) -> bool:
    """A page, a deed, or what is wrong with a form; not a refusal, and not a way to the door."""
    if 300 <= answer.status_code < 400:
        away = answer.headers["Location"].partition("?")[0]
        return away not in {"/admin/", "/admin/login/"}
    return answer.status_code not in {401, 403, 405}


def cells() -> Iterator[tuple[Route, str]]:
    return ((route, method) for route in routes() for method in METHODS if route.name not in OPEN)


# ------------------------------------------------------------------------------ the two matrices


def test_every_address_is_in_the_table_and_the_other_way_round(db: None) -> None:
    named = {route.name for route in routes()}
    models = {label(route.model) for route in routes() if route.path.startswith("/admin/")} - {""}
    of_models = {
        name for name in named if name.startswith("/admin/") or name.rpartition("_")[2] in _PAGES
    }
    told = {*API, *ELSEWHERE, *OWN_PAGES, *OPEN}
    assert named - of_models - told == set()
    assert told - named == set()
    assert models == set(PAGES)


def test_there_is_an_object_for_every_address_with_a_key(things: World) -> None:
    world.caller("auditor", things)
    about = {route.model for route in routes() if "<" in route.path and route.model}
    assert {label(model) for model in about - set(things)} == set()


@pytest.mark.parametrize("name", EVERYONE)
def test_nobody_else_is_let_in_and_nothing_is_changed_by_trying(things: World, name: str) -> None:
    caller = world.caller(name, things)
    before = world.snapshot()
    wrong = []
    for route, method in cells():
        if may(caller, route, method):
            continue
        answer = caller.ask(method, route.address(things))
        if let_in(answer):
            wrong.append((route.name, method, answer.status_code))
    assert wrong == []
    assert world.snapshot() == before


@pytest.mark.parametrize("name", EVERYONE)
def test_whoever_may_is_let_in(things: World, name: str) -> None:
    caller = world.caller(name, things)
    wrong = []
    for route, method in cells():
        if not may(caller, route, method) or (method == "HEAD" and route.name not in API):
            # To the pages HEAD is the same as GET.
            continue
        with transaction.atomic():
            answer = caller.ask(method, route.address(things))
            transaction.set_rollback(True)
        if not let_in(answer) or answer.status_code not in EXPECTED:
            wrong.append((route.name, method, answer.status_code))
    assert wrong == []


# --------------------------------------------------------------- what has no address of its own


@pytest.mark.parametrize("name", [*Role.values, "no role"])
def test_who_is_offered_which_action_is_in_the_table_and_no_other_is_done(
    things: World, name: str
) -> None:
    caller = world.caller(name, things)
    before = world.snapshot()
    for model, model_admin in admin.site._registry.items():
        kind = label(model)
        mine = {each for each, letters in ACTIONS.get(kind, {}).items() if caller.letter in letters}
        if caller.letter in PAGES[kind][3]:
            mine.add("delete_selected")
        address = Route("", f"/admin/{kind.replace('.', '/')}/", model).path
        page = caller.ask("GET", address)
        offered = set(re.findall(r'<option value="(\w+)">', _actions(page.content.decode())))
        assert offered == mine, kind
        for action in {*_names(model_admin), "delete_selected"} - mine:
            chosen = {"_selected_action": [str(things[model].pk)], "post": "yes"}
            caller.ask("POST", address, {"action": action, "index": "0", **chosen})
    assert world.snapshot() == before


def _actions(page: str) -> str:
    """The choice among actions on the page of a list."""
    return page.partition('<select name="action"')[2].partition("</select>")[0]


def _names(model_admin: Any) -> list[str]:
    return [each if isinstance(each, str) else each.__name__ for each in model_admin.actions or ()]


def test_every_action_is_in_the_table(db: None) -> None:
    found = {
        label(model): set(_names(model_admin))
        for model, model_admin in admin.site._registry.items()
        if model_admin.actions
    }
    assert found == {model: set(actions) for model, actions in ACTIONS.items()}


@pytest.mark.parametrize("name", EVERYONE)
def test_a_search_field_shows_only_what_its_list_shows(things: World, name: str) -> None:
    caller = world.caller(name, things)
    for model, field, wanted in _search_fields():
        query = {
            "term": "",
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field,
        }
        answer = caller.client.get("/admin/autocomplete/", query, headers=caller.headers)
        allowed = not caller.headers and caller.letter in PAGES[label(wanted)][0]
        assert (answer.status_code == 200) == allowed, (model, field)


def _search_fields() -> Iterator[tuple[type[Model], str, type[Model]]]:
    for model, model_admin in admin.site._registry.items():
        for page in [model_admin, *model_admin.inlines]:
            of = getattr(page, "model", model)
            for field in page.autocomplete_fields:
                yield of, field, of._meta.get_field(field).related_model


def test_whether_it_is_alive_is_told_to_everybody(db: None, client: Client) -> None:
    assert client.get("/healthz").status_code in {200, 503}
    assert "ann" not in client.get("/healthz").content.decode()
