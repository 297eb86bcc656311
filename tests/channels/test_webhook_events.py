"""Events that come in, and the schedule of those that go out: held against the public package `standardwebhooks`."""

import base64
import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook
from tests.channels.samples import SENT_AT, document

from seawall.channels import AnswerInvalid, ReferralDocument
from seawall.channels.base import stamp
from seawall.channels.document import MAX_DOCUMENT_BYTES
from seawall.channels.webhook import (
    SCHEDULE,
    EventInvalid,
    EventRefused,
    HeadersInvalid,
    SecretUnusable,
    SignatureInvalid,
    TimestampOutside,
    answer_in,
    delivery,
    next_attempt,
    verify,
)

PAGE = (Path(__file__).parents[2] / "docs/reference/channels/webhook.md").read_text("utf-8")
REFERENCE = "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
CALM = settings(deadline=None)  # a busy machine is no failure
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def present() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # the package knows no other


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "seawall-answer/1",
        "answer_id": "T-1.2",
        "reference": REFERENCE,
        "at": "2026-11-02T10:07:41Z",
        "status": "COMPLETED",
        "reason_code": "ACTIONED",
        "detail": "The post was removed.",
        "puid": "harbour-1f0c",
        "actions": ["removed"],
        **changes,
    }


def event(data: object = None, kind: object = "referral.answered") -> bytes:
    return json.dumps({"type": kind, "timestamp": stamp(SENT_AT), "data": answer() if data is None else data}).encode()


