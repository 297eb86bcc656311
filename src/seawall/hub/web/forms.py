"""Forms as GOV.UK components: `{{ form }}` gives label, hint, error and input in the design system's markup.

`GovukRenderer` (the FORM_RENDERER setting) draws every form, those of libraries included. `GovukForm` and
`GovukModelForm` add what a plain Django form cannot say: hints per choice, fields revealed by a choice, widths, and
which label is the page's heading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.forms.utils import ErrorDict, ErrorList, pretty_name
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from seawall.hub.web.dates import DateParts, GovukDateField

__all__ = ["GovukBoundField", "GovukDateField", "GovukForm", "GovukModelForm", "GovukRenderer"]

TEXTLIKE: Mapping[type[forms.Widget], dict[str, str]] = {
    forms.EmailInput: {"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
    forms.URLInput: {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"},
    forms.PasswordInput: {"autocomplete": "current-password", "spellcheck": "false", "autocapitalize": "none"},
}
"""Attributes that a kind of input has unless its widget says otherwise."""


REQUIRED = str(forms.Field.default_error_messages["required"])
"""Django's general message for a missing answer."""

UNWANTED = frozenset({"rows", "cols", "maxlength", "class", "placeholder"})
"""Attributes of a widget that we set ourselves, or leave out: a placeholder is no label, and too pale to read."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One radio button or checkbox, ready to draw, with the fields that it reveals."""

    id: str
    name: str
    value: str
    label: str
    selected: bool
    disabled: bool
    hint: str
    reveals: list[BoundField]


