"""Miro, over its SCIM 2.0 service.

Facts from developers.miro.com (docs/scim, docs/scim-groups, docs/scim-rate-limits,
reference/patchgroup), November 2026. Not run against a live company.
- Groups are teams, which are neither made nor deleted over SCIM, so that is not offered.
- Boards of somebody who is taken out of a team go to the team's oldest administrator, whose own
  removal, if it is the last one, is refused.
- A PATCH of a group holds at most 8,000 members and 800,000 bytes, 413 above. 1,000 at once is a
  careful choice.
- In 30 seconds the list of groups is read 5 times, one group 20 times, and a group is changed 5
  times, or 100 times by less than 500 bytes.
The steps and what DELETE of a person does are as generally known, and not confirmed by a page that
was read.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature
from provisioning.scim.dialect import Dialect, Groups


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
    features: ClassVar[tuple[Feature, ...]] = (
        Feature.CREATE_USERS,
        Feature.UPDATE_USERS,
        Feature.DEACTIVATE_USERS,
        Feature.DELETE_USERS,
        Feature.UPDATE_GROUPS,
        Feature.GROUP_MEMBERS,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.GROUP_MEMBERS: "Only of teams that exist in Miro under the same name. The boards "
        "of whoever is taken out of a team go to the team's oldest administrator.",
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
    dialect: ClassVar[Dialect] = Dialect(groups=Groups(members_at_once=1_000))
    # A careful choice, as reads of groups are limited to one in six seconds.
    requests_per_second: ClassVar[float] = 2
