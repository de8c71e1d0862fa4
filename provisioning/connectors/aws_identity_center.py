"""AWS IAM Identity Center, over its SCIM 2.0 service.

Facts from docs.aws.amazon.com/singlesignon/latest/developerguide (createuser, patchuser,
patchgroup, listgroups, limitations) and AWS's own client awslabs/ssosync (internal/aws), November
2026. Not run against a live instance.
- Needs userName, displayName, given and family name, and the address marked as primary.
- Filters are `eq` only, by userName or externalId (listusers).
- Of addresses and telephone numbers there is one each, so a phone number of another kind than the
  mapped one is not added.
- A list takes cursor, count and filter; startIndex is not supported (listusers). A page holds 100,
  where the documentation of 2024 says 50.
- PATCH takes no several operations on userName or active (patchuser).
- DELETE deletes the user, with its assignments.
- A PATCH of a group has only displayName, members and externalId, at most 100 changes of members,
  and never all members at once; the sample renames without a path. There is no PUT of a group.
- Groups are shown without members. Whether somebody is in one is asked by a filter. AWS's client
  removes by a list, which AWS does not take for all members.
"""

from collections.abc import Collection, Sequence
from typing import ClassVar

from provisioning import http
from provisioning.connectors.base import Formula, Setting, Source, Step
from provisioning.connectors.scim import Scim
from provisioning.plan import Change, Feature
from provisioning.scim.dialect import Dialect, Groups, Members, Paging, Search, Update


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
        # Pages by cursor came in 2025 and say no total; not every region need have them
        # (recorded in slashdevops/idp-scim-sync pkg/aws/testdata, November 2026).
        paging=(Paging.CURSOR, Paging.INDEX),
        page_size=50,
        searchable=("userName",),
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

    def _first_page(self) -> http.Response:
        return self._request("GET", "/Users", params={"count": "1"})

    def update(self, remote_id: str, changes: Sequence[Change], *, held: Collection[str]) -> None:
        """Somebody who is renamed is switched by a request of its own."""
        switch = [change for change in changes if change.path == self.active_target]
        others = [change for change in changes if change not in switch]
        if any(change.path == "userName" for change in others) and switch:
            super().update(remote_id, others, held=held)
            super().update(remote_id, switch, held=held)
        else:
            super().update(remote_id, changes, held=held)
