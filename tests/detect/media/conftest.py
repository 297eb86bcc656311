"""One reader for the tests that only read: its processes start once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seawall.detect.media import MediaReader


@pytest.fixture(scope="session")
def reader() -> Iterator[MediaReader]:
    with MediaReader() as made:
        yield made
