"""Reading the visible text of a hostile HTML page, in time linear in its length.

The standard library's parser backtracks on malformed markup; this one reads forward only. It does not build a tree:
it needs the text, where each element's text begins and ends, the description that a page drawn by script gives to
link previews, and whether a marker attribute is present.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

# fmt: off
_INLINE: Final = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "small",
    "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
})
_VOID: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})
# fmt: on
_RAW: Final = {
    name: re.compile(f"</{name}(?![a-z0-9])", re.IGNORECASE)
    for name in ("script", "style", "template", "iframe", "noembed", "noframes", "xmp")
}
_DESCRIPTIONS: Final = frozenset({"description", "og:description", "twitter:description"})
_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,63}")
_TURN = re.compile("[>\"']")
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_MAX_OPEN = 512
_DIGEST_BUDGET = 8_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """`text` is the page's visible text, not yet normalised; `elements` are the spans of its elements in it."""

    text: str
    elements: tuple[tuple[int, int], ...]
    restricted: bool

    def holds(self, text: str) -> bool:
        """Tell whether `text` is visible on the page, however its whitespace is laid out."""
        return normalise(text) in normalise(self.text)

    def holds_digest(self, digest: str) -> bool:
        """Tell whether some element's whole text has this SHA-256, as written (trimmed) or normalised."""
        budget = _DIGEST_BUDGET
        for begin, end in (*self.elements, (0, len(self.text))):
            budget -= end - begin + 32
            if budget < 0:
                return False
            written = self.text[begin:end].strip()
            if digest in (_sha256(written), text_digest(written)):
                return True
        return False


def normalise(text: str) -> str:
    """Return `text` in Unicode form C, each run of whitespace as one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_digest(text: str) -> str:
    """Return the hex SHA-256 of the normalised text in UTF-8."""
    return _sha256(normalise(text))


def decode(body: bytes, content_type: str) -> str:
    """Decode a body by its header, else its first kilobyte's declaration, else UTF-8; never fails."""
    declared = _CHARSET.search(content_type) or _CHARSET.search(body[:1024].decode("latin-1"))
    try:
        return body.decode(declared.group(1) if declared else "utf-8", errors="replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", errors="replace")


class _Reader:
    """Collects text while the markup goes by."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.length = 0
        self.open: list[tuple[str, int]] = []
        self.elements: list[tuple[int, int]] = []
        self.restricted = False

    def add(self, piece: str) -> None:
        self.text.append(piece)
        self.length += len(piece)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.restricted = self.restricted or "data-restricted" in attributes
        if name == "meta" and (attributes.get("name") or attributes.get("property", "")).lower() in _DESCRIPTIONS:
            begin = self.length
            self.add(attributes.get("content", ""))
            self.elements.append((begin, self.length))
            self.add("\n")
        elif name not in _VOID and name not in _RAW and len(self.open) < _MAX_OPEN:
            self.open.append((name, self.length))

    def close(self, name: str) -> None:
        """Close the innermost open `name` and whatever is open inside it; ignore an end tag without a start."""
        for depth in range(len(self.open) - 1, max(len(self.open) - 65, -1), -1):
            if self.open[depth][0] == name:
                self.elements.extend((begin, self.length) for _, begin in self.open[depth:])
                del self.open[depth:]
                return


def read(markup: str) -> Page:
    """Read a page. Markup that never ends (a tag, a comment, a script) swallows the rest, as in a browser."""
    reader = _Reader()
    position, end = 0, len(markup)
    while position < end:
        mark = markup.find("<", position)
        reader.add(html.unescape(markup[position : mark if mark >= 0 else end]))
        if mark < 0:
            break
        if markup.startswith("<!--", mark):
            close = markup.find("-->", mark + 4)
            position = close + 3 if close >= 0 else end
            continue
        closing = markup.startswith("</", mark)
        named = _NAME.match(markup, mark + (2 if closing else 1))
        if named is None and markup.startswith(("<!", "<?", "</"), mark):
            close = markup.find(">", mark)
            position = close + 1 if close >= 0 else end
            continue
        if named is None:
            reader.add("<")
            position = mark + 1
            continue
        name = named.group().lower()
        position = _tag_end(markup, named.end())
        if closing:
            reader.close(name)
        if name not in _INLINE:
            reader.add("\n")
        if not closing:
            reader.start(name, _attributes(markup, named.end(), position))
        if not closing and name in _RAW:
            ended = _RAW[name].search(markup, position)
            position = ended.start() if ended else end
    reader.elements.extend((begin, reader.length) for _, begin in reader.open)
    return Page("".join(reader.text), tuple(reader.elements), reader.restricted)


def _tag_end(markup: str, position: int) -> int:
    """Return where the tag ends, quoted attribute values passed over; the end of the page when it never does."""
    while turn := _TURN.search(markup, position):
        if turn.group() == ">":
            return turn.end()
        position = markup.find(turn.group(), turn.end()) + 1
        if position == 0:
            break
    return len(markup)


def _attributes(markup: str, position: int, end: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(markup, position, end):
        found.setdefault(match[1].lower(), html.unescape(match[2] or match[3] or match[4] or ""))
    return found


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
