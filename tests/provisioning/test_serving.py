"""The one process that is web server and worker, started as an operator starts it."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import portal

LOGIN = "/admin/login/"


def test_the_sign_in_page_answers_and_a_signal_stops_it_cleanly(tmp_path: Path) -> None:
    with portal.running(tmp_path) as here:
        answer = requests.get(here.address + LOGIN, timeout=30)
    assert answer.status_code == 200
    assert "Gatehouse" in answer.text


@pytest.mark.parametrize(("told", "status"), [("https", 200), ("http", 301)])
def test_behind_a_proxy_with_https_only_plain_requests_are_redirected(
    tmp_path: Path, told: str, status: int
) -> None:
    with portal.running(tmp_path, GATEHOUSE_HTTPS="true") as here:
        answer = requests.get(
            here.address + LOGIN,
            headers={"X-Forwarded-Proto": told},
            timeout=30,
            allow_redirects=False,
        )
    assert answer.status_code == status


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with portal.running(tmp_path) as here:
        second = subprocess.run(
            portal.manage("serve", "--port", str(urlsplit(here.address).port)),
            env=portal.environment(tmp_path),
            cwd=portal.ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert second.returncode != 0
    assert "choose one with --port" in second.stderr
