"""Values of X-QHPSI as Python's email reads them; python.ts starts it.

On descriptor 0: the length of a message in four bytes, and the message, as often as wanted. On
descriptor 1: a line of JSON for each, by the name of the reader; null where it gives a message up.
"""

import json
import struct
import sys
from email import message_from_bytes, policy


def read(raw, how):
    try:
        message = message_from_bytes(raw, policy=how)
        return [str(value).strip() for name, value in message.raw_items() if is_qhpsi(name)]
    except Exception:  # the library's own trouble with odd mail
        return None


def is_qhpsi(name):
    return name.strip().lower() == "x-qhpsi"


# Messages within messages without end are Python's trouble, not ours.
sys.setrecursionlimit(20000)
while head := sys.stdin.buffer.read(4):
    raw = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    policies = {"compat32 of Python": policy.compat32, "default of Python": policy.default}
    print(json.dumps({name: read(raw, how) for name, how in policies.items()}), flush=True)
