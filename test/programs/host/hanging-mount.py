"""Mounts a file system on a directory, and never answers some of its questions.

    hanging-mount.py DIRECTORY OPERATION...

Each name in it is a directory, but for maildirsize, which is not there. What is asked by one of the
operations (see OPERATIONS) waits until this process is killed, even if the process that asks is.
"""
import ctypes
import errno
import os
import struct
import sys

# fuse(4), <linux/fuse.h>
OPERATIONS = {"lookup": 1, "getattr": 3, "opendir": 27}
LOOKUP, FORGET, GETATTR, INIT, BATCH_FORGET = 1, 2, 3, 26, 42
ROOT = 1
PARALLEL = 1 << 18  # questions about several names of a directory at once

directory, *operations = sys.argv[1:]
hanging = {OPERATIONS[operation] for operation in operations}


def attributes(node):
    times, mode, links = (0,) * 3, 0o40755, 2
    return struct.pack("<6Q10I", node, 0, 0, *times, *times, mode, links, 0, 0, 0, 4096, 0)


def answer_to(operation, node, body):
    """The answer, or the number of an error."""
    if operation == INIT:
        return struct.pack("<4I2H2I2H32x", 7, 31, 131072, PARALLEL, 12, 9, 131072, 1, 0, 0)
    if operation == GETATTR:
        return struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if operation == LOOKUP:
        name = body.split(b"\0")[0]
        if name == b"maildirsize":
            return errno.ENOENT
        found = ROOT + 1 + int.from_bytes(name, "big") % 2**60
        return struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + attributes(found)
    return errno.ENOSYS


device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
nosuid_nodev = 6
if libc.mount(b"hanging", directory.encode(), b"fuse", nosuid_nodev, options.encode()) != 0:
    sys.exit(f"{directory}: {os.strerror(ctypes.get_errno())}")
while True:
    request = os.read(device, 1 << 20)
    _, operation, unique, node = struct.unpack_from("<IIQQ", request)
    if operation in (FORGET, BATCH_FORGET):
        continue
    if operation in hanging:
        print("asked", flush=True)
        continue
    answer = answer_to(operation, node, request[40:])
    error = answer if isinstance(answer, int) else 0
    content = b"" if error else answer
    os.write(device, struct.pack("<IiQ", 16 + len(content), -error, unique) + content)
    if operation == INIT:  # until then the kernel asks one question at a time
        print("mounted", flush=True)
