"""Miro, over its SCIM 2.0 service.

From Miro's documentation only this is confirmed (November 2026): a PATCH of a group holds at most
8,000 members, and a group is read at most 5 times in 30 seconds, which says that reads are scarce.
The address, the steps and what DELETE does are as generally known, and neither confirmed by a page
that was read nor run against a live team.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature


class Miro(Scim):
    slug: ClassVar[str] = "miro"
    label: ClassVar[str] = "Miro"
    description: ClassVar[str] = "Members of a company on Miro's Enterprise plan."
    position: ClassVar[int] = 80
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="Miro shows it beside the token. Change what stands here only if it differs.",
            default="https://miro.com/api/v1/scim",
            is_url=True,
        ),
        TOKEN,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.DELETE_USERS: "Ask Miro first who owns the boards of a deleted person afterwards.",
    }
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
        # Miro knows people by their e-mail address.
        ("userName", "email"),
        ("active", "is_active"),
        ("displayName", "full_name"),
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Switch provisioning on",
            "In Miro, open Company settings > Enterprise integrations, and switch SCIM "
            "provisioning on. It needs the Enterprise plan and single sign-on.",
        ),
        Step("Copy the token", "Copy the base URL and the API token that Miro shows there."),
        Step("Try it", "Paste the token below and press “Save and test connection”."),
    )
    # A careful choice, as reads of groups are limited to one in six seconds.
    requests_per_second: ClassVar[float] = 2
