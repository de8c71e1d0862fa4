"""Small runs of the fault programme: it is clean as the engine is, and finds each planted fault.

The two quickest run always; GATEHOUSE_CHAOS=1 adds those for which many have to die or freeze.
"""

import os
import re
import subprocess
import sys

import pytest

from iam.settings import BASE_DIR

slow = pytest.mark.skipif(
    os.environ.get("GATEHOUSE_CHAOS") != "1",
    reason="takes minutes in all: set GATEHOUSE_CHAOS=1 (`make chaos` runs the whole programme)",
)
# Many tests at once may make a machine slow, and a run waits for leases that have to run out.
pytestmark = pytest.mark.timeout(600)
# Kills only where they hurt most, no other faults, and few people: as quick as can be.
_AFTER_CREATE = "--kills=3 --pauses=0 --blows=effect --faults=0"
_BEFORE_CREATE = "--kills=0 --pauses=8 --blows=create --faults=0 --workers=2"
_WRITERS = "--kills=24 --pauses=0 --blows=committed --faults=0 --no-sweep"
_NOTHING = "--kills=0 --pauses=0 --faults=0"


def chaos(options: str, *, mutant: str = "") -> tuple[int, dict[str, int]]:
    """The exit status of a run, and the numbers of its last line."""
    command = [sys.executable, "-m", "tests.chaos", "--seed=1", "--people=60", *options.split()]
    done = subprocess.run(
        [*command, f"--mutant={mutant}"], cwd=BASE_DIR, capture_output=True, text=True, timeout=500
    )
    told = re.findall(r"(\w+)=(\d+)", done.stdout.splitlines()[-1] if done.stdout else "")
    numbers = {name: int(number) for name, number in told}
    assert "kills" in numbers, done.stdout + done.stderr
    return done.returncode, numbers


@pytest.mark.parametrize(
    "options",
    [
        "--kills=3 --pauses=1",
        pytest.param(_AFTER_CREATE, marks=slow),
        pytest.param(_BEFORE_CREATE, marks=slow),
        pytest.param(_WRITERS, marks=slow),
    ],
)
def test_the_engine_survives(options):
    status, numbers = chaos(options)
    assert status == 0, numbers
    assert numbers["changes"] > 20
    assert numbers["effects"] > 20


@pytest.mark.parametrize(
    ("mutant", "options", "finds"),
    [
        ("no-lookup", _AFTER_CREATE, "duplicates"),
        # Who goes on without the lane sends twice, or records what another one did.
        pytest.param("no-fence", _BEFORE_CREATE, "duplicates invented concurrent", marks=slow),
        pytest.param("on-commit-only", _WRITERS, "missing wrong", marks=slow),
        pytest.param("trust-filter", _NOTHING, "touched_strangers", marks=slow),
        pytest.param("no-guard", _NOTHING, "over_removed", marks=slow),
    ],
)
def test_a_planted_fault_is_found(mutant, options, finds):
    status, numbers = chaos(options, mutant=mutant)
    assert status == 1
    assert sum(numbers[kind] for kind in finds.split()) > 0


# It has a database of its own; the mark says that this belongs to the run on PostgreSQL.
@pytest.mark.django_db
@pytest.mark.redis
def test_the_engine_survives_where_celery_drives_it():
    status, numbers = chaos("--kills=3 --pauses=1 --db=postgres --driver=celery --workers=2")
    assert status == 0, numbers
    assert numbers["changes"] > 20
    assert numbers["effects"] > 20


@pytest.mark.parametrize(
    ("option", "named"),
    [
        pytest.param("--mutant=no-such", "no-lookup", id="unknown-mutant"),
        pytest.param("--driver=celery", "PostgreSQL", id="celery-on-sqlite"),
    ],
)
def test_what_cannot_be_done_is_refused(option, named):
    command = [sys.executable, "-m", "tests.chaos", option]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert named in done.stderr
