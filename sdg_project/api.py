"""What all views of the API share: roles by method, pages, repeated requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sdg_project.idempotency import answer_once
from sdg_project.requests import Query
from sdg_project.roles import Role

PAGE_PARAMETERS = ("limit", "offset")
MAX_PAGE = 1_000
_MAX_OFFSET = 10**12


class ApiView(APIView):
    """A view of the API. `roles` are those that a method needs, where it is not viewer."""

    http_method_names: ClassVar[list[str]] = ["get", "head", "post", "put", "delete"]
    roles: ClassVar[Mapping[str, Role]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise UnsupportedMediaType(encoding, detail="bodies are read without Content-Encoding only")
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and key is not None:
            self.__dict__["post"] = partial(self._once, self.post, key)  # which `dispatch` calls next

    @staticmethod
    def _once(answer: Any, key: str, request: Request, *args: Any, **kwargs: Any) -> Response:
        return answer_once(answer, request, key, *args, **kwargs)


class PlainText(JSONRenderer):
    """For views whose answer is a text; their problems are JSON as everywhere."""

    media_type = "text/plain"
    format = "text"


def page_of(query: Query) -> slice:
    """Which part of a list a request asks for."""
    limit = query.integer("limit", 100, least=1, most=MAX_PAGE)
    offset = query.integer("offset", 0, least=0, most=_MAX_OFFSET)
    return slice(offset, offset + limit)


def page_headers(request: Request, page: slice, total: int) -> dict[str, str]:
    """How long the whole list is, and where its other pages are."""
    limit = page.stop - page.start
    starts = {"first": 0, "last": max(0, (total - 1) // limit * limit)}
    if page.start > 0:
        starts["prev"] = max(0, page.start - limit)
    if page.stop < total:
        starts["next"] = page.stop
    links = []
    for relation, offset in starts.items():
        parameters = {**request.query_params.dict(), "limit": limit, "offset": offset}
        address = request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")
        links.append(f'<{address}>; rel="{relation}"')
    return {"X-Total-Count": str(total), "Link": ", ".join(links)}


def page_response(request: Request, page: slice, total: int, answers: Sequence[Any]) -> Response:
    """A page of a list as a bare array."""
    return Response(answers, headers=page_headers(request, page, total))
