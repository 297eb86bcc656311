"""Request signatures against vectors made elsewhere, against every small change, and against rubbish."""

import base64
import contextlib
import datetime as dt
import hashlib
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from seawall.channels import http_signatures
from seawall.channels.http_signatures import (
    DigestMismatch,
    KeyUnusable,
    SignatureError,
    SignatureMalformed,
    SignatureMissing,
    SignatureOutOfTime,
    SignatureWrong,
    Signer,
    parse,
    signing_string,
    verify,
)

AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)
INBOX = "https://harbour.example/inbox"
KEY_ID = "https://hub.example/actor#main-key"

DRAFT_KEY = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C3
6rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6
Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJw
oYi+1hqp1fIekaxsyQIDAQAB
-----END PUBLIC KEY-----
"""
DRAFT_HEADERS = {
    "Host": "example.com",
    "Date": "Sun, 05 Jan 2014 21:31:40 GMT",
    "Content-Type": "application/json",
    "Digest": "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
    "Content-Length": "18",
}
# draft-cavage-http-signatures-12, appendices C.2 and C.3
DRAFT_SHORT = (
    "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3HMbe8VfEdKFYRqzic+ef"
    "kb3nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0="
)
DRAFT_LONG = (
    "vSdrb+dS3EceC9bcwHSo4MlyKS59iFIrhgYkz8+oVLEEzmYZZvRs8rgOp+63LEM3v+MFHB32NfpB2bEKBIvB1q52LaEUHFv120V01IL+TAD4"
    "8XaERZFukWgHoBTLMhYS2Gb51gWxpeIq8knRmPnYePbF5MOkR0Zkly4zKH7s1dE="
)
OPENSSL_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvn0953CAc85N/MW3qliJ
DJ6Ts8bpCIPmrgFnMUwpVRWNHc3xVeE3wGPpoKR0In5MjU9NgRZ4hTHIx6A5nhan
fLosV8eRA9ls7TVM27fUSa8f6iq+96JBqGr2s5OOvbrM9a1mUDQoTV+YXJg0jLHI
DTAvg/1eASVSKqXjquNgZ9I2+946UM44I2rIkwUbNBW6dgexnGrVN6m9Ej1uGudU
TItZa/N2Y17pED5klGCBgEB2jTur6skshXOZ+iwQ0xmrEBaEYmxkIfmECv55dZCr
ncQIYGx5s9DSgHDZPwag6bPkpelYlY7ITEAC7fzQU8EzKLLx80hgEMrFT2wUPgkC
MwIDAQAB
-----END PUBLIC KEY-----
"""
OPENSSL_SIGNATURE = (
    "YKsqiDSzpO+ZrACB8P2FQcK4b4OH95BVEZlW0GeQi97+sv9ElKBWVje6nrwkE1NcORpQaX9J9907JL9QOKJ1z64x3rziZ9Sw7UojHlQg5qRR"
    "HH85caffOXSdHuCjLLVfpAFCIVRmoPTwoJw2rPgDfTJGYyOtY6WXg8fxnZjNh3VwaPbFvtCciadh36SjXG/TT1Q2QZqwJUzQAunWVic4v1Ur"
    "tVLcWL3JwrX+3+PZr81gRaC9o/mbTcp19IY4lie8f/0VRTgdR4p/LpHGlxIHtA0sEmzPjiNmNM3b8Mac6iIWIIirJY1sD9YyNVJGrOykdI/a"
    "Po0IN2Bir9AdgTzDcA=="
)


def pem_of(key: Any) -> str:
    kind, no_encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, kind, no_encryption)
    return made.decode()


KEY = rsa.generate_private_key(65_537, 2_048)
SIGNER = Signer(KEY_ID, KEY)
PUBLIC = SIGNER.public_pem()


