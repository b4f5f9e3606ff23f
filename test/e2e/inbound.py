#!/usr/bin/python3
# builds: asan
"""Messages to us, from the wire to the reader: a carrier of our own making sends parts in any
order, twice, with a daemon killed between them; the API, the feed and esmectl tell each message
once, to whom it belongs. Prints TAP."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

RESP = 0x80000000
BIND_TRANSCEIVER, DELIVER_SM, DATA_SM, ENQUIRE_LINK, UNBIND = 0x9, 0x5, 0x103, 0x15, 0x6
ALERT_NOTIFICATION = 0x102
OURS, OTHERS = '12345', '99999'
SETS = ('providers.alpha.inbound.12={}', 'providers.alpha.timers.reassembly=2s',
        'providers.alpha.timers.reconnect_min=100ms', 'providers.alpha.timers.reconnect_max=200ms')


class Carrier(threading.Thread):
    """Binds whoever comes, answers enquire_link, and notes how its own PDUs are answered."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.link, self.sequence, self.answers = None, 0, {}

    def run(self):
        while True:
            try:
                link = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def end(self):
        self.listener.close()

    def serve(self, link):
        octets = b''
        try:
            while True:
                more = link.recv(65536)
                if not more:
                    break
                octets += more
                while len(octets) >= 16 and len(octets) >= struct.unpack('>I', octets[:4])[0]:
                    n, command, status, sequence = struct.unpack('>IIII', octets[:16])
                    octets = octets[n:]
                    self.take(link, command, status, sequence)
        except OSError:
            pass
        if self.link is link:
            self.link = None
        link.close()

    def take(self, link, command, status, sequence):
        if command == BIND_TRANSCEIVER:
            self.put(link, command | RESP, sequence, b'house\0\x02\x10\x00\x01\x34')
            self.link = link
        elif command in (ENQUIRE_LINK, UNBIND):
            self.put(link, command | RESP, sequence, b'')
        elif command & RESP:
            self.answers.setdefault(sequence, []).append((command, status))

    @staticmethod
    def put(link, command, sequence, body):
        link.sendall(struct.pack('>IIII', 16 + len(body), command, 0, sequence) + body)

    def send(self, command, body):
        """Its sequence number; on the newest bound link."""
        link = house.await_that('the daemon is bound', lambda: self.link, 15)
        self.sequence += 1
        self.put(link, command, self.sequence, body)
        return self.sequence

    def ok(self, sequence):
        return house.await_that('an answer', lambda: self.answers.get(sequence), 15) in (
            [(DELIVER_SM | RESP, 0)], [(DATA_SM | RESP, 0)])

    def until_ok(self, command, body):
        """As carriers do: what was not answered is sent again."""
        while True:
            sequence = self.send(command, body)
            try:
                return house.await_that('ok', lambda n=sequence: self.answers.get(n), 2)
            except (house.Trouble, OSError):
                continue


def tlv(tag, octets):
    return struct.pack('>HH', tag, len(octets)) + octets


def deliver(source, to, text, esm_class=0, coding=0, tlvs=b''):
    return (b'\0\1\1' + source.encode() + b'\0\1\1' + to.encode() + b'\0' + bytes([esm_class]) +
            b'\0\0\0\0\0\0' + bytes([coding]) + b'\0' + bytes([len(text)]) + text + tlvs)


def data(source, to, payload, esm_class=0):
    return (b'\0\1\1' + source.encode() + b'\0\1\1' + to.encode() + b'\0' + bytes([esm_class]) +
            b'\0\0' + tlv(0x0424, payload))


def parts(source, to, texts, reference, kind):
    """(command, body) of each part of a long message."""
    n = len(texts)
    for i, text in enumerate(texts):
        if kind == 'sar':
            yield DELIVER_SM, deliver(source, to, text, tlvs=tlv(
                0x020C, struct.pack('>H', reference)) + tlv(0x020E, bytes([n])) + tlv(
                    0x020F, bytes([i + 1])))
        elif kind == 'payload':
            yield DATA_SM, data(source, to, bytes([5, 0, 3, reference, n, i + 1]) + text, 0x40)
        else:
            yield DELIVER_SM, deliver(source, to, bytes([5, 0, 3, reference, n, i + 1]) + text,
                                      0x40)


