"""Reads a rendering back as a person or a screen reader does: the text of a page, the structure of a PDF."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pypdf
from pypdf.generic import ContentStream

VOID = {"meta", "col"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def page(html: str) -> _Page:
    """Parse a page; every element must be closed where it was opened."""
    parser = _Page()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def squeezed(text: str) -> str:
    """Without any white space, since lines break differently on paper and on screen."""
    return "".join(text.split())


def html_text(html: str) -> str:
    return squeezed(" ".join(page(html).text))


@dataclass
class Node:
    """An element of a PDF's structure: its type, its children, the marks on pages that it stands for, its given text."""

    kind: str
    children: list[Node] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    actual: str | None = None
    scope: str | None = None

    def walk(self) -> list[Node]:
        return [self, *(node for child in self.children for node in child.walk())]


class Pdf:
    """A PDF, read back."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.reader = pypdf.PdfReader(io.BytesIO(raw), strict=True)
        self.root: Any = self.reader.trailer["/Root"]

    @property
    def pages(self) -> int:
        return len(self.reader.pages)

    def text(self) -> str:
        return squeezed(" ".join(page.extract_text() for page in self.reader.pages))

    def structure(self) -> Node:
        """The tree, with the marks of each leaf as (page, number)."""
        numbers = {page.indirect_reference.idnum: n for n, page in enumerate(self.reader.pages)}  # type: ignore[union-attr]

        def node(reference: Any) -> Node:
            found = reference.get_object()
            made = Node(found["/S"], actual=found.get("/ActualText"))
            if "/A" in found:
                made.scope = found["/A"]["/Scope"]
            for child in found["/K"]:
                if isinstance(child, int):
                    made.marks.append((numbers[found.raw_get("/Pg").idnum], int(child)))
                else:
                    made.children.append(node(child))
            return made

        (document,) = self.root["/StructTreeRoot"]["/K"]
        return node(document)

    def marked(self) -> tuple[list[tuple[int, int]], list[str]]:
        """The marks in the order in which they are drawn, and what is drawn outside of marks and artifacts."""
        marks: list[tuple[int, int]] = []
        stray: list[str] = []
        for number, found in enumerate(self.reader.pages):
            depth = 0
            for operands, operator in ContentStream(found.get_contents(), self.reader).operations:
                if operator == b"BDC":
                    marks.append((number, int(operands[1]["/MCID"])))
                    depth += 1
                elif operator == b"BMC":
                    assert operands == ["/Artifact"]
                    depth += 1
                elif operator == b"EMC":
                    depth -= 1
                elif operator in (b"Tj", b"TJ", b"re", b"l", b"S", b"f", b"B") and depth == 0:
                    stray.append(f"page {number + 1}: {operator.decode()}")
            assert depth == 0
        return marks, stray

    def read_aloud(self) -> str:
        """The text by the structure's given texts, for what is drawn in another order than it is read."""
        return " ".join(node.actual for node in self.structure().walk() if node.actual)
