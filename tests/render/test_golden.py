"""The tables of every command in every scenario, as text that someone has looked at.

Time stands still. `MIGSTAT_UPDATE_GOLDEN=1 python -m pytest tests/render/test_golden.py` writes the files again. Look
at every difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from migstat.simulator.scenarios import build
from migstat.simulator.server import serve
from tests.command_line import environ_of, migstat
from tests.servers import NOW

pytestmark = pytest.mark.zone("UTC")

FOLDER = Path(__file__).parents[1] / "golden"
COMMANDS = ("status", "checks", "projects", "tasks", "artifacts")
MORE = ("status -o tree", "checks --details", "projects --all")
"""What is looked at in two windows only: narrow, and without Unicode."""
MOMENTS = {
    "cutover": 0.55, "cutover-begins": 0.02, "cutover-ended": 1.1, "projects-failing": 0.55,
    "projects-failing-ended": 1.1, "failing": 1.6, "confluence": 0.55, "checks": 0.55, "refused": 0.55,
    "users-only": 0.55, "flaky": 0.55, "huge": 0.55, "waves": 0.55,
}  # fmt: skip
"""Files by scenario, and how much of it is over then."""

NOTICE = re.compile(r"(?:\r\x1b\[K[^\r\n]*)*\r\x1b\[K")
"""What a slow machine shows while it reads."""


@pytest.mark.parametrize(
    ("moment", "width", "encoding"),
    [
        *(
            pytest.param(name, width, "utf-8", marks=pytest.mark.slow if name in ("flaky", "huge") else ())
            for name in MOMENTS
            for width in (80, 120)
        ),
        ("projects-failing", 100, "ascii"),
        ("cutover-ended", 40, "utf-8"),
    ],
)
def test_tables_are_as_they_were_when_someone_looked_at_them(
    moment: str, width: int, encoding: str, tmp_path: Path
) -> None:
    """Every command shows the text of its file, and no line of it is wider than the window."""
    scenario = build(moment.removesuffix("-begins").removesuffix("-ended"))
    begin = scenario.duration * MOMENTS[moment]
    with serve(scenario, head_start=begin, clock=lambda: NOW, speed=1.0, rate_limit=None) as server:
        config = tmp_path / "config.toml"
        config.write_text("".join(f'[targets.{name}]\njob = "{job}"\n' for name, job in server.job_ids.items()))
        environ = environ_of(server) | {"NO_COLOR": "1", "MIGSTAT_CONFIG": str(config), "MIGSTAT_OUTPUT": "table"}
        shown = ""
        more = ("job",) * (moment != "huge") + MORE * (width in (40, 100))  # no one reviews a definition of 5000 keys
        for command in (*COMMANDS, *more, "targets"):
            screen = migstat(
                command.split(),
                environ,
                terminal=True,
                err_terminal=True,
                columns=width,
                encoding=encoding,
                now=lambda: NOW,
            )
            assert all(len(line) <= width for line in screen.out.splitlines())
            shown += f"$ migstat {command}\n{screen.out}{NOTICE.sub('', screen.err)}\n"
    file = FOLDER / f"{moment}-{width}.txt"
    if os.environ.get("MIGSTAT_UPDATE_GOLDEN"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
