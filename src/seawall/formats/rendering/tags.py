"""A PDF that says what its parts are, so that it can be read aloud: headings, paragraphs, tables with their headings.

fpdf2 tags pictures only. What is here builds the tree of ISO 32000-1, 14.7 and 14.8, on the classes with which fpdf2 writes
its own; they are internal to fpdf2, so tests/formats read the finished file's tree. No claim to PDF/UA is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fpdf import FPDF
from fpdf.structure_tree import StructElem, StructureTreeBuilder
from fpdf.syntax import PDFObject, PDFString


class Element(StructElem):
    """A part of the document's structure: groups others, or stands for what is drawn on one page."""

    def __init__(self, kind: str, parent: PDFObject, page: int, attributes: str | None) -> None:
        super().__init__(struct_type=f"/{kind}", parent=parent, kids=[], page_number=page)
        self.a = attributes
        self.actual_text: PDFString | None = None


class _Tree(StructureTreeBuilder):
    def __iter__(self) -> Iterator[PDFObject]:
        yield self.struct_tree_root
        yield self.doc_struct_elem
        yield self.struct_tree_root.parent_tree
        yield from _below(self.doc_struct_elem)


def _below(element: StructElem) -> Iterator[PDFObject]:
    for child in element.k:
        if isinstance(child, StructElem):
            yield child
            yield from _below(child)


class TaggedPDF(FPDF):
    """Draw each thing in :meth:`marked`, inside the :meth:`group` that it belongs to, or as an :meth:`artifact`.

    A page must not end in any of the three but :meth:`group`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.struct_builder = _Tree()
        self._open: list[StructElem] = [self.struct_builder.doc_struct_elem]
        self._marks: Counter[int] = Counter()

    @contextmanager
    def group(self, kind: str, attributes: str | None = None) -> Iterator[Element]:
        """Open a part of the structure, such as ``Table`` or ``P``; `attributes` is a dictionary in PDF's own notation."""
        element = self._element(kind, attributes)
        with self.within(element):
            yield element

    @contextmanager
    def within(self, element: Element) -> Iterator[None]:
        """Go on with a part that was opened before, for what continues on another page."""
        self._open.append(element)
        try:
            yield
        finally:
            self._open.pop()

    @contextmanager
    def marked(self, kind: str = "Span", *, reads: str | None = None) -> Iterator[None]:
        """Mark what is drawn on this page; `reads` is its text where the drawn letters stand in another order."""
        element = self._element(kind, None)
        element.actual_text = PDFString(reads) if reads is not None else None
        mark = self._marks[self.page]
        self._marks[self.page] += 1
        element.k.append(mark)
        parents = self.struct_builder.spid_per_page_number.setdefault(
            self.page, len(self.struct_builder.spid_per_page_number)
        )
        self.struct_builder.struct_tree_root.parent_tree.nums[parents].append(element)
        self.pages[self.page].struct_parents = parents
        self._out(f"/{kind} <</MCID {mark}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """Mark what is drawn as decoration, to be passed over in reading: rules, page numbers, the watermark."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def _element(self, kind: str, attributes: str | None) -> Element:
        parent = self._open[-1]
        element = Element(kind, parent, self.page, attributes)
        element.pg = self.pages[self.page]  # type: ignore[assignment]  # fpdf2 declares None and sets the page
        parent.k.append(element)
        return element
