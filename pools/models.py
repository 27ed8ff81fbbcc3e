"""Pools and their versions: what they are loaded from, and the tables that lie in the store."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from pools.enums import PoolLoadStrategy, PoolStatus
from sdg_project.exact_json import ExactDecoder, ExactEncoder
from sdg_project.text import NAME_PATTERN


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """An enum's words as the choices of a column."""
    return [(word.value, word.value.capitalize()) for word in words]


class Pool(models.Model):
    """A named table of values. `version` is the one in use, 0 before the first."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, validators=[RegexValidator(NAME_PATTERN)])
    source = models.JSONField(
        encoder=ExactEncoder, decoder=ExactDecoder, help_text="Where the rows come from: type and its parameters."
    )
    load_strategy = models.CharField(max_length=16, choices=choices(PoolLoadStrategy), default=PoolLoadStrategy.FULL)
    declared_columns = models.JSONField(default=list, blank=True, help_text="Columns whose type is declared.")
    strategy_params = models.JSONField(default=dict, blank=True, help_text="What only applies to the load strategy.")
    refresh = models.JSONField(default=dict, blank=True, help_text="When the source is read anew: mode and interval.")
    weight_column = models.CharField(max_length=256, blank=True, help_text="Default column of weights.")
    limits = models.JSONField(default=dict, blank=True, help_text="Most rows and bytes that are loaded.")
    status = models.CharField(max_length=16, choices=choices(PoolStatus), default=PoolStatus.EMPTY)
    version = models.PositiveIntegerField(default=0)
    row_count = models.BigIntegerField(default=0)
    source_row_count = models.BigIntegerField(default=0)
    memory_bytes = models.BigIntegerField(default=0)
    columns = models.JSONField(default=list, blank=True, help_text="Columns of the version in use.")
    notes = models.JSONField(default=list, blank=True, help_text="What was found out of the form of the source.")
    rows_read = models.BigIntegerField(default=0, help_text="While LOADING: rows read so far.")
    bytes_read = models.BigIntegerField(default=0, help_text="While LOADING: bytes read so far.")
    last_error = models.JSONField(null=True, blank=True, help_text="Issues of the last refresh, if it failed.")
    loaded_at = models.DateTimeField(null=True, blank=True)
    refresh_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    load_duration_ms = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("name"), name="one_pool_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def interval(self) -> timedelta | None:
        """How old the rows may become before they are read anew; None when nobody minds."""
        seconds = self.refresh.get("intervalSeconds")
        return None if seconds is None else timedelta(seconds=seconds)

    def status_at(self, now: datetime) -> PoolStatus:
        """The status, in which READY becomes STALE by time alone."""
        is_old = self.interval is not None and self.loaded_at is not None and self.loaded_at + self.interval < now
        return PoolStatus.STALE if is_old and self.status == PoolStatus.READY else PoolStatus(self.status)


class PoolVersion(models.Model):
    """A version of a pool whose table lies in the store and never changes."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=32)
    path = models.CharField(max_length=200, help_text="Relative to the store.")
    row_count = models.BigIntegerField()
    bytes = models.BigIntegerField(help_text="Size of the file.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["version"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["pool", "version"], name="one_version_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.pool.name} version {self.version}"
