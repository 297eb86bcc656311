from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "seawall.hub.exchange"
    label = "exchange"
    verbose_name = "Exchange"

    def ready(self) -> None:
        from seawall.hub.casework import panels
        from seawall.hub.exchange.panel import sighting_panel

        panels.add("exchange", sighting_panel, place=14)
