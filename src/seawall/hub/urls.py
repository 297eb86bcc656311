"""Every route of the hub. Each has a row in `seawall.hub.access.ROUTES`; a route without one is refused to everybody."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from django.urls import path, re_path

from seawall.hub.casework import views as casework
from seawall.hub.demonstration import views as demonstration
from seawall.hub.directory import key_views as keys
from seawall.hub.directory import views as directory
from seawall.hub.notifications import views as notifications
from seawall.hub.oversight import calendar_views as calendar
from seawall.hub.oversight import conduct_views as conduct
from seawall.hub.oversight import views as oversight
from seawall.hub.practice import views as practice
from seawall.hub.redress import views as redress
from seawall.hub.referrals import api
from seawall.hub.referrals import desk_views as desk
from seawall.hub.referrals import platform_views as platform
from seawall.hub.referrals import views as referrals
from seawall.hub.web import views as web
from seawall.hub.web.home import home

urlpatterns = [
    # The public's side
    path("", web.front, name="front"),
    path("health", web.health, name="health"),
    path("report/", redress.start, name="report_start"),
    path("report/new/", redress.new, name="report_form"),
    path("report/done/", redress.done, name="report_done"),
    path("report/follow/<str:secret>/", redress.follow, name="report_follow"),
    path("report/follow/<str:secret>/withdraw/", redress.withdraw, name="report_withdraw"),
    path("code/", practice.code, name="code_of_practice"),
    path("code/<slug:harm_id>/", practice.harm, name="code_harm"),
    path("figures/", oversight.figures, name="figures"),
    path("figures.json", oversight.figures_json, name="figures_json"),
    path("figures.csv", oversight.figures_csv, name="figures_csv"),
    path("figures/<slug:slug>/", oversight.figures_platform, name="figures_platform"),
    path("ledger/roots.json", oversight.ledger_roots, name="ledger_roots"),
    # Signing in
    path("sign-in/", account.login, name="account_login"),
    path("sign-out/", account.logout, name="account_logout"),
    path("sign-up/", account.signup, name="account_signup"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/confirm-it-is-you/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/password/reset/", account.password_reset, name="account_reset_password"),
    path("account/password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/reset/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("sign-in/code/", mfa.authenticate, name="mfa_authenticate"),
    path("account/confirm-it-is-you/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/second-factor/", mfa.index, name="mfa_index"),
    path("account/second-factor/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/second-factor/recovery-codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/second-factor/recovery-codes/new/",
        recovery.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/second-factor/recovery-codes/download/",
        recovery.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    # Staff
    path("home/", home, name="home"),
    path("queue/", casework.queue, name="queue"),
    path("cases/<uuid:case_id>/", casework.case, name="case"),
    path("cases/<uuid:case_id>/claim/", casework.claim, name="case_claim"),
    path("cases/<uuid:case_id>/release/", casework.release, name="case_release"),
    path("cases/<uuid:case_id>/decide/", casework.decide, name="case_decide"),
    path("cases/<uuid:case_id>/review/", casework.review, name="case_review"),
    path("cases/<uuid:case_id>/transfer/", casework.transfer, name="case_transfer"),
    path("content/<uuid:content_id>/reveal/", casework.reveal, name="content_reveal"),
    path("referrals/", referrals.referrals, name="referrals"),
    path("referrals/<uuid:referral_id>/", referrals.referral, name="referral"),
    path("referrals/<uuid:referral_id>/inform/", referrals.inform, name="referral_inform"),
    path("referrals/<uuid:referral_id>/probe/", referrals.probe, name="referral_probe"),
    path("referrals/<uuid:referral_id>/redeliver/", referrals.redeliver, name="referral_redeliver"),
    path("referrals/answer/", platform.answer_many, name="referrals_answer"),
    path("referrals/<uuid:referral_id>/answer/", platform.answer, name="referral_answer"),
    path(
        "referrals/<uuid:referral_id>/withdrawal/confirm/",
        platform.confirm_withdrawal,
        name="referral_confirm_withdrawal",
    ),
    path("referrals/<uuid:referral_id>/withdraw/", desk.withdraw, name="referral_withdraw"),
    path("referrals/<uuid:referral_id>/withdrawal/told/", desk.told, name="referral_told"),
    path("referrals/<uuid:referral_id>/note/", desk.note, name="referral_note_answer"),
    path("referrals/<uuid:referral_id>/evidence/<uuid:probe_id>/", desk.kept_evidence, name="referral_evidence"),
    path("referrals/<uuid:referral_id>/by-hand/", desk.by_hand, name="referral_by_hand"),
    path("referrals/<uuid:referral_id>/mail/<uuid:mail_id>/", desk.mail_dealt_with, name="referral_mail"),
    path("referrals/<uuid:referral_id>/paper/", desk.paper, name="referral_paper"),
    path("referrals/<uuid:referral_id>/pdf/", desk.pdf, name="referral_pdf"),
    path("referrals/<uuid:referral_id>/reading/", desk.read, name="referral_read"),
    path("referrals/<uuid:referral_id>/recommendation/", desk.recommendation, name="referral_recommendation"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.read, name="notifications_read"),
    path("notifications/mail/", notifications.mail, name="notifications_mail"),
    path("conduct/", conduct.conduct, name="conduct"),
    path("conduct/<uuid:desk_id>/", conduct.measure, name="conduct_measure"),
    path("conduct/measures/<uuid:measure_id>/lift/", conduct.lift, name="conduct_lift"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/new/", calendar.enter, name="calendar_enter"),
    path("calendar/<uuid:period_id>/cancel/", calendar.cancel, name="calendar_cancel"),
    # A platform's software
    path("api/v1/referrals/", api.listing, name="api_referrals"),
    path("api/v1/referrals/<uuid:referral_id>/", api.one, name="api_referral"),
    path(
        "api/v1/referrals/<uuid:referral_id>/withdrawal/confirm/", api.confirm_withdrawal, name="api_confirm_withdrawal"
    ),
    path("api/v1/answers/", api.answers, name="api_answers"),
    path("api/v1/subscriptions/", api.subscriptions, name="api_subscriptions"),
    path("api/v1/subscriptions/<uuid:subscription_id>/", api.subscription, name="api_subscription"),
    path("api/v1/subscriptions/<uuid:subscription_id>/replay/", api.replay, name="api_replay"),
    path("scorecards/", oversight.scorecards, name="scorecards"),
    path("scorecards/<slug:slug>/", oversight.scorecard, name="scorecard"),
    path("ledger/", oversight.ledger, name="ledger"),
    path("directory/keys/", keys.keys, name="keys"),
    path("directory/keys/new/", keys.give, name="key_give"),
    path("directory/keys/<uuid:key_id>/withdraw/", keys.withdraw, name="key_withdraw"),
    path("directory/", directory.directory, name="directory"),
    path("directory/people/add/", directory.person_add, name="person_add"),
    path("directory/people/<uuid:person_id>/", directory.person, name="person"),
    path("directory/people/<uuid:person_id>/roles/give/", directory.role_give, name="role_give"),
    path("directory/people/<uuid:person_id>/<slug:change>/", directory.person_change, name="person_change"),
    path("directory/roles/<uuid:membership_id>/withdraw/", directory.role_withdraw, name="role_withdraw"),
    path("demonstration/", demonstration.sign_ins, name="demonstration"),
]
