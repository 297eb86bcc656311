"""A rendering as one page of HTML: complete in itself, readable without style, printable, and unable to run anything."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.formats.rendering.parts import Block, Box, Facts, Heading, Paragraph, Sheet, Statement, Table
from seawall.formats.rendering.sheets import sheet_of

if TYPE_CHECKING:
    from seawall.channels.base import Receipt
    from seawall.channels.document import ReferralDocument, Withdrawal

_STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""The page's Content-Security-Policy. It stands in the page; a server that sends its own policy must allow as much."""


def render_html(
    document: ReferralDocument | Withdrawal,
    *,
    reference: str | None = None,
    receipt: Receipt | None = None,
    clock_words: str | None = None,
) -> str:
    """Write a document as a page of HTML, to be stored or served as UTF-8.

    The page loads nothing, runs nothing and holds no link, so that opening it never visits the content. The arguments are
    those of :func:`~seawall.formats.rendering.sheets.sheet_of`, which raises ValueError for another document's receipt.
    """
    return page_of(sheet_of(document, reference=reference, receipt=receipt, clock_words=clock_words))


def page_of(sheet: Sheet) -> str:
    """Write a sheet as a page of HTML."""
    title, subtitle = escape(sheet.title), escape(sheet.subtitle)
    demonstration = ' class="demonstration"' if sheet.demonstration else ""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en-GB">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="robots" content="noindex, nofollow">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="format-detection" content="telephone=no, address=no, email=no">',
            f"<title>{escape(sheet.running)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            f"<body{demonstration}>",
            "<main>",
            f"<header><h1>{title}</h1><p>{subtitle}</p></header>",
            *(_block(block) for block in sheet.blocks),
            "</main>",
            f"<footer>{escape(sheet.running)}</footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Box(tone, text):
            return f'<p class="box {tone}"><strong>{_said(text)}</strong></p>'
        case Paragraph(number, text):
            return f'<p class="numbered" id="p{number}"><span class="number">{number}.</span> {_said(text)}</p>'
        case Statement(label, text):
            return (
                f'<figure class="statement"><figcaption>{escape(label)}</figcaption>'
                f'<blockquote dir="auto">{escape(text)}</blockquote></figure>'
            )
        case Facts(facts, signed):
            rows = "".join(
                f"<div><dt>{escape(fact.label)}</dt>"
                + (f"<dd><code>{escape(fact.text)}</code></dd>" if fact.exact else f"<dd>{_said(fact.text)}</dd>")
                + "</div>"
                for fact in facts
            )
            return f'<dl class="{"signed" if signed else "facts"}">{rows}</dl>'
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    widths = "".join(f'<col class="w{share}">' for share in table.shares)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{escape(first)}</th>'
        + "".join(f'<td dir="auto">{escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in table.rows
    )
    return (
        f"<table><caption>{_said(table.caption)}</caption><colgroup>{widths}</colgroup>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _said(text: str) -> str:
    """Escape a text and keep what it holds of other scripts from turning the words around it."""
    return f"<bdi>{escape(text)}</bdi>"
