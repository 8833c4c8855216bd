"""OpenAPI 3.1 of the endpoints (https://spec.openapis.org/oas/v3.1.1), from the types of the
contract.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from bouncewise import __version__
from bouncewise.service.api.table import ENDPOINTS, Endpoint
from bouncewise.service.problem import MEDIA, Problem

_REF = "#/components/schemas/{name}"
_NDJSON = "application/x-ndjson"


@cache
def document() -> dict[str, Any]:
    """The description of the API."""
    types: list[Any] = [Problem]
    for endpoint in ENDPOINTS:
        types += [endpoint.answer, endpoint.parameters]
        types += [endpoint.body] if endpoint.body not in (None, bytes) else []
    types = list(dict.fromkeys(types))
    found, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    of_type = dict(zip(types, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        operation = _operation(endpoint, of_type, schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    given = {endpoint.parameters.__name__ for endpoint in ENDPOINTS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bouncewise",
            "version": __version__,
            "description": "Why mail bounced, and who may be mailed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in given},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `bouncewise tokens make`, with the named scope.",
                }
            },
        },
    }


def _operation(
    endpoint: Endpoint, of_type: dict[Any, Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "security": [{"token": [str(endpoint.scope)]}],
        "parameters": [*_parameters(endpoint, schemas)],
        "responses": {
            "200": {
                "description": "the answer",
                "content": {"application/json": {"schema": of_type[endpoint.answer]}},
            },
            **{
                str(status): {
                    "description": HTTPStatus(status).phrase,
                    "content": {MEDIA: {"schema": of_type[Problem]}},
                }
                for status in endpoint.statuses
            },
        },
    }
    if endpoint.body is not None:
        schema = {"type": "string"} if endpoint.body is bytes else of_type[endpoint.body]
        media = endpoint.media
        operation["requestBody"] = {
            "required": True,
            "content": {
                # (a list is not described: every format of docs/imports.md)
                name: {"schema": {} if endpoint.body is bytes and "json" in name else schema}
                for name in media
            },
        }
    return operation


def _parameters(endpoint: Endpoint, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema = schemas[endpoint.parameters.__name__]
    named = endpoint.path_names()
    found = [
        {
            "name": name,
            "in": "path" if name in named else "query",
            "required": name in schema.get("required", ()),
            "description": kind.get("description", ""),
            "schema": {k: v for k, v in kind.items() if k != "description"},
        }
        for name, kind in schema["properties"].items()
    ]
    if endpoint.acts:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "the same key and request give the same answer, for a day",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
    return found
