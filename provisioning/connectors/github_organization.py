"""An organization on GitHub whose people have accounts of their own, over its SCIM 2.0 service.

Facts from a copy of GitHub's documentation (tryapis.com), November 2026. Not run against a live
organization.
- Paths with a filter, such as emails[type eq "work"], are refused, so a change goes without paths.
- `active: false` removes the person from the organization and ends the link to the account, which
  GitHub then does not know any more: whoever comes back is invited anew.
- DELETE does the same.
- No groups are described, so there are none here.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature
from provisioning.scim.dialect import Dialect, Update


class GitHubOrganization(Scim):
    slug: ClassVar[str] = "github_organization"
    label: ClassVar[str] = "GitHub organization"
    description: ClassVar[str] = (
        "Members of one organization, who keep GitHub accounts of their own."
    )
    position: ClassVar[int] = 31
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="https://api.github.com/scim/v2/organizations/ and the name of your "
            "organization as it is in the address of its GitHub page.",
            is_url=True,
        ),
        TOKEN,
    )
    features: ClassVar[tuple[Feature, ...]] = (
        Feature.CREATE_USERS,
        Feature.UPDATE_USERS,
        Feature.DEACTIVATE_USERS,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.CREATE_USERS: "GitHub sends the person an invitation to the organization.",
        Feature.DEACTIVATE_USERS: "GitHub removes the person from the organization. Whoever comes "
        "back is invited anew.",
    }
    required_targets: ClassVar[tuple[str, ...]] = (
        "userName",
        "name.givenName",
        "name.familyName",
        'emails[type eq "work"].value',
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Switch SAML single sign-on on",
            "GitHub offers SCIM only to organizations of GitHub Enterprise Cloud with SAML single "
            "sign-on, under Settings > Authentication security.",
        ),
        Step(
            "Make a token",
            "As an owner, open Settings > Developer settings > Personal access tokens > Tokens "
            "(classic), make one with the scope admin:org, and authorize it for single sign-on.",
        ),
        Step(
            "Try it",
            "Enter the address with the name of your organization, paste the token, and press "
            "“Save and test connection”.",
        ),
    )
    dialect: ClassVar[Dialect] = Dialect(
        updates=(Update.WHOLE, Update.PUT),
        switches=(Update.WHOLE, Update.PATHS),
        # None is documented.
        discovery=(),
    )
    # As for an enterprise, whose published limit is 1,000 people an hour.
    requests_per_second: ClassVar[float] = 0.5
