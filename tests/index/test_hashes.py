from __future__ import annotations

import numpy as np
import pytest

from seawall.index import HashError, hex_of, pack

HEX = "f8f8f0cce0f4a84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"


def test_every_form_gives_the_same_row() -> None:
    raw = bytes.fromhex(HEX)
    forms = [
        pack([HEX]),
        pack([f" {HEX.upper()}\n"]),
        pack([raw]),
        pack(np.frombuffer(raw, np.uint8).reshape(1, 32)),
        pack(pack([HEX])),
    ]
    assert all((form == forms[0]).all() and form.shape == (1, 4) for form in forms)
    assert hex_of(forms[0][0]) == HEX


def test_nothing_is_no_rows() -> None:
    assert pack([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["0" * 63], "Hash 0 is '0000"),
        ([HEX, "x" * 64], "Hash 1 is 'xxxx"),
        ([HEX, ""], "Hash 1 is ''"),
        ([b"\x00" * 31], "Hash 0 has 31 bytes"),
        ([" " * 64 + "0"], "Hash 0"),
        (HEX, "put it into a list"),
        (np.zeros((2, 31), np.uint8), r"\(2, 31\) of uint8"),
        (np.zeros((2, 4), np.int64), "int64"),
        (np.zeros(4, np.uint64), r"\(4,\) of uint64"),
    ],
)
def test_what_is_no_hash_is_named(given: object, said: str) -> None:
    with pytest.raises(HashError, match=said):
        pack(given)  # type: ignore[arg-type]
