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
NAME = "GradeBridge"  # what the app shows beside the account


def has_device(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def accepts(user: User, code: str) -> bool:
    """Whether this is a code of the person's app, or a recovery code. Each is accepted once; after a wrong one both
    wait, longer each time.
    """
    code = "".join(code.split()).lower()
    model = TOTPDevice if code.isascii() and code.isdigit() else StaticDevice
    with transaction.atomic():
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        return device is not None and bool(device.verify_token(code))


def seconds_to_wait(user: User) -> int:
    """Until the next code is looked at; 0: now."""
    now, waits = timezone.now(), [0]
    for model in (TOTPDevice, StaticDevice):
        for device in model.objects.filter(user=user, confirmed=True):
            is_allowed, why = device.verify_is_allowed()
            if not is_allowed and why and why.get("locked_until"):
                waits.append(int((why["locked_until"] - now).total_seconds()) + 1)
    return max(waits)


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
