"""A file system in user space (FUSE) that leaves questions unanswered.

    hanging.py DIRECTORY USER OPERATION...

mounts it there as USER would with allow_other, writes "mounted", and stays until its standard input ends.
The operations are never answered: LOOKUP, GETATTR, READ and so on; ALL of them if that is named. It needs
root. All directories but the topmost, and all files, are one file of 4096 bytes that everybody may write.
"""

import ctypes, errno, os, struct, sys

LOOKUP, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE = 1, 3, 4, 14, 15, 16, 17, 18
GETXATTR, FLUSH, INIT, OPENDIR, RELEASEDIR = 22, 25, 26, 27, 29
UNANSWERED = 2, 36, 42  # forget, interrupt, forget many
WRITEBACK_CACHE = 1 << 16
DIRECTORY, FILE = 1, 2
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, options):
    if libc.mount(source.encode(), target.encode(), kind.encode(), 0, options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind}: {os.strerror(number)}")


def attributes(node):
    mode = 0o40777 if node == DIRECTORY else 0o100666
    size = 0 if node == DIRECTORY else 4096
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, 8, *[0] * 6, mode, 1, 0, 0, 0, 4096, 0)


def answer(operation, node, request, hanging):
    """The answer to a request, an errno, or None: it is never answered."""
    if operation in hanging or operation in UNANSWERED:
        return None
    if operation == INIT:
        _, _, ahead, flags = struct.unpack_from("<IIII", request)
        flags &= WRITEBACK_CACHE
        return struct.pack("<IIIIHHII", 7, 31, ahead, flags, 12, 9, 131072, 1).ljust(64, b"\0")
    if operation == LOOKUP:
        return struct.pack("<QQQQII", FILE, 0, 1000, 1000, 0, 0) + attributes(FILE)
    if operation in (GETATTR, SETATTR):
        return struct.pack("<QII", 1000, 0, 0) + attributes(node)
    if operation in (OPEN, OPENDIR):
        return struct.pack("<QII", 5, 0, 0)
    if operation == READ:
        return b"x" * min(4096, struct.unpack_from("<I", request, 16)[0])
    if operation == STATFS:
        return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
    if operation in (FLUSH, RELEASE, RELEASEDIR):
        return b""
    return errno.ENOSYS


def serve(device, hanging):
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            continue
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        answered = answer(operation, node, request[40:], hanging)
        if answered is None:
            continue
        failed = isinstance(answered, int)
        body = b"" if failed else answered
        os.write(device, struct.pack("<IiQ", 16 + len(body), -answered if failed else 0, unique) + body)


def mount_hanging(root, hanging, before=lambda: None, user=0):
    """Mounts a file system there, served by a process that first calls before()."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={user},group_id={user},allow_other"
    mount("fuse", root, "fuse", options)
    if os.fork() == 0:
        before()
        os.closerange(0, 3)
        serve(device, hanging)
        os._exit(0)
    os.close(device)


if __name__ == "__main__":
    root, user, *words = sys.argv[1:]
    every = range(1, 100) if "ALL" in words else [globals()[word] for word in words]
    mount_hanging(root, set(every) - {INIT}, user=int(user))
    print("mounted", flush=True)
    sys.stdin.read()
    libc.umount2(root.encode(), 2)
