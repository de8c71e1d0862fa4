"""The settings are safe as they are, and say what is wrong with what was set."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.portal import ROOT, environment, manage

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


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("GATEHOUSE_DATABASE_URL", "secret", "postgres://user:password@host:5432/name"),
        ("GATEHOUSE_DATABASE_URL", "mysql://me:secret@host/name", "postgres://user:password"),
        ("GATEHOUSE_TIME_ZONE", "Mars/Secret", "Europe/Paris"),
        ("GATEHOUSE_ENCRYPTION_KEYS", "secret", "no Fernet key"),
        ("GATEHOUSE_HTTPS", "treu", "Write true or false."),
        ("GATEHOUSE_LOG_FORMAT", "xml", "Write one of: line, json."),
        ("GATEHOUSE_LOG_LEVEL", "loud", "WARNING, DEBUG, INFO, ERROR"),
        ("GATEHOUSE_API_REQUESTS_PER_MINUTE", "many", "whole number"),
    ],
)
def test_a_variable_that_is_set_in_the_wrong_way_is_named_by_the_doctor_too(
    tmp_path: Path, name: str, value: str, wanted: str
) -> None:
    ended = subprocess.run(
        manage("doctor"),
        env=environment(tmp_path, **{name: value}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{name} cannot be used as it is set. ")
    assert wanted in ended.stderr and "secret" not in ended.stderr


@pytest.mark.parametrize(("text", "is_on"), [("", "False"), ("Yes", "True"), ("off", "False")])
def test_a_switch_is_on_or_off(tmp_path: Path, text: str, is_on: str) -> None:
    assert setting(tmp_path, "HTTPS", GATEHOUSE_HTTPS=text) == is_on
