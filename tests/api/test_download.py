"""Fetching files over real connections: whole or not at all, gone on with, and the password only to its own host."""

from __future__ import annotations

import base64
import gzip
import json
import re
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import trustme

from migstat.api.download import Downloads, Moved, identity_of
from migstat.api.endpoints import Timing
from migstat.api.partial import Partial
from migstat.api.retry import Policy
from migstat.errors import Unreachable
from migstat.settings.credentials import Secret
from migstat.settings.resolve import Settings
from tests.sockets import head_of, listening
from tests.storage import CONTENT, TAG, Fetched, Reply, Storage, part_of, storing
from tests.tls import bundle_of, secured

BASIC = "Basic " + base64.b64encode(b"admin@example.com:s3cr3t-t0ken").decode()
SECRETS = ("s3cr3t-t0ken", "5ig-nature", BASIC)
HALF = len(CONTENT) // 2
PACKED = gzip.compress(CONTENT)


def turns(*replies: Callable[[Fetched], Reply] | Reply) -> Callable[[Fetched], Reply]:
    """Answer one request after the other with these, and all that follow with the last one."""
    left = list(replies)

    def reply(asked: Fetched) -> Reply:
        told = left.pop(0) if len(left) > 1 else left[0]
        return told if isinstance(told, Reply) else told(asked)

    return reply


def whole(asked: Fetched) -> Reply:
    """Answer with all of it or the part that is asked for."""
    return part_of(CONTENT, asked)


def cut(asked: Fetched) -> Reply:
    """Answer with the same, and hang up half-way."""
    return part_of(CONTENT, asked, sent=HALF)


def cut_without(*names: str, **headers: str) -> Callable[[Fetched], Reply]:
    """Answer with half of it, with other headers than usual."""
    usual = {name: value for name, value in {"ETag": TAG, **headers}.items() if name not in names}
    return lambda _: Reply(CONTENT, headers=usual, sent=HALF)


def ranges(storage: Storage) -> list[str | None]:
    """Which bytes were asked for, request by request."""
    return [asked.headers.get("range") for asked in storage.asked]


def left_in(folder: Path) -> list[str]:
    """Names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def holds_all(folder: Path, name: str = "report.csv") -> None:
    """Hold a folder against a whole download."""
    assert left_in(folder) == [name]
    assert (folder / name).read_bytes() == CONTENT


def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The rest of the same version is asked for, and the file is whole in the end."""
    with storing(turns(cut, whole)) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
        assert ranges(storage) == [None, f"bytes={HALF}-"]
        assert storage.asked[1].headers["if-range"] == TAG
        assert {asked.headers["accept-encoding"] for asked in storage.asked} == {"identity"}
    holds_all(tmp_path)


def test_a_download_goes_on_in_another_run(tmp_path: Path) -> None:
    """What an earlier run left is gone on with, although the location is signed anew."""
    with storing(turns(cut, Reply(status=400), whole)) as storage:
        first = storage.holds("report.csv").artifacts("--download", str(tmp_path))
        assert (first.code, left_in(tmp_path)) == (3, [".report.csv.partial", ".report.csv.resume"])
        storage.files[0]["location"] = storage.files[0]["location"].replace("5ig-nature", "another-one")
        assert storage.artifacts("--download", str(tmp_path)).code == 0
        assert ranges(storage) == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    holds_all(tmp_path)


@pytest.mark.parametrize("name", ["other.csv", "report.csv"])
def test_what_another_run_left_of_another_file_is_not_gone_on_with(tmp_path: Path, name: str) -> None:
    """A file of another name or location is begun from its beginning."""
    with storing(turns(cut, Reply(status=400), whole)) as storage:
        storage.holds("report.csv").artifacts("--download", str(tmp_path))
        storage.files[0] |= {"name": name, "location": f"{storage.base_url}/elsewhere"}
        assert storage.artifacts("--download", str(tmp_path)).code == 0
        assert ranges(storage)[2:] == [None]
    assert (tmp_path / name).read_bytes() == CONTENT


