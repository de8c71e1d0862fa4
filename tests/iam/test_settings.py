"""The settings are safe as they are, and say what is wrong with what was set."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.portal import ROOT, environment

POSTGRES = "postgres://gatehouse:pw@db.example.org:5432/gatehouse"


def setting(folder: Path, name: str, **variables: str) -> str:
    """What a setting becomes with these variables in the environment."""
    said = subprocess.run(
        [sys.executable, "-c", f"from iam import settings; print(settings.{name})"],
        env=environment(folder, **variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or said.stderr


@pytest.mark.parametrize(("more", "seconds"), [("", "5"), ("?connect_timeout=20", "20")])
def test_a_database_server_that_is_away_is_not_waited_for_for_minutes(
    tmp_path: Path, more: str, seconds: str
) -> None:
    options = "DATABASES['default']['OPTIONS']['connect_timeout']"
    assert setting(tmp_path, options, GATEHOUSE_DATABASE_URL=POSTGRES + more) == seconds


def test_without_a_token_in_the_environment_there_is_none(tmp_path: Path) -> None:
    assert setting(tmp_path, "METRICS_TOKEN") == ""


def test_the_token_comes_from_the_environment(tmp_path: Path) -> None:
    assert setting(tmp_path, "METRICS_TOKEN", GATEHOUSE_METRICS_TOKEN="a-token") == "a-token"


def test_a_log_format_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path) -> None:
    assert "['line', 'json']" in setting(tmp_path, "LOGGING", GATEHOUSE_LOG_FORMAT="xml")
