"""The renderings: whole, the same in HTML and PDF, safe whatever somebody wrote."""

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.channels.notice_samples import formal_notice, removal_order
from tests.channels.samples import LEGAL, document
from tests.formats.kinds import Sent, every_kind, of_illegality, read_pdf, receipt_for, voluntary, withdrawal
from tests.formats.reading import Pdf, html_text, page, squeezed

from seawall.channels import ReferralDocument
from seawall.channels.base import parse_stamp
from seawall.clock import Basis
from seawall.formats.rendering import POLICY, render_html, render_pdf, sheet_of
from seawall.formats.rendering.parts import day, visible, when
from seawall.formats.rendering.words import ACTIONS, REFERRERS, TITLES, WITHDRAWN_BY, how_long


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a document that holds no others, by its path without the places in lists."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def in_words(made: Sent, path: str, value: Any) -> str:
    """How a field is said to a person."""
    words: dict[str, Callable[[Any], str]] = {
        "kind": lambda kind: TITLES[kind],
        "requested_action": lambda action: ACTIONS[action],
        "clock.due_seconds": how_long,
        "clock.basis": lambda basis: Basis(basis).words,
        "referrer.type": lambda kind: REFERRERS[kind],
        "referrer.state_body": lambda flag: "a body of the state" if flag else "not a body of the state",
        "grounds.legal.elements.met": lambda flag: {True: "Met"}[flag],
        "grounds.legal.defences.may_succeed": lambda flag: {False: "No"}[flag],
        "grounds.term.dated": lambda date: day(dt.date.fromisoformat(date)),
        "good_faith": lambda flag: {True: "states in good faith"}[flag],
        "demonstration": lambda flag: "DEMONSTRATION. Nothing" if flag else "",
        "order.preservation_months": lambda months: f"kept for {months} months",
        "order.copied_to_host_authority": lambda flag: (
            "A copy of this order has been sent" if flag else "has not been sent"
        ),
        "by": lambda who: WITHDRAWN_BY[who],
        "restore": lambda flag: "is asked to undo" if flag else "Nobody is asked to undo",
    }
    if path in words:
        return words[path](value)
    if value is None:
        return ""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return when(parse_stamp(value))
    assert isinstance(value, str), f"{path} has no words: the rendering leaves it out, or this table does"
    return value


@every_kind
def test_every_field_is_shown_in_both(made: Sent) -> None:
    html, pdf = html_text(render_html(made)), read_pdf(made).text()
    missing = [
        f"{path} in {name}"
        for path, value in leaves(made.to_dict())
        for name, text in (("HTML", html), ("PDF", pdf))
        if squeezed(in_words(made, path, value)) not in text
    ]
    assert missing == []


@every_kind
def test_what_belongs_to_the_sending_is_shown_in_both(made: Sent) -> None:
    told: dict[str, Any] = {"reference": "R-2026-0007", "receipt": receipt_for(made)}
    if isinstance(made, ReferralDocument):
        told["clock_words"] = "Stands still since the question of 3 November"
    for text in (html_text(render_html(made, **told)), Pdf(render_pdf(made, **told)).text()):
        for said in (
            "R-2026-0007",
            "HAR-77",
            when(made.sent_at + dt.timedelta(seconds=90)),
            "own software",
            made.sha256(),
        ):
            assert squeezed(said) in text
        assert squeezed(told.get("clock_words", "")) in text


@every_kind
def test_both_say_the_same_in_the_same_order(made: Sent) -> None:
    sheet = sheet_of(made)
    said = [squeezed(text) for text in sheet.texts()]
    for text in (html_text(render_html(made)), read_pdf(made).text()):
        at = 0
        for piece in said:
            at = text.find(piece, at)
            assert at >= 0, f"{piece!r} is missing or stands elsewhere"
            at += len(piece)


