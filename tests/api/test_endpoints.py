"""The HTTP layer: what it asks, when it asks again, and what it makes of everything that can come back."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import count
from urllib.parse import parse_qs, unquote

import httpx
import pytest

from migstat.api.endpoints import Api
from migstat.api.http import MAX_BODY, Exchange, Observers, Resource
from migstat.api.retry import WINDOW, Policy, Timing
from migstat.errors import ApiError, BadAnswer, BadRequest, NotFound, RateLimited, Refused, Unreachable, UsageError
from migstat.model.nodes import Question
from tests.api.apis import EMAIL, EPOCH, TOKEN, Script, Time, api_of, settings_of

PAIR = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
JOB = {"name": "Cutover"}
ROOT = "/migrations/public/v1"


def ok(content: object = JOB, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(200, json=content, headers=headers)


def refusal(status: int, headers: dict[str, str] | None = None, says: str = "No.") -> httpx.Response:
    """An error in the shape that the API's errors have."""
    return httpx.Response(status, json={"status": status, "errorMessage": says, "id": "r1"}, headers=headers)


@pytest.fixture
def time() -> Time:
    return Time()


# What is asked


def test_a_request_is_a_get_with_basic_credentials(time: Time) -> None:
    """The e-mail is the user and the token the password, and JSON is asked for."""
    script = Script(time, ok())
    with api_of(script, time) as api:
        assert api.job("j1").raw == JOB
    request = script.requests[0]
    assert (request.method, str(request.url)) == ("GET", f"https://api.example{ROOT}/jobs/j1")
    assert request.headers["Authorization"] == f"Basic {PAIR}"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("migstat/")


ODD_IDS = ["a/b", "a?b", "a#b", "a b", "a%2Fb", "ä", "a&b=c", "a,b", "a;b", "a:b@c", "\u202e", "a+b", "x\ny", "..."]


@pytest.mark.parametrize("name", ODD_IDS)
def test_ids_and_cursors_go_back_as_they_came(name: str, time: Time) -> None:
    """Whatever an id holds, it stays one segment of the path; a cursor, which is opaque, arrives unchanged."""
    tasks = ok({"data": [], "links": {"next": name}}), ok({"data": []})
    script = Script(time, ok(), ok({"taskId": "t"}), ok({"data": {}}), *tasks)
    with api_of(script, time, settings=settings_of("https://api.example/gateway")) as api:
        api.job(name)
        api.task(name, name)
        api.status(name, name, Question(()))
        list(api.tasks(name))
    paths = [request.url.raw_path.decode().partition("?")[0] for request in script.requests]
    segments = [[unquote(part) for part in path.removeprefix(f"/gateway{ROOT}/").split("/")] for path in paths]
    list_of_tasks = ["jobs", name, "tasks"]
    assert segments == [
        ["jobs", name], [*list_of_tasks, name], [*list_of_tasks, name, "status"], list_of_tasks, list_of_tasks,
    ]  # fmt: skip
    assert parse_qs(script.requests[-1].url.query.decode()) == {"cursor": [name]}
    assert all(request.url.host == "api.example" for request in script.requests)


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (Question(()), {}),
        (Question((), expand=True), {"expandChildren": ["true"]}),
        (Question(("check", "AppVendorCheck")), {"level": ["check,AppVendorCheck"]}),
        (Question(("migrate", "projects", "A&B=C/ä?#")), {"level": ["migrate,projects,A&B=C/ä?#"]}),
        (
            Question(("check",), expand=True, status="FINISHED", outcome="FAILED", cursor="c+/="),
            {"level": ["check"], "expandChildren": ["true"], "status": ["FINISHED"], "outcome": ["FAILED"],
             "cursor": ["c+/="]},
        ),
        (Question((), page=7), {}),
    ],
)  # fmt: skip
def test_a_question_is_the_query(question: Question, query: dict[str, list[str]], time: Time) -> None:
    """Level, filters and cursor arrive as they were asked, and nothing else does."""
    script = Script(time, ok({"data": {"status": "FINISHED"}}))
    with api_of(script, time) as api:
        assert api.status("j", "t", question).node.level == question.level
    assert parse_qs(script.requests[0].url.query.decode(), keep_blank_values=True) == query
    assert b"%2C" not in script.requests[0].url.query  # commas as the documentation writes them


