"""Fetching files over real connections: whole or not at all, and the password only to its own host."""

from __future__ import annotations

import base64
import gzip
import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
import trustme

from migstat.api.download import Moved
from migstat.api.endpoints import Api
from migstat.api.retry import Policy, Timing
from migstat.errors import Unreachable
from migstat.files.incoming import incoming
from migstat.settings.resolve import Settings
from tests.api.apis import settings_of
from tests.full_disk import files_of_at_most
from tests.servers import Answer, Asked
from tests.sockets import head_of, listening
from tests.storage import CONTENT, binary, left_in, storing
from tests.tls import bundle_of, secured

BASIC = "Basic " + base64.b64encode(b"admin@example.com:s3cr3t-t0ken").decode()
SECRETS = ("s3cr3t-t0ken", "5ig-nature", BASIC)
HALF = len(CONTENT) // 2
WHOLE, CUT = binary(CONTENT), binary(CONTENT, sent=HALF)


def turns(*replies: Answer) -> Callable[[Asked], Answer]:
    """Answer one request after the other with these, and all that follow with the last one."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def assert_downloaded(folder: Path, content: bytes = CONTENT) -> None:
    """Check that a folder holds the whole file and nothing else."""
    assert left_in(folder) == ["report.csv"]
    assert (folder / "report.csv").read_bytes() == content


PACKED = binary(gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})
LINKS = {"Content-Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("replies", "requests", "content"),
    [
        ([WHOLE], 1, CONTENT),
        ([CUT, CUT, WHOLE], 3, CONTENT),
        ([PACKED], 1, CONTENT),
        ([binary()], 1, b""),
        ([binary(status=503), CUT, WHOLE], 3, CONTENT),
        ([binary(b'{"rows": []}', headers=LINKS)], 1, b'{"rows": []}'),
    ],
    ids=["whole", "cut twice", "packed", "empty", "busy, then cut", "JSON without a link"],
)
def test_a_file_is_fetched_until_it_is_whole(
    tmp_path: Path, replies: list[Answer], requests: int, content: bytes
) -> None:
    """Attempts that fail are repeated from the beginning, and leave nothing in the file."""
    with storing(turns(*replies)) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
        assert len(storage.asked) == requests
        assert {asked.headers["accept-encoding"] for asked in storage.asked} == {"identity"}
    assert_downloaded(tmp_path, content)


@pytest.mark.parametrize("body", [b'{"url": "https://files.example.com/r?sig=5ig-nature"}',
                                  b'{"data": [{"link": "https:\\/\\/files.example.com\\/r"}]}'])  # fmt: skip
@pytest.mark.parametrize(("name", "code"), [("report.csv", 3), ("report.json", 0)])
def test_json_with_a_link_is_not_saved_as_a_report(tmp_path: Path, body: bytes, name: str, code: int) -> None:
    """The message says what came, without its signature; a file that is JSON by its name may hold links."""
    with storing(lambda _: binary(body, headers=LINKS)) as storage:
        result = storage.holds(name).artifacts("--download", str(tmp_path))
        assert len(storage.asked) == 1
    assert result.code == code
    assert left_in(tmp_path) == ([name] if code == 0 else [])
    assert ("sent JSON with a link to files.example.com instead of the file" in result.err) is (code == 3)
    assert "5ig-nature" not in result.err


def test_a_server_that_always_cuts_is_given_up_on(tmp_path: Path) -> None:
    """Patience ends after some attempts, and nothing is left in the folder."""
    slept: list[float] = []
    with storing(lambda _: CUT) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path), "--json", sleep=slept)
        assert len(storage.asked) > 2
    error = json.loads(result.err)["error"]
    assert (result.code, error["code"], "tried" in error["message"]) == (3, "incomplete", True)
    assert 0 < sum(slept) < 40
    assert left_in(tmp_path) == []


def test_an_answer_without_a_length_ends_with_its_last_part(tmp_path: Path) -> None:
    """A body in parts that names no length is whole where it says so, and cut where it does not."""
    chunk = f"{len(CONTENT):x}\r\n".encode() + CONTENT + b"\r\n"
    answers = [chunk, chunk + b"0\r\n\r\n"]

    def parts(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + answers.pop(0))

    with listening(parts) as port, storing() as storage:
        storage.holds("report.csv", f"http://127.0.0.1:{port}/x")
        assert storage.artifacts("--download", str(tmp_path)).code == 0
    assert answers == []
    assert_downloaded(tmp_path)


def fetch(settings: Settings, location: str, target: Path, moved: Moved, clock: Callable[[], float]) -> None:
    """Fetch a file without a second attempt."""
    timing = Timing(clock, lambda _: None)
    with closing(Api(settings, timing, policy=Policy(give_up_after=-1.0))) as api, incoming(target) as file:
        api.download(location, file, moved, json_expected=False)


def test_a_server_that_falls_silent_is_given_up_on(tmp_path: Path) -> None:
    """A server that sends a part and then nothing is left after the time of one request."""
    with storing(lambda _: binary(CONTENT, sent=HALF, held=Event())) as storage:
        settings = settings_of(storage.base_url, request_timeout=0.1)
        with pytest.raises(Unreachable, match=r"within 0\.1 s"):
            fetch(settings, "/x", tmp_path / "report.csv", lambda _done, _total: None, lambda: 0.0)
    assert left_in(tmp_path) == []


def test_a_server_that_goes_on_sending_may_take_long(tmp_path: Path) -> None:
    """Only silence is limited: a file that takes eighty seconds in bytes ten seconds apart is fetched."""
    now = [0.0]
    fields, tell = socket.socketpair()

    def slow(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            now[0] += 10.0
            connection.sendall(b"x")
            assert fields.recv(1)

    def moved(done: int, _: int | None) -> None:
        if done:
            tell.sendall(b".")

    with listening(slow) as port, fields, tell:
        fetch(settings_of(f"http://127.0.0.1:{port}"), "/slow", tmp_path / "slow", moved, lambda: now[0])
    assert now == [80.0]
    assert (tmp_path / "slow").read_bytes() == b"xxxxxxxx"


def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    """A server that is busy is asked again, no sooner than it wants."""
    slept: list[float] = []
    with storing(turns(binary(status=429, headers={"Retry-After": "3"}), WHOLE)) as storage:
        storage.holds("report.csv")
        assert storage.artifacts("--download", str(tmp_path), sleep=slept).code == 0
    assert sum(slept) == pytest.approx(3.0, abs=0.1)
    assert_downloaded(tmp_path)


@pytest.mark.parametrize("status", [206, 304, 403, 404, 410])
def test_what_does_not_pass_is_not_tried_again(tmp_path: Path, status: int) -> None:
    """Any other answer than the file is an error at once, and leaves nothing behind."""
    with storing(lambda _: binary(status=status)) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path))
        assert len(storage.asked) == 1
    assert result.code == (5 if status in (404, 410) else 3)
    assert str(status) in result.err
    assert left_in(tmp_path) == []


def test_the_password_is_sent_to_the_host_of_the_api_only(tmp_path: Path) -> None:
    """A file at the API's own host is fetched with the credentials, one at another host or port without."""
    with storing() as storage, storing() as other:
        storage.holds("own.csv").holds("relative.csv", "/relative?signature=1").holds("below.csv", "below")
        storage.holds("other.csv", f"{other.base_url}/x").holds(
            "name.csv", storage.base_url.replace("127.0.0.1", "localhost") + "/y"
        )
        storage.holds("scheme-relative.csv", other.base_url.removeprefix("http:") + "/z")
        assert storage.artifacts("--download", str(tmp_path)).code == 0
        assert [(asked.path, asked.headers.get("authorization")) for asked in storage.asked] == [
            ("/files/0", BASIC), ("/relative", BASIC), ("/below", BASIC), ("/y", None),
        ]  # fmt: skip
        assert [asked.headers.get("authorization") for asked in other.asked] == [None, None]
    assert len(left_in(tmp_path)) == 6


