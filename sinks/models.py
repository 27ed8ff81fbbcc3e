"""Stored connections."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from sdg_project.exact_json import ExactDecoder, ExactEncoder
from sdg_project.text import NAME_PATTERN


class Connection(models.Model):
    """A server that pools are read from and records are written to. Its type is a word of the registry of kinds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, validators=[RegexValidator(NAME_PATTERN)])
    type = models.CharField(max_length=16)
    config = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder, help_text="What may be shown.")
    secret_names = models.JSONField(default=list, blank=True, help_text="Which secrets there are.")
    encrypted_secrets = models.TextField(blank=True, editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("name"), name="one_connection_per_name"),
        ]

    def __str__(self) -> str:
        return self.name
