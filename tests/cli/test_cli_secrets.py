"""The token shows nowhere, whatever the server does."""

from __future__ import annotations

import base64
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.cli.rehearsals import NOW, Answer, Asked, answering
from tests.command_line import Result, migstat, process

TOKEN = "s3cr3t-t0ken"
PAIR = base64.b64encode(f"admin@example.com:{TOKEN}".encode()).decode()


def silent(result: Result) -> None:
    """Hold all output of a run against the secrets."""
    for text in (result.out, result.err):
        for secret in (TOKEN, PAIR, TOKEN.upper()):
            assert secret not in text


def echo_in_error(status: int) -> Callable[[Asked], Answer]:
    """Answer with an error that repeats the credentials."""

    def answer(asked: Asked) -> Answer:
        raw = base64.b64decode(asked.authorization.removeprefix("Basic ")).decode()
        return Answer({"status": status, "errorMessage": f"{asked.authorization} {raw}", "id": raw}, status)

    return answer


def echo_in_html(asked: Asked) -> Answer:
    """Answer with a page that repeats the credentials."""
    return Answer(f"<html>{asked.authorization} {TOKEN}</html>".encode(), 200, "text/html")


def echo_in_kind(asked: Asked) -> Answer:
    """Answer with a content type that repeats the credentials."""
    return Answer(b"no JSON", 200, f"text/{TOKEN}")


def echo_in_redirect(asked: Asked) -> Answer:
    """Answer with a redirect to a host and path named after the token."""
    return Answer(b"", 302, headers=(("Location", f"https://{TOKEN}.invalid/?{asked.authorization}"),))


def echo_in_field(asked: Asked) -> Answer:
    """Answer with fields of other types than expected that are named after the token."""
    if asked.segments[-1] == "job-1":
        return Answer([TOKEN])
    return Answer({"data": {TOKEN: {"status": 7}}, "links": {"next": {TOKEN: 1}}})


ECHOES = [*(echo_in_error(status) for status in (400, 401, 403, 404, 418, 429, 500, 503)),
          echo_in_html, echo_in_kind, echo_in_redirect, echo_in_field]  # fmt: skip


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.__name__)
def test_a_server_that_repeats_the_token_is_not_quoted_on_it(echo: Callable[[Asked], Answer]) -> None:
    """Errors that repeat the credentials are told without them, to people, in the log of -v and to scripts."""
    with answering(echo) as server:
        for command in ("status", "job"):
            for flags in (("-v",), ("--json",)):
                result = server.ask(command, *flags)
                assert result.code in (3, 4, 5)
                silent(result)


@contextmanager
def raw_server(reply: Callable[[bytes], bytes]) -> Iterator[str]:
    """Serve whatever `reply` makes of a request's bytes, be it HTTP or not; yield the base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.sendall(reply(connection.recv(65536)))
                        connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def credentials_of(request: bytes) -> bytes:
    """Return the Authorization header's value."""
    return next(line[15:] for line in request.split(b"\r\n") if line.lower().startswith(b"authorization:"))


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: request,
        lambda request: b"HTTP/1.1 200 " + credentials_of(request) + b"\r\n\r\n",
        lambda request: credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 200 OK\r\nbad header " + credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: " + credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 302 Go\r\nLocation: http://" + TOKEN.encode() + b"\r\nContent-Length: 0\r\n\r\n",
        lambda request: b"",
    ],
    ids=["echo", "reason", "status-line", "header", "length", "encoding", "location", "nothing"],
)
def test_a_server_that_speaks_no_http_is_not_quoted_on_the_token(reply: Callable[[bytes], bytes]) -> None:
    """Whatever bytes come back, credentials among them are not shown, and the end is a code of the table."""
    with raw_server(reply) as url:
        env = {
            "MIGSTAT_BASE_URL": url,
            "MIGSTAT_EMAIL": "admin@example.com",
            "MIGSTAT_TOKEN": TOKEN,
            "MIGSTAT_JOB": "job-1",
        }
        result = migstat(["job", "-v"], env, now=lambda: NOW)
        assert result.code == 3
        assert "defect" not in result.err
        silent(result)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--frobnicate"),
        ("status", "--base-url", f"https://admin:{TOKEN}@example.com"),
        ("status", "-v"),
        ("help", "environment"),
    ],
)
def test_wrong_usage_does_not_show_the_token(words: tuple[str, ...]) -> None:
    """Errors before any request show no token from the environment and no password of a URL."""
    env = {"MIGSTAT_TOKEN": TOKEN, "MIGSTAT_EMAIL": "admin@example.com"}
    silent(migstat(words, env))


def test_the_token_is_sent_and_not_shown() -> None:
    """As a process with -v, the credentials go to the server as HTTP Basic and to no output."""
    page = Answer({"name": "x", "data": [{"taskId": "t", "taskType": "check"}]})
    status = Answer({"data": {"status": "FINISHED", "outcome": "SUCCESS", "message": "fine"}, "links": {}})

    def answer(asked: Asked) -> Answer:
        return status if asked.segments[-1] == "status" else page

    with answering(answer) as server:
        result = process(["status", "-v", "-o", "table"], server.environ)
        assert {asked.authorization for asked in server.asked} == {f"Basic {PAIR}"}
    assert result.code == 0
    assert "GET" in result.err
    silent(result)


def test_every_command_and_format_is_silent_about_the_token() -> None:
    """No format of any command shows the token."""
    data = {"data": {"status": "FINISHED", "outcome": "SUCCESS"}, "links": {}}
    listed = {"data": [{"taskId": "t", "taskType": "check", "createdAt": "now"}], "links": {}}

    def answer(asked: Asked) -> Answer:
        return Answer(listed if asked.segments[-1] == "tasks" else {**data, "name": "x"})

    with answering(answer) as server:
        for command, form in itertools.product(("status", "checks", "tasks", "job"), ("table", "plain", "json")):
            silent(server.ask(command, "-o", form, "-v"))
