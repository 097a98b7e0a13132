"""The thirteen documented request/response pairs, asked through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.servers import NOT_FOUND, Answer, Asked, Scripted, answering

PAIRS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "examples.json").read_text(encoding="utf-8"))
ANSWERED = [pair for pair in PAIRS if pair["response"]["data"]]
EMPTY = [pair for pair in PAIRS if not pair["response"]["data"]]


def pair_id(pair: dict[str, Any]) -> str:
    return "-".join((pair["task"], *pair["query"].values()))


def documented(asked: Asked) -> Answer:
    """Answer a documented question as documented, a further page with the last one, and anything else with 404."""
    match asked.segments:
        case ("jobs", "job-1", "tasks", task, "status"):
            cursor = asked.query.get("cursor")
            question = {name: value for name, value in asked.query.items() if name != "cursor"}
            for pair in PAIRS:
                if (pair["task"], pair["query"]) == (task, question):
                    if cursor is None:
                        return Answer(pair["response"])
                    if cursor == pair["response"]["links"].get("next"):
                        return Answer({"data": {}, "links": {}})
    return NOT_FOUND


@pytest.fixture(scope="module")
def api() -> Iterator[Scripted]:
    with answering(documented) as running:
        yield running


def words_of(pair: dict[str, Any]) -> list[str]:
    level, depth = pair["query"].get("level"), "1" if "expandChildren" in pair["query"] else "0"
    return ["status", "job-1", pair["task"], *(["--level", level] if level else []), "--depth", depth]


@pytest.mark.parametrize("pair", ANSWERED, ids=pair_id)
def test_a_documented_answer_is_passed_on_as_it_came(api: Scripted, pair: dict[str, Any]) -> None:
    """With --raw the whole answer is what the API sent, all pages merged, so without a next one."""
    result = api.ask(*words_of(pair), "--raw")
    links = {name: cursor for name, cursor in pair["response"]["links"].items() if name != "next"}
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {"data": pair["response"]["data"], "links": links}


@pytest.mark.parametrize("pair", EMPTY, ids=pair_id)
@pytest.mark.parametrize("flag", ["--raw", "--json"])
def test_the_empty_answer_is_a_level_that_there_is_not(api: Scripted, pair: dict[str, Any], flag: str) -> None:
    """An answer with empty data ends with code 5, an error and no data."""
    result = api.ask(*words_of(pair), flag)
    assert (result.code, result.out) == (5, "")
    assert 1 <= len(result.err.splitlines()) <= 2
    assert "not found" in result.err


def iso(millis: int | None) -> str | None:
    """Return what the documents write for an instant, computed apart from the program."""
    return None if millis is None else f"{datetime.fromtimestamp(millis // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def published(level: list[str], sent: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a NODE that a sent node fixes; those of time depend on more."""
    details = sent.get("details", {})
    progress = sent.get("progressDetails", {})
    return {
        "name": level[-1] if level else "",
        "level": level,
        "status": sent.get("status"),
        "outcome": sent.get("outcome"),
        "message": sent.get("message"),
        "createdAt": iso(details.get("createdAt")),
        "startedAt": iso(details.get("startedAt")),
        "lastUpdatedAt": iso(details.get("lastUpdatedAt")),
        "percent": progress.get("percent") if progress.get("isSupported") else None,
        "progress": [
            {name: each.get(name) for name in ("name", "processed", "total")} for each in progress.get("data", ())
        ],
        "excludable": details.get("excludable"),
        "description": details.get("description"),
        "occurrences": details.get("occurrences", []),
        "details": details,
    }


@pytest.mark.parametrize("pair", ANSWERED, ids=pair_id)
def test_a_documented_answer_becomes_a_published_node(api: Scripted, pair: dict[str, Any]) -> None:
    """With --json the node and its children hold the documented fields, and an ended node the time it took."""
    result = api.ask(*words_of(pair), "--json")
    assert (result.code, result.err) == (0, "")
    got = json.loads(result.out)["node"]
    sent = pair["response"]["data"]
    level = pair["query"].get("level", "").split(",") if "level" in pair["query"] else []
    expected = published(level, sent)
    assert {name: got[name] for name in expected} == expected
    details = sent.get("details", {})
    if sent.get("outcome") and "startedAt" in details:
        assert got["elapsedSeconds"] == (details["lastUpdatedAt"] - details["startedAt"]) // 1000
    children = None if got["children"] is None else {child["name"]: child for child in got["children"]}
    if "expandChildren" not in pair["query"]:
        assert children is None
        return
    assert children is not None
    assert children.keys() == sent["children"].keys()
    for name, child in sent["children"].items():
        expected = published([*level, name], child)
        assert {key: children[name][key] for key in expected} == expected
        assert children[name]["children"] is None
