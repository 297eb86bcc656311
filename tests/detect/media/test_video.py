"""Videos become frames at a steady spacing, bounded in every direction; their hashes are compared as the reference compares."""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
import pytest
from tests.detect.media.drawings import encoded, filmed, scene

from seawall.detect.media import (
    FrameHash,
    Limits,
    MediaError,
    MediaReader,
    PdqHash,
    best_match,
    file_hashes,
    hash_frames_dihedral,
    hash_video,
    kept,
    match_videos,
    pdq,
    pruned,
)

SCENES = [scene(seed, (320, 240)) for seed in range(1, 7)]


def hashes(*distances: int, quality: int = 100) -> list[FrameHash]:
    """Frames whose hashes have so many of the low bits set."""
    return [FrameHash(PdqHash(f"{(1 << bits) - 1:064x}", quality), float(at)) for at, bits in enumerate(distances)]


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("mp4", "mpeg4"),
        ("mp4", "libx264"),
        ("matroska", "libx264"),
        ("webm", "libvpx-vp9"),
        ("avi", "mpeg4"),
        ("mpegts", "mpeg2video"),
    ],
)
def test_a_frame_a_second(reader: MediaReader, form: str, codec: str) -> None:
    rate = 25 if codec == "mpeg2video" else 10
    with reader.frames(filmed(SCENES[:3], rate=rate, each=rate, form=form, codec=codec)) as frames:
        taken = list(frames)
    assert [round(frame.seconds, 2) for frame in taken] == [0, 1, 2]
    for frame, drawn in zip(taken, SCENES, strict=False):
        assert frame.pixels.shape == (240, 320, 3)
        assert pdq(frame.pixels).distance(pdq(np.asarray(drawn))) <= 24
    assert frames.told is not None
    assert (frames.told.complete, frames.told.sampling) == (True, "steady")


