#!/usr/bin/python3
# builds: asan
"""The feed under load: readers that stop cost nobody anything, and lose nothing when they go on; one
that is given up goes on behind the last event it saw. Prints TAP."""
import json
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

# What was freed is to be free: the sanitizer would keep up to 256 MiB of it.
os.environ['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'

TAP = house.Tap()
V1 = '/api/v1'
STOPPED, ORDERS, NUMBERS = 20, 10, 1500
# What a reader may cost: the answers that wait for it, a helping of the feed, its connection.
READER_OCTETS = 1 << 20
PATIENT = ('limits.output_stall=10m', 'store.size=128MiB', 'providers.alpha.window=500')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


class Reader:
    """A stream of events as JSON lines, read when it is told to."""

    def __init__(self, daemon, query='since=0', **fields):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.link.settimeout(house.PATIENCE_S)
        self.link.connect(daemon.submit)
        lines = [f'GET {V1}/events?{query} HTTP/1.0', f'X-API-KEY: {house.KEY}',
                 'Accept: application/x-ndjson', *(f'{name}: {fields[name]}' for name in fields)]
        self.link.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode())
        self.file = self.link.makefile('rb')
        while self.file.readline().strip():
            pass

    def read(self, enough):
        """Events until there are enough, or it is over."""
        events = []
        while len(events) < enough:
            line = self.file.readline()
            if not line:
                break
            if line.strip() and line.endswith(b'\n'):
                events.append(json.loads(line))
        return events

    def close(self):
        self.file.close()
        self.link.close()


def resident(daemon):
    with open(f'/proc/{daemon.process.pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith('VmRSS'))


def load(daemon, first):
    """Orders that are accepted and end; how long the slowest of the other requests took."""
    slowest = 0
    for n in range(ORDERS):
        numbers = [str(31600000000 + (first + n) * NUMBERS + i) for i in range(NUMBERS)]
        status, answer = daemon.api('POST', f'{V1}/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'numbers': numbers, 'message': 'x'})
        if status != 200:
            raise house.Trouble(f'{status} {answer}')
        began = time.monotonic()
        daemon.api('GET', f'{V1}/balance')
        slowest = max(slowest, time.monotonic() - began)
    house.await_that('all have ended', lambda: all(
        order['pending'] == 0 for order in daemon.api(
            'GET', f'{V1}/orders?limit={ORDERS}')[1]['orders']), 120)
    return slowest


def silence(daemon):
    """A stream of what never happens."""
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(house.PATIENCE_S)
    link.connect(daemon.submit)
    link.sendall(f'GET {V1}/events?types=alert_notification HTTP/1.0\r\n'
                 f'X-API-KEY: {house.KEY}\r\n\r\n'.encode())
    return link


def stopped_readers():
    with house.House(far=('--quiet',), sets=PATIENT) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        silent = silence(daemon)
        load(daemon, 0)  # what the daemon keeps for such a load anyway
        before = resident(daemon)
        load(daemon, ORDERS)
        alone = resident(daemon) - before
        readers = [Reader(daemon) for _ in range(STOPPED)]
        before = resident(daemon)
        slowest = load(daemon, 2 * ORDERS)
        grown = resident(daemon) - before
        print(f'# grown by {grown} octets with readers, by {alone} without')
        check('readers that stop cost a bounded piece of memory each',
              grown - max(alone, 0) < STOPPED * READER_OCTETS, grown, alone)
        check('and nobody waits for them', slowest < 5, slowest)
        whole = Reader(daemon)
        every = whole.read(3 * ORDERS * (2 * NUMBERS + 2))
        counted = {}
        for event in every:
            counted[event['event']] = counted.get(event['event'], 0) + 1
        check('a reader that comes late is told everything', counted == {
            'order.accepted': 3 * ORDERS, 'order.resolved': 3 * ORDERS,
            'message.sent': 3 * ORDERS * NUMBERS,
            'message.delivered': 3 * ORDERS * NUMBERS}, counted)
        late = readers[0].read(len(every))
        check('one that goes on has lost nothing and sees nothing twice', late == every, len(late),
              len(every))
        for reader in (*readers, whole):
            reader.close()
        heard = b''
        while b'\n: ' not in heard:  # within the socket's patience
            heard += silent.recv(4096)
        check('a stream on which nothing happens says that it lives', b'data:' not in heard, heard)
        silent.close()


def given_up():
    """Who reads nothing for output_stall is closed; Last-Event-ID goes on where it was."""
    with house.House(far=('--quiet',), sets=('limits.output_stall=1s', *PATIENT[1:])) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        reader = Reader(daemon)
        load(daemon, 0)
        house.await_that('it is given up', lambda: 'connection.stalled' in daemon.said(1 << 20))
        total = ORDERS * (2 * NUMBERS + 2)
        seen = reader.read(total)
        reader.close()
        again = Reader(daemon, 'types=order.accepted,order.resolved,message.sent,message.delivered',
                       **{'Last-Event-ID': seen[-1]['id']})
        rest = again.read(total - len(seen))
        again.close()
        ids = [event['id'] for event in seen + rest]
        check('who is given up goes on behind the last event it saw', 0 < len(seen) < total and
              len(ids) == len(set(ids)) == total, len(seen), len(rest), total)


stopped_readers()
given_up()
sys.exit(TAP.end())
