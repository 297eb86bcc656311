"""What a mail says, as plain text and as HTML: a notice with the parts that article 16(2) of Regulation (EU) 2022/2065 asks."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.email_replies import DECISIONS, MARKER
from seawall.channels.email_text import clean
from seawall.channels.user_notice import asked
from seawall.durations import in_words

Block = str | tuple[str, ...] | list[str]
"""A paragraph; a label with what stands under it and, in HTML, an address that it leads to; lines that stay as they are."""

_KINDS = {
    "voluntary": "Voluntary referral",
    "notice_of_illegality": "Notice of illegality",
    "formal_notice": "Formal notice",
    "removal_order": "Removal order",
}
_INTRODUCTIONS = {
    "voluntary": "We ask you to look at this post and to decide. This is advice: the decision is yours.",
    "notice_of_illegality": "We hold this post to be illegal, and notify you of it in the layout of article 16(2) of "
    "Regulation (EU) 2022/2065 (Digital Services Act). The decision is yours.",
    "formal_notice": "This is a notice given under a statute. Its particulars stand below.",
    "removal_order": "This is an order under Regulation (EU) 2021/784. Its particulars stand below.",
}
_ASKED = {
    "remove": "Remove the post",
    "restrict_age": "Show it to adults only",
    "demote": "Stop recommending it",
    "label": "Add a label or a link to help",
}
_BASIS = {"statute": "set by statute", "code": "by the code of practice", "proposal": "proposed"}
_WITHDRAWN_BY = {
    "referrer": "whoever made it",
    "overseer": "the referrer, on its overseer's advice",
    "appeal": "the referrer, after an appeal",
    "officer": "the officer who gave it",
}
_WIDTH = 76
_REHEARSAL = "DEMONSTRATION. Nothing here concerns real people, and nothing has to be done."


@dataclass(frozen=True, slots=True)
class Hub:
    """What a mail says of the hub that sends it."""

    name: str
    url: str
    contact: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a mail, the same in plain text and in HTML."""

    title: str
    blocks: Sequence[Block]


def subject_of(document: ReferralDocument) -> str:
    demonstration = "DEMONSTRATION: " if document.demonstration else ""
    state = ", from a body of the state" if document.referrer.state_body else ""
    title = one_line(document.harm.title, 100)
    return f"{demonstration}{_KINDS[document.kind]}: {title}{state} [referral {document.referral_id}]"


def referral_sections(document: ReferralDocument, hub: Hub, answer_to: str) -> list[Section]:
    referrer, clock, content = document.referrer, document.clock, document.content
    state = ", a body of the state" if referrer.state_body else ""
    length = in_words(dt.timedelta(seconds=clock.due_seconds))
    due = f"Within {length} of receipt"
    if document.formal is not None:
        due = f"Before {_moment(document.formal.comply_before)}, {length} after the notice was given"
    basis = ": ".join(filter(None, (_BASIS[clock.basis], clock.citation)))
    title = f"{_KINDS[document.kind]} from {one_line(referrer.organisation, 300)}{state}"
    head: list[Block] = [_REHEARSAL] if document.demonstration else []
    head += [
        _INTRODUCTIONS[document.kind],
        ("Referral", str(document.referral_id)),
        ("Sent", _moment(document.sent_at)),
    ]
    harm = f"{document.harm.title} ({document.harm.id}, code of practice {document.harm.code_version})"
    particulars = [part for part in (document.formal, document.order) if part is not None]
    return [
        Section(title, head),
        Section("What is asked", [("Action", _ASKED[document.requested_action]), ("Time", f"{due} ({basis})")]),
        Section(
            "Where exactly",
            [
                ("Address", _exact(content.url)),
                ("Your own identifier", content.native_id),
                ("SHA-256 of its text, as we read it", content.text_sha256),
            ],
        ),
        Section("Why", [("Harm", harm), ("Reasons", document.explanation), *_grounds(document)]),
        *(Section("Particulars", list(_particulars(part))) for part in particulars),
        *_for_the_person(document),
        Section(
            "Who notifies",
            [
                ("Name", f"{referrer.organisation} ({referrer.type.replace('_', ' ')}{state}), through {hub.name}"),
                ("Email", f"{answer_to} (for this referral alone)"),
                *([("Contact", hub.contact)] if hub.contact else []),
            ],
        ),
        Section("Good faith", ["The notifier believes in good faith that what is said here is accurate and complete."]),
        _how_to_answer(hub, answer_to, f"Re: {subject_of(document)}", "" if document.formal else "appealed"),
    ]


def _for_the_person(document: ReferralDocument) -> Iterator[Section]:
    notice = document.user_notice
    if notice is None:
        return
    blocks: list[Block] = ["Please show the person who posted it the words below."] if notice.text else [asked(notice)]
    if notice.text:
        blocks += [("Words for them", notice.text), ("A page for them", _exact(notice.link or ""))]
    yield Section("For the person who posted it", blocks)


def _grounds(document: ReferralDocument) -> Iterator[Block]:
    for ground in document.grounds.legal:
        yield ("Ground", f"{ground.act}, {ground.section}")
        for number, element in enumerate(ground.elements, start=1):
            yield (f"Element {number}, met", f"{element.text}\n{element.reasons}")
        for defence in ground.defences:
            yield ("Defence, not likely to succeed", f"{defence.text}\n{defence.reasons}")
    if document.grounds.term is not None:
        yield (f"Ground: your own rule, as of {document.grounds.term.dated}", document.grounds.term.rule)


