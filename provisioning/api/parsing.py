"""Reads the body of a request: JSON, one object, nothing twice, and no more than 1 MB."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from provisioning import strict_json
from provisioning.api.problems import TooLarge

LARGEST = 1_000_000


class StrictJson(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        charset = parse_header_parameters(media_type or "")[1].get("charset", "utf-8")
        if charset.casefold() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(charset)
        raw = stream.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise TooLarge
        try:
            value = strict_json.parsed(raw, once=True)
            # Half a character can be written as an escape, and in nothing that we would answer.
            json.dumps(value, ensure_ascii=False).encode()
        except strict_json.Broken as error:
            raise ParseError(f"The body is not usable JSON: {error}.") from error
        except UnicodeEncodeError as error:
            raise ParseError(
                "The body holds half a character: an escape \\ud800–\\udfff."
            ) from error
        if not isinstance(value, dict):
            raise ParseError("The body must be one JSON object: {…}.")
        return value
