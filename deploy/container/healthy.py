"""Whether the web process of this container answers: exit status 0 or 1. It is asked by a name that it answers to."""

import os
import sys
from urllib.request import Request, urlopen

host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip("*.") or "localhost"
port = sys.argv[1] if len(sys.argv) > 1 else "8000"
try:
    urlopen(Request(f"http://127.0.0.1:{port}/health/live", headers={"Host": host}), timeout=4).close()
except OSError as error:
    sys.exit(str(error))
