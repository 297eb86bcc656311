from django.apps import AppConfig


class OversightConfig(AppConfig):
    name = "seawall.hub.oversight"
    label = "oversight"
    verbose_name = "Oversight"
