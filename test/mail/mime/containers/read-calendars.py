"""Other readers of calendars and cards: libical, Python's icalendar and vobject.

Reads a JSON list of calendars in base64. Writes a list of what each reader opened, by its name.
"""
import base64
import ctypes
import json
import logging
import sys
import urllib.parse

logging.disable()
libical = ctypes.CDLL("libical.so.3")
libical.icalerror_set_errors_are_fatal(0)


def call(name, result, *words):
    function = getattr(libical, name)
    function.restype = result
    return function(*words)


def by_libical(text):
    def component(at):
        step = "first"
        while True:
            name = f"icalcomponent_get_{step}_property"
            found = call(name, ctypes.c_void_p, ctypes.c_void_p(at), 0)
            if not found:
                break
            step = "next"
            its = ctypes.c_void_p(found)
            parameters = {
                key: call("icalproperty_get_parameter_as_string", ctypes.c_char_p, its, key.encode())
                for key in ("ENCODING", "VALUE")
            }
            value = call("icalproperty_get_value_as_string", ctypes.c_char_p, its) or b""
            yield {k: (v or b"").decode("latin1") for k, v in parameters.items()}, value.decode("latin1")
        step = "first"
        while True:
            name = f"icalcomponent_get_{step}_component"
            found = call(name, ctypes.c_void_p, ctypes.c_void_p(at), 1)
            if not found:
                return
            step = "next"
            yield from component(found)

    root = call("icalparser_parse_string", ctypes.c_void_p, ctypes.c_char_p(text))
    return component(root) if root else ()


def by_icalendar(text):
    from icalendar import Calendar

    for root in Calendar.from_ical(text, multiple=True):
        for _, value in root.property_items():
            yield dict(getattr(value, "params", {})), value if isinstance(value, str) else ""


def by_vobject(text):
    import vobject

    def component(at):
        for child in at.getChildren():
            if hasattr(child, "contents"):
                yield from component(child)
            else:
                yield {key: values[0] for key, values in child.params.items()}, child.value

    for root in vobject.readComponents(text.decode("utf-8"), allowQP=True):
        yield from component(root)


def files(properties):
    for parameters, value in properties:
        if isinstance(value, bytes):
            yield value
            continue
        if not isinstance(value, str):
            continue
        in_base64 = parameters.get("ENCODING", "").upper() in ("B", "BASE64")
        if in_base64 or parameters.get("VALUE", "").upper() == "BINARY":
            yield base64.b64decode(value)
        elif value.startswith("data:") and "," in value:
            kind, data = value.split(",", 1)
            data = urllib.parse.unquote_to_bytes(data)
            yield base64.b64decode(data) if kind.endswith(";base64") else data


def opened(read, text):
    found = []
    try:
        for file in files(read(text)):
            found.append(base64.b64encode(file).decode())
    except Exception:
        pass  # it opens no more of it
    return found


readers = {"libical": by_libical, "icalendar": by_icalendar, "vobject": by_vobject}
answers = []
for calendar in json.load(sys.stdin):
    text = base64.b64decode(calendar)
    answers.append({name: opened(read, text) for name, read in readers.items()})
json.dump(answers, sys.stdout)
