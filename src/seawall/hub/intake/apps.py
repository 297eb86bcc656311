from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "seawall.hub.intake"
    label = "intake"
    verbose_name = "Intake"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.intake.panel import sent_panel

        panels.add("intake", sent_panel, place=12)
