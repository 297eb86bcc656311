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
from seawall.hub.exchange import api as exchange
from seawall.hub.exchange import sighting_api as sightings
from seawall.hub.exchange import sighting_views as sighting_pages
from seawall.hub.exchange import views as communities
from seawall.hub.exchange.files import views as signal_files
from seawall.hub.exchange.hashfeed import views as hashfeed
from seawall.hub.exchange.labels import views as labels
from seawall.hub.exchange.misp import views as misp
from seawall.hub.exchange.taxii import views as taxii
from seawall.hub.incidents import views as incidents
from seawall.hub.intake import peer_views as peers
from seawall.hub.intake import views as intake
from seawall.hub.intake import xarf_views as xarf
from seawall.hub.notices import after_views as after
from seawall.hub.notices import views as notices
from seawall.hub.notifications import views as notifications
from seawall.hub.oversight import calendar_views as calendar
from seawall.hub.oversight import conduct_views as conduct
from seawall.hub.oversight import power_views as powers
from seawall.hub.oversight import spread_views as spread
from seawall.hub.oversight import views as oversight
from seawall.hub.practice import views as practice
from seawall.hub.redress import views as redress
from seawall.hub.referrals import api
from seawall.hub.referrals import desk_views as desk
from seawall.hub.referrals import platform_views as platform
from seawall.hub.referrals import user_notice_text_views as user_notice_texts
from seawall.hub.referrals import user_notice_views as user_notices
from seawall.hub.referrals import views as referrals
from seawall.hub.web import views as web
from seawall.hub.web.home import home

