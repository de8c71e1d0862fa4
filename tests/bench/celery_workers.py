"""Creates per second by so many Celery workers, for scaling.py: the other database needs a process.

python -m tests.bench.celery_workers URL QUEUE TURNS; the rates are written as JSON.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from iam.models import Group, User  # noqa: E402
from provisioning import queue  # noqa: E402
from provisioning.models import Trigger, Worker  # noqa: E402
from tests.bench import world  # noqa: E402
from tests.bench.server import FAR, Server  # noqa: E402
from tests.chaos import broker, processes  # noqa: E402


def main() -> None:
    url, name, told = sys.argv[1:]
    wanted = json.loads(told)
    own = broker.Queue(settings.BROKER_URL, name)
    # This process tells the workers what is due, as a web page does.
    broker.use(own)
    call_command("migrate", verbosity=0)
    people = world.make_people(wanted["people"])
    rates = []
    for number, (lanes, workers) in enumerate(wanted["turns"]):
        with _running(own, workers=workers, lanes=lanes):
            names = [f"{FAR}-{number}-{each}" for each in range(wanted["apps"])]
            rates.append(_rate(Server(url), names, people))
    json.dump(rates, sys.stdout)


@contextmanager
def _running(own: broker.Queue, *, workers: int, lanes: int) -> Iterator[None]:
    """So many workers, all of them up and with nothing to do."""
    started = [_started(own, number, lanes=lanes) for number in range(workers)]
    try:
        world.until(lambda: Worker.objects.count() == workers)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            processes.send(process.pid, signal.SIGKILL)


def _started(own: broker.Queue, number: int, *, lanes: int) -> "subprocess.Popen[bytes]":
    more = ["--beat", "--concurrency", str(lanes), "--hostname", f"{number}@bench"]
    told = json.dumps({"own": own.own, "more": more})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.celery_process", "work", told],
        cwd=world.ROOT,
        stdout=subprocess.DEVNULL,
        # It says there as well that it is about to end.
        stderr=subprocess.DEVNULL,
        # With the process that beats for it.
        start_new_session=True,
    )


def _rate(server: Server, names: list[str], people: list[User]) -> float:
    """From the commit that makes the accounts due until nothing is due."""
    server.forget()
    group = Group.objects.create(name=f"Everybody in {names[0]}")
    apps = [world.make_app(name, server.url, group=group) for name in names]
    with transaction.atomic():
        world.join(people, group)
        queue.mark(apps=[app.pk for app in apps], trigger=Trigger.POLICY)
    began = time.monotonic()
    over = world.until(lambda: not world.due(), every=0.02)
    if server.counted()["accounts"] != len(apps) * len(people):
        raise RuntimeError("not every account was created")
    return len(apps) * len(people) / (over - began)


if __name__ == "__main__":
    main()
