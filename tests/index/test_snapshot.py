"""A saved index opens by mapping; a damaged one says so and is never searched."""

from __future__ import annotations

import json
import multiprocessing
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.index.banks import near_copies, plain, random_bank

from seawall.index import HashIndex, SnapshotError
from seawall.index.snapshot import MAGIC

COUNT = 6_000


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    bank = HashIndex.build(range(COUNT), random_bank(COUNT, np.random.default_rng(1)))
    bank.save(tmp_path / "bank.idx")
    return tmp_path / "bank.idx"


def header_of(path: Path) -> dict[str, object]:
    raw = path.read_bytes()
    (length,) = struct.unpack_from("<I", raw, 12)
    held: dict[str, object] = json.loads(raw[20 : 20 + length])
    return held


def with_header(path: Path, header: object) -> None:
    raw = bytearray(path.read_bytes())
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    raw[12:20] = struct.pack("<II", len(text), zlib.crc32(text))
    raw[20 : 20 + len(text)] = text
    path.write_bytes(raw)


@pytest.mark.parametrize("count", [0, 1, 100, 20_000])
def test_what_is_opened_is_what_was_saved(tmp_path: Path, count: int) -> None:
    draw = np.random.default_rng(count)
    rows = near_copies(count, draw) if count else np.empty((0, 4), np.uint64)
    keys = np.arange(count) * 3 - 7
    bank = HashIndex.build(keys, rows)
    bank.save(tmp_path / "bank.idx")
    for check in (True, False):
        opened = HashIndex.open(tmp_path / "bank.idx", check=check)
        assert len(opened) == count
        for query in rows[:20]:
            assert opened.search(query) == plain(query, keys, rows, 31)
    assert [path.name for path in tmp_path.iterdir()] == ["bank.idx"]


def test_an_opened_index_changes_in_its_process_only(saved: Path) -> None:
    before = saved.read_bytes()
    one, other = HashIndex.open(saved), HashIndex.open(saved)
    assert one.remove(5)
    one.add(COUNT, "0" * 64)
    assert (len(one), len(other)) == (COUNT, COUNT)
    assert 5 in other
    assert COUNT not in other
    assert saved.read_bytes() == before
    one.save(saved)  # over the very file that it has mapped
    assert 5 in other
    again = HashIndex.open(saved)
    assert 5 not in again
    assert again.search("0" * 64) == one.search("0" * 64) == [(COUNT, 0)]


def _count_of(path: Path, asked: str, answers: multiprocessing.Queue[object]) -> None:
    answers.put(HashIndex.open(path).search(asked))


def test_other_processes_search_the_same_file(saved: Path) -> None:
    bank = HashIndex.open(saved)
    rows = random_bank(COUNT, np.random.default_rng(1))
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[object] = context.Queue()
    asked = rows[42].astype("<u8").tobytes().hex()
    process = context.Process(target=_count_of, args=(saved, asked, answers))
    process.start()
    assert answers.get(timeout=120) == bank.search(asked) == [(42, 0)]
    process.join()
    assert process.exitcode == 0


def test_no_byte_can_be_turned_unnoticed(saved: Path) -> None:
    """One bit anywhere that is read: the header, or a section."""
    whole = saved.read_bytes()
    sections = header_of(saved)["sections"]
    assert isinstance(sections, dict)
    places = [0, 8, 12, 16, 25, *(said["at"] + said["bytes"] // 2 for said in sections.values())]
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 0x10
        saved.write_bytes(broken)
        with pytest.raises(SnapshotError, match=str(saved)):
            HashIndex.open(saved)


@pytest.mark.parametrize("length", [0, 7, 19, 300, 70_000, -1, -4_096])
def test_a_file_that_was_cut_short_is_refused(saved: Path, length: int) -> None:
    whole = saved.read_bytes()
    cut = whole[:length]
    if length == -1:  # the last section may end before the file does: cut into it
        sections = header_of(saved)["sections"]
        assert isinstance(sections, dict)
        cut = whole[: sections["numbers"]["at"] + sections["numbers"]["bytes"] - 1]
    saved.write_bytes(cut)
    with pytest.raises(SnapshotError):
        HashIndex.open(saved, check=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"count": COUNT + 1},
        {"count": -1},
        {"count": 2**33},
        {"count": True},
        {"count": "6000"},
        {"bands": 3},
        {"bands": 0},
        {"bands": 40},
        {"bands": None},
        {"sections": {}},
        {"sections": []},
        {"sections": {"keys": {"at": 4096, "bytes": "x", "crc32": 0}}},
    ],
)
def test_a_header_that_lies_is_refused(saved: Path, changes: dict[str, object]) -> None:
    with_header(saved, {**header_of(saved), **changes})
    with pytest.raises(SnapshotError):
        HashIndex.open(saved, check=False)


@pytest.mark.parametrize("header", [b"[]", b"null", b"{", b"\xff\xfe", b"{}"])
def test_a_header_that_is_none_is_refused(saved: Path, header: bytes) -> None:
    with_header(saved, header)
    with pytest.raises(SnapshotError):
        HashIndex.open(saved)


def test_tables_that_point_outside_are_refused_though_their_sums_are_right(saved: Path) -> None:
    """Somebody who can compute a CRC must not make a search read where nothing is."""
    whole, header = saved.read_bytes(), header_of(saved)
    sections = header["sections"]
    assert isinstance(sections, dict)
    for name, place, value in (("numbers", 4, COUNT), ("tables", 400, 2**31), ("tables", 0, 1), ("keys", 8, 2**40)):
        said = dict(sections[name])
        broken = bytearray(whole)
        size = 8 if name == "keys" else 4
        broken[said["at"] + place : said["at"] + place + size] = value.to_bytes(size, "little")
        said["crc32"] = zlib.crc32(broken[said["at"] : said["at"] + said["bytes"]])
        saved.write_bytes(broken)
        with_header(saved, {**header, "sections": {**sections, name: said}})
        with pytest.raises(SnapshotError, match="places that are not there"):
            HashIndex.open(saved)


def test_other_files_are_named_for_what_they_are_not(tmp_path: Path) -> None:
    other = tmp_path / "photo.png"
    other.write_bytes(b"\x89PNG" + bytes(100))
    with pytest.raises(SnapshotError, match="begins with other bytes"):
        HashIndex.open(other)
    newer = tmp_path / "newer.idx"
    newer.write_bytes(MAGIC + struct.pack("<III", 2, 0, 0) + bytes(100))
    with pytest.raises(SnapshotError, match="version 2"):
        HashIndex.open(newer)
    with pytest.raises(FileNotFoundError):
        HashIndex.open(tmp_path / "none.idx")


def test_a_disc_that_is_full_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    bank = HashIndex.open(saved)
    bank.add(COUNT, "0" * 64)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seawall.index.snapshot.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        bank.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["bank.idx"]
