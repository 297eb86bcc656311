"""The front page, and what a monitor is told."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from tests.support.hub import SmallHub

from seawall.hub import jobs
from seawall.hub.ledger import services as ledger
from seawall.hub.web import health


def body(response: Any) -> str:
    html = response.content.decode().split('id="main-content">')[1].split("</main")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_front_page_has_three_doors(hub: SmallHub, client: Client) -> None:
    response = client.get("/")
    assert response.status_code == 200
    page = body(response)
    assert (
        page.index("Call 999")
        < page.index("Report something")
        < page.index("Read the code of practice")
        < page.index("See the figures")
    )
    for path in ("/report/", "/code/", "/figures/", "/sign-in/"):
        assert f'href="{path}"' in response.content.decode()
    assert not response.cookies


@pytest.mark.parametrize("path", ["/", "/report/", "/report/done/", "/code/", "/figures/", "/health"])
def test_the_public_pages_stand_on_an_empty_database(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code in (200, 503)


@pytest.mark.parametrize("path", ["/", "/report/", "/code/", "/figures/"])
def test_the_public_pages_are_guarded(hub: SmallHub, client: Client, path: str) -> None:
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] in ("no-referrer", "same-origin")
    html = response.content.decode()
    assert " style=" not in html
    assert " onclick=" not in html
    assert not re.search(r"<script(?![^>]*nonce=)", html)
    assert not re.search(r'(?:href|src)="(?:https?:)?//', html)


def told(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/health")
    assert response["Cache-Control"] == "no-store"
    return response.status_code, json.loads(response.content)


def linked() -> None:
    ledger.link_all_pending()


def test_a_healthy_hub(hub: SmallHub, client: Client) -> None:
    linked()
    assert told(client) == (
        200,
        {"status": "ok", "database": "reachable", "unlinked_ledger_entries": 0, "oldest_waiting_job_seconds": None},
    )


def test_a_hub_without_a_worker(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """People are still served, so the answer is 200; the words tell that background work stands still."""
    linked()
    jobs.defer("ledger.sign_root", timestamp=0)
    status, data = told(client)
    assert (status, data["status"]) == (200, "ok")
    assert data["oldest_waiting_job_seconds"] == 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_events SET at = at - interval '6 minutes'")
    status, data = told(client)
    assert (status, data["status"]) == (200, "behind")
    assert 360 <= data["oldest_waiting_job_seconds"] < 400


def test_a_job_for_later_is_not_waiting(hub: SmallHub, client: Client) -> None:
    jobs.defer("ledger.sign_root", in_seconds=3_600, timestamp=0)
    assert told(client)[1]["oldest_waiting_job_seconds"] is None
    assert jobs.oldest_waiting() is None


def test_a_ledger_that_is_not_linked(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _status, data = told(client)
    assert data["unlinked_ledger_entries"] > 40
    monkeypatch.setattr(health, "BEHIND_LEDGER", 40)
    assert told(client)[1]["status"] == "behind"
    linked()
    assert told(client)[1]["status"] == "ok"


def test_no_database(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> timedelta:
        raise OperationalError('connection to server at "10.0.0.7", port 5432 failed: password for user "seawall"')

    monkeypatch.setattr(jobs, "oldest_waiting", gone)
    monkeypatch.setattr(connection, "close", lambda: None)
    status, data = told(client)
    assert (status, data["status"]) == (503, "down")
    assert "10.0.0.7" not in json.dumps(data)
    assert "seawall" not in json.dumps(data)


def test_a_database_that_was_never_set_up(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "close", lambda: None)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE procrastinate_events CASCADE")
        assert told(client)[0] == 503
        transaction.set_rollback(True)


def test_health_can_only_be_read(client: Client) -> None:
    assert client.post("/health").status_code == 405
