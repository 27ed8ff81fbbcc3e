"""Secrets of connections at rest: encrypted by the first of ``SDG_FIELD_KEYS``, or in development by a made one."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from sdg_project import env
from sdg_project.errors import Conflict
from sdg_project.secret_key import read_or_make

FILE_NAME = "field.key"


def encrypted(secrets: Mapping[str, str]) -> str:
    """What is stored of secrets; empty when there are none, so that no key is needed."""
    return _keys().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def decrypted(stored: str, *, of: str) -> dict[str, str]:
    """The secrets of something; raises Conflict when no key opens them."""
    if not stored:
        return {}
    try:
        found: dict[str, str] = json.loads(_keys().decrypt(stored.encode()))
    except InvalidToken as error:
        message = f"the secrets of {of} were encrypted with a key that is not there any more"
        hint = "put the key back into SDG_FIELD_KEYS, or send the secrets again"
        raise Conflict("SECRET_REQUIRED", message, hint=hint) from error
    return found


def encrypted_anew(stored: str, *, of: str) -> str:
    """The same secrets, encrypted by the first key; as they are when they are already. Raises as `decrypted` does."""
    secrets = decrypted(stored, of=of)
    try:
        Fernet(_all_keys()[0]).decrypt(stored.encode())
    except InvalidToken:
        return encrypted(secrets)
    return stored


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _all_keys()])


def _all_keys() -> list[str]:
    """The keys that there are, the one that encrypts first."""
    return list(env.field_keys()) or [read_or_make(settings.SDG_HOME, name=FILE_NAME, make=_new_key)]


def _new_key() -> str:
    return Fernet.generate_key().decode()
