"""Referrals, notices, orders and withdrawals as people read them: a page of HTML, and a PDF with the same words.

Both are made from one `Sheet`, so that they cannot say different things. The machine-readable document stays what is sent,
hashed and receipted; a rendering names its digest.
"""

from __future__ import annotations

from seawall.formats.rendering.html import POLICY, render_html
from seawall.formats.rendering.parts import Sheet
from seawall.formats.rendering.pdf import render_pdf
from seawall.formats.rendering.sheets import sheet_of

__all__ = ["POLICY", "Sheet", "render_html", "render_pdf", "sheet_of"]
