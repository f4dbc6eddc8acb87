"""What the provider answers to a sign-in, checked, and the account that it leads to."""

from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from common.signing_in.accounts import account_of
from common.signing_in.provider import ProviderFailed, ask, described
from common.signing_in.refusals import Reason, Refused
from common.signing_in.ways import is_provider_offered

ALGORITHM = "RS256"  # which every provider must offer
CLOCK_SECONDS = 60  # by which two clocks may differ
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]


class ProviderBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # the library is untyped
    """As its library has it, but for what the library leaves open: whom the token is for and who has issued it."""

    def __init__(self) -> None:
        """Made at every request of who is signed in, so it must not ask the provider for its addresses."""
        self.UserModel = get_user_model()
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET

    def user_can_authenticate(self, user: Any) -> bool:
        return bool(super().user_can_authenticate(user)) and is_provider_offered()

    def get_user(self, user_id: Any) -> Any:
        user = super().get_user(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

    def authenticate(self, request: HttpRequest | None, nonce: str | None = None, **given: Any) -> Any:
        """Only for the page that the provider leads back to, which alone knows the nonce. Raises Refused."""
        if request is None or not nonce or not is_provider_offered():
            return None
        try:
            return super().authenticate(request, nonce=nonce, **given)
        except ProviderFailed as error:
            raise Refused(Reason.PROVIDER, str(error)) from error
        except SuspiciousOperation as error:
            raise Refused(Reason.NOT_BELIEVED, type(error).__name__) from error

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        return ask("POST", described()["token_endpoint"], data=payload)

    def verify_token(self, token: Any, nonce: str | None = None, **_: Any) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key_of(token),
                algorithms=[ALGORITHM],
                audience=self.OIDC_RP_CLIENT_ID,
                issuer=settings.OIDC_ISSUER,
                leeway=CLOCK_SECONDS,
                options={"require": REQUIRED},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused(Reason.NOT_BELIEVED, type(error).__name__) from error
        if claims["nonce"] != nonce:
            raise Refused(Reason.NOT_BELIEVED, "nonce")
        is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if is_for_several else self.OIDC_RP_CLIENT_ID) != self.OIDC_RP_CLIENT_ID:
            raise Refused(Reason.NOT_BELIEVED, "authorized party")
        return claims

    def key_of(self, token: Any) -> jwt.PyJWK:
        """The key of the provider that the token names. A provider with one key need not name it."""
        name = jwt.get_unverified_header(token).get("kid")
        given = ask("GET", described()["jwks_uri"]).get("keys")
        keys = [key for key in given if isinstance(key, dict)] if isinstance(given, list) else []
        found = [key for key in keys if key.get("kty") == "RSA" and (not name or key.get("kid") == name)]
        if len(found) != 1:
            raise Refused(Reason.NOT_BELIEVED, "key")
        return jwt.PyJWK(found[0], algorithm=ALGORITHM)

    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> User:
        """The signed token wins over what else the provider says of the person."""
        address, more = described().get("userinfo_endpoint"), {}
        if address and access_token:
            more = ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})
            if more.get("sub") != payload["sub"]:
                raise Refused(Reason.NOT_BELIEVED, "subject")
        user = account_of({**more, **payload})
        user.authenticated_at = payload.get("auth_time")  # type: ignore[attr-defined]
        return user
