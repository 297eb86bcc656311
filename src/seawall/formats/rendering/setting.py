"""How words are set on the pages of a PDF: styles, lines, rows that go on over pages, what stands on every page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, Literal, cast

from fpdf.enums import Align, MethodReturnValue, TextDirection, WrapMode, XPos, YPos

from seawall.formats.rendering import fonts
from seawall.formats.rendering.tags import Element, TaggedPDF

LEFT: Final = 20.0
RIGHT: Final = 190.0
TOP: Final = 22.0
BOTTOM: Final = 272.0
PADDING: Final = 1.4
KEPT_WHOLE: Final = 8
"""Rows of so many lines or fewer are not divided between pages."""

BLACK: Final = (0, 0, 0)
GREY: Final = (80, 80, 80)
RULE: Final = (150, 150, 150)
RED: Final = (148, 37, 20)
SHADE: Final = (243, 242, 241)
PALE: Final = (248, 232, 229)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """A kind of type: family, size in points, height of a line in millimetres."""

    family: Literal["plain", "exact"] = "plain"
    bold: bool = False
    size: float = 10
    line: float = 5
    colour: Colour = BLACK


TITLE: Final = Style(bold=True, size=21, line=9.5)
SUBTITLE: Final = Style(size=12.5, line=6.5)
HEADING: Final = Style(bold=True, size=12.5, line=6.5)
BODY: Final = Style()
LABEL: Final = Style(bold=True)
EXACT: Final = Style(family="exact", size=8.5)
WARNING: Final = Style(bold=True, size=11, line=5.5, colour=RED)
STRONG: Final = Style(bold=True, size=11, line=5.5)
SMALL: Final = Style(size=7.5, line=3.6, colour=GREY)
SMALL_EXACT: Final = Style(family="exact", size=6.5, line=3.6, colour=GREY)
WATERMARK: Final = Style(bold=True, size=74, line=30, colour=PALE)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is ready to be drawn, and how its paragraph runs."""

    text: str
    shaped: bool = False
    direction: Literal["ltr", "rtl"] = "ltr"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row: its lines, where it stands, and what it is to a reader (``TH`` or ``TD``)."""

    lines: Sequence[Line]
    style: Style
    x: float
    width: float
    kind: Literal["TH", "TD"] = "TD"
    scope: Literal["Row", "Column"] | None = None


Ruled = Literal["grid", "below", "frame"]


class Setter(TaggedPDF):
    """A PDF with the running head, the foot and the fonts of a rendering, that sets lines and rows and turns pages itself."""

    def __init__(self, *, running: str, foot: str, watermark: str, texts: Sequence[str]) -> None:
        super().__init__(format="A4", unit="mm")
        self.set_auto_page_break(False)
        self.set_margins(LEFT, TOP, 210 - RIGHT)
        self.c_margin = 0
        self.alias_nb_pages("")
        self.add_font("plain", "", fonts.FOLDER / fonts.PLAIN)
        self.add_font("plain", "B", fonts.FOLDER / fonts.BOLD)
        self.add_font("exact", "", fonts.FOLDER / fonts.EXACT)
        others = fonts.needed(texts)
        for name in others:
            self.add_font(name, "", fonts.FOLDER / fonts.OTHERS[name])
        self.set_fallback_fonts(["plain", *others], exact_match=False)
        self._running, self._foot, self._watermark = running, foot, watermark

    def header(self) -> None:
        """Draw the watermark and, from the second page on, what document this is."""
        if self._watermark:
            with self.artifact(), self.rotation(50, 105, 148):
                self._use(WATERMARK)
                self._draw(Line(self._watermark), 0, 133, 210, align=Align.C)
        if self.page > 1:
            self._small(self._running, SMALL, LEFT, 11, RIGHT - LEFT)
        self.set_xy(LEFT, TOP)

    def finish(self) -> bytes:
        """Draw the foot of every page, now that their number is known, and return the file.

        fpdf2's own mark for the number of pages is off: it would be replaced in other people's words too.
        """
        for number in self.pages:
            self.page = number
            with self.artifact():
                self._rule(LEFT, 280, RIGHT)
                self._use(SMALL)
                self._draw(Line(f"Page {number} of {self.pages_count}"), RIGHT - 30, 282, 30, align=Align.R)
            self._small(self._foot, SMALL_EXACT, LEFT, 282, 130)
        return bytes(self.output())

    def turn(self) -> None:
        """Begin a new page."""
        self.add_page()
        self.set_xy(LEFT, TOP)

    def need(self, height: float) -> None:
        """Begin a new page unless this much room is left on this one."""
        if self.y + height > BOTTOM and self.y > TOP:
            self.turn()

    def lines(self, text: str, style: Style, width: float) -> list[Line]:
        """Break a text into lines of a width; letters that no font has are written by their number."""
        broken: list[Line] = []
        for paragraph in fonts.fitted(text).split("\n"):
            shaped, direction = fonts.needs_shaping(paragraph), fonts.direction(paragraph)
            self._use(style, shaped=shaped, direction=direction)
            found = self.multi_cell(
                width,
                style.line,
                paragraph,
                dry_run=True,
                output=MethodReturnValue.LINES,
                wrapmode=WrapMode.CHAR if style.family == "exact" else WrapMode.WORD,
            )
            broken.extend(Line(line, shaped, direction) for line in cast(list[str], found))
        return broken

    def flow(
        self, lines: Sequence[Line], style: Style, x: float, width: float, *, ruled_at: float | None = None
    ) -> None:
        """Set lines from here on, over as many pages as they need, with a rule beside them where asked."""
        at = 0
        while at < len(lines):
            room = int((BOTTOM - self.y) // style.line)
            if room < min(2, len(lines) - at):
                self.turn()
                continue
            part = lines[at : at + room]
            top = self.y
            self._set(part, style, x, top, width)
            if ruled_at is not None:
                with self.artifact():
                    self.set_fill_color(*RULE)
                    self.rect(ruled_at, top, 0.8, len(part) * style.line, style="F")
            self.set_xy(LEFT, top + len(part) * style.line)
            at += len(part)

    def row(self, cells: Sequence[Cell], *, ruled: Ruled, head: Sequence[Cell] = ()) -> None:
        """Set a row of a table. One that is too long for its page goes on on the next, below the table's `head` again."""
        count = max(len(cell.lines) for cell in cells)
        line = max(cell.style.line for cell in cells)
        whole = count if count <= KEPT_WHOLE else 3
        with self.group("TR"):
            groups = [self._cell_group(cell) for cell in cells]
            at = 0
            while at < count:
                room = int((BOTTOM - self.y - 2 * PADDING) // line)
                if room < min(whole, count - at):
                    self.turn()
                    if head:
                        self._chunk(head, 0, len(head[0].lines), "grid", None)
                    continue
                self._chunk(cells, at, room, ruled, groups)
                at += room

    def height(self, cells: Sequence[Cell]) -> float:
        """How high a row is that is not divided."""
        return max(len(cell.lines) * cell.style.line for cell in cells) + 2 * PADDING

    def _cell_group(self, cell: Cell) -> Element:
        scope = f"<</O /Table /Scope /{cell.scope}>>" if cell.scope else None
        with self.group(cell.kind, scope) as group:
            return group

    def _chunk(self, cells: Sequence[Cell], at: int, room: int, ruled: Ruled, groups: Sequence[Element] | None) -> None:
        """Draw of each cell the lines from `at` on for which there is room. Without groups it repeats what was read before."""
        parts = [cell.lines[at : at + room] for cell in cells]
        line = max(cell.style.line for cell in cells)
        top, height = self.y, max(len(part) for part in parts) * line + 2 * PADDING
        if all(cell.scope == "Column" for cell in cells):
            with self.artifact():
                self.set_fill_color(*SHADE)
                self.rect(LEFT, top, RIGHT - LEFT, height, style="F")
        for number, (cell, part) in enumerate(zip(cells, parts, strict=True)):
            if groups is None:
                with self.artifact():
                    self._set(part, cell.style, cell.x + PADDING, top + PADDING, cell.width, marked=False)
            elif part:
                with self.within(groups[number]):
                    self._set(part, cell.style, cell.x + PADDING, top + PADDING, cell.width)
        with self.artifact():
            self.set_draw_color(*(BLACK if ruled == "frame" else RULE))
            self.set_line_width(0.5 if ruled == "frame" else 0.2)
            if ruled == "below":
                self.line(LEFT, top + height, RIGHT, top + height)
            elif ruled == "frame":
                self.line(LEFT, top, LEFT, top + height)
                self.line(RIGHT, top, RIGHT, top + height)
            else:
                for cell in cells:
                    self.rect(cell.x, top, cell.width + 2 * PADDING, height)
        self.set_xy(LEFT, top + height)

    def _set(
        self, part: Sequence[Line], style: Style, x: float, y: float, width: float, *, marked: bool = True
    ) -> None:
        reads = "\n".join(line.text for line in part) if any(line.shaped for line in part) else None
        with self.marked(reads=reads) if marked else nullcontext():
            for number, line in enumerate(part):
                self._use(style, shaped=line.shaped, direction=line.direction)
                align = Align.R if line.direction == "rtl" else Align.L
                self._draw(line, x, y + number * style.line, width, height=style.line, align=align)

    def _small(self, text: str, style: Style, x: float, y: float, width: float) -> None:
        """Draw decoration on one line, cut where it is too long."""
        lines = self.lines(text, style, width)
        with self.artifact():
            self._set(lines[:1], style, x, y, width, marked=False)

    def _rule(self, x: float, y: float, until: float) -> None:
        self.set_draw_color(*RULE)
        self.set_line_width(0.2)
        self.line(x, y, until, y)

    def _draw(self, line: Line, x: float, y: float, width: float, *, height: float = 0, align: Align = Align.L) -> None:
        self.set_xy(x, y)
        self.cell(width, height or self.font_size, line.text, align=align, new_x=XPos.LEFT, new_y=YPos.TOP)

    def _use(self, style: Style, *, shaped: bool = False, direction: Literal["ltr", "rtl"] = "ltr") -> None:
        self.set_font(style.family, "B" if style.bold else "", style.size)
        self.set_text_color(*style.colour)
        # Ligatures of Latin letters would only make copying and searching harder.
        way = TextDirection.RTL if direction == "rtl" else TextDirection.LTR
        self.set_text_shaping(shaped, features={"liga": False, "kern": False}, direction=way if shaped else None)
