"""What a platform is asked to tell the person whose post is referred, and how each channel puts that to the platform's people.

``docs/reference/user-notice.md`` says what the words hold, and when they may come later than the referral.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from seawall.channels.fields import Moment, Part, Prose, Url

LONGEST_LINK = 200
"""Characters of a link that a short report repeats; the document itself holds any."""


class UserNotice(Part):
    """The words for the person who posted it, or the moment until which nobody tells them. Never both.

    `language` is a BCP 47 tag, and `link` a public page that says the same and what came of it. With `delayed_until` the
    words come later by :meth:`~seawall.channels.base.Channel.inform`; the reasons for a delay are never sent.
    """

    text: Prose | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None = None
    link: Url | None = None
    delayed_until: Moment | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        words = (self.text, self.language, self.link)
        if self.delayed_until is not None and any(words):
            raise ValueError("is delayed and holds words all the same; leave out text, language and link until then")
        if self.delayed_until is None and not all(words):
            raise ValueError("needs text, language and link, or else delayed_until")
        return self

    @property
    def absent(self) -> frozenset[str]:
        """The names of the fields that the JSON leaves out."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is None)


def asked(notice: UserNotice) -> str:
    """What is asked of the platform, in one line that also the shortest report has room for."""
    if notice.delayed_until is not None:
        return (
            f"Please do not tell the person who posted it before {notice.delayed_until:%Y-%m-%d %H:%M} UTC; "
            "the hub then sends you the words for them."
        )
    where = f": {notice.link}" if notice.link and len(notice.link) <= LONGEST_LINK else "."
    return f"Please tell the person who posted it who referred it and how to appeal{where}"


def words_line(notice: UserNotice | None) -> list[str]:
    """The words for the person who posted it, as one line of a longer report; no line where there are none yet."""
    return [f"Words for the person who posted it: {notice.text}"] if notice is not None and notice.text else []


def asked_line(notice: UserNotice | None) -> list[str]:
    """What is asked, as one line; no line for a document without a notice."""
    return [asked(notice)] if notice is not None else []
