"""A client of the slot socket that sends a descriptor along with its question.

    hostile-client.py SOCKET KIND < QUESTION

Writes what the daemon answers to descriptor 1, and then stays until its standard input ends, so that
its file system goes on hanging. KIND is a file that hangs, of a file system in user space (FUSE) of
which this program is the server, or another one. It needs root and a mount namespace of its own.
"""

import os, socket, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(__file__), "../../../../base/path"))
from hanging import FLUSH, RELEASE, WRITE, mount, mount_hanging


def fuse(hanging):
    """Mounts a file system of this program's own; returns its directory."""
    directory = tempfile.mkdtemp()
    mount("tmpfs", directory, "tmpfs", "")
    root = directory + "/fuse"
    os.mkdir(root)
    mount_hanging(root, hanging, connection.close)
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
sys.stderr.write("connected\n")
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
while answer := connection.recv(65536):
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
sys.stdin.buffer.read()
os._exit(0)
