"""What the API's description says that its views cannot: how a key is sent, and where a token comes from."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

TOKEN_ADDRESS = "/oauth2/token/"  # noqa: S105  an address


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "exports.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Api-Key",
            "description": "The client's key; `Authorization: Api-Key KEY` means the same.",
        }


class BasicScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "exports.api.authentication.BasicAuthentication"
    name = "basic"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic", "description": "The client's name and key."}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "exports.api.authentication.BearerAuthentication"
    name = "oauth2"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": TOKEN_ADDRESS, "scopes": {}}},
            "description": "`Authorization: Bearer TOKEN`, with a token for the client's name and key.",
        }


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: the token address, which is no view of the framework's, and a receipt that may be a
    rehearsal. A rehearsal has all that a receipt has, so that both fit: anyOf, the fuller one first.
    """
    result["paths"][TOKEN_ADDRESS] = {"post": token_operation()}
    schemas = result["components"]["schemas"]
    schemas |= {"TokenRequest": TOKEN_REQUEST, "Token": TOKEN, "TokenRefusal": TOKEN_REFUSAL}
    answer = schemas["ReceiptOrRehearsal"]
    answer["anyOf"] = sorted(answer.pop("oneOf"), key=lambda part: "Rehearsal" not in part["$ref"])
    return result


def token_operation() -> dict[str, Any]:
    return {
        "operationId": "oauth2_token_create",
        "description": "A bearer token for an API client's name and key (RFC 6749, client_credentials), which may be "
        "sent as HTTP Basic or in the form.",
        "tags": ["oauth2"],
        "security": [{"basic": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": reference("TokenRequest")}},
        },
        "responses": {
            "200": json_answer("The token, for an hour.", "Token"),
            "400": merged(
                json_answer("The form is not one that asks for a token.", "TokenRefusal"),
                text_answer("The request is not HTTP, or what it says is not usable.", "text/html"),
            ),
            "401": {
                **json_answer("Name or key is unknown, or the client is no longer active.", "TokenRefusal"),
                "headers": {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Basic."}},
            },
            "403": json_answer("The API client may not call from this address.", "TokenRefusal"),
            "405": {"description": "Another method than POST.", "headers": {"Allow": {"schema": {"type": "string"}}}},
            "414": text_answer("The address is longer than 8,190 bytes.", "text/html"),
            "415": {
                **json_answer("The form is compressed.", "TokenRefusal"),
                "headers": {"Accept-Encoding": {"schema": {"type": "string"}}},
            },
            "429": {
                **json_answer("Too many wrong credentials. Wait as long as Retry-After says.", "TokenRefusal"),
                "headers": {
                    name: {"schema": {"type": "integer"}, "description": description}
                    for name, description in WAITING.items()
                },
            },
            "431": text_answer("The headers are too many or too long.", "text/html"),
            "503": {
                **text_answer("The database is not available.", "text/plain"),
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": WAITING["Retry-After"]}},
            },
        },
    }


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def json_answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": reference(schema)}}}


def text_answer(description: str, kind: str) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": {"type": "string"}}}}


def merged(answer: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One status with two kinds of body."""
    return {**answer, "content": {**answer["content"], **other["content"]}}


WAITING = {
    "Retry-After": "Seconds to wait before the next request.",
    "RateLimit-Limit": "How many requests there may be in a span of time.",
    "RateLimit-Remaining": "How many are left of them.",
    "RateLimit-Reset": "Seconds until there are more.",
}

TOKEN_REQUEST = {
    "type": "object",
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "client_id": {"type": "string", "description": "The client's name, unless it is sent as HTTP Basic."},
        "client_secret": {"type": "string", "description": "Its key, unless it is sent as HTTP Basic."},
    },
    "required": ["grant_type"],
}
TOKEN = {
    "type": "object",
    "properties": {
        "access_token": {"type": "string"},
        "token_type": {"type": "string", "enum": ["Bearer"]},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "scope": {"type": "string", "description": "Always empty: what a client may do is set on the client."},
    },
    "required": ["access_token", "expires_in", "token_type"],
}
TOKEN_REFUSAL = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "As RFC 6749 names it, such as invalid_client."},
        "error_description": {"type": "string"},
    },
    "required": ["error"],
}
