#!/usr/bin/python3
# builds: asan
"""A reader of the tap that has stopped changes nothing for the daemon: everything is delivered as
before, the tap keeps within its bound, and what was dropped is counted, and told once the reader
goes on. What a reader costs is measured by test/bench. Prints TAP."""
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

# As in core/tap.h: so many PDUs are kept, of so many octets; beside them a head for each.
TAP_RECORDS, TAP_OCTETS, HEAD_OCTETS = 32768, 8 << 20, 160
PDUS = 4  # of a message: it is submitted, and reported
MESSAGES = TAP_RECORDS // PDUS + 3000
tap = house.Tap()


class Watcher:
    """smpp-trace live, its JSON into a file."""

    def __init__(self, daemon):
        self.path = os.path.join(daemon.folder, 'lines')
        with open(self.path, 'wb') as lines:
            self.process = subprocess.Popen(
                [house.program('smpp-trace'), 'live', '--socket',
                 os.path.join(daemon.folder, 'tap.sock'), '-T', 'json'],
                stdout=lines, stderr=subprocess.PIPE, text=True)
        house.await_that('the tap is read', lambda: daemon.metric('tap_bytes') > 0)

    def told(self):
        """(PDUs, how many were dropped) by its lines so far."""
        with open(self.path, encoding='utf-8') as lines:
            ones = [json.loads(line) for line in lines if line.endswith('\n')]
        pdus = [one for one in ones if 'octets' in one]
        return len(pdus), sum(one['dropped'] for one in pdus)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=house.PATIENCE_S)[1]


def send(daemon, count):
    """Seconds from the first intent until the last message is resolved, and how many were delivered
    so far."""
    began = time.monotonic()
    if daemon.load('--count', str(count), '--batch', '500', '--text', 'on the way')[
            'accepted'] != count:
        raise house.Trouble('not all are accepted')

    def orders():
        ones = daemon.api('GET', '/api/v1/orders?limit=100')[1]['orders']
        return ones if all(one['pending'] == 0 for one in ones) else None
    ones = house.await_that('all are resolved', orders, 120)
    return time.monotonic() - began, sum(one['delivered'] for one in ones)


def stopped(home):
    daemon = home.daemon
    alone_s, delivered = send(daemon, MESSAGES)
    tap.result(delivered == MESSAGES and daemon.metric('tap_bytes') == 0 and
               daemon.metric('tap_pdus_total') == 0, 'while nobody watches the tap does nothing')
    watcher = Watcher(daemon)
    watcher.process.send_signal(signal.SIGSTOP)
    try:
        watched_s, delivered = send(daemon, MESSAGES)
        held = daemon.metric('tap_bytes')
    finally:
        watcher.process.send_signal(signal.SIGCONT)
    tap.result(delivered == 2 * MESSAGES, 'with a reader that has stopped all are delivered',
               [delivered])
    tap.result(watched_s < 3 * alone_s + 3, 'as fast as without it', [alone_s, watched_s])
    tap.result(TAP_OCTETS <= held <= TAP_OCTETS + TAP_RECORDS * HEAD_OCTETS + 65536,
               f'the tap holds {held / 2 ** 20:.1f} MiB', [held])
    tap.result(daemon.metric('tap_dropped_total') > 0, 'the rest is dropped, and counted')

    def whole():
        """What is dropped is told with the next PDU, so there has to be one."""
        send(daemon, 1)
        read, dropped = watcher.told()
        return (read, dropped) if read + dropped == daemon.metric('tap_pdus_total') else None
    read, dropped = house.await_that('the reader has caught up', whole)
    tap.result(dropped == daemon.metric('tap_dropped_total'),
               'it is told what it missed, once it goes on', [dropped])
    said = watcher.end()
    tap.result(said == f'seen {read}, shown {read}, dropped {dropped}\n' and
               read + dropped >= PDUS * MESSAGES, f'its last line has all that passed: {said.strip()}',
               [said, read, dropped])
    house.await_that('the tap is given back', lambda: daemon.metric('tap_bytes') == 0)
    tap.result(True, 'and when it is gone the tap holds nothing')


def main():
    with house.House(far=('--quiet',)) as home:
        home.daemon.start()
        home.daemon.open_account()
        stopped(home)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
