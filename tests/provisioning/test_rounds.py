"""A long round of work goes by what holds now, and keeps its lane while it looks around."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from iam.models import Group, User
from provisioning.connectors.scim import Scim
from provisioning.models import App, Mapping
from tests.conftest import MakeApp, person
from tests.support.connectors import in_catalogue, interfering
from tests.support.faulty import FaultyScim, Reply, answer
from tests.support.looks import agree

Push = Callable[[], None]


def test_a_mapping_that_changes_during_a_round_holds_for_the_rest_of_it(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    def swap(operation: str) -> None:
        row = Mapping.objects.get(target="name.givenName")
        if operation == "create":
            row.source = "last_name"
            row.save()

    with in_catalogue(interfering(swap), "interfering"):
        app = make_app(faulty, kind="interfering", group=sales)
        push()
        agree(app, faulty)
    assert faulty.user(ann.username)["name"]["givenName"] == ann.last_name


def test_look_ups_that_take_longer_than_the_lease_do_not_lose_the_lane(
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    push: Push,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, passed = time.monotonic(), [0.0]
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])

    class Slow(Scim):
        def find(self, *args: Any, **options: Any) -> Any:
            found = super().find(*args, **options)
            passed[0] += 25
            return found

    people = [person(f"p{number}") for number in range(8)]
    sales.users.set(people)
    with in_catalogue(Slow, "slow"):
        app = make_app(faulty, kind="slow", group=sales)
        # A pace would go by the moved clock, and be shared with the apps of later tests.
        App.objects.update(requests_per_second=None)
        push()
        agree(app, faulty)
    assert time.monotonic() - began > 200
    assert len(faulty.users()) == len(people)


def test_a_service_that_allows_few_requests_a_minute_is_not_spent_on_looking_alone(
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    push: Push,
    later: Callable[..., None],
) -> None:
    used: dict[datetime, int] = {}

    def at_most_four_a_minute(serve: Callable[[], Reply]) -> Reply:
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        used[minute] = used.get(minute, 0) + 1
        return serve() if used[minute] <= 4 else answer(429, Retry_After="60")(serve)

    people = [person(f"p{number}") for number in range(6)]
    sales.users.set(people)
    faulty.on("*", at_most_four_a_minute)
    app = make_app(faulty, group=sales)
    for _ in range(len(people) + 2):
        push()
        later(seconds=70)
    agree(app, faulty)
