from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "seawall.hub.referrals"
    label = "referrals"
    verbose_name = "Referrals"