class GovukBoundField(BoundField):
    """A form's field that knows its GOV.UK component."""

    given: Mapping[str, Any] = {}
    """What a template says about this field; it goes before what the form says."""

    @property
    def errors(self) -> ErrorList:
        """What is wrong with the answer. A library's form says "This field is required."; here it says what to do."""
        found = super().errors
        if REQUIRED not in found:
            return found
        better = required_message(self.field, str(self.label))
        return self.form.error_class([better if one == REQUIRED else str(one) for one in found], renderer=self.renderer)

    @cached_property
    def kind(self) -> str:
        """The component: radios, checkboxes, checkbox, date, select, textarea, file, password or input."""
        widget = self.field.widget
        for kind, widget_class in (
            ("checkboxes", forms.CheckboxSelectMultiple),
            ("radios", forms.RadioSelect),
            ("checkbox", forms.CheckboxInput),
            ("date", DateParts),
            ("select", forms.Select),
            ("textarea", forms.Textarea),
            ("file", forms.FileInput),
            ("password", forms.PasswordInput),
        ):
            if isinstance(widget, widget_class):
                return kind
        return "input"

    def option(self, name: str, default: Any) -> Any:
        """What the form says about this field under `name` (`hints`, `widths`, ...), or the default."""
        return self.given.get(name, getattr(self.form, name, {}).get(self.name, default))

    @property
    def use_fieldset(self) -> bool:
        """Whether the label is a fieldset's legend, which a group of several inputs needs."""
        return self.kind in {"radios", "checkboxes", "date"} or super().use_fieldset

    @property
    def hint_id(self) -> str:
        """The id of the hint; the one that Django's own `aria-describedby` names."""
        return f"{self.auto_id}_helptext"

    @property
    def error_id(self) -> str:
        """The id of the error message; the one that Django's own `aria-describedby` names."""
        return f"{self.auto_id}_error"

    @property
    def described_by(self) -> str:
        """The ids of hint, error and character count, for `aria-describedby`."""
        ids = [self.hint_id] if self.help_text and self.kind != "checkbox" else []
        ids += [self.error_id] if self.errors else []
        ids += [f"{self.auto_id}-info"] if self.character_limit else []
        return " ".join(ids)

    @property
    def character_limit(self) -> int | None:
        """How many characters a text area takes, where it has a limit."""
        return getattr(self.field, "max_length", None) if self.kind == "textarea" else None

    @property
    def is_heading(self) -> bool:
        """Whether this label is the page's heading (GOV.UK: one question a page)."""
        return getattr(self.form, "heading", "") == self.name

    @property
    def size(self) -> str:
        """The label's size: xl, l, m, s, or empty for body text."""
        default = "l" if self.is_heading else "s" if self.use_fieldset else ""
        return str(self.option("sizes", default))

    @property
    def inline(self) -> bool:
        """Whether the radios stand beside each other (two short choices)."""
        return self.name in getattr(self.form, "inline", ())

    @property
    def small(self) -> bool:
        """Whether radios and checkboxes are the small ones, as in a filter."""
        return bool(getattr(self.form, "small", False))

    @property
    def optional(self) -> bool:
        """Whether the label says "(optional)"."""
        marked = getattr(self.form, "mark_optional", True)
        return marked and not self.field.required and self.kind not in {"checkbox", "checkboxes"}

    @property
    def target(self) -> str:
        """The id of the input that the error summary links to."""
        if self.kind in {"radios", "checkboxes"}:
            return f"{self.auto_id}_0"
        if self.kind == "date":
            wrong = [part.id for part in self.parts if part.error]
            return wrong[0] if wrong else f"{self.auto_id}_0"
        return self.id_for_label or self.auto_id

    @property
    def choices(self) -> list[Choice]:
        """The radio buttons or checkboxes of this field."""
        hints = self.option("hints", {})
        reveals = self.option("reveals", {})
        found = []
        for bound in self.subwidgets:
            data = bound.data
            value = str(data["value"])
            names = reveals.get(value, ())
            found.append(
                Choice(
                    id=str(data["attrs"].get("id", "")),
                    name=str(data["name"]),
                    value=value,
                    label=str(data["label"]),
                    selected=bool(data["selected"]),
                    disabled=bool(self.field.disabled or data["attrs"].get("disabled")),
                    hint=str(hints.get(value, "")),
                    reveals=[self.form[name] for name in names],
                )
            )
        return found

    @property
    def parts(self) -> list[DatePart]:
        """Day, month and year of a date field."""
        value = self.value()
        texts = self.field.widget.decompress(value) if not isinstance(value, list | tuple) else list(value)
        wrong: set[str] = set()
        for error in self.form.errors.as_data().get(self.name, []):
            wrong |= set((error.params or {}).get("parts", ("day", "month", "year")))
        return [
            DatePart(
                id=f"{self.auto_id}_{index}",
                name=f"{self.html_name}_{index}",
                label=name.capitalize(),
                value="" if text is None else str(text),
                width=4 if name == "year" else 2,
                error=name in wrong,
            )
            for index, (name, text) in enumerate(zip(("day", "month", "year"), texts, strict=True))
        ]

    def as_widget(
        self, widget: forms.Widget | None = None, attrs: dict[str, Any] | None = None, only_initial: bool = False
    ) -> SafeString:
        """The input alone, in GOV.UK markup; Django draws hidden inputs and widgets passed in by hand."""
        if widget is not None or self.is_hidden or only_initial:
            return super().as_widget(widget, attrs, only_initial)
        if self.kind in {"radios", "checkboxes", "checkbox", "date"}:
            return self.form.render(f"web/forms/{self.kind}.html", {"field": self})
        given = self.field.widget
        error = bool(self.errors)
        more: dict[str, Any] = {}
        if self.kind == "select":
            names = ["govuk-select", "govuk-select--error" if error else ""]
        elif self.kind == "textarea":
            names = ["govuk-textarea", "govuk-textarea--error" if error else ""]
            # Django gives every Textarea rows=10 and cols=40; anything else was asked for.
            asked = str(given.attrs.get("rows", "10"))
            more = {"rows": self.option("rows", 5 if asked == "10" else asked), "cols": False}
            if self.character_limit:
                names.append("govuk-js-character-count")
                # A browser would cut a pasted text short without a word; the server says that it is too long.
                more["maxlength"] = False
        elif self.kind == "file":
            names = ["govuk-file-upload", "govuk-file-upload--error" if error else ""]
        else:
            width = self.option("widths", "")
            names = ["govuk-input", "govuk-input--error" if error else "", width_class(width)]
            if self.kind == "password":
                names += ["govuk-password-input__input", "govuk-js-password-input-input"]
            if isinstance(given, forms.NumberInput):
                # GOV.UK: a number input changes under the scroll wheel and hides what was mistyped.
                whole = isinstance(self.field, forms.IntegerField) and not isinstance(
                    self.field, forms.FloatField | forms.DecimalField
                )
                widget = forms.TextInput({k: v for k, v in given.attrs.items() if k not in {"min", "max", "step"}})
                more["inputmode"] = "numeric" if whole else "decimal"
                more["spellcheck"] = "false"
        for widget_class, usual in TEXTLIKE.items():
            if isinstance(given, widget_class):
                more = {**usual, **more}
        own = {name: value for name, value in given.attrs.items() if name not in UNWANTED}
        names.append(str(given.attrs.get("class", "")))
        more = {
            **more,
            **own,
            **self.given.get("attrs", {}),
            "placeholder": False,
            "class": " ".join(filter(None, names)),
        }
        if self.described_by:
            more["aria-describedby"] = self.described_by
        return super().as_widget(widget, {**more, **(attrs or {})})


