"""Starts a program as systemd starts a service: with listening sockets as descriptors 3 and up, and told their names.

usage: activate.py name=unix:/path|tcp:port ... -- program argument ...
"""

import os
import socket
import sys

split = sys.argv.index("--")
sockets = []
for at, argument in enumerate(sys.argv[1:split]):
    name, address = argument.split("=", 1)
    kind, place = address.split(":", 1)
    if kind == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place)
    else:
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(place)))
    listener.listen()
    sockets.append((name, listener))

# Above all that may be in the way first, so that no descriptor is overwritten before it was moved.
high = [os.dup2(listener.fileno(), 100 + at) for at, (_, listener) in enumerate(sockets)]
for at, descriptor in enumerate(high):
    os.dup2(descriptor, 3 + at, inheritable=True)
    os.close(descriptor)
os.environ["LISTEN_FDS"] = str(len(sockets))
os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in sockets)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[split + 1], sys.argv[split + 1 :])
