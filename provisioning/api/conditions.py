"""Tells the states of something apart (ETag), so that nobody overwrites what they have not seen."""

from typing import Any

from rest_framework.request import Request

from iam import fingerprint
from provisioning.api.problems import BadParameter, Changed


def tag(shown: Any) -> str:
    """Another one for whatever is shown differently."""
    return f'"{fingerprint.of(shown)}"'


def unchanged(request: Request, shown: Any) -> None:
    """Raises Changed if the request is about another state than this one."""
    wanted = _tags(request, "If-Match")
    if wanted and "*" not in wanted and tag(shown) not in wanted:
        raise Changed


def refuse_match(request: Request) -> None:
    """Whoever sets a condition is not to believe that it was held to. Raises BadParameter."""
    if "If-Match" in request.headers:
        text = "Only PATCH and DELETE are held to an ETag. Leave this header out here."
        raise BadParameter({"If-Match": text})


def known(request: Request, shown: Any) -> bool:
    """Whether the caller has this very state already."""
    held = {each.removeprefix("W/") for each in _tags(request, "If-None-Match")}
    return tag(shown) in held


def _tags(request: Request, header: str) -> set[str]:
    return {each.strip() for each in request.headers.get(header, "").split(",") if each.strip()}
