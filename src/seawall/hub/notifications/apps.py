from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "seawall.hub.notifications"
    label = "notifications"
    verbose_name = "Notifications"
