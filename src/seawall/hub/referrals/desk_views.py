"""What a desk and the overseer do about a referral: withdraw it, note an answer, read the evidence, recommend and answer."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall import channels
from seawall.formats import rendering
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.referrals import evidence, mail, portal, queries, readings, services, withdrawals
from seawall.hub.referrals.answers import note_answer
from seawall.hub.referrals.forms import ByHandForm, NotedForm, ReadingForm, RecommendationForm, ToldForm, WithdrawForm
from seawall.hub.referrals.models import Opinion, Probe, Referral, ReferralState, Withdrawal
from seawall.hub.web.staff import person_of, refusals_are_403


def _seen(request: HttpRequest, referral_id: UUID) -> Referral:
    try:
        return queries.referral_for(person=person_of(request), referral_id=referral_id)
    except Referral.DoesNotExist as error:
        raise Http404("No such referral that you may see.") from error


def _own(request: HttpRequest, referral_id: UUID) -> Referral:
    found = _seen(request, referral_id)
    if found.case.desk_id not in person_of(request).desk_ids():
        raise Http404("No such referral at your desks.")
    return found


def _page(
    request: HttpRequest,
    found: Referral,
    form: Form,
    *,
    title: str,
    button: str,
    about: str = "",
    warning: bool = False,
) -> HttpResponse:
    return render(
        request,
        "referrals/act.html",
        {"referral": found, "form": form, "title": title, "button": button, "about": about, "warning": warning},
        status=422 if form.is_bound and form.errors else 200,
    )


def _complain(form: Form, problem: FormIncomplete) -> None:
    for one in problem.problems:
        form.add_error(one.field if one.field in form.fields else None, one.message)


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def withdraw(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Take a referral back."""
    found = _own(request, referral_id)
    if withdrawals.role_to_withdraw(person=person_of(request), referral=found) is None:
        raise PermissionError("Only an authorising officer takes back a notice or an order.")
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            withdrawals.withdraw_by_person(
                referral=found,
                person=person_of(request),
                reasons=form.cleaned_data["reasons"],
                restore=form.cleaned_data["restore"],
            )
        except FormIncomplete as problem:
            _complain(form, problem)
        except withdrawals.AlreadyWithdrawn as before:
            messages.info(request, str(before))
            return redirect("referral", referral_id=referral_id)
        else:
            messages.success(
                request, f"{found.reference} is withdrawn. {found.platform.name} is told, and has to confirm it."
            )
            return redirect("referral", referral_id=referral_id)
    return _page(
        request,
        found,
        form,
        title="Withdraw this referral",
        button="Withdraw it",
        about="The platform is asked to treat it as if it had not been made. This cannot be undone; a new decision makes a new referral.",
        warning=True,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def told(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Write down that a person told the platform of a withdrawal."""
    found = _own(request, referral_id)
    form = ToldForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            withdrawals.acknowledge_by_hand(referral=found, person=person_of(request), note=form.cleaned_data["note"])
        except Withdrawal.DoesNotExist as missing:
            raise Http404("This referral is not withdrawn.") from missing
        messages.success(request, f"It is written down that {found.platform.name} knows of the withdrawal.")
        return redirect("referral", referral_id=referral_id)
    return _page(request, found, form, title=f"{found.platform.name} knows of the withdrawal", button="Write it down")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def note(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Write down what a platform said by another way."""
    found = _own(request, referral_id)
    if found.received_at is None:
        messages.error(request, "Nothing has been delivered yet, so there is no answer to it.")
        return redirect("referral", referral_id=referral_id)
    form = NotedForm(request.POST if request.method == "POST" else None, sayings=portal.sayings_for([found]))
    if form.is_bound and form.is_valid():
        saying = form.saying()
        status, reason, _label, _about = portal.SAYINGS[saying.says]
        try:
            answer = channels.Answer.unsigned(
                {
                    "schema": "seawall-answer/1",
                    "answer_id": f"noted-{uuid4()}",
                    "reference": found.platform_reference,
                    "at": channels.base.stamp(moment.now()),
                    "status": status,
                    "reason_code": reason,
                    "detail": "\n\n".join(
                        filter(None, [saying.detail.strip(), f"Heard so: {form.cleaned_data['source'].strip()}"])
                    ),
                    "puid": saying.puid or None,
                    "actions": list(saying.actions),
                },
                reference=found.platform_reference,
                proof="stated",
            )
        except channels.AnswerInvalid as problem:
            form.add_error(None, str(problem))
        else:
            if note_answer(referral=found, person=person_of(request), saying=answer) is None:
                messages.error(request, f"{found.reference} is finished already, so the answer was not taken in.")
            else:
                messages.success(request, "The answer is written down.")
            return redirect("referral", referral_id=referral_id)
    return _page(
        request,
        found,
        form,
        title=f"What {found.platform.name} said",
        button="Write it down",
        about="For an answer that came by telephone, letter or mail. It counts as stated by you, not as proved by the platform.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def by_hand(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Send a referral by the platform's own form: what to paste where, and that it was done."""
    found = _own(request, referral_id)
    if found.state != ReferralState.BY_HAND:
        messages.info(request, f"{found.reference} does not wait to be sent by hand.")
        return redirect("referral", referral_id=referral_id)
    form = ByHandForm(request.POST, request.FILES) if request.method == "POST" else ByHandForm()
    if form.is_bound and form.is_valid() and moment.now() - form.cleaned_data["ago"] < found.prepared_at:
        form.add_error("ago", "The referral was written only after that. Choose a later time")
    if form.is_bound and form.is_valid():
        try:
            services.sent_by_hand(
                referral=found,
                person=person_of(request),
                reference=form.cleaned_data["reference"],
                submitted_at=moment.now() - form.cleaned_data["ago"],
                note=form.cleaned_data["note"],
                picture_sha256=form.cleaned_data["picture"],
            )
        except channels.ReceiptInvalid as problem:
            form.add_error(None, str(problem))
        except FormIncomplete as problem:
            _complain(form, problem)
        else:
            messages.success(request, f"The clock of {found.platform.name} runs since you sent it.")
            return redirect("referral", referral_id=referral_id)
    try:
        steps = queries.steps_by_hand(found)
    except channels.ChannelError as problem:
        messages.error(request, str(problem))
        steps = None
    return render(
        request,
        "referrals/by_hand.html",
        {"referral": found, "form": form, "steps": steps},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_POST
@refusals_are_403
def mail_dealt_with(request: HttpRequest, referral_id: UUID, mail_id: UUID) -> HttpResponse:
    """A mail has been read, and nothing more is to be done about it."""
    found = _own(request, referral_id)
    kept = found.mails.filter(pk=mail_id).first()
    if kept is None:
        raise Http404("There is no such mail.")
    mail.dealt_with(mail=kept, person=person_of(request))
    return redirect("referral", referral_id=referral_id)


@require_safe
@refusals_are_403
def kept_evidence(request: HttpRequest, referral_id: UUID, probe_id: UUID) -> HttpResponse:
    """The file of what the hub saw when it looked (WARC). It is handed out as a file and never shown."""
    found = _own(request, referral_id)
    try:
        probe = found.probes.exclude(evidence="").get(pk=probe_id)
        raw = evidence.read(probe)
    except (Probe.DoesNotExist, OSError) as missing:
        raise Http404("There is no such file of evidence.") from missing
    except ValueError as changed:
        return HttpResponse(str(changed), status=500, content_type="text/plain; charset=utf-8")
    return HttpResponse(
        raw,
        content_type="application/warc",
        headers={
            "Content-Disposition": f'attachment; filename="{found.reference}-{probe.checkpoint}.warc.gz"',
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_safe
def paper(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The referral as a page to print."""
    found = _seen(request, referral_id)
    return HttpResponse(
        rendering.render_html(_document(found), reference=found.reference),
        headers={"Content-Security-Policy": rendering.POLICY},  # its one style stands in the page, by its hash
    )


@require_safe
def pdf(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The referral as a PDF."""
    found = _seen(request, referral_id)
    return HttpResponse(
        rendering.render_pdf(_document(found), reference=found.reference),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{found.reference}.pdf"'},
    )


def _document(found: Referral) -> channels.ReferralDocument:
    return queries.document_of(found)


def _overseen(person: Person, found: Referral) -> bool:
    return Role.OVERSEER in person.roles() and (found.state_body or found.sampled)


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def read(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The overseer's word on a referral."""
    found, person = _seen(request, referral_id), person_of(request)
    if not _overseen(person, found):
        raise Http404("This referral is not among those that the overseer reads.")
    form = ReadingForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            readings.read(
                referral=found,
                person=person,
                opinion=Opinion(form.cleaned_data["opinion"]),
                reasons=form.cleaned_data["reasons"],
            )
        except FormIncomplete as problem:
            _complain(form, problem)
        except readings.AlreadyRead as before:
            messages.info(request, str(before))
            return redirect("referral", referral_id=referral_id)
        else:
            messages.success(request, f"Your reading of {found.reference} is written down.")
            return redirect("referral", referral_id=referral_id)
    return _page(request, found, form, title="Your reading of this referral", button="Write it down")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def recommendation(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The desk's answer to the overseer."""
    found = _own(request, referral_id)
    reading = queries.recommendation_of(found)
    if reading is None:
        messages.error(request, f"No recommendation on {found.reference} waits for an answer.")
        return redirect("referral", referral_id=referral_id)
    form = RecommendationForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        follow = form.cleaned_data["follow"] == "yes"
        try:
            readings.answer_recommendation(
                referral=found, person=person_of(request), follow=follow, answer=form.cleaned_data["answer"]
            )
        except FormIncomplete as problem:
            _complain(form, problem)
        else:
            messages.success(request, "The overseer is told." + (f" {found.reference} is withdrawn." if follow else ""))
            return redirect("referral", referral_id=referral_id)
    return _page(
        request,
        found,
        form,
        title="The overseer recommends that this is withdrawn",
        button="Answer the overseer",
        about=reading.reasons,
    )
