"""Where a policy model may be asked, by what definitions and with which key: what cannot be is told before anything is sent."""

from __future__ import annotations

import pytest
from tests.support.policy_server import PolicyServer

from seawall.detect.scorer import ModelError
from seawall.detect.scorers import Asking, address, open_scorer
from seawall.detect.scorers.remote import RemoteScorer

DEFINITIONS = {"hate": "Stirs up hatred.", "abuse": "Insults a person."}


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("http://127.0.0.1:8000/v1", "name the model after a #"),
        ("http://127.0.0.1:8000/v1#", "name the model after a #"),
        ("http://127.0.0.1:8000/v1#a\nb", "name the model after a #"),
        ("model.example/v1#m", "is no http or https address"),
        ("ftp://model.example/v1#m", "is no http or https address"),
        (
            "http://203.0.113.9/v1#m",
            "plain http is for this machine and private networks only, and 203.0.113.9 is neither",
        ),
        ("http://169.254.169.254/v1#m", "plain http is for this machine and private networks only"),
        ("http://[2001:db8::1]/v1#m", "plain http is for this machine and private networks only"),
        ("http://[::ffff:203.0.113.9]/v1#m", "plain http is for this machine and private networks only"),
        ("https://model.example/v1/chat/completions#m", "must end before /chat/completions"),
        ("https://model.example/v1?version=2#m", "hold no query"),
        ("https://model.example:port/v1#m", "is not an address"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(rest: str, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        open_scorer(f"openai-compat:{rest}", definitions=DEFINITIONS)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://10.1.2.3:8000/v1",
        "http://192.168.0.9/v1",
        "http://172.20.0.2:8000/v1/",
        "http://100.64.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "http://[fd00::5]:8000/v1",
        "http://vllm.internal:8000/v1",
        "https://model.example/v1",
    ],
)
def test_an_address_that_can_be_used_is_not_asked_before_there_is_a_text(url: str) -> None:
    assert open_scorer(f"openai-compat:{url}#m", definitions=DEFINITIONS).labels == ("abuse", "hate")


def test_plain_http_to_a_name_goes_to_private_addresses_alone(
    server: PolicyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "inside.internal": ["127.0.0.1"],
        "outside.example": ["203.0.113.9"],
        "mixed.example": ["127.0.0.1", "203.0.113.9"],
    }
    monkeypatch.setattr(address, "system_resolver", lambda host, port: found[host])
    port = server.server_address[1]

    def asked(host: str) -> RemoteScorer:
        asking = RemoteScorer(f"http://{host}:{port}/v1", "m", DEFINITIONS, asking=Asking(retries=0))
        asking.judge(["abuse"])
        return asking

    assert asked("inside.internal").faults == {}
    for host in ("outside.example", "mixed.example"):
        assert asked(host).faults == {"the server's name could not be resolved to an address that may be used": 1}
    assert len(server.requests) == 1


@pytest.mark.parametrize("definitions", [None, {}, {"abuse": "  "}])
def test_without_definitions_a_policy_model_cannot_be_asked(definitions: dict[str, str] | None) -> None:
    with pytest.raises(
        ModelError, match="is asked by definitions and none were given; give those of a code of practice"
    ):
        open_scorer("openai-compat:https://model.example/v1#m", definitions=definitions)


def test_a_definition_of_what_is_no_family_is_told() -> None:
    with pytest.raises(ModelError, match="definitions name 'rudeness', which is not one of"):
        open_scorer("openai-compat:https://model.example/v1#m", definitions={"rudeness": "Being rude."})


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk with spaces", "sk-ünïcode"])
def test_a_key_that_cannot_be_sent_is_told_without_being_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_MODEL_KEY", key)
    with pytest.raises(ModelError, match="SEAWALL_MODEL_KEY: holds what no key holds") as told:
        open_scorer("openai-compat:https://model.example/v1#m", definitions=DEFINITIONS)
    assert key not in str(told.value)


def test_a_key_in_the_address_is_refused_without_being_repeated() -> None:
    with pytest.raises(ModelError, match="put the key into SEAWALL_MODEL_KEY") as told:
        open_scorer("openai-compat:https://user:sk-verysecret@model.example/v1#m", definitions=DEFINITIONS)
    assert "verysecret" not in str(told.value)
