"""The people, groups and applications of a bench run, and workers in processes of their own."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import apps_setup, mapping
from provisioning.models import Account, App, Mapping, Origin, Policy
from provisioning.plan import Feature, State
from provisioning.scim import messages

ROOT = Path(settings.BASE_DIR)
Made = TypeVar("Made")
_ROWS = 5_000


def fresh() -> None:
    """An empty database."""
    connections.close_all()
    for file in _files():
        file.unlink(missing_ok=True)
    call_command("migrate", verbosity=0)


def keep(copy: Path) -> None:
    """Put a copy of the database aside."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connections.close_all()
    shutil.copy(_files()[0], copy)


def restore(copy: Path) -> None:
    connections.close_all()
    for file in _files():
        file.unlink(missing_ok=True)
    shutil.copy(copy, _files()[0])


def _files() -> list[Path]:
    name = str(settings.DATABASES["default"]["NAME"])
    return [Path(name + ending) for ending in ("", "-wal", "-shm")]


# ------------------------------------------------------------------------------- who and what


def make_app(name: str, url: str, *, group: Group | None = None) -> App:
    """An application of the kind “any SCIM 2.0”, without a limit of requests; for this group."""
    app = App(name=name, connector="scim", internal=True, compare_hours=0)
    apps_setup.create(app)
    apps_setup.configure(
        app,
        settings={"base_url": f"{url}/{name}"},
        secrets={"token": "bench"},
        features=tuple(Feature),
    )
    app.save()
    if group is not None:
        Policy.objects.create(name=f"{name} for {group.name}", app=app, group=group)
    return app


def make_people(count: int, *, prefix: str = "p") -> list[User]:
    people = (
        User(
            username=f"{prefix}{number}@bench.example",
            first_name=f"First {number}",
            last_name="Last",
            email=f"{prefix}{number}@bench.example",
        )
        for number in range(count)
    )
    made: list[User] = []
    while batch := list(islice(people, _ROWS)):
        made += User.objects.bulk_create(batch)
    return made


def join(people: list[User], group: Group) -> None:
    """Without a signal: who calls this marks what is to become due."""
    rows = (Membership(user=person, group=group) for person in people)
    while batch := list(islice(rows, _ROWS)):
        Membership.objects.bulk_create(batch)


def settle(app: App, people: list[User]) -> None:
    """Accounts that are as they should be, without a request for each."""
    rows, now = list(app.mappings.of_people()), timezone.now()
    accounts = (
        Account(
            app=app,
            user=person,
            identifier=person.username,
            external_id=person.external_id,
            remote_id=f"settled-{number}",
            origin=Origin.CREATED,
            state=State.ACTIVE,
            granted=True,
            done_generation=1,
            applied={
                path: value
                for path, value in _rendered(app, rows, person).items()
                if value is not None
            },
            checked_at=now,
        )
        for number, person in enumerate(people)
    )
    while batch := list(islice(accounts, _ROWS)):
        Account.objects.bulk_create(batch)


def write_bodies(app: App, people: list[User], file: Path) -> None:
    """User name and body of each create, as the product sends them."""
    rows = list(app.mappings.of_people())
    bodies = []
    for person in people:
        values = _rendered(app, rows, person)
        bodies.append([person.username, messages.user(values, external_id=str(person.external_id))])
    file.write_text(json.dumps(bodies))


def _rendered(app: App, rows: list[Mapping], person: User) -> mapping.Desired:
    wanted = mapping.Person(person)
    return mapping.render(rows, wanted, kind=app.kind, app=app.name, creating=True)


def due() -> int:
    return Account.objects.filter(due_at__lte=timezone.now()).count()


# -------------------------------------------------------------------------------- processes


class Worker:
    """`manage.py worker`, looked at from outside."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_memory(self) -> float:
        """The most that it has had in memory so far, in MB."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("this system does not tell how much memory a process has used")


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    connections.close_all()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        yield Worker(process)
    finally:
        process.terminate()
        process.wait(120)


def until(condition: Callable[[], bool], *, within: float = 1800.0, every: float = 0.05) -> float:
    """Wait; when it became true, on the clock that all processes share."""
    give_up = time.monotonic() + within
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError("the bench waited in vain")
        time.sleep(every)
    return time.monotonic()
