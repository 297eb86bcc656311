from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    name = "seawall.hub.referrals"
    label = "referrals"
    verbose_name = "Referrals"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.referrals.panel import referrals_panel
        from seawall.hub.referrals.user_notice_queries import user_notice_panel

        panels.add("referrals", referrals_panel, place=20)
        panels.add("user_notice", user_notice_panel, place=21)
