from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "seawall.hub.ledger"
    label = "ledger"
    verbose_name = "Ledger"
