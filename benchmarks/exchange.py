"""How fast a community's signals are read, how fast the hub is asked, and how soon a withdrawal has landed everywhere.

    python benchmarks/exchange.py [--signals 1000000] [--recipients 200]

Starts an embedded PostgreSQL of its own in a temporary home. Shares signals (a tenth of them PDQ hashes), then reads all of them by the
feed as a member's software does (the whole request through Django, JSON included), a change of 100, and asks `POST /v1/match`. Then it
plays four hours, minute by minute: 12 withdrawals, recipients that poll every 1 to 15 minutes, a tenth of which fail half of the time,
forget to confirm, or sleep until they are called, and measures the time from each withdrawal to each recipient's confirmation. Ends with
exit code 1 when a threshold is missed: FULL_SECONDS for a million signals, DELTA_SECONDS for a hundred, LOOKUPS a second of processor
time, and P95 for withdrawals.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

FULL_SECONDS = 60.0
DELTA_SECONDS = 0.2
LOOKUPS = 700  # ten times the 70 that HMA answers a processor second
P95 = timedelta(hours=1)
PAGE = 10_000
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
FLAKY = ("fails", "forgets", "sleeps")


def founded() -> tuple[Any, list[Any], str]:
    """A community with a writer and nine readers; the community, the members, and the key of the first reader's software."""
    from seawall.hub.directory import services as directory
    from seawall.hub.directory.models import OrganisationKind
    from seawall.hub.directory.roles import Role
    from seawall.hub.exchange import communities
    from seawall.hub.exchange.kinds import SignalKind
    from seawall.hub.exchange.models import Part, Tlp
    from seawall.hub.ledger.services import Actor

    actor = Actor.machine("benchmark")

    def organisation(slug: str, kind: OrganisationKind, role: Role) -> tuple[Any, Any]:
        made = directory.register_organisation(slug=slug, name=slug, kind=kind, state_body=False, actor=actor)
        person = directory.add_person(email=f"{slug}@hub.example", name=slug, password=None, actor=actor)
        directory.give_role(person=person, role=role, organisation=made, desk=None, actor=actor)
        return made, person

    hub, administrator = organisation("bench-hub", OrganisationKind.HUB, Role.ADMINISTRATOR)
    pool = communities.found(
        person=administrator,
        operator=hub,
        slug="pool",
        name="Pool",
        purpose="To be measured.",
        harms=["hate-stirring"],
        kinds=[SignalKind.PDQ, SignalKind.SHA256],
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=365),
        agreement="We act on withdrawals within an hour.",
    )
    text = pool.agreements.get()
    members = []
    who = [(hub, administrator, Part.WRITER)]
    for number in range(9):
        made, person = organisation(f"reader-{number}", OrganisationKind.PLATFORM, Role.PLATFORM_CONTACT)
        who.append((made, person, Part.READER))
    for made, person, part in who:
        asked = communities.invite(community=pool, organisation=made, part=part, person=administrator)
        members.append(communities.accept(member=asked, person=person, agreement=text))
    _key, secret = directory.give_api_key(organisation=members[1].organisation, name="benchmark", actor=actor)
    return pool, members, secret


def fill(pool: Any, writer: Any, count: int) -> list[str]:
    """Share so many signals; the values of the PDQ hashes among them."""
    from seawall.hub.exchange import signals
    from seawall.hub.exchange.kinds import SignalKind
    from seawall.hub.exchange.models import Tlp
    from seawall.hub.exchange.signals import Draft
    from seawall.hub.ledger.services import Actor

    draw = random.Random(1)
    pictures: list[str] = []
    for begin in range(0, count, PAGE):
        drafts = []
        for number in range(begin, min(begin + PAGE, count)):
            value = f"{draw.getrandbits(256):064x}"
            kind = SignalKind.PDQ if number % 10 == 0 else SignalKind.SHA256
            if kind is SignalKind.PDQ:
                pictures.append(value)
            drafts.append(
                Draft(
                    kind=kind,
                    value=value,
                    harm="hate-stirring",
                    severity=3,
                    confidence=80,
                    tlp=Tlp.GREEN,
                    decision_reference=f"D-{number}",
                )
            )
        signals.share_many(
            community=pool, organisation=writer.organisation, drafts=drafts, actor=Actor.machine("benchmark")
        )
    return pictures


