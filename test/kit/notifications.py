"""Prints what services tell their service manager, a line for each datagram: notifications.py /path/of/socket"""

import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(listener.recv(4096).decode().replace("\n", " "), flush=True)
