"""The GOV.UK date input: three boxes, and errors that say which one is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
PARTS = ("day", "month", "year")


class DateParts(forms.MultiWidget):
    """Day, month and year as three text inputs, named NAME_0, NAME_1 and NAME_2."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__([forms.TextInput(), forms.TextInput(), forms.TextInput()], attrs)

    def decompress(self, value: dt.date | None) -> list[str | int | None]:
        """The three texts that show a date; three empty ones for none."""
        return [None, None, None] if value is None else [value.day, value.month, value.year]


def joined(words: list[str]) -> str:
    """`a day`, `a day and a month`."""
    return " and ".join(f"a {word}" for word in words)


class GovukDateField(forms.MultiValueField):
    """A calendar date typed in three boxes; a month may be a number or an English name. Gives a date or None.

    The messages follow GOV.UK's pattern: they begin with the field's label and name the missing part. Each error
    carries `params["parts"]`, the boxes to mark.
    """

    widget = DateParts

    def __init__(self, *, required: bool = True, **options: Any) -> None:
        boxes = tuple(forms.CharField(required=False, max_length=20) for _ in PARTS)
        super().__init__(fields=boxes, require_all_fields=False, required=required, **options)

    def clean(self, value: Any) -> dt.date | None:
        """The date that the three texts name.

        Raises
        ------
        ValidationError
            When parts are missing, the year has not four digits, or there is no such day.
        """
        name = str(self.label or "Date")
        texts = [str(part or "").strip() for part in value or ("", "", "")]
        missing = [part for part, text in zip(PARTS, texts, strict=True) if not text]
        if len(missing) == len(PARTS):
            if self.required:
                raise ValidationError(f"Enter {name[:1].lower()}{name[1:]}", code="required", params={"parts": PARTS})
            return None
        if missing:
            raise ValidationError(
                f"{name} must include {joined(missing)}", code="incomplete", params={"parts": missing}
            )
        day, month, year = texts
        if not (year.isascii() and year.isdigit() and len(year) == 4):
            raise ValidationError(f"{name} must have a year of 4 numbers", code="year", params={"parts": ("year",)})
        number = month_number(month)
        if number is None:
            raise ValidationError(f"{name} must have a real month, like 9 or September", params={"parts": ("month",)})
        try:
            date = dt.date(int(year), number, int(day) if day.isascii() and day.isdigit() else 0)
        except ValueError as error:
            raise ValidationError(f"{name} must be a real date", code="invalid", params={"parts": PARTS}) from error
        self.run_validators(date)
        return date

    def compress(self, data_list: list[Any]) -> Any:
        """Unused: `clean` reads the three texts itself, to say which is wrong."""
        return data_list


def month_number(text: str) -> int | None:
    """1 to 12 for a number or an English month's name or its first three letters or more; None for anything else."""
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text) if 1 <= int(text) <= 12 else None
    found = [at for at, month in enumerate(MONTHS, start=1) if len(text) >= 3 and month.startswith(text.lower())]
    return found[0] if len(found) == 1 else None
