"""The gate of the profile `gated`: posts that the linear model may rule out before the transformer is asked.

The linear model carries two columns beside its labels, learnt from what the whole ensemble says of ordinary posts:
`self_harm` for the families about suicide, self-harm and eating disorders, `harm` for the others. A post is ruled out
when both scores lie below their bars.

The bar for `harm` was set so that few posts which the ensemble flags are lost. For `self_harm` there are two bars: below
`strict` lay *no* held-back post about self-harm that the ensemble flags; `loose` loses as many as the other gate does and
is used only when the operator says so. The losses that were measured stand in the detector's metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

GATES: Final = ("harm", "self_harm")
SELF_HARM_FAMILIES: Final = ("suicide_self_harm", "at_risk", "eating_disorder")


def ruled_out(
    scores: NDArray[np.float64], bars: Mapping[str, Mapping[str, float]], loose_self_harm: bool = False
) -> NDArray[np.bool_]:
    """Which texts need not be read further. `scores` has one column for each of `GATES`."""
    self_harm = bars["self_harm"]["loose" if loose_self_harm else "strict"]
    out: NDArray[np.bool_] = (scores[:, 0] < bars["harm"]["bar"]) & (scores[:, 1] < self_harm)
    return out
