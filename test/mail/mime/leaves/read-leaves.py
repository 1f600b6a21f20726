"""Another reader of mail: Python's email.

Reads a JSON list of mails in base64. Writes for each a list of its leaves, each by two digests: of its
bytes, and of its bytes with LF at the end of each line, and without line ends at their end.
"""
import base64
import email
import email.policy
import hashlib
import json
import sys


def digest(content):
    return hashlib.sha256(content).hexdigest()


def leaves_of(mail):
    for part in email.message_from_bytes(mail, policy=email.policy.default).walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True) or b""
        yield digest(content), digest(content.replace(b"\r\n", b"\n").rstrip(b"\n"))


mails = json.load(sys.stdin)
json.dump([list(leaves_of(base64.b64decode(mail))) for mail in mails], sys.stdout)
