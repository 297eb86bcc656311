from __future__ import annotations

import numpy as np
import pytest

from seawall.index.layout import (
    FEWEST,
    MOST,
    MOST_BYTES,
    RADIUS,
    bands_for,
    bytes_a_hash,
    layout,
    probes_and_candidates,
)

ALL = range(FEWEST, MOST + 1)


@pytest.mark.parametrize("bands", ALL)
def test_no_match_can_slip_between_the_bands(bands: int) -> None:
    """The most that can be spread over the bands without coming near in any: t_i + 1 in each. It must be more than the radius."""
    plan = layout(bands)
    assert sum(slack + 1 for slack in plan.slacks) > RADIUS
    assert sorted(plan.bits) == list(range(256))
    assert [len(plan.bits[a:b]) for a, b in zip(plan.starts, plan.starts[1:], strict=False)] == list(plan.widths)
    masks = np.bitwise_or.reduce(plan.masks, axis=0)
    assert (masks == np.uint64(2**64 - 1)).all()
    assert np.bitwise_count(plan.masks).sum() == 256


@pytest.mark.parametrize("bands", ALL)
def test_flips_reach_every_value_within_the_slack_once(bands: int) -> None:
    plan = layout(bands)
    for band, (width, slack) in enumerate(zip(plan.widths, plan.slacks, strict=True)):
        flips = plan.flips[plan.flip_starts[band] : plan.flip_starts[band + 1]]
        counts = np.bitwise_count(flips)
        assert len(np.unique(flips)) == len(flips)
        assert counts.max() == slack
        assert flips.max() < 2**width
        reached = [int((counts == size).sum()) for size in range(slack + 1)]
        assert reached == [1, width, width * (width - 1) // 2][: slack + 1]
    assert len(plan.flips) == probes_and_candidates(bands, 1)[0]


@pytest.mark.parametrize("bands", [0, FEWEST - 1, MOST + 1, 256])
def test_other_numbers_of_bands_are_refused(bands: int) -> None:
    with pytest.raises(ValueError, match=f"cannot be {bands} bands"):
        layout(bands)


@pytest.mark.parametrize("count", [1_000_000, 3_000_000, 10_000_000, 100_000_000])
def test_what_is_chosen_takes_no_more_memory_than_promised(count: int) -> None:
    assert bytes_a_hash(bands_for(count), count) <= MOST_BYTES


def test_larger_banks_get_fewer_and_wider_bands() -> None:
    chosen = [bands_for(count) for count in (10_000, 100_000, 1_000_000, 10_000_000)]
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[0] == MOST
    assert chosen[-1] == FEWEST
