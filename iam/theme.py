"""How the admin looks: its colours, its stylesheet and its menu."""

from typing import Any

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
                )
            ],
        },
        {
            "title": "Settings",
            "separator": True,
            "items": [
                _item("Profile attributes", "tune", "admin:iam_profileattribute_changelist"),
                _item("Operators", "shield_person", "admin:iam_operator_changelist"),
            ],
        },
    ]


def _item(title: str, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(view)}
