"""Salesforce, over its SCIM 2.0 service.

Facts from help.salesforce.com (identity_scim_rest_api, identity_scim_create_users,
identity_scim_implementation, identity_scim_manage_groups), November 2026. Not run against a live
org.
- It describes itself at /ServiceProviderConfigs, in the plural only.
- A new user needs a profile, sent as an entitlement that holds the profile's id.
- Users are deactivated and never deleted, so there is no deleting here.
- Of groups the documentation shows only how members are added and removed, with a list below the
  name “members” once more. So groups are neither made nor renamed nor deleted here.
- userName must look like an e-mail address and is unique among all customers of Salesforce.
"""

from dataclasses import replace
from typing import ClassVar

from provisioning.connectors import signing_in
from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature
from provisioning.scim.dialect import Dialect, Groups, Members, Update


class Salesforce(Scim):
    slug: ClassVar[str] = "salesforce"
    label: ClassVar[str] = "Salesforce"
    description: ClassVar[str] = "Users of a Salesforce org."
    position: ClassVar[int] = 70
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="https://, your My Domain, and then .my.salesforce.com/services/scim/v2.",
            is_url=True,
        ),
        replace(
            signing_in.CHOICE,
            help_text="Client credentials renew their token by themselves. A pasted token ends "
            "sooner or later and must then be pasted again.",
            default="oauth",
            choices=(("oauth", "OAuth 2.0 client credentials"), ("bearer", "Bearer token")),
        ),
        replace(TOKEN, when=signing_in.BEARER),
        *signing_in.CLIENT,
    )
    features: ClassVar[tuple[Feature, ...]] = (
        Feature.CREATE_USERS,
        Feature.UPDATE_USERS,
        Feature.DEACTIVATE_USERS,
        Feature.GROUP_MEMBERS,
    )
    feature_notes: ClassVar[dict[Feature, str]] = {
        Feature.DEACTIVATE_USERS: "The licence is free again. Salesforce never deletes a user.",
        Feature.GROUP_MEMBERS: "Only of public groups that exist in Salesforce under the same "
        "name.",
    }
    known_targets: ClassVar[tuple[str, ...]] = (
        *Scim.known_targets,
        # By the documentation's sample answer; the sample request has no type.
        'entitlements[type eq "Profile"].value',
    )
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Make a client",
            "In Salesforce, open Setup > External Client Apps (or App Manager > New Connected "
            "App), switch OAuth on with the scope “Manage user data via APIs (api)”, and allow the "
            "client credentials flow.",
        ),
        Step(
            "Say as whom it works",
            "In the policies of the client, choose a user who may manage users as the one that the "
            "client credentials flow runs as.",
        ),
        Step(
            "Copy three values",
            "Copy the consumer key (the Client ID) and the consumer secret (the Client secret). "
            "The Token address is https://, your My Domain, and "
            ".my.salesforce.com/services/oauth2/token.",
        ),
        Step(
            "Think of the profile",
            "A new user needs a profile. Put the id of a profile into a custom attribute of your "
            "people and map it to entitlements[type eq “Profile”].value below.",
        ),
        Step("Try it", "Press “Save and test connection” at the bottom of this page."),
    )
    dialect: ClassVar[Dialect] = Dialect(
        updates=(Update.PATHS, Update.PUT),
        discovery=("/ServiceProviderConfigs",),
        groups=Groups(
            updates=(),
            additions=(Members.NAMED_LIST, Members.LIST),
            removals=(Members.NAMED_LIST, Members.CHOSEN),
        ),
    )
    # Every request counts towards the org's daily allowance; a careful choice.
    requests_per_second: ClassVar[float] = 5
