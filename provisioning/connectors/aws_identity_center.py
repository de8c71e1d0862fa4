"""AWS IAM Identity Center, over its SCIM 2.0 service.

Facts from docs.aws.amazon.com/singlesignon/latest/developerguide (createuser, patchuser,
patchgroup, listgroups, limitations) and AWS's own client awslabs/ssosync (internal/aws), November
2026. Not run against a live instance.
- Needs userName, displayName, given and family name, and the address marked as primary.
- Filters are `eq` only; of addresses and telephone numbers there is one each, so a phone number of
  another kind than the mapped one is not added.
- A page holds 50 by the documentation, 100 by newer clients.
- DELETE deletes the user, with its assignments.
- A PATCH of a group has only displayName, members and externalId, at most 100 changes of members,
  and never all members at once; the sample renames without a path. There is no PUT of a group.
- Groups are shown without members. Whether somebody is in one is asked by a filter. AWS's client
  removes by a list, which AWS does not take for all members.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import Scim
from provisioning.plan import Feature
from provisioning.scim.dialect import Dialect, Groups, Members, Search, Update


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
        Feature.DELETE_GROUPS: "AWS also drops the assignments of the group to accounts.",
        Feature.GROUP_MEMBERS: "AWS does not list who is in a group; Gatehouse can only ask for "
        "one person at a time.",
    }
    default_mappings: ClassVar[tuple[tuple[str, str], ...]] = (
        ("userName", "username"),
        ("active", "is_active"),
        ("name.givenName", "first_name"),
        ("name.familyName", "last_name"),
        ("displayName", "full_name"),
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
        # /ServiceProviderConfig only, by the page on limitations.
        discovery=("/ServiceProviderConfig",),
        groups=Groups(
            updates=(Update.WHOLE, Update.PATHS),
            searches=(Search.FILTER, Search.LISTING),
            additions=(Members.LIST,),
            removals=(Members.LIST, Members.CHOSEN),
            members_at_once=100,
            excludes_members=False,
            shows_members=False,
            member_filter="id eq {group} and members eq {member}",
        ),
    )
    # No figure is published, and 429 is documented; a careful choice.
    requests_per_second: ClassVar[float] = 5