@dataclass(frozen=True, kw_only=True)
class DatePart:
    """One of the three inputs of a date."""

    id: str
    name: str
    label: str
    value: str
    width: int
    error: bool


def width_class(width: str) -> str:
    """The class for a width: characters (2, 3, 4, 5, 10, 20, 30) or a fraction (one-half, two-thirds, full)."""
    if not width:
        return ""
    return f"govuk-input--width-{width}" if str(width).isdigit() else f"govuk-!-width-{width}"


class GovukRenderer(DjangoTemplates):
    """Draws every form with the templates in `web/forms/`."""

    form_template_name = "web/forms/form.html"
    field_template_name = "web/forms/field.html"
    bound_field_class = GovukBoundField


class GovukMixin(forms.BaseForm):
    """What a GOV.UK form can say beyond its fields. All are class attributes.

    A field that a choice reveals counts only while that choice is made: otherwise what was typed there is dropped and
    its errors with it. So `required=True` on a revealed field means "required when shown".
    """

    hints: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Field name -> choice's value -> hint under that choice."""
    reveals: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    """Field name -> choice's value -> names of the fields shown when it is chosen."""
    sizes: ClassVar[Mapping[str, str]] = {}
    """Field name -> size of its label: xl, l, m, s or empty."""
    widths: ClassVar[Mapping[str, str]] = {}
    """Field name -> width of its input, as `width_class` has it."""
    rows: ClassVar[Mapping[str, int]] = {}
    """Field name -> lines of its text area; 5 where unsaid."""
    inline: ClassVar[tuple[str, ...]] = ()
    """Names of fields whose radios stand beside each other."""
    heading: ClassVar[str] = ""
    """Name of the field whose label is the page's h1, if any."""
    small: ClassVar[bool] = False
    """Whether radios and checkboxes are small, as in a filter."""
    mark_optional: ClassVar[bool] = True
    """Whether the labels of optional fields say so; not for a filter, where all are."""

    default_renderer = GovukRenderer
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            say_what_to_do(field, str(field.label or pretty_name(name)))

    def shown_fields(self) -> Iterator[BoundField]:
        """The visible fields that no choice reveals; those are drawn beneath their choice."""
        revealed = {name for by_value in self.reveals.values() for names in by_value.values() for name in names}
        return (bound for bound in self.visible_fields() if bound.name not in revealed)

    _errors: ErrorDict

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]  # Django's own hook; django-stubs leaves it out
        dropped: set[str] = set()
        for name, by_value in self.reveals.items():
            data = [] if name in dropped else self[name].data
            chosen = {str(one) for one in data} if isinstance(data, list | tuple) else {str(data)}
            shown = {field for value, names in by_value.items() if value in chosen for field in names}
            for hidden in {field for names in by_value.values() for field in names} - shown:
                dropped.add(hidden)
                self._errors.pop(hidden, None)
                self.cleaned_data[hidden] = nothing_given(self.fields[hidden])


def required_message(field: forms.Field, label: str) -> str:
    """`Enter your name`, `Choose a platform`, or `Answer “Is it about you?”`."""
    if label.endswith("?"):
        return f"Answer “{label}”"
    choosing = isinstance(field, forms.ChoiceField | forms.ModelChoiceField)
    return f"{'Choose' if choosing else 'Enter'} {label[:1].lower()}{label[1:]}"


def say_what_to_do(field: forms.Field, label: str) -> None:
    """Put GOV.UK's way of saying it in the place of Django's general messages; a form's own messages stay."""
    if str(field.error_messages.get("required")) == REQUIRED:
        field.error_messages["required"] = required_message(field, label)
    limit = getattr(field, "max_length", None)
    if limit and isinstance(field, forms.CharField):
        for validator in field.validators:
            if isinstance(validator, MaxLengthValidator) and "max_length" not in field.error_messages:
                name = f"Your answer to “{label}”" if label.endswith("?") else label
                field.error_messages["max_length"] = f"{name} must be {limit:,} characters or fewer"


def nothing_given(field: forms.Field) -> Any:
    """The cleaned value of a field that was not answered: None, an empty text, an empty list, as the field has it."""
    if isinstance(field, forms.FileField):
        return None
    required, field.required = field.required, False
    try:
        return field.clean(None)
    except ValidationError:
        return None
    finally:
        field.required = required


class GovukForm(GovukMixin, forms.Form):
    """A form in GOV.UK markup; see `GovukMixin` for what it can say."""


class GovukModelForm(GovukMixin, forms.ModelForm):  # type: ignore[type-arg]  # the model is each subclass's own
    """A model's form in GOV.UK markup; see `GovukMixin` for what it can say."""
