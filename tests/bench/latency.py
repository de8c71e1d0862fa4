"""(e) From commit to request, (f) the same beside an application that does not answer.

The server writes down when a request arrives, by the clock
that all processes of a machine share.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from iam.models import Group, User
from provisioning import queue, serving
from provisioning.models import App, Trigger
from tests.bench import world
from tests.bench.figures import Figure, p95
from tests.bench.server import Server

_APPS = 20
# No more than this may pass until a leaver is on the way out of every application (seconds).
_LEAVER_WITHIN = 60
# What a person who waits takes for at once.
_IDLE_WITHIN = 2


def commit_to_request(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    yield from _idle(server, serving.background_worker, size, name="one process")
    yield from _idle(server, world.worker, size, name="worker apart")
    yield from _leaver(server, round(20_000 * size))


def _idle(
    server: Server,
    running: Callable[[], AbstractContextManager[object]],
    size: float,
    *,
    name: str,
) -> Iterator[Figure]:
    world.fresh()
    server.forget()
    group = Group.objects.create(name="Everybody")
    world.make_app("target", server.url, group=group)
    times = []
    with running():
        for person in world.make_people(round(100 * max(size, 0.3))):
            times.append(_until_asked(server, group, person))
            # Not in step with the worker's own looks.
            time.sleep(random.uniform(0.05, 0.3))
    yield Figure("e", f"commit to request, idle, {name}, median", median(times), "s")
    yield Figure("e", "… p95", p95(times), "s", at_most=_IDLE_WITHIN)


def _until_asked(server: Server, group: Group, person: User) -> float:
    """Seconds from the commit until the first request about the person arrived."""
    group.users.add(person)
    committed = time.monotonic()
    world.until(lambda: _arrivals(server, person), every=0.02)
    return _arrivals(server, person)[0] - committed


def _arrivals(server: Server, person: User) -> list[float]:
    return [when for when, _, _, name in server.journal() if name == person.username]


def _leaver(server: Server, waiting: int) -> Iterator[Figure]:
    """Somebody has an account in every app and leaves, while many creates wait there."""
    world.fresh()
    server.forget()
    group = Group.objects.create(name="Everybody")
    apps = [world.make_app(f"app{number}", server.url, group=group) for number in range(_APPS)]
    (leaver,) = world.make_people(1, prefix="leaver")
    world.join([leaver], group)
    for app in apps:
        world.settle(app, [leaver])
    world.join(world.make_people(waiting // _APPS), group)
    queue.mark(apps=[app.pk for app in apps], trigger=Trigger.POLICY)
    with world.worker():
        world.until(lambda: server.counted()["accounts"] > waiting // 20)
        leaver.is_active = False
        leaver.save()
        committed = time.monotonic()
        left = waiting - server.counted()["accounts"]
        world.until(lambda: len(_leaving(server)) == _APPS, every=0.5)
    times = [when - committed for when in _leaving(server)]
    yield Figure(
        "e",
        f"a leaver in {_APPS} apps while {left:,} creates wait, median",
        median(times),
        "s",
    )
    yield Figure("e", "… the last of the apps", max(times), "s", at_most=_LEAVER_WITHIN)


def _leaving(server: Server) -> list[float]:
    return [when for when, _, method, _ in server.journal() if method == "PATCH"]


def beside_a_dead_one(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    """Changes of one person at a time in four healthy apps, with and without a fifth one."""
    found = {}
    for dead in ("silent", "refusing"):
        alone, beside = [], []
        for _ in range(8):
            # In turn, so that whatever else the machine does meets both.
            alone += _healthy(server, round(15 * max(size, 0.2)), dead="")
            beside += _healthy(server, round(15 * max(size, 0.2)), dead=dead)
        found[dead] = p95(beside), p95(alone)
    for dead, (ours, without) in found.items():
        yield Figure("f", f"p95 of 4 apps beside a {dead} one", ours, "s", without, at_most=1.1)


def _healthy(server: Server, changes: int, *, dead: str) -> list[float]:
    world.fresh()
    server.forget()
    group = Group.objects.create(name="Everybody")
    apps = [world.make_app(f"app{number}", server.url, group=group) for number in range(4)]
    if dead:
        _add_dead(dead, server, group)
    newcomers = world.make_people(changes)
    with world.worker():
        # The start of the worker is not part of it.
        (first,) = world.make_people(1, prefix="first")
        group.users.add(first)
        world.until(lambda: server.counted()["accounts"] == len(apps))
        commits = {}
        for person in newcomers:
            group.users.add(person)
            commits[person.username] = time.monotonic()
            time.sleep(random.uniform(0.1, 0.6))
        world.until(lambda: server.counted()["accounts"] == len(apps) * (changes + 1))
    return [
        when - commits[name]
        for when, tenant, method, name in server.journal()
        if method == "POST" and tenant.startswith("app") and name in commits
    ]


def _add_dead(kind: str, server: Server, group: Group) -> App:
    # Port 9 of this machine: nobody listens there.
    url = server.url if kind == "silent" else "http://127.0.0.1:9"
    return world.make_app("dead", url, group=group)
