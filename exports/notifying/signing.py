"""How messages to webhooks are signed: the scheme of standardwebhooks.com, which has libraries for most languages."""

import base64
import hashlib
import hmac


def signature(message_id: str, timestamp: int, body: bytes, *, key: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; `timestamp` in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
