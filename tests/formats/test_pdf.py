"""The PDF: letters of many scripts, long words over pages, the same bytes every time, and a structure to be read aloud by."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.channels.notice_samples import FORMAL, WEAPON, formal_notice
from tests.channels.samples import LEGAL
from tests.formats.kinds import ID, Sent, every_kind, read_pdf, voluntary
from tests.formats.reading import Pdf, html_text, squeezed

from seawall.channels import ReferralDocument
from seawall.formats.rendering import render_html, render_pdf, sheet_of
from seawall.formats.rendering.fonts import BOLD, EXACT, FOLDER, OTHERS, PLAIN

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "arabic": "المنشور يهدد شخصا باسمه ويذكر مكانا ووقتا ثم يدعو آخرين إلى المشاركة فيه (في لندن 2026)",
    "urdu": "یہ پوسٹ ایک شخص کو نام لے کر دھمکی دیتی ہے",
    "hebrew": "הפוסט מאיים על אדם בשמו",
    "hindi": "पोस्ट में एक व्यक्ति को धमकी दी गई है",
    "bengali": "পোস্টে একজনকে হুমকি দেওয়া হয়েছে",
    "punjabi": "ਇਹ ਪੋਸਟ ਧਮਕੀ ਦਿੰਦੀ ਹੈ",
    "gujarati": "આ પોસ્ટ ધમકી આપે છે",
    "tamil": "இந்த பதிவு அச்சுறுத்துகிறது",
    "sinhala": "මෙම පළ කිරීම තර්ජනයකි",
    "thai": "โพสต์นี้ข่มขู่",
    "armenian": "Այս գրառումը սպառնում է",
    "georgian": "ეს პოსტი იმუქრება",
    "amharic": "ይህ ልጥፍ ያስፈራራል",
    "emoji": "a knife \U0001f52a and a family \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "combined": "re\u0301sume\u0301 Zażółć",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_words_of_other_scripts_are_shown_and_read_aloud_in_order(script: str) -> None:
    text = SCRIPTS[script]
    made = voluntary(explanation=text)
    assert squeezed(text) in html_text(render_html(made))
    pdf = Pdf(render_pdf(made))
    assert squeezed(text) in squeezed(pdf.read_aloud())
    assert "[U+" not in pdf.text().replace("[U+200B]", ""), "every letter has a font"


@pytest.mark.parametrize("text", ["Příliš žluťoučký", "Загроза", "Απειλή", "王小明的帖子", "한국어 이름", "カタカナ"])
def test_words_without_joining_letters_can_be_searched_for(text: str) -> None:
    assert squeezed(text) in Pdf(render_pdf(voluntary(explanation=text))).text()


def test_a_letter_that_no_font_has_is_written_by_its_number() -> None:
    made = voluntary(explanation="a letter of Tibetan: \u0f40")
    assert "\u0f40" in render_html(made)
    assert squeezed("of Tibetan: [U+0F40]") in Pdf(render_pdf(made)).text()


def test_the_longest_words_go_on_over_pages_and_lose_nothing() -> None:
    elements, reasons, lines = ([f"{word}{n:03}" for n in range(550)] for word in ("elm", "reason", "line"))
    element = {"text": " ".join(elements), "met": True, "reasons": " ".join(reasons)[:5_000]}
    made = formal_notice(
        grounds={"legal": [{**WEAPON, "elements": [element, element]}]},
        content={"native_id": "x" * 300, "url": "https://platform.example/" + "y" * 2_000, "text_sha256": "0" * 64},
        explanation="w" * 5_000,
        formal={**FORMAL, "reasons": "\n".join(lines)},
    )
    pdf = Pdf(render_pdf(made))
    text = pdf.text()
    assert pdf.pages > 15
    for word in (*elements, *" ".join(reasons)[:5_000].split()):
        assert text.count(word) == 2, word
    assert all(text.count(line) == 1 for line in lines)
    for letter, times in (("x", 300), ("y", 2_000), ("w", 5_000)):
        assert text.count(letter) >= times
    for number, found in enumerate(pdf.reader.pages, start=1):
        shown = found.extract_text()
        assert f"Page {number} of {pdf.pages}" in shown
        assert made.sha256() in shown, "each page says to which document it belongs"


@every_kind
def test_the_same_document_gives_the_same_bytes(made: Sent) -> None:
    assert render_pdf(made) == read_pdf(made).raw
    assert render_html(made) == render_html(made)


def test_another_process_gives_the_same_bytes() -> None:
    made = formal_notice(referral_id=ID, explanation=SCRIPTS["arabic"])
    program = (
        "import hashlib, sys\n"
        "from seawall.channels import ReferralDocument\n"
        "from seawall.formats.rendering import render_pdf\n"
        "print(hashlib.sha256(render_pdf(ReferralDocument.parse(sys.stdin.buffer.read()))).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=made.to_json(),
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LANG": "C", "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.decode().strip() == hashlib.sha256(render_pdf(made)).hexdigest()


@every_kind
def test_pdf_says_what_it_is(made: Sent) -> None:
    pdf = Pdf(render_pdf(made, reference="R-7"))
    information = pdf.reader.metadata
    assert information is not None
    assert information.title == sheet_of(made, reference="R-7").running
    assert made.sha256() in (information.subject or "")
    assert information.creation_date == made.sent_at.replace(microsecond=0)
    assert pdf.root["/Lang"] == "en-GB"
    assert pdf.root["/MarkInfo"]["/Marked"].value is True
    assert pdf.root["/ViewerPreferences"]["/DisplayDocTitle"].value is True


@every_kind
def test_pdf_can_be_read_aloud(made: Sent) -> None:
    pdf = read_pdf(made)
    root = pdf.structure()
    kinds = [node.kind for node in root.walk()]
    assert root.kind == "/Document"
    assert kinds.count("/H1") == 1
    assert kinds.index("/H1") < kinds.index("/H2")
    for table in (node for node in root.walk() if node.kind == "/Table"):
        rows = [child for child in table.children if child.kind == "/TR"]
        assert {child.kind for child in table.children} <= {"/TR", "/Caption"}
        assert rows
        for row in rows:
            assert {cell.kind for cell in row.children} <= {"/TH", "/TD"}
            assert row.children[0].kind == "/TH"
            assert all(cell.scope in ("/Row", "/Column") for cell in row.children if cell.kind == "/TH")
    drawn, stray = pdf.marked()
    assert stray == [], "all that is drawn is text of the document, or decoration and marked as that"
    marks = [mark for node in root.walk() for mark in node.marks]
    assert sorted(marks) == sorted(drawn)
    assert len(set(marks)) == len(marks)
    numbers = pdf.root["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    for key, parents in zip(numbers[::2], numbers[1::2], strict=True):
        (owner,) = [found for found in pdf.reader.pages if found["/StructParents"] == key]
        assert [parent.get_object()["/K"] for parent in parents] == [[mark] for mark in range(len(parents))]
        assert all(parent.get_object().raw_get("/Pg").idnum == owner.indirect_reference.idnum for parent in parents)  # type: ignore[union-attr]


@every_kind
def test_pdf_embeds_its_letters(made: Sent) -> None:
    for found in read_pdf(made).reader.pages:
        for font in found["/Resources"]["/Font"].values():  # type: ignore[index]
            (below,) = font.get_object()["/DescendantFonts"]
            assert "/FontFile2" in below.get_object()["/FontDescriptor"]
            assert "/ToUnicode" in font.get_object()


def test_vendored_fonts_are_those_that_were_listed() -> None:
    listed = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (FOLDER / "VERSIONS.md").read_text(), re.MULTILINE))
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.iterdir()
        if path.name != "VERSIONS.md"
    }
    assert there == listed
    assert {PLAIN, BOLD, EXACT, *OTHERS.values()} == {name for name in there if name.endswith(".ttf")}


def test_largest_document_that_can_come_in_is_rendered() -> None:
    ground = {**LEGAL, "elements": [{"text": "t" * 2_000, "met": True, "reasons": "r " * 2_400}] * 18, "defences": []}
    raw = json.dumps(voluntary().to_dict() | {"grounds": {"legal": [ground, ground]}}).encode()
    assert 200_000 < len(raw) < 262_144
    made = ReferralDocument.parse(raw)
    assert Pdf(render_pdf(made)).text().count("r") > 36 * 2_400
