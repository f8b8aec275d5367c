"""The page of a study under way: it follows the study, and answers nobody but a browser of this machine."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paged import chromium, planted
from planted import Interrupted, interrupting

from infertune.api import archive
from infertune.archive import StoredStudy
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.report.page.encoding import script_json
from infertune.report.page.server import PageServer

pytestmark = pytest.mark.long


ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
RESUME = "from pathlib import Path; from paged import planted; planted(Path.cwd())"


@contextlib.contextmanager
def serving(**made: Any) -> Iterator[PageServer]:
    with PageServer(0, **({"page": lambda: "<p>", "data": lambda: "{}", "every": 0} | made)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: PageServer, path: str = "/", *, host: str = "", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{server.server_address[1]}")
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_it_serves_two_things_and_only_reads() -> None:
    with serving(page=lambda: "the page", data=lambda: "the data") as server:
        assert ask(server) == (200, "the page")
        assert ask(server, "/data.json") == (200, "the data")
        assert ask(server, "/../infertune.db")[0] == 404 and ask(server, "/data.json?x=1")[0] == 404
        assert [ask(server, method=method)[0] for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [501] * 4


def test_another_name_for_this_machine_is_refused() -> None:
    with serving(data=lambda: "secret") as server:
        port = server.server_address[1]
        assert ask(server, "/data.json", host=f"localhost:{port}") == (200, "secret")
        for host in (
            "evil.example",
            f"evil.example:{port}",
            f"127.0.0.1:{port + 1}",
            "127.0.0.1",
            f"127.0.0.1.evil:{port}",
        ):
            status, text = ask(server, "/data.json", host=host)
            assert status == 403 and "secret" not in text


def test_it_listens_on_this_machine_alone() -> None:
    with serving() as server:
        assert server.server_address[0] == "127.0.0.1" and server.url.startswith("http://127.0.0.1:")
        with pytest.raises(InvalidInputError, match="cannot be listened on"):
            PageServer(server.server_address[1], page=str, data=str, every=1)


def test_what_was_made_is_served_again_for_a_while_and_errors_are_told() -> None:
    made = []

    def data() -> str:
        made.append(1)
        if len(made) > 1:
            raise DataUnavailableError("the database is damaged")
        return "{}"

    with serving(data=data, every=60) as server:
        assert [ask(server, "/data.json") for _ in range(3)] == [(200, "{}")] * 3 and len(made) == 1
        server.made["/data.json"]._every = 0
        assert ask(server, "/data.json") == (503, "the database is damaged\n")


def test_a_page_follows_its_study_to_the_verdict(tmp_path: Path) -> None:
    with contextlib.suppress(Interrupted):
        planted(tmp_path, progress=interrupting(400))

    def data() -> dict[str, Any]:
        with StoredStudy("planted", tmp_path / "study.db") as study:
            return archive.data_of(study)

    def page() -> str:
        with StoredStudy("planted", tmp_path / "study.db") as study:
            return archive.page_of(study, refresh_seconds=0.2)

    n_trials = len([each for each in data()["points"] if each["kind"] == "trial"])
    assert n_trials > 2 and data()["answer"] is None
    with chromium() as browser, serving(page=page, data=lambda: script_json(data())) as server:
        opened = browser.new_page()
        said: list[str] = []
        asked: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(server.url)
        opened.wait_for_selector("#live >> text=live")
        assert f"planted: {n_trials} trials so far." in opened.inner_text("h1")
        assert "no answer yet" in opened.inner_text("#answer") and not opened.is_visible("#failures")
        subprocess.run([sys.executable, "-c", RESUME], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=60)
        opened.wait_for_selector("#live >> text=finished", timeout=20_000)
        assert "beats the default" in opened.inner_text("h1") and opened.is_visible("#failures")
        assert {each.removeprefix(server.url) for each in asked if not each.startswith("data:")} == {"", "data.json"}
        assert said == []


def test_the_command_ends_with_ctrl_c(tmp_path: Path) -> None:
    planted(tmp_path, budget_tokens=8_000, settings={"n": 1, "top_p": 1})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "infertune", "watch", "--db", "study.db", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"planted: http://127.0.0.1:{port}/ (Ctrl-C ends)\n"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/data.json")
        assert json.loads(connection.getresponse().read())["answer"]["kind"]
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
