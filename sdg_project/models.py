"""Tokens that open the API, and the answers that are given again when a client repeats a request."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from sdg_project.exact_json import ExactEncoder, VerbatimDecoder


class ApiToken(models.Model):
    """A token of a service user. Only its hash is kept: it is random, so that no slow hash is needed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at"]

    def __str__(self) -> str:
        return f"token {self.id}"


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key; without a status while the request is being answered."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64, help_text="Of method, address and body.")
    status = models.PositiveIntegerField(null=True)
    body = models.JSONField(null=True, encoder=ExactEncoder, decoder=VerbatimDecoder)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key"),
        ]

    def __str__(self) -> str:
        return self.key
