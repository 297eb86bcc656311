from django.apps import AppConfig


class DemonstrationConfig(AppConfig):
    name = "seawall.hub.demonstration"
    label = "demonstration"
    verbose_name = "Demonstration"
