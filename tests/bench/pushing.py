"""(a) Creates per second against a bare `requests` thread pool, and (g) the worker's memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from iam.models import Group
from provisioning import queue
from provisioning.connectors.scim import Scim
from provisioning.models import Trigger
from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.server import Server

_APP = "target"


def throughput(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    per_account: dict[int, tuple[float, float]] = {}
    for people, times in ((round(2_000 * size), 5), (round(20_000 * size), 2)):
        _fill(server, folder, people)
        ours, plain = [], []
        # In turn, so that whatever else the machine does meets both.
        for _ in range(times):
            plain.append(_plain(server, folder))
            ours.append(_ours(server, folder, people))
        yield Figure(
            "a",
            f"push of {people:,} new accounts, by the pair",
            median(mine[0] / other[0] for mine, other in zip(ours, plain, strict=True)),
            "of the plain pool",
            at_least=0.9,
        )
        rate, rate_plain = median(each[0] for each in ours), median(each[0] for each in plain)
        # The least: what else the machine does only ever adds to it.
        cpu, cpu_plain = min(each[1] for each in ours), min(each[1] for each in plain)
        yield Figure("a", "… creates per second", rate, "/s", rate_plain)
        yield Figure("a", "… processor time an account", cpu * 1000, "ms", cpu_plain * 1000)
        yield Figure(
            "a", "… requests an account", max(each[2] for each in ours), "requests", at_most=2
        )
        per_account[people] = (cpu, cpu_plain)
    (few, few_plain), (many, many_plain) = per_account.values()
    yield Figure(
        "a",
        "… processor time an account, of many against few",
        many / few,
        "times",
        many_plain / few_plain,
        at_most=1.15,
    )


def memory(server: Server, folder: Path, *, size: float) -> Iterator[Figure]:
    few, many = round(2_000 * size), round(100_000 * size)
    peaks = []
    for people in (few, many):
        _fill(server, folder, people)
        server.forget()
        world.restore(folder / "filled.sqlite3")
        with world.worker() as worker:
            world.until(lambda: server.counted()["accounts"] == people)  # noqa: B023 - at once
            world.until(lambda: not world.due())
            peaks.append(worker.peak_memory)
    yield Figure(
        "g",
        f"memory of the worker, {many:,} due against {few:,}",
        peaks[1],
        "MB",
        peaks[0],
        at_most=1.2,
    )


def _fill(server: Server, folder: Path, people: int) -> None:
    """So many people, due for a first push; the database is put aside, and the bodies as well."""
    world.fresh()
    group = Group.objects.create(name="Everybody")
    app = world.make_app(_APP, server.url, group=group)
    made = world.make_people(people)
    world.join(made, group)
    queue.mark(apps=[app.pk], trigger=Trigger.POLICY)
    world.write_bodies(app, made, folder / "bodies.json")
    world.keep(folder / "filled.sqlite3")


def _plain(server: Server, folder: Path) -> tuple[float, float]:
    """Accounts per second, and seconds of processor time an account."""
    server.forget()
    program = [sys.executable, "-m", "tests.bench.plain"]
    said = subprocess.run(
        [*program, f"{server.url}/{_APP}", str(folder / "bodies.json"), str(Scim.concurrency)],
        check=True,
        capture_output=True,
    ).stdout
    took, made = json.loads(said), server.counted()["accounts"]
    return made / took["seconds"], took["cpu"] / made


def _ours(server: Server, folder: Path, people: int) -> tuple[float, float, float]:
    """The same, from the first request until nothing is due, and the requests an account."""
    server.forget()
    world.restore(folder / "filled.sqlite3")
    with world.worker() as worker:
        world.until(lambda: server.counted()["requests"] > 0, every=0.01)
        # So the start of the process is not in it.
        cpu = worker.cpu
        world.until(lambda: server.counted()["accounts"] == people)
        over = world.until(lambda: not world.due(), every=0.01)
        cpu = worker.cpu - cpu
    journal = server.journal()
    return people / (over - journal[0][0]), cpu / people, len(journal) / people
