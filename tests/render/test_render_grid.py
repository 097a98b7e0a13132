"""Rows of cells laid out for a window: never wider than it, and no word lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from migstat.render.grid import Line, Row, cells, fitted, laid_out, wrapped

WORDS = st.text(
    st.sampled_from("abcXYZ019-_.,:;éß漢字かな한글😀…━"), min_size=1, max_size=30
)  # what is left when texts have been made harmless
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
NAMES = st.text(st.sampled_from("abcXYZ019_漢é"), min_size=1, max_size=60)
STATES = st.sampled_from(["✔ succeeded", "● running", "○ pending", "✖ failed", "unreadable", ""])
LONG_STATES = st.sampled_from(["✖ partially_completed_with_errors", "✖ " + "x" * 90, "▲ 漢字漢字漢字漢字漢字漢字"])
ROWS = st.builds(
    lambda name, state, progress, prose, below, indent: Row(
        ((name, ""), (state, "running"), (progress, "quiet")),
        prose,
        tuple((text, "quiet") for text in below),
        indent,
    ),
    NAMES,
    STATES,
    st.sampled_from(["", "━━━━━━━━────────  50 %", " 50 %", "12 of 40 done"]),
    TEXTS,
    st.lists(TEXTS, max_size=2),
    st.sampled_from(["", "  ", "    ", "│  ├─ ", "   └─ "]),
)


def text_of(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for text, _ in line)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, []),
        ("   ", 10, []),
        ("one", 10, ["one"]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("  one \n two ", 20, ["one two"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("a abcdefgh b", 3, ["a", "abc", "def", "gh", "b"]),
        ("abcdef gh", 6, ["abcdef", "gh"]),
        ("漢字漢字", 4, ["漢字", "漢字"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("a漢字", 3, ["a漢", "字"]),
        ("é é é", 3, ["é é", "é"]),
    ],
)
def test_text_is_wrapped_at_spaces(text: str, width: int, lines: list[str]) -> None:
    """Text is broken at spaces, and only words that do not fit are broken themselves."""
    assert wrapped(text, width) == lines


@given(TEXTS, st.integers(2, 60))
def test_wrapped_text_fits_and_loses_nothing(text: str, width: int) -> None:
    """No wrapped line is wider than the width, none is empty, and all characters are there in their order."""
    lines = wrapped(text, width)
    assert all(0 < cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXTS, st.integers(60, 90))
def test_words_that_fit_are_kept_whole(text: str, width: int) -> None:
    """A word that fits a line is never broken."""
    assert " ".join(wrapped(text, width)).split() == text.split()


@pytest.mark.parametrize(
    ("text", "width", "more", "shown"),
    [
        ("abc", 5, "…", "abc  "),
        ("abc", 3, "…", "abc"),
        ("abcdef", 3, "…", "ab…"),
        ("abcdef", 5, "...", "ab..."),
        ("abcdef", 3, "...", "abc"),
        ("abcdef", 4, "", "abcd"),
        ("漢字漢", 4, "…", "漢 …"),
        ("漢字", 4, "…", "漢字"),
        ("漢字", 6, "…", "漢字  "),
        ("", 3, "…", "   "),
    ],
)
def test_a_cell_is_padded_or_cut(text: str, width: int, more: str, shown: str) -> None:
    """A cell takes exactly its width, and says where it was cut."""
    assert fitted(text, width, more) == shown


@given(TEXTS, st.integers(1, 60), st.sampled_from(["…", "...", ""]))
def test_a_fitted_cell_takes_exactly_its_width(text: str, width: int, more: str) -> None:
    """A cell is as wide as asked, begins as its text does, and is cut only where the text is too wide."""
    shown = fitted(text, width, more)
    assert cell_len(shown) == width
    if cell_len(text) <= width:
        assert shown.rstrip() == text.rstrip()
    elif more and width > len(more):
        assert shown.endswith(more)
        assert text.startswith(shown.removesuffix(more).rstrip(" "))


@given(TEXTS)
def test_cells_are_counted_as_a_terminal_does(text: str) -> None:
    """A text takes as many cells as a terminal gives it."""
    assert cells(text) == cell_len(text)


@given(st.lists(ROWS, max_size=6), st.integers(20, 200), st.booleans())
def test_no_line_is_wider_than_the_window(rows: list[Row], width: int, named: bool) -> None:
    """Whatever the cells hold, no line is wider than the window or ends in spaces."""
    header = ("NAME", "STATE", "PROGRESS", "MESSAGE") if named else ()
    for line in laid_out(rows, width, header=header):
        assert cell_len(text_of(line)) <= width
        assert text_of(line) == text_of(line).rstrip()


@given(NAMES, LONG_STATES, TEXTS, st.integers(20, 100))
def test_a_long_state_does_not_widen_the_window(name: str, state: str, prose: str, width: int) -> None:
    """A state that nobody knows and that is long is cut, too."""
    rows = [Row(((name, ""), (state, "failed"), ("", ""), ("1h 37m", "quiet")), prose)]
    assert all(cell_len(text_of(line)) <= width for line in laid_out(rows, width))


@given(st.lists(ROWS, min_size=1, max_size=6), st.integers(20, 200))
def test_no_word_of_prose_is_lost(rows: list[Row], width: int) -> None:
    """All prose, and all that stands below a row, is there in its order."""
    text = "".join("".join(map(text_of, laid_out(rows, width))).split())
    at = 0
    for row in rows:
        for prose in (row.prose, *(below for below, _ in row.below)):
            wanted = "".join(prose.split())
            # words beside the columns are broken over lines that hold nothing else
            found = text.find(wanted, at)
            assert found >= 0
            at = found + len(wanted)


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_columns_stand_below_each_other(rows: list[Row]) -> None:
    """In a wide window every name is whole, and the second column begins at the same cell in every row."""
    lines = [text_of(line) for line in laid_out([Row(row.cells, indent=row.indent) for row in rows], 200)]
    begin = 2 + max(cell_len(row.indent + row.cells[0][0]) for row in rows)
    for row, line in zip(rows, lines, strict=True):
        assert line.startswith(row.indent + row.cells[0][0])
        state = row.cells[1][0]
        if state:
            assert cell_len(line[: line.index(state, len(row.indent + row.cells[0][0]))]) == begin


def test_prose_goes_beside_the_columns_where_there_is_room() -> None:
    """Prose is wrapped beside the columns in a wide window and below them in a narrow one."""
    row = Row((("NAME", ""), ("ok", "")), "some words of a message that says a lot about it")
    wide = [text_of(line) for line in laid_out([row], 40)]
    assert wide == ["NAME  ok  some words of a message that", "          says a lot about it"]
    narrow = [text_of(line) for line in laid_out([row], 24)]
    assert narrow == ["NAME  ok", "    some words of a", "    message that says a", "    lot about it"]


def test_a_header_names_the_columns() -> None:
    """The header stands above the columns, with a name for prose only where there is any."""
    row = Row((("NAME", ""), ("ok", "")), "words")
    assert text_of(laid_out([row], 60, header=("A", "LONGER", "MESSAGE"))[0]) == "A     LONGER  MESSAGE"
    bare = Row((("NAME", ""), ("ok", "")))
    assert text_of(laid_out([bare], 60, header=("A", "LONGER", "MESSAGE"))[0]) == "A     LONGER"
    assert laid_out([], 60) == []


def test_the_first_column_gives_way() -> None:
    """Where the window is narrow the first column is cut and marked, and the others are whole."""
    rows = [Row((("x" * 50, ""), ("● running", "running")))]
    lines = [text_of(line) for line in laid_out(rows, 40)]
    assert lines == ["x" * 28 + "…  ● running"]