def test_tasks_come_a_page_at_a_time(time: Time) -> None:
    """A page is asked for when it is needed, and its tasks keep their order."""
    first, second = {"data": [{"taskId": "b"}], "links": {"next": "c"}}, {"data": [{"taskId": "a"}]}
    script = Script(time, ok(first), ok(second))
    with api_of(script, time) as api:
        pages = api.tasks("j")
        assert [task.task_id for task in next(pages).tasks] == ["b"]
        assert len(script.requests) == 1
        assert [task.task_id for page in pages for task in page.tasks] == ["a"]


@pytest.mark.parametrize(
    ("pages", "asked"),
    [
        ([([], "a"), ([], "a")], 2),
        ([([], "a"), ([], "b"), ([], "a")], 3),
        ([([], f"c{each}") for each in range(9)], 3),
        ([(["t"], f"c{each}") for each in range(9)], 4),
    ],
    ids=["a cursor again", "an older cursor again", "nothing new", "always the same"],
)
def test_a_list_of_tasks_without_an_end_is_a_bad_answer(
    pages: list[tuple[list[str], str]], asked: int, time: Time
) -> None:
    """Neither cursors that come again nor pages without new runs are followed forever."""
    answers = [ok({"data": [{"taskId": each} for each in ids], "links": {"next": after}}) for ids, after in pages]
    script = Script(time, *answers)
    with api_of(script, time) as api, pytest.raises(BadAnswer, match="no end"):
        list(api.tasks("j"))
    assert len(script.requests) == asked


# What comes back


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, BadAnswer), (206, BadAnswer), (301, BadAnswer), (302, BadAnswer), (303, BadAnswer), (304, BadAnswer),
        (307, BadAnswer), (308, BadAnswer), (400, BadRequest), (401, Refused), (403, Refused), (404, NotFound),
        (405, BadAnswer), (407, BadAnswer), (409, BadAnswer), (410, NotFound), (418, BadAnswer), (501, Unreachable),
        (505, Unreachable),
    ],
)  # fmt: skip
def test_these_statuses_are_final(status: int, kind: type[ApiError], time: Time) -> None:
    """An error that will not pass in a moment is raised at once, with the status in its text."""
    with api_of(Script(time, refusal(status)), time) as api, pytest.raises(kind, match=str(status)) as raised:
        api.job("the-job")
    assert type(raised.value) is kind
    assert time.slept == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_these_statuses_are_asked_again(status: int, time: Time) -> None:
    """A request that failed in passing is retried after a growing pause."""
    with api_of(Script(time, refusal(status), refusal(status), ok()), time) as api:
        assert api.job("j").name == "Cutover"
    assert time.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [(429, {}, RateLimited), (503, {}, Unreachable), (429, {"Retry-After": "6"}, RateLimited),
     (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": datetime.fromtimestamp(EPOCH + 45, UTC).isoformat()},
      RateLimited)],
)  # fmt: skip
def test_no_attempt_starts_later_than_twenty_seconds_after_the_first(
    status: int, headers: dict[str, str], kind: type[ApiError], time: Time
) -> None:
    """Then the error says how often and for how long the query was tried, with the request's id and a hint."""
    script = Script(time, *(refusal(status, headers) for _ in range(50)))
    with api_of(script, time) as api, pytest.raises(kind) as raised:
        api.job("j")
    tries, elapsed = len(script.requests), time.sent[-1] - time.sent[0]
    assert elapsed <= 20.0
    tried = f"tried {tries} times in {elapsed:.0f} s" if tries > 1 else "tried once"
    assert f'"No." (request id r1) ({tried})' in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("says", "quoted"),
    [("No job j", ""), ("Job 'j' does not exist.", ""), ("Job j is of another site", ': "Job j is of another site"')],
)
def test_the_server_is_not_quoted_for_saying_the_same_again(says: str, quoted: str, time: Time) -> None:
    """What is not there is named once; whatever else the server says of it is shown."""
    with api_of(Script(time, refusal(404, says=says)), time) as api, pytest.raises(NotFound) as raised:
        api.job("j")
    assert raised.value.message == f"job j not found (404){quoted} (request id r1)"


