from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "seawall.hub.content"
    label = "content"
    verbose_name = "Content"