def check(headers: dict[str, str], **changes: Any) -> http_signatures.Signature:
    asked: dict[str, Any] = {
        "method": "POST",
        "target": "/inbox",
        "body": b'{"type":"Flag"}',
        "public_pem": PUBLIC,
        "host": "harbour.example",
        "at": AT,
    }
    return verify(headers=headers, **{**asked, **changes})


def signed(**changes: Any) -> dict[str, str]:
    asked = {"method": "POST", "url": INBOX, "body": b'{"type":"Flag"}', "at": AT, **changes}
    return SIGNER.headers(asked["method"], asked["url"], asked["body"], at=asked["at"])


@pytest.mark.parametrize(
    ("names", "signature"),
    [
        (("(request-target)", "host", "date"), DRAFT_SHORT),
        (("(request-target)", "host", "date", "content-type", "digest", "content-length"), DRAFT_LONG),
    ],
)
def test_signing_string_is_the_one_that_the_drafts_own_examples_sign(names: tuple[str, ...], signature: str) -> None:
    text = signing_string(names, method="POST", target="/foo?param=value&pet=dog", headers=DRAFT_HEADERS)
    key = serialization.load_pem_public_key(DRAFT_KEY.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())  # raises when it is another


def test_digest_is_the_one_of_the_drafts_example() -> None:
    assert http_signatures.digest(b'{"hello": "world"}') == DRAFT_HEADERS["Digest"]


def test_request_signed_by_openssl_is_verified() -> None:
    headers = {
        "host": "harbour.example",
        "date": "Mon, 02 Nov 2026 09:30:00 GMT",
        "digest": "SHA-256=+lRJTjhd1fjNZsEA4bYvBjwxarl6tdU9arqReY/+YzI=",
        "signature": f'keyId="{KEY_ID}",headers="(request-target) host date digest",signature="{OPENSSL_SIGNATURE}"',
    }
    got = check(headers, target="/inbox?a=1", public_pem=OPENSSL_KEY)
    assert (got.key_id, got.algorithm) == (KEY_ID, "hs2019")
    with pytest.raises(SignatureWrong):
        check(headers, target="/inbox?a=2", public_pem=OPENSSL_KEY)


def test_headers_are_those_of_an_independent_computation() -> None:
    body = b'{"type":"Flag"}'
    summed = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = (
        "(request-target): post /users/a/inbox?x=%C3%A9\nhost: harbour.example:8443\n"
        f"date: Mon, 02 Nov 2026 09:30:00 GMT\ndigest: SHA-256={summed}"
    )
    value = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    assert SIGNER.headers("POST", "https://Harbour.example:8443/users/a/inbox?x=é#part", body, at=AT) == {
        "Host": "harbour.example:8443",
        "Date": "Mon, 02 Nov 2026 09:30:00 GMT",
        "Digest": f"SHA-256={summed}",
        "Signature": f'keyId="{KEY_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest",'
        f'signature="{value}"',
    }


def test_get_has_no_digest_and_post_cannot_go_without() -> None:
    headers = SIGNER.headers("GET", INBOX, at=AT)
    assert "Digest" not in headers
    assert check(headers, method="GET", body=b"").headers == ("(request-target)", "host", "date")
    with pytest.raises(SignatureMissing, match="does not cover digest"):
        check(SIGNER.headers("POST", INBOX, at=AT), body=b"")


def test_time_to_sign_is_the_systems_unless_given() -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    check(SIGNER.headers("GET", INBOX), method="GET", body=b"", at=before, skew=dt.timedelta(minutes=2))


