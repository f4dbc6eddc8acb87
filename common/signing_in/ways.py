"""The two ways to sign in, and which of them the site offers."""

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

PASSWORD, PROVIDER = "password", "provider"
BY_PASSWORD = "common.signing_in.ways.PasswordBackend"  # noqa: S105  a path
BY_PROVIDER = "common.signing_in.provider_backend.ProviderBackend"


class PasswordBackend(ModelBackend):
    """Accounts with a password. Beside a provider they are for superusers alone, and only where the site says so:
    somebody must get in while the provider is away.
    """

    def user_can_authenticate(self, user: Any) -> bool:
        """Asked at the sign-in and at every request: a change of the settings ends the sessions that it forbids."""
        return super().user_can_authenticate(user) and is_offered_to(user)


def is_offered_to(user: Any) -> bool:
    """Whether this account may use a password here."""
    return is_password_offered() and (not is_provider_offered() or bool(user.is_superuser))


def is_password_offered() -> bool:
    return bool(settings.LOCAL_SIGN_IN)


def is_provider_offered() -> bool:
    return bool(settings.OIDC_ISSUER)


def way_of(request: HttpRequest) -> str:
    """How whoever makes the request has signed in."""
    return PROVIDER if request.session.get(BACKEND_SESSION_KEY) == BY_PROVIDER else PASSWORD