@pytest.mark.parametrize(
    ("status", "after", "slept"),
    [(429, "7", 7.0), (503, "7", 7.0), (429, "date", 7.0), (503, "0.1", 0.5), (429, "soon", 0.5), (503, "-3", 0.5)],
)
def test_retry_after_is_a_lower_bound_in_both_forms(status: int, after: str, slept: float, time: Time) -> None:
    """No attempt comes sooner than the server asks for, in seconds or by a date; nonsense counts for nothing."""
    header = formatdate(EPOCH + 7, usegmt=True) if after == "date" else after
    with api_of(Script(time, refusal(status, {"Retry-After": header}), ok()), time) as api:
        api.job("j")
    assert time.slept == pytest.approx([slept])


@pytest.mark.parametrize(
    ("status", "after", "hint"), [(429, 21, "Wait a minute"), (429, 600, "Wait 10 minutes"), (503, 3600, "few minutes")]
)
def test_a_long_retry_after_is_given_up_at_once(status: int, after: int, hint: str, time: Time) -> None:
    """A single query does not wait longer than 20 s, and the hint fits what the server asked for."""
    script = Script(time, refusal(status, {"Retry-After": str(after)}))
    with api_of(script, time) as api, pytest.raises((RateLimited, Unreachable)) as raised:
        api.job("j")
    assert time.slept == []
    assert f"asked to wait {after} s" in raised.value.message
    assert hint in raised.value.hint


def test_a_request_that_waited_for_its_turn_is_retried(time: Time) -> None:
    """The 20 s count from the first attempt, not from when it began to wait for the budget."""
    script = Script(time, ok(), ok(), ok(), refusal(503), ok())
    with api_of(script, time, settings=settings_of(rate_limit=3)) as api:
        api.job("j")
        api.job("j")
        time.now += 30
        api.job("j")
        api.job("j")
    assert script.answers == []


@pytest.mark.parametrize("location", ["https://elsewhere.example/login", "/login", "http://[bad", "", None])
def test_redirects_are_refused_wherever_they_lead(location: str | None, time: Time) -> None:
    """No redirect is followed or asked again, so that the credentials go nowhere else."""
    script = Script(time, refusal(302, {} if location is None else {"Location": location}))
    with api_of(script, time) as api, pytest.raises(BadAnswer, match="redirect"):
        api.job("j")
    assert len(script.requests) == 1


class _Flood(httpx.SyncByteStream):
    def __init__(self) -> None:
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in count():
            self.sent += 1 << 20
            yield b" " * (1 << 20)


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_that_is_too_large_is_refused(packed: bool, time: Time) -> None:
    """No more is read or unpacked than an answer of the API could ever have, and it is not asked again."""
    flood = _Flood()
    answer = httpx.Response(200, stream=flood)
    if packed:
        stream = httpx.ByteStream(zlib.compress(b" " * (MAX_BODY + 1), 1))
        answer = httpx.Response(200, stream=stream, headers={"Content-Encoding": "deflate"})
    with api_of(Script(time, answer), time) as api, pytest.raises(BadAnswer, match="8 MiB"):
        api.job("j")
    assert flood.sent <= MAX_BODY + (2 << 20)


@pytest.mark.parametrize("packing", ["gzip, gzip", "br", "x-gzip", "GZIP,GZIP", "odd" * 99])
def test_a_body_packed_in_what_was_not_asked_for_is_refused(packing: str, time: Time) -> None:
    """Only gzip or deflate, once, is unpacked: anything else could fill the memory with its first kilobytes."""
    script = Script(time, httpx.Response(200, stream=httpx.ByteStream(b"?"), headers={"Content-Encoding": packing}))
    with api_of(script, time) as api, pytest.raises(BadAnswer, match=f"encoded as '{packing[:40].lower()}") as raised:
        api.job("j")
    assert script.requests[0].headers["Accept-Encoding"] == "gzip, deflate"
    assert len(raised.value.message) < 150


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_body_in_several_gzip_members_is_read(size: int, time: Time) -> None:
    """Some servers compress an answer piece by piece; padding after it is not part of it."""
    body = json.dumps(JOB).encode()
    packed = b"".join(gzip.compress(piece) for piece in (body[:9], b"", body[9:])) + bytes(9)
    parts = (packed[at : at + size] for at in range(0, len(packed), size))
    answer = httpx.Response(200, content=parts, headers={"Content-Encoding": "gzip"})
    with api_of(Script(time, answer), time) as api:
        assert api.job("j").raw == JOB


