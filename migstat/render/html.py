"""The shell of every page: one self-contained file that loads nothing, for light and dark, phones and projectors.

A page is made of `Markup`; any other text is escaped as it enters, so that nothing a server says becomes a tag.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from migstat.model.nodes import State
from migstat.render.text import harmless
from migstat.render.theme import UNICODE

LONGEST = 500
"""Characters of one text at most; the commands show all of it."""


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Escape text from anywhere, on one line of at most LONGEST characters."""
    if isinstance(value, Markup):
        return value
    shown = harmless(value[: LONGEST + 1])  # cut first: a message may be megabytes long
    return Markup(escape(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"))


def tag(name: str, *content: str, **attributes: str | None) -> Markup:
    """An element and its content; an attribute that is None is left out, and `class_` is `class`."""
    written = "".join(
        f' {key.strip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{name}{written}>{''.join(map(text, content))}</{name}>")


def mark(state: State, words: str) -> Markup:
    """The glyph of a state, and words in its color; the words must say as much as glyph and color do."""
    glyph = tag("span", UNICODE.states[state], aria_hidden="true")
    return tag("span", glyph, Markup("&nbsp;"), words, class_=state)


def page(title: str, *body: str, style: str = "", script: str = "", refresh: int | None = None) -> str:
    """A whole page around the elements of its body.

    The page's own policy allows only this style and this script, and no `style` attributes. If scripts do not run,
    the page reloads itself every `refresh` seconds.
    """
    style, script = STYLE + style, script.strip()
    # Escaping already keeps foreign text from becoming markup; should it ever fail, the policy still runs nothing.
    policy = f"default-src 'none'; img-src data:; connect-src 'self'; style-src {_only(style)}; base-uri 'none'"
    policy += f"; form-action 'none'; script-src {_only(script)}"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n',
            f'<noscript><meta http-equiv="refresh" content="{refresh}"></noscript>\n' if refresh else "",
            f"<title>{text(title)}</title>\n",
            '<link rel="icon" href="data:,">\n',  # or a browser would ask the server for one
            f"<style>{style}</style>\n</head>\n<body>\n",
            "\n".join(map(text, body)),
            f"\n<script>{script}</script>" if script else "",
            "\n</body>\n</html>\n",
        )
    )


def _only(source: str) -> str:
    """The policy that allows exactly this source."""
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'" if source else "'none'"


STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1e21; --quiet: #595f69; --line: #d5d9df; --panel: #f4f5f7;
  --failed: #b3141c; --missing: #85308b; --warning: #8a4a00; --running: #0a5cad; --succeeded: #17692b }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e8eaed; --quiet: #a3abb6; --line: #383e47; --panel: #1e2329;
    --failed: #ff8379; --missing: #dd9be2; --warning: #ecb04f; --running: #74b8ff; --succeeded: #66c777 } }
html { font: clamp(1rem, .75rem + .6vw, 1.6rem)/1.4 system-ui, sans-serif; overflow-wrap: anywhere }
body { margin: 0; padding: 1rem clamp(.75rem, 2vw, 2.5rem); background: var(--paper); color: var(--ink) }
h1, h2, p, ul, ol { margin: 0; padding: 0 }
h1 { font-size: 1.25rem } h2 { font-size: 1rem; margin: 1.25rem 0 .35rem }
ul, ol { list-style: none }
table { border-collapse: collapse } th { text-align: start; font-weight: 600 }
.failed { color: var(--failed) } .missing { color: var(--missing) } .warning { color: var(--warning) }
.running { color: var(--running) } .succeeded { color: var(--succeeded) }
.pending, .skipped, .quiet { color: var(--quiet) }
.number { font-variant-numeric: tabular-nums }
progress { accent-color: var(--running); width: 100% }
@media print { :root { color-scheme: light } details::details-content { content-visibility: visible } }
"""
