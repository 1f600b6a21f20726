# Readers: Python's email, by its old and its new policy, and GMime.
import email
import email.policy
import warnings

from serve import holds, safely, serve

warnings.simplefilter('ignore')
try:
    import gi

    gi.require_version('GMime', '3.0')
    from gi.repository import GMime

    GMime.init()
except (ImportError, ValueError):
    GMime = None


def email_opens(raw, policy):
    message = email.message_from_bytes(raw, policy=policy)
    for part in message.walk():
        payload = part.get_payload(decode=True)
        if payload is None and isinstance(part.get_payload(), str):
            payload = part.get_payload().encode('latin1', 'replace')
        if payload and holds(payload):
            return True
    return False


def gmime_opens(raw):
    found = []

    def look(node):
        if isinstance(node, GMime.Message):
            if node.get_mime_part():
                look(node.get_mime_part())
        elif isinstance(node, GMime.MessagePart):
            if node.get_message():
                look(node.get_message())
        elif isinstance(node, GMime.Multipart):
            for at in range(node.get_count()):
                look(node.get_part(at))
        elif isinstance(node, GMime.Part):
            content = node.get_content()
            if content:
                stream = GMime.StreamMem.new()
                content.write_to_stream(stream)
                if holds(bytes(stream.get_byte_array())):
                    found.append(node)

    message = GMime.Parser.new_with_stream(GMime.StreamMem.new_with_buffer(raw)).construct_message(None)
    if message:
        look(message)
    return bool(found)


def read(raw):
    bits = 1 * safely(email_opens, raw, email.policy.compat32)
    bits |= 2 * safely(email_opens, raw, email.policy.default)
    return bits | 4 * (safely(gmime_opens, raw) if GMime else False)


serve(read)