CHANGED = CONTENT[::-1]
REFUSALS: dict[str, Callable[[Fetched], Reply]] = {
    "whole-again": lambda _: Reply(CHANGED, headers={"ETag": '"v2"'}),
    "not-satisfiable": lambda asked: Reply(status=416) if asked.begin else Reply(CHANGED),
    "another-part": lambda asked: (
        Reply(CHANGED[7 : 7 + HALF], 206, {"Content-Range": f"bytes 7-{6 + HALF}/{len(CHANGED)}"})
        if asked.begin
        else Reply(CHANGED)
    ),
    "another-version": lambda asked: (
        Reply(
            CHANGED[asked.begin :],
            206,
            {"Content-Range": f"bytes {asked.begin}-{len(CHANGED) - 1}/{len(CHANGED)}", "ETag": '"v2"'},
        )
        if asked.begin
        else Reply(CHANGED)
    ),
    "a-part-of-nothing": lambda asked: Reply(CHANGED[asked.begin :], 206) if asked.begin else Reply(CHANGED),
    "packed-part": lambda asked: (
        Reply(
            gzip.compress(CHANGED[asked.begin :]),
            206,
            {
                "Content-Range": f"bytes {asked.begin}-{len(CHANGED) - 1}/{len(CHANGED)}",
                "Content-Encoding": "gzip",
            },
        )
        if asked.begin
        else Reply(CHANGED)
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_server_that_does_not_send_the_rest_is_asked_for_all(tmp_path: Path, refusal: str) -> None:
    """Where the answer is not the rest of the same version, the file is begun anew and is not a mixture."""
    with storing(turns(cut, REFUSALS[refusal])) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
    assert (tmp_path / "report.csv").read_bytes() == CHANGED
    assert left_in(tmp_path) == ["report.csv"]


@pytest.mark.parametrize(
    ("first", "validator"),
    [
        (cut_without(ETag="W/" + TAG), None),
        (cut_without("ETag"), None),
        (cut_without(ETag='"\xe9"'), None),
        (cut_without("ETag", **{"Last-Modified": "never"}), None),
        (Reply(PACKED, headers={"ETag": TAG, "Content-Encoding": "gzip"}, sent=len(PACKED) // 2), None),
        (cut_without("ETag", **{"Last-Modified": "Mon, 21 Sep 2026 14:00:00 GMT"}), "Mon, 21 Sep 2026 14:00:00 GMT"),
        (cut_without(ETag="W/" + TAG, **{"Last-Modified": "Mon, 21 Sep 2026 14:00:00 GMT"}),
         "Mon, 21 Sep 2026 14:00:00 GMT"),
    ],
    ids=["weak", "none", "no-ascii", "no-date", "packed", "date", "weak-and-date"],
)  # fmt: skip
def test_only_a_version_that_is_known_to_the_byte_is_gone_on_with(
    tmp_path: Path, first: Callable[[Fetched], Reply] | Reply, validator: str | None
) -> None:
    """Without a strong tag or a date of the last change the file is begun anew."""
    with storing(turns(first, lambda asked: part_of(CONTENT, Fetched(asked.target, {})))) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
        assert storage.asked[1].headers.get("if-range") == validator
        assert ("range" in storage.asked[1].headers) == (validator is not None)
    holds_all(tmp_path)


def test_a_part_that_was_not_asked_for_is_not_taken(tmp_path: Path) -> None:
    """The rest of a version that nobody can name is not put behind what there is, even where it would fit."""
    span = {"Content-Range": f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"}
    with storing(turns(cut_without("ETag"), Reply(CONTENT[HALF:], 206, span))) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 3
        assert len(storage.asked) == 2
    assert left_in(tmp_path) == []


def test_what_is_gone_for_good_leaves_nothing_behind(tmp_path: Path) -> None:
    """The part that an earlier run left goes, too, once the server says that the file is no more."""
    with storing(turns(cut, Reply(status=400), Reply(status=410))) as storage:
        storage.holds("report.csv").artifacts("--download", str(tmp_path))
        assert len(left_in(tmp_path)) == 2
        assert storage.artifacts("--download", str(tmp_path)).code == 5
    assert left_in(tmp_path) == []


def test_a_server_that_sends_too_much_is_given_up_on(tmp_path: Path) -> None:
    """Where more bytes come than the file has, it is begun anew, and not made longer for ever."""

    def too_much(connection: socket.socket) -> None:
        found = re.search(rb"bytes=(\d+)-", head_of(connection))
        if found is None:
            head, body = "200 OK\r\nContent-Length: 2000", b"x" * 1000
        else:
            begin = int(found[1])
            head = f"206 Part\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes {begin}-{begin + 4999}/2000"
            body = b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"
        connection.sendall(f"HTTP/1.1 {head}\r\nETag: {TAG}\r\nConnection: close\r\n\r\n".encode() + body)

    with storing() as storage, listening(too_much) as port:
        storage.holds("report.csv", f"http://127.0.0.1:{port}/x")
        result = storage.artifacts("--download", str(tmp_path))
    assert result.code == 3
    assert "report.csv" not in left_in(tmp_path)


def test_a_server_that_always_cuts_is_given_up_on(tmp_path: Path) -> None:
    """Where no attempt brings more than there was before, patience ends, and no file has its final name."""
    slept: list[float] = []
    with storing(lambda _: Reply(CONTENT, sent=HALF)) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path), "--json", sleep=slept)
        assert len(storage.asked) > 2
    assert result.code == 3
    assert json.loads(result.err)["error"]["code"] == "incomplete"
    assert "tried" in json.loads(result.err)["error"]["message"]
    assert 0 < sum(slept) < 40
    assert left_in(tmp_path) == []


def test_patience_lasts_as_long_as_there_is_more(tmp_path: Path) -> None:
    """A server that hangs up forty times and always sends a little more is asked until the file is whole."""
    slept: list[float] = []
    with storing(lambda asked: part_of(CONTENT, asked, sent=len(CONTENT) // 40)) as storage:
        storage.holds("report.csv")
        result = storage.artifacts("--download", str(tmp_path), sleep=slept)
        assert len(storage.asked) == 40
    assert result.code == 0
    holds_all(tmp_path)


def test_a_body_that_is_shorter_than_the_file_is_cut(tmp_path: Path) -> None:
    """An answer that is whole in itself, but not all of the rest, is not taken for the end."""

    def little(asked: Fetched) -> Reply:
        if not asked.begin:
            return cut(asked)
        end = min(asked.begin + 50_000, len(CONTENT))
        span = {"ETag": TAG, "Content-Range": f"bytes {asked.begin}-{end - 1}/{len(CONTENT)}"}
        return Reply(CONTENT[asked.begin : end], 206, span)

    with storing(little) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
        assert len(storage.asked) == 4
    holds_all(tmp_path)


def test_a_packed_answer_is_stored_unpacked(tmp_path: Path) -> None:
    """A server that packs although asked not to does not change what is in the file."""
    with storing(lambda _: Reply(PACKED, headers={"Content-Encoding": "gzip", "ETag": TAG})) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
    holds_all(tmp_path)


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
    holds_all(tmp_path)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    """Nothing is also something to download."""
    with storing(lambda _: Reply()) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
    assert (tmp_path / "report.csv").read_bytes() == b""
    assert left_in(tmp_path) == ["report.csv"]


def settings_of(
    base_url: str, *, loopback: bool = True, proxy: str | None = None, request_timeout: float = 15.0
) -> Settings:
    """Settings for a server of the test."""
    secret = Secret("s3cr3t-t0ken")
    return Settings(base_url, loopback, "admin@example.com", secret, request_timeout, 540, None, proxy)


def fetch(settings: Settings, location: str, target: Path, moved: Moved, clock: Callable[[], float]) -> None:
    """Fetch a file without a second attempt."""
    slept: list[float] = []
    downloads = Downloads(settings, Timing(clock, slept.append), policy=Policy(give_up_after=-1.0))
    try:
        with Partial(target, "this") as partial:
            downloads.fetch(location, partial, moved)
    finally:
        downloads.close()
        assert slept == []


def test_a_server_that_falls_silent_is_given_up_on(tmp_path: Path) -> None:
    """A server that sends a part and then nothing is left after the time of one request, and the part is kept."""
    with storing(lambda asked: part_of(CONTENT, asked, sent=HALF, held=Event())) as storage:
        settings = settings_of(storage.base_url, request_timeout=0.1)
        with pytest.raises(Unreachable, match=r"sent nothing for 0\.1 s"):
            fetch(settings, "/x", tmp_path / "report.csv", lambda _done, _total: None, lambda: 0.0)
    assert left_in(tmp_path) == [".report.csv.partial", ".report.csv.resume"]
    assert (tmp_path / ".report.csv.partial").read_bytes() == CONTENT[:HALF]


def test_a_server_that_goes_on_sending_may_take_long(tmp_path: Path) -> None:
    """Only silence is limited: a file that takes eighty seconds in bytes ten seconds apart is fetched."""
    now = [0.0]
    told, tell = socket.socketpair()

    def slow(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            now[0] += 10.0
            connection.sendall(b"x")
            assert told.recv(1)

    def moved(done: int, _: int | None) -> None:
        if done:
            tell.sendall(b".")

    with listening(slow) as port, told, tell:
        fetch(settings_of(f"http://127.0.0.1:{port}"), "/slow", tmp_path / "slow", moved, lambda: now[0])
    assert now == [80.0]
    assert (tmp_path / "slow").read_bytes() == b"xxxxxxxx"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    """A server that is busy is asked again, no sooner than it wants."""
    slept: list[float] = []
    with storing(turns(Reply(status=status, headers={"Retry-After": "3"}), whole)) as storage:
        storage.holds("report.csv")
        assert storage.artifacts("--download", str(tmp_path), sleep=slept).code == 0
    assert slept == [3.0]
    holds_all(tmp_path)


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 405, 410, 416])
def test_what_does_not_pass_is_not_tried_again(tmp_path: Path, status: int) -> None:
    """Any other answer than the file is an error at once, and leaves nothing behind."""
    with storing(lambda _: Reply(status=status)) as storage:
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
    """A redirect from the API's host to another one loses the password, one back to it gets it again."""
    steps: dict[str, str] = {}

    def reply(asked: Fetched) -> Reply:
        to = steps.get(asked.path)
        return whole(asked) if to is None else Reply(status=302, headers={"Location": to})

    with storing(reply) as storage, storing(reply) as other:
        steps |= {
            "/files/0": f"{other.base_url}/away?signature=5ig-nature",
            "/away": f"{storage.base_url}/back?signature=5ig-nature",
        }
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path), "-v")
        assert [(asked.path, asked.headers.get("authorization")) for asked in storage.asked] == [
            ("/files/0", BASIC),
            ("/back", BASIC),
        ]
        assert [(asked.path, asked.headers.get("authorization")) for asked in other.asked] == [("/away", None)]
    assert result.code == 0
    own, there = (each.base_url.removeprefix("http://") for each in (storage, other))
    logged = [line.rpartition(" ms")[0].rpartition(" ")[0] for line in result.err.splitlines()[2:]]
    assert logged == [f"GET {own}/files/0 302", f"GET {there}/away 302", f"GET {own}/back 200"]
    holds_all(tmp_path)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_leads_on(tmp_path: Path, status: int) -> None:
    """The rest of a file is asked for behind a redirect, too, where it may be a relative one."""

    def reply(asked: Fetched) -> Reply:
        return halves(asked) if asked.path == "/b" else Reply(status=status, headers={"Location": "../b?x"})

    halves = turns(cut, whole)
    with storing(reply) as storage:
        assert storage.holds("report.csv").artifacts("--download", str(tmp_path)).code == 0
        assert [(asked.path, asked.begin) for asked in storage.asked] == [
            ("/files/0", 0), ("/b", 0), ("/files/0", HALF), ("/b", HALF),
        ]  # fmt: skip
    holds_all(tmp_path)


def test_redirects_without_end_are_given_up_on(tmp_path: Path) -> None:
    """The sixth redirect in a row is not followed."""
    with storing(lambda _: Reply(status=302, headers={"Location": "/round"})) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path))
        assert len(storage.asked) == 6
    assert result.code == 3
    assert "redirects more than 5 times" in result.err


