"""The one process that is web server and worker, started as an operator starts it."""

import http.client
import json
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from provisioning import serving
from tests.support import portal

LOGIN = "/admin/login/"
STYLE = "/static/admin/css/base.css"


def test_the_sign_in_page_answers_and_a_signal_stops_it_cleanly(tmp_path: Path) -> None:
    with portal.running(tmp_path) as here:
        answer = requests.get(here.address + LOGIN, timeout=30)
    assert answer.status_code == 200
    assert "Gatehouse" in answer.text


def test_an_answer_to_head_has_no_body_so_that_the_next_one_is_understood(tmp_path: Path) -> None:
    with portal.running(tmp_path) as here:
        line = http.client.HTTPConnection(urlsplit(here.address).netloc, timeout=30)
        for path in ("/healthz", LOGIN, "/api/v1/users/", "/api/", "/nowhere/", STYLE):
            # Both on one connection: a body would be read as the beginning of the next answer.
            line.request("HEAD", path)
            head = line.getresponse()
            assert head.read() == b""
            line.request("GET", path)
            answer = line.getresponse()
            body = answer.read()
            assert (head.status, answer.status != 400) == (answer.status, True), path
            if path != "/healthz":
                assert int(head.headers["Content-Length"]) == len(body), path
        line.close()


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
    assert second.returncode == 1
    assert "choose one with --port" in second.stderr


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        portal.manage(*arguments),
        env=portal.environment(folder),
        cwd=portal.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_with_json_it_says_in_a_line_that_it_runs_and_in_another_that_it_has_ended(
    tmp_path: Path, command: str
) -> None:
    subprocess.run(portal.manage("setup"), env=portal.environment(tmp_path), cwd=portal.ROOT)
    port = str(serving.free_port(0))
    more = ["--port", port] if command == "serve" else []
    with started(tmp_path, command, "--json", *more) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    served = {"state": "serving", "address": f"http://127.0.0.1:{port}/"}
    assert first == (served if command == "serve" else {"state": "working"})
    assert json.loads(rest) == {"state": "stopped"}
    assert process.returncode == 0


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_2(tmp_path: Path, port: str) -> None:
    with started(tmp_path, "serve", f"--port={port}") as process:
        pass
    assert process.returncode == 2