@every_kind
def test_the_text_of_the_post_is_never_in_it_and_nothing_leads_to_it(made: Sent) -> None:
    """The samples' post says "a post" (its digest is shown): no words of it, and no link that opens it by a slip."""
    html, pdf = render_html(made), read_pdf(made)
    assert not {"a", "img", "script", "iframe", "form", "link"} & page(html).tags
    assert not {"href", "src", "action", "onclick", "style"} & page(html).attributes
    assert all("/Annots" not in found for found in pdf.reader.pages)
    assert not {"/Names", "/AA", "/AcroForm"} & set(pdf.root)


def test_a_receipt_for_another_document_is_refused() -> None:
    for render in (render_html, render_pdf, sheet_of):
        with pytest.raises(ValueError, match="is for another document"):
            render(formal_notice(), receipt=receipt_for(voluntary()))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("made", "binds"),
    [
        (voluntary(), ["is voluntary", "advice and not an order. harbour decides", "It binds nobody"]),
        (of_illegality(), ["holds the content named below to be illegal", "advice and not an order. harbour decides"]),
        (
            formal_notice(),
            [
                "Inspector Robin Sample of Example Constabulary, an authorised officer, gives harbour this notice",
                "under Crime and Policing Act 2026, section 21",
                "must remove the content named below and confirm",
                "before 48 hours from then have passed: before 4 November 2026 at 09:15:00 UTC",
                "right to ask for a review",
                "The officer may withdraw this notice",
            ],
        ),
        (
            removal_order(),
            [
                "Example Federal Office (Exampleland) orders harbour to remove",
                "1 hour from receipt",
                "does not run while harbour cannot comply",
                "the time for its scrutiny is 72 hours",
                "kept for 6 months",
            ],
        ),
        (withdrawal(restore=False), ["as if it had never been made", "Nobody is asked to undo"]),
    ],
)
def test_each_kind_says_what_binds_and_what_does_not(made: Sent, binds: list[str]) -> None:
    for text in (html_text(render_html(made)), read_pdf(made).text()):
        for said in binds:
            assert squeezed(said) in text


@pytest.mark.parametrize("kind", ["voluntary", "notice_of_illegality"])
def test_a_state_body_is_flagged_at_the_top_and_gives_advice_no_more_force(kind: str) -> None:
    police = {"organisation": "Example Police", "type": "police", "state_body": True}
    made = document(kind=kind, grounds={"legal": [LEGAL]}, referrer=police)
    for text in (html_text(render_html(made)), read_pdf(made).text()):
        flag = text.index(squeezed("A body of the state makes this document: Example Police."))
        assert flag < text.index(squeezed("Parties and references"))
        assert squeezed("not an order, although a body of the state makes it") in text
    assert squeezed("A body of the state makes") not in html_text(render_html(voluntary()))


def test_a_demonstration_says_so_on_every_page_and_nothing_else_does() -> None:
    shown = Pdf(render_pdf(formal_notice()))
    assert all("DEMONSTRATION" in found.extract_text() for found in shown.reader.pages)
    assert 'class="demonstration"' in render_html(formal_notice())
    real = formal_notice(demonstration=False)
    assert "DEMONSTRATION" not in html_text(render_html(real))
    assert "DEMONSTRATION" not in Pdf(render_pdf(real)).text()


def test_a_ground_without_defences_says_that_none_is_recorded() -> None:
    text = html_text(render_html(removal_order()))
    assert squeezed("No defence to ground 1 is recorded as considered") in text
    assert squeezed("section 192") not in text, "a test of British law is not said of an order of another"


INJECTED = """</p></blockquote><script>alert(1)</script><img src=x onerror=alert(2)>"'&amp; ) Tj ET (\\) [U+1] {nb}"""