REFUSED = [
    "http://files.example.com/x?signature=5ig-nature",
    "https://user:5ig-nature@127.0.0.1/x",
    "https://127.0.0.1\\@files.example.com/x",
    "ftp://127.0.0.1/x",
    "file:///etc/passwd",
    "https:///x",
    "data:text/plain,x",
    "https://127.0.0.1:99999999/x",
    "https://[::1/x",
    "https://a\tb/x",
]


@pytest.mark.parametrize("location", [*REFUSED, "", None])
def test_a_location_that_is_not_safe_is_not_asked(tmp_path: Path, location: str | None) -> None:
    """Plain http to another machine, users in the address, other schemes and nonsense are refused unasked."""
    with storing() as storage:
        storage.files.append({"name": "report.csv", "location": location, "expireAt": None})
        result = storage.artifacts("--download", str(tmp_path), "-v")
        assert storage.asked == []
    assert result.code == 3
    assert "report.csv: " in result.err
    assert [secret for secret in SECRETS if secret in result.err] == []
    assert len([line for line in result.err.splitlines() if not line.startswith("GET ")]) <= 2
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("location", REFUSED)
def test_a_redirect_that_is_not_safe_is_not_followed(tmp_path: Path, location: str) -> None:
    """The same holds for where a server sends us."""
    sent = location.encode("latin-1", "replace").decode("latin-1")
    with storing(lambda _: Reply(status=302, headers={"Location": sent})) as storage:
        result = storage.holds("report.csv").artifacts("--download", str(tmp_path), "-v")
        assert len(storage.asked) == 1
    assert result.code == 3
    assert [secret for secret in SECRETS if secret in result.err] == []
    assert left_in(tmp_path) == []