def test_redirects_are_followed_and_judged_anew(tmp_path: Path) -> None:
    """A redirect from the API's host to another one loses the password, one back gets it again; no secret is logged."""
    steps: dict[str, str] = {}

    def reply(asked: Asked) -> Answer:
        to = steps.get(asked.path)
        return WHOLE if to is None else binary(status=302, headers={"Location": to})

    with storing(reply) as storage, storing(reply) as other:
        steps |= {
            "/files/0": f"{other.base_url}/away?signature=5ig-nature",
            "/away": f"{storage.base_url}/5ig-nature/back?signature=5ig-nature",
        }
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path), "-v")
        assert [(asked.path, asked.headers.get("authorization")) for asked in storage.asked] == [
            ("/files/0", BASIC),
            ("/5ig-nature/back", BASIC),
        ]
        assert [(asked.path, asked.headers.get("authorization")) for asked in other.asked] == [("/away", None)]
    assert result.code == 0
    own, there = (each.base_url.removeprefix("http://") for each in (storage, other))
    logged = [line.rpartition(" ms")[0].rpartition(" ")[0] for line in result.err.splitlines()[2:]]
    assert logged == [f"GET {own}/files/0 302", f"GET {there}/away 302", f"GET {own}/***/back 200"]
    assert_downloaded(tmp_path)


