"""Every example in the guide to the commands runs, and every command with an answer is in it."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from iam.models import Group, Operator, User
from provisioning.models import App
from reports import saved_searches, workbook
from tests.conftest import MakeApp
from tests.support.commands import give
from tests.support.faulty import FaultyScim
from tests.support.receiver import Receiver, webhook
from tests.test_configuration_guide import EXAMPLE
from tests.test_docs import COMMANDS, ROOT

PAGE = (ROOT / "docs/guides/commands.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^    manage\.py (.+)$", PAGE, re.MULTILINE)
# Told in the operating guide.
_ELSEWHERE = {"setup", "serve", "worker", "demo"}


def test_every_command_that_answers_has_a_part_and_an_example() -> None:
    told = re.findall(r"^## ([a-z-]+)$", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(set(COMMANDS) - _ELSEWHERE)
    assert {example.split()[0] for example in EXAMPLES} == set(told)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(
    example: str,
    make_app: MakeApp,
    faulty: FaultyScim,
    receiver: Receiver,
    sales: Group,
    ann: User,
    admin_user: Operator,
    push: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(faulty, group=sales)
    push()
    App.objects.update(guard_count=0, guard_percent=0)
    if example.startswith("holds"):
        sales.users.remove(ann)
        push()
        assert app.holds.exists()
    if example.startswith("webhooks"):
        webhook(receiver)
    monkeypatch.chdir(tmp_path)
    (csv,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "people.csv").write_text(csv, encoding="utf-8")
    (tmp_path / "gatehouse.yaml").write_text(EXAMPLE, encoding="utf-8")
    heading, *rows = [line.split(",") for line in csv.splitlines()]
    sheet = workbook.stream(heading, rows, title="People")
    (tmp_path / "people.xlsx").write_bytes(b"".join(sheet))
    for name in re.findall(r'--search "(.+?)"', example):
        saved_searches.save(admin_user, name=name, query="outcome=failed", shared=False)
    status, said = give(*shlex.split(example))
    assert status in {0, 1, 3, 4}
    # A report goes to its file, or holds nothing that fits.
    assert said or example.startswith("report")
