from django.apps import AppConfig


class RedressConfig(AppConfig):
    name = "seawall.hub.redress"
    label = "redress"
    verbose_name = "Redress"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.redress.panel import reports_panel

        panels.add("reports", reports_panel, place=10)
