"""The provisioning report as the admin sees it, a view of the events, and its saved searches."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from iam import text
from iam.fields import NormalisedField
from provisioning.models import Event


class ProvisioningReport(Event):
    class Meta:
        proxy = True
        verbose_name = "provisioning report"
        verbose_name_plural = "provisioning report"
        default_permissions = ("view",)


class SavedSearch(models.Model):
    """The filters of the report under a name; a timespan that counts back from now stays one."""

    name = models.CharField(
        max_length=60, validators=[text.visible], help_text="What it finds: Failed this week"
    )
    name_key = NormalisedField(source="name")
    # As in the address of the report: outcome=failed&timespan=7d
    query = models.TextField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches"
    )
    shared = models.BooleanField(
        "for everybody", default=False, help_text="Everybody who may see the report can open it."
    )

    class Meta:
        ordering = ["name_key", "pk"]
        # Whoever may see the report may keep searches of it.
        default_permissions = ()
        verbose_name = "saved search"
        verbose_name_plural = "saved searches"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name_key"], name="one_saved_search_an_owner_and_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        taken = SavedSearch.objects.filter(
            owner=self.owner_id, name_key=text.normalise(self.name)
        ).exclude(pk=self.pk)
        if taken.exists():
            raise ValidationError(
                {"name": f"You have a saved search “{self.name}” already. Choose another name."}
            )
