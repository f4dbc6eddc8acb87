"""What can become of an item, a class for each thing the caller does next.

`str(error)` is one sentence that a manager can read. No key, secret or token is ever part of it.
"""

from datetime import datetime


class InvalidItem(ValueError):
    """The item cannot be written in Grades Journey's format; `field` is the name of the field that prevents it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class LearnError(Exception):
    """Base: Learn did not confirm the item."""


class ItemRejected(LearnError):
    """Learn answered, and said no to this item: repair the cause, then send it again."""


class Unavailable(LearnError):
    """Nothing arrived at Learn. Safe to send again."""


class HostUnknown(Unavailable):
    """Nobody knows the host name in Learn's address: correct the address, or have the name service repaired."""


class CertificateRefused(Unavailable):
    """No TLS connection could be made that can be trusted: have the certificate, or our trust in it, repaired."""


class Unconfirmed(LearnError):
    """Learn may have done what it was asked; its answer did not reach us or cannot be believed."""


class CredentialsRefused(LearnError):
    """Learn does not accept the application's key and secret, or the token it gave out for them."""


class PermissionMissing(LearnError):
    """Learn knows the application and does not let it do this."""


class NotInstalled(LearnError):
    """The site does not know the service: the application is not installed there."""


class QuotaUsedUp(LearnError):
    """Learn takes no more calls before `lifts_at` (aware, UTC)."""

    def __init__(self, lifts_at: datetime) -> None:
        super().__init__(f"Learn's quota of calls is used up until {lifts_at:%Y-%m-%d %H:%M} UTC.")
        self.lifts_at = lifts_at


class RequestRefused(LearnError):
    """Learn did not take the call as a whole. Sending it again unchanged will not help."""
