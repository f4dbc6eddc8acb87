"""Why the provider's answer signs no one in, each with what the person reads."""

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Reason(StrEnum):
    CANCELLED = "CANCELLED"  # the provider came back with an error
    TOO_LATE = "TOO_LATE"  # no sign-in of this browser fits the answer
    PROVIDER = "PROVIDER"  # it did not answer as it should
    NOT_BELIEVED = "NOT_BELIEVED"  # its token is not for this sign-in, or not signed by it
    NO_GROUPS = "NO_GROUPS"  # it does not say which groups the person is in
    NO_ROLE = "NO_ROLE"  # none of the groups has a role here
    INACTIVE = "INACTIVE"
    NOT_AGAIN = "NOT_AGAIN"  # the person was asked to sign in again, and has not
    OTHER_PERSON = "OTHER_PERSON"


class Refused(Exception):
    """No one is signed in."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


SENTENCES: dict[Reason, str | Promise] = {
    Reason.CANCELLED: _("The sign-in service did not sign you in. Please try again."),
    Reason.TOO_LATE: _("This sign-in took too long, or was started in another browser. Please try again."),
    Reason.PROVIDER: _(
        "The sign-in service cannot be reached, or does not answer as expected. Try again in a few minutes. If that "
        "does not help, ask an administrator of GradeBridge."
    ),
    Reason.NOT_BELIEVED: _(
        "The answer of the sign-in service was not accepted. Please try again. If that does not help, ask an "
        "administrator of GradeBridge."
    ),
    Reason.NO_GROUPS: _(
        "The sign-in service did not say which groups you belong to, so GradeBridge does not know your role. Ask an "
        "administrator of GradeBridge."
    ),
    Reason.NO_ROLE: _(
        "None of your groups has a role in GradeBridge. If you need access, ask an administrator of GradeBridge which "
        "group you must belong to."
    ),
    Reason.INACTIVE: _("Your account in GradeBridge is inactive. Ask an administrator of GradeBridge."),
    Reason.NOT_AGAIN: _(
        "The sign-in service did not confirm that you have just signed in again. Nothing was done. Please try again."
    ),
    Reason.OTHER_PERSON: _("You signed in as another person. Nothing was done. Sign out first to change the account."),
}
STATUS = {Reason.PROVIDER: 503, Reason.CANCELLED: 400, Reason.TOO_LATE: 400}
