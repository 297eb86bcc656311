"""A member of the public who reports: the form's answers, filled in and sent as a browser does."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from seawall.hub.redress.models import Report

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'text'"
FORM, DONE, START = "/report/new/", "/report/done/", "/report/"
LINK = "https://www.example.org/posts/1"

ANSWERS: dict[str, dict[str, str]] = {
    "danger": {"danger_now": "no"},
    "what": {"kind": "link", "link": LINK, "text": ""},
    "about": {"about": "abuse"},
    "person": {"for_whom": "somebody"},
    "age": {"age_band": "13_17"},
    "more": {"note": "It has gone on for a week."},
}


def answer(client: Client, step: str, **given: str) -> Any:
    return client.post(f"{FORM}?step={step}", {**ANSWERS[step], **given})


def fill_in(client: Client, **given: dict[str, str]) -> None:
    """Answer every question up to the check."""
    for step in ANSWERS:
        if step == "age" and given.get("person", {}).get("for_whom") == "public":
            continue
        response = answer(client, step, **given.get(step, {}))
        assert response.status_code == 302, body(response)


def send(client: Client) -> Any:
    return client.post(f"{FORM}?step=check", follow=True)


def reported(client: Client, **given: dict[str, str]) -> tuple[Report, str]:
    """Report, and return the report and the path of its secret page."""
    fill_in(client, **given)
    done = send(client)
    found = re.search(r'href="http://testserver(/report/follow/[^"]+/)"', done.content.decode())
    assert found, body(done)
    return Report.objects.latest("received_at"), found[1]


def body(response: Any) -> str:
    return " ".join(
        re.sub(r"<[^>]*>", " ", response.content.decode().split('id="main-content">')[1].split("</main")[0]).split()
    )
