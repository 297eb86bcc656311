"""The Django app that holds the pages' shared parts."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Must stand before django-allauth in INSTALLED_APPS, so that our account pages are found first."""

    name = "seawall.hub.web"
    label = "web"
    verbose_name = "Web"