def test_redirects_without_end_are_given_up_on(tmp_path: Path) -> None:
    """The sixth redirect in a row is not followed."""
    with storing(lambda _: binary(status=302, headers={"Location": "/round"})) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path))
        assert len(storage.asked) == 6
    assert result.code == 3
    assert "redirects more than 5 times" in result.err


REFUSED = [
    "http://files.example.com/x?signature=5ig-nature", "https://user:5ig-nature@127.0.0.1/x",
    "https://127.0.0.1\\@files.example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https:///x",
    "data:text/plain,x", "https://127.0.0.1:99999999/x", "https://[::1/x", "https://a\tb/x",
]  # fmt: skip


@pytest.mark.parametrize("redirected", [False, True])
@pytest.mark.parametrize("location", [*REFUSED, "", None])
def test_a_location_that_is_not_safe_is_not_asked(tmp_path: Path, location: str | None, redirected: bool) -> None:
    """Plain http to another machine, users in the address, other schemes and nonsense are refused unasked.

    The same holds for where a server sends us.
    """
    sent = (location or "").encode("latin-1", "replace").decode("latin-1")
    with storing(lambda _: binary(status=302, headers={"Location": sent})) as storage:
        if redirected:
            storage.holds("report.csv")
        else:
            storage.files.append({"name": "report.csv", "location": location, "expireAt": None})
        result = storage.artifacts("--download", str(tmp_path), "-v")
        assert len(storage.asked) == redirected
    assert result.code == 3
    assert "report.csv: " in result.err
    assert [secret for secret in SECRETS if secret in result.err] == []
    assert len([line for line in result.err.splitlines() if not line.startswith("GET ")]) <= 2
    assert left_in(tmp_path) == []


