"""A client of the slot socket that sends a descriptor along with its question.

    hostile-client.py SOCKET KIND < QUESTION

Writes what the daemon answers to descriptor 1, and then stays until its standard input ends, so that
its file system goes on hanging. KIND is a file that hangs, of a file system in user space (FUSE) of
which this program is the server, or another one. It needs root and a mount namespace of its own.
"""

import ctypes, errno, fcntl, os, socket, struct, sys, tempfile

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
        said = answer(operation, node, request[40:], hanging)
        if said is None:
            continue
        failed = isinstance(said, int)
        body = b"" if failed else said
        os.write(device, struct.pack("<IiQ", 16 + len(body), -said if failed else 0, unique) + body)


def fuse(hanging):
    """Mounts a file system of this program's own; returns its directory."""
    directory = tempfile.mkdtemp()
    mount("tmpfs", directory, "tmpfs", "")
    root = directory + "/fuse"
    os.mkdir(root)
    device = os.open("/dev/fuse", os.O_RDWR)
    mount("fuse", root, "fuse", f"fd={device},rootmode=40000,user_id=0,group_id=0")
    if os.fork() == 0:
        connection.close()
        os.closerange(0, 3)
        serve(device, hanging)
        os._exit(0)
    os.close(device)
    return directory, root


def overlay(directory, lower):
    for name in "upper", "work", "both":
        os.mkdir(f"{directory}/{name}")
    options = f"lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work"
    mount("overlay", f"{directory}/both", "overlay", options)
    return f"{directory}/both"


def hostile_file(kind):
    """The descriptor that is sent, and what makes its last close wait."""
    if kind == "pipe":
        return os.pipe()[0], None
    if kind in ("/dev/zero", "/dev/full", "/proc/self/maps", "/"):
        return os.open(kind, os.O_RDONLY), None
    if kind == "memory":
        return os.memfd_create("x"), None
    if kind == "itself":
        return connection.fileno(), None
    if kind == "unwritten":
        # The pages of another descriptor of the file are waited for when this one is closed.
        _, root = fuse([RELEASE, WRITE])
        other = os.open(root + "/file", os.O_RDWR)
        return os.open(root + "/file", os.O_RDWR), lambda: os.write(other, b"x" * 4096)
    directory, root = fuse([FLUSH, RELEASE])
    if kind == "overlay":
        root = overlay(directory, root)
    return os.open(root + "/file", os.O_RDONLY), None


path, kind = sys.argv[1:]
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
question = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
file, then = hostile_file(kind)
try:
    socket.send_fds(connection, [question[:20]], [file] * (100 if kind == "pipe" else 1))
    sys.stderr.write("sent\n")
except PermissionError:
    connection.sendall(question[:20])
    sys.stderr.write("refused\n")
if then:
    os.close(file)
    then()
connection.sendall(question[20:])
while said := connection.recv(65536):
    sys.stdout.buffer.write(said)
    sys.stdout.flush()
sys.stdin.buffer.read()
os._exit(0)
