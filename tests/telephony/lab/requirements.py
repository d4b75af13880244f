"""What the telephony tests need of the machine."""

from __future__ import annotations

import os
import shutil
import socket
import sys

from tests.telephony.lab.asterisk_server import default_tree


def missing() -> str | None:
    """Why the telephony tests cannot run here; None where they can."""
    if not (default_tree() / "usr" / "sbin" / "asterisk").exists():
        return "Asterisk is not unpacked here; tests/telephony/install.sh does that"
    if shutil.which("sipp") is None:
        return "SIPp is not installed here (Debian's package sip-tester)"
    reason = os.environ.get("NO_NETWORK_NAMESPACE")
    if reason:
        return f"not in a network namespace: {reason}"
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    if others:
        # Asterisk opens sockets on every interface, whatever its configuration says.
        return f"not in a network namespace, {', '.join(others)} is here; scripts/in_namespace makes one"
    return None


if __name__ == "__main__":  # for scripts that ask whether they can go on
    sys.exit(missing())
