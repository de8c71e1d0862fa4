"""export-config and import-config: files, sentences, JSON, and exact exit statuses."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from iam.models import Group, User
from provisioning.models import App, Event, Policy
from tests.conftest import MakeApp
from tests.provisioning.configuration import HEAD, exported
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim

DISABLED = f"{HEAD}policies:\n  Zoom for Sales:\n    enabled: false\n"


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "c.yaml"
    found.write_text(DISABLED, encoding="utf-8")
    return found


def test_the_export_goes_to_the_terminal_or_whole_to_a_file(zoom: App, tmp_path: Path) -> None:
    assert give("export-config") == (0, exported())
    path = tmp_path / "out.yaml"
    assert give("export-config", "--app", "zoom", "--output", str(path))[0] == 0
    assert path.read_text(encoding="utf-8") == exported("Zoom")
    assert list(tmp_path.iterdir()) == [path]


def test_the_export_in_json_is_one_document(zoom: App) -> None:
    (document,) = given("export-config")
    assert document["apps"]["Zoom"]["settings"]["base_url"] == zoom.settings["base_url"]


def test_a_plan_ends_with_a_status_of_its_own_while_there_are_differences(
    zoom: App, file: Path
) -> None:
    status, said = give("import-config", str(file), "--plan")
    assert status == 4 and Policy.objects.get().enabled
    assert "Change the policy “Zoom for Sales”:\n  enabled: true → false\n" in said
    assert give("import-config", str(file), "--yes")[0] == 0
    assert not Policy.objects.get().enabled
    assert give("import-config", str(file), "--plan") == (
        0,
        "Nothing to do: everything is as the file says.\n",
    )
    assert give("import-config", str(file), "--yes")[0] == 0


def test_where_nobody_can_be_asked_nothing_is_done(zoom: App, file: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was changed. Answer “yes”") as refused:
        give("import-config", str(file))
    assert refused.value.returncode == 2 and Policy.objects.get().enabled


def test_a_wrong_file_ends_with_one_and_its_lines(zoom: App, file: Path) -> None:
    file.write_text(f"{HEAD}apps:\n  Zoom:\n    guard_count: no\n    drift: ignore\n")
    status, said = give("import-config", str(file), "--yes")
    assert status == 1 and said.endswith("Nothing was changed.\n")
    assert said.startswith("Line 4, column 18 (apps › Zoom › guard_count): Give a whole number")
    (document,) = given("import-config", str(file), "--yes")
    assert document["applied"] is False
    assert [(each["line"], each["column"]) for each in document["problems"]] == [(4, 18), (5, 12)]


def test_a_secret_in_a_file_is_not_said_again(zoom: App, file: Path) -> None:
    file.write_text(f"{HEAD}apps:\n  Zoom:\n    settings:\n      token: canary-77ab\n")
    for arguments in (["--plan"], ["--plan", "--json"], ["--yes"]):
        status, said = give("import-config", str(file), *arguments)
        assert status == 1 and "This is a secret" in said
        assert "canary-77ab" not in said


def test_what_no_form_would_take_ends_with_one_too(zoom: App, file: Path) -> None:
    file.write_text(f"{HEAD}apps:\n  Zoom:\n    guard_percent: 101\n")
    status, said = give("import-config", str(file), "--yes")
    assert status == 1 and "Line 4, column 5 (apps › Zoom › guard_percent): Ensure" in said


def test_a_missing_file_and_too_many_wishes_are_wrong_use(zoom: App, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file") as refused:
        give("import-config", str(tmp_path / "none.yaml"))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="not allowed with"):
        give("import-config", str(tmp_path / "none.yaml"), "--plan", "--yes")
    with pytest.raises(CommandError, match="cannot be written: No such file") as refused:
        give("export-config", "--output", str(tmp_path / "none" / "c.yaml"))
    assert refused.value.returncode == 1


def test_the_json_of_a_plan_has_every_change(zoom: App, file: Path) -> None:
    (document,) = given("import-config", str(file), "--plan")
    assert document["changes"][0]["fields"] == [{"name": "enabled", "old": True, "new": False}]
    assert document["applied"] is False and document["problems"] == []


def test_deleting_needs_to_be_asked_for(zoom: App, file: Path) -> None:
    file.write_text(f"{HEAD}policies: {{}}\n")
    assert give("import-config", str(file), "--yes")[0] == 0 and Policy.objects.exists()
    status, said = give("import-config", str(file), "--yes", "--prune")
    assert status == 0 and not Policy.objects.exists()
    assert "Delete the policy “Zoom for Sales”." in said


def test_what_follows_is_by_the_command_line(zoom: App, file: Path, push: object) -> None:
    assert callable(push)
    push()
    give("import-config", str(file), "--yes")
    push()
    assert Event.objects.latest("pk").actor == "command line"
