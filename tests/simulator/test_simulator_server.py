"""The loopback server, asked over real sockets."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migstat.simulator import scenarios
from migstat.simulator.scenario import SimNode
from migstat.simulator.server import Server, serve
from tests.scenarios import JOB, TASK, moved, of_tasks, sim_task

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = SimNode(name="root", children=(moved("migrate", 0, 60),))
SCENARIO = of_tasks(replace(sim_task(ROOT), label="the run"))
JOB_PATH = f"/migrations/public/v1/jobs/{JOB}"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(SCENARIO) as running:
        yield running


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=20)


def ask(
    connection: http.client.HTTPConnection, server: Server, path: str = JOB_PATH, method: str = "GET"
) -> tuple[http.client.HTTPResponse, bytes]:
    credentials = base64.b64encode(f"{server.email}:{server.token}".encode()).decode()
    connection.request(method, path, headers={"Authorization": f"Basic {credentials}"})
    response = connection.getresponse()
    return response, response.read()


def test_requests_are_answered_over_a_connection_that_stays_open(server: Server) -> None:
    """One connection serves many requests, refused ones included, and the server remembers them."""
    assert server.base_url.startswith("http://127.0.0.1:")
    assert (server.job_id, server.task_ids) == (JOB, {"the run": TASK})
    with closing(connect(server)) as connection:
        response, body = ask(connection, server)
        opened = connection.sock
        assert (response.status, json.loads(body)["name"]) == (200, "Jira to the cloud")
        connection.request("POST", JOB_PATH, body=b"x" * 1000)
        refused = connection.getresponse()
        refused.read()
        assert refused.status == 405
        ask(connection, server, f"{JOB_PATH}/tasks?cursor=x")
        assert connection.sock is opened
    assert server.requests == [("GET", JOB_PATH), ("POST", JOB_PATH), ("GET", f"{JOB_PATH}/tasks?cursor=x")]


def test_a_stopped_server_frees_its_port_and_ends_open_connections() -> None:
    """A connection kept alive ends with the server, and its port can be taken again."""
    with serve(SCENARIO) as server:
        connection = connect(server)
        ask(connection, server)
    port = int(server.base_url.rpartition(":")[2])
    with closing(connection), pytest.raises(ConnectionError):
        ask(connection, server)
    with serve(SCENARIO, port=port) as again, closing(connect(again)) as connection:
        assert ask(connection, again)[0].status == 200


def test_stopping_does_not_wait_for_slow_answers() -> None:
    """A client that waits for an answer an hour away hears of the end at once."""
    before = set(threading.enumerate())
    asked = threading.Semaphore(0)

    def clock() -> float:
        asked.release()
        return time.time()

    with serve(SCENARIO, clock=clock) as server:
        server.faults.add("slow", seconds=3600)
        connection = connect(server)
        connection.request("GET", JOB_PATH)
        assert all(asked.acquire(timeout=20) for _ in ("the start", "the request"))
    with closing(connection), suppress(ConnectionError):
        assert connection.getresponse().status == 401
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_faults_are_queued_over_http(server: Server) -> None:
    """The route needs no account, its answer has no body and no length, and the faults meet the next requests."""
    with closing(connect(server)) as connection:
        queue = "/_simulator/faults?kind=503&times=2&retryAfter=2&seconds=0.5"
        connection.request("POST", queue)
        response = connection.getresponse()
        assert (response.status, response.read(), response.getheader("Content-Length")) == (204, b"", None)
        answers = [ask(connection, server)[0] for _ in range(3)]
    assert [(answer.status, answer.getheader("Retry-After")) for answer in answers] == [
        (503, "2"), (503, "2"), (200, None),
    ]  # fmt: skip


def test_many_clients_are_served_at_once() -> None:
    """Threads that walk the same level while time runs all see whole pages."""
    scenario = scenarios.build("cutover")
    pages: list[int] = []

    def walk(server: Server) -> None:
        path = f"/migrations/public/v1/jobs/{server.job_id}/tasks/{server.task_ids['migrate']}/status"
        with closing(connect(server)) as connection:
            for _ in range(20):
                query = "?level=migrate,projects&expandChildren=true"
                pages.append(len(json.loads(ask(connection, server, path + query)[1])["data"]["children"]))

    with serve(scenario, speed=6000, head_start=1700) as server:
        threads = [threading.Thread(target=walk, args=(server,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert pages == [20] * 120
