"""The pages on which a case is decided: what it is, what a referral rests on, the questions, the answers checked.

The steps work without scripts. What was chosen so far travels in the address, what was answered in the form itself, so that nothing is
lost by an error, by going back a step, or by a look at the post.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from seawall.hub.casework import services
from seawall.hub.casework.form import Form, FormIncomplete, problems_of, second_review_needed
from seawall.hub.casework.forms import GroundForm, OutcomeForm
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.casework.questions import AnswersForm, Group, Subject, answers_form
from seawall.hub.casework.records import harm_of, harm_title
from seawall.hub.casework.showing import count_showing, panel_for
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.practice import queries as practice
from seawall.hub.web.forms import GovukBoundField
from seawall.hub.web.staff import person_of

FORM_ID = "decision"
OWN = frozenset({"csrfmiddlewaretoken", "step", "shown", "version", "blurred", "back"})
"""Fields that belong to a page and not to the decision."""
NOT_READ = 0  # no version of a post has this number, so the service asks for it to be read again
PAGES = ("outcome", "ground", "answers")


class Deciding:
    """One request on the way to a decision: what was said so far, and the page that follows from it."""

    def __init__(self, *, request: HttpRequest, case: Case) -> None:
        self.request, self.case = request, case
        self.person: Person = person_of(request)
        self.data: QueryDict = request.POST if request.method == "POST" else request.GET
        self.code = practice.current_code()
        self.token = self.data.get("shown", "")
        self.fresh = False

    def respond(self) -> HttpResponse:
        """The page that was asked for, or an earlier one where that lacks an answer."""
        step = self.data.get("step", "outcome")
        if step.startswith("show:") and self.request.method == "POST":
            self._show()
            step = step.removeprefix("show:")
        if step == "outcome" or step not in (*PAGES, "check", "record"):
            return self._outcome_page(OutcomeForm(case=self.case, code=self.code, initial=self._initial()))
        outcome = OutcomeForm(self.data, case=self.case, code=self.code)
        if not outcome.is_valid():
            return self._outcome_page(outcome)
        if outcome.belongs_elsewhere:
            query = urlencode({"harm": outcome.cleaned_data["harm"]})
            return redirect(f"{reverse('case_transfer', args=[self.case.pk])}?{query}")
        subject = Subject(
            outcome=Outcome(outcome.cleaned_data["outcome"]),
            harm=self.code.harm(outcome.cleaned_data["harm"]),
            code=self.code,
        )
        if subject.outcome != Outcome.REFER:
            return self._answers(subject, step)
        rules = directory.rules_for(platform=self.case.content.platform, harm=subject.harm.id)
        ground = GroundForm(self.data, harm=subject.harm, rules=rules)
        if step == "ground" or not ground.is_valid():
            if step == "ground" or "ground" not in self.data:
                ground = GroundForm(harm=subject.harm, rules=rules, initial=self._initial())
            return self._ground_page(ground, subject)
        chosen = Subject(
            outcome=subject.outcome,
            harm=subject.harm,
            code=subject.code,
            offence=ground.offence(),
            term=ground.term(),
        )
        return self._answers(chosen, step)

    def _answers(self, subject: Subject, step: str) -> HttpResponse:
        kind = answers_form(subject)
        if step in PAGES or self.request.method != "POST":
            return self._answers_page(kind(initial=self._initial()))
        form = kind(self.data)
        form.is_valid()
        form.note(
            problems_of(
                form.said(),
                code=self.code,
                platform=self.case.content.platform,
                organisation=self.case.desk.organisation,
                url=self.case.content.url,
            )
        )
        if not form.is_valid():
            return self._answers_page(form)
        return self._record(form) if step == "record" else self._check_page(form)

    def _record(self, form: AnswersForm) -> HttpResponse:
        try:
            decision = services.decide(case=self.case, person=self.person, form=self._read(form))
        except FormIncomplete as incomplete:
            form.note(incomplete.problems)
            return self._answers_page(form)
        except services.CaseUnavailable as gone:
            messages.error(self.request, str(gone))
            return redirect("case", case_id=self.case.pk)
        said = f"Your decision on {self.case.reference} is recorded: {decision.get_outcome_display().lower()}."
        if decision.second_review_needed:
            said += " It waits for a second reviewer."
        messages.success(self.request, said)
        return redirect("queue")

    def _read(self, form: AnswersForm) -> Form:
        """The decision, on the version of the post that the page spoke of."""
        read = self.data.get("content_version", "")
        now = self.case.content.version
        return replace(form.said(), content_version=now if read == str(now) else NOT_READ)

    def _show(self) -> None:
        self.token = count_showing(content=self.case.content, person=self.person, version=self.case.content.version)
        self.fresh = True

    def _initial(self) -> Mapping[str, Any]:
        return {"harm": self.case.harm, **{name: self.data.get(name) for name in self.data if name not in OWN}}

    def _carried(self, *fields: str) -> list[tuple[str, str]]:
        """What was said on other pages, to be sent along."""
        return [(name, self.data.get(name, "")) for name in self.data if name not in OWN and name not in fields]

    def _page(self, template: str, page: str, context: Mapping[str, Any], *own: str) -> HttpResponse:
        form = context["form"]
        posts = page in ("answers", "check") or self.request.method == "POST"
        panel = panel_for(
            content=self.case.content,
            person=self.person,
            kind=harm_title(self.code, self.case.harm),
            token=self.token,
            blurred=self.data.get("blurred") == "1",
            fresh=self.fresh,
            back=self.request.get_full_path() if self.request.method == "GET" else "",
            form=FORM_ID if posts else "",
            step=f"show:{page}",
        )
        return render(
            self.request,
            template,
            {
                "case": self.case,
                "post": panel,
                "method": "post" if posts else "get",
                "carried": self._carried(*own),
                "harm": harm_of(self.code, self.case.harm),
                "code": self.code,
                **context,
            },
            status=422 if form.is_bound and form.errors else 200,
        )

    def _outcome_page(self, form: OutcomeForm) -> HttpResponse:
        choices = cast(GovukBoundField, form["harm"]).choices
        elsewhere = {harm.id for harm in form.elsewhere}
        context = {
            "form": form,
            "here": [choice for choice in choices if choice.value not in elsewhere],
            "elsewhere": [choice for choice in choices if choice.value in elsewhere],
            "open_elsewhere": any(choice.selected for choice in choices if choice.value in elsewhere),
        }
        return self._page("casework/decide_outcome.html", "outcome", context, "harm", "outcome")

    def _ground_page(self, form: GroundForm, subject: Subject) -> HttpResponse:
        context = {"form": form, "harm": subject.harm, "subject": subject, "back": self._back("outcome")}
        return self._page("casework/decide_ground.html", "ground", context, "ground")

    def _answers_page(self, form: AnswersForm) -> HttpResponse:
        subject = form.subject
        context = {
            "form": form,
            "groups": [(group, [form[name] for name in group.names]) for group in form.groups],
            "subject": subject,
            "harm": subject.harm,
            "second": self._second(form),
            "back": self._back("ground" if subject.outcome == Outcome.REFER else "outcome"),
        }
        return self._page("casework/decide_answers.html", "answers", context, "content_version", *form.fields)

    def _check_page(self, form: AnswersForm) -> HttpResponse:
        context = {
            "form": form,
            "subject": form.subject,
            "harm": form.subject.harm,
            "groups": [(group.title, _rows(form, group)) for group in form.groups],
            "second": self._second(form),
        }
        return self._page("casework/decide_check.html", "check", context)

    def _second(self, form: AnswersForm) -> bool:
        about = form.subject
        trial = Form(outcome=about.outcome, harm=about.harm.id, reasons="", basis=about.basis)
        return second_review_needed(form=trial, harm=about.harm)

    def _back(self, step: str) -> str:
        """The address of an earlier step, with what the address can carry."""
        kept = {name: self.data[name] for name in ("harm", "outcome", "ground") if name in self.data}
        return f"{self.request.path}?{urlencode({**kept, 'step': step})}"


def _rows(form: AnswersForm, group: Group) -> list[tuple[str, str]]:
    """A group's questions with the answers, for checking."""
    rows: list[tuple[str, str]] = []
    for name in group.names:
        field = form.fields[name]
        given = form.cleaned_data.get(name) or ""
        said = dict(getattr(field, "choices", ())).get(given, given)
        grounds = form.cleaned_data.get(f"{name}_reasons")
        asked = f"{field.label}: {field.help_text}" if name.startswith("exemption_") else str(field.label)
        rows.append((asked, f"{said}.\n{grounds}" if grounds else str(said)))
    return rows


def decide(request: HttpRequest, case: Case) -> HttpResponse:
    """The page of the decision, for a case that is with the person; else back to the case with a sentence."""
    person = person_of(request)
    if services.role_to_decide(person=person, desk=case.desk) is None:
        raise PermissionError(f"Your role at {case.desk.name} does not allow this.")
    if case.state != CaseState.CLAIMED or case.claimed_by_id != person.pk:
        messages.error(request, f"Case {case.reference} is not with you. Take it up from the queue first.")
        return redirect("case", case_id=case.pk)
    return Deciding(request=request, case=case).respond()
