from django.apps import AppConfig


class RedressConfig(AppConfig):
    name = "seawall.hub.redress"
    label = "redress"
    verbose_name = "Redress"
