"""The ledger: the append-only record of every event, hash-chained and Merkle-rooted, and the source of every figure."""