def test_https_is_verified_and_not_left(tmp_path: Path) -> None:
    """A file over https needs a certificate that is trusted, and no redirect leads from there to plain http."""
    authority = trustme.CA()
    with (
        storing(lambda asked: whole(asked) if asked.path == "/x" else Reply(status=302, headers=down)) as storage,
        secured(authority.issue_cert("127.0.0.1"), storage.base_url) as front,
    ):
        down = {"Location": f"{storage.base_url}/x"}
        storage.holds("report.csv", f"https://127.0.0.1:{front.port}/x")
        untrusted = storage.artifacts("--download", str(tmp_path))
        assert storage.asked == []
        bundle = bundle_of(authority, tmp_path.parent)
        trusted = storage.artifacts("--download", str(tmp_path), "--ca-bundle", bundle)
        storage.files[0]["location"] = f"https://127.0.0.1:{front.port}/down"
        lowered = storage.artifacts("--download", str(tmp_path.parent / "lowered"), "--ca-bundle", bundle)
        assert [asked.path for asked in storage.asked] == ["/x", "/down"]
        assert b"uthorization" not in front.received
    assert (untrusted.code, trusted.code, lowered.code) == (3, 0, 3)
    assert "certificate" in untrusted.err
    assert "plain http" in lowered.err
    holds_all(tmp_path)


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
        settings = settings_of("https://api.invalid", loopback=False, proxy=f"http://127.0.0.1:{port}")
        for location in ("https://files.invalid/x", "https://localhost:9/x"):
            with pytest.raises(Unreachable):
                fetch(settings, location, tmp_path / "x", lambda _done, _total: None, lambda: 0.0)
    assert asked == ([b"CONNECT files.invalid:443 HTTP/1.1"] if proxied else [])


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_and_gone_on_after(tmp_path: Path) -> None:
    """What cannot be written is an error that names the file; with room again the same command goes on."""
    with storing() as storage:
        storage.holds("report.csv")
        with files_of_at_most(100_000):
            full = storage.artifacts("--download", str(tmp_path), "--json")
        assert left_in(tmp_path) == [".report.csv.partial", ".report.csv.resume"]
        assert storage.artifacts("--download", str(tmp_path)).code == 0
        assert storage.asked[1].begin > 0
    error = json.loads(full.err)["error"]
    assert (full.code, error["code"]) == (3, "output")
    assert str(tmp_path / "report.csv") in error["message"]
    holds_all(tmp_path)


