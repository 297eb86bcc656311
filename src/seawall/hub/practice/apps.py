from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "seawall.hub.practice"
    label = "practice"
    verbose_name = "Code of practice"
