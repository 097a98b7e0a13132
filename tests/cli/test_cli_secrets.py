"""The token shows nowhere and goes nowhere but to the API, whatever the server does and wherever a person looks."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from migstat.settings.keys import ENVIRONMENT
from tests.cli.test_cli_answers import everywhere, transport_of
from tests.command_line import Result, environ_at, migstat, started
from tests.servers import NOW, Answer, Asked, answering, of_tree, one_task
from tests.sockets import head_of, listening

EMAIL = "admin@example.com"
TOKEN = "s3cr3t-t0ken"
REAL = "ATATT3xFfGF0aB3-_dEfGhIjKlMnOpQrStUvWxYz0123456789=1A2B3C4D"
ODD = "tök/en+&\"\\=%41<'>"
TOKENS = {"of today": REAL, "odd": ODD}


def pair_of(token: str) -> str:
    return base64.b64encode(f"{EMAIL}:{token}".encode()).decode()


def spellings(token: str) -> dict[str, str]:
    """The token as a server is likely to repeat it."""
    return {
        "as it is": token,
        "as it came": f"Basic {pair_of(token)}",
        "decoded": f"{EMAIL}:{token}",
        "in a URL": quote(token, safe=""),
        "in a URL of small letters": re.sub("%..", lambda match: match[0].lower(), quote(token, safe="")),
        "in JSON": json.dumps(token),
        "in JSON of UTF-8": json.dumps(token, ensure_ascii=False),
    }


def leaks(text: str, token: str = TOKEN) -> list[str]:
    """The forms of the token in a text, after undoing every encoding that a program could have applied."""
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    undone = [text, plain, unquote(plain), html.unescape(plain).replace("\u200b", ""), plain.replace('""', '"')]
    undone += [re.sub(r"\\(.)", r"\1", each) for each in undone]
    return [each for each in (token, pair_of(token)) if any(each.lower() in form.lower() for form in undone)]


def assert_no_secret(result: Result, token: str = TOKEN) -> None:
    """Check that no output of a run contains the token in any form."""
    assert leaks(result.out, token) == []
    assert leaks(result.err, token) == []


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_what_is_looked_for_is_found(token: str) -> None:
    """The tests below would notice each of the ways in which a server repeats the token."""
    for name, spelt in spellings(token).items():
        assert leaks(f"before {spelt} behind", token), name
    assert leaks("before and behind", token) == []


# errors


def echo(status: int, body: object = None, kind: str = "application/json", *headers: str) -> Callable[[Asked], Answer]:
    """Answer with what was sent in the place of AUTH, the token in that of TOKEN."""

    def filled(text: str, asked: Asked) -> str:
        return text.replace("AUTH", asked.authorization).replace("TOKEN", TOKEN)

    def answer(asked: Asked) -> Answer:
        lines = {name: filled("AUTH", asked) for name in headers}
        text = filled(body if isinstance(body, str) else json.dumps(body), asked)
        return Answer(text.encode(), status, filled(kind, asked), headers=lines)

    return answer


SAID = {"errorMessage": "AUTH TOKEN", "id": "TOKEN"}
ECHOES = {
    **{f"error {status}": echo(status, SAID) for status in (400, 401, 503)},
    "where the quote ends": echo(400, {"errorMessage": "." * 185 + "TOKEN"}),
    "page": echo(200, "<html>AUTH TOKEN</html>", "text/html"),
    "content type": echo(200, "no JSON", "text/TOKEN"),
    "headers": echo(429, {}, "application/json", "Retry-After", "X-RateLimit-Remaining", "Set-Cookie", TOKEN),
    "redirect": echo(302, "", "text/html", "Location"),
    "fields": echo(200, {"data": {"TOKEN": {"status": 7}}, "links": {"next": {"TOKEN": 1}}}),
    "list": echo(200, ["TOKEN"]),
}


@pytest.mark.parametrize("name", ECHOES)
def test_a_server_that_repeats_the_token_is_not_quoted_on_it(name: str) -> None:
    """Errors that repeat the credentials are shown without them, to people, in the log of -v and to scripts."""
    with answering(ECHOES[name]) as server:
        for words in (("status", "-v"), ("job", "--json")):
            assert_no_secret(server.ask(*words))


def credentials_of(request: bytes) -> bytes:
    return next(line[15:] for line in request.split(b"\r\n") if line.lower().startswith(b"authorization:"))


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: request,
        lambda request: b"HTTP/1.1 200 " + credentials_of(request) + b"\r\n\r\n",
        lambda request: credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 200 OK\r\nbad header " + credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: " + credentials_of(request) + b"\r\n\r\n",
        lambda request: b"HTTP/1.1 302 Go\r\nLocation: http://" + TOKEN.encode() + b"\r\nContent-Length: 0\r\n\r\n",
        lambda request: b"",
    ],
    ids=["echo", "reason", "status-line", "header", "length", "location", "nothing"],
)
def test_a_server_that_speaks_no_http_is_not_quoted_on_the_token(reply: Callable[[bytes], bytes]) -> None:
    """Whatever bytes come back, credentials among them are not shown, and the end is a code of the table."""
    with listening(lambda connection: connection.sendall(reply(head_of(connection)))) as port:
        result = migstat(["job", "-v"], environ_at(f"http://127.0.0.1:{port}"), now=lambda: NOW)
    assert result.code == 3
    assert "internal error" not in result.err
    assert_no_secret(result)


class Broken(httpx.BaseTransport):
    """A transport with a defect whose words hold the token."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"{request.headers['Authorization']} {TOKEN}")


