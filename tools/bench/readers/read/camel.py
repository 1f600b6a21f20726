# Reader: Camel, of Evolution.
import gi

gi.require_version('Camel', '1.2')
from gi.repository import Camel

from serve import holds, serve


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


serve(read)
