"""What migstat is measured against: programs that do the least that the same task takes."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
MIGSTAT = str(BIN / "migstat")
PYTHON = sys.executable

HELLO = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    \"\"\"Greet somebody.\"\"\"
    typer.echo(f"Hello {name}")


app()
"""
"""A program of Typer, as its documentation begins."""

BARE_LOOP = """
import json, os
import httpx

base, job = os.environ["MIGSTAT_BASE_URL"], os.environ["MIGSTAT_JOB"]
url = f"{base}/migrations/public/v1/jobs/{job}/tasks/many/status"
auth = (os.environ["MIGSTAT_EMAIL"], os.environ["MIGSTAT_TOKEN"])
children, cursor = {}, None
with httpx.Client(auth=auth, verify=False) as client:
    while True:
        query = {"level": "migrate,projects", "expandChildren": "true"} | ({"cursor": cursor} if cursor else {})
        page = client.get(url, params=query).raise_for_status().json()
        children |= page["data"].get("children", {})
        cursor = page["links"].get("next")
        if not cursor:
            break
for name, child in children.items():
    print(json.dumps({"name": name, **child}))
"""
"""Follows `links.next`, collects the children and prints them, one a line.

It checks and sorts nothing and retries nothing. Authorities are loaded by neither: plain http needs none.
"""


def httpie() -> str:
    """The `http` of HTTPie. Raises LookupError where it is not installed."""
    beside = BIN / "http"
    found = str(beside) if beside.exists() else shutil.which("http", path=os.environ.get("PATH"))
    if found is None:
        raise LookupError("HTTPie is not installed beside migstat: pip install httpie")
    return found
