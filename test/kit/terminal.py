"""Runs a command under a pseudo-terminal: terminal.py ROWS COLUMNS COMMAND...

Standard input and output are the terminal's other side. A line "ROWS COLUMNS" on descriptor 3 resizes it.
The exit status is the command's.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def main():
    rows, columns, *command = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.close(3)
        resize(0, rows, columns)
        os.execvp(command[0], command)
    sources = [terminal, 0, 3]
    while terminal in sources:
        for source in select.select(sources, [], [])[0]:
            try:
                data = os.read(source, 65536)
            except OSError:  # EIO: the last process on the terminal has gone
                data = b""
            if not data:
                sources.remove(source)
            elif source == terminal:
                os.write(1, data)
            elif source == 0:
                os.write(terminal, data)
            else:
                for line in data.decode().splitlines():
                    resize(terminal, *line.split())
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


main()
