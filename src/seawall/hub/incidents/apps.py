from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "seawall.hub.incidents"
    label = "incidents"
    verbose_name = "Incidents"
