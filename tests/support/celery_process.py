"""A process of the tests: a Celery worker with a queue and times of its own, or somebody who edits.

`python -m tests.support.celery_process work|write SETTINGS`
"""

import json
import sys
import time
from typing import Any

import django

django.setup()

from iam.models import Group, User  # noqa: E402
from tests.chaos import broker, workers  # noqa: E402


def work(*, more: list[str], lease: float | None = None) -> None:
    """Work as `celery worker` does, with shorter times if a lease is given."""
    if lease:
        workers.shorten(lease)
    broker.work("--concurrency", "2", *more)


def write() -> None:
    """Change who is in the groups, and live on as a web server does."""
    started = time.monotonic()
    for group in Group.objects.all():
        group.users.add(*User.objects.filter(username__startswith="bob"))
    sys.stdout.write(f"committed after {time.monotonic() - started:.3f} s\n")
    sys.stdout.flush()
    sys.stdin.read()


def main(what: str, settings: dict[str, Any]) -> None:
    broker.configure(settings.pop("own"))
    if what == "work":
        work(**settings)
    else:
        write()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