class Reader:
    """An application that polls: every page behind the last one."""

    def __init__(self, home):
        self.home, self.after, self.seen = home, '0', []

    def poll(self, limit=2):
        while True:
            status, page = self.home.daemon.api(
                'GET', f'/api/v1/inbound?after={self.after}&limit={limit}')
            if status != 200:
                raise house.Trouble(f'{status} {page}')
            self.seen += page['messages']
            self.after = page['next_after']
            if not page['more']:
                return self.seen

    def until(self, n):
        return house.await_that(f'{n} messages', lambda: len(self.poll()) >= n and self.seen, 15)


def esmectl(home, *words):
    return subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, *words],
                          capture_output=True, text=True, timeout=60, check=True).stdout


def events(home, types):
    """What the feed has told from its beginning until now."""
    connection = house.UnixConnection(home.daemon.submit)
    connection.request('GET', f'/api/v1/events?since=0&types={types}', headers={
        'X-API-KEY': house.KEY, 'Accept': 'application/x-ndjson'})
    response = connection.getresponse()
    told = []
    connection.sock.settimeout(1)
    try:
        while True:
            line = response.readline()
            if line.strip():
                told.append(json.loads(line))
    except OSError:
        pass
    connection.close()
    return told


def single(home, carrier, reader, tap):
    sequence = carrier.send(DELIVER_SM, deliver('31655500001', OURS, b'Hi \x00 5 \x1be'))
    tap.result(carrier.ok(sequence), 'a message is answered OK')
    got = reader.until(1)[-1]
    tap.result((got['message'], got['msisdn'], got['destination'], got['encoding'], got['type'],
                got['complete'], got['flags'], got['parts']) ==
               ('Hi @ 5 €', '31655500001', OURS, 'gsm7', 'message', True, [],
                {'total': 1, 'received': 1, 'missing': []}), 'and can be read', [str(got)])
    carrier.ok(carrier.send(DELIVER_SM, deliver('31655500001', OTHERS, b'not yours')))
    tap.result(reader.poll() == reader.seen and len(reader.seen) == 1,
               "what is sent to another's number is not told")
    carrier.ok(carrier.send(DELIVER_SM, deliver('31655500001', OURS, bytes(range(3)), coding=4)))
    got = reader.until(2)[-1]
    tap.result((got['message'], got['data'], got['encoding']) == (None, '000102', 'binary'),
               'what is binary is told in hex', [str(got)])
    status, answer = home.daemon.api('GET', '/api/v1/inbound', key=None)
    told = answer.get('detail', '')
    tap.result(status == 401 and 'API Key' in told, 'without a key nobody reads', [str(answer)])
    status, answer = home.daemon.api('GET', '/api/v1/inbound?limit=0&colour=red')
    tap.result(status == 422 and len(answer['detail']) == 2, 'bad queries are told',
               [str(answer)])


def long_ones(carrier, reader, tap):
    """Three senders with one reference, three methods, parts in turn, backwards, each twice."""
    texts = [b'first ', b'second ', b'third']
    lists = [list(parts(source, OURS, texts, 7, kind)) for source, kind in (
        ('31655500011', 'udh'), ('31655500012', 'sar'), ('31655500013', 'payload'))]
    before, good = len(reader.seen), True
    for i in (2, 0, 1):
        for one in lists:
            for _ in range(2):
                good = carrier.ok(carrier.send(*one[i])) and good
    tap.result(good, 'every part is answered OK, also the one that comes twice')
    got = reader.until(before + 3)[before:]
    tap.result([one['message'] for one in got] == ['first second third'] * 3 and
               sorted(one['msisdn'][-1] for one in got) == ['1', '2', '3'] and
               all(one['complete'] and one['parts']['received'] == 3 for one in got),
               'parts in any order make three messages', [str(got)])


def killed_between(home, carrier, reader, tap):
    before = len(reader.seen)
    for one in parts('31655500021', OURS, [b'this ', b'outlives ', b'three ', b'kills'], 9, 'udh'):
        carrier.until_ok(*one)
        home.daemon.kill()
        carrier.link = None
        home.daemon.start()
    got = reader.until(before + 1)[before:]
    tap.result([one['message'] for one in got] == ['this outlives three kills'],
               'a kill -9 after every part loses none', [str(got)])


