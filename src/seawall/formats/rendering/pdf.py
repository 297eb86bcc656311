"""A rendering as a PDF: A4, numbered pages, the letters of many scripts embedded, the same bytes for the same document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fpdf.prefs import ViewerPreferences

from seawall.formats.rendering.parts import Block, Box, Facts, Heading, Paragraph, Sheet, Statement, Table
from seawall.formats.rendering.setting import (
    BODY,
    BOTTOM,
    EXACT,
    HEADING,
    LABEL,
    LEFT,
    PADDING,
    RIGHT,
    STRONG,
    SUBTITLE,
    TITLE,
    TOP,
    WARNING,
    Cell,
    Ruled,
    Setter,
)
from seawall.formats.rendering.sheets import sheet_of

if TYPE_CHECKING:
    from seawall.channels.base import Receipt
    from seawall.channels.document import ReferralDocument, Withdrawal

_WIDTH = RIGHT - LEFT
_INDENT = 11.0
_LABELS = 50.0
_KEPT_TOGETHER = 45.0


def render_pdf(
    document: ReferralDocument | Withdrawal,
    *,
    reference: str | None = None,
    receipt: Receipt | None = None,
    clock_words: str | None = None,
) -> bytes:
    """Write a document as a PDF.

    The same arguments give the same bytes for as long as the fonts and the versions of fpdf2, fontTools and HarfBuzz stay the
    same, so that the file's SHA-256 can be recorded; its date is the document's. The arguments are those of
    :func:`~seawall.formats.rendering.sheets.sheet_of`, which raises ValueError for another document's receipt.
    """
    return pdf_of(sheet_of(document, reference=reference, receipt=receipt, clock_words=clock_words))


def pdf_of(sheet: Sheet) -> bytes:
    """Write a sheet as a PDF."""
    pdf = Setter(
        running=sheet.running,
        foot=f"SHA-256 {sheet.digest}",
        watermark="DEMONSTRATION" if sheet.demonstration else "",
        texts=[*sheet.texts(), sheet.running],
    )
    pdf.set_title(sheet.running)
    pdf.set_author(sheet.author)
    pdf.set_subject(f"{sheet.schema}, SHA-256 {sheet.digest}")
    pdf.set_creator("Seawall")
    pdf.set_lang("en-GB")
    pdf.set_creation_date(sheet.made_at)
    pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
    pdf.turn()
    _top(pdf, sheet)
    for number, block in enumerate(sheet.blocks):
        following = sheet.blocks[number + 1] if number + 1 < len(sheet.blocks) else None
        _block(pdf, block, following)
    return pdf.finish()


def _top(pdf: Setter, sheet: Sheet) -> None:
    with pdf.group("H1"):
        pdf.flow(pdf.lines(sheet.title, TITLE, _WIDTH), TITLE, LEFT, _WIDTH)
    with pdf.group("P"):
        pdf.flow(pdf.lines(sheet.subtitle, SUBTITLE, _WIDTH), SUBTITLE, LEFT, _WIDTH)
    with pdf.artifact():
        pdf.set_fill_color(0, 0, 0)
        pdf.rect(LEFT, pdf.y + 2.5, _WIDTH, 1, style="F")
    pdf.set_xy(LEFT, pdf.y + 7)


def _block(pdf: Setter, block: Block, following: Block | None) -> None:
    match block:
        case Heading(text):
            _heading(pdf, text, following)
        case Box():
            _box(pdf, block)
        case Paragraph(number, text):
            _paragraph(pdf, number, text)
        case Statement():
            _statement(pdf, block)
        case Facts():
            _facts(pdf, block)
        case Table():
            _table(pdf, block)


def _heading(pdf: Setter, text: str, following: Block | None) -> None:
    whole = sum(pdf.height(row) for row in _fact_rows(pdf, following)) if _is_signed(following) else 18.0
    pdf.need(4 + HEADING.line + 1.5 + min(whole, BOTTOM - TOP - 20))
    pdf.set_xy(LEFT, pdf.y + (4 if pdf.y > TOP else 0))
    with pdf.group("H2"):
        pdf.flow(pdf.lines(text, HEADING, _WIDTH), HEADING, LEFT, _WIDTH)
    pdf.set_xy(LEFT, pdf.y + 1.5)


def _is_signed(block: Block | None) -> bool:
    return isinstance(block, Facts) and block.signed


def _box(pdf: Setter, box: Box) -> None:
    style = WARNING if box.tone == "demonstration" else STRONG
    lines = pdf.lines(box.text, style, _WIDTH - 8)
    height = len(lines) * style.line + 5
    pdf.need(height)
    top = pdf.y
    with pdf.artifact():
        pdf.set_draw_color(*style.colour)
        pdf.set_line_width(0.8)
        pdf.rect(LEFT, top, _WIDTH, height)
    pdf.set_xy(LEFT, top + 2.5)
    with pdf.group("P"):
        pdf.flow(lines, style, LEFT + 4, _WIDTH - 8)
    pdf.set_xy(LEFT, top + height + 3)


def _paragraph(pdf: Setter, number: int, text: str) -> None:
    lines = pdf.lines(text, BODY, _WIDTH - _INDENT)
    pdf.need(min(len(lines), 3) * BODY.line)
    with pdf.group("P"):
        top = pdf.y
        pdf.flow(pdf.lines(f"{number}.", BODY, _INDENT), BODY, LEFT, _INDENT)
        pdf.set_xy(LEFT, top)
        pdf.flow(lines, BODY, LEFT + _INDENT, _WIDTH - _INDENT)
    pdf.set_xy(LEFT, pdf.y + 2)


def _statement(pdf: Setter, statement: Statement) -> None:
    x, width = LEFT + _INDENT + 4, _WIDTH - _INDENT - 4
    label, lines = pdf.lines(statement.label, LABEL, width), pdf.lines(statement.text, BODY, width)
    pdf.need((len(label) + min(len(lines), 3)) * BODY.line)
    with pdf.group("BlockQuote"):
        with pdf.group("P"):
            pdf.flow(label, LABEL, x, width, ruled_at=LEFT + _INDENT)
        with pdf.group("P"):
            pdf.flow(lines, BODY, x, width, ruled_at=LEFT + _INDENT)
    pdf.set_xy(LEFT, pdf.y + 3)


def _fact_rows(pdf: Setter, block: Block | None) -> list[list[Cell]]:
    inner = 2 * PADDING
    rows = []
    for fact in block.facts if isinstance(block, Facts) else ():
        style = EXACT if fact.exact else BODY
        width = _WIDTH - _LABELS
        label = pdf.lines(fact.label, LABEL, _LABELS - inner)
        value = pdf.lines(fact.text, style, width - inner)
        rows.append(
            [
                Cell(label, LABEL, LEFT, _LABELS - inner, "TH", "Row"),
                Cell(value, style, LEFT + _LABELS, width - inner),
            ]
        )
    return rows


def _facts(pdf: Setter, block: Facts) -> None:
    rows = _fact_rows(pdf, block)
    ruled: Ruled = "frame" if block.signed else "below"
    together = sum(pdf.height(row) for row in rows)
    pdf.need(together if together <= _KEPT_TOGETHER else 0)
    with pdf.group("Table"):
        _edge(pdf, framed=block.signed)
        for row in rows:
            pdf.row(row, ruled=ruled)
        if block.signed:
            _edge(pdf, framed=True)
    pdf.set_xy(LEFT, pdf.y + 3)


def _edge(pdf: Setter, *, framed: bool) -> None:
    with pdf.artifact():
        pdf.set_draw_color(*((0, 0, 0) if framed else (150, 150, 150)))
        pdf.set_line_width(0.5 if framed else 0.2)
        pdf.line(LEFT, pdf.y, RIGHT, pdf.y)


def _table(pdf: Setter, table: Table) -> None:
    widths = [_WIDTH * share / 100 for share in table.shares]
    starts = [LEFT + sum(widths[:number]) for number in range(len(widths))]

    def cells(texts: Sequence[str], *, head: bool) -> list[Cell]:
        made = []
        for number, (text, x, width) in enumerate(zip(texts, starts, widths, strict=True)):
            style = LABEL if head else BODY
            cell = Cell(pdf.lines(text, style, width - 2 * PADDING), style, x, width - 2 * PADDING)
            if head:
                cell = replace(cell, kind="TH", scope="Column")
            elif number == 0:
                cell = replace(cell, kind="TH", scope="Row")
            made.append(cell)
        return made

    head = cells(table.columns, head=True)
    rows = [cells(row, head=False) for row in table.rows]
    caption = pdf.lines(table.caption, LABEL, _WIDTH)
    first = min(pdf.height(rows[0]), 40.0) if rows else 0.0
    pdf.need(len(caption) * LABEL.line + pdf.height(head) + first)
    with pdf.group("Table"):
        with pdf.group("Caption"):
            pdf.flow(caption, LABEL, LEFT, _WIDTH)
        pdf.set_xy(LEFT, pdf.y + 1)
        pdf.row(head, ruled="grid")
        for row in rows:
            pdf.row(row, ruled="grid", head=head)
    pdf.set_xy(LEFT, pdf.y + 4)
