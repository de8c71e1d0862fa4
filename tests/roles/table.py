"""What each role may do: declared here once more, apart from the product.

A new page or address fails the matrix until it is named here:

- a model with admin pages: a line in `PAGES`, and an object of it in `tests/roles/world.py`;
- an action of its list: a line in `ACTIONS`;
- a page of one's own beside them (`get_urls`, `actions_detail`): a line in `OWN_PAGES`;
- an address of the API: a line in `tests/provisioning/api/test_matrix.py`, and what of its right
  the roles have, if it is a new one, in `holds`;
- anything else: a line in `ELSEWHERE`.
"""

from collections.abc import Callable

from iam.models import Role, Scope

# The letters that stand for the roles below.
LETTERS = {
    Role.SUPERUSER: "S",
    Role.PROVISIONING: "P",
    Role.HELP_DESK: "H",
    Role.AUDITOR: "A",
}
EVERYBODY = "SPHA0"  # 0 is an operator who may sign in and has no role

# By model: who may see, add, save the page of and delete one.
PAGES: dict[str, tuple[str, str, str, str]] = {
    # The help desk saves who is in which group; the fields are closed.
    "iam.user": ("SPHA", "SP", "SPH", "SP"),
    "iam.group": ("SPHA", "SP", "SP", "SP"),
    "iam.profileattribute": ("SPA", "SP", "SP", "SP"),
    "iam.operator": ("SA", "S", "S", "S"),
    "iam.apitoken": ("SPA", "SP", "", ""),
    "provisioning.app": ("SPA", "SP", "SP", "SP"),
    "provisioning.policy": ("SPA", "SP", "SP", "SP"),
    # Their pages have a button and no field.
    "provisioning.account": ("SPHA", "", "SPH", ""),
    "provisioning.pushedgroup": ("SPHA", "", "SPH", ""),
    "provisioning.hold": ("SPA", "", "", ""),
    "provisioning.run": ("SPA", "", "", ""),
    "provisioning.finding": ("SPA", "", "", ""),
    "provisioning.webhook": ("SPA", "SP", "SP", "SP"),
    "provisioning.delivery": ("SPA", "", "", ""),
    "reports.provisioningreport": ("SPHA", "", "", ""),
}

# By model: who is offered which action for the rows of its list, besides deleting them.
ACTIONS: dict[str, dict[str, str]] = {
    "iam.apitoken": {"revoke": "SP"},
    "provisioning.account": {
        "push_now": "SPH",
        "put_right": "SP",
        "leave": "SP",
        "end_access": "SP",
    },
    "provisioning.pushedgroup": {"push_now": "SPH", "end_keeping": "SP"},
    "provisioning.hold": {"release": "SP", "keep": "SP"},
    "provisioning.finding": {"put_right": "SP", "leave": "SP"},
    "provisioning.delivery": {"send_again": "SP", "leave": "SP"},
}

# Pages beside those that each model has.
OWN_PAGES: dict[str, str] = {
    "iam_user_why": "SPHA",
    "provisioning_app_preview": "SPA",
    "auth_user_password_change": "S",
    "iam_user_certificate": "SPHA",
    "iam_user_remove_everywhere": "SP",
    "provisioning_app_configuration": "SPA",
    "provisioning_webhook_again": "SP",
    "provisioning_account_choose": "SP",
    "provisioning_account_forget": "SP",
    "provisioning_account_manage_again": "SP",
    "reports_certificate": "SPHA",
    "reports_certificate_of_deleted": "SPHA",
}

# Everything else, by its name or else its path: who may, and how.
_LOOK, _FORM = ("GET", "HEAD"), ("GET", "HEAD", "POST")
ELSEWHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    "index": (EVERYBODY, _FORM),
    "app_list": (EVERYBODY, _FORM),
    "jsi18n": (EVERYBODY, _LOOK),
    "search": (EVERYBODY, _FORM),
    "password_change": (EVERYBODY, _FORM),
    "password_change_done": (EVERYBODY, _LOOK),
    "/metrics": (EVERYBODY, _LOOK),
    "api-docs": (EVERYBODY, _LOOK),
    # That nothing is there is told only to whoever has signed in.
    "view_on_site": (EVERYBODY, _FORM),
    "/admin/nothing": (EVERYBODY, _FORM),
    # Without the name of a field it answers nobody; the matrix asks for each field by itself.
    "autocomplete": ("", ()),
    "logout": (EVERYBODY, ("POST",)),
    "reports_export": ("SPHA", _LOOK),
    "reports_save_search": ("SPHA", ("POST",)),
    "reports_change_search": ("SPHA", ("POST",)),
    # Leads everybody to the overview, whose page then asks who it is.
    "/": ("", ()),
}
# A form to sign in with, and the answer that nothing is there.
OPEN = {"login", "api-nowhere"}

_HELP_DESK = {
    "iam.view_user",
    "iam.view_group",
    "iam.view_membership",
    "iam.add_membership",
    "iam.delete_membership",
    "iam.view_groupnesting",
    "provisioning.view_account",
    "provisioning.push_account",
    "provisioning.view_pushedgroup",
    "reports.view_provisioningreport",
}


def holds(letter: str, right: str) -> bool:
    """Whether somebody has this right of the API's table; "" is that of every operator."""
    rules: dict[str, Callable[[], bool]] = {
        "S": lambda: True,
        "P": lambda: "operator" not in right,
        "H": lambda: right in _HELP_DESK,
        "A": lambda: ".view_" in right,
        "0": lambda: False,
    }
    return letter in rules and (not right or rules[letter]())


# Tokens: whose they are, and their scopes.
TOKENS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{f"token for {scope.value}": ("S", (scope.value,)) for scope in Scope},
    "token of a provisioning administrator": ("P", tuple(Scope.values)),
    "token of the help desk": ("H", tuple(Scope.values)),
    "token of an auditor": ("A", tuple(Scope.values)),
    "token of nobody": ("0", tuple(Scope.values)),
}