def odd_ones(carrier, reader, tap):
    before = len(reader.seen)
    for body in (deliver('31655500031', OURS, b'\x7fabc', 0x40),
                 deliver('31655500031', OURS, bytes([5, 0, 3, 1, 2, 3]) + b'x', 0x40)):
        carrier.ok(carrier.send(DELIVER_SM, body))
    first = list(parts('31655500032', OURS, [b'came', b'never'], 1, 'udh'))[0]
    carrier.ok(carrier.send(*first))
    got = reader.until(before + 3)[before:]
    tap.result([one['flags'] for one in got] == [['bad_header'], ['bad_count'], ['incomplete']],
               'what is odd is told, and flagged', [str(got)])
    tap.result(got[2]['message'] == 'came' and got[2]['parts'] ==
               {'total': 2, 'received': 1, 'missing': [2]} and not got[2]['complete'],
               'what did not become whole is told as far as it came', [str(got[2])])


def feed(home, carrier, reader, tap):
    alert = b'\1\1' + b'31655500041\0' + b'\1\1' + OURS.encode() + b'\0'
    sequence = carrier.send(ALERT_NOTIFICATION, alert + tlv(0x0422, b'\0'))
    carrier.ok(carrier.send(DELIVER_SM, deliver('31655500001', OTHERS, b'behind it')))
    told = house.await_that('the alert', lambda: [
        one for one in events(home, 'inbound,alert_notification')
        if one['event'] == 'alert_notification'], 15)
    tap.result(len(told) == 1 and (told[0]['source_addr'], told[0]['esme_addr'],
                                   told[0]['availability']) ==
               ('31655500041', OURS, 'available'), 'an alert is an event', [str(told)])
    tap.result(sequence not in carrier.answers, 'and is not answered')
    numbers = [one['number'] for one in events(home, 'inbound')]
    tap.result(numbers == [one['inbound_id'] for one in reader.poll()],
               'every message is in the feed once', [str(numbers)])


def operators(home, reader, tap):
    shown = esmectl(home, 'inbound', 'list', '--limit=100')
    tap.result('Hi @' not in shown and '31655500001' not in shown and '********001' in shown and
               'incomplete' in shown, 'operators see them masked', [shown])
    shown = esmectl(home, '--numbers', 'inbound', 'list', '--limit=100', '--text')
    tap.result('Hi @ 5 €' in shown and '31655500001' in shown and 'not yours' in shown,
               'and in full when they ask', [shown])
    whole = [one for one in reader.seen if one['message'] == 'this outlives three kills'][0]
    shown = esmectl(home, 'inbound', 'show', str(whole['inbound_id']), '--text')
    pdus = [line.split()[-1] for line in shown.splitlines() if line.startswith('part ')]
    tap.result(len(pdus) == 4 and b'outlives' in bytes.fromhex(pdus[1]), 'with every PDU',
               [shown])
    home.daemon.stop()
    checked = subprocess.run([house.program('esmed'), 'store', 'check', home.daemon.store],
                             capture_output=True, text=True, timeout=60, check=False)
    tap.result(checked.returncode == 0, 'the store agrees with itself', [checked.stdout])


class Home:
    """What house.House is with a simulator, with a carrier of this test."""

    def __init__(self, house_, carrier):
        self.daemon = house_.daemon
        self.daemon.sets += [f'providers.alpha.links.alpha-1.port={carrier.port}'] + [
            one.format(house.ACCOUNT) for one in SETS]


def main():
    tap, carrier = house.Tap(), Carrier()
    carrier.start()
    with house.House() as made:
        home = Home(made, carrier)
        home.daemon.start()
        home.daemon.open_account()
        reader = Reader(home)
        single(home, carrier, reader, tap)
        long_ones(carrier, reader, tap)
        killed_between(home, carrier, reader, tap)
        odd_ones(carrier, reader, tap)
        feed(home, carrier, reader, tap)
        operators(home, reader, tap)
        home.daemon.stop()
    carrier.end()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
