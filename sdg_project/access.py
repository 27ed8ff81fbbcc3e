"""Users, roles and tokens: make, find, list, revoke."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from engine.issues import Issue
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.models import ApiToken
from sdg_project.roles import Role, role_of

MAX_DAYS = 3_650
_PREFIX = "sdg_"
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,100}")
_SHOWN_APPS = ("generators", "pools")


def create_token(name: str, role: Role, *, days: int) -> str:
    """A new token of the service user of that name, who is made if there is none; the only time that it is shown.

    Raises Conflict when the name is a person's, or a service user's of another role who still has tokens.
    """
    _check_name(name)
    if not 1 <= days <= MAX_DAYS:
        raise Invalid([Issue("INVALID_VALUE", "/days", f"days must be from 1 to {MAX_DAYS:,}, not {days}")])
    token = _PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        user = User.objects.filter(username=name).first() or _service_user(name)
        if user.has_usable_password():
            raise Conflict("NAME_TAKEN", f'"{name}" is the user name of a person', hint="choose another name")
        if role_of(user) is not role:
            if valid_tokens().filter(user=user).exists():
                message = f'there are tokens of "{name}" with the role {role_of(user)}'
                raise Conflict("NAME_TAKEN", message, hint=f"sdg token revoke {name}, or choose another name")
            _give_role(user, role)
        ApiToken.objects.create(user=user, digest=digest_of(token), expires_at=timezone.now() + timedelta(days=days))
    return token


def digest_of(token: str | bytes) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token if isinstance(token, bytes) else token.encode()).hexdigest()


def valid_tokens() -> Any:
    """The tokens that open the API now."""
    return ApiToken.objects.filter(revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True)


def list_tokens() -> list[ApiToken]:
    """All tokens, also those that have been revoked or have expired."""
    return list(ApiToken.objects.select_related("user").prefetch_related("user__groups"))


def revoke_tokens(reference: str) -> int:
    """Revoke the tokens of a name, or the one with an id; how many were valid. Raises NotFound when there is none."""
    found = ApiToken.objects.filter(Q(user__username=reference) | Q(pk__in=_ids(reference)))
    if not found.exists():
        raise NotFound(f'there is no token "{reference}"', hint="sdg token list shows names and ids")
    revoked: int = valid_tokens().filter(pk__in=found.values("pk")).update(revoked_at=timezone.now())
    return revoked


def create_user(name: str, role: Role, *, password: str) -> User:
    """A person who logs in to the admin; raises Invalid for a weak password, Conflict when the name is taken."""
    _check_name(name)
    try:
        validate_password(password, user=User(username=name))
    except ValidationError as error:
        raise Invalid([Issue("INVALID_VALUE", "/password", message) for message in error.messages]) from error
    with transaction.atomic():
        if User.objects.filter(username__iexact=name).exists():
            raise Conflict("NAME_TAKEN", f'there is a user "{name}" already')
        user = User.objects.create_user(name, password=password, is_staff=True)
        _give_role(user, role)
    return user


def _service_user(name: str) -> User:
    user = User(username=name)
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def _give_role(user: User, role: Role) -> None:
    user.groups.set([_group(role)])
    is_person = user.has_usable_password()
    User.objects.filter(pk=user.pk).update(is_superuser=role is Role.ADMIN and is_person)
    user.is_superuser = role is Role.ADMIN and is_person


def _group(role: Role) -> Group:
    """The group of a role; in the admin each may look at generators, runs and pools."""
    group, _ = Group.objects.get_or_create(name=role.value)
    looks: Sequence[Permission] = list(
        Permission.objects.filter(codename__startswith="view_", content_type__app_label__in=_SHOWN_APPS)
    )
    group.permissions.add(*looks)
    return group


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        message = "a name must be 1 to 100 letters, digits or . _ @ + - of ASCII"
        raise Invalid([Issue("INVALID_VALUE", "/name", message)])


def _ids(reference: str) -> list[Any]:
    if not re.fullmatch(r"[0-9a-f-]{8,36}", reference):
        return []
    return [pk for pk in ApiToken.objects.values_list("pk", flat=True) if str(pk).startswith(reference)]
