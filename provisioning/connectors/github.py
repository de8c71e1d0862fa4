"""GitHub Enterprise Managed Users, over its SCIM 2.0 service.

Facts from github/docs (provisioning-users-and-groups-with-scim-using-the-rest-api.md,
deprovisioning-and-reinstating-users.md, emu-scim-rate-limit-details.md), November 2026. Not run
against a live enterprise.
- `active: false` suspends: names and address are obscured, and the person can be restored.
- DELETE cannot be undone: keys, repositories and the identity go for good.
- At most 1,000 people in an hour, and only one system may write.
- A list shows suspended people too, so a former member is found again.
- At most 1,000 people are added to a group in an hour, and a member must be there before the group
  gets it. A PUT removes whoever it does not name.
- Requests without a User-Agent are refused; every request of Gatehouse has one.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature


class GitHub(Scim):
    slug: ClassVar[str] = "github"
    label: ClassVar[str] = "GitHub Enterprise Managed Users"
    description: ClassVar[str] = "People of an enterprise whose GitHub accounts it owns itself."
    position: ClassVar[int] = 30
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="https://api.github.com/scim/v2/enterprises/ and the name of your enterprise "
            "as it is in the address of its GitHub page.",
            is_url=True,
        ),
        TOKEN,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.DEACTIVATE_USERS: "GitHub suspends the person and obscures the name; forks of "
        "private repositories are deleted within a day.",
        Feature.DELETE_USERS: "GitHub then deletes keys, repositories and the identity for good.",
        Feature.GROUP_MEMBERS: "GitHub takes 1,000 new members of a group in an hour, so a larger "
        "one fills over several hours.",
    }
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("displayName", "full_name"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        ('emails[type eq "work"].value', "email"),
    )
    required_targets: ClassVar[tuple[str, ...]] = (
        "userName",
        "displayName",
        'emails[type eq "work"].value',
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Sign in as the setup user",
            "Use the account whose name ends in _admin, which GitHub made with your enterprise.",
        ),
        Step(
            "Make a token",
            "Open Settings > Developer settings > Personal access tokens > Tokens (classic) and "
            "make one with the scope scim:enterprise and no expiry.",
        ),
        Step(
            "Let only Gatehouse write",
            "Switch provisioning off in every other system that is connected to the enterprise.",
        ),
        Step(
            "Try it",
            "Enter the address with the name of your enterprise, paste the token, and press “Save "
            "and test connection”.",
        ),
    )
    # 1,000 people an hour, each with a search and a write; changes and leavers come on top.
    requests_per_second: ClassVar[float] = 0.5
