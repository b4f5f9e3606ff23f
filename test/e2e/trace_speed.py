#!/usr/bin/python3
# builds: plain
"""smpp-trace on a capture of 1 GB: in bounded memory, and beside tshark on the same packets by the
time of the processor, which other load does not change. Prints TAP."""
import os
import resource
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE, LOAD = house.program('smpp-trace'), house.program('esme-load')
SESSION = os.path.join(ROOT, 'test', 'vectors', 'session-port2775.pcap')
PDUS = 52
MESSAGES = 1700000  # some 600 octets each
GIGABYTE, SMALL = 10 ** 9, 40 * 10 ** 6
MOST_KIB, FASTER = 256 * 1024, 5
tap = house.Tap()


class Sessions:
    """The session of the vectors again and again, each on another port and 8 s later."""

    def __init__(self):
        with open(SESSION, 'rb') as file:
            self.head, self.body = file.read(24), bytearray(file.read())
        self.ports, self.times, at = [], [], 0
        while at < len(self.body):
            seconds, _, octets, _ = struct.unpack_from('<IIII', self.body, at)
            self.times.append((at, seconds))
            port = at + 16 + 14 + 20  # behind the record's, Ethernet's and IP's header
            source, = struct.unpack_from('>H', self.body, port)
            self.ports.append(port + 2 if source == 2775 else port)
            at += 16 + octets

    def write(self, file, octets):
        """Returns how many sessions they were."""
        count = octets // len(self.body)
        file.write(self.head)
        for n in range(count):
            for at in self.ports:
                struct.pack_into('>H', self.body, at, 10000 + n % 50000)
            for at, seconds in self.times:
                struct.pack_into('<I', self.body, at, seconds + 8 * n)
            file.write(self.body)
        return count


def used_s(arguments):
    """What it says, and the seconds of the processor that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout.decode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beside_tshark(sessions):
    with tempfile.NamedTemporaryFile(suffix='.pcap') as file:
        count = sessions.write(file, SMALL)
        file.flush()
        ours, ours_s = used_s([TRACE, '-c', 'read', file.name])
        _, theirs_s = used_s(['tshark', '-r', file.name, '-q', '-z', 'io,stat,0', '-Y', 'smpp'])
    tap.result(f'{count * PDUS} PDUs, ' in ours and theirs_s >= FASTER * ours_s,
               f'{theirs_s / ours_s:.0f} times as fast as tshark', [ours, ours_s, theirs_s])


def a_gigabyte():
    """Of messages with answers and receipts, made while it is read."""
    maker = subprocess.Popen([LOAD, '--write-capture', '-', '--count', str(MESSAGES)],
                             stdout=subprocess.PIPE)
    process = subprocess.Popen([TRACE, '-c', 'read', '-'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    octets = 0
    while piece := maker.stdout.read(1 << 20):
        process.stdin.write(piece)
        octets += len(piece)
    process.stdin.close()
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    tap.result(maker.wait() == 0 and octets >= GIGABYTE and status == 0 and
               said.startswith(f'{4 * MESSAGES + 2} PDUs, ') and
               '\n0 errors, 0 unanswered, ' in said and
               f'\n{MESSAGES} receipts: {MESSAGES} joined' in said,
               f'a capture of {octets} octets: every message has its answer and its receipt',
               [octets, said])
    tap.result(usage.ru_maxrss <= MOST_KIB, f'in {usage.ru_maxrss // 1024} MiB', [usage])


def main():
    sessions = Sessions()
    a_gigabyte()
    if dissect.installed():
        beside_tshark(sessions)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
