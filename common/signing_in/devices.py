"""The second factor of an account: an app that shows a code of six digits, and recovery codes for a lost phone."""

import time
from binascii import unhexlify

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10
MANY_WRONG = 10  # codes: the wait grows no longer than 512 seconds, else a stranger keeps the owner out for days
NAME = "GradeBridge"  # what the app shows beside the account


def has_device(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def accepts(user: User, code: str) -> bool:
    """Whether this is a code of the person's app, or a recovery code. Each is accepted once; after a wrong one its kind
    waits, longer each time up to MANY_WRONG.
    """
    with transaction.atomic():
        device = device_for(user, code, lock=True)
        return device is not None and bool(device.verify_token(plain(code)))


def seconds_to_wait(user: User, code: str) -> int:
    """Until the next code of this kind is looked at; 0: now."""
    device = device_for(user, code)
    _is_allowed, why = device.verify_is_allowed() if device else (True, None)
    until = why.get("locked_until") if why else None
    return max(0, int((until - timezone.now()).total_seconds()) + 1) if until else 0


def device_for(user: User, code: str, *, lock: bool = False) -> TOTPDevice | StaticDevice | None:
    """The app, or the recovery codes, whichever the code can be of."""
    text = plain(code)
    model = TOTPDevice if text.isascii() and text.isdigit() else StaticDevice
    found = model.objects.select_for_update() if lock else model.objects
    device = found.filter(user=user, confirmed=True).first()
    if device:
        device.throttling_failure_count = min(device.throttling_failure_count, MANY_WRONG)
    return device


def plain(code: str) -> str:
    return "".join(code.split()).lower()


def new_device(user: User, key: str) -> TOTPDevice:
    """One with this key (hexadecimal), not saved yet."""
    return TOTPDevice(user=user, name=NAME, key=key, confirmed=True)


def confirm(user: User, key: str, code: str) -> list[str]:
    """Keep the app that shows `code` as the person's second factor, in place of any other. Returns new recovery codes;
    empty: the code is not one of this key, and nothing has changed.
    """
    totp = TOTP(unhexlify(key))
    totp.time = time.time()
    code = "".join(code.split())
    if not (code.isascii() and code.isdigit() and totp.verify(int(code), tolerance=1)):
        return []
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        remove(user)
        device = new_device(user, key)
        device.last_t = totp.t()  # this code does not count again
        device.save()
        recovery = StaticDevice.objects.create(user=user, name=NAME)
        codes = [StaticToken.random_token() for _number in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=recovery, token=code) for code in codes)
    return codes


def remove(user: User) -> bool:
    """Whether there was a second factor."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def recovery_codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())
