"""More buttons beside “Save”: each saves the page first, and then does what it says."""

from unfold.dataclasses import UnfoldAction


def button(name: str, label: str, icon: str, **attributes: str) -> UnfoldAction:
    """For `get_actions_submit_line`. The page does what it says, when the save is committed."""
    return UnfoldAction(
        attrs=attributes or None,
        action_name=name,
        method=None,
        description=label,
        path="",
        icon=icon,
    )
