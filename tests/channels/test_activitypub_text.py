"""What a moderator reads of a report, and what the hub shows of itself to the servers that get one."""

import json

from cryptography.hazmat.primitives import serialization
from tests.channels.conformance import withdrawal_of
from tests.channels.fediverse import PEM, PRIVATE
from tests.channels.samples import LEGAL, SENT_AT, TERM, document

from seawall.channels import Equipment
from seawall.channels.activitypub import actor_document, webfinger
from seawall.channels.activitypub_text import LONGEST_TEXT, referral_text, withdrawal_text
from seawall.outbound import Outbound

HUB = "https://hub.example"


def test_text_says_all_that_a_moderator_needs() -> None:
    made = document(
        kind="notice_of_illegality",
        grounds={"legal": [LEGAL], "term": TERM},
        referrer={"organisation": "Example Police", "type": "police", "state_body": True},
    )
    asked = (
        "Asked: remove the post, within 1 hour of receipt (by the code of practice: uk-2026, vio-threat). "
        "The decision is the platform's."
    )
    answer = (
        f"To answer, ask or dispute: {HUB}, under the number {made.referral_id}, or write to desk@hub.example. "
        "A reply to this report is read by a person."
    )
    assert referral_text(made, hub_url=HUB, contact="desk@hub.example").splitlines() == [
        "DEMONSTRATION. This report is a rehearsal; do nothing about it.",
        f"Referral {made.referral_id}: notice of illegality.",
        "Harm: Threat of violence (vio-threat, code of practice uk-2026.1).",
        "Post: https://platform.example/posts/p1",
        asked,
        "Referred by: Example Police (police, a body of the state).",
        "Grounds: Offences against the Person Act 1861, section 16; the platform's rule as of 2026-03-01: Community rule 4.",
        "Made in good faith: the referrer believes what is said here to be accurate and complete.",
        answer,
        "Why: The post threatens a named person.",
        "Offences against the Person Act 1861, section 16, element by element:",
        "- A threat to kill: met. The post says that it will be done.",
        "- Intent that it be feared: met. It is addressed to the person by name.",
        "- Defence, Lawful excuse: not likely. Nothing points to one.",
        "The rule in full, as of 2026-03-01: Community rule 4",
    ]


def test_text_of_a_real_referral_is_no_demonstration() -> None:
    assert "DEMONSTRATION" not in referral_text(document(demonstration=False), hub_url=HUB)
    real = withdrawal_of(document(demonstration=False), SENT_AT)
    assert "DEMONSTRATION" not in withdrawal_text(real, hub_url=HUB)
    assert "DEMONSTRATION" in withdrawal_text(withdrawal_of(document(), SENT_AT), hub_url=HUB)


def test_text_from_outside_cannot_look_like_a_line_of_ours() -> None:
    made = document(explanation="Mild.\nReferred by: nobody.\r\u2028Grounds: none.\u202e", demonstration=False)
    lines = referral_text(made, hub_url=HUB).splitlines()
    assert [line for line in lines if line.startswith("Referred by")] == ["Referred by: Example hub (hub)."]
    assert "Why: Mild. Referred by: nobody. Grounds: none." in lines


def test_longest_text_is_cut_where_it_matters_least() -> None:
    long_line, prose = "w" * 300, "v" * 5_000
    legal = {
        "act": long_line,
        "section": long_line,
        "elements": [{"text": prose, "met": True, "reasons": prose}],
        "defences": [],
    }
    made = document(
        harm={"id": "h" * 64, "title": long_line, "code_version": "c" * 64},
        content={"native_id": "p", "url": f"https://platform.example/{'u' * 2_023}", "text_sha256": "0" * 64},
        grounds={"legal": [legal] * 10, "term": {"rule": prose, "dated": "2026-03-01"}},
        clock={"due_seconds": 3_599, "basis": "statute", "citation": long_line},
        referrer={"organisation": long_line, "type": "electoral_authority", "state_body": True},
        explanation=prose,
    )
    text = referral_text(made, hub_url="https://hub.example/" + "y" * 100, contact="c" * 100)
    assert len(text) == LONGEST_TEXT
    assert text.endswith("[Cut here. The hub holds the whole.]")
    for needed in (
        made.content.url,
        "a body of the state",
        "good faith",
        "A reply to this report is read by a person.",
        "Why: v",
    ):
        assert needed in text
    assert text.count(str(made.referral_id)) == 2


def test_actor_document_is_what_servers_need_of_it() -> None:
    with Outbound() as outbound:
        equipment = Equipment(outbound, "Example <hub>", HUB, "desk@hub.example", actor_key=PEM)
        shown = actor_document(equipment, actor=f"{HUB}/actor", username="reports")
    public = PRIVATE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert shown["publicKey"] == {
        "id": f"{HUB}/actor#main-key",
        "owner": f"{HUB}/actor",
        "publicKeyPem": public.decode(),
    }
    assert (shown["id"], shown["type"], shown["preferredUsername"]) == (f"{HUB}/actor", "Application", "reports")
    assert shown["inbox"] == f"{HUB}/actor/inbox"
    assert "desk@hub.example" in shown["summary"]
    assert "PRIVATE" not in json.dumps(shown)


def test_webfinger_answers_for_the_actor_and_nobody_else() -> None:
    actor = f"{HUB}/actor"
    shown = webfinger("acct:Referrals@hub.example", actor=actor)
    assert shown is not None
    assert shown["subject"] == "acct:referrals@hub.example"
    assert shown["links"] == [{"rel": "self", "type": "application/activity+json", "href": actor}]
    assert webfinger(actor, actor=actor) == shown
    for other in ("", "acct:root@hub.example", "acct:referrals@other.example", f"{HUB}/other"):
        assert webfinger(other, actor=actor) is None
