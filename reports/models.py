"""The provisioning report as the admin sees it: a view of the events, with no table of its own."""

from provisioning.models import Event


class ProvisioningReport(Event):
    class Meta:
        proxy = True
        verbose_name = "provisioning report"
        verbose_name_plural = "provisioning report"
        default_permissions = ("view",)