ECHOES: list[Callable[[Fetched], bytes]] = [
    lambda asked: f"HTTP/1.1 200 OK\r\n{asked.target} {asked.headers.get('authorization')}\r\n\r\n".encode(),
    lambda asked: f"{asked.target} {asked.headers.get('authorization')}\r\n\r\n".encode(),
    lambda asked: f"HTTP/1.1 302 Go\r\nLocation: ftp://{asked.target.rpartition('=')[2]}/\r\n\r\n".encode(),
    lambda asked: b"HTTP/1.1 302 Go\r\nLocation: ftp://s3cr3t-t0ken/\r\n\r\n",
    lambda asked: f"HTTP/1.1 403 {asked.target}\r\nContent-Length: 0\r\n\r\n".encode(),
]


@pytest.mark.parametrize("echo", ECHOES)
def test_a_server_that_repeats_secrets_is_not_quoted_on_them(tmp_path: Path, echo: Callable[[Fetched], bytes]) -> None:
    """Whatever bytes come back, neither the credentials nor what signs a location is in any message."""

    def answer(connection: socket.socket) -> None:
        line, *headers = head_of(connection).decode().split("\r\n")
        told = dict(header.split(": ", 1) for header in headers if header)
        connection.sendall(echo(Fetched(line.split()[1], {name.lower(): value for name, value in told.items()})))

    with storing() as storage, listening(answer) as port:
        storage.holds("report.csv", f"http://127.0.0.1:{port}/x?signature=5ig-nature")
        for flags in (("-v",), ("--json",)):
            result = storage.artifacts("--download", str(tmp_path), *flags)
            assert result.code == 3
            assert [secret for secret in SECRETS if secret in result.err] == []
            assert "defect" not in result.err


def test_a_location_is_the_same_however_it_is_signed() -> None:
    """The query of a location does not make it another file, its path and the run do."""
    same = {identity_of("job", "task", "a.csv", f"https://h/a?signature={number}") for number in range(3)}
    others = {
        identity_of(*parts)
        for parts in [
            ("job", "task", "a.csv", "https://h/b"),
            ("job", "other", "a.csv", "https://h/a"),
            ("job", "task", "b.csv", "https://h/a"),
            ("job", "task", "a.csv", None),
            ("job", "task", None, "https://h/a"),
        ]
    }
    assert (len(same), len(others), same & others) == (1, 5, set())
