from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    name = "seawall.hub.casework"
    label = "casework"
    verbose_name = "Casework"
