"""python -m tests.interop.one NAME FOLDER: the scenario against one service; writes result.json."""

import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

from tests.interop.targets import TARGETS


def main(name: str, folder: Path, mutant: str) -> None:
    # So that the service is stopped, whoever ends the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _prepare(folder)
    from django.core.management import call_command

    from tests.interop import mutants
    from tests.interop.journal import Journal
    from tests.interop.plain import Service
    from tests.interop.scenario import Scenario

    call_command("migrate", verbosity=0)
    mutants.apply(mutant)
    began, steps = time.monotonic(), {}
    with TARGETS[name].running(folder) as address, Journal(address) as journal:
        scenario = Scenario(Service(address), journal)
        try:
            for title, verdict in scenario.run():
                steps[title] = asdict(verdict)
        except Exception:
            logging.getLogger(__name__).exception("The scenario against %s broke off", name)
        requests = [asdict(entry) for entry in journal.entries]
    result: dict[str, Any] = {
        "steps": steps,
        "seconds": round(time.monotonic() - began, 1),
        "requests": len(requests),
        "learned": _learned(),
    }
    (folder / "requests.json").write_text(json.dumps(requests, indent=1))
    (folder / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False))


def _learned() -> dict[str, str]:
    """What the product found out about the service."""
    from provisioning.models import App

    return {
        flag: lesson["value"] for app in App.objects.all() for flag, lesson in app.learned.items()
    }


def _prepare(folder: Path) -> None:
    """Settings as of a new installation, with a data folder of the run's own."""
    for key in [key for key in os.environ if key.startswith("GATEHOUSE_")]:
        del os.environ[key]
    os.environ["GATEHOUSE_DATA_DIR"] = str(folder / "data")
    # Said in so many words, or a file `.env` could name the database of a running portal.
    os.environ["GATEHOUSE_DATABASE_URL"] = f"sqlite:///{folder / 'gatehouse.sqlite3'}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "iam.settings"
    # Which accounts are refused is what the matrix tells.
    os.environ["GATEHOUSE_LOG_LEVEL"] = "ERROR"
    django.setup()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
