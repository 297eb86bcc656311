"""How fast the ledger takes entries from many writers at once, beside plain inserts into a bare table by as many writers.

    python benchmarks/ledger.py [--writers 8] [--entries 1000]

Starts an embedded PostgreSQL of its own in a temporary home, durable as in real use, with writers in processes of their own. Each
transaction inserts one row: first into a table with a key and a text and nothing else, then into the ledger by `record`, while the
sequencer links what is committed, as it does in `seawall worker`. Prints entries per second recorded, and per second until the last one
is in the chain, which is then verified. Ends with exit code 1 when an entry is missing from the chain, when the ledger is slower than
LEAST_SPEED where the machine is fast enough for that figure to mean something (FAST_TABLE), or than LEAST_RATIO of the bare table.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

LEAST_SPEED = 2_000
LEAST_RATIO = 0.25
FAST_TABLE = 5_000
BARE = "CREATE TABLE bench_bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)"


def into_bare_table(number: int) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_bare (text) VALUES (%s)", [f"entry {number}"])


def into_ledger(number: int) -> None:
    from django.db import transaction

    from seawall.hub.ledger import vocabulary
    from seawall.hub.ledger.services import Actor, record

    with transaction.atomic():
        record(
            event=vocabulary.CaseClosed(outcome="refer", harm="abuse-harassment", platform="alpha"),
            subject=("case", f"c{number}"),
            actor=Actor.machine("benchmark"),
        )


def writer(write: Callable[[int], None], entries: int, together: Barrier) -> None:
    """One process: connect, wait for the others, write."""
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    write(-os.getpid())
    together.wait()
    for number in range(entries):
        write(number)
    together.wait()


def sequencer(stop: Event) -> None:
    """Link what is committed twice a second, as the worker does."""
    import django

    django.setup()
    from seawall.hub.ledger.services import link_all_pending

    while not stop.wait(0.5):
        link_all_pending()


def seconds_for(write: Callable[[int], None], *, writers: int, entries: int) -> float:
    """Seconds that the writers take together, without their start."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(writers + 1)
    processes = [context.Process(target=writer, args=(write, entries, together)) for _ in range(writers)]
    for process in processes:
        process.start()
    together.wait(120)
    began = time.perf_counter()
    together.wait(600)
    took = time.perf_counter() - began
    for process in processes:
        process.join()
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--entries", type=int, default=1_000, help="entries of each writer")
    options = parser.parse_args()
    count = options.writers * options.entries
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, the database's own account must reach its folder in it
        os.environ["SEAWALL_HOME"] = folder
        for name in ("DATABASE_URL", "SEAWALL_EMBEDDED_URL", "SEAWALL_DEMONSTRATION"):
            os.environ.pop(name, None)
        from seawall.commands.bootstrap import hub

        with hub(migrated=False):
            from django.core.management import call_command
            from django.db import connection

            from seawall.hub.ledger.queries import verify
            from seawall.hub.ledger.services import link_all_pending, sign_root

            call_command("migrate", interactive=False, verbosity=0)
            with connection.cursor() as cursor:
                cursor.execute(BARE)
            bare = seconds_for(into_bare_table, writers=options.writers, entries=options.entries)
            context = multiprocessing.get_context("spawn")
            stop = context.Event()
            linking = context.Process(target=sequencer, args=(stop,))
            linking.start()
            recorded = seconds_for(into_ledger, writers=options.writers, entries=options.entries)
            stop.set()
            linking.join()
            before = time.perf_counter()
            rest = link_all_pending()
            linked = recorded + time.perf_counter() - before
            sign_root()
            found = verify()
            connection.close()
    speed, plain = count / linked, count / bare
    ratio = speed / plain
    print(f"{options.writers} writers, {options.entries:,} transactions each, one row a transaction, durable")
    print(f"bare table             {plain:>12,.0f} rows/s")
    print(f"ledger, recorded       {count / recorded:>12,.0f} entries/s")
    print(f"ledger, in the chain   {speed:>12,.0f} entries/s ({rest:,} were left to link when the last was written)")
    print(f"ledger : bare table    {ratio:>12.4f}   (least {LEAST_RATIO})")
    print(f"least speed            {LEAST_SPEED:>12,} entries/s: {'held' if speed >= LEAST_SPEED else 'not held'}")
    if found.problem or found.entries != count + options.writers or found.pending:
        print(
            f"FAILED: {found.entries:,} of {count + options.writers:,} entries in the chain; {found.problem or 'none is broken'}"
        )
        return 1
    if ratio < LEAST_RATIO or (speed < LEAST_SPEED and plain >= FAST_TABLE):
        print("FAILED: slower than the threshold")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
