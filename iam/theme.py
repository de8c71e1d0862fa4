"""How the admin looks: its colours, its stylesheet and its menu."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# A step darker than usual from 400 on, so that white text on a button has enough contrast.
COLOURS = {
    "primary": {
        "50": "#f0fdfa",
        "100": "#ccfbf1",
        "200": "#99f6e4",
        "300": "#5eead4",
        "400": "#14b8a6",
        "500": "#0d9488",
        "600": "#0f766e",
        "700": "#115e59",
        "800": "#134e4a",
        "900": "#0f3d3a",
        "950": "#042f2e",
    }
}


def stylesheet(request: HttpRequest) -> str:
    return static("gatehouse/gatehouse.css")


def icon(request: HttpRequest) -> str:
    return static("gatehouse/icon.svg")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu on the left, in the order in which an administrator sets things up."""
    return [
        {"items": [_item("Overview", "home", "admin:index")]},
        {
            "separator": True,
            "items": [
                _item("Users", "person", "admin:iam_user_changelist"),
                _item("Groups", "group", "admin:iam_group_changelist"),
                _item("Apps", "apps", "admin:provisioning_app_changelist"),
                _item("Policies", "policy", "admin:provisioning_policy_changelist"),
                _item("Accounts", "badge", "admin:provisioning_account_changelist"),
                _item("Groups there", "groups", "admin:provisioning_pushedgroup_changelist"),
                _counted(request, "Holds", "front_hand", "admin:provisioning_hold_changelist"),
            ],
        },
        {
            "title": "Reports",
            "separator": True,
            "items": [
                _item(
                    "Provisioning report",
                    "receipt_long",
                    "admin:reports_provisioningreport_changelist",
                ),
                _item("Comparisons", "difference", "admin:provisioning_run_changelist"),
            ],
        },
        {
            "title": "Settings",
            "separator": True,
            "items": [
                _item("Profile attributes", "tune", "admin:iam_profileattribute_changelist"),
                _item("Webhooks", "webhook", "admin:provisioning_webhook_changelist"),
                _item("Operators", "shield_person", "admin:iam_operator_changelist"),
                _item("API tokens", "key", "admin:iam_apitoken_changelist"),
            ],
        },
    ]


def _item(title: str, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(view), "permission": _may(view)}


def _counted(request: HttpRequest, title: str, icon: str, view: str) -> dict[str, Any]:
    """With the number of what waits for the operator, if anything does."""
    item = _item(title, icon, view)
    number = _admin_of(view).badge(request) if item["permission"](request) else 0
    return {**item, "badge": number} if number else item


def _may(view: str) -> Callable[[HttpRequest], bool]:
    """Whether the operator may see the list that a menu entry leads to."""

    def may(request: HttpRequest) -> bool:
        if view == "admin:index":
            return True
        return bool(_admin_of(view).has_view_permission(request))

    return may


def _admin_of(view: str) -> Any:
    app, _, model = view.removeprefix("admin:").removesuffix("_changelist").partition("_")
    return admin.site.get_model_admin(apps.get_model(app, model))
