"""python -m tests.interop: the scenario against every independent service; see `make interop`.

Exits with 0 only if no step failed. With CI=true a service that cannot be run is a failure too.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from provisioning.scim.discovery import ATTRIBUTES
from tests.interop import matrix
from tests.interop.environments import ROOT, NotHere
from tests.interop.judge import Mark, Verdict
from tests.interop.matrix import Result
from tests.interop.steps import Step
from tests.interop.targets import TARGETS

_AT_ONCE = 2
# Each run ends by itself; this is for one that does not (seconds).
_LONGEST = 300.0
_STEPS = [step.value for step in Step]


def main() -> int:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-interop-"))
    began = time.monotonic()
    lacking = {name: _lacking(name) for name in arguments.only}

    def run(name: str) -> Result:
        if lacking[name]:
            return Result(not_run=lacking[name])
        return _run(name, folder / name, mutant=arguments.mutant)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = dict(zip(lacking, pool.map(run, lacking), strict=True))
    _tell(results, seconds=time.monotonic() - began)
    skipping_fails = os.environ.get("CI") == "true"
    if any(matrix.failed(each, _STEPS, skipping_fails=skipping_fails) for each in results.values()):
        # The portal's database, the service's log, and requests.json.
        sys.stdout.write(f"Not everything is as it should be. What was kept: {folder}\n")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make interop", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS), metavar="NAME")
    add("--mutant", default="", help="plant a fault of tests/interop/mutants.py")
    return parser.parse_args()


def _lacking(name: str) -> str:
    """Make what the service needs; why it cannot be run here, "" if it can."""
    try:
        TARGETS[name].prepare()
    except NotHere as error:
        return str(error)
    return ""


def _run(name: str, folder: Path, *, mutant: str) -> Result:
    """In a process of its own, as Django is set up once in each."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.interop.one", name, str(folder), mutant]
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        process.wait(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        # Kindly first, so that it stops the service.
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
    result = _result(folder)
    _say(f"{name}: {result.seconds} s, {result.requests} requests")
    if list(result.steps) != _STEPS:
        _say(f"It did not come to its end:\n{(folder / 'run.log').read_text()[-2000:]}")
    return result


def _result(folder: Path) -> Result:
    file = folder / "result.json"
    if not file.exists():
        return Result()
    told = json.loads(file.read_text())
    steps = {
        step: Verdict(Mark(each["mark"]), each["reason"], each["details"])
        for step, each in told["steps"].items()
    }
    return Result(**{**told, "steps": steps})


def _tell(results: Mapping[str, Result], *, seconds: float) -> None:
    _say("")
    for name, result in results.items():
        if result.learned:
            forms = {flag: value for flag, value in result.learned.items() if flag != ATTRIBUTES}
            known = ", ".join(f"{flag}={value}" for flag, value in forms.items())
            _say(f"Learned of {name}: {known}")
    versions = dict.fromkeys(TARGETS[name].versions for name in results)
    _say(f"\n{matrix.table(results, _STEPS)}\n")
    _say(f"Run in {seconds:.0f} s against {'; '.join(versions)}.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
