"""Mail that somebody made to break what reads it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.channels.test_email_bounces import FAILED, report
from tests.channels.test_email_replies import ADDRESS, FORM, REFERRAL, got, mail, refused

from seawall.channels.email_replies import ReplyRefused
from seawall.channels.email_text import MAX_TEXT

WHOLE = [
    mail(FORM).as_bytes(),
    report(FAILED, returned=f"Reply-To: {ADDRESS}").as_bytes(),
    mail("x", Auto_Submitted="auto-replied", Subject="=?utf-8?b?eA?=").as_bytes(),
]
NASTY = st.sampled_from(
    [
        *(
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
            b"Content-Type: message/delivery-status\n\nAction: failed\n",
        ),
        *(
            b"Content-Type: message/rfc822\n\n",
            b"Content-Transfer-Encoding: base64\n\n=",
            b"Content-Type: text/html\n\n<a <",
        ),
        *(
            b"Content-Type: ;;;==\n",
            b"Content-Type: text/plain; charset*=''%ff\n",
            b"Date: 99 X 99999 99:99:99 +99999\n",
        ),
        *(
            b"From: (((\n",
            b"Subject: =?x?b?=?=\n",
            b"\r",
            b"\x00",
            b"\xff\xfe",
            b"=?utf-8?q?=00?=",
            b"Decision:",
            b"\n\n",
        ),
        *(
            b"Content-Disposition: attachment; filename*0*=\xff; filename*9=a\n",
            b"Content-Transfer-Encoding: uuencode\n\n",
        ),
        b"Content-Type: text/plain; charset=unicode_escape\n\n\\x",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 900), NASTY), max_size=6))
def test_no_bytes_raise_anything_but_the_one_error(noise: bytes, whole: bytes, cuts: list[tuple[int, bytes]]) -> None:
    raw = whole
    for place, nasty in cuts:
        raw = raw[:place] + nasty + raw[place:]
    for made in (noise, f"To: {ADDRESS}\n".encode() + noise, raw, raw + noise, noise.join((raw[:200], raw[200:]))):
        try:
            reply = got(made)
        except ReplyRefused:
            continue
        assert reply.referral_id == REFERRAL
        assert (reply.answer is None) == (reply.kind != "answer")
        assert bool(reply.bounces) == (reply.kind == "bounce")
        for text in (reply.text, reply.subject, reply.sender, *reply.enclosed, *reply.evidence.values()):
            text.encode()
            assert "\x00" not in text


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(400))
        + b"x\n" * 100_000,
        b"Content-Type: multipart/mixed; " + b"a=b;" * 200_000 + b"\n\nx",
        b"Content-Type: multipart/mixed;\n" + b" a=b;\n" * 100_000 + b"\n\nx",
        b"Content-Type: message/rfc822\n\n" * 2_000,
    ],
)
def test_mail_made_to_keep_the_parser_busy_is_refused_at_once(raw: bytes) -> None:
    assert refused(f"To: {ADDRESS}\n".encode() + raw) == "unreadable"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 100_000,
        b"".join(b"X-%d: y\n" % n for n in range(50_000)),
        b"Content-Type: text/plain\n\n" + b"Decision: removed\n" * 50_000,
        b"Content-Type: text/plain\n\n" + b"> \n:\n" * 100_000,
        b"Content-Type: text/plain\n\nDetail: x\n" + b"y\n" * 100_000,
    ],
)
def test_mail_with_too_much_of_everything_is_read_in_bounds(raw: bytes) -> None:
    assert len(got(f"To: {ADDRESS}\n".encode() + raw).text) <= MAX_TEXT
