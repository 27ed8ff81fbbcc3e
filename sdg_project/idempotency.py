"""Idempotency-Key: a POST that is repeated with its key is answered again as the first time, for 24 hours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from engine.issues import Issue
from sdg_project.errors import Conflict, Invalid
from sdg_project.models import KeptAnswer

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=2)
"""When a request without an answer is taken for dead."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def answer_once(answer: Callable[..., Response], request: Request, key: str, *args: Any, **kwargs: Any) -> Response:
    """What `answer` answers, or has answered to the same request before; only success is kept.

    Raises Conflict when the key belongs to another request, or when its request is still being answered.
    """
    if not _KEY.fullmatch(key):
        message = "Idempotency-Key must be 1 to 255 visible characters of ASCII"
        raise Invalid([Issue("INVALID_VALUE", "", message, field="Idempotency-Key")])
    digest = _digest(request)
    kept = _reserve(request.user.pk, key, digest)
    if kept is not None:
        return _again(kept, digest)
    mine = KeptAnswer.objects.filter(user_id=request.user.pk, key=key)
    try:
        response = answer(request, *args, **kwargs)
    except BaseException:
        mine.delete()
        raise
    mine.update(status=response.status_code, body=response.data)
    return response


def _digest(request: Request) -> str:
    _ = request.data  # which reads the body
    body = getattr(request, "body_digest", "")
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n{body}".encode()).hexdigest()


def _reserve(user_id: int, key: str, digest: str) -> KeptAnswer | None:
    """Take the key for this request, or find who has it."""
    now = timezone.now()
    KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    KeptAnswer.objects.filter(user_id=user_id, key=key, status=None, created_at__lt=now - ABANDONED_AFTER).delete()
    try:
        with transaction.atomic():
            KeptAnswer.objects.create(user_id=user_id, key=key, request_digest=digest, created_at=now)
    except IntegrityError:
        return KeptAnswer.objects.filter(user_id=user_id, key=key).first()
    return None


def _again(kept: KeptAnswer, digest: str) -> Response:
    if kept.request_digest != digest:
        message = "this Idempotency-Key was used for another request"
        raise Conflict("IDEMPOTENCY_CONFLICT", message, hint="use a new key for every new request")
    if kept.status is None:
        message = "the request with this Idempotency-Key is still being answered"
        raise Conflict("IDEMPOTENCY_CONFLICT", message, hint="try again in a second")
    return Response(kept.body, status=kept.status, headers={"Idempotent-Replayed": "true"})
