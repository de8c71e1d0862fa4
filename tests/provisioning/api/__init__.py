"""The REST API as a program meets it: a client with a token, and what it is answered."""

import json
import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from iam import tokens
from iam.models import Operator, Scope
from provisioning.api import describing

V1 = "/api/v1"
EVERYTHING = tuple(Scope.values)


class Program:
    """Speaks to the API with a token, without a browser and without cookies."""

    def __init__(self, secret: str = "") -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def get(self, path: str, **query: Any) -> Any:
        headers = query.pop("headers", {})
        answer = self.client.get(V1 + path, query, headers={**self.headers, **headers})
        return _as_described("GET", path, answer)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        text = body if isinstance(body, str | bytes) else json.dumps(body or {})
        headers = {**self.headers, **told}
        answer = self.client.generic(method, V1 + path, text, "application/json", headers=headers)
        return _as_described(method, path, answer)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, "", **headers)

    def first(self, path: str) -> int:
        """The id of something that is in this list."""
        return int(self.get(path).json()["items"][0]["id"])


def _as_described(method: str, path: str, answer: Any) -> Any:
    """Every answer of every test is one that the description of the API tells of."""
    template = V1 + re.sub(r"/\d+/", "/{id}/", path.partition("?")[0])
    operation = describing.schema()["paths"].get(template, {}).get(method.lower())
    if operation is None:
        assert answer.status_code in {302, 401, 403, 404, 405} or path in {"/", "/schema/"}
        return answer
    told = operation["responses"].get(str(answer.status_code))
    assert told is not None, f"{method} {template} answers {answer.status_code}"
    content = answer.headers.get("Content-Type", "")
    assert content in told.get("content", {content: None}), (method, template, content)
    return answer


def program(operator: Operator, *scopes: str, name: str = "test") -> Program:
    expires = timezone.now() + timedelta(days=1)
    _, secret = tokens.issue(operator, name=name, scopes=scopes or EVERYTHING, expires_at=expires)
    return Program(secret)


def pointers(response: Any) -> list[str]:
    """What the errors of a problem point to."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    return [each.get("pointer") or each["parameter"] for each in response.json().get("errors", [])]


def tried(api: Program, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What this request would lead to."""
    answer = preview(api, method, path, body)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def preview(api: Program, method: str, path: str, body: Any = None, **headers: str) -> Any:
    change = {"method": method, "path": V1 + path, **({} if body is None else {"body": body})}
    return api.post("/preview/", change, **headers)
