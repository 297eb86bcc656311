from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "seawall.hub.exchange"
    label = "exchange"
    verbose_name = "Exchange"
