"""Pools over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from engine.issues import Issue
from pools import services
from pools.answer import public_answer, public_answer_of, public_answers, public_source
from pools.apart import load_apart
from pools.builtin.base import builtin_pools
from pools.definition import PoolShape
from pools.enums import Encoding, FileFormat, PoolStatus
from pools.models import Pool
from pools.refreshing import refresh_in_background
from pools.rows import rows_json
from pools.schema import READ_ONLY
from pools.uploads import upload_content
from sdg_project.api import PAGE_PARAMETERS, ApiView, page_headers, page_of, page_response
from sdg_project.errors import Conflict, Invalid, NotFound, TooLarge
from sdg_project.openapi import PAGE, name_in_path, operation, query
from sdg_project.requests import Query
from sdg_project.roles import Role
from sdg_project.shape_issues import aliases

_WAIT_S = 30.0
_NAME = name_in_path("poolName")


class PoolsView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.EDITOR}

    @operation("listPools", "All data pools with their status", answer="Pool[]", parameters=PAGE, tag="pools")
    def get(self, request: Request) -> Response:
        query = Query(request, *PAGE_PARAMETERS)
        page = page_of(query)
        query.finish()
        answers = public_answers()
        return page_response(request, page, len(answers), answers[page])

    @operation(
        "createPool",
        "Make a pool and load it",
        body="PoolRequest",
        answer="Pool",
        status=201,
        errors=[409],
        repeatable=True,
        tag="pools",
    )
    def post(self, request: Request) -> Response:
        Query(request).finish()
        document = _definition(request.data, stored=None)
        pool = services.add_pool(document, base=settings.SDG_HOME, loader=load_apart)
        return Response(public_answer(pool), status=201)


class PoolView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"PUT": Role.EDITOR, "DELETE": Role.EDITOR}

    @operation(
        "getPool", "One pool with its users", answer="PoolDetails", parameters=[_NAME], errors=[404], tag="pools"
    )
    def get(self, request: Request, poolName: str) -> Response:  # noqa: N803  # as the contract names it
        Query(request).finish()
        return Response(public_answer_of(poolName))

    @operation(
        "updatePool",
        "Give a pool another definition and load it",
        body="PoolRequest",
        answer="Pool",
        parameters=[_NAME],
        errors=[404, 409],
        tag="pools",
    )
    def put(self, request: Request, poolName: str) -> Response:  # noqa: N803
        Query(request).finish()
        pool = _stored(poolName)
        document = _definition(request.data, stored=pool)
        return Response(public_answer(services.replace_pool(poolName, document, loader=load_apart)))

    @operation(
        "deletePool", "Remove a pool that nothing uses", answer=None, parameters=[_NAME], errors=[404, 409], tag="pools"
    )
    def delete(self, request: Request, poolName: str) -> Response:  # noqa: N803
        Query(request).finish()
        services.remove_pool(_stored(poolName).name)
        return Response(status=200)


class PoolRefreshView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.OPERATOR}

    @operation(
        "refreshPool",
        "Read the source of a pool anew",
        answer="Pool",
        status=202,
        parameters=[_NAME, query("wait", {"type": "boolean", "default": False}, "Wait up to 30 s, then answer 200.")],
        errors=[404, 409, 413, 415],
        further={200: "Pool"},
        repeatable=True,
        tag="pools",
    )
    def post(self, request: Request, poolName: str) -> Response:  # noqa: N803
        query = Query(request, "wait")
        wait = query.flag("wait")
        query.finish()
        _refuse_body(request.data)
        pool = _stored(poolName)
        done = refresh_in_background(pool.name, wait_s=_WAIT_S if wait else 0.0)
        answer = public_answer(services.get_pool(pool.name))
        if not done:
            answer["status"] = PoolStatus.LOADING.value
        return Response(answer, status=200 if wait and done else 202)


class PoolRowsView(ApiView):
    @operation(
        "listPoolRows", "The rows of a pool", answer="PoolRow[]", parameters=[_NAME, *PAGE], errors=[404], tag="pools"
    )
    def get(self, request: Request, poolName: str) -> HttpResponse:  # noqa: N803
        query = Query(request, *PAGE_PARAMETERS)
        page = page_of(query)
        query.finish()
        snapshot = services.find_snapshot(poolName)
        if snapshot is None:
            services.get_pool(poolName)  # which tells of a close name
            raise NotFound(f'pool "{poolName}" has no rows')
        headers = page_headers(request, page, snapshot.records.height)
        return HttpResponse(rows_json(snapshot, page), content_type="application/json", headers=headers)


class _Content(BaseParser):
    """Hands the body on as it comes."""

    format_: ClassVar[FileFormat]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> tuple[Any, FileFormat]:
        return stream, self.format_


class _CsvContent(_Content):
    media_type = "text/csv"
    format_ = FileFormat.CSV


class _JsonLinesContent(_Content):
    media_type = "application/x-ndjson"
    format_ = FileFormat.JSONL


class _ParquetContent(_Content):
    media_type = "application/vnd.apache.parquet"
    format_ = FileFormat.PARQUET


class PoolContentView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"PUT": Role.EDITOR}
    parser_classes: ClassVar[list[Any]] = [_CsvContent, _JsonLinesContent, _ParquetContent]

    @operation(
        "uploadPoolContent",
        "Let a pool have this content, and make the pool if there is none",
        body={kind.media_type: {"type": "string", "format": "binary"} for kind in parser_classes},
        answer="Pool",
        parameters=[
            _NAME,
            query("encoding", {"enum": list(Encoding)}, "CSV, NDJSON: how letters are written; default UTF-8."),
            query("delimiter", {"type": "string"}, "CSV: what stands between cells; default: that which fits."),
            query("quote", {"enum": ['"', "'", ""]}, "CSV: what stands around cells; empty for nothing."),
            query("header", {"type": "boolean"}, "CSV: whether the first line names the columns."),
        ],
        errors=[409],
        further={201: "Pool"},
        tag="pools",
    )
    def put(self, request: Request, poolName: str) -> Response:  # noqa: N803
        options = _content_options(request)
        limit = settings.SDG_UPLOAD_MAX_BYTES
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge(f"the content has more than {limit:,} bytes")
        given = request.data
        if not isinstance(given, tuple):
            raise Invalid([Issue("MISSING_PARAM", "", "there is no content in the body")])
        stream, format_ = given
        pool, is_new = upload_content(poolName, stream, format_, options=options, max_bytes=limit)
        return Response(public_answer(pool), status=201 if is_new else 200)


def _content_options(request: Request) -> dict[str, Any]:
    """What the query says of how the content is to be read, in the words of a source."""
    query = Query(request, "encoding", "delimiter", "quote", "header")
    header = query.word("header", ("true", "false"))
    options = {
        "encoding": query.word("encoding", Encoding),
        "delimiter": query.text("delimiter", most=1),
        "quote": query.word("quote", ('"', "'", "")),
        "header": None if header is None else header == "true",
    }
    query.finish()
    return {name: value for name, value in options.items() if value is not None}


def _stored(name: str) -> Pool:
    """The stored pool; a built-in one is there, but cannot be changed."""
    if name in builtin_pools and not Pool.objects.filter(name__iexact=name).exists():
        raise Conflict("PROPERTY_NOT_ALLOWED", f'"{name}" is built in, so it can be used but not changed')
    return services.get_pool(name)


def _definition(document: Any, *, stored: Pool | None) -> dict[str, Any]:
    """The definition in a body, if its source may be named there; read-only properties may be in a PUT."""
    if not isinstance(document, dict):
        raise Invalid([Issue("TYPE_MISMATCH", "", "a pool is an object with named properties")])
    issues = []
    own = {}
    for name, value in document.items():
        if name not in READ_ONLY or name in aliases(PoolShape):
            own[name] = value
        elif stored is None and value is not None:
            issues.append(Issue("READ_ONLY", f"/{name}", f'"{name}" is set by the service', f'remove "{name}"'))
    if stored is not None:
        own.setdefault("name", stored.name)
        if own.get("columns") == stored.columns:  # as a GET shows them: what is known, not what was declared
            own["columns"] = stored.declared_columns
    source = own.get("source")
    if isinstance(source, dict):
        if stored is not None and source == public_source(stored):
            own["source"] = stored.source
        elif source.get("type") in ("FILE", "UPLOAD"):  # it may be anything, also unhashable
            message = f"a source of type {source['type']} cannot be named over HTTP"
            hint = "send the content with PUT /pools/{poolName}/content, or use sdg pool add"
            issues.append(Issue("PROPERTY_NOT_ALLOWED", "/source/type", message, hint))
    if issues:
        raise Invalid(issues)
    return own


def _refuse_body(body: Any) -> None:
    if body:
        raise Invalid([Issue("UNKNOWN_PROPERTY", "", "this request has no body", "leave it out, or send {}")])