def test_key_frames_come_too_when_asked(reader: MediaReader) -> None:
    film = filmed(SCENES[:4], each=7)
    plain = hash_video(reader, film, every=2.0)
    with_keys = hash_video(reader, film, every=2.0, keys=True)
    assert [frame.seconds for frame in plain.frames] == [0, 2]
    assert [frame.seconds for frame in with_keys.frames] == pytest.approx(
        [0, 0.7, 1.4, 2.0]
    )  # one at 2.1 would say nothing new
    assert {frame.hash for frame in plain.frames} <= {frame.hash for frame in with_keys.frames}


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_video_is_seen_as_it_is_shown(reader: MediaReader, degrees: int) -> None:
    film = filmed(SCENES[:1], turn=degrees)
    with reader.frames(film) as frames:
        (first, *_) = list(frames)
    shown = np.rot90(np.asarray(SCENES[0]), -degrees // 90)
    assert first.pixels.shape == shown.shape
    assert pdq(first.pixels).distance(pdq(np.ascontiguousarray(shown))) <= 24


def test_a_long_video_is_sampled_more_widely() -> None:
    film = filmed(SCENES, rate=10, each=20)
    with MediaReader(Limits(max_frames=4)) as reader:
        found = hash_video(reader, film)
    assert len(found.frames) == 4
    assert found.told.complete
    assert found.frames[-1].seconds == pytest.approx(9, abs=0.5)


def test_a_video_with_too_many_frames_is_read_by_its_key_frames() -> None:
    film = filmed(SCENES, rate=10, each=12)
    with MediaReader(Limits(max_decoded=30)) as reader:
        found = hash_video(reader, film)
    assert found.told.sampling == "key frames"
    assert [round(frame.seconds, 1) for frame in found.frames] == [0, 1.2, 2.4, 3.6, 4.8, 6.0]


def test_a_video_cut_short_is_refused_and_partly_read_when_asked(reader: MediaReader) -> None:
    film = filmed(SCENES, form="matroska", codec="libx264")
    with pytest.raises(MediaError) as caught:
        hash_video(reader, film[: len(film) // 2])
    assert caught.value.kind in ("truncated", "malformed")
    with MediaReader(Limits(partial=True)) as taking:
        found = hash_video(taking, film[: len(film) // 2])
    assert 1 <= len(found.frames) < 6
    with pytest.raises(MediaError) as caught:
        hash_video(reader, filmed(SCENES)[:2000])  # an MP4 has its table at the end
    assert caught.value.kind in ("truncated", "malformed")


def test_a_video_of_large_frames_is_refused() -> None:
    with MediaReader(Limits(max_pixels=50_000)) as reader, pytest.raises(MediaError, match="320 x 240") as caught:
        hash_video(reader, filmed(SCENES[:1]))
    assert caught.value.kind == "too_large"


def test_sound_alone_shows_nothing(reader: MediaReader) -> None:
    held = BytesIO()
    with av.open(held, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="no pictures") as caught:
        hash_video(reader, held.getvalue())
    assert caught.value.kind == "no_picture"


def test_a_playlist_in_a_video_s_clothes_opens_nothing(reader: MediaReader) -> None:
    for text in (b"ffconcat version 1.0\nfile '/etc/passwd'\n", b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n"):
        for data in (text, b"\x1aE\xdf\xa3" + text, b"\0\0\0\x10ftypisom" + text):
            with pytest.raises(MediaError) as caught:
                hash_video(reader, data)
            assert caught.value.kind in ("unsupported", "malformed", "truncated", "no_picture")


def test_no_damage_brings_anything_but_a_refusal_or_frames(reader: MediaReader) -> None:
    film = filmed([scene(1, (96, 64)), scene(2, (96, 64))], codec="libx264")
    draw = np.random.default_rng(5)
    kinds = set()
    for _ in range(40):
        broken = bytearray(film)
        for _ in range(int(draw.integers(1, 12))):
            broken[int(draw.integers(len(broken)))] = int(draw.integers(256))
        try:
            hash_video(reader, bytes(broken))
        except MediaError as error:
            kinds.add(error.kind)
    assert kinds <= {"malformed", "truncated", "too_large", "no_picture", "unsupported", "memory"}


def test_a_copy_is_found_a_clip_in_the_whole_and_another_video_not(reader: MediaReader) -> None:
    whole = hash_video(reader, filmed(SCENES))
    copy = hash_video(reader, filmed([one.resize((160, 120)) for one in SCENES], form="webm", codec="libvpx-vp9"))
    cut = filmed(SCENES[2:4])
    clip = hash_video(reader, cut)
    other = hash_video(reader, filmed([scene(seed, (320, 240)) for seed in (11, 12, 13)]))
    assert clip.file == file_hashes(cut)
    assert match_videos(copy.frames, whole.frames).is_match
    found = match_videos(clip.frames, whole.frames)
    assert (found.query_share, found.is_match) == (1.0, True)
    assert found.other_share == pytest.approx(2 / 6)
    assert match_videos(other.frames, whole.frames).query_share == 0
    assert not match_videos(other.frames, whole.frames).is_match


def test_a_mirrored_copy_is_found_by_its_eight_ways(reader: MediaReader) -> None:
    whole = hash_video(reader, filmed(SCENES[:3]))
    mirrored = filmed([one.transpose(method=0) for one in SCENES[:3]])
    assert not match_videos(hash_video(reader, mirrored).frames, whole.frames).is_match
    with reader.frames(mirrored) as frames:
        assert best_match(hash_frames_dihedral(frames), whole.frames).is_match
    assert not best_match([], whole.frames).is_match


def test_an_animation_is_a_video_too(reader: MediaReader) -> None:
    pictures = SCENES[:3]
    data = encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=1000)
    found = hash_video(reader, data)
    assert found.told.sampling == "animation"
    assert match_videos(found.frames, hash_video(reader, filmed(pictures)).frames).is_match


def test_shares_are_of_distinct_frames_of_quality() -> None:
    query = [*hashes(0, 0, 0, 100), *hashes(200, quality=49)]
    match = match_videos(query, hashes(31, 180, 256))
    assert (match.query_frames, match.other_frames) == (2, 3)
    assert (match.query_share, match.other_share) == (0.5, 1 / 3)
    assert not match.is_match
    assert match_videos(query, hashes(32)).query_share == 0
    assert match_videos(query, hashes(32), distance=32).query_share == 0.5
    assert match_videos(hashes(1, quality=10), hashes(1)) == match_videos(
        hashes(1, quality=10), hashes(1), least_quality=50
    )
    assert match_videos([], []).is_match is False


def test_a_still_scene_needs_no_hash_a_second() -> None:
    assert [int(frame.seconds) for frame in pruned(hashes(0, 1, 2, 3, 3, 0), 2)] == [0, 3, 5]
    assert [int(frame.seconds) for frame in kept(hashes(5, 6, 5, 6))] == [0, 1]


def test_a_frame_s_hash_is_written_and_read_as_others_do() -> None:
    frame = FrameHash(PdqHash("f8" * 32, 97), 12.5)
    assert str(frame) == "f8" * 32 + ",97,12.500"
    assert FrameHash.parse(str(frame)) == frame
    for wrong in (
        "",
        "f8" * 32 + ",101,0",
        "f8" * 31 + ",1,0",
        "F8" * 32 + ",1,0",
        "f8" * 32 + ",1,-1",
        "f8" * 32 + ",1,nan",
    ):
        with pytest.raises(ValueError, match="no hash of a frame"):
            FrameHash.parse(wrong)


@pytest.mark.parametrize("every", [0, -1, float("nan"), 4000])
def test_a_spacing_that_cannot_be_is_refused(reader: MediaReader, every: float) -> None:
    with pytest.raises(ValueError, match=r"from 0\.001 to 3600"):
        reader.frames(b"", every=every)
