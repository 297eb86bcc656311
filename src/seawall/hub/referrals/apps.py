from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "seawall.hub.referrals"
    label = "referrals"
    verbose_name = "Referrals"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.referrals.panel import referrals_panel

        panels.add("referrals", referrals_panel, place=20)