_PATH = st.text("abcABC019-._~%/@:!$&'()*+,;=é ", max_size=40).map(lambda text: "/" + text.replace("%", "%25"))
_QUERY = st.text("abc019-._~=&+é", max_size=20)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "post"]),
    path=_PATH,
    query=_QUERY,
    body=st.binary(max_size=200),
    offset=st.integers(-300, 300),
)
def test_what_is_signed_is_verified_and_no_other(method: str, path: str, query: str, body: bytes, offset: int) -> None:
    url = httpx.URL(f"https://harbour.example{path}?{query}")
    target = url.raw_path.decode()
    headers = SIGNER.headers(method, str(url), body, at=AT + dt.timedelta(seconds=offset))
    asked: dict[str, Any] = {"method": method, "target": target, "body": body}
    assert check(headers, **asked).key_id == KEY_ID
    assert check({name.upper(): f" {value} " for name, value in headers.items()}, **asked).key_id == KEY_ID
    for change in (
        {"method": method + "X"},
        {"target": target + "x"},
        {"body": body + b"x"},
        {"host": "other.example"},
        {"at": AT + dt.timedelta(seconds=offset, minutes=5, milliseconds=1)},
        {"at": AT + dt.timedelta(seconds=offset, minutes=-5, milliseconds=-1)},
        {"public_pem": OPENSSL_KEY},
    ):
        with pytest.raises(SignatureError):
            check(headers, **{**asked, **change})


@given(st.data())
def test_one_changed_character_of_any_header_is_refused(data: st.DataObject) -> None:
    headers = signed()
    name = data.draw(st.sampled_from(sorted(headers)))
    value = headers[name]
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c.lower() != value[place].lower())
    )
    changed = value[:place] + other + value[place + 1 :]
    try:
        got = check({**headers, name: changed})
    except SignatureError:
        return
    # Outside the signature are the address of the key, whose owner the caller checks, and what says the same otherwise.
    assert name == "Signature"
    assert (got.headers, got.value) == (parse(value).headers, parse(value).value)


@pytest.mark.parametrize("name", ["Host", "Date", "Digest", "Signature"])
def test_header_that_is_missing_is_named(name: str) -> None:
    headers = {key: value for key, value in signed().items() if key != name}
    with pytest.raises(SignatureMissing, match=name.lower() if name != "Signature" else "not signed"):
        check(headers)


@pytest.mark.parametrize(
    "names", ["(request-target) host digest", "host date digest", "(request-target) date digest", ""]
)
def test_signature_that_leaves_out_what_it_must_cover_is_refused(names: str) -> None:
    headers = signed()
    covered = names.split() or ["date"]
    text = signing_string(covered, method="POST", target="/inbox", headers=headers)
    value = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    headers["Signature"] = f'keyId="{KEY_ID}",headers="{names}",signature="{value}"'
    with pytest.raises(SignatureMissing, match="does not cover"):
        check(headers)


def test_the_kinds_of_refusal_are_told_apart() -> None:
    with pytest.raises(DigestMismatch, match=r"\.$"):
        check(signed(), body=b'{"type":"Like"}')
    with pytest.raises(SignatureOutOfTime, match="Check the clocks"):
        check(signed(), at=AT + dt.timedelta(hours=1))
    assert check(signed(), at=AT + dt.timedelta(hours=1), skew=dt.timedelta(hours=12))
    with pytest.raises(SignatureWrong, match="another host"):
        check(signed(), host="other.example")
    with pytest.raises(SignatureWrong, match="not by the key"):
        check(signed(), public_pem=OPENSSL_KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Date", "yesterday"),
        ("Date", "Mon, 99 Nov 2026 09:30:00 GMT"),
        ("Date", "Mon, 02 Nov 99999 09:30:00 +9999"),
        ("Date", "Mon, 02 Nov 2026 09:30:00 GMT\r\nhost: harbour.example"),
        ("Digest", "SHA-256=short"),
        ("Digest", "MD5=1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("Digest", f"SHA-256={'A' * 43}=,SHA-256={'B' * 43}="),
    ],
)
def test_header_that_cannot_be_read_is_refused_though_it_was_signed(name: str, value: str) -> None:
    headers = {**signed(), name: value}
    names = "(request-target) host date digest"
    text = (
        f"(request-target): post /inbox\nhost: {headers['Host']}\ndate: {headers['Date']}\ndigest: {headers['Digest']}"
    )
    signature = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    headers["Signature"] = f'keyId="{KEY_ID}",headers="{names}",signature="{signature}"'
    with pytest.raises(SignatureMalformed):
        check(headers)


