"""How fast `seawall ingest` and `seawall scan` are, beside merely parsing the same file.

    python benchmarks/ingest.py [--posts 100000]

Starts an embedded PostgreSQL of its own in a temporary home, durable as in real use, writes a file of made-up posts (the same every
time), parses it with orjson, takes it in with the real command in a process of its own, and takes it in once more, which must change
nothing. Then assesses it with `seawall scan --profile linear`.
Prints posts per second. Ends with exit code 1 when what lies in the database is not what
lay in the file, or when taking in or assessing is slower than LEAST_RATIO of parsing, or than LEAST_SPEED where the machine is fast enough
for that figure to mean something (FAST_PARSER).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scan import make_posts

LEAST_RATIO = 0.006
LEAST_SPEED = 5_000
FAST_PARSER = 500_000
SEAWALL = [sys.executable, "-m", "seawall"]
PLATFORM = "site.example"  # as the made-up posts name it


def seawall(*arguments: str) -> tuple[float, str]:
    """Run the command; give the seconds it took, start included, and what it said. Ends the program when it fails."""
    began = time.perf_counter()
    done = subprocess.run([*SEAWALL, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"FAILED: seawall {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - began, done.stdout.strip()


def directory() -> None:
    """A desk and a platform, through the services."""
    from seawall.hub.directory import services
    from seawall.hub.directory.models import OrganisationKind
    from seawall.hub.directory.roles import Partition
    from seawall.hub.ledger.services import Actor

    actor = Actor.machine("benchmark")
    kinds = {"hub": OrganisationKind.HUB, PLATFORM: OrganisationKind.PLATFORM}
    made = {
        slug: services.register_organisation(slug=slug, name=slug, kind=kind, state_body=False, actor=actor)
        for slug, kind in kinds.items()
    }
    services.open_desk(
        organisation=made["hub"], slug="general", name="General", partition=Partition.GENERAL, actor=actor
    )
    services.register_platform(organisation=made[PLATFORM], slug=PLATFORM, name="Site", actor=actor)


def stored() -> tuple[int, int, int]:
    """Posts, posts that batches say they brought, and posts that the ledger says were new."""
    from django.db.models import Sum

    from seawall.hub.content.models import Content, IngestBatch
    from seawall.hub.ledger.queries import stream

    told = sum(entry.payload["new"] for entry in stream(verbs=("content.batch_ingested",)))
    return Content.objects.count(), IngestBatch.objects.aggregate(all=Sum("new"))["all"] or 0, told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, the database's own account must reach its folder in it
        os.environ["SEAWALL_HOME"] = folder
        for name in ("DATABASE_URL", "SEAWALL_EMBEDDED_URL", "SEAWALL_DEMONSTRATION"):
            os.environ.pop(name, None)
        path = Path(folder) / "posts.jsonl"
        make_posts(path, options.posts)
        from seawall.commands.bootstrap import hub

        seawall("migrate")
        with hub():
            directory()
            began = time.perf_counter()
            with path.open("rb") as lines:
                chars = sorted(len(orjson.loads(line)["text"]) for line in lines)
            parsing = options.posts / (time.perf_counter() - began)
            first, said = seawall("ingest", str(path))
            counted = stored()
            again, said_again = seawall("ingest", str(path))
            counted_again = stored()
            scanned, _said = seawall(
                "scan", str(path), "--profile", "linear", "--out", str(Path(folder) / "findings.jsonl"), "--strict"
            )
    print(f"{options.posts:,} posts, median {chars[len(chars) // 2]} characters")
    print(f"parse with orjson      {parsing:>12,.0f} posts/s")
    print(f"seawall ingest         {options.posts / first:>12,.0f} posts/s, start of the program included")
    print(f"seawall scan           {options.posts / scanned:>12,.0f} posts/s, start of the program included")
    print(f"the same file again    {options.posts / again:>12,.0f} posts/s, nothing changed")
    if counted != (options.posts,) * 3 or counted_again != counted:
        print(f"FAILED: {counted} then {counted_again} posts by table, batches and ledger\n{said}\n{said_again}")
        return 1
    speed, scan_speed = options.posts / first, options.posts / scanned
    ratio = min(speed, scan_speed) / parsing
    print(f"ingest : parse         {speed / parsing:>12.4f}   (least {LEAST_RATIO})")
    print(f"scan : parse           {scan_speed / parsing:>12.4f}   (least {LEAST_RATIO})")
    slowest = min(speed, scan_speed)
    print(f"least speed            {LEAST_SPEED:>12,} posts/s: {'held' if slowest >= LEAST_SPEED else 'not held'}")
    if ratio < LEAST_RATIO or (slowest < LEAST_SPEED and parsing >= FAST_PARSER):
        print("FAILED: slower than the threshold")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
