"""What a referral, a notice, an order and a withdrawal say to the person who reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.notices import FormalNotice, RemovalOrder
from seawall.clock import Basis
from seawall.formats.rendering.parts import Fact, Sheet, Writer, day, on_one_line, when
from seawall.formats.rendering.words import (
    ACTIONS,
    ANSWERS,
    ANSWERS_TO,
    PROOFS,
    REFERRERS,
    TITLES,
    WITHDRAWN_BY,
    how_long,
)

if TYPE_CHECKING:
    from seawall.channels.base import Receipt

DEMONSTRATION = (
    "DEMONSTRATION. Nothing in this document concerns real people or real content, and it asks nothing of anybody."
)
UNSEEN = "A sign that cannot be shown is written as its Unicode number in square brackets, such as [U+200B]."
REGULATION = "Regulation (EU) 2021/784"


def sheet_of(
    document: ReferralDocument | Withdrawal,
    *,
    reference: str | None = None,
    receipt: Receipt | None = None,
    clock_words: str | None = None,
) -> Sheet:
    """Put a document into words.

    `reference` is the hub's own, `receipt` the recipient's, and `clock_words` say how the time stands; each is left out
    where there is none. Raises ValueError for a receipt that is for another document.
    """
    if receipt is not None and receipt.document_sha256 != document.sha256():
        raise ValueError(
            f"The receipt {receipt.reference} is for another document than {document.referral_id}; "
            "render the document with its own receipt, or with none."
        )
    if isinstance(document, Withdrawal):
        return _withdrawal(document, reference, receipt)
    return _referral(document, reference, receipt, clock_words)


def _referral(
    document: ReferralDocument, reference: str | None, receipt: Receipt | None, clock_words: str | None
) -> Sheet:
    write = Writer()
    if document.demonstration:
        write.box("demonstration", DEMONSTRATION)
    if document.referrer.state_body:
        write.box("state", f"A body of the state makes this document: {document.referrer.organisation}.")
    _parties(write, document, reference)
    _purpose(write, document)
    _content(write, document)
    if document.formal is not None:
        write.heading("The officer’s reasons")
        write.quote("Reasons", document.formal.reasons)
    if document.order is not None:
        write.heading("Why this is terrorist content")
        write.quote("Type of material (article 2(7))", document.order.material)
        write.quote("Detailed grounds", document.order.detailed_grounds)
    _grounds(write, document)
    write.heading("Explanation")
    write.quote("In the referrer’s words", document.explanation)
    _asked(write, document, receipt, clock_words)
    if document.formal is not None:
        _formal(write, document.formal)
    elif document.order is not None:
        _order(write, document.order)
    else:
        write.heading("If you disagree")
        write.say("If you hold this document to be wrong, say so and why. A person reads what you say and answers it.")
    _for_the_person(write, document)
    _answering(write, document)
    if document.formal is not None:
        _officer(write, document.formal)
    if document.order is not None:
        _authority(write, document.order)
    write.heading("Good faith")
    write.say(
        f"{document.referrer.organisation} states in good faith that it believes this document to be accurate and complete."
    )
    _receipt(write, receipt)
    _integrity(write, document)
    return Sheet(
        title=TITLES[document.kind],
        subtitle=_subtitle(document),
        running=on_one_line(f"{TITLES[document.kind]} {reference or document.referral_id}"),
        schema=document.schema_,
        digest=document.sha256(),
        made_at=document.sent_at,
        author=on_one_line(document.referrer.organisation),
        demonstration=document.demonstration,
        blocks=tuple(write.blocks),
    )


def _subtitle(document: ReferralDocument) -> str:
    if document.formal is not None:
        return f"under {document.formal.statute.act}, {document.formal.statute.section}"
    if document.order is not None:
        return f"under {REGULATION}"
    if document.kind == "notice_of_illegality":
        return "on legal grounds, set out element by element"
    return "on legal grounds" if document.grounds.legal else "on the platform’s own rules"


def _parties(write: Writer, document: ReferralDocument, reference: str | None) -> None:
    referrer = document.referrer
    state = "a body of the state" if referrer.state_body else "not a body of the state"
    write.heading("Parties and references")
    write.facts(
        Fact("From", referrer.organisation),
        Fact("Kind of referrer", f"{REFERRERS[referrer.type]}; {state}"),
        Fact("To", document.platform),
        Fact("Kind of document", TITLES[document.kind]),
        Fact("Referral id", str(document.referral_id), exact=True),
        Fact("Our reference", reference, exact=True) if reference else None,
        Fact("Order reference", document.order.order_reference) if document.order else None,
        Fact("Sent", when(document.sent_at)),
        Fact("Harm", f"{document.harm.title} ({document.harm.id})"),
        Fact("Code of practice", f"version {document.harm.code_version}"),
    )


def _purpose(write: Writer, document: ReferralDocument) -> None:
    sender, platform = document.referrer.organisation, document.platform
    write.heading("What this document is")
    if document.formal is not None:
        officer, statute = document.formal.officer, document.formal.statute
        write.say(
            f"{officer.rank} {officer.name} of {officer.force}, an authorised officer, gives {platform} this notice under "
            f"{statute.section} of the {statute.act}."
        )
        write.say(
            f"The recipient, {platform}, must remove the content named below and confirm that it has, in the time given below."
        )
        write.say("The officer may withdraw this notice.")
    elif document.order is not None:
        order = document.order
        write.say(
            f"{order.issuing_authority} ({order.issuing_member_state}) orders {platform} to remove the content named "
            f"below, or to disable access to it, under {REGULATION}."
        )
        write.say("This document is the written record of the order. How to check who sent it is said below.")
    else:
        if document.kind == "notice_of_illegality":
            write.say(
                f"{sender} gives {platform} notice that it holds the content named below to be illegal, for the reasons given."
            )
        else:
            write.say(f"{sender} refers the content named below to {platform}. The referral is voluntary.")
        even = ", although a body of the state makes it" if document.referrer.state_body else ""
        write.say(f"It is advice and not an order{even}. {platform} decides what to do.")


def _content(write: Writer, document: ReferralDocument) -> None:
    write.heading("The content")
    write.facts(
        Fact("Address", document.content.url, exact=True),
        Fact("The platform’s identifier", document.content.native_id, exact=True),
        Fact("SHA-256 of its text", document.content.text_sha256, exact=True),
    )
    write.say(
        "The words of the content are not repeated here. The digest is of its text in UTF-8 as the referrer read it, so that "
        "a later change can be told."
    )


def _grounds(write: Writer, document: ReferralDocument) -> None:
    write.heading("Grounds")
    legal, term = document.grounds.legal, document.grounds.term
    if legal:
        test = "" if document.order else " This is the test of section 192 of the Online Safety Act 2023."
        write.say(
            "Each legal ground is set out element by element. There are reasonable grounds to infer every element, the mental "
            f"ones too, and none to infer that a defence may succeed.{test}"
        )
    for number, ground in enumerate(legal, start=1):
        write.table(
            f"Ground {number}: {ground.act}, {ground.section}",
            ("Element", "Finding", "Reasons"),
            [(element.text, "Met" if element.met else "Not met", element.reasons) for element in ground.elements],
            (34, 12, 54),
        )
        if ground.defences:
            write.table(
                f"Defences considered to ground {number}",
                ("Defence", "Likely", "Reasons"),
                [(one.text, "May succeed" if one.may_succeed else "No", one.reasons) for one in ground.defences],
                (34, 12, 54),
            )
        else:
            write.say(f"No defence to ground {number} is recorded as considered.")
    if term is not None:
        write.quote(f"The platform’s rule in its version of {day(term.dated)}", term.rule)


def _asked(write: Writer, document: ReferralDocument, receipt: Receipt | None, clock_words: str | None) -> None:
    clock, platform = document.clock, document.platform
    length = how_long(clock.due_seconds)
    write.heading("What is asked, and by when")
    write.facts(
        Fact("Action", ACTIONS[document.requested_action]),
        Fact("Time", f"{length} from {'the time this notice is given' if document.formal else 'receipt'}"),
        Fact("The time rests on", Basis(clock.basis).words),
        Fact("Citation", clock.citation) if clock.citation else None,
        Fact("How the time stands", clock_words) if clock_words else None,
    )
    if document.formal is not None:
        formal = document.formal
        write.say(f"This notice is given on {when(formal.given_at)}.")
        write.say(
            f"It must be complied with before {length} from then have passed: before {when(formal.comply_before)}."
        )
        write.say("The law names no pause of this time.")
    elif document.order is not None:
        write.say(
            f"The time does not run while {platform} cannot comply for a reason outside its control, nor while this order has "
            "an obvious mistake or lacks something that is needed to act on it. It begins to run once the impossibility has "
            f"ended or the clarification has been received. {platform} is asked to tell the issuing authority at once, and why."
        )
    elif clock.basis != "statute":
        write.say("This time is an aim. It binds nobody.")
    if receipt is not None:
        write.say(f"{platform} received this document on {when(receipt.received_at)}.")


def _formal(write: Writer, formal: FormalNotice) -> None:
    write.heading("Right of review")
    write.say("The recipient has the right to ask for a review of this notice.")
    write.facts(Fact("Until", when(formal.review.until)), Fact("To", formal.review.to))
    write.quote("How to ask", formal.review.how)
    write.heading("If the notice is not complied with")
    write.quote("What may follow", formal.consequences)
    write.heading("Confirming")
    write.say("The recipient must confirm that it has removed the content.")
    write.quote("How to confirm", formal.how_to_confirm)


def _order(write: Writer, order: RemovalOrder) -> None:
    write.heading("Redress")
    write.quote("Open to the host and to the person who posted the content", order.redress)
    write.heading("Scrutiny and keeping")
    write.say(
        "Where an order crosses a border, the time for its scrutiny is 72 hours from receipt "
        f"({REGULATION}, article 4). The host’s member state is {order.host_member_state}."
    )
    copied = "has been sent" if order.copied_to_host_authority else "has not been sent"
    write.facts(
        Fact("Authority of the host’s member state", order.host_authority) if order.host_authority else None,
        Fact("Copy", f"A copy of this order {copied} to the authority of the host’s member state"),
    )
    write.say(
        f"What is removed is kept for {order.preservation_months} months from its removal, for review and investigation "
        f"({REGULATION}, article 6)."
    )


def _for_the_person(write: Writer, document: ReferralDocument) -> None:
    notice = document.user_notice
    if notice is None:
        return
    write.heading("For the person who posted the content")
    if notice.delayed_until is not None:
        write.say(
            f"{document.platform} is asked not to tell the person who posted the content before "
            f"{when(notice.delayed_until)}. The words for them are sent then."
        )
        return
    write.say(
        f"{document.platform} is asked to show the person who posted the content these words, which say what kind of body "
        "referred it and how to appeal."
    )
    write.quote("Words for them", notice.text or "")
    write.facts(Fact("A page for them", notice.link or "", exact=True))


def _answering(write: Writer, document: ReferralDocument) -> None:
    answers = (*ANSWERS, *ANSWERS_TO.get(document.kind, ()))
    write.heading("How to answer")
    write.say("Answer by the way this document came, and name the referral id.")
    write.table("What an answer may be, and what it should say", ("Answer", "What to say"), answers, (34, 66))


def _officer(write: Writer, formal: FormalNotice) -> None:
    officer = formal.officer
    write.heading("Given by")
    write.facts(
        Fact("Officer", officer.name),
        Fact("Rank or grade", officer.rank),
        Fact("Force", officer.force),
        Fact("Mail", officer.email, exact=True),
        Fact("Telephone", officer.phone, exact=True),
        Fact("Authorised", when(officer.authorised_at)),
        Fact("Authorisation", officer.authorisation),
        Fact("Given", when(formal.given_at)),
        signed=True,
    )


def _authority(write: Writer, order: RemovalOrder) -> None:
    write.heading("Issued by")
    write.facts(
        Fact("Authority", order.issuing_authority),
        Fact("Member state", order.issuing_member_state),
        Fact("Mail", order.contact.email, exact=True),
        Fact("Telephone", order.contact.phone, exact=True),
        Fact("Order reference", order.order_reference),
        Fact("Issued", when(order.issued_at)),
        signed=True,
    )
    write.quote("How to check that the sender is who it says", order.authentication)


def _receipt(write: Writer, receipt: Receipt | None) -> None:
    if receipt is not None:
        write.heading("Receipt")
        write.facts(
            Fact("The recipient’s reference", receipt.reference, exact=True),
            Fact("Received", when(receipt.received_at)),
            Fact("How sure this is", PROOFS[receipt.proof]),
        )


def _integrity(write: Writer, document: ReferralDocument | Withdrawal) -> None:
    write.heading("Integrity")
    write.facts(
        Fact("Schema", document.schema_, exact=True),
        Fact("SHA-256 of the document", document.sha256(), exact=True),
    )
    write.say(
        "This is a rendering for people. What was sent is the JSON text (canonical by RFC 8785) with the digest above, and "
        "that text decides where the two differ."
    )
    write.say(UNSEEN)


def _withdrawal(withdrawal: Withdrawal, reference: str | None, receipt: Receipt | None) -> Sheet:
    write = Writer()
    if withdrawal.demonstration:
        write.box("demonstration", DEMONSTRATION)
    write.heading("Parties and references")
    write.facts(
        Fact("To", withdrawal.platform),
        Fact("Referral id", str(withdrawal.referral_id), exact=True),
        Fact("Our reference", reference, exact=True) if reference else None,
        Fact("Sent", when(withdrawal.sent_at)),
        Fact("Withdrawn by", WITHDRAWN_BY[withdrawal.by]),
    )
    write.heading("The content")
    write.facts(Fact("Address", withdrawal.url, exact=True))
    write.heading("Withdrawal")
    write.say(
        "The referral, notice or order with the id above is withdrawn. It is to be treated as if it had never been made."
    )
    if withdrawal.restore:
        write.say(
            f"Where {withdrawal.platform} did something because of it, {withdrawal.platform} is asked to undo that."
        )
    else:
        write.say("Nobody is asked to undo what was done because of it.")
    write.quote("Reasons", withdrawal.reasons)
    write.heading("How to answer")
    write.say("Confirm by the way this document came that the withdrawal has been received, and name the referral id.")
    _receipt(write, receipt)
    _integrity(write, withdrawal)
    title = "Withdrawal"
    return Sheet(
        title=title,
        subtitle="of a referral, notice or order",
        running=on_one_line(f"{title} {reference or withdrawal.referral_id}"),
        schema=withdrawal.schema_,
        digest=withdrawal.sha256(),
        made_at=withdrawal.sent_at,
        author="",
        demonstration=withdrawal.demonstration,
        blocks=tuple(write.blocks),
    )
