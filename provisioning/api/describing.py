"""Describes the API in OpenAPI 3.1, as far as the views do not say it by themselves."""

from functools import lru_cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter

from iam.models import Scope
from iam.tokens import PREFIX

_ANY = {
    "400": "Something was not understood; `errors` says what.",
    "401": "No token, or one that is not good.",
    "403": "The token lacks the scope, or its operator the permission.",
    "406": "An answer in JSON would not be taken.",
    "429": "Too many requests; `Retry-After` says how long to wait.",
    "500": "A fault of Gatehouse.",
    "503": "The database does not answer.",
}
_ONE = {"404": "Nothing is there."}
_BODY = {
    "409": "It cannot be done as things stand.",
    "413": "The body is larger than 1 MB.",
    "415": "The body is not `application/json`.",
}
_ONCE = {"422": "The `Idempotency-Key` was used for another request."}
_MATCH = {"412": "Changed since it was read."}
# As `once` takes it.
_KEY = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "Where in the body."},
                    "parameter": {"type": "string", "description": "Which parameter or header."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "provisioning.api.authentication.Bearer"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        found: dict[str, Any] = build_bearer_security_scheme_object("Authorization", "Bearer")
        scopes = "\n".join(f"- `{scope.value}`: {scope.label}" for scope in Scope)
        return {
            **found,
            "bearerFormat": f"{PREFIX}…",
            "description": f"Made under API tokens. Its scopes:\n\n{scopes}",
        }


class Described(AutoSchema):
    """Adds what every view of this API takes and answers."""

    def get_override_parameters(self) -> list[Any]:
        if self.method == "POST" and not getattr(self.view, "asks_outside", False):
            return [_header("Idempotency-Key", "Sent again under this key, it is done once.", _KEY)]
        if self.method in {"PATCH", "DELETE"}:
            return [_header("If-Match", "The ETag that was read; refused if it changed.")]
        if self._is_list_view() or "{" not in self.path:
            return []
        return [_header("If-None-Match", "The ETag that is known; 304 if it is still so.")]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            answers = {**_ANY, **(_ONE if "{" in self.path else {}), **self._of_method()}
            for status, text in answers.items():
                operation["responses"].setdefault(status, _problem(text))
            if self.method == "GET" and "{" in self.path:
                operation["responses"]["304"] = {"description": "Nothing has changed."}
            self._tell_scope(operation)
        return operation

    def _of_method(self) -> dict[str, str]:
        if self.method == "POST":
            return {**_BODY, **_ONCE}
        return {"PATCH": {**_BODY, **_MATCH}, "DELETE": _MATCH}.get(self.method, {})

    def _tell_scope(self, operation: dict[str, Any]) -> None:
        scope = Scope.READ if self.method == "GET" else getattr(self.view, "scope", "")
        if scope:
            told = operation.get("description", "")
            operation["description"] = f"{told}\n\nScope: `{scope}`".strip()


def _header(name: str, text: str, kind: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=text, required=False)


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The description of the whole API. It does not change while a process runs."""
    described: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    described["components"]["schemas"]["Problem"] = _PROBLEM
    return described
