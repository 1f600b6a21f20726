# What readers in Python have in common.
# Input: messages, each behind its length in four bytes. Output: for each a byte, a bit a
# reader, set where it opens a file: SIGNS (readers.ts) has the signs of it.
import os
import struct
import sys

with open(os.environ['SIGNS'], encoding='ascii') as lines:
    SIGNS = [(kind, bytes.fromhex(digits)) for kind, digits in (line.split() for line in lines)]


def holds(file):
    return any(file == sign if kind == 'is' else sign in file for kind, sign in SIGNS)


def safely(read, *arguments):
    try:
        return read(*arguments)
    except Exception:
        return False


# `read` returns the bits.
def serve(read):
    while True:
        head = sys.stdin.buffer.read(4)
        if len(head) < 4:
            break
        raw = sys.stdin.buffer.read(struct.unpack('>I', head)[0])
        sys.stdout.buffer.write(bytes([safely(read, raw)]))
        sys.stdout.buffer.flush()
