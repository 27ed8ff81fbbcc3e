"""Views that belong to no app: who am I, health, the OpenAPI document."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import DatabaseError
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from sdg_project.api import ApiView
from sdg_project.health import Health, look
from sdg_project.models import ApiToken
from sdg_project.openapi import api_document, operation
from sdg_project.requests import Query
from sdg_project.roles import role_of
from sdg_project.throttles import AddressThrottle


class MeView(ApiView):
    @operation("getMe", "Who the token or the session is, and what role they have", answer="Me")
    def get(self, request: Request) -> Response:
        Query(request).finish()
        role, token = role_of(request.user), request.auth
        expires_at = token.expires_at if isinstance(token, ApiToken) else None
        return Response(
            {
                "name": request.user.get_username(),
                "role": role.value if role else None,
                "kind": "SESSION" if token is None else "TOKEN",
                "expiresAt": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ") if expires_at else None,
            }
        )


class HealthView(ApiView):
    permission_classes: ClassVar[list[Any]] = [AllowAny]
    throttle_classes: ClassVar[list[Any]] = [AddressThrottle]

    def perform_authentication(self, request: Request) -> None:
        """Not before the database has been looked at: who they are is kept there."""

    @operation("getHealth", "How the service is; its parts only for those who may look at it", answer="HealthAnswer")
    def get(self, request: Request) -> Response:
        Query(request).finish()
        status, findings = look()
        answer: dict[str, Any] = {"status": status.value}
        if _is_known(request):
            answer["parts"] = {
                part: {"status": finding.status.value, **finding.details} for part, finding in findings.items()
            }
        return Response(answer, status=503 if status is Health.DOWN else 200)


def _is_known(request: Request) -> bool:
    try:
        return request.user.is_authenticated and role_of(request.user) is not None
    except (APIException, DatabaseError):
        return False


@extend_schema(exclude=True)
class SchemaView(ApiView):
    """The OpenAPI document, as it stands in the repository."""

    def get(self, request: Request) -> Response:
        return Response(api_document())


@extend_schema(exclude=True)
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI, served from here."""

    url_name = "schema"
    http_method_names: ClassVar[list[str]] = ["get", "head"]
