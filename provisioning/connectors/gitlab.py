"""GitLab, over its SCIM 2.0 service for a group or for an instance of one's own.

Facts from gitlabhq/gitlabhq doc/development/internal_api/_index.md, November 2026. Not run against
a live GitLab.
- The id of an account is the external id that Gatehouse gave it.
- Documented is only the filter by id. Whether another is ignored or refused is not said; either
  way the list of all accounts is read instead, and that is remembered.
- `active: false` blocks, and DELETE does the same: the identity stays. So there is no deleting.
- There is no PUT, and the service for an instance changes only ids and `active`.
- No groups are described, so there are none here.
- Names come back under the flat key "name.formatted", so they are not compared.
"""

from typing import ClassVar

from provisioning.connectors.base import Setting, Step
from provisioning.connectors.scim import BASE_URL, TOKEN, Scim
from provisioning.plan import Feature
from provisioning.scim import spelling
from provisioning.scim.dialect import Deletion, Dialect, Update


class GitLab(Scim):
    slug: ClassVar[str] = "gitlab"
    label: ClassVar[str] = "GitLab"
    description: ClassVar[str] = (
        "Members of a top-level group on GitLab.com, or users of your own GitLab."
    )
    position: ClassVar[int] = 40
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            key="base_url",
            label=BASE_URL.label,
            help_text="GitLab shows it beside the token. For a group it ends in "
            "/api/scim/v2/groups/ and the name of the group, for your own GitLab in "
            "/api/scim/v2/application.",
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
        Feature.UPDATE_USERS: "Your own GitLab takes changes of names and addresses only from "
        "its sign-in.",
        Feature.DEACTIVATE_USERS: "GitLab blocks the account, or removes the person from the "
        "group. It is never deleted from here.",
    }
    not_listed: ClassVar[tuple[str, ...]] = ("name",)
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            "Switch SAML single sign-on on",
            "In GitLab, open the top-level group and its Settings > SAML SSO, or the Admin area of "
            "your own GitLab. SCIM needs the plan Premium or Ultimate.",
        ),
        Step(
            "Make a token",
            "On the same page press “Generate a SCIM token”. Copy the token and the address beside "
            "it.",
        ),
        Step(
            "Look at the user names",
            "GitLab's names have no @. If your people's user names are e-mail addresses, map "
            "userName from another attribute below.",
        ),
        Step("Try it", "Paste both and press “Save and test connection”."),
    )
    dialect: ClassVar[Dialect] = Dialect(
        updates=(Update.PATHS,),
        switches=(Update.PATHS,),
        searchable=("userName",),
        # GitLab's pages document “Replace” and “Add” only.
        spelling={spelling.OPS: spelling.CAPITAL},
        delete=Deletion.DEACTIVATES,
        # None is documented.
        discovery=(),
    )
    # No limit of its own is documented; a careful choice.
    requests_per_second: ClassVar[float] = 5