@pytest.mark.parametrize("packing", ["gzip", "deflate", "GZip", "identity", ""])
def test_a_body_packed_in_what_was_asked_for_is_read(packing: str, time: Time) -> None:
    """Both gzip and deflate are unpacked, however they are spelt, and nothing is where nothing was packed."""
    body = json.dumps(JOB).encode()
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(packing.lower(), body)
    answer = httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": packing})
    with api_of(Script(time, answer), time) as api:
        assert api.job("j").raw == JOB


ERROR_BODIES: dict[str, Callable[[], dict[str, object]]] = {
    "endless": lambda: {"stream": _Flood()},
    "packed": lambda: {"stream": httpx.ByteStream(b"?"), "headers": {"Content-Encoding": "br"}},
    "nested": lambda: {"content": b'{"\\u0061": ' + b"[" * 5000},
    "HTML": lambda: {"content": b"<html>"},
    "no text": lambda: {"content": b"\xff"},
    "a list": lambda: {"content": b"[]"},
    "a number": lambda: {"content": b'{"errorMessage": 5}'},
}


@pytest.mark.parametrize(("status", "kind"), [(503, Unreachable), (404, NotFound)])
@pytest.mark.parametrize("spoilt", ERROR_BODIES)
def test_the_body_of_an_error_does_not_matter(status: int, kind: type[ApiError], spoilt: str, time: Time) -> None:
    """The status counts, whatever comes with it; only as much is read as a message needs."""
    bodies = [ERROR_BODIES[spoilt]() for _ in range(50)]
    answers = (httpx.Response(status, **body) for body in bodies)  # type: ignore[arg-type]
    with api_of(Script(time, *answers), time) as api, pytest.raises(kind, match=str(status)):
        api.job("j")
    assert bool(time.slept) is (status == 503)
    assert all(flood.sent <= 1 << 20 for body in bodies if isinstance(flood := body.get("stream"), _Flood))


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"", {}, "sent an empty response for job j"),
        (b"<html>", {"Content-Type": "text/html; charset=x"}, r"not JSON \(text/html\)"),
        (b"{}", {"Content-Encoding": "gzip"}, "cannot be decompressed"),
        (gzip.compress(b'{"a": "b"}', 0, mtime=0)[:-12], {"Content-Encoding": "gzip"}, r"not JSON \(no content type\)"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_asked_for_again(
    body: bytes, headers: dict[str, str], message: str, time: Time
) -> None:
    """A login page, or a response that was damaged on its way, may be gone with the next request."""
    answers = (httpx.Response(200, stream=httpx.ByteStream(body), headers=headers) for _ in range(50))
    with api_of(Script(time, *answers), time) as api, pytest.raises(ApiError, match=message):
        api.job("j")
    assert len(time.slept) > 1


def test_what_breaks_a_rule_of_json_is_read_at_once_and_redacted(time: Time) -> None:
    """Half a surrogate pair costs no other attempt, and the token is removed from what had to be repaired, too."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in TOKEN)
    body = f'{{"name": "Cut\\ud800over {escaped}", "flow": "{TOKEN}"}}'.encode()
    with api_of(Script(time, httpx.Response(200, content=body)), time) as api:
        assert api.job("j").raw == {"name": "Cut\ufffdover ***", "flow": "***"}


def test_cookies_are_not_kept(time: Time) -> None:
    """Cookies of a server are not sent back: they would grow all night."""
    script = Script(time, ok(headers={"Set-Cookie": "session=1; Path=/"}), ok())
    with api_of(script, time) as api:
        api.job("j")
        api.job("j")
    assert "Cookie" not in script.requests[1].headers


BASES = (httpx.HTTPError, httpx.InvalidURL)
HTTPX_ERRORS = [kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, BASES)]
NEVER_AGAIN = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_library_is_mapped(kind: type[BaseException], time: Time) -> None:
    """None escapes: each becomes an error of ours that keeps it as its cause, and tells the server."""
    request = httpx.Request("GET", "https://api.example/")
    answer = {"request": request, "response": httpx.Response(500, request=request)}
    error = kind("it broke", **(answer if issubclass(kind, httpx.HTTPStatusError) else {}))
    assert isinstance(error, Exception)
    script = Script(time, *[error] * 50)
    with api_of(script, time) as api, pytest.raises(ApiError, match=r"api\.example") as raised:
        api.job("j")
    assert type(raised.value) in (Unreachable, BadAnswer)
    assert isinstance(raised.value.__cause__, kind)
    assert (time.slept == []) is issubclass(kind, NEVER_AGAIN)


@pytest.mark.parametrize("base_url", ["https://[v1.a]", f"https://{'a' * 70_000}"])
def test_a_base_url_that_cannot_be_asked_is_an_error_of_ours(base_url: str, time: Time) -> None:
    """A text that only looks like a URL is refused."""
    with pytest.raises(UsageError, match="is not a valid URL"):
        api_of(None, time, settings=settings_of(base_url))


ASKING: dict[str, Callable[[Api, str], object]] = {
    "job": lambda api, long: api.job(long),
    "cursor": lambda api, _: list(api.tasks("j")),
    "level": lambda api, long: api.status("j", "t", Question((long,))),
}


@pytest.mark.parametrize("ask", ASKING)
def test_an_id_or_a_cursor_longer_than_any_url_is_an_error_of_ours(ask: str, time: Time) -> None:
    """Neither what was typed nor what the server sent can end the program."""
    long = "x" * 70_000
    with (
        api_of(lambda _: ok({"data": [], "links": {"next": long}}), time) as api,
        pytest.raises(BadAnswer, match=r"no request can be sent to api\.example"),
    ):
        ASKING[ask](api, long)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/" + "x" * 5000}),
        httpx.Response(302, headers={"Location": f"https://{'x' * 5000}/"}),
        httpx.Response(200, stream=httpx.ByteStream(b""), headers={"Content-Encoding": "x" * 5000}),
        httpx.RemoteProtocolError("bad " + "x" * 5000),
        refusal(503, says="x" * 5000),
    ],
    ids=["content type", "location", "packing", "protocol", "message"],
)
def test_whatever_the_server_says_makes_a_short_message(answer: httpx.Response | Exception, time: Time) -> None:
    """No header and no body can fill a person's screen."""
    with api_of(Script(time, *[answer] * 50), time) as api, pytest.raises(ApiError) as raised:
        api.job("j")
    assert len(raised.value.message) < 400


@pytest.mark.parametrize("kind", [httpx.LocalProtocolError, httpx.RemoteProtocolError])
def test_an_error_that_quotes_the_credentials_is_cleaned(kind: type[httpx.ProtocolError], time: Time) -> None:
    """The token and its encoded form appear in no error, no reason for a wait and no log."""
    observed: list[object] = []
    observers = Observers(observed.append, lambda _, reason: observed.append(reason))
    script = Script(time, *[kind(f"{TOKEN} {PAIR}")] * 50)
    with api_of(script, time, observers=observers) as api, pytest.raises(ApiError, match=r"\*\*\* \*\*\*") as raised:
        api.job("j")
    assert [secret for secret in (TOKEN, PAIR) if secret in f"{raised.value!r} {observed}"] == []


# Observers and the budget


def test_every_attempt_is_observed(time: Time) -> None:
    """Path with query, page, result and seconds of each attempt, and each wait with its reason."""
    exchanges: list[Exchange] = []
    waits: list[tuple[float, str]] = []
    answered: list[tuple[Resource, object]] = []
    observers = Observers(
        exchanges.append,
        lambda seconds, reason: waits.append((seconds, reason)),
        answered=lambda about, answer: answered.append((about, answer)),
    )

    def answer(request: httpx.Request) -> httpx.Response:
        time.now += 2.0
        if len(exchanges) == 1:
            raise httpx.ConnectError("no route")
        return ok({"data": {}}) if exchanges else refusal(503)

    with api_of(answer, time, observers=observers) as api:
        page = api.status("j", "t", Question(("check",), expand=True, cursor="c", page=3))
    assert answered == [(Resource("j", "t", 3), page)]
    path = f"{ROOT}/jobs/j/tasks/t/status?level=check&expandChildren=true&cursor=c"
    assert [(each.path, each.page, each.seconds) for each in exchanges] == [(path, 3, 2.0)] * 3
    assert [exchanges[0].result, exchanges[2].result] == ["503", "200"]
    assert "no route" in exchanges[1].result
    assert [seconds for seconds, _ in waits] == [0.5, 1.0]
    assert "503" in waits[0][1]


@pytest.mark.parametrize(
    ("remaining", "reset", "slept"), [("10", EPOCH + 30, 3.0), ("9" * 5000, EPOCH + 30, 0.0), ("0", None, 0.0)]
)
def test_what_the_server_says_of_the_quota_is_heeded(
    remaining: str, reset: float | None, slept: float, time: Time
) -> None:
    """Colleagues share the quota, so the rest of it slows the next request."""
    headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": remaining}
    if reset is not None:
        headers["X-RateLimit-Reset"] = datetime.fromtimestamp(reset, UTC).isoformat().replace("+00:00", "Z")
    with api_of(Script(time, ok(headers=headers), ok()), time) as api:
        api.job("j")
        api.job("j")
    assert sum(time.slept) == pytest.approx(slept)


def test_the_clock_of_the_api_is_known_by_the_dates_of_its_answers(time: Time) -> None:
    """The latest date that can be read counts: one that a cache kept is old, and an error may be a proxy's."""
    dates = [None, "soon", formatdate(0), formatdate(EPOCH - 90_000), formatdate(EPOCH + 180), formatdate(EPOCH + 60)]
    answers = [ok(headers=None if date is None else {"Date": date}) for date in dates]
    script = Script(time, refusal(503, {"Date": formatdate(EPOCH + 3600)}), *answers)
    times = []
    with api_of(script, time) as api:
        for _ in dates:
            api.job("j")
            times.append(api.server_time())
    assert times == [None, None, None, EPOCH - 90_000, EPOCH + 180, EPOCH + 180]


def test_a_query_does_not_wait_for_minutes_because_another_was_refused(time: Time) -> None:
    """After a 429 that asks for ten minutes the next request fails at once instead of waiting for them."""
    script = Script(time, refusal(429, {"Retry-After": "600"}), ok())
    with api_of(script, time) as api:
        for match in ("asked to wait 600 s", "asked for a pause of 300 s"):
            with pytest.raises(RateLimited, match=match) as raised:
                api.job("j")
            assert raised.value.again
        time.now += 300.0
        assert api.job("j").name == "Cutover"
    assert time.slept == []


def test_a_limit_that_was_hit_holds_everybody(time: Time) -> None:
    """After a 429 no other request goes out before its pause is over."""
    opened: list[Api] = []

    def sleep(seconds: float) -> None:
        if len(time.sent) == 1 and not time.slept:  # while one request waits, another one is made
            time.slept.append(0.0)
            opened[0].job("other")
        time.sleep(seconds)

    script = Script(time, refusal(429, {"Retry-After": "9"}), ok(), ok())
    timing = Timing(time.clock, sleep, share=lambda: 1.0, now=time.wall)
    with closing(Api(settings_of(), timing, transport=httpx.MockTransport(script))) as api:
        opened.append(api)
        api.job("j")
    assert [request.url.path.rpartition("/")[2] for request in script.requests] == ["j", "other", "j"]
    assert time.sent[1] - time.sent[0] >= 9.0


def test_a_view_with_another_patience_counts_in_the_same_budget(time: Time) -> None:
    """In any 60 s no more requests go out than the limit, whatever their policy and sleep; the waits are told."""
    waits: list[tuple[float, str]] = []
    observers = Observers(waiting=lambda seconds, reason: waits.append((seconds, reason)))
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        time.now += seconds

    script = Script(time, ok(), ok(), refusal(503), ok(), ok())
    with api_of(script, time, settings=settings_of(rate_limit=2), observers=observers) as api:
        other = api.with_policy(Policy(base=3.0, give_up_after=50.0), pause)
        api.job("j")
        other.job("j")
        other.job("j")  # waits for its turn, fails, and is asked again
        assert (time.slept, paused) == ([], [WINDOW, 3.0])
        api.job("j")
        assert (time.slept, paused) == ([WINDOW - 3], [WINDOW, 3.0])
    assert [seconds for seconds, _ in waits] == [WINDOW, 3.0, WINDOW - 3]
    assert ["request limit" in reason for _, reason in waits] == [True, False, True]
    assert script.answers == []
