"""(b) Nothing changed, (c) one more member of a large group, (d) many members at once."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import push, queue
from provisioning.models import Account, App, Trigger
from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.server import Server

# What a time an account may grow by before it counts as growing: caches get smaller shares.
_FLAT = 1.25


def unchanged(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    sizes = round(10_000 * size), round(100_000 * size)
    sweeps, drains, requests = [], [], 0
    for people in sizes:
        app = _settled(server, people)
        server.forget()
        sweeps.append(min(_timed(_swept) for _ in range(3)) / people)
        queue.mark(apps=[app.pk], trigger=Trigger.MAPPING)
        drains.append(_timed(lambda: push.drain(app, owner="bench")) / people)  # noqa: B023
        if world.due():
            raise RuntimeError("not every account was looked at")
        requests += server.counted()["requests"]
    few, many = sizes
    yield Figure("b", f"requests when nothing changed, {many:,} accounts", requests, "", at_most=0)
    for name, (ours, baseline) in {"routine check": sweeps, "mapping saved": drains}.items():
        yield Figure(
            "b",
            f"{name}, an account of {many:,} against one of {few:,}",
            baseline * 1e6,
            "µs",
            ours * 1e6,
            at_most=_FLAT,
        )


def _settled(server: Server, people: int) -> App:
    world.fresh()
    group = Group.objects.create(name="Everybody")
    app = world.make_app("target", server.url, group=group)
    made = world.make_people(people)
    # Or the routine check looks at them again, as they might have changed since.
    User.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    App.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    world.join(made, group)
    world.settle(app, made)
    return app


def _swept() -> None:
    if queue.sweep():
        raise RuntimeError("the routine check found something where nothing had changed")


def one_more(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    world.fresh()
    times: dict[int, list[float]] = {50: [], round(50_000 * size): []}
    groups = {}
    for members in times:
        groups[members] = Group.objects.create(name=f"Group of {members}")
        app = world.make_app(f"app{members}", server.url, group=groups[members])
        made = world.make_people(members, prefix=f"in{members}-")
        world.join(made, groups[members])
        world.settle(app, made)
    marked = set()
    for person in world.make_people(30, prefix="new"):
        for members, group in groups.items():
            times[members].append(_timed(lambda: group.users.add(person)))  # noqa: B023
            marked.add(_marked())
    few, many = times
    yield Figure("c", "accounts marked for one more member", max(marked), "", at_most=1)
    yield Figure(
        "c",
        f"one more member, of {many:,} against of {few}",
        median(times[many]) * 1000,
        "ms",
        median(times[few]) * 1000,
        at_most=2,
    )


def _marked() -> int:
    """How many were due; none is any more."""
    return Account.objects.filter(due_at__isnull=False).update(due_at=None)


def many_at_once(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    few, many = round(1_000 * size), round(10_000 * size)
    statements = {}
    for people in (few, many):
        # Django splits the insert of the memberships itself where the database takes only so many
        # values; what comes on top is the product's.
        bare = _statements(_bare_insert(server, people))
        statements[people] = _statements(_addition(server, people)) - bare
    yield Figure(
        "d",
        f"statements besides the insert, {many:,} more members against {few:,}",
        statements[many],
        "",
        statements[few],
        at_most=1,
    )
    ours, plain = [], []
    for _ in range(5):
        plain.append(_timed(_bare_insert(server, many)))
        ours.append(_timed(_addition(server, many)))
    yield Figure(
        "d",
        f"adding {many:,} people against a bare bulk insert",
        median(ours) * 1000,
        "ms",
        median(plain) * 1000,
        at_most=4,
    )


def _statements(write: Callable[[], None]) -> int:
    with CaptureQueriesContext(connection) as queries:
        write()
    return len(queries)


def _addition(server: Server, people: int) -> Callable[[], None]:
    group, made = _group(server, people)

    @transaction.atomic
    def add() -> None:
        group.users.add(*made)

    return add


def _bare_insert(server: Server, people: int) -> Callable[[], None]:
    """As many rows, in the table of the memberships, which nobody is told about."""
    group, made = _group(server, people)

    @transaction.atomic
    def insert() -> None:
        Membership.objects.bulk_create(Membership(user=person, group=group) for person in made)

    return insert


def _group(server: Server, people: int) -> tuple[Group, list[User]]:
    world.fresh()
    group = Group.objects.create(name="Everybody")
    world.make_app("target", server.url, group=group)
    return group, world.make_people(people)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
