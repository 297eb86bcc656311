from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "seawall.hub.directory"
    label = "directory"
    verbose_name = "Directory"