@pytest.mark.parametrize("words", [("job",), ("status", "--json"), ("watch", "-o", "plain"), ("checks", "-v")])
def test_a_defect_is_told_without_the_token(words: tuple[str, ...]) -> None:
    """An unforeseen error is reported by its type and place, without its words."""
    result = migstat(words, environ_at("http://127.0.0.1:9"), transport=Broken(), sleep=[])
    assert result.code == 3
    assert "internal error: RuntimeError at " in result.err
    assert_no_secret(result)


# answers


@pytest.mark.parametrize(
    "words",
    ["status --raw --depth all", "status --depth all -o table", "checks --details --json", "tasks --json",
     "artifacts -o csv", "job --json", "watch --json --timeout 1m"],
)  # fmt: skip
def test_an_answer_that_repeats_the_token_is_shown_without_it(words: str) -> None:
    """Names, messages, details, whatever the API sends: the token is out of each answer before anything reads it."""
    transport = transport_of(everywhere(" ".join(spellings(REAL).values()), over=True))
    environ = environ_at("http://127.0.0.1:9", token=REAL)
    result = migstat([*words.split(), "-v"], environ, transport=transport, sleep=[])
    assert "***" in re.sub(r"\\(.)", r"\1", result.out)
    assert_no_secret(result, REAL)


def test_a_cursor_that_repeats_the_token_is_not_logged() -> None:
    """Cursors sent back to the server, page by page, show in the log of -v without the token."""

    def answer(asked: Asked) -> Answer:
        more = {} if "cursor" in asked.query else {"next": f"after {TOKEN}"}
        return Answer({"data": [{"taskId": "t", "taskType": "check"}], "links": more})

    with answering(answer) as server:
        result = server.ask("tasks", "-v")
    assert result.code == 3  # its state is a list
    assert "page 2" in result.err
    assert_no_secret(result)


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        ((REAL,), ""),
        (("job-1", REAL), ""),
        *(((), name) for name in ENVIRONMENT if name.startswith("MIGSTAT_") and "TOKEN" not in name),
    ],
)
def test_a_token_in_the_wrong_place_is_refused_and_not_shown(words: Sequence[str], variable: str) -> None:
    """Neither an argument nor a variable that by mistake contains the token is sent or quoted."""
    with answering(lambda _: Answer({"errorMessage": "no such job"}, 404)) as server:
        environ = environ_at(server.base_url, token=REAL) | ({variable: REAL} if variable else {})
        result = migstat(["status", *words, "-v"], environ)
        assert server.asked == []
    assert result.code in (2, 4)
    assert_no_secret(result, REAL)


# what is typed


MISTAKES: list[tuple[str, dict[str, str]]] = [
    (f"job --token={REAL}", {}),
    (f"job --token-file {REAL} --json", {}),
    ("job", {"TOKEN": f"{REAL}\n{REAL}"}),
    ("job --json", {"EMAIL": f"{EMAIL}:{REAL}"}),
    ("job", {"BASE_URL": f"https://me:{REAL}/x@example.com:port"}),
    ("job --json", {"BASE_URL": f"https://example.com/?token={REAL}"}),
    ("job", {"JOB": f"https://me:{REAL}@example.com/?{REAL}"}),
    (f"status https://me:{REAL}@example.com/jobs/job-1", {}),
]
"""Slips of the pen and of the clipboard: words, and variables."""


@pytest.mark.parametrize(("words", "changed"), MISTAKES)
def test_a_mistake_does_not_show_the_token(words: str, changed: dict[str, str]) -> None:
    """A token where a name, an address or a file belongs is not quoted, and no request is sent."""
    environ = environ_at("http://127.0.0.1:9", token=REAL) | {f"MIGSTAT_{name}": text for name, text in changed.items()}
    result = migstat(words.split(), environ, transport=Broken())
    assert result.code in (2, 4)
    assert_no_secret(result, REAL)