def read(client: Any, place: str, after: int) -> tuple[int, int]:
    """Follow the feed to its end: how many signals came, and the cursor."""
    seen = 0
    while True:
        answer = client.get("/api/v1/communities/pool/signals/", {"recipient": place, "after": after, "limit": PAGE})
        page = json.loads(answer.content)
        seen, after = seen + len(page["signals"]), page["cursor"]
        if not page["more"]:
            return seen, after


def ask(client: Any, pictures: list[str], seconds: float = 5.0) -> tuple[float, float]:
    """Lookups a second of processor time, one hash a request and a hundred a request."""
    draw = random.Random(2)
    found = []
    for together in (1, 100):
        asked, began, processor = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            hashes = [
                draw.choice(pictures) if draw.random() < 0.1 else f"{draw.getrandbits(256):064x}"
                for _ in range(together)
            ]
            answer = client.post("/api/v1/match/", json.dumps({"pdq": hashes}), content_type="application/json")
            if answer.status_code != 200:
                sys.exit(f"A question was refused: {answer.content[:200]!r}")
            asked += together
        found.append(asked / (time.process_time() - processor))
    return found[0], found[1]


def withdrawals(pool: Any, members: list[Any], count: int) -> list[timedelta]:
    """Play four hours; the time that each withdrawal took to be confirmed by each recipient."""
    from seawall.hub import moment
    from seawall.hub.exchange import recipients, signals
    from seawall.hub.exchange.models import Reason, Signal, Surface
    from seawall.hub.ledger.services import Actor

    actor, draw, minute_long = Actor.machine("benchmark"), random.Random(11), timedelta(minutes=1)
    with moment.demonstration_at(NOW):
        wrong = list(Signal.objects.filter(community=pool).order_by("number")[:12])
        places = [
            recipients.register(member=members[1 + n % 9], surface=Surface.API, name=f"place {n}", actor=actor)
            for n in range(count)
        ]
        pool.refresh_from_db()
        cursors = {place.pk: pool.next_change - 1 for place in places}
        for place in places:  # they have read everything: the reading itself is measured above
            place.began, place.served = 0, pool.next_change - 1
            place.save(update_fields=["began", "served"])
            recipients.confirm(recipient=place, until=place.served, actor=actor)
    every = {place.pk: draw.randrange(1, 16) for place in places}
    flaky = {place.pk: draw.choice(FLAKY) for place in places[::10]}
    made: dict[int, datetime] = {}
    landed: list[timedelta] = []
    confirmed = dict(cursors)
    for minute in range(1, 240):
        now = NOW + minute * minute_long
        with moment.demonstration_at(now):
            if minute % 15 == 1 and len(made) < 12:
                (gone,) = signals.withdraw(signals=[wrong[len(made)]], reason=Reason.MISTAKE, actor=actor)
                made[gone.last_change] = now
            woken = {each.recipient_id for each in recipients.remind_due()} if minute % 5 == 0 else set()
            for place in places:
                kind = flaky.get(place.pk)
                due = minute % every[place.pk] == 0 and kind != "sleeps"
                if (not due and place.pk not in woken) or (kind == "fails" and draw.random() < 0.5):
                    continue
                page = recipients.serve(recipient=place, after=cursors[place.pk])
                cursors[place.pk] = page.cursor
                if kind == "forgets" and place.pk not in woken:
                    continue
                recipients.confirm(recipient=place, until=page.cursor, actor=actor)
                landed += [now - when for change, when in made.items() if confirmed[place.pk] < change <= page.cursor]
                confirmed[place.pk] = page.cursor
    if len(landed) != 12 * count:
        sys.exit(f"FAILED: {12 * count - len(landed)} withdrawals have not landed")
    return sorted(landed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--recipients", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, the database's own account must reach its folder in it
        os.environ["SEAWALL_HOME"] = folder
        for name in ("DATABASE_URL", "SEAWALL_EMBEDDED_URL", "SEAWALL_DEMONSTRATION"):
            os.environ.pop(name, None)
        from seawall.commands.bootstrap import hub

        with hub(migrated=False):
            from django.conf import settings
            from django.core.management import call_command
            from django.db import connection
            from django.test import Client

            from seawall.hub.ledger.services import Actor
            from seawall.hub.practice.loading import load_code, shipped_codes
            from seawall.hub.practice.services import adopt

            call_command("migrate", interactive=False, verbosity=0)
            for shipped in shipped_codes().values():
                adopt(code=load_code(shipped), actor=Actor.machine("benchmark"))
            pool, members, secret = founded()
            client = Client(headers={"Authorization": f"Bearer {secret}", "Host": settings.ALLOWED_HOSTS[0]})
            start = time.perf_counter()
            pictures = fill(pool, members[0], options.signals)
            print(f"shared {options.signals:,} signals in {time.perf_counter() - start:.0f} s")
            made = client.post(
                "/api/v1/communities/pool/recipients/", json.dumps({"name": "main"}), content_type="application/json"
            )
            place = json.loads(made.content)["id"]
            start = time.perf_counter()
            seen, cursor = read(client, place, 0)
            full = time.perf_counter() - start
            delta = delta_of(client, pool, members[0], place, cursor)
            start = time.perf_counter()
            ask(client, pictures, seconds=0.1)
            warm = time.perf_counter() - start
            single, batch = ask(client, pictures)
            landed = withdrawals(pool, members, options.recipients)
            connection.close()
    scale = full * 1_000_000 / options.signals
    p95 = landed[int(0.95 * len(landed))]
    print(
        f"the whole feed         {full:>10.1f} s for {seen:,} signals ({scale:.1f} s a million; most {FULL_SECONDS:.0f})"
    )
    print(f"a change of 100        {delta * 1e3:>10.0f} ms (most {DELTA_SECONDS * 1e3:.0f})")
    print(f"the bank filled        {warm:>10.1f} s for {len(pictures):,} hashes")
    print(f"asked one by one       {single:>10,.0f} lookups a processor second (least {LOOKUPS})")
    print(f"asked a hundred a time {batch:>10,.0f} lookups a processor second")
    print(
        f"withdrawals landed     {len(landed):>10,}: median {landed[len(landed) // 2]}, p95 {p95} (most {P95}), last {landed[-1]}"
    )
    missed = [
        name
        for name, good in (
            ("feed", seen == options.signals and scale <= FULL_SECONDS),
            ("delta", delta <= DELTA_SECONDS),
            ("match", single >= LOOKUPS),
            ("withdrawals", p95 <= P95),
        )
        if not good
    ]
    if missed:
        print(f"FAILED: {', '.join(missed)}")
        return 1
    return 0


def delta_of(client: Any, pool: Any, writer: Any, place: str, cursor: int) -> float:
    """Seconds to read 100 new signals after a cursor; the median of nine."""
    from seawall.hub.exchange import signals
    from seawall.hub.exchange.kinds import SignalKind
    from seawall.hub.exchange.models import Tlp
    from seawall.hub.exchange.signals import Draft
    from seawall.hub.ledger.services import Actor

    spent = []
    for turn in range(9):
        drafts = [
            Draft(
                kind=SignalKind.SHA256,
                value=f"{turn:032x}{number:032x}",
                harm="hate-stirring",
                severity=3,
                confidence=80,
                tlp=Tlp.GREEN,
                decision_reference=f"E-{number}",
            )
            for number in range(100)
        ]
        signals.share_many(
            community=pool, organisation=writer.organisation, drafts=drafts, actor=Actor.machine("benchmark")
        )
        start = time.perf_counter()
        seen, cursor = read(client, place, cursor)
        spent.append(time.perf_counter() - start)
        if seen != 100:
            sys.exit(f"FAILED: {seen} signals came where 100 had changed")
    return sorted(spent)[len(spent) // 2]


if __name__ == "__main__":
    sys.exit(main())