urlpatterns = [
    # Asked most often, and so looked up first
    path("api/v1/match/", exchange.match, name="api_match"),
    path("api/v1/match/picture/", exchange.match_picture, name="api_match_picture"),
    # The public's side
    path("", web.front, name="front"),
    path("health", web.health, name="health"),
    path("report/", redress.start, name="report_start"),
    path("report/new/", redress.new, name="report_form"),
    path("report/done/", redress.done, name="report_done"),
    path("report/follow/<str:secret>/", redress.follow, name="report_follow"),
    path("report/follow/<str:secret>/withdraw/", redress.withdraw, name="report_withdraw"),
    path("notice/<str:secret>/", user_notices.notice, name="user_notice"),
    path("notice/<str:secret>/objection/", user_notices.object_to, name="user_notice_object"),
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
    path("referrals/<uuid:referral_id>/notice/told/", user_notices.user_told, name="referral_user_told"),
    path("referrals/<uuid:referral_id>/notice/passed-on/", user_notices.passed_on, name="referral_notice_passed_on"),
    path("referrals/<uuid:referral_id>/notice-delay/", user_notices.ask_again, name="notice_delay_prolong"),
    path("cases/<uuid:case_id>/notice-delay/", user_notices.ask, name="notice_delay_ask"),
    path("notice-delays/", user_notices.delays, name="notice_delays"),
    path("notice-delays/<uuid:delay_id>/answer/", user_notices.answer_delay, name="notice_delay_answer"),
    path("notice-delays/<uuid:delay_id>/end/", user_notices.end_delay, name="notice_delay_end"),
    path("objections/<uuid:objection_id>/answer/", user_notices.answer_objection, name="objection_answer"),
    path("notice-texts/", user_notice_texts.listing, name="notice_texts"),
    path("notice-texts/<slug:slug>/", user_notice_texts.edit, name="notice_text"),
    path("notice-texts/<slug:slug>/complaints/", user_notice_texts.complaints, name="notice_complaints"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.read, name="notifications_read"),
    path("notifications/mail/", notifications.mail, name="notifications_mail"),
    path("conduct/", conduct.conduct, name="conduct"),
    path("conduct/<uuid:desk_id>/", conduct.measure, name="conduct_measure"),
    path("conduct/measures/<uuid:measure_id>/lift/", conduct.lift, name="conduct_lift"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/new/", calendar.enter, name="calendar_enter"),
    path("calendar/<uuid:period_id>/cancel/", calendar.cancel, name="calendar_cancel"),
    path("calendar/powers/", powers.powers, name="powers"),
    path("calendar/powers/new/", powers.record, name="power_record"),
    path("calendar/powers/<uuid:power_id>/end/", powers.end, name="power_end"),
    path("notices/", notices.notices, name="notices"),
    path("notices/officer/", notices.profile, name="officer_profile"),
    path("notices/<uuid:notice_id>/", notices.notice, name="notice"),
    path("notices/<uuid:notice_id>/write/", notices.write, name="notice_write"),
    path("notices/<uuid:notice_id>/check/", notices.check, name="notice_check"),
    path("notices/<uuid:notice_id>/paper/", notices.paper, name="notice_paper"),
    path("notices/<uuid:notice_id>/decline/", notices.decline, name="notice_decline"),
    path("notices/<uuid:notice_id>/settle/", notices.settle, name="notice_settle"),
    path("notices/<uuid:notice_id>/copy/", after.copy, name="notice_copy"),
    path("notices/<uuid:notice_id>/finding/", after.finding, name="notice_finding"),
    path("notices/reviews/<uuid:review_id>/", after.review, name="notice_review"),
    # A platform's software
    path("communities/", communities.listing, name="communities"),
    path("communities/found/", communities.found, name="community_found"),
    path("communities/<slug:slug>/", communities.community, name="community"),
    path("communities/<slug:slug>/invite/", communities.invite, name="community_invite"),
    path("communities/<slug:slug>/agreement/", communities.agreement, name="community_agreement"),
    path("communities/<slug:slug>/members/<uuid:member_id>/accept/", communities.accept, name="community_accept"),
    path("communities/<slug:slug>/members/<uuid:member_id>/leave/", communities.leave, name="community_leave"),
    path("communities/<slug:slug>/incidents/", incidents.listing, name="incidents"),
    path("communities/<slug:slug>/incidents/declare/", incidents.declare, name="incident_declare"),
    path("incidents/<uuid:incident_id>/", incidents.incident, name="incident"),
    path("incidents/<uuid:incident_id>/say/", incidents.say, name="incident_say"),
    path("incidents/<uuid:incident_id>/extend/", incidents.extend, name="incident_extend"),
    path("incidents/<uuid:incident_id>/end/", incidents.end, name="incident_end"),
    path("incidents/<uuid:incident_id>/counts.csv", incidents.counts_csv, name="incident_counts"),
    path("incidents/<uuid:incident_id>/debrief/", incidents.debrief, name="incident_debrief"),
    path("incidents/<uuid:incident_id>/debrief.pdf", incidents.debrief_pdf, name="incident_debrief_pdf"),
    path("incidents/<uuid:incident_id>/debrief.json", incidents.debrief_json, name="incident_debrief_json"),
    path("incidents/<uuid:incident_id>/debrief/answer/", incidents.answer, name="incident_answer"),
    path("communities/<slug:slug>/sightings/", spread.page, name="community_sightings"),
    path("communities/<slug:slug>/sightings/figures.json", spread.as_json, name="community_sightings_json"),
    path("communities/<slug:slug>/sightings/figures.csv", spread.as_csv, name="community_sightings_csv"),
    path("communities/<slug:slug>/sightings/rows.csv", spread.rows, name="community_sightings_rows"),
    path("communities/<slug:slug>/sightings/new/", sighting_pages.tell, name="sighting_tell"),
    path("communities/<slug:slug>/signals/<uuid:signal_id>/settle/", communities.settle, name="community_settle"),
    path("communities/<slug:slug>/file/", signal_files.page, name="community_file"),
    path("communities/<slug:slug>/file/<uuid:place_id>/deleted/", signal_files.deleted, name="community_file_deleted"),
    path("api/v1/communities/<slug:slug>/signals.csv", signal_files.software, {"form": "csv"}, name="api_signals_csv"),
    path(
        "api/v1/communities/<slug:slug>/signals.json", signal_files.software, {"form": "json"}, name="api_signals_json"
    ),
    path("api/v1/communities/", exchange.communities, name="api_communities"),
    path("api/v1/communities/<slug:slug>/recipients/", exchange.register, name="api_recipients"),
    path("api/v1/communities/<slug:slug>/signals/", exchange.feed, name="api_signals"),
    path("api/v1/communities/<slug:slug>/confirmations/", exchange.confirm, name="api_confirmations"),
    path("api/v1/communities/<slug:slug>/signals/<uuid:signal_id>/opinion/", exchange.opinion, name="api_opinion"),
    path(
        "api/v1/communities/<slug:slug>/signals/<uuid:signal_id>/withdrawal/",
        exchange.withdraw,
        name="api_signal_withdrawal",
    ),
    path(
        "api/v1/communities/<slug:slug>/signals/<uuid:signal_id>/sightings/", sightings.of_signal, name="api_sightings"
    ),
    path(
        "api/v1/communities/<slug:slug>/signals/<uuid:signal_id>/sightings/<uuid:sighting_id>/withdrawal/",
        sightings.withdraw,
        name="api_sighting_withdrawal",
    ),
    path("exchange/hashes/<slug:slug>/v1/FetchHashes", hashfeed.fetch_hashes, name="hashfeed_fetch"),
    path("exchange/hashes/<slug:slug>/v1/SubmitFeedback", hashfeed.submit_feedback, name="hashfeed_feedback"),
    path("exchange/hashes/<slug:slug>/v1/SubmitHashes", hashfeed.submit_hashes, name="hashfeed_submit"),
    path("exchange/misp/taxonomy/machinetag.json", misp.taxonomy, name="misp_taxonomy"),
    path("exchange/misp/<slug:slug>/manifest.json", misp.manifest, name="misp_manifest"),
    path("exchange/misp/<slug:slug>/hashes.csv", misp.hashes, name="misp_hashes"),
    path("exchange/misp/<slug:slug>/<uuid:uuid>.json", misp.event, name="misp_event"),
    path("taxii2/", taxii.discovery, name="taxii_discovery"),
    path("taxii2/exchange/", taxii.api_root, name="taxii_root"),
    path("taxii2/exchange/collections/", taxii.listing, name="taxii_collections"),
    path("taxii2/exchange/collections/<str:named>/", taxii.one, name="taxii_collection"),
    path("taxii2/exchange/collections/<str:named>/manifest/", taxii.manifest, name="taxii_manifest"),
    path("taxii2/exchange/collections/<str:named>/objects/", taxii.objects, name="taxii_objects"),
    path("taxii2/exchange/collections/<str:named>/objects/<str:object_id>/", taxii.stix_object, name="taxii_object"),
    path(
        "taxii2/exchange/collections/<str:named>/objects/<str:object_id>/versions/",
        taxii.versions,
        name="taxii_versions",
    ),
    # The hub as a labeler of the AT Protocol
    path("xrpc/com.atproto.label.queryLabels", labels.query_labels, name="labels_query"),
    path("xrpc/com.atproto.label.subscribeLabels", labels.subscribe_labels, name="labels_stream"),
    path(".well-known/did.json", labels.did_document, name="labels_did"),
    path("labels/declaration.json", labels.declaration, name="labels_declaration"),
    path("labels/", labels.appeals, name="labels_appeals"),
    path("api/v1/referrals/", api.listing, name="api_referrals"),
    path("api/v1/referrals/<uuid:referral_id>/", api.one, name="api_referral"),
    path(
        "api/v1/referrals/<uuid:referral_id>/withdrawal/confirm/", api.confirm_withdrawal, name="api_confirm_withdrawal"
    ),
    path("api/v1/answers/", api.answers, name="api_answers"),
    path("api/v1/subscriptions/", api.subscriptions, name="api_subscriptions"),
    path("api/v1/subscriptions/<uuid:subscription_id>/", api.subscription, name="api_subscription"),
    path("api/v1/subscriptions/<uuid:subscription_id>/replay/", api.replay, name="api_replay"),
    # What others' software sends; the paths of the XARF channel have no slash at their end
    path("xarf/reports", xarf.reports, name="xarf_reports"),
    path("xarf/reports/<str:report_id>", xarf.report, name="xarf_report"),
    path("xarf/reports/<str:report_id>/information", xarf.information, name="xarf_information"),
    path("xarf/reports/<str:report_id>/withdrawal", xarf.withdrawal, name="xarf_withdrawal"),
    path("referrals/webhooks/<slug:slug>/", peers.webhook, name="referral_webhook"),
    path(".well-known/webfinger", peers.webfinger, name="webfinger"),
    path("actor", peers.actor_document, name="actor"),
    path("actor/outbox", peers.outbox, name="actor_outbox"),
    path("actor/inbox", peers.inbox, name="actor_inbox"),
    path("intake/", intake.arrivals, name="intake"),
    path("intake/replies/<uuid:reply_id>/read/", intake.reply_read, name="intake_reply_read"),
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