def with_injection(value: Any) -> Any:
    """Put hostile text wherever the schema takes free words."""
    free = {
        *("title", "platform", "native_id", "text", "reasons", "act", "section", "rule", "organisation", "explanation"),
        *("name", "rank", "force", "authorisation", "to", "how", "consequences", "how_to_confirm", "citation"),
        *("issuing_authority", "issuing_member_state", "order_reference", "authentication", "material", "redress"),
        *("detailed_grounds", "host_member_state", "host_authority", "code_version"),
    }
    if isinstance(value, list):
        return [with_injection(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    changed = {
        name: (f"{inner} {INJECTED}"[: 60 if name == "code_version" else None] if isinstance(inner, str) else inner)
        if name in free
        else with_injection(inner)
        for name, inner in value.items()
    }
    if "statute" in changed:
        changed["statute"] = value["statute"]
    return changed


@every_kind
def test_hostile_words_are_shown_and_do_nothing(made: Sent) -> None:
    raw = with_injection(made.to_dict())
    target = raw.get("content", raw)
    target["url"] = 'https://platform.example/"><script>alert(3)</script>#javascript:alert(4)'
    hostile = type(made).model_validate(raw)
    html = render_html(hostile, reference=INJECTED)
    found = page(html)
    assert found.tags == page(render_html(made)).tags
    assert found.attributes == page(render_html(made)).attributes
    pdf = Pdf(render_pdf(hostile, reference=INJECTED))
    for text in (html_text(html), pdf.text()):
        assert squeezed(INJECTED) in text
        assert squeezed(target["url"]) in text
        for path, value in leaves(hostile.to_dict()):
            assert squeezed(in_words(hostile, path, value)) in text, path
    assert all("/Annots" not in seen for seen in pdf.reader.pages)


def test_words_cannot_hide_turn_or_pose_as_lines_of_the_form() -> None:
    made = voluntary(
        platform="harbour\n\n9. Nothing needs to be done.",
        explanation="be\u200bfore \u202egnihton\u202c\x07 after\u00a0\u2003space\r\nnew\u2028line\ttab \u3164 \u200d",
    )
    for shown in (sheet_of(made).texts(), [render_html(made)]):
        text = "\n".join(shown)
        assert not set(text) & set("\u200b\u202e\u202c\x07\u00a0\u2003\u2028\u3164\r")
        assert "be[U+200B]fore [U+202E]gnihton[U+202C][U+0007] after  space\nnew\nline tab [U+3164] [U+200D]" in text
        assert "harbour 9. Nothing" in text
    assert squeezed("[U+202E]gnihton") in Pdf(render_pdf(made)).text()


@pytest.mark.parametrize(
    ("text", "shown", "exact"),
    [
        ("plain", "plain", "plain"),
        ("a\u00adb", "a[U+00AD]b", "a[U+00AD]b"),  # a soft hyphen would vanish in an address
        ("می\u200cخواهم", "می\u200cخواهم", "می[U+200C]خواهم"),  # Persian needs the joiner; an address does not
        ("a\u200cb", "a[U+200C]b", "a[U+200C]b"),
        ("a b\u00a0c", "a b c", "a b[U+00A0]c"),
        ("one\ntwo", "one\ntwo", "one[U+000A]two"),
        ("\U000e0041\ue000", "[U+E0041][U+E000]", "[U+E0041][U+E000]"),
    ],
)
def test_what_cannot_be_seen_is_written_by_its_number(text: str, shown: str, exact: str) -> None:
    assert visible(text) == shown
    assert visible(text, exact=True) == exact


def test_page_allows_its_own_style_and_nothing_else() -> None:
    html = render_html(voluntary())
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert POLICY.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (172_800, "48 hours"),
        (3_600, "1 hour"),
        (259_200, "3 days"),
        (45, "45 seconds"),
        (3_661, "1 hour 1 minute (3,661 seconds)"),
        (262_801, "3 days 1 hour (262,801 seconds)"),
    ],
)
def test_a_length_is_never_rounded_without_saying_so(seconds: int, said: str) -> None:
    assert how_long(seconds) == said


def test_a_moment_is_said_to_its_last_digit() -> None:
    assert when(parse_stamp("2026-11-02T10:30:00.250000+01:00")) == "2 November 2026 at 09:30:00.25 UTC"
