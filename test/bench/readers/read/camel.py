# Reader: Camel, of Evolution.
# Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
# opens a file: SIGNS (readers.ts) says by what one knows.
import os
import struct
import sys

import gi

gi.require_version('Camel', '1.2')
from gi.repository import Camel

with open(os.environ['SIGNS'], encoding='ascii') as lines:
    SIGNS = [(kind, bytes.fromhex(digits)) for kind, digits in (line.split() for line in lines)]


def holds(file):
    return any(file == sign if kind == 'is' else sign in file for kind, sign in SIGNS)


def opens(part):
    content = part.get_content()
    if isinstance(content, Camel.Multipart):
        return any(opens(content.get_part(at)) for at in range(content.get_number()))
    if isinstance(content, Camel.MimeMessage):
        return opens(content)
    if content is None:
        return False
    stream = Camel.StreamMem.new()
    content.decode_to_stream_sync(stream, None)
    return holds(bytes(stream.get_byte_array()))


def read(raw):
    message = Camel.MimeMessage.new()
    message.construct_from_stream_sync(Camel.StreamMem.new_with_buffer(raw), None)
    return opens(message)


while True:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        break
    raw = sys.stdin.buffer.read(struct.unpack('>I', head)[0])
    try:
        found = read(raw)
    except Exception:
        found = False
    sys.stdout.buffer.write(bytes([found]))
    sys.stdout.buffer.flush()
