"""Registers provisioning with Django and connects its signal receivers."""

from django.apps import AppConfig
from django.core import checks


class ProvisioningConfig(AppConfig):
    name = "provisioning"
    verbose_name = "Provisioning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from provisioning import nudge, signals

        signals.connect()
        checks.register(nudge.check_installed)
