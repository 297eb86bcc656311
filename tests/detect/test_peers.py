"""Peers: what a word list finds, how rubbish is refused, and that all are counted on the same rows."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.support.judged import case, finding, unread

from seawall.detect.evaluation import chances_of
from seawall.detect.normalise import tokens
from seawall.detect.peers import PROFANITY, Lexicon, PeerError, Verdict, compare, open_peer


def listed(folder: Path, text: str, name: str = "words.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_flags_any_hit_and_scores_hits_by_words() -> None:
    told = Lexicon("mine", ["rude", "very rude", "bad egg"]).judge(
        ["a very rude bad egg", "nothing here", "", "Rude. RUDE! r u d e", "egg, bad"]
    )
    assert told.flagged.tolist() == [True, False, False, True, False]
    assert told.scores[0] == 2 / 5  # the longest term counts, and none within it
    assert told.scores[1] == told.scores[2] == told.scores[4] == 0
    assert told.scores[3] == 3 / len(tokens("Rude. RUDE! r u d e"))


def test_terms_are_found_in_disguise_for_both_sides_are_read_alike() -> None:
    told = Lexicon("mine", ["Silly fool", "idiot"]).judge(["s\u200billy FOOL", "you 1d10t"])
    assert told.flagged.all()


def test_a_term_within_a_word_is_no_hit() -> None:
    assert not Lexicon("mine", ["ass"]).judge(["a classic assessment"]).flagged.any()


def test_numbers_and_punctuation_are_left_out() -> None:
    words = Lexicon("mine", ["88", "!!", "https://example.org", "rude"])
    assert words.left_out == ["88", "!!", "https://example.org"]
    assert len(words) == 1
    assert not words.judge(["what, 1200 of them?!"]).flagged.any()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", "rude\n\n  bad egg \n"),
        ("words.csv", "rude\nbad egg\n"),
        ("words.csv", "\ufeffkind,Term\nx,rude\ny,bad egg\n,\n"),
        ("words.txt", 'term,meaning\nrude,"one, two"\n"bad egg",\n'),
    ],
)
def test_lists_are_read_in_their_forms(tmp_path: Path, name: str, text: str) -> None:
    words = Lexicon.read(listed(tmp_path, text, name))
    assert words.name == name
    assert words.judge(["rude", "bad egg", "kind"]).flagged.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no term"),
        ("88\n99\n", "holds no term that can be looked for; write one term a line"),
        ("word,kind\nrude,x\n", "line 1: has no column term"),
        ("kind,term\nx,rude\ny\n", "line 3: has 1 columns, and none for term"),
        ('kind,term\nx,"ru"de\n', "line 2: is not CSV"),
    ],
)
def test_rubbish_lists_are_refused_with_their_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = listed(tmp_path, text, "words.csv")
    with pytest.raises(PeerError) as raised:
        open_peer(f"lexicon:{path}")
    assert complaint in str(raised.value)
    assert path.name in str(raised.value)


def test_a_list_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="cannot be read"):
        open_peer(f"lexicon:{tmp_path / 'absent.txt'}")
    path = tmp_path / "latin.txt"
    path.write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(PeerError, match="is not UTF-8 at byte 3"):
        open_peer(f"lexicon:{path}")


@pytest.mark.parametrize("spec", ["", "lexicon", "lexicon:", "profanity", "alt-profanity-check:x"])
def test_an_unknown_peer_is_refused_with_those_there_are(spec: str) -> None:
    with pytest.raises(PeerError, match="give one of lexicon:FILE, alt-profanity-check"):
        open_peer(spec)


def test_the_package_that_is_not_installed_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "profanity_check", None)
    with pytest.raises(PeerError, match="pip install alt-profanity-check"):
        open_peer(PROFANITY)


def test_the_package_flags_from_a_half_on(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("profanity_check")
    module.predict_prob = lambda texts: np.array([0.5 if "rude" in text else 0.49 for text in texts])
    monkeypatch.setitem(sys.modules, "profanity_check", module)
    told = open_peer(PROFANITY).judge(["rude", "kind"])
    assert (told.flagged.tolist(), told.scores.tolist()) == ([True, False], [0.5, 0.49])
    assert len(open_peer(PROFANITY).judge([]).scores) == 0


def test_all_are_counted_on_the_same_rows() -> None:
    rows = [
        (case("a", "hate"), finding("abuse")),  # flagged, if as another harm
        (case("b", "hate"), unread()),  # missed by Seawall, whatever the peer says
        (case("c"), finding("at_risk")),  # no removal flag
        (case("d"), unread()),  # left out for all
        (case("e", "at_risk"), finding("hate")),
        (case("f", judged=("abuse",)), finding("hate")),  # nobody judged it for hate; it counts here all the same
        (case("g", judged=("at_risk",)), finding("hate")),  # nothing says that it is harmless: left out for all
    ]
    findings = [found for _, found in rows]
    peer = Verdict(flagged=np.array([0, 1, 1, 1, 0, 0, 1], bool), scores=np.array([0.1, 0.9, 0.5, 1.0, 0.2, 0.0, 1.0]))
    told = compare([given for given, _ in rows], findings, chances_of(findings), {"list": peer}, rounds=10)
    assert (told["n"], told["partly_judged"]) == (5, 1)
    own, other = told["systems"]["seawall"], told["systems"]["list"]
    assert (own["harmful_flagged"]["count"], own["harmful_flagged"]["n"]) == (1, 2)
    assert (own["protected_flagged"]["count"], own["protected_flagged"]["n"]) == (2, 3)
    assert (other["harmful_flagged"]["count"], other["harmful_flagged"]["n"]) == (1, 2)
    assert (other["protected_flagged"]["count"], other["protected_flagged"]["n"]) == (1, 3)
    assert other["macro_f1"]["value"] == round((2 / (2 + 2) + 4 / (3 + 3)) / 2, 6)
    assert other["auroc"]["value"] == round((1 + 3) / 6, 6)  # 0.1 beats 0.0; 0.9 beats 0.5, 0.2 and 0.0


def test_a_peer_that_left_out_answers_is_refused() -> None:
    findings = [finding(), finding()]
    short = Verdict(flagged=np.zeros(1, bool), scores=np.zeros(1))
    with pytest.raises(ValueError, match="'list' did not answer for each of 2"):
        compare([case("a"), case("b")], findings, chances_of(findings), {"list": short})
