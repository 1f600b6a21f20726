"""Reads messages as a program of somebody else's would; second-reader/readers/python.ts starts it.

On descriptor 0: a letter, the length of a message in four bytes, and the message, as often as
wanted. On descriptor 1: a line of JSON for each, of all readers for the letter A, of stamps alone
for S. Arguments: what the test virus is, in hexadecimal, and the
keyring as JSON, from key ids to secrets in base64url. Stamps are verified by the text of
onescan-stamp(7), written down once more.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import sys
from email import message_from_bytes, policy

VIRUS = bytes.fromhex(sys.argv[1])
KEYS = {
    key.encode(): base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    for key, secret in json.loads(sys.argv[2]).items()
}


def opens(message):
    """Whether some part of the message is the virus once it is decoded."""
    for part in message.walk():
        if not part.is_multipart() and VIRUS in (part.get_payload(decode=True) or b""):
            return True
    return False


def read(raw, how):
    """What Python's own parser makes of it."""
    try:
        message = message_from_bytes(raw, policy=how)
        values = [str(value).strip() for name, value in message.raw_items() if is_qhpsi(name)]
        return {"qhpsi": values, "opened": opens(message)}
    except Exception as error:  # the library's own trouble with odd mail
        return {"qhpsi": [], "opened": False, "trouble": repr(error)}


def is_qhpsi(name):
    return name.strip().lower() == "x-qhpsi"


# onescan-stamp(7), WELL-FORMED MESSAGES
def parts(raw):
    """Fields and canonical body in LF, or None where programs could disagree about them."""
    first = raw.find(b"\n")
    if raw[first - 1 : first] == b"\r":
        if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
            return None
        raw = raw.replace(b"\r\n", b"\n")
    if b"\r" in raw or raw.startswith(b"\n"):
        return None
    head, empty_line, body = raw.partition(b"\n\n")
    if not empty_line or b"\0" in head:
        return None
    fields = re.split(rb"\n(?![ \t])", head)
    for field in fields:
        if not re.match(rb"[!-'*-9;-~]+:", field):
            return None
        if any(not line.strip(b" \t") for line in field.split(b"\n")[1:]):
            return None
    if body and not body.endswith(b"\n"):
        body += b"\n"
    return fields, body


STAMP = re.compile(rb"x-(md5|sha256)-cluster-\d+")
VALUE = re.compile(rb"v=1;k=([A-Za-z0-9._-]{1,32});t=(\d{1,15});s=([^;]*);h=([A-Za-z0-9_-]{43})")
# onescan-stamp(7), "Bound fields"
UNBOUND = {
    b"received",
    b"received-spf",
    b"return-path",
    b"delivered-to",
    b"x-original-to",
    b"envelope-to",
    b"authentication-results",
    b"dkim-signature",
    b"arc-seal",
    b"arc-message-signature",
    b"arc-authentication-results",
    b"bcc",
    b"resent-bcc",
    b"content-length",
    b"x-qhpsi",
}


def name_of(field):
    return field.partition(b":")[0].lower()


def is_bound(name):
    return name not in UNBOUND and not STAMP.fullmatch(name)


def breaks(name):
    """Whether a field of that name above a stamp breaks it."""
    return name == b"mime-version" or (name.startswith(b"content-") and name != b"content-length")


def stamps(raw):
    """Whether each hmac-sha256 stamp holds, from the top; None where none could."""
    message = parts(raw)
    if message is None:
        return None
    fields, body = message
    found = []
    body_digest = None
    for index, field in enumerate(fields):
        if not STAMP.fullmatch(name_of(field)) or not name_of(field).startswith(b"x-sha256"):
            continue
        claims = VALUE.fullmatch(re.sub(rb"[ \t\r\n]+", b"", field.partition(b":")[2]))
        if not claims or claims[1] not in KEYS:
            found.append(False)
            continue
        body_digest = body_digest or hashlib.sha256(body).hexdigest().encode()
        below = b"".join(each + b"\n" for each in fields[index + 1 :] if is_bound(name_of(each)))
        fields_digest = hashlib.sha256(below).hexdigest().encode()
        lines = [b"onescan-cluster/1", *claims.group(1, 2, 3), fields_digest, body_digest]
        text = b"".join(line + b"\n" for line in lines)
        mac = hmac.new(KEYS[claims[1]], text, hashlib.sha256).digest()
        good = base64.urlsafe_b64encode(mac).rstrip(b"=") == claims[4]
        found.append(good and not any(breaks(name_of(each)) for each in fields[:index]))
    return found


def main():
    # Messages within messages without end are Python's trouble, not ours.
    sys.setrecursionlimit(20000)
    while head := sys.stdin.buffer.read(5):
        raw = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
        answer = {"stamps": stamps(raw)}
        if head[:1] == b"A":
            answer["compat32"] = read(raw, policy.compat32)
            answer["default"] = read(raw, policy.default)
        print(json.dumps(answer), flush=True)


main()
