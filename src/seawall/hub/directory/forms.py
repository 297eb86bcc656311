"""Forms of the directory, and the one that people sign in with."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django import forms

from seawall.hub.directory.models import Desk, Organisation
from seawall.hub.directory.roles import ROLES_OF_A_PARTITION, WHAT_A_ROLE_DOES, Partition, Role
from seawall.hub.web.forms import GovukForm


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth ships no types
    """The form that people sign in with; a link may carry the address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.request is not None and (email := self.request.GET.get("email", "")):
            self.fields["login"].initial = email[:254]


class PersonForm(GovukForm):
    """Somebody new."""

    name = forms.CharField(label="Full name", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        help_text="They sign in with it, and get a link there to choose their password.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class RoleForm(GovukForm):
    """A role, and where: at a desk or in an organisation."""

    role = forms.ChoiceField(label="Which role?", choices=Role.choices, widget=forms.RadioSelect)
    where = forms.ChoiceField(
        label="Where?", help_text="Roles that see content are held at a desk, all others in an organisation."
    )

    sizes = {"role": "m", "where": "m"}
    hints = {"role": {str(role): hint for role, hint in WHAT_A_ROLE_DOES.items()}}

    def __init__(self, *args: Any, desks: list[Desk], organisations: list[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places: dict[str, tuple[Organisation, Desk | None]] = {
            **{f"desk-{desk.pk}": (desk.organisation, desk) for desk in desks},
            **{f"organisation-{one.pk}": (one, None) for one in organisations},
        }
        self.fields["where"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's, which Field does not declare
            ("", "Choose a desk or an organisation"),
            ("Desks", [(f"desk-{desk.pk}", f"{desk.name} – {roles_at(desk)}") for desk in desks]),
            ("Organisations", [(f"organisation-{one.pk}", one.name) for one in organisations]),
        ]

    @property
    def place(self) -> tuple[Organisation, Desk | None]:
        """What was chosen under "where", once the form is valid."""
        return self._places[self.cleaned_data["where"]]


def roles_at(desk: Desk) -> str:
    """The roles that can be held at a desk, in words."""
    roles = ROLES_OF_A_PARTITION[Partition(desk.partition)]
    return ", ".join(str(role.label).lower() for role in Role if role in roles)
