"""A provider of OpenID Connect as a process of its own: `python -m tests.end_to_end.provider_process PORT`."""

import os
import sys
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from oidc_provider_mock import run_server_in_thread
from oidc_provider_mock._storage import AuthorizationCode

if __name__ == "__main__":
    AuthorizationCode.get_auth_time = lambda _code: int(time.time())  # it asks for the password each time
    with run_server_in_thread(port=int(sys.argv[1]), require_nonce=True):
        time.sleep(600)
