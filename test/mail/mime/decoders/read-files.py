"""Other readers of mail: Python's email, and GMime.

Reads a JSON list of mails in base64. Writes for each an object: what each reader decodes the last part to, in base64.
"""
import base64
import email
import email.policy
import json
import sys

try:
    import gi

    gi.require_version("GMime", "3.0")
    from gi.repository import GMime

    GMime.init()
except (ImportError, ValueError):
    GMime = None


def by_email(mail):
    return email.message_from_bytes(mail, policy=email.policy.default).get_payload()[-1].get_payload(decode=True)


def by_gmime(mail):
    stream = GMime.StreamMem.new_with_buffer(mail)
    message = GMime.Parser.new_with_stream(stream).construct_message(None)
    multipart = message.get_mime_part()
    content = multipart.get_part(multipart.get_count() - 1).get_content()
    file = GMime.StreamMem.new()
    content.write_to_stream(file)
    return bytes(file.get_byte_array())


readers = {"Python": by_email, **({"GMime": by_gmime} if GMime else {})}


def read(mail):
    return {name: base64.b64encode(by(mail)).decode("ascii") for name, by in readers.items()}


mails = json.load(sys.stdin)
json.dump([read(base64.b64decode(mail)) for mail in mails], sys.stdout)
