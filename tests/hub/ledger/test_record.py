"""Recording, linking and signing: the ledger as it is meant to be used."""

import pytest
from django.db import DatabaseError, transaction
from tests.support.hub import SmallHub

from seawall.hub.ledger import queries, services
from seawall.hub.ledger.models import Entry


def test_a_hub_is_recorded_and_verified(hub: SmallHub) -> None:
    services.link_all_pending()
    services.sign_root()
    found = queries.verify()
    assert found.whole
    assert found.entries == Entry.objects.count() > 40
    assert (found.roots, found.pending) == (1, 0)


@pytest.mark.parametrize("sql", ["UPDATE ledger_entry SET verb = 'x'", "DELETE FROM ledger_entry", "TRUNCATE ledger_entry CASCADE"])
def test_the_database_refuses_to_change_entries(hub: SmallHub, sql: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), services.connection.cursor() as cursor:
        cursor.execute(sql)
