"""AWS IAM Identity Center, over its SCIM 2.0 service.

Facts from docs.aws.amazon.com/singlesignon/latest/developerguide (createuser, patchuser,
limitations), November 2026. Not run against a live instance.
- Needs userName, displayName, given and family name, and the address marked as primary.
- Filters are `eq` only, by userName or externalId (listusers, November 2026).
- Of addresses and telephone numbers there is one each, so a phone number of another kind than the
  mapped one is not added.
- A page holds 50 by the documentation, 100 by newer clients.
- DELETE deletes the user, with its assignments.
"""

from typing import ClassVar

from provisioning.connectors.base import Formula, Setting, Source, Step
from provisioning.connectors.scim import Scim
from provisioning.plan import Feature
from provisioning.scim.dialect import Dialect


class AwsIdentityCenter(Scim):
    slug: ClassVar[str] = "aws_identity_center"
    label: ClassVar[str] = "AWS IAM Identity Center"
    description: ClassVar[str] = "People who sign in to AWS accounts."
    position: ClassVar[int] = 60
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label="SCIM endpoint",
            help_text="AWS shows it under Automatic provisioning. It ends in /scim/v2.",
            is_url=True,
        ),
        Setting(
            key="token",
            label="Access token",
            help_text="AWS shows it once, and it is good for a year. AWS warns before it ends.",
            secret=True,
        ),
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.DELETE_USERS: "AWS also drops the assignments of the user to accounts.",
    }
    default_mappings: ClassVar[tuple[tuple[str, Source], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        # Without one AWS refuses the user.
        ("displayName", Formula("coalesce(full_name, username)")),
        ('emails[type eq "work"].value', "email"),
    )
    required_targets: ClassVar[tuple[str, ...]] = (
        "userName",
        "displayName",
        "name.givenName",
        "name.familyName",
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Choose where people come from",
            "In the AWS console, open IAM Identity Center > Settings > Identity source, and choose "
            "an external identity provider if that is not done yet.",
        ),
        Step(
            "Switch provisioning on",
            "On the same page press “Enable” beside “Automatic provisioning”. Copy the SCIM "
            "endpoint and the access token, which is shown only once.",
        ),
        Step("Try it", "Paste both below and press “Save and test connection”."),
    )
    dialect: ClassVar[Dialect] = Dialect(
        page_size=50,
        searchable=("userName",),
        # /ServiceProviderConfig only, by the page on limitations.
        discovery=("/ServiceProviderConfig",),
    )
    # No figure is published, and 429 is documented; a careful choice.
    requests_per_second: ClassVar[float] = 5