def test_algorithm_of_a_digest_is_read_in_any_case_and_among_others() -> None:
    headers = signed()
    summed = headers["Digest"].removeprefix("SHA-256=")
    headers["Digest"] = f"unixsum=30637, sha-256={summed}"
    text = signing_string(
        ("(request-target)", "host", "date", "digest"), method="POST", target="/inbox", headers=headers
    )
    value = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    headers["Signature"] = f'keyId="{KEY_ID}",headers="(request-target) host date digest",signature="{value}"'
    assert check(headers)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "lacks keyId and signature"),
        ("Bearer abc", "not a list"),
        ('keyId="a"', "lacks signature"),
        ('keyId="a",signature=""', "lacks signature"),
        ('keyId="a",keyId="b",signature="AA=="', "keyId twice"),
        ('keyId="a",signature="***"', "not base64"),
        ('keyId="a",signature="AA==",algorithm="hmac-sha256"', "algorithm"),
        ('keyId="a b",signature="AA=="', "keyId is not an address"),
        ('keyId="a",signature="AA==",headers="date date"', "twice"),
        ('keyId="a",signature="AA==",headers="date (created)"', "not the name of a header"),
        ('keyId="a",signature="AA==" headers="date"', "not a list"),
        ('keyId="' + "a" * 5_000 + '",signature="AA=="', "longer than"),
        (f'keyId="a",signature="AA==",headers="{" ".join(f"x{n}" for n in range(21))}"', "more than 20"),
    ],
)
def test_signature_header_that_cannot_be_read_is_refused_with_a_sentence(header: str, said: str) -> None:
    with pytest.raises(SignatureMalformed, match=said) as caught:
        parse(header)
    assert str(caught.value).endswith(".")


@given(st.text(max_size=300))
def test_any_text_as_a_signature_header_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SignatureMalformed):
        parse(text)


@given(
    st.dictionaries(st.sampled_from(["Signature", "Date", "Digest", "Host", "X"]), st.text(max_size=60)),
    st.text(max_size=20),
)
def test_any_request_is_refused_with_a_sentence(headers: dict[str, str], target: str) -> None:
    with pytest.raises(SignatureError, match=r"\.$"):
        check(headers, target=target)


def test_numbers_without_quotes_are_read() -> None:
    assert parse('keyId="k",created=1402170695,algorithm="hs2019",signature="AA=="').headers == ("date",)


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "not a key",
        "\x00\udcff",
        PUBLIC,
        pem_of(ec.generate_private_key(ec.SECP256R1())),
        pem_of(rsa.generate_private_key(65_537, 1_024)),
    ],
)
def test_key_that_cannot_sign_is_refused_and_never_printed(pem: str) -> None:
    with pytest.raises(KeyUnusable, match=r"\.$") as caught:
        Signer.from_pem(KEY_ID, pem)
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize("pem", ["", "nonsense", "\udcff", pem_of(KEY), DRAFT_KEY])
def test_key_that_cannot_be_verified_with_is_refused(pem: str) -> None:
    with pytest.raises(KeyUnusable, match=r"\.$"):
        check(signed(), public_pem=pem)


@pytest.mark.parametrize("key_id", ["", 'a"b', "a b", "a\nb", "é", "a" * 3_000])
def test_address_of_a_key_cannot_break_out_of_the_header(key_id: str) -> None:
    with pytest.raises(KeyUnusable):
        Signer.from_pem(key_id, pem_of(KEY))


def test_private_key_is_not_printed() -> None:
    made = Signer.from_pem(KEY_ID, pem_of(KEY))
    assert repr(made) == f"Signer(key_id={KEY_ID!r})"
    assert made.public_pem() == PUBLIC


def test_time_without_a_zone_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        SIGNER.headers("GET", INBOX, at=dt.datetime(2026, 1, 1))  # noqa: DTZ001  (that is the point)