def signed(body: bytes, at: dt.datetime, *, secret: str = SECRET, message_id: str = "msg_1") -> dict[str, str]:
    """Sign as a platform does that uses the package."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


def package_takes(headers: dict[str, str], body: bytes, secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except Exception:  # it raises what its parts raise
        return False
    return True


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="."), min_size=1, max_size=60)
NEAR = st.integers(-290, 290).map(lambda seconds: dt.timedelta(seconds=seconds))
DATA = st.dictionaries(TEXT, st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5))
BODIES = st.builds(
    lambda data, tidy: json.dumps({"type": "a.b", "timestamp": "x", "data": data}, ensure_ascii=tidy).encode(),
    DATA,
    st.booleans(),
)


@CALM
@given(body=BODIES, secret=SECRETS, message_id=IDS, apart=NEAR, upper=st.booleans())
def test_what_the_package_signs_is_taken(
    body: bytes, secret: str, message_id: str, apart: dt.timedelta, upper: bool
) -> None:
    now = present()
    headers = signed(body, now + apart, secret=secret, message_id=message_id)
    given = {name.upper() if upper else name: value for name, value in headers.items()}
    assert verify(given, body, secret, now) == json.loads(body)
    assert verify(given, body, f"{OTHER},{secret}", now) == json.loads(body), "the former secret is good as well"
    with pytest.raises(SignatureInvalid):
        verify(given, body, OTHER, now)


@CALM
@given(secret=SECRETS, apart=NEAR)
def test_what_this_hub_signs_is_taken_by_the_package(secret: str, apart: dt.timedelta) -> None:
    sent = delivery(document(), idempotency_key="k")
    headers = sent.headers(f"{OTHER},{secret}", present() + apart)
    for known in (OTHER, secret):
        assert Webhook(known).verify(sent.body, headers)["type"] == "referral.sent"


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    """A request that was good, with one thing about it changed."""
    body = draw(BODIES)
    headers = signed(body, present())
    what = draw(st.sampled_from(["byte", "cut", "longer", "header", "flip", "without", "old", "version"]))
    if what == "byte":
        at, by = draw(st.integers(0, len(body) - 1)), draw(st.integers(1, 255))
        return headers, body[:at] + bytes([body[at] ^ by]) + body[at + 1 :]
    if what == "cut":
        return headers, body[: draw(st.integers(0, len(body) - 1))]
    if what == "longer":
        return headers, body + draw(st.binary(min_size=1, max_size=5))
    if what == "old":
        seconds = draw(st.integers(310, 10**9) | st.integers(-(10**9), -310))
        return signed(body, present() - dt.timedelta(seconds=seconds)), body
    name = draw(st.sampled_from(NAMES))
    if what == "without":
        return {kept: value for kept, value in headers.items() if kept != name}, body
    if what == "version":
        version = draw(st.sampled_from(["v1a", "V1", "v2", "v", "1"]))
        return {**headers, "webhook-signature": version + headers["webhook-signature"][2:]}, body
    if what == "header":
        value = draw(st.text(max_size=80) | st.floats().map(str) | IDS)
    else:
        at = draw(st.integers(0, len(headers[name]) - 1))
        value = headers[name][:at] + draw(st.characters()) + headers[name][at + 1 :]
    assume(value != headers[name])
    return {**headers, name: value}, body


@CALM
@given(spoilt())
def test_whatever_is_changed_is_refused(request: tuple[dict[str, str], bytes]) -> None:
    headers, body = request
    with pytest.raises(EventRefused, match=r"\.$") as caught:
        verify(headers, body, SECRET, present())
    assert caught.value.status in (400, 401)


PLAIN = ["good", "other", "v1a,QUFB", "v1,QUFB", "v2,QUFB"]
ODD = ["v1", "v1,", "", "v1,!", "v1,Q", "v1,QQ", "v1,QUF", "v1,=", "v1,QUFB,QUFB", "good,x"]


@CALM
@given(
    entries=st.lists(st.sampled_from(PLAIN) | st.sampled_from(ODD), min_size=1, max_size=5),
    apart=st.integers(-600, 600).filter(lambda seconds: abs(abs(seconds) - 300) > 8),
    shape=st.sampled_from(["{}", "{}", "{}", "{}.0", " {}", "0{}", "+{}", "{}e0", "{}x"]),
    message_id=IDS,
    body=BODIES,
)
@example(entries=["v1,Q", "good"], apart=0, shape="{}", message_id="m", body=b'{"type": "a.b", "data": {}}')
def test_nothing_is_taken_that_the_package_refuses(
    entries: list[str], apart: int, shape: str, message_id: str, body: bytes
) -> None:
    now = present()
    at = now + dt.timedelta(seconds=apart)
    good = signed(body, at, message_id=message_id)
    of_other = signed(body, at, message_id=message_id, secret=OTHER)["webhook-signature"]
    listed = [{"good": good["webhook-signature"], "other": of_other}.get(entry, entry) for entry in entries]
    headers = {**good, "webhook-signature": " ".join(listed), "webhook-timestamp": shape.format(int(at.timestamp()))}
    try:
        taken = verify(headers, body, SECRET, now) == json.loads(body)
    except EventRefused:
        taken = False
    package = package_takes(headers, body, SECRET)
    if shape == "{}" and set(entries) <= set(PLAIN):
        assert taken == package == ("good" in entries and abs(apart) < 300)
    else:
        assert package or not taken


@CALM
@given(
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(max_size=20) | st.none(),  # type: ignore[arg-type]
        st.text(max_size=100) | st.none() | st.integers() | st.binary(max_size=9) | st.lists(st.text(), max_size=2),
    ),
    st.binary(max_size=50),
)
def test_rubbish_is_refused_in_a_sentence(headers: Any, body: bytes) -> None:
    with pytest.raises(EventRefused, match=r"\.$"):
        verify(headers, body, SECRET, present())


class TestRefusals:
    @pytest.mark.parametrize("seconds", [-301, -3_600, 302, 3_600])
    def test_outside_of_five_minutes_is_refused_with_how_far(self, seconds: int) -> None:
        now = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
        headers = signed(event(), now + dt.timedelta(seconds=seconds))
        with pytest.raises(TimestampOutside, match=f"{abs(seconds)} seconds {'after' if seconds > 0 else 'before'}"):
            verify(headers, event(), SECRET, now)

    @pytest.mark.parametrize("seconds", [-300, 0, 300])
    def test_five_minutes_themselves_are_allowed(self, seconds: int) -> None:
        now = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
        headers = signed(event(), now + dt.timedelta(seconds=seconds))
        assert verify(headers, event(), SECRET, now)["type"] == "referral.answered"

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("webhook-id", None, "webhook-id is missing"),
            ("webhook-id", "", "webhook-id is not 1 to 200"),
            ("webhook-id", "a.1", "without spaces and full stops"),  # could shift the border to the time
            ("webhook-id", "x" * 201, "1 to 200"),
            ("webhook-id", "msg_1\n", "1 to 200"),
            ("webhook-timestamp", "1674087231.5", "whole seconds"),
            ("webhook-timestamp", "-1", "whole seconds"),
            ("webhook-timestamp", "nan", "whole seconds"),
            ("webhook-timestamp", "1" * 13, "whole seconds"),
            ("webhook-timestamp", "१६७४०८७२३१", "whole seconds"),
            ("webhook-signature", "v1", "list of at most ten"),
            ("webhook-signature", "v1,", "list of at most ten"),
            ("webhook-signature", "v1,ü", "list of at most ten"),
            ("webhook-signature", " ".join(["v1,AAAA"] * 11), "list of at most ten"),
            ("webhook-signature", ["v1,AAAA"], "list of at most ten"),
        ],
    )
    def test_header_that_cannot_be_read_is_named(self, name: str, value: Any, said: str) -> None:
        headers: dict[str, Any] = {**signed(event(), present()), name: value}
        with pytest.raises(HeadersInvalid, match=said) as caught:
            verify({key: kept for key, kept in headers.items() if kept is not None}, event(), SECRET, present())
        assert (caught.value.status, caught.value.retryable) == (400, False)

    def test_signature_of_another_is_401_and_one_good_among_many_is_enough(self) -> None:
        body, now = event(), present()
        good, other = signed(body, now), signed(body, now, secret=OTHER)
        with pytest.raises(SignatureInvalid, match="agreed with this platform") as caught:
            verify(other, body, SECRET, now)
        assert caught.value.status == 401
        both = f"v1a,AAAA {other['webhook-signature']} {good['webhook-signature']}"
        assert verify({**good, "webhook-signature": both}, body, SECRET, now)

    @pytest.mark.parametrize("secrets", ["", "hunter2hunter2", f"{SECRET},,", f"{SECRET},{SECRET},{SECRET}"])
    def test_without_a_usable_secret_nothing_is_taken(self, secrets: str) -> None:
        with pytest.raises(SecretUnusable) as caught:
            verify(signed(event(), present()), event(), secrets, present())
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b'{"type": "a.b"}',
            b'{"type": 5, "data": {}}',
            b'{"type": "a.b", "data": []}',
            b'{"type": "a.b", "data": {"a": NaN}}',
            b'{"type": "a.b", "data": {"a": Infinity}}',
            b'{"type": "a.b", "data": {"a": 1, "a": 2}}',
            b'{"type": "a.b", "type": "a.c", "data": {}}',
            b'{"type": "a.b", "data": {"a": "\\u0000"}}',
            b'{"type": "a.b", "data": {"a": [["\\ud83d"]]}}',
            b'{"type": "a.b", "data": {"a\\u0000": 1}}',
            b'{"type": "a.b", "data": ' + b"[" * 100_000,
            b'{"type": "a.b", "data": {"a": ' + b"9" * 5_000 + b"}}",
        ],
    )
    def test_signed_rubbish_is_no_event(self, body: bytes) -> None:
        with pytest.raises(EventInvalid, match=r"^The event .*\.$") as caught:
            verify(signed(body, present()), body, SECRET, present())
        assert caught.value.status == 400

    def test_backslash_before_a_u_is_text(self) -> None:
        body = event(answer(detail="a literal \\u0000"))
        assert verify(signed(body, present()), body, SECRET, present())["data"]["detail"] == "a literal \\u0000"

    def test_other_encodings_than_utf_8_are_refused(self) -> None:
        body = event().decode().encode("utf-16")
        text = "".join(map(chr, body))
        headers = signed(text.encode(), present())
        with pytest.raises(SignatureInvalid):
            verify(headers, body, SECRET, present())

    def test_longer_than_a_document_may_be_is_refused_before_anything_is_computed(self) -> None:
        with pytest.raises(EventInvalid, match="262,144 bytes"):
            verify({}, b" " * (MAX_DOCUMENT_BYTES + 1), SECRET, present())


class TestAnswers:
    def test_answer_is_read_as_its_platform_acknowledged_it(self) -> None:
        read = answer_in(json.loads(event()))
        assert (read.reference, read.status, read.reason_code) == (REFERENCE, "COMPLETED", "ACTIONED")
        assert (read.puid, read.actions, read.proof, read.signature) == (
            "harbour-1f0c",
            ("removed",),
            "acknowledged",
            "",
        )

    @pytest.mark.parametrize(
        "kind", ["referral.sent", "referral.information", "referral.withdrawn", "", 5, None, ["a"]]
    )
    def test_event_of_another_type_is_no_answer(self, kind: object) -> None:
        with pytest.raises(AnswerInvalid, match=r"takes referral\.answered and no other"):
            answer_in(json.loads(event(kind=kind)))

    def test_own_event_that_is_sent_back_is_verified_and_yet_no_answer(self) -> None:
        own = delivery(document(), idempotency_key="k")
        read = verify(own.headers(SECRET, present()), own.body, SECRET, present())
        with pytest.raises(AnswerInvalid, match=r"'referral\.sent'"):
            answer_in(read)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ([], "not an object with the reference"),
            ({}, "not an object with the reference"),
            (answer(reference=5), "not an object with the reference"),
            ({"reference": REFERENCE}, "not a seawall-answer/1 object"),
            (answer(puid=None), "without a puid"),
            (answer(status="DONE"), "'DONE'"),
            (answer(status="DISPUTED", reason_code=None, detail=" "), "without a word of why"),
            (answer(at="yesterday"), "RFC 3339"),
            (answer(detail="x" * 5_001), "5,000"),
            (answer(actions="removed"), "list of words"),
        ],
    )
    def test_answer_that_is_not_complete_says_what_it_lacks(self, data: object, said: str) -> None:
        with pytest.raises(AnswerInvalid, match=said):
            answer_in(json.loads(event(data)))


class TestSchedule:
    def test_waits_are_those_of_the_specification_lengthened_by_a_fifth_at_most(self) -> None:
        for attempt, wait in enumerate(SCHEDULE, start=1):
            found = [next_attempt(attempt, f"key-{n}") for n in range(200)]
            assert min(found) >= wait
            assert max(found) <= wait * 1.2
            assert max(found) - min(found) > wait * 0.15, "spread over the room there is"
        assert sum(SCHEDULE, dt.timedelta()) == dt.timedelta(hours=75, minutes=35, seconds=5)

    def test_after_the_last_there_is_none(self) -> None:
        assert next_attempt(len(SCHEDULE), "k") is not None
        assert next_attempt(len(SCHEDULE) + 1, "k") is None
        assert next_attempt(10**9) is None

    @CALM
    @given(st.integers(1, 12), st.text(max_size=50))
    def test_the_same_question_has_the_same_answer(self, attempt: int, key: str) -> None:
        assert next_attempt(attempt, key) == next_attempt(attempt, key)

    @pytest.mark.parametrize("attempt", [0, -1])
    def test_attempts_are_counted_from_one(self, attempt: int) -> None:
        with pytest.raises(ValueError, match="number 1"):
            next_attempt(attempt)


def test_time_without_a_zone_is_not_signed() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        delivery(document(), idempotency_key="k").headers(SECRET, dt.datetime(2026, 11, 2))  # noqa: DTZ001


class TestPage:
    """The reference page, held to what the program does."""

    blocks = re.findall(r"```(http|json)\n(.*?)```", PAGE, re.DOTALL)

    def example(self) -> tuple[dict[str, str], bytes]:
        ((_, text),) = [block for block in self.blocks if block[0] == "http"]
        head, _, body = text.rstrip("\n").partition("\n\n")
        return dict(line.split(": ", 1) for line in head.splitlines()[1:]), body.encode()

    def test_signed_example_is_verified_with_the_secret_that_the_page_names(self) -> None:
        headers, body = self.example()
        (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]{20,}", PAGE))
        at = dt.datetime.fromtimestamp(int(headers["webhook-timestamp"]), dt.UTC)
        read = answer_in(verify(headers, body, secret, at))
        assert read.reference == REFERENCE
        assert headers["webhook-signature"] == Webhook(secret).sign(headers["webhook-id"], at, body.decode())

    def test_sent_example_is_what_is_sent(self) -> None:
        shown = json.loads(next(text for kind, text in self.blocks if kind == "json" and "referral.sent" in text))
        made = ReferralDocument.parse(json.dumps(shown["data"]).encode())
        assert json.loads(delivery(made, idempotency_key="k").body) == shown
        assert hashlib.sha256(made.to_json()).hexdigest() in PAGE

    def test_every_type_and_every_wait_is_named(self) -> None:
        for kind in ("referral.sent", "referral.information", "referral.withdrawn", "referral.answered"):
            assert f"`{kind}`" in PAGE
        assert "5 seconds, 5 and 30 minutes, then 2, 5, 10, 14, 20 and 24 hours" in PAGE