def test_https_is_verified_and_not_left(tmp_path: Path) -> None:
    """A file over https needs a certificate that is trusted, and no redirect leads from there to plain http."""
    authority = trustme.CA()
    with (
        storing(lambda asked: WHOLE if asked.path == "/x" else binary(status=302, headers=down)) as storage,
        secured(authority.issue_cert("127.0.0.1"), storage.base_url) as front,
    ):
        down = {"Location": f"{storage.base_url}/x"}
        storage.holds("report.csv", f"https://127.0.0.1:{front.port}/x")
        untrusted = storage.artifacts("--download", str(tmp_path))
        assert storage.asked == []
        bundle = bundle_of(authority, tmp_path.parent)
        trusted = storage.artifacts("--download", str(tmp_path), env={"MIGSTAT_CA_BUNDLE": bundle})
        storage.files[0]["location"] = f"https://127.0.0.1:{front.port}/down"
        lowered = storage.artifacts("--download", str(tmp_path.parent / "lowered"), env={"MIGSTAT_CA_BUNDLE": bundle})
        assert [asked.path for asked in storage.asked] == ["/x", "/down"]
        assert b"uthorization" not in front.received
    assert (untrusted.code, trusted.code, lowered.code) == (3, 0, 3)
    assert "certificate" in untrusted.err
    assert "plain http" in lowered.err
    assert_downloaded(tmp_path)


@pytest.mark.parametrize("proxied", [True, False], ids=["another-host", "NO_PROXY"])
def test_a_proxy_is_used_for_the_hosts_that_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxied: bool
) -> None:
    """A file at another host goes by the machine's proxy unless NO_PROXY names that host, and never one at loopback."""
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(head_of(connection).partition(b"\r\n")[0])
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "" if proxied else "files.invalid")
        settings = settings_of("https://api.invalid", proxy=f"http://127.0.0.1:{port}")
        for location in ("https://files.invalid/x", "https://localhost:9/x"):
            with pytest.raises(Unreachable):
                fetch(settings, location, tmp_path / "x", lambda _done, _total: None, lambda: 0.0)
    assert asked == ([b"CONNECT files.invalid:443 HTTP/1.1"] if proxied else [])


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """A file that cannot be written completely does not exist."""
    with storing() as storage, files_of_at_most(100_000):
        full = storage.holds("report.csv").artifacts("--download", str(tmp_path), "--json")
    error = json.loads(full.err)["error"]
    assert (full.code, error["code"]) == (3, "output")
    assert str(tmp_path / "report.csv") in error["message"]
    assert left_in(tmp_path) == []


ECHOES: list[Callable[[Asked], bytes]] = [
    lambda asked: f"HTTP/1.1 200 OK\r\n{asked.target} {asked.headers.get('authorization')}\r\n\r\n".encode(),
    lambda asked: f"{asked.target} {asked.headers.get('authorization')}\r\n\r\n".encode(),
    lambda asked: f"HTTP/1.1 302 Go\r\nLocation: ftp://{asked.target.rpartition('=')[2]}/\r\n\r\n".encode(),
    lambda asked: b"HTTP/1.1 302 Go\r\nLocation: ftp://s3cr3t-t0ken/\r\n\r\n",
    lambda asked: b"HTTP/1.1 302 Go\r\nLocation: /s3cr3t-t0ken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    lambda asked: f"HTTP/1.1 403 {asked.target}\r\nContent-Length: 0\r\n\r\n".encode(),
]


@pytest.mark.parametrize("echo", ECHOES)
def test_a_server_that_repeats_secrets_is_not_quoted_on_them(tmp_path: Path, echo: Callable[[Asked], bytes]) -> None:
    """Whatever bytes come back, neither the credentials nor what signs a location is in any message."""

    def answer(connection: socket.socket) -> None:
        line, *headers = head_of(connection).decode().split("\r\n")
        fields = dict(header.split(": ", 1) for header in headers if header)
        connection.sendall(echo(Asked(line.split()[1], {name.lower(): value for name, value in fields.items()})))

    with storing() as storage, listening(answer) as port:
        storage.holds("report.csv", f"http://127.0.0.1:{port}/x?signature=5ig-nature")
        for flags in (("-v",), ("--json",)):
            result = storage.artifacts("--download", str(tmp_path), *flags)
            assert result.code == 3
            assert [secret for secret in SECRETS if secret in result.err] == []
            assert "internal error" not in result.err
