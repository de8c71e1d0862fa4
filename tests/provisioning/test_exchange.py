"""Several jobs are at an application at once: each is answered once, no failure is swallowed."""

import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from iam.models import Group
from provisioning import exchange
from provisioning.connectors.base import Connector
from provisioning.exchange import Answer
from provisioning.outcomes import Job
from tests.conftest import MakeApp, person
from tests.support.servers import HttpServer, Reply


def ask(jobs: list[Any], *, step: Any, ends: Any = lambda answer: False) -> list[Any]:
    resting = threading.Event()
    answers = exchange.each(
        step,
        cast(Connector, None),
        cast(list[Job], jobs),
        at_once=4,
        resting=resting,
        ends=ends,
    )
    return [answer.job for answer in answers]


def answered(connector: Connector, job: Job) -> Answer:
    return Answer(job, 0.0)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 500])
def test_each_job_is_answered_once(count: int) -> None:
    assert sorted(ask(list(range(count)), step=answered)) == list(range(count))


def test_as_many_are_at_it_as_are_allowed() -> None:
    # Passed only by four threads at the same time.
    barrier = threading.Barrier(4, timeout=30)

    def together(connector: Connector, job: Job) -> Answer:
        barrier.wait()
        return answered(connector, job)

    assert len(ask(list(range(8)), step=together)) == 8


@pytest.mark.parametrize("count", [1, 20])
def test_what_breaks_in_a_thread_is_told(count: int) -> None:
    def breaks(answer: Answer) -> bool:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        ask(list(range(count)), step=answered, ends=breaks)


@pytest.mark.parametrize("count", [1, 20])
def test_nothing_is_begun_after_the_answer_that_ends_it(count: int) -> None:
    assert len(ask(list(range(count)), step=answered, ends=lambda answer: True)) <= 4


def test_an_app_is_asked_as_often_at_once_as_it_is_set_to(
    make_app: MakeApp, sales: Group, push: Callable[[], None]
) -> None:
    # Passed only by twelve requests at the same time, which is more than any kind begins with.
    barrier = threading.Barrier(12, timeout=30)

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        barrier.wait()
        return Reply(503)

    sales.users.add(*(person(f"p{number:02}") for number in range(12)))
    with HttpServer(handle) as server:
        nowhere = SimpleNamespace(base_url=server.url, token="t")
        app = make_app(nowhere, group=sales)
        app.requests_at_once = 12
        app.save()
        push()
        assert len(server.requests) == 12