@pytest.mark.parametrize("command", ["status", "projects", "checks"])
def test_a_password_in_the_url_of_a_job_is_not_repeated(command: str) -> None:
    """A suggested command has the URL without what it was pasted with; the ids still count."""
    url = f"https://me:{TOKEN}@api.example/v1/jobs/job-1?key={TOKEN}#{TOKEN}"
    transport = transport_of(everywhere("text", over=True))
    environ = environ_at("http://127.0.0.1:9")
    result = migstat([command, url], environ, transport=transport, sleep=[], terminal=True, err_terminal=True)
    assert (leaks(result.out + result.err), "https://api.example/v1/jobs/job-1" in result.err) == ([], True)


def test_a_page_of_a_job_that_was_not_read_has_no_password_in_its_title(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its name is known, the job is called what was typed."""
    monkeypatch.chdir(tmp_path)
    words = ["watch", f"https://me:{TOKEN}@api.example/v1/jobs/job-1/?{TOKEN}", "--timeout", "1s", "--export", "a.html"]
    with answering(lambda _: Answer({}, 503)) as server:
        result = server.ask(*words)
    page = Path("a.html").read_text(encoding="utf-8")
    assert ("job https://api.example/v1/jobs/job-1/" in page, leaks(page + result.err), result.code) == (True, [], 124)


def test_a_token_within_a_setting_is_not_listed() -> None:
    """What lists settings is meant to be passed on, so even a token that was put into the wrong one is hidden."""
    environ = {"MIGSTAT_EMAIL": f"{EMAIL}:{REAL}", "MIGSTAT_JOB": f"https://x/jobs/j?{REAL}"}
    for words in ("config list --show-origin", "auth status"):
        result = migstat(words.split(), environ)
        assert f"email\t{EMAIL}:***\tMIGSTAT_EMAIL\n" in result.out
        assert_no_secret(result, REAL)


# other users' eyes


OVER = {"status": "FINISHED", "outcome": "SUCCESS", "message": f"fine {TOKEN}", "details": {}}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("command", "by"),
    [("status -v -o table --export {home}/status.svg", "MIGSTAT_TOKEN"), ("checks --json", "-"),
     ("watch -v --json --record {home}/night.jsonl", "{home}/token")],
)  # fmt: skip
def test_nobody_else_on_the_machine_sees_the_token(command: str, by: str, tmp_path: Path) -> None:
    """Not in the list of processes while it runs, not in a file that it leaves; those are for their owner's eyes."""
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN, encoding="utf-8")
    token_file.chmod(0o600)
    words, by = command.format(home=tmp_path).split(), by.format(home=tmp_path)
    answer = one_task(of_tree({**OVER, "children": {"AppVendorCheck": OVER}}), task_type="check")
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: Asked) -> Answer:
        asked.set()
        go_on.wait(30)
        return answer(request)

    with answering(slow) as server:
        folders = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        environ = environ_at(server.base_url) | dict.fromkeys(folders, str(tmp_path))
        if by != "MIGSTAT_TOKEN":
            environ["MIGSTAT_TOKEN"] = ""
            words += ["--token-file", by]
        with started(words, environ, stdin=subprocess.PIPE, umask=0) as running:
            assert running.stdin is not None
            running.stdin.write(TOKEN if by == "-" else "")
            running.stdin.close()
            running.stdin = None
            assert asked.wait(30)
            command_line = Path(f"/proc/{running.pid}/cmdline").read_bytes()
            listed = seen_by_somebody_else("ps", "-ef", "ww").stdout
            of_process = seen_by_somebody_else("cat", f"/proc/{running.pid}/environ")
            go_on.set()
            out, err = running.communicate(timeout=30)
    result = Result(running.returncode, out, err)
    assert result.code == 0
    assert {asked.authorization for asked in server.asked} == {f"Basic {pair_of(TOKEN)}"}
    assert b"migstat" in command_line
    assert command_line.replace(b"\0", b" ").strip() in listed
    for seen in (command_line.decode(), listed.decode(errors="replace")):
        assert leaks(seen) == []
    if os.geteuid() == 0:  # else nobody else can be played here
        assert (of_process.returncode != 0, of_process.stdout) == (True, b"")
    assert_no_secret(result)
    token_file.unlink()
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path, content in left.items():
        assert leaks(content.decode("utf-8", "replace")) == [], path
        if path.suffix != ".svg":  # that follows the umask
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    named = {Path(word).name for word in words if word.startswith(str(tmp_path))}
    assert named - {"token"} <= {path.name for path in left}


def seen_by_somebody_else(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command as another user, where this one may; else as this one."""
    somebody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(words, capture_output=True, check=False, **somebody)