def _particulars(part: BaseModel, of: str = "") -> Iterator[Block]:
    """Yield every field of a part that only a notice or an order under a statute has."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        label = f"{of}{name.replace('_', ' ')}"
        if isinstance(value, BaseModel):
            yield from _particulars(value, f"{label}, ")
        elif isinstance(value, dt.datetime):
            yield (label.capitalize(), _moment(value))
        elif value is not None:
            yield (label.capitalize(), {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value))


def _how_to_answer(hub: Hub, answer_to: str, subject: str, left_out: str) -> Section:
    token = answer_to.rpartition("@")[0].rpartition("+")[2]

    def form(word: str = "") -> list[str]:
        return [f"Decision: {word}", f"Reference: {token}", "Puid: ", "Detail: "]

    def prepared(word: str) -> str:
        body = "\r\n".join(form(word))
        return f"mailto:{quote(answer_to)}?subject={quote(subject)}&body={quote(body)}"

    portal: list[Block] = [f"Or sign in at {hub.url}, where all that was sent to you stands."] if hub.url else []
    return Section(
        "How to answer",
        [
            "Reply to this mail, in your own words or by the form. For the form, copy these lines to the top of your reply:",
            form(),
            "Decision is one of:",
            *((word, decision.about, prepared(word)) for word, decision in DECISIONS.items() if word != left_out),
            "Puid is your own identifier of what you acted on, the one in your public statement of reasons.",
            "Your software can attach a seawall-answer/1 object in JSON instead. The attached file is this referral in JSON.",
            *portal,
        ],
    )


def information_sections(referral_id: UUID, text: str, hub: Hub, answer_to: str) -> list[Section]:
    return [
        Section("Information on this referral", [("Referral", str(referral_id)), ("Information", text)]),
        Section("How to answer", [f"Reply to this mail ({answer_to}), as to the one before."]),
    ]


def withdrawal_sections(withdrawal: Withdrawal, hub: Hub, answer_to: str) -> list[Section]:
    again = " Where something was done because of it, please look again." if withdrawal.restore else ""
    return [
        Section(
            "A referral is withdrawn",
            [
                *([_REHEARSAL] if withdrawal.demonstration else []),
                f"Please treat it as if it had never been made.{again} This is not a new referral.",
                ("Referral", str(withdrawal.referral_id)),
                ("Address", _exact(withdrawal.url)),
                ("Withdrawn by", _WITHDRAWN_BY[withdrawal.by]),
                ("Reasons", withdrawal.reasons),
            ],
        ),
        Section("How to answer", [f"Reply to this mail ({answer_to}), as to the one before."]),
    ]


def as_text(sections: Sequence[Section]) -> str:
    """Write the mail as plain text. What comes from outside is indented, so that none of it can look like a line of ours."""
    text = MARKER
    for section in sections:
        title = one_line(section.title, 400)
        text += f"\n\n\n{title}\n{'=' * min(len(title), _WIDTH)}"
        short_before = False
        for block in section.blocks:
            written, short = _written(block)
            text += ("\n" if short and short_before else "\n\n") + written
            short_before = short
    return f"{text}\n"


def _written(block: Block) -> tuple[str, bool]:
    """Write one block, and tell whether it is a label with a few words, which stand together."""
    if isinstance(block, str):
        return _wrapped(block, ""), False
    if isinstance(block, list):
        return "\n".join(f"    {line}" for line in block), False
    label, value = f"  {block[0]}:", _wrapped(block[1], "    ")
    if "\n" in value or len(label) + len(value) - 3 > _WIDTH:
        return f"{label}\n{value}", False
    return f"{label} {value.strip()}", True


def _wrapped(text: str, indent: str) -> str:
    filler = textwrap.TextWrapper(
        _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(filler.fill(line) for line in clean(text).split("\n"))


def as_html(sections: Sequence[Section], subject: str) -> str:
    """Write the same as HTML: no image, no style sheet from elsewhere, and no link but those that prepare a reply."""
    body = [f'<p style="color:#767676">{escape(MARKER)}</p>']
    for number, section in enumerate(sections):
        level = 1 if number == 0 else 2
        body.append(
            f'<h{level} style="font-size:{1.4 if number == 0 else 1.15}em">{_html(one_line(section.title, 400))}</h{level}>'
        )
        for block in section.blocks:
            if isinstance(block, str):
                body.append(f"<p>{_html(block)}</p>")
            elif isinstance(block, list):
                body.append(f"<pre>{_html(chr(10).join(block), breaks=False)}</pre>")
            else:
                label = f"<b>{_html(block[0])}</b><br>"
                if len(block) > 2:
                    label = f'<a href="{escape(block[2])}">{_html(block[0])}</a>: '
                body.append(f'<p style="margin:.4em 0;overflow-wrap:anywhere">{label}{_html(block[1])}</p>')
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{_html(subject)}</title>\n</head>\n"
        '<body style="font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:0 auto;padding:1em">\n'
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _html(text: str, *, breaks: bool = True) -> str:
    safe = escape(clean(text))
    return safe.replace("\n", "<br>\n") if breaks else safe


def _exact(url: str) -> str:
    """Write an address on one line, with whatever would break or hide it percent-encoded."""
    return "".join(c if c.isprintable() and not c.isspace() else quote(c) for c in url)


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def one_line(text: str, longest: int) -> str:
    plain = " ".join(clean(text).split())
    return plain if len(plain) <= longest else plain[: longest - 4] + " ..."
