"""Several jobs are at an application at once: each is answered once, no failure is swallowed."""

import threading
from typing import Any, cast

import pytest

from provisioning import exchange
from provisioning.connectors.base import Connector
from provisioning.exchange import Answer
from provisioning.outcomes import Job


class FourAtOnce:
    concurrency = 4


def ask(jobs: list[Any], *, step: Any, ends: Any = lambda answer: False) -> list[Any]:
    resting = threading.Event()
    answers = exchange.each(
        step, cast(Connector, FourAtOnce()), cast(list[Job], jobs), resting=resting, ends=ends
    )
    return [answer.job for answer in answers]


def answered(connector: Connector, job: Job) -> Answer:
    return Answer(job, 0.0)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 500])
def test_each_job_is_answered_once(count: int) -> None:
    assert sorted(ask(list(range(count)), step=answered)) == list(range(count))


def test_as_many_are_at_it_as_the_connector_allows() -> None:
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
