"""`manage.py import-users` makes people as the file says, or changes nothing and says why."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook

from iam.models import Group, User
from provisioning.models import Account
from tests.conftest import MakeApp
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def file(tmp_path: Path, db: None) -> Path:
    return tmp_path / "people.csv"


def imported(file: Path, *lines: str, more: tuple[str, ...] = ()) -> tuple[int, str]:
    file.write_text("\n".join(lines), encoding="utf-8")
    return give("import-users", str(file), *more)


def people(*names: str) -> list[Any]:
    return list(User.objects.order_by("username_key").values_list("username", *names))


def test_people_are_added_changed_and_left_and_nobody_is_removed(
    file: Path, ann: User, bob: User
) -> None:
    status, said = imported(
        file,
        "username,last_name,title,manager,custom attribute 1",
        "ANN@example.org,Ashdown,,carl@example.org,",
        "carl@example.org,Cole,Head,,Umbrella",
    )
    assert status == 0
    assert "1 new, 1 changed, 0 as they are here." in said
    assert people("last_name", "title", "manager__username") == [
        ("ann@example.org", "Ashdown", "", "carl@example.org"),
        ("bob@example.org", "Birch", "", None),
        ("carl@example.org", "Cole", "Head", None),
    ]
    carl = User.objects.get(username="carl@example.org")
    assert (carl.source, carl.custom) == ("import", {"custom_attribute_1": "Umbrella"})
    ann.refresh_from_db()
    assert ann.custom == {"custom_attribute_1": "Acme"}


def test_the_same_file_once_more_changes_nothing(file: Path, ann: User) -> None:
    lines = ["username,first_name,manager", "ann@example.org,Anna,bea", "bea,Bea,"]
    imported(file, *lines)
    before = list(User.objects.order_by("pk").values())
    assert "0 new, 0 changed, 2 as they are here." in imported(file, *lines)[1]
    assert list(User.objects.order_by("pk").values()) == before


def test_a_dry_run_says_what_would_change_and_changes_nothing(file: Path, ann: User) -> None:
    before = list(User.objects.values())
    status, said = imported(
        file, "username,title,is_active", "ann@example.org,Head,no", "bea,,", more=("--dry-run",)
    )
    assert status == 0
    assert "Line 2, ann@example.org: title from “” to “Head”; is_active from “True”" in said
    assert "Line 3, bea: new" in said
    assert "1 of them are switched off and lose access everywhere" in said
    assert list(User.objects.values()) == before


def test_one_wrong_line_and_nothing_is_written(file: Path, ann: User) -> None:
    before = list(User.objects.values())
    status, said = imported(
        file,
        "username,email,manager",
        *[f"p{number}@example.org,," for number in range(600)],
        "ann@example.org,example,",
        "P7@example.org,,",
        "bea,,nobody",
    )
    assert status == 1
    assert "Line 602, column “email”: Enter a valid email address." in said
    assert "Line 603, column “username”: The same person is in line 9." in said
    assert "Line 604, column “manager”: There is nobody with the user name “nobody”." in said
    assert "3 lines are wrong. Nothing was changed." in said
    assert list(User.objects.values()) == before


def test_what_is_wrong_is_in_the_json_with_line_and_column(file: Path) -> None:
    file.write_text("username,is_active\nann,perhaps\n")
    (document,) = given("import-users", str(file))
    assert document["problems"] == [
        {"line": 2, "message": "“perhaps” is neither yes nor no.", "column": "is_active"}
    ]
    file.write_text("username,shoes\n")
    (document,) = given("import-users", str(file))
    assert document["problems"][0]["line"] == 1


def test_a_file_without_people_is_1_and_without_a_file_2(file: Path) -> None:
    assert imported(file, "username,title")[0] == 1
    with pytest.raises(CommandError, match="cannot be read") as failed:
        give("import-users", str(file.with_name("nothing.csv")))
    assert failed.value.returncode == 2


def test_a_change_reaches_the_applications_and_who_is_switched_off_loses_them(
    file: Path, make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    make_app(faulty, group=sales)
    push()
    imported(file, "username,last_name", "ann@example.org,Ashdown")
    account = Account.objects.get()
    assert (account.trigger, account.actor) == ("person", "command line")
    push()
    assert faulty.users()[0]["name"]["familyName"] == "Ashdown"
    imported(file, "username,active", "ann@example.org,no")
    push()
    assert faulty.active_names() == []


def test_interrupted_it_goes_on_when_it_is_given_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["username,title", *[f"p{number:04}@example.org,Clerk" for number in range(1_200)]]
    written: list[int] = []

    def interrupt(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith('INSERT INTO "iam_user"') and not written:
            written.append(1)
            os.kill(os.getpid(), signal.SIGTERM)
        return execute(sql, *more)

    with connection.execute_wrapper(interrupt):
        status, said = imported(file, *lines)
    assert (status, User.objects.count()) == (1, 500)
    assert "Give the same command again" in said
    assert "700 new, 0 changed, 500 as they are here." in imported(file, *lines)[1]
    assert User.objects.count() == 1_200


def test_the_number_of_queries_grows_with_batches_and_not_with_people(file: Path) -> None:
    counts = []
    for people_ in (100, 400):
        lines = [f"{people_}-{number},Clerk" for number in range(people_)]
        with CaptureQueriesContext(connection) as queries:
            imported(file, "username,title", *lines)
        counts.append(len(queries))
    # SQLite takes only so many values in one statement.
    assert counts[1] - counts[0] < 10


def workbook(file: Path, *rows: list[Any]) -> str:
    made = Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    made.save(file.with_suffix(".xlsx"))
    return str(file.with_suffix(".xlsx"))


def test_bad_input_122_a_workbook_is_imported_like_csv_or_not_at_all(file: Path, ann: User) -> None:
    before = list(User.objects.values())
    rows = [["username", "title", "employee_id"], ["ann@example.org", "Head", "=A1"], ["bea"]]
    (document,) = given("import-users", workbook(file, *rows))
    assert document["problems"] == [
        {
            "line": 2,
            "message": "A formula whose result is not in the file. Open it in Excel, and save it "
            "again.",
            "column": "employee_id",
        }
    ]
    assert list(User.objects.values()) == before
    rows[1][2] = 12345.0
    status, said = give("import-users", workbook(file, *rows), "--dry-run")
    assert (status, list(User.objects.values())) == (0, before)
    assert (
        "Line 2, ann@example.org: title from “” to “Head”; employee_id from “” to “12345”" in said
    )
    assert give("import-users", workbook(file, *rows), "--sheet", "Sheet")[0] == 0
    assert people("title", "employee_id") == [
        ("ann@example.org", "Head", "12345"),
        ("bea", "", ""),
    ]
    assert "0 new, 0 changed, 2 as they are here." in give("import-users", workbook(file, *rows))[1]


def test_zeros_that_a_spreadsheet_took_away_are_warned_of(file: Path, ann: User) -> None:
    User.objects.update(employee_id="00123")
    path = workbook(file, ["username", "employee_id"], ["ann@example.org", 123])
    said = give("import-users", path, "--dry-run")[1]
    assert "1 values would only lose zeros at their beginning." in said
    assert given("import-users", path, "--dry-run")[0]["lost_zeros"] == 1
    same = workbook(file, ["username", "employee_id"], ["ann@example.org", "00123"])
    assert given("import-users", same, "--dry-run")[0]["lost_zeros"] == 0
