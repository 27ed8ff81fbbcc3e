"""Throttles: how many requests in a minute; counted in this process, exactly also when requests are parallel."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from sdg_project.problems import throttled

_lock = threading.Lock()


class _ExactThrottle(SimpleRateThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        with _lock:  # reading the history and writing it back is one step
            return bool(super().allow_request(request, view))


class TokenThrottle(_ExactThrottle):
    """For a token, for a session's user."""

    rate = "600/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:{getattr(request.auth, 'pk', None) or request.user.pk}"


class AddressThrottle(_ExactThrottle):
    """For an address, where nobody has to say who they are."""

    rate = "600/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"throttle:address:{request.META.get('REMOTE_ADDR')}"


class LoginThrottle(_ExactThrottle):
    """For attempts to log in from an address."""

    rate = "20/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"throttle:login:{request.META.get('REMOTE_ADDR')}"


def limit_logins(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A login view that answers 429 to too many attempts."""

    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        throttle = LoginThrottle()
        if request.method == "POST" and not throttle.allow_request(request, None):
            return throttled(throttle.wait())
        return view(request, *args, **kwargs)

    return limited
