"""One message to one receiver over HTTP: bounded in time, to no address that is not meant to be reached.

The name is looked up once, every address that it has is checked, and the connection goes to one of these: a name that
leads elsewhere a moment later leads nowhere. Redirects are not followed and no proxy is used, for the same reason. Of
the answer only the status is read. As a silence between two bytes is all that a socket can bound, the exchange runs in
a thread of its own, and is ended from outside when its time is over.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import certifi

SECONDS = 10  # for everything: name, connection, TLS, sending, the answer's first line
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052


class NotPosted(Exception):
    """No answer came. `code` is a key of `exports.notifying.sentences.REASONS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def post(url: str, body: bytes, headers: Mapping[str, str], *, allowed: Sequence[Network]) -> int:
    """The status of the receiver's answer. `allowed`: networks that may be reached although they are not public.

    Raises NotPosted; the message may have arrived all the same.
    """
    exchange = Exchange(url, allowed)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhook")
    answer = thread.submit(exchange.run, body, headers)
    thread.shutdown(wait=False)
    try:
        return answer.result(timeout=SECONDS)
    except TimeoutError:
        exchange.give_up()
        raise NotPosted("NO_ANSWER_IN_TIME") from None
    except (socket.gaierror, UnicodeError):
        raise NotPosted("HOST_UNKNOWN") from None
    except ssl.SSLError:
        raise NotPosted("CERTIFICATE_REFUSED") from None
    except ConnectionError as error:
        raise NotPosted("NOT_REACHED") from error
    except http.client.HTTPException as error:
        raise NotPosted("NO_USABLE_ANSWER") from error
    except OSError as error:
        raise NotPosted("NOT_REACHED") from error


class Exchange:
    """One request and the first line of its answer."""

    def __init__(self, url: str, allowed: Sequence[Network]) -> None:
        self._parts = urlsplit(url)
        self._allowed = allowed
        self._socket: socket.socket | None = None
        self._is_over = False

    def run(self, body: bytes, headers: Mapping[str, str]) -> int:
        parts, host = self._parts, self._parts.hostname or ""
        connection = http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
        connection.auto_open = 0  # to where it likes
        if parts.port is None:
            connection.port = 443 if parts.scheme == "https" else 80
        with self.connect(host, connection.port) as sock:
            connection.sock = sock
            path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
            connection.request("POST", path, body, {"Host": parts.netloc, **headers, "Connection": "close"})
            return connection.getresponse().status

    def connect(self, host: str, port: int) -> socket.socket:
        """To the first address that answers, once all are known to be allowed."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        refuse_private([info[4][0] for info in found], self._allowed)
        error: OSError = ConnectionRefusedError()
        for family, kind, protocol, _name, address in found:
            try:
                return self.secured(self.opened(family, kind, protocol, address), host)
            except ssl.SSLError:
                raise
            except OSError as failure:
                error = failure
        raise error

    def opened(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        sock = socket.socket(family, kind, protocol)
        self._socket = sock
        try:
            sock.settimeout(SECONDS)
            sock.connect(address)
            if self._is_over:
                raise TimeoutError
        except OSError:
            sock.close()
            raise
        return sock

    def secured(self, sock: socket.socket, host: str) -> socket.socket:
        if self._parts.scheme != "https":
            return sock
        try:
            self._socket = ssl.create_default_context(cafile=certifi.where()).wrap_socket(sock, server_hostname=host)
        except OSError:
            sock.close()
            raise
        return self._socket

    def give_up(self) -> None:
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS, which is the other thread's to use


def refuse_private(addresses: Sequence[Any], allowed: Sequence[Network]) -> None:
    """Raises NotPosted where one of the addresses is not public and in no allowed network."""
    for text in addresses:
        address = reached_by(ipaddress.ip_address(str(text).partition("%")[0]))
        is_public = address.is_global and not address.is_multicast
        if not is_public and not any(address in network for network in allowed):
            raise NotPosted("ADDRESS_NOT_ALLOWED")


def reached_by(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it is one of a gateway between the two."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
