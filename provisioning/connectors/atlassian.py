"""Atlassian (Jira, Confluence and others), over its user provisioning service.

Facts from developer.atlassian.com/cloud/admin/user-provisioning and support.atlassian.com, November
2026. Not run against a live organization.
- Filters by userName and externalId; pages of at most 100.
- `active: false` deactivates the managed account.
- DELETE unlinks it and deactivates it. The record is gone: whoever comes back gets a new id.
- A group cannot be renamed once it is there (the note on PATCH of a group in the same reference),
  so that is not offered.
- An address cannot be changed by the person while it is managed from here.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature


class Atlassian(Scim):
    slug: ClassVar[str] = "atlassian"
    label: ClassVar[str] = "Atlassian"
    description: ClassVar[str] = (
        "Managed accounts for Jira, Confluence and Atlassian's other products."
    )
    position: ClassVar[int] = 50
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="Atlassian shows it with the API key: "
            "https://api.atlassian.com/scim/directory/ and the id of the directory.",
            is_url=True,
        ),
        TOKEN,
    )
    features: ClassVar[tuple[Feature, ...]] = tuple(
        feature for feature in Feature if feature is not Feature.UPDATE_GROUPS
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.CREATE_GROUPS: "Atlassian cannot rename a group later: it keeps its first name.",
        Feature.DELETE_USERS: "Atlassian unlinks the account from Gatehouse and deactivates it; "
        "what the person wrote stays.",
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
            "Verify your domain",
            "On admin.atlassian.com, open Settings > Domains and verify the domain of your e-mail "
            "addresses. Only its accounts can be managed.",
        ),
        Step(
            "Make a directory",
            "Open Security > Identity providers, choose your provider or “Other”, and set up user "
            "provisioning. It needs Atlassian Guard.",
        ),
        Step(
            "Copy the address and the key",
            "Atlassian shows the SCIM base URL and the API key once. Copy both now.",
        ),
        Step("Try it", "Paste both and press “Save and test connection”."),
    )
    # No figure is published; a careful choice.
    requests_per_second: ClassVar[float] = 5
