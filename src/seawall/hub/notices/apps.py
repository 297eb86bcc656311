from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "seawall.hub.notices"
    label = "notices"
    verbose_name = "Notices"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.notices.addition import NOTICES_ADD
        from seawall.hub.notices.panel import draft_panel
        from seawall.hub.referrals import additions

        additions.add("notices", NOTICES_ADD)
        panels.add("notices", draft_panel, place=18)
