"""The file of accepted checks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from migstat.errors import UsageError
from migstat.model.acceptance import Acceptance
from migstat.settings.acceptances import acceptances_from

GOOD = '[Mail]\nreason = "on purpose"\nuntil = 2026-12-01\n'


def test_a_file_holds_entries_by_name(tmp_path: Path) -> None:
    """Reason and day are enough; a byte order mark and an empty file are fine."""
    file = tmp_path / "a.toml"
    file.write_bytes(
        b"\xef\xbb\xbf" + (GOOD + '["a.b c"]\nreason="r"\nby="M"\nuntil=2027-01-31\noccurrences=0').encode()
    )
    found = acceptances_from((str(file), "--accepted"))
    assert found is not None
    assert found.entries == {
        "Mail": Acceptance(reason="on purpose", until=date(2026, 12, 1)),
        "a.b c": Acceptance(reason="r", until=date(2027, 1, 31), by="M", occurrences=0),
    }
    file.write_text("")
    empty = acceptances_from((str(file), "--accepted"))
    assert empty is not None
    assert empty.entries == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[Mail]\nuntil = 2026-12-01", "Mail has no reason"),
        ('[Mail]\nreason = "r"', "Mail has no until"),
        ('[Mail]\nreason = ""\nuntil = 2026-12-01', "Mail.reason: must be a non-empty string, not an empty string"),
        ("[Mail]\nreason = 3\nuntil = 2026-12-01", "Mail.reason: must be a non-empty string, not 3"),
        (GOOD + "by = true", "Mail.by: must be a non-empty string, not true or false"),
        ('[Mail]\nreason = "r"\nuntil = "2026-12-01"',
         "Mail.until: must be a date such as 2026-12-01, without quotes, not a string"),
        ('[Mail]\nreason = "r"\nuntil = 2026-12-01T10:00:00Z', "Mail.until: must be a date such as 2026-12-01"),
        ('[Mail]\nreason = "r"\nuntil = 2026-12-01T10:00:00Z', "not a date with a time"),
        (GOOD + "occurrences = -1", "Mail.occurrences: must be a whole number, 0 or more, not -1"),
        (GOOD + "occurrences = true", "Mail.occurrences: must be a whole number, 0 or more, not true or false"),
        (GOOD + "occurrences = 1.5", "Mail.occurrences: must be a whole number, 0 or more, not a fraction"),
        (GOOD + "untill = 2026-12-01", "Mail.untill: unknown key"),
        (GOOD + '["x y".z]\nreason = "r"', '"x y".z: unknown key'),
        ('reason = "r"', "reason: must be a table, not a string"),
        ("[[Mail]]\n", "Mail: must be a table, not a list"),
        ("[Mail\n", "invalid TOML"),
        ("\udcff", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_an_error_that_names_key_and_type(tmp_path: Path, content: str, message: str) -> None:
    """An error names the key, and the value that is there instead."""
    file = tmp_path / "a.toml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as error:
        acceptances_from((str(file), "--accepted"))
    assert message in error.value.message
    assert "a.toml" in error.value.message
