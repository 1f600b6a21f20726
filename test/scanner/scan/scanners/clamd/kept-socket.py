"""Listens on a unix socket in place of systemd, and starts the server of it: kept-socket.py PATH COMMAND...

The server gets the socket as descriptor 3. The process that called listen(2), which the kernel names to clients, has
ended by then, and this one keeps the socket when the server has ended.
"""

import os
import signal
import socket
import subprocess
import sys

path, *command = sys.argv[1:]
kept = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
kept.bind(path)
listener = os.fork()
if listener == 0:
    kept.listen()
    os._exit(0)
os.waitpid(listener, 0)
os.dup2(kept.fileno(), 3)
server = subprocess.Popen(command, pass_fds=[3])
signal.signal(signal.SIGTERM, lambda *_: (server.kill(), os._exit(0)))
server.wait()
signal.pause()
