"""Every operation of the API, asked by schemathesis with what its description allows and forbids.

`make fuzz` asks each of them many times.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation

from provisioning.api import describing
from tests.provisioning.api import V1, Program, pointers, preview
from tests.roles import world

EXAMPLES = int(os.environ.get("GATEHOUSE_TEST_EXAMPLES", "5"))

# A description tells the form of what is sent; that there is such a cursor or group, it cannot.
MEANT = [schemathesis.checks.positive_data_acceptance]

WRITES = ["POST", "PATCH", "DELETE"]
# What depends on another system, and the preview itself.
NOT_FORESEEN = {
    "/accounts/{id}/adopt/",
    "/accounts/{id}/relink/",
    "/apps/{id}/test/",
    "/preview/",
    "/runs/",
    "/webhooks/{id}/test/",
}

LISTS = {
    "app": "/apps/",
    "child": "/groups/",
    "group": "/groups/",
    "manager": "/users/",
    "parent": "/groups/",
    "user": "/users/",
}

# How bad input is refused: an ETag that is out of date is told before what else is wrong.
_REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "429"]
_CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}}}
schema = schemathesis.openapi.from_dict(
    describing.schema(), config=schemathesis.Config.from_dict(_CONFIG)
)
schema.app = get_wsgi_application()


@schema.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_it_is_described(
    case: schemathesis.Case, api: Program, everything: None
) -> None:
    lead_somewhere(case, api)
    with undone():
        response = case.call(headers=api.headers)
        case.validate_response(response, headers=api.headers, excluded_checks=MEANT)


@schema.include(method=WRITES).parametrize()
@settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_a_preview_is_refused_just_what_the_request_is_refused(
    case: schemathesis.Case, api: Program, everything: None
) -> None:
    if case.method not in WRITES:
        # Nobody can send this anyway.
        return
    lead_somewhere(case, api)
    path = case.formatted_path.removeprefix(V1)
    body = case.body if isinstance(case.body, dict) else {}
    with undone():
        made = api.send(case.method, path, body)
    before = world.snapshot()
    told = preview(api, case.method, path, body)
    assert world.snapshot() == before
    if made.status_code in {404, 405}:
        assert pointers(told) == [{404: "#/path", 405: "#/method"}[made.status_code]]
    elif case.path.removeprefix(V1) in NOT_FORESEEN:
        assert pointers(told) == ["#/path"]
    elif made.status_code < 400:
        assert told.status_code == 200, told.content
    elif made.status_code == 400:
        assert pointers(told) == [f"#/body{each[1:]}" for each in pointers(made)]
    else:
        assert (told.status_code, told.json()) == (made.status_code, made.json())


def lead_somewhere(case: schemathesis.Case, api: Program) -> None:
    """Every second id is that of something that is there, as chance would hardly find one."""
    path, body = case.path_parameters, case.body
    if _is_key(path.get("id")):
        path["id"] = api.first(case.path.partition("{id}")[0].removeprefix(V1))
    if isinstance(body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
        for name in body.keys() & LISTS.keys():
            if _is_key(body[name]):
                body[name] = api.first(LISTS[name])


def _is_key(value: object) -> bool:
    return isinstance(value, int) and value % 2 == 1


@contextmanager
def undone() -> Iterator[None]:
    """Each request finds what was there before the first, and leaves the connection open."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        for signal in ends:
            signal.connect(close_old_connections)
