"""Who sends a request, and whether their role allows it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from sdg_project.access import digest_of, valid_tokens
from sdg_project.models import ApiToken
from sdg_project.roles import Role, role_of

_MAX_TOKEN_BYTES = 200


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``. A token anywhere else, such as in the address, is not looked at."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        token = None
        if len(parts) == 2 and len(parts[1]) <= _MAX_TOKEN_BYTES:
            token = valid_tokens().filter(digest=digest_of(parts[1])).select_related("user").first()
        if token is None:
            raise AuthenticationFailed("the token is not valid: it is unknown, has expired or was revoked")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasRole(BasePermission):
    """Whether the sender's role includes the one that the view asks for."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed: Role = getattr(view, "roles", {}).get(method, Role.VIEWER)
        role = role_of(request.user)
        if role is None or not role.includes(needed):
            self.message = f"this needs the role {needed}, and you are {role or 'without a role'}"
            return False
        return True


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it has no types
    """How the OpenAPI document names `TokenAuthentication`."""

    target_class = "sdg_project.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token of `sdg token create`."}
