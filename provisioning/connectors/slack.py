"""Slack, over its SCIM 2.0 service.

Facts from docs.slack.dev/reference/scim-api and …/rate-limits, and from the tests of
slackapi/java-slack-sdk, November 2026. Not run against a live organization.
- DELETE deactivates, as `active: false` does, and shows only some seconds later. So there is no
  deleting here, and switching off is how a person loses Slack.
- PUT asks for `nickName`, which a PUT of what Slack holds brings along.
- An error is {"Errors": {"code", "description"}}.
- Groups have PATCH and PUT (docs.slack.dev/reference/scim-api/scim-api-1.1; no page shows the body
  of version 2). DELETE of a group cannot be undone.
- 600 writes a minute, of them 180 of users, 20 at once, for all apps of an organization together.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature


class Slack(Scim):
    slug: ClassVar[str] = "slack"
    label: ClassVar[str] = "Slack"
    description: ClassVar[str] = "Members of a Slack organization or workspace."
    position: ClassVar[int] = 20
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="Slack's own address is right for nearly everyone.",
            default="https://api.slack.com/scim/v2",
            is_url=True,
        ),
        TOKEN,
    )
    features: ClassVar[tuple[Feature, ...]] = (
        Feature.CREATE_USERS,
        Feature.UPDATE_USERS,
        Feature.DEACTIVATE_USERS,
        Feature.CREATE_GROUPS,
        Feature.UPDATE_GROUPS,
        Feature.DELETE_GROUPS,
        Feature.GROUP_MEMBERS,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.DEACTIVATE_USERS: "Slack never deletes a member: messages stay, and the person can "
        "be switched on again.",
        Feature.DELETE_GROUPS: "Slack removes the group for good and cannot restore it.",
    }
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        ("displayName", "full_name"),
        ('emails[type eq "work"].value', "email"),
    )
    required_targets: ClassVar[tuple[str, ...]] = ("userName", 'emails[type eq "work"].value')
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Check the plan",
            "Slack offers SCIM from the plan Business+ upwards. Ask an owner of the organization "
            "or of the workspace to do the next steps.",
        ),
        Step(
            "Make an app",
            "On api.slack.com/apps press “Create New App”, choose “From scratch” and give it a "
            "name such as “Gatehouse”.",
        ),
        Step(
            "Allow it to manage people",
            "Under “OAuth & Permissions” add the user token scope admin, install the app as an "
            "owner, and copy the token that begins with xoxp-.",
        ),
        Step("Try it", "Paste the token below and press “Save and test connection”."),
    )
    # The published limit of three writes a second.
    requests_per_second: ClassVar[float] = 3
