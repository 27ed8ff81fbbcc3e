"""Uploads: the content of a pool as the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.db import IntegrityError, transaction

from pools import services, store
from pools.apart import load_apart
from pools.definition import read_pool
from pools.enums import FileFormat
from pools.models import Pool
from sdg_project.errors import NotFound

MAX_ROWS = 50_000_000


def upload_content(
    name: str, stream: IO[bytes], format_: FileFormat, *, options: Mapping[str, Any], max_bytes: int
) -> tuple[Pool, bool]:
    """Let a pool have this content from now on; the pool, and whether it was made for it.

    `options` say how the content is to be read, in the words of a source. Raises TooLarge, or Invalid with the faults
    of the content: what was there before stays then.
    """
    pool, is_new = _pool_of(name, format_, max_bytes=max_bytes)
    folder = store.pool_folder(pool.pk)
    path = folder / store.upload_name()
    try:
        store.receive(stream, path, max_bytes=max_bytes)
        source = {"type": "UPLOAD", "format": format_.value, "file": path.name, **options}
        published = services.replace_pool(
            pool.name, {**services.pool_document(pool), "source": source}, loader=load_apart
        )
    except BaseException:
        path.unlink(missing_ok=True)
        if is_new:
            services.remove_pool(pool.name)
        raise
    for old in folder.glob(f"*{store.UPLOAD_SUFFIX}"):
        if old != path:
            old.unlink(missing_ok=True)
    return published, is_new


def _pool_of(name: str, format_: FileFormat, *, max_bytes: int) -> tuple[Pool, bool]:
    try:
        return services.get_pool(name), False
    except NotFound:
        limits = {"maxRows": MAX_ROWS, "maxBytes": max_bytes}
        placeholder = {"type": "UPLOAD", "format": format_.value, "file": f"{'0' * 32}{store.UPLOAD_SUFFIX}"}
        document: Mapping[str, Any] = {"name": name, "source": placeholder, "limits": limits}
        read_pool(document)
    try:
        with transaction.atomic():
            return Pool.objects.create(name=name, source=placeholder, limits=limits), True
    except IntegrityError:  # somebody else has just made it
        return services.get_pool(name), False
