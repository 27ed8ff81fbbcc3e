"""What happens to every request before and behind its view: an id and a line in the log, proxies, security headers."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sdg_project.logs import request_id

Respond = Callable[[HttpRequest], HttpResponseBase]

_log = logging.getLogger("sdg.request")
_GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI writes styles into its page; its scripts are files.
_DOCS_POLICY = _PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class RequestLog:
    """Gives each request an id, which its answer, its problems and its lines in the log carry; and writes one line."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        own_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(own_id)
        started = time.monotonic()
        try:
            if request.method in _METHODS:
                response = self._respond(request)
            else:  # TRACE would echo credentials; the others nobody has asked for
                from sdg_project.problems import method_not_allowed

                response = method_not_allowed(_METHODS)
            response["X-Request-Id"] = own_id
            fields = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "ms": round((time.monotonic() - started) * 1000, 1),
                "client": request.META.get("REMOTE_ADDR"),
            }
            level = logging.ERROR if response.status_code >= 500 else logging.INFO
            _log.log(level, "answered", extra={"fields": fields})
            return response
        finally:
            request_id.reset(token)


class TrustedProxies:
    """Takes the client's address and scheme from the headers of a trusted proxy, and from nobody else's."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        forwarded = meta.pop("HTTP_X_FORWARDED_FOR", "")
        if _is_trusted(meta.get("REMOTE_ADDR", "")):
            # Each proxy appends whom it heard from; the last one that is none of ours is the client.
            for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
                meta["REMOTE_ADDR"] = address
                if not _is_trusted(address):
                    break
        else:
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
        return self._respond(request)


class SecurityHeaders:
    """Says what a page of ours may load: nothing from elsewhere, no inline script."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._respond(request)
        if request.path.startswith("/api/v1/docs"):
            policy = _DOCS_POLICY
        elif _is_data(request):
            policy = _API_POLICY
        else:
            policy = _PAGE_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if _is_data(request) and isinstance(response, HttpResponse):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _is_data(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or request.path == "/metrics"


def _is_trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.SDG_TRUSTED_PROXIES)
