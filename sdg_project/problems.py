"""Problems: every error leaves the service as ``application/problem+json`` (RFC 9457), and tells nothing inside."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from engine.issues import CODES, Issue, told_apart
from sdg_project.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from sdg_project.logs import request_id
from sdg_project.outages import AWAY

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("sdg.problems")
_BY_STATUS = {
    400: "INVALID_REQUEST",
    401: "NOT_AUTHENTICATED",
    403: "NOT_PERMITTED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "THROTTLED",
    500: "INTERNAL",
}


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    hint: str | None = None,
    issues: Sequence[Issue] = (),
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of a problem; members beyond those of the standard are ours."""
    code = code or _BY_STATUS[status]
    document: dict[str, Any] = {
        "type": f"urn:sdg:problem:{code.lower().replace('_', '-')}",
        "title": CODES[code],
        "status": status,
        "detail": shown_message(detail),
        "code": code,
        "requestId": request_id.get(),
    }
    if hint:
        document["hint"] = hint
    if issues:
        document["errors"] = [
            {**issue.as_json(), "message": shown_message(issue.message)} for issue in told_apart(issues)
        ]
    return {**(details or {}), **document}  # the standard's `status` is that of HTTP


def shown_message(message: str) -> str:
    """A message with paths below the output folder: where that lies is nobody's business."""
    return message.replace(f"{settings.SDG_OUTPUT_ROOT}/", "")


def problem_of(error: Exception, context: Mapping[str, Any]) -> Response:  # noqa: ARG001  # DRF calls it so
    """The answer to an exception in a view of the API."""
    document, headers = _described(error)
    return Response(document, status=document["status"], headers=headers, content_type=MEDIA_TYPE)


def _described(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    match error:
        case Invalid():
            codes = {issue.code for issue in error.issues}
            code = codes.pop() if len(codes) == 1 else "INVALID_REQUEST"
            many = f"{len(error.issues)} things are wrong with the request, see errors"
            detail = error.issues[0].message if len(error.issues) == 1 else many
            return problem(400, detail, code=code, issues=error.issues), {}
        case TooLarge():
            return problem(413, str(error)), {}
        case NotFound():
            return problem(404, str(error), hint=error.hint), {}
        case Conflict():
            shown = problem(
                409, str(error), code=error.code, hint=error.hint, issues=error.issues, details=error.details
            )
            return shown, {}
        case Unavailable():
            return problem(503, str(error), code=error.code, hint=error.hint), {}
        case Http404():
            return problem(404, "there is nothing at this address"), {}
        case exceptions.Throttled():
            wait = math.ceil(error.wait or 1)
            return problem(429, f"too many requests, try again in {wait} s"), {"Retry-After": str(wait)}
        case exceptions.MethodNotAllowed():
            return problem(405, str(error.detail)), {}
        case exceptions.APIException():
            header = getattr(error, "auth_header", None)
            headers = {"WWW-Authenticate": header} if header else {}
            return problem(error.status_code, str(error.detail)), headers
        case PermissionDenied():
            return problem(403, "this is not allowed"), {}
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return problem(400, "the request cannot be read"), {}
        case _ if isinstance(error, AWAY):
            _log.error("the control database does not answer", exc_info=error)
            return problem(503, CODES["CONTROL_DB_DOWN"], code="CONTROL_DB_DOWN", hint="try again later"), {}
    _log.error("a request has failed", exc_info=error)
    return problem(500, "the service has failed; its log has the reason under this requestId"), {}


# Answers outside of the API's views.


def _answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JsonResponse:
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE, headers=dict(headers or {}))


def method_not_allowed(allowed: Sequence[str]) -> JsonResponse:
    """The answer to a method that the service does not know at all."""
    return _answer(405, "this method is not known here", {"Allow": ", ".join(allowed)})


def throttled(wait: float | None) -> JsonResponse:
    """The answer to too many requests."""
    seconds = math.ceil(wait or 1)
    return _answer(429, f"too many requests, try again in {seconds} s", {"Retry-After": str(seconds)})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """The answer to a form or call that may come from a foreign page."""
    return _answer(HTTPStatus.FORBIDDEN, f"the request may come from another site: {reason}")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001
    """Django's handler of requests that it refuses before any view."""
    return _answer(400, "the request cannot be read, or names a host that the service does not answer to")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler of unknown addresses."""
    if _is_api(request):
        return _answer(404, "there is nothing at this address")
    return defaults.page_not_found(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler of what is not allowed."""
    return _answer(403, "this is not allowed") if _is_api(request) else defaults.permission_denied(request, exception)


def failed(request: HttpRequest) -> HttpResponseBase:
    """Django's handler of what nobody has foreseen."""
    return (
        _answer(500, "the service has failed; its log has the reason")
        if _is_api(request)
        else defaults.server_error(request)
    )


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
