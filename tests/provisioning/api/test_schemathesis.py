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
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation

from provisioning.api import describing
from tests.provisioning.api import V1, Program

EXAMPLES = int(os.environ.get("GATEHOUSE_TEST_EXAMPLES", "5"))

# A description tells the form of what is sent; that there is such a cursor or group, it cannot.
MEANT = [schemathesis.checks.positive_data_acceptance]

LISTS = {
    "app": "/apps/",
    "child": "/groups/",
    "group": "/groups/",
    "manager": "/users/",
    "parent": "/groups/",
    "user": "/users/",
}

schema = schemathesis.openapi.from_dict(describing.schema())
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
