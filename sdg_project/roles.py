"""Roles: who may do what. Each may do what those before it may."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Role(StrEnum):
    VIEWER = "viewer"
    """Look at everything, validate, profile."""
    OPERATOR = "operator"
    """And start, pause, resume, stop, refresh pools, verify."""
    EDITOR = "editor"
    """And change definitions, pools and universes, undo runs."""
    ADMIN = "admin"
    """And keep connections, users and tokens."""

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other one may."""
        return self.rank >= other.rank


def role_of(user: Any) -> Role | None:
    """The highest role of a user; None for one that has none."""
    if user.is_superuser:
        return Role.ADMIN
    names = {group.name for group in user.groups.all()}
    return max((role for role in Role if role.value in names), key=lambda role: role.rank, default=None)
