"""What one stretch of work makes of an application that fails: when to stop, and what to say."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from provisioning import breaker, failures, lanes, wording
from provisioning.errors import Misconfigured, Throttled, Unavailable
from provisioning.exchange import Answer
from provisioning.lanes import LeaseLost
from provisioning.models import App, Lane
from provisioning.record import Result

# "Retry-After: 0" (seconds): some services answer it while they still refuse.
_SHORTEST_REST = 1.0


class Told(Protocol):
    """What an application answered, whatever it was asked."""

    @property
    def error(self) -> Exception | None: ...

    @property
    def stops_the_app(self) -> bool: ...


class Proof(Protocol):
    @property
    def proves_the_app_works(self) -> bool: ...


@dataclass
class Trouble:
    """The state of a lane's application during one round of its owner."""

    lane: Lane
    # Set when no other request may begin in this round.
    resting: threading.Event = field(default_factory=threading.Event)
    # What stands in the report already: one trouble of the app is not told for each account.
    _told: set[str] = field(default_factory=set)
    _rested: bool = False
    _silent: bool = False
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> None:
        self.lane.refresh_from_db()
        self._told.add(self.lane.problem)

    def ends(self, answer: Told) -> bool:
        """Whether no other request may begin after this answer. Called by the threads that send."""
        if answer.stops_the_app:
            return True
        answered = not isinstance(answer.error, Unavailable)
        with self._counting:
            self.lane.recent = breaker.recorded(self.lane.recent, answered=answered)
            failing = bool(self.lane.problem) or breaker.opens(self.lane.recent)
        if not answered and failing:
            self._silent = True
        return not answered and failing

    def failed(self, answer: Answer) -> Result:
        """What to record of a failure; the app is left alone if it is the whole app's.

        Raises LeaseLost, which is nothing of the application's.
        """
        error, told = self.judged(answer, app=answer.job.account.app)
        return failures.failed(answer.job, error, seconds=answer.seconds, told=told)

    def judged(self, answer: Told, *, app: App) -> tuple[Exception, bool]:
        """The error, and whether it is the whole app's and stands in the report already.

        Leaves the app alone if it is the whole app's. Raises LeaseLost.
        """
        error = answer.error
        match error:
            case None | LeaseLost():
                raise error or LeaseLost
            case Misconfigured():
                self._rest(problem=str(error))
            case Throttled():
                self.rest(error)
            case Unavailable() if self._silent:
                self._rest(problem=wording.not_answering(app, str(error)))
        told = answer.stops_the_app and str(error) in self._told
        self._told.add(str(error))
        return error, told

    def rest(self, error: Throttled) -> None:
        """Leave the app alone for as long as it asks for."""
        wait = error.retry_after
        self._rest(seconds=None if wait is None else max(wait, _SHORTEST_REST))

    def note(self, results: Iterable[Proof]) -> None:
        """Keep for later owners how the app answers, and forget what was wrong once it works."""
        if self.lane.recent.count(breaker.FAILED):
            lanes.remember(self.lane)
        works = any(result.proves_the_app_works for result in results)
        if works and self.lane.paused_until and not self.resting.is_set():
            lanes.resume(self.lane.app_id)
            self.lane.refresh_from_db()

    def _rest(self, *, problem: str = "", seconds: float | None = None) -> None:
        """Leave the app alone: once a round, however many answers say so."""
        if not self._rested:
            lanes.rest(self.lane, problem=problem, seconds=seconds)
            lanes.remember(self.lane)
        self._rested = True
        self.resting.set()
