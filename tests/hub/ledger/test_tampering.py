"""What somebody with every right in the database can do to the past, and the sentence in which `verify` tells of it.

The triggers are off in all of these. Where the chain was made anew after the change, only a signed root tells; where the root was
made anew too, only the key does, which the database does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from tests.hub.ledger.conftest import Write

from seawall.hub.ledger import keys, queries, services
from seawall.hub.ledger.models import Checkpoint, Entry, Link, Pending
from seawall.hub.ledger.services import GENESIS, link_hash

pytestmark = [pytest.mark.core, pytest.mark.django_db]

Unguarded = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def past(write: Write) -> list[Entry]:
    """Nine entries in the chain; signed roots over the first three, the first six and all nine."""
    made: list[Entry] = []
    for _ in range(3):
        made += write(3)
        services.link_all_pending()
        services.sign_root()
    assert queries.verify().whole
    return made


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount != 0, "nothing was tampered with"


def rechain() -> None:
    """Make every digest and link anew, as somebody would who wants the chain to hold."""
    previous = GENESIS
    for sequence, link in enumerate(Link.objects.order_by("sequence").select_related("entry"), start=1):
        digest = services.sha256(services.canonical(link.entry)).digest()
        fresh = link_hash(sequence=sequence, previous=previous, digest=digest)
        sql("UPDATE ledger_entry SET digest = %s WHERE id = %s", digest, link.entry_id)
        sql(
            "UPDATE ledger_link SET sequence = %s, previous = %s, hash = %s WHERE sequence = %s",
            sequence, previous, fresh, link.sequence,
        )  # fmt: skip
        previous = fresh


def remove(entry: Entry) -> None:
    sql("DELETE FROM ledger_link WHERE entry_id = %s", entry.pk)
    sql("DELETE FROM ledger_entry WHERE id = %s", entry.pk)


def resign(key: Ed25519PrivateKey) -> None:
    """Make every root anew over the chain as it is now, signed with another key."""
    public = keys.public_bytes(key)
    tree, last = services.GrowingTree(), None
    for checkpoint in Checkpoint.objects.order_by("size"):
        for leaf in Link.objects.filter(sequence__gt=tree.size, sequence__lte=checkpoint.size).order_by("sequence"):
            tree.append(bytes(leaf.hash))
        statement = rfc8785.dumps(
            {
                "schema": "seawall-root/1",
                "size": tree.size,
                "root": tree.root().hex(),
                "previous": last,
                "signed_at": services.stamp(checkpoint.signed_at),
                "key": keys.key_id(public),
            }
        )
        Checkpoint.objects.filter(pk=checkpoint.pk).update(
            root=tree.root(),
            peaks=[peak.hex() for peak in tree.peaks],
            statement=statement.decode(),
            signature=key.sign(statement),
            key_id=keys.key_id(public),
            public_key=public,
        )
        last = {"size": tree.size, "root": tree.root().hex()}


def named(entry: Entry, number: int) -> str:
    return f"Entry {number} ({entry.verb}, {entry.uid})"


def problem() -> str | None:
    found = queries.verify()
    assert found.whole == (found.problem is None)
    return found.problem


FIELDS = {
    "payload": "payload = '{\"rules\": 400}'",
    "a field is added": "payload = payload || '{\"more\": 1}'",
    "verb": "verb = 'directory.person_added'",
    "subject": "subject_id = 'p99'",
    "kind of subject": "subject_kind = 'person'",
    "actor": "actor_id = 'somebody-else'",
    "kind of actor": "actor_kind = 'person'",
    "role": "actor_role = 'administrator'",
    "when it happened": "occurred_at = occurred_at - interval '1 microsecond'",
    "when it was recorded": "recorded_at = recorded_at + interval '1 day'",
    "demonstration": "demonstration = NOT demonstration",
    "uid": "uid = gen_random_uuid()",
    "digest": "digest = sha256('x')",
}


@pytest.mark.parametrize("change", FIELDS.values(), ids=list(FIELDS))
def test_a_changed_entry_is_named(past: list[Entry], unguarded: Unguarded, change: str) -> None:
    with unguarded():
        sql(f"UPDATE ledger_entry SET {change} WHERE id IN (%s, %s)", past[4].pk, past[7].pk)
    changed = Entry.objects.get(pk=past[4].pk)
    assert (
        problem() == f"{named(changed, 5)} does not match its digest: what it says was changed after it was recorded."
    )


def test_an_entry_that_is_no_longer_json_of_ours_is_named(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql("UPDATE ledger_entry SET payload = '{\"rules\": 1e40}' WHERE id = %s", past[4].pk)
    assert (problem() or "").startswith(f"{named(past[4], 5)} cannot be read as an entry: ")


def test_an_entry_changed_with_its_digest_is_named(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql("UPDATE ledger_entry SET payload = '{\"rules\": 400}' WHERE id = %s", past[4].pk)
        digest = services.sha256(services.canonical(Entry.objects.get(pk=past[4].pk))).digest()
        sql("UPDATE ledger_entry SET digest = %s WHERE id = %s", digest, past[4].pk)
    assert problem() == f"{named(past[4], 5)} does not match its link's hash: the chain was changed."


def test_a_removed_entry_is_missed(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        remove(past[4])
    assert problem() == "Entry 5 is missing from the chain: the next one is number 6."


def test_a_removed_entry_is_missed_though_the_others_were_renumbered(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        remove(past[4])
        for number in range(6, 10):
            sql("UPDATE ledger_link SET sequence = sequence - 1 WHERE sequence = %s", number)
    assert problem() == f"{named(past[5], 5)} is not chained to entry 4: an entry was removed, added or replaced."


def test_an_entry_whose_link_was_removed_is_missed(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql("DELETE FROM ledger_link WHERE entry_id = %s", past[8].pk)
        sql("DELETE FROM ledger_checkpoint WHERE size = 9")
    assert problem() == (
        f"Entry {past[8].uid} (directory.platform_rules_recorded) is recorded but is neither in the chain nor waiting to be linked."
    )


def test_a_removed_tail_is_missed(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        remove(past[8])
        remove(past[7])
    assert problem() == "Entry 8 is missing: a signed root covers 9 entries and only 7 are left."


def test_everything_removed_is_missed(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql("DELETE FROM ledger_link")
        sql("DELETE FROM ledger_entry")
    assert problem() == "Entry 1 is missing: a signed root covers 3 entries and only 0 are left."


def test_swapped_entries_are_named(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        spare = 1_000_000
        sql("UPDATE ledger_link SET entry_id = %s WHERE entry_id = %s", spare, past[3].pk)
        sql("UPDATE ledger_link SET entry_id = %s WHERE entry_id = %s", past[3].pk, past[6].pk)
        sql("UPDATE ledger_link SET entry_id = %s WHERE entry_id = %s", past[6].pk, spare)
    assert problem() == f"{named(past[6], 4)} does not match its link's hash: the chain was changed."


def test_swapped_links_are_named(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        for old, new in ((4, 99), (7, 4), (99, 7)):
            sql("UPDATE ledger_link SET sequence = %s WHERE sequence = %s", new, old)
    assert problem() == f"{named(past[6], 4)} is not chained to entry 3: an entry was removed, added or replaced."


def test_an_entry_that_was_slipped_in_without_a_link_is_named(
    past: list[Entry], unguarded: Unguarded, write: Write
) -> None:
    with unguarded():
        late = write(1)[0]
    assert not Pending.objects.exists()
    assert problem() == (
        f"Entry {late.uid} (directory.platform_rules_recorded) is recorded but is neither in the chain nor waiting to be linked."
    )
    assert services.link_all_pending() == 0


def test_a_waiting_entry_that_was_changed_is_named(past: list[Entry], unguarded: Unguarded, write: Write) -> None:
    late = write(2)[1]
    with unguarded():
        sql("UPDATE ledger_entry SET payload = '{\"rules\": 400}' WHERE id = %s", late.pk)
    assert problem() == (
        f"Entry {late.uid} (directory.platform_rules_recorded), which waits to be linked, does not match its digest: what it says was "
        "changed after it was recorded."
    )


def test_a_waiting_entry_that_was_removed_is_missed(past: list[Entry], unguarded: Unguarded, write: Write) -> None:
    late = write(2)[0]
    with unguarded():
        sql("DELETE FROM ledger_entry WHERE id = %s", late.pk)
    assert problem() == f"Entry number {late.pk} waits to be linked and is gone: it was removed after it was recorded."


@pytest.mark.parametrize("change", ["payload", "removal", "order"])
def test_a_chain_made_anew_does_not_give_the_signed_root(past: list[Entry], unguarded: Unguarded, change: str) -> None:
    with unguarded():
        if change == "payload":
            sql("UPDATE ledger_entry SET payload = '{\"rules\": 400}' WHERE id = %s", past[4].pk)
        elif change == "removal":
            remove(past[4])
        else:
            for old, new in ((4, 99), (5, 4), (99, 5)):
                sql("UPDATE ledger_link SET sequence = %s WHERE sequence = %s", new, old)
        rechain()
    assert (
        problem() == "The signed root over the first 6 entries is not the root of what is stored: the past was changed."
    )


def test_a_root_forged_with_another_key_is_named(past: list[Entry], unguarded: Unguarded, own_key: Path) -> None:
    """Chain and roots all made anew: everything in the database agrees, and only the key in the home tells."""
    forger = Ed25519PrivateKey.generate()
    with unguarded():
        sql("UPDATE ledger_entry SET payload = '{\"rules\": 400}' WHERE id = %s", past[4].pk)
        rechain()
        resign(forger)
    mark = keys.key_id(keys.public_bytes(forger))
    others = own_key.with_name("ledger-other-keys")
    assert problem() == (
        f"The signed root over the first 3 entries is signed with the key {mark[:16]}…, which is not this hub's. If that key is yours, "
        f"put its id on a line of its own in {others}; if not, somebody forged the root."
    )
    others.write_text(f"{'0' * 64}\n{mark}\n")
    assert problem() is None, "a key that the operator vouches for is taken"


def test_a_root_whose_signature_was_replaced_is_named(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql(
            "UPDATE ledger_checkpoint SET signature = (SELECT signature FROM ledger_checkpoint WHERE size = 3) WHERE size = 6"
        )
    assert problem() == "The signed root over the first 6 entries has a signature that does not hold."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("root = sha256('x')", "is not the root of what is stored: the past was changed."),
        ("peaks = '[]'", "keeps subtrees that are not those of what is stored: the next root would be wrong."),
        ("statement = '[]'", "has a signature that does not hold."),
        ("signed_at = signed_at - interval '1 day'", "signs something else than it stores."),
        ("key_id = repeat('0', 64)", "names another key than the one that signed it."),
        ("public_key = sha256('x')", "has a signature that does not hold."),
    ],
)
def test_a_changed_root_is_named(past: list[Entry], unguarded: Unguarded, change: str, said: str) -> None:
    with unguarded():
        sql(f"UPDATE ledger_checkpoint SET {change} WHERE size = 6")
    assert problem() == f"The signed root over the first 6 entries {said}"


def test_a_removed_root_is_missed(past: list[Entry], unguarded: Unguarded) -> None:
    with unguarded():
        sql("DELETE FROM ledger_checkpoint WHERE size = 6")
    assert problem() == (
        "The signed root over the first 9 entries does not follow the root before it: a signed root was removed or added."
    )


def test_an_honest_signature_over_something_else_does_not_count(past: list[Entry], unguarded: Unguarded) -> None:
    """The hub's own key signed it, but for another size: a statement cannot be moved from root to root."""
    with unguarded():
        sql(
            "UPDATE ledger_checkpoint SET statement = o.statement, signature = o.signature "
            "FROM ledger_checkpoint o WHERE ledger_checkpoint.size = 6 AND o.size = 3"
        )
    assert problem() == "The signed root over the first 6 entries signs something else than it stores."


def test_a_statement_that_is_not_an_object_is_named(past: list[Entry], unguarded: Unguarded) -> None:
    signature = keys.signing_key().sign(b"[]")
    with unguarded():
        sql("UPDATE ledger_checkpoint SET statement = '[]', signature = %s WHERE size = 6", signature)
    assert problem() == "The signed root over the first 6 entries signs something else than it stores."


def test_looking_changes_nothing(past: list[Entry]) -> None:
    before = list(Entry.objects.order_by("id").values_list("pk", "digest"))
    told: list[int] = []
    with transaction.atomic():
        assert queries.verify(progress=told.append).whole
    assert told[-1] == 9
    assert list(Entry.objects.order_by("id").values_list("pk", "digest")) == before
