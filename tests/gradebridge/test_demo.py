"""The demo ends with one sentence where it cannot start."""

import pytest
from django.core.management import CommandError, call_command


def test_one_port_for_both_is_refused():
    with pytest.raises(
        CommandError, match=r"^PORT and SANDBOX_PORT are both 8123\. Set one of them to another port\.$"
    ):
        call_command("demo", "--port", "8123", "--sandbox-port", "8123")
