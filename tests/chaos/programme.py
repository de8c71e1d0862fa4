"""Runs workers, writers and the fault server, strikes at random, drains, and has it all checked."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import broker, checker, processes, workers, world, writers
from tests.chaos.points import KILL, PAUSE, Orders

_TICK = 0.02
_LEAST = 2.0
_MOST_CRASHES = 5
_FAULT_RATE = 0.15
# How often a blow is: (what, weight).
_KILLS = (("worker", 4), ("writer", 1), ("committed", 2), ("effect", 4), ("point", 7))
_PAUSES = (("worker", 2), ("create", 2), ("send", 2), ("point", 3))


@dataclass(frozen=True)
class Options:
    kills: int
    pauses: int
    seed: int
    mutant: str = ""
    workers: int = 1
    writers: int = 3
    people: int = 100
    lease: float = 3.0
    sweeps: bool = True
    # Only these blows, by name; all of them if empty.
    blows: tuple[str, ...] = ()
    faults: float = _FAULT_RATE
    # Whose messages Celery's workers go by; the embedded ones need none.
    queue: broker.Queue | None = None

    @property
    def longest(self) -> float:
        """Seconds after which the run ends, whatever was reached."""
        return 60 + (self.kills + self.pauses) * 6 * self.lease


@dataclass
class Outcome:
    kills: int = 0
    pauses: int = 0
    changes: int = 0
    crashes: int = 0
    losses: int = 0
    requests: int = 0
    effects: int = 0
    left: int = 0
    where: Counter[str] = field(default_factory=Counter)
    violations: list[checker.Violation] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)
    complete: bool = True


class Programme:
    def __init__(self, options: Options, folder: Path, server: "FaultServer") -> None:
        self.options = options
        self.outcome = Outcome()
        self._folder = folder
        self._server = server
        self._orders = Orders(folder / "orders")
        self._random = random.Random(options.seed)
        self._processes: dict[int, str] = {}
        self._wanted: Counter[str] = Counter()
        # Without the routine check nothing else may make up for a mark that was lost.
        self._everything = options.sweeps
        self._frozen: dict[int, float] = {}
        self._blows: list[tuple[int, float]] = []
        self._ends = time.monotonic() + options.longest

    def run(self) -> Outcome:
        options = self.options
        world.fill(self._server.url, people=options.people)
        before = self._server.everything()
        if options.queue is not None:
            broker.import_early()
        try:
            self._wanted = Counter(worker=options.workers, writer=options.writers)
            self._server.fail(options.faults, mute=options.lease * 0.36)
            if self._everything:
                # First whatever there is to edit, then only what makes single accounts due.
                self._strike(options.kills // 2, options.pauses // 2)
                self._stop_writers()
                world.settle()
                self._everything = False
                self._wanted["writer"] = options.writers
            self._strike(options.kills, options.pauses)
            self._stop_writers()
            self._server.fail(0.0, mute=0.0)
            self.outcome.left = self._drain()
            self._judge(before)
            self.outcome.violations += world.guarded(
                self._server.url, people=options.people, drained=self._drain
            )
        finally:
            self._end()
        return self.outcome

    # ---------------------------------------------------------------------------- processes

    def _fork(self, kind: str) -> None:
        world.close()
        # Python forgets what a child is told before it runs, so that has to wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        pid = os.fork()
        processes.lead_group(pid)
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            self._processes[pid] = kind
            return
        status = 1
        try:
            # Who is told to end before it has begun just ends.
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            processes.die_with_parent()
            log = os.open(self._folder / f"{kind}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            self._be(kind)
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)

    def _be(self, kind: str) -> None:
        options = self.options
        if options.queue is not None:
            # The writers as well: they tell the workers at once, as web pages do.
            broker.use(options.queue)
        if kind == "worker":
            workers.run(
                self._orders,
                self._folder / "losses",
                mutant=options.mutant,
                lease=options.lease,
                sweeps=options.sweeps,
                celery=options.queue is not None,
            )
            return
        writers.run(
            self._orders,
            self._folder / "changes",
            mutant=options.mutant,
            everything=self._everything,
            signalled=not options.sweeps,
        )

    def _tend(self) -> None:
        """Count who died, start others in their place, wake those who slept long enough."""
        while True:
            pid, status = self._reap()
            if not pid:
                break
            self._processes.pop(pid)
            self._frozen.pop(pid, None)
            # With it whatever it had started.
            processes.send(pid, signal.SIGKILL)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                self.outcome.kills += 1
                self._blows.append((pid, time.time()))
            elif status:
                self.outcome.crashes += 1
                if self.outcome.crashes >= _MOST_CRASHES:
                    raise SystemExit(f"Processes end by themselves, see {self._folder}/*.log")
        running = Counter(self._processes.values())
        for kind in (self._wanted - running).elements():
            self._fork(kind)
        self._thaw()

    def _reap(self) -> tuple[int, int]:
        for pid in self._processes:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return ended, status
        return 0, 0

    def _thaw(self) -> None:
        now = time.monotonic()
        for pid in self._processes:
            if pid not in self._frozen and processes.frozen(pid):
                # Longer than the lease, so that the lane has another owner when it goes on.
                self._frozen[pid] = now + self.options.lease * self._random.uniform(1.5, 2)
                self._blows.append((pid, time.time()))
        for pid, until in list(self._frozen.items()):
            if now > until:
                processes.send(pid, signal.SIGCONT)
                del self._frozen[pid]
                self.outcome.pauses += 1

    def _stop_writers(self) -> None:
        self._wanted["writer"] = 0
        for pid, kind in self._processes.items():
            if kind == "writer":
                os.kill(pid, signal.SIGTERM)
        self._wait(lambda: "writer" not in self._processes.values(), 40)

    def _end(self) -> None:
        self._wanted.clear()
        for pid in self._processes:
            processes.send(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        self._wait(lambda: not self._processes, 15)
        for pid in self._processes:
            processes.send(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        changes = self._folder / "changes"
        self.outcome.changes = changes.stat().st_size if changes.exists() else 0

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        give_up = time.monotonic() + seconds
        while True:
            self._tend()
            if condition():
                return True
            if time.monotonic() > give_up:
                return False
            time.sleep(_TICK)

    # --------------------------------------------------------------------------------- blows

    def _strike(self, kills: int, pauses: int) -> None:
        """Until so many have died and slept, or time is up; some seconds at the least."""
        began = time.monotonic()
        while True:
            missing = {
                KILL: kills - self.outcome.kills,
                PAUSE: pauses - self.outcome.pauses - len(self._frozen),
            }
            actions = [action for action, left in missing.items() if left > 0]
            if not actions or time.monotonic() > self._ends:
                self.outcome.complete &= not actions
                break
            weights = [missing[action] for action in actions]
            (action,) = self._random.choices(actions, weights)
            self._blow(action)
        self._wait(lambda: not self._frozen, 3 * self.options.lease)
        self._wait(lambda: time.monotonic() > began + _LEAST, _LEAST)

    def _blow(self, action: str) -> None:
        """One of them, after some work was done since the last one."""
        done = self._server.count() + self._random.randrange(3, 40)
        self._wait(lambda: self._server.count() >= done, 2 * self.options.lease)
        table = _KILLS if action == KILL else _PAUSES
        allowed = [
            each for each in table if not self.options.blows or each[0] in self.options.blows
        ]
        names, weights = zip(*(allowed or table), strict=True)
        (name,) = self._random.choices(names, weights)
        if name in {"worker", "writer"}:
            self._random_blow(action, name)
        else:
            point = self._random.choice(workers.POINTS) if name == "point" else name
            self._order(action, point)

    def _random_blow(self, action: str, kind: str) -> None:
        victims = [
            pid for pid, each in self._processes.items() if each == kind and pid not in self._frozen
        ]
        if not victims:
            return
        self._wait(lambda: False, self._random.uniform(0, 0.2))
        victim = self._random.choice(victims)
        if victim in self._processes:
            self.outcome.where[f"{action} {kind}"] += 1
            processes.send(victim, signal.SIGKILL if action == KILL else signal.SIGSTOP)
            self._wait(lambda: False, 0.1)

    def _order(self, action: str, point: str) -> None:
        order = self._orders.give(action, point)
        if self._wait(lambda: not order.exists(), 1.5 * self.options.lease) or not Orders.take(
            order
        ):
            self.outcome.where[f"{action} at {point}"] += 1
            self._wait(lambda: False, 0.1)

    # ------------------------------------------------------------------------------- the end

    def _drain(self) -> int:
        within = 30 + 10 * self.options.lease
        return world.drain(sweeps=self.options.sweeps, within=within, meanwhile=self._tend)

    def _judge(self, before: dict[str, Any]) -> None:
        told = self._server.everything()
        losses = self._losses()
        self.outcome.losses = len({pid for pid, _ in losses})
        self._blows += losses
        evidence = {**told, "blows": self._blows}
        (self._folder / "evidence.json").write_text(json.dumps(evidence))
        run = world.run(told, before, blows=self._blows)
        self.outcome.violations = checker.check(run)
        self.outcome.requests = len(run.journal)
        self.outcome.effects = sum(entry.changed for entry in run.journal)
        self.outcome.stories = [
            f"  {violation}\n{world.explain(violation)}"
            for violation in self.outcome.violations[:5]
        ]

    def _losses(self) -> list[tuple[int, float]]:
        file = self._folder / "losses"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(pid), float(at)) for pid, at in (line.split() for line in lines)]


class FaultServer:
    """tests/chaos/server.py as a process of its own, as long as `with` lasts."""

    def __init__(self, folder: Path, *, seed: int, people: int) -> None:
        (folder / "orders").mkdir(exist_ok=True)
        self._command = [
            *(sys.executable, "-m", "tests.chaos.server"),
            *(str(folder / "orders"), str(seed), json.dumps(world.tenants(people))),
        ]

    def __enter__(self) -> "FaultServer":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def fail(self, rate: float, *, mute: float) -> None:
        self._ask("rate", {"rate": rate, "mute": mute})

    def count(self) -> int:
        return int(self._ask("count")["requests"])

    def everything(self) -> dict[str, Any]:
        told: dict[str, Any] = self._ask("everything")
        return told

    def _ask(self, what: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{what}", data)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own server
            return json.load(reply)
