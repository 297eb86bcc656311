"""The guide to a platform's form: what a person reads, what is shortened, and what is refused."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.channels.conformance import withdrawal_of
from tests.channels.notice_samples import formal_notice, removal_order
from tests.channels.samples import LEGAL, SENT_AT, TERM, document

from seawall.channels import Address, ReferralDocument, Withdrawal
from seawall.channels.manual import DEFAULT_GUIDE, Filled, GuideInvalid, ManualChannel, instructions

CALM = settings(deadline=None)  # a busy machine is no failure
ID = "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"
POLICE = {"organisation": "Example Police", "type": "police", "state_body": True}
PAGE = "https://platform.example/report"
REFERENCE_PAGE = (Path(__file__).parents[2] / "docs/reference/channels/manual.md").read_text("utf-8")


def filled(guide: str, made: ReferralDocument | Withdrawal | None = None, **more: Any) -> dict[str, Filled]:
    made = made or document(demonstration=False)
    name = "guide" if isinstance(made, ReferralDocument) else "withdrawal_guide"
    steps = instructions(made, Address(PAGE, settings={name: guide}), **more)
    return {field.name: field for field in steps.fields}


def at(url: str, **changes: Any) -> ReferralDocument:
    return document(content={"native_id": "p1", "url": url, "text_sha256": "0" * 64}, demonstration=False, **changes)


class TestWhatAPersonReads:
    def test_every_step_in_its_order(self) -> None:
        guide = """
            Link: {url}
            What is wrong [max 180]: {explanation}
            - Who are you?: {referrer}
            Category: Violence, {harm}
            Rule: {terms_rule}
        """
        made = document(
            explanation="The post threatens a named person.\n\n5. Send it to somebody else.\n" + "And more of it. " * 9,
            grounds={"legal": [LEGAL]},
            referrer=POLICE,
        )
        steps = instructions(made, Address(PAGE, settings={"guide": guide, "before": "Sign in as the hub's account."}))
        assert steps.text() == (
            "1. DEMONSTRATION. Only rehearse these steps; send nothing to a real platform.\n"
            "2. Sign in as the hub's account.\n"
            "3. Open https://platform.example/report\n"
            "4. Fill in the form:\n"
            "   Link\n"
            "   | https://platform.example/posts/p1\n"
            "   What is wrong (shortened to the 180 characters that the field takes)\n"
            "   | DEMONSTRATION. This is a rehearsal; do nothing about it. The post threatens a named person.\n"
            "   | 5. Send it to somebody else.\n"
            "   | And more of it. And more of it. And more of it. And [...]\n"
            "   Who are you?\n"
            "   | Example Police (police, a body of the state)\n"
            "   Category\n"
            "   | Violence, Threat of violence\n"
            "   Rule\n"
            "   (leave it empty)\n"
            "5. Before you send the form, make sure that nobody has sent it already. Send it once.\n"
            "6. Keep a picture of what the platform shows then.\n"
            "7. Write down in the hub at once: the number that the platform gave, or that it gave none; when you sent the form, "
            "which counts as the time of receipt; and the picture, of which the hub keeps the SHA-256 and nothing else.\n"
        )

    def test_whole_message_says_all_that_a_platform_must_know(self) -> None:
        made = document(referral_id=ID, grounds={"legal": [LEGAL], "term": TERM}, referrer=POLICE)
        text = filled(DEFAULT_GUIDE, made, hub_url="https://hub.example", contact="desk@hub.example")["Text"].text
        assert text == (
            "DEMONSTRATION. This is a rehearsal; do nothing about it.\n"
            f"Referral {ID}: voluntary.\n"
            "Harm: Threat of violence (vio-threat, code of practice uk-2026.1).\n"
            "Post: https://platform.example/posts/p1\n"
            "Asked: remove the post, within 1 hour of receipt (by the code of practice: uk-2026, vio-threat). "
            "The decision is the platform's.\n"
            "Referred by: Example Police (police, a body of the state).\n"
            "Grounds: Offences against the Person Act 1861, section 16; "
            "the platform's rule as of 2026-03-01: Community rule 4.\n"
            "Made in good faith: the referrer believes what is said here to be accurate and complete.\n"
            f"To answer, ask or dispute: https://hub.example, under the number {ID}, or write to desk@hub.example.\n"
            "Why: The post threatens a named person.\n"
            "Offences against the Person Act 1861, section 16, element by element:\n"
            "- A threat to kill: met. The post says that it will be done.\n"
            "- Intent that it be feared: met. It is addressed to the person by name.\n"
            "- Defence, Lawful excuse: not likely. Nothing points to one."
        )

    def test_withdrawal_says_first_that_it_is_one(self) -> None:
        withdrawal = withdrawal_of(document(referral_id=ID, demonstration=False), SENT_AT)
        both = filled("Link: {url}\nYour number: {platform_reference}\nText: {reasons}", withdrawal, reference="T-7")
        assert both["Your number"].text == "T-7"
        assert both["Text"].text == (
            f"WITHDRAWN: referral {ID}, by whoever made it. Please treat the referral as if it had never been made. "
            "Where something was done because of it, please look again. "
            "Reasons: A second reading found the post to be a lyric."
        )
        unknown = filled("Link: {url}\nYour number: {platform_reference}\nText: {message}", withdrawal, reference=ID)
        assert unknown["Your number"].text == ""
        assert "Your reference" not in unknown["Text"].text

    def test_withdrawal_has_a_page_of_its_own_where_there_is_one(self) -> None:
        withdrawal = withdrawal_of(document(), SENT_AT)
        own = {"withdrawal_url": "https://platform.example/withdraw"}
        assert instructions(withdrawal, Address(PAGE, settings=own)).page == own["withdrawal_url"]
        assert instructions(withdrawal, Address(PAGE)).page == PAGE
        assert instructions(document(), Address(PAGE, settings=own)).page == PAGE

    @pytest.mark.parametrize(("make", "noun"), [(formal_notice, "formal notice"), (removal_order, "removal order")])
    def test_notice_under_a_statute_goes_as_a_file_or_not_at_all(self, make: Any, noun: str) -> None:
        steps = instructions(make(demonstration=False), Address(PAGE))
        (attach,) = steps.before
        assert attach.startswith(f"Print the {noun} from the hub as a PDF and attach it")
        assert f"If the form takes no file, stop here and serve the {noun} by another way." in attach
        text = steps.fields[-1].text
        assert f"The {noun} itself is attached; this text does not replace it." in text
        assert "a body of the state" in text
        assert "decision is the platform's" not in text

    def test_clock_of_a_formal_notice_runs_from_when_it_is_given(self) -> None:
        assert (
            "within 48 hours of being given (set by statute"
            in filled("A: {url} {asked} {message}", formal_notice())["A"].text
        )

    def test_rule_is_named_with_its_date_and_told_in_full_where_it_is_long(self) -> None:
        rule = "Community rule 4. " + "It goes on. " * 40
        made = document(grounds={"legal": [], "term": {"rule": rule, "dated": "2026-03-01"}}, demonstration=False)
        fields = filled("U: {url}\nR: {terms_rule}\nG: {grounds}\nM: {message}", made)
        assert fields["R"].text == f"As of 2026-03-01: {rule.strip()}"
        for name in ("G", "M"):
            assert "the platform's rule as of 2026-03-01: Community rule 4." in fields[name].text
            assert f"The platform's rule in full: {rule.strip()}" in fields[name].text


class TestHostileWords:
    def test_braces_and_bars_in_a_referral_are_only_text(self) -> None:
        made = document(
            explanation="See {url} and {nonsense} [max 3]\n| 3. Open https://evil.example", demonstration=False
        )
        assert filled("U: {url}\nA [max 500]: {explanation}", made)["A"].text == made.explanation

    @pytest.mark.parametrize("sign", ["\x07", "\x1b", "\u202e", "\u2066", "\x85", "\u2028", "\r", "\x0b", "\ue000"])
    def test_signs_that_could_turn_or_break_a_line_are_taken_out(self, sign: str) -> None:
        made = document(
            explanation=f"a{sign}b",
            referrer={**POLICE, "organisation": f"Example{sign}Referred by: nobody"},
            demonstration=False,
        )
        steps = instructions(made, Address(PAGE))
        assert sign not in steps.text()
        assert "\n   | Referred by: Example Referred by: nobody (police, a body of the state).\n" in steps.text()

    def test_letters_that_need_their_joiners_keep_them(self) -> None:
        for word in ("می\u200cخواهم", "क्\u200dष", "👩\u200d💻", "❤\ufe0f"):
            assert word in filled("U: {url}\nA: {explanation}", document(explanation=word))["A"].text

    @pytest.mark.parametrize("url", ["https://a.example/\nb", "https://a.example/ b", "https://a.example/\u202eb"])
    def test_address_of_a_post_that_no_form_takes_is_not_altered_but_refused(self, url: str) -> None:
        with pytest.raises(GuideInvalid, match="no form takes"):
            filled("U: {url}", at(url))


class TestShortening:
    def test_what_fits_is_left_as_it_is(self) -> None:
        made = document(explanation="x" * 500, demonstration=False)
        exact = filled("U: {url}\nA [max 500]: {explanation}", made)["A"]
        assert (exact.text, exact.cut, exact.limit) == ("x" * 500, False, 500)
        one_less = filled("U: {url}\nA: {explanation} [max 499]", made)["A"]
        assert (one_less.text, one_less.cut) == ("x" * 493 + " [...]", True)

    def test_the_last_is_shortened_first_and_the_number_and_the_address_never(self) -> None:
        made = document(
            referral_id=ID, explanation="x" * 300, grounds={"legal": [LEGAL], "term": TERM}, demonstration=False
        )
        words = "{grounds} Why: {explanation} See {url}, {reference}."
        end = f"x [...] See https://platform.example/posts/p1, {ID}."
        whole = filled(f"A: {words}", made)["A"].text
        text = filled(f"A [max {len(whole) - 150}]: {words}", made)["A"].text
        assert len(text) == len(whole) - 150
        assert text.startswith(whole[: whole.index(" Why: ")] + " Why: xxx")
        assert text.endswith(end)
        shorter = filled(f"A [max {len(whole) - 250}]: {words}", made)["A"].text
        assert len(whole) - 270 < len(shorter) <= len(whole) - 250, "at the end of a word"
        assert shorter.startswith(
            "Offences against the Person Act 1861, section 16; the platform's rule as of 2026-03-01"
        )
        assert shorter.endswith(f" [...] Why: {'x' * 99}{end}")

    def test_address_that_does_not_fit_is_refused_and_never_cut(self) -> None:
        made = at("https://platform.example/posts/" + "x" * 470)
        assert filled("U [max 501]: {url}", made)["U"].text == made.content.url
        with pytest.raises(
            GuideInvalid, match=r"field 'U' takes 500 characters, 1 too few for what may not be"
        ) as caught:
            filled("U [max 500]: {url}", made)
        assert not caught.value.retryable

    @pytest.mark.parametrize("name", ["referrer", "reference", "harm", "asked", "explanation", "grounds", "message"])
    def test_field_that_is_too_small_to_say_anything_is_refused(self, name: str) -> None:
        made = document(referrer=POLICE, explanation="x" * 300, grounds={"legal": [LEGAL], "term": TERM})
        with pytest.raises(GuideInvalid, match="too few for what may not be shortened"):
            filled(f"All: {{message}}\nA [max 10]: {{{name}}}", made)

    def test_state_body_and_rehearsal_outlast_any_shortening_of_the_message(self) -> None:
        made = document(referrer=POLICE, explanation="x" * 5_000)
        for limit in range(700, 760):
            text = filled(f"A [max {limit}]: {{message}}", made)["A"].text
            assert len(text) <= limit
            assert text.startswith("DEMONSTRATION.")
            assert "Referred by: Example Police (police, a body of the state)." in text
            assert "good faith" in text

    @pytest.mark.parametrize(
        "letter", ["e\u0301", "\U0001f600", "\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f", "o\u0323\u0302"]
    )
    def test_letter_made_of_several_signs_is_kept_whole_or_left_out(self, letter: str) -> None:
        made = document(explanation=letter * 400, demonstration=False)
        for limit in range(250, 260):
            short = filled(f"U: {{url}}\nA [max {limit}]: {{explanation}}", made)["A"].text
            assert limit - 6 <= len(short.encode("utf-16-le")) // 2 <= limit, "an emoji counts twice"
            assert short.removesuffix(" [...]").replace(letter, "") == ""

    @CALM
    @given(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=400).filter(
            lambda text: text.strip() != ""
        ),
        st.integers(150, 900),
    )
    def test_no_field_gets_more_than_it_takes_and_no_letter_loses_its_accent(self, words: str, limit: int) -> None:
        made = document(explanation=f"{'a' * 100}{words}", demonstration=False)
        whole = filled("U: {url}\nA: {explanation}", made)["A"].text
        short = filled(f"U: {{url}}\nA [max {limit}]: {{explanation}}", made)["A"]
        assert len(short.text.encode("utf-16-le")) // 2 <= limit
        assert short.cut == (short.text != whole)
        if short.cut:
            left = short.text.removesuffix(" [...]")
            assert whole.startswith(left)
            assert not unicodedata.combining(whole[len(left)])


class TestRefusedGuides:
    @pytest.mark.parametrize(
        ("guide", "said"),
        [
            (
                "Link: {url}\nWhy: {explaination}",
                r"Line 2 of the guide has \{explaination\}, which is not known here\. There are: ",
            ),
            ("Link: {url} {}", r"has \{\}, which is not known"),
            ("Link: {url} {platform_reference}", "not known here"),
            ("Link: {url.host}", "not known here"),
            ("Link: {url!r}", "not known here"),
            ("Link: {url} {" + "x" * 5_000 + "}", r"\{x{40}\}"),
            ("Link: {url} {", "brace without its other half"),
            ("Link: {{url}}", "brace without its other half"),
            ("Link {url}", "Line 1 of the guide is not the name of a field, a colon"),
            (": {url}", "is not the name of a field"),
            ("- : {url}", "is not the name of a field"),
            ("Link:", "is not the name of a field"),
            ("x" * 101 + ": {url}", "is not the name of a field"),
            ("Link [max five]: {url}", "limit that cannot be read"),
            ("Link [max 0]: {url}", "limit that cannot be read"),
            ("Link [max -5]: {url}", "limit that cannot be read"),
            ("Link [max 1234567]: {url}", "limit that cannot be read"),
            ("Link [max 5]: {url} [max 6]", "limit that cannot be read"),
            ("Link: {url}\nLink: {reference}", "Two lines of the guide are for the field 'Link'"),
            ("Link:\t{url}\u202e", "cannot be printed"),
            ("Link: {url} \ud83d", "cannot be printed"),
            ("# nothing\n\n", "has 0 fields; it needs 1 to 40"),
            ("\n".join(f"F{n}: {{url}}" for n in range(41)), "has 41 fields"),
            ("Link: {url}" + " " * 10_000, "longer than 10,000"),
            (
                "Why: {explanation}",
                r"places neither \{url\} nor \{message\} in any field, and a platform has to know which",
            ),
        ],
    )
    def test_guide_that_cannot_be_followed_says_where_and_what_to_write(self, guide: str, said: str) -> None:
        with pytest.raises(GuideInvalid, match=said) as caught:
            filled(guide)
        assert not caught.value.retryable
        assert str(caught.value).endswith(".")
        assert len(str(caught.value)) < 400

    def test_body_of_the_state_must_be_named_in_the_form(self) -> None:
        guide = "Link: {url}\nWhy: {explanation}"
        assert filled(guide)
        with pytest.raises(GuideInvalid, match="a body of the state is always named as one"):
            filled(guide, document(referrer=POLICE))
        assert filled(f"{guide}\nWho: {{referrer}}", document(referrer=POLICE))["Who"].text.endswith(
            "a body of the state)"
        )

    def test_withdrawal_must_say_that_it_is_one(self) -> None:
        withdrawal = withdrawal_of(document(), SENT_AT)
        with pytest.raises(GuideInvalid, match="has to say that it is one"):
            filled("Link: {url}", withdrawal)
        with pytest.raises(GuideInvalid, match=r"\{explanation\}, which is not known here"):
            filled("Link: {url}\nWhy: {explanation}", withdrawal)

    @pytest.mark.parametrize(
        "page",
        ["", "platform.example", "mailto:a@platform.example", "javascript:alert(1)", "https://", "https://u:p@a.example",
         "https://a.example/ b", "https://a.example/\n2. Open https://b.example", "https://a.example/\u202e"],
    )  # fmt: skip
    def test_page_that_is_no_web_address_is_refused_without_repeating_it(self, page: str) -> None:
        with pytest.raises(GuideInvalid, match="not a web address") as caught:
            instructions(document(), Address(page))
        assert not page or page not in str(caught.value)

    def test_what_comes_before_is_one_line(self) -> None:
        with pytest.raises(GuideInvalid, match="setting before"):
            instructions(document(), Address(PAGE, settings={"before": "Sign in.\n2. Do something else."}))


class TestPage:
    """The reference page, held to what the program does."""

    def test_example_of_a_guide_is_one(self) -> None:
        (guide,) = re.findall(r"```\n(.*?)```", REFERENCE_PAGE, re.DOTALL)
        fields = filled(guide, document(referrer=POLICE, grounds={"legal": [LEGAL], "term": TERM}))
        assert [field.limit for field in fields.values()] == [None, None, 1_000, None, None]
        assert not any(field.cut for field in fields.values())

    @pytest.mark.parametrize("made", [document(), withdrawal_of(document(), SENT_AT)])
    def test_every_placeholder_is_explained(self, made: ReferralDocument | Withdrawal) -> None:
        with pytest.raises(GuideInvalid) as caught:
            filled("Link: {nonsense}", made)
        known = re.findall(r"\{([a-z_]+)\}", str(caught.value).partition("There are:")[2])
        assert len(known) >= 5
        for name in known:
            assert f"`{{{name}}}`" in REFERENCE_PAGE

    def test_every_setting_is_explained(self) -> None:
        assert ManualChannel.settings
        for setting in ManualChannel.settings:
            assert f"| `{setting.name}` |" in REFERENCE_PAGE
        for line in DEFAULT_GUIDE.splitlines():
            assert f"`{line}`" in REFERENCE_PAGE
