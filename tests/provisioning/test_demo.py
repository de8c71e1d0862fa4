"""The demonstration carries the guide out, and fails when the application holds something else."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from iam.models import Group, User
from provisioning.demo import scenario, standin
from provisioning.demo.comparison import Row, compare
from provisioning.models import App, Policy
from tests.conftest import MakeApp
from tests.support.target import CORE_USER, ENTERPRISE_USER, Document, Target

HERE = Path(__file__).resolve().parent.parent.parent
Push = Callable[[], None]


@contextmanager
def demo(folder: Path = HERE, *more: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """`manage.py demo --once`, with nothing in its environment but what is said."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--once", *more],
        cwd=folder,
        env={"PATH": os.defpath, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(process: "subprocess.Popen[str]") -> str:
    """What it printed, after it has ended well."""
    out, err = process.communicate(timeout=90)
    assert (process.returncode, err) == (0, ""), out + err
    return out


# --------------------------------------------------------------------------------- the command


def test_it_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for _ in range(2):
        with demo(TMPDIR=str(tmp_path)) as process:
            assert "12 of 12 accounts agree" in finished(process)
        assert list(tmp_path.iterdir()) == []


def test_with_json_each_step_and_account_is_a_line_and_the_result_the_last(tmp_path: Path) -> None:
    with demo(HERE, "--json", TMPDIR=str(tmp_path)) as process:
        *steps, last = [json.loads(line) for line in finished(process).splitlines()]
    assert last == {"accounts": 12, "differ": 0}
    assert steps[0]["step"] == "Stand-in for Zoom"
    assert len([each for each in steps if each.get("agrees")]) == 12


def test_two_of_it_at_once_do_not_disturb_each_other() -> None:
    with demo() as one, demo() as other:
        assert "12 of 12 accounts agree" in finished(one)
        assert "12 of 12 accounts agree" in finished(other)


def test_it_never_touches_the_portal_that_it_is_run_beside(tmp_path: Path) -> None:
    """Neither through the environment nor through the file .env, which settings.py reads."""
    real = tmp_path / "real.sqlite3"
    lines = [f"GATEHOUSE_DATABASE_URL=sqlite:///{real}", f"GATEHOUSE_DATA_DIR={tmp_path}/data"]
    copied = tmp_path / "portal"
    for name in ("iam", "provisioning", "reports"):
        shutil.copytree(HERE / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "manage.py", copied)
    (copied / ".env").write_text("\n".join([*lines, "GATEHOUSE_HTTPS=on"]), encoding="utf-8")
    with demo(copied, **dict(line.split("=", 1) for line in lines)) as process:
        assert "12 of 12 accounts agree" in finished(process)
    assert not real.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "portal"]


def test_an_account_that_nobody_should_have_makes_it_fail() -> None:
    """Somebody adds it in the application while the demonstration is at work."""
    with demo() as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"answers at (http://\S+)", line):
                address = found[1]
            if "so nothing was sent" in line:
                reply = requests.post(
                    f"{address}/Users",
                    json={"schemas": [CORE_USER], "userName": "mallory@example.org"},
                    headers={"Authorization": f"Bearer {standin.TOKEN}"},
                    timeout=30,
                )
                assert reply.status_code == 201
                break
        out, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert re.search(r"mallory@example.org .* DIFFERENT\n    the policy says: no account", out)
    assert "12 of 13 accounts agree" in out
    assert "1 accounts differ from what the policy says" in err


# ------------------------------------------------------------------------------- the comparison


@pytest.fixture
def demonstrated(target: Target, make_app: MakeApp, push: Push) -> App:
    """The guide carried out: twelve people in the group, and their accounts."""
    app = make_app(target, kind="zoom")
    # So that all of them may leave at once.
    app.guard_count = len(scenario.PEOPLE)
    app.save()
    scenario.add_group_and_policy(app).users.add(*scenario.add_people())
    push()
    return app


def differing(held: list[Document]) -> list[Row]:
    return [row for row in compare(held) if not row.agrees]


def test_twelve_right_accounts_agree(demonstrated: App, target: Target) -> None:
    rows = compare(target.users())
    assert len(rows) == len(scenario.PEOPLE)
    assert all(row.agrees for row in rows)


def test_a_missing_account_is_found(demonstrated: App, target: Target) -> None:
    target.remove("carla@example.org")
    (row,) = differing(target.users())
    assert (row.username, row.is_there) == ("carla@example.org", None)
    assert row.should_be is not None


def test_an_account_too_many_is_found(demonstrated: App, target: Target) -> None:
    target.add("mallory@example.org")
    (row,) = differing(target.users())
    assert (row.username, row.should_be) == ("mallory@example.org", None)


def test_an_account_that_stands_twice_is_found(demonstrated: App, target: Target) -> None:
    held = target.users()
    (row,) = differing([*held, target.user("dai@example.org")])
    assert (row.username, row.should_be) == ("dai@example.org", None)


@pytest.mark.parametrize(
    ("attribute", "wrong"),
    [
        ("active", False),
        ("active", None),
        ("active", "True"),
        ("name", {"givenName": "Dai", "familyName": "Wrong"}),
        ("name", {"givenName": "Wrong", "familyName": "Pham"}),
        ("name", None),
        ("emails", [{"value": "wrong@example.org"}]),
        ("emails", []),
        ("emails", [{"value": "dai@example.org"}, {"value": "dai@example.org"}]),
        ("userName", "wrong@example.org"),
        (ENTERPRISE_USER, {"organization": "Wrong"}),
        (ENTERPRISE_USER, None),
    ],
)
def test_an_attribute_that_is_wrong_is_found(
    demonstrated: App, target: Target, attribute: str, wrong: Any
) -> None:
    held = target.users()
    dai = next(user for user in held if user["userName"] == "dai@example.org")
    dai[attribute] = wrong
    assert {row.username for row in differing(held)} <= {"dai@example.org", "wrong@example.org"}
    assert differing(held)


def test_who_is_not_in_the_group_any_more_should_be_switched_off(
    demonstrated: App, target: Target, push: Push
) -> None:
    Group.objects.get(name="Sales").users.remove(User.objects.get(username="ann@example.org"))
    (row,) = differing(target.users())
    assert row.username == "ann@example.org"
    push()
    assert differing(target.users()) == []


@pytest.mark.parametrize("switch", ["policy", "person"])
def test_access_ends_with_the_policy_and_with_the_person(
    demonstrated: App, target: Target, push: Push, switch: str
) -> None:
    App.objects.update(guard_count=100)
    if switch == "policy":
        for policy in Policy.objects.all():
            policy.enabled = False
            policy.save()
    else:
        for person in User.objects.all():
            person.is_active = False
            person.save()
    assert len(differing(target.users())) == len(scenario.PEOPLE)
    push()
    assert differing(target.users()) == []


def test_an_empty_value_is_no_difference(demonstrated: App, target: Target, push: Push) -> None:
    ann = User.objects.get(username="ann@example.org")
    ann.last_name = ann.email = ""
    ann.custom = {}
    ann.save()
    push()
    assert differing(target.users()) == []


def test_the_stand_in_is_read_without_the_product_and_in_full() -> None:
    with standin.running() as server:
        headers = {"Authorization": f"Bearer {standin.TOKEN}"}
        for number in range(3):
            body = {"schemas": [CORE_USER], "userName": f"p{number}"}
            requests.post(f"{server.base_url}/Users", json=body, headers=headers, timeout=30)
        assert sorted(str(user["userName"]) for user in server.users()) == ["p0", "p1", "p2"]
    with pytest.raises(requests.ConnectionError):
        server.users()
