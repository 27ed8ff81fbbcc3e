"""Connections over HTTP: names and types for everybody, all but the secrets for admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from engine.issues import Issue
from sdg_project.api import PAGE_PARAMETERS, ApiView, page_of, page_response
from sdg_project.errors import Invalid
from sdg_project.openapi import PAGE, name_in_path, operation
from sdg_project.requests import Query
from sdg_project.roles import Role, role_of
from sinks import services
from sinks.answer import connection_answer, connection_summary, tested_answer
from sinks.models import Connection
from sinks.schema import READ_ONLY

_NAME = name_in_path("connectionName")


class ConnectionsView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.ADMIN}

    @operation(
        "listConnections",
        "All stored connections; more than name and type for admins",
        answer="Connection[]",
        parameters=PAGE,
        tag="connections",
    )
    def get(self, request: Request) -> Response:
        query = Query(request, *PAGE_PARAMETERS)
        page = page_of(query)
        query.finish()
        found = services.list_connections()
        return page_response(request, page, len(found), [_shown(request, one) for one in found[page]])

    @operation(
        "createConnection",
        "Store a connection",
        body="ConnectionRequest",
        answer="Connection",
        status=201,
        errors=[409],
        repeatable=True,
        tag="connections",
    )
    def post(self, request: Request) -> Response:
        Query(request).finish()
        _refuse_read_only(request.data)
        made = services.add_connection(request.data, by=request.user.get_username())
        return Response(connection_answer(made), status=201)


class ConnectionView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"PUT": Role.ADMIN, "DELETE": Role.ADMIN}

    @operation(
        "getConnection",
        "One stored connection; more than name and type for admins",
        answer="Connection",
        parameters=[_NAME],
        errors=[404],
        tag="connections",
    )
    def get(self, request: Request, connectionName: str) -> Response:  # noqa: N803  # as the contract names it
        Query(request).finish()
        return Response(_shown(request, services.get_connection(connectionName)))

    @operation(
        "updateConnection",
        "Give a connection another definition",
        body="ConnectionRequest",
        answer="Connection",
        parameters=[_NAME],
        errors=[404, 409],
        tag="connections",
    )
    def put(self, request: Request, connectionName: str) -> Response:  # noqa: N803
        Query(request).finish()
        document = request.data
        if isinstance(document, dict):  # as a GET shows it
            document = {name: value for name, value in document.items() if name not in READ_ONLY}
        return Response(connection_answer(services.replace_connection(connectionName, document)))

    @operation(
        "deleteConnection",
        "Remove a connection that nothing uses",
        answer=None,
        parameters=[_NAME],
        errors=[404, 409],
        tag="connections",
    )
    def delete(self, request: Request, connectionName: str) -> Response:  # noqa: N803
        Query(request).finish()
        services.remove_connection(connectionName)
        return Response(status=200)


class ConnectionTestView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.ADMIN}

    @operation(
        "testConnection",
        "Connect, and say within three seconds what stands against it",
        answer="ConnectionTest",
        parameters=[_NAME],
        errors=[404, 409, 413, 415],
        tag="connections",
    )
    def post(self, request: Request, connectionName: str) -> Response:  # noqa: N803
        Query(request).finish()
        if request.data:
            raise Invalid([Issue("UNKNOWN_PROPERTY", "", "this request has no body", "leave it out, or send {}")])
        return Response(tested_answer(services.probe_connection(connectionName)))


def _shown(request: Request, connection: Connection) -> dict[str, Any]:
    role = role_of(request.user)
    is_admin = role is not None and role.includes(Role.ADMIN)
    return connection_answer(connection) if is_admin else connection_summary(connection)


def _refuse_read_only(document: Any) -> None:
    given = document if isinstance(document, dict) else {}
    if wrong := [name for name in given if name in READ_ONLY and given[name] is not None]:
        raise Invalid(
            [Issue("READ_ONLY", f"/{name}", f'"{name}" is set by the service', f'remove "{name}"') for name in wrong]
        )
