"""One-time links to the admin: whoever follows one first is logged in, whoever comes later is not."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.cache import never_cache

ADMIN_NAME = "admin"


class _Links(PasswordResetTokenGenerator):
    """Tokens that hold until their user logs in, and an hour at most (``PASSWORD_RESET_TIMEOUT``)."""

    key_salt = "sdg_project.links"


_links = _Links()


def admin_link() -> str:
    """The path of a link that logs in the administrator, who is made if there is none. There is no password."""
    user, made = User.objects.get_or_create(username=ADMIN_NAME, defaults={"is_staff": True, "is_superuser": True})
    if made:
        user.set_unusable_password()
        user.save()
    return f"/admin/enter/{_links.make_token(user)}"


@never_cache
def enter(request: HttpRequest, token: str) -> HttpResponseBase:
    """Log in whoever has a link that still holds."""
    user = User.objects.filter(username=ADMIN_NAME, is_active=True).first()
    if user is None or not _links.check_token(user, token):
        message = "This link has been used, or is older than an hour. Restart sdg up for a new one."
        return HttpResponse(message, status=410, content_type="text/plain; charset=utf-8")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/admin/")
