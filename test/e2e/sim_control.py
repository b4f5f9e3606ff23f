#!/usr/bin/python3
# builds: asan
"""smsc-sim asked over HTTP: figures, messages from handsets, steps on a link. Prints TAP."""
import http.client
import json
import os
import socket
import stat
import sys
import tempfile
import time

import smsc_sim
from smsc_sim import DELIVER, Sim, equal, run, take_cstring

PATIENCE_S = 20


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Controlled(Sim):
    def __init__(self, *options, where='127.0.0.1:0'):
        super().__init__('--control', where, *options)
        self.where = self.process.stdout.readline().split(None, 2)[2].strip()
        self.http = (Unix(self.where) if where.startswith('unix:') else
                     http.client.HTTPConnection(self.where, timeout=PATIENCE_S))

    def ask(self, method, path, body=None):
        self.http.request(method, path, None if body is None else json.dumps(body))
        reply = self.http.getresponse()
        return reply.status, json.loads(reply.read())

    def fate(self, number, settled):
        """The counts of a message from a handset once so many of its PDUs are settled."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            _, fate = self.ask('GET', f'/messages/{number}')
            if fate['acked'] + fate['refused'] + fate['unanswered'] == settled:
                return fate
        raise AssertionError(fate)


def parse(pdu):
    """A deliver_sm: source, destination, esm_class, data_coding, short_message, TLVs."""
    equal(pdu.command, DELIVER)
    _, rest = take_cstring(pdu.body)
    source, rest = take_cstring(rest[2:])
    destination, rest = take_cstring(rest[2:])
    esm_class, coding, length = rest[0], rest[7], rest[9]
    text, rest = rest[10:10 + length], rest[10 + length:]
    tlvs = {}
    while rest:
        size = int.from_bytes(rest[2:4], 'big')
        tlvs[int.from_bytes(rest[:2], 'big')] = rest[4:4 + size]
        rest = rest[4 + size:]
    return source, destination, esm_class, coding, text, tlvs


def test_a_message_is_delivered_and_counted():
    with Controlled() as sim:
        link = sim.link()
        status, reply = sim.ask('POST', '/messages',
                                {'from': '491701234567', 'to': '12345', 'text': 'hi @ you'})
        equal((status, reply['message'], reply['sent']), (202, 1, 1))
        pdu = link.read()
        equal(parse(pdu), ('491701234567', '12345', 0, 0, b'hi \0 you', {}))
        link.ack(pdu)
        equal(sim.fate(1, 1), {'message': 1, 'sent': 1, 'acked': 1, 'refused': 0, 'unanswered': 0})
        sim.ask('POST', '/messages', {'from': 'Sender', 'to': '12345', 'text': 'Ж'})
        pdu = link.read()
        equal(parse(pdu), ('Sender', '12345', 0, 8, b'\4\x16', {}))
        equal(pdu.body[1:3], b'\5\0')
        link.ack(pdu, 8)
        equal(sim.fate(2, 1)['refused'], 1)


def test_long_messages_go_in_parts_of_every_kind():
    message = {'from': '4917', 'to': '1', 'text': 'x' * 200}
    with Controlled() as sim:
        link = sim.link()
        sim.ask('POST', '/messages', {**message, 'reference': 9})
        texts = [parse(link.read()) for _ in range(2)]
        equal([(t[2], t[4][:6]) for t in texts],
              [(0x40, b'\5\0\3\x09\2\1'), (0x40, b'\5\0\3\x09\2\2')])
        equal(sum(len(t[4]) - 6 for t in texts), 200)
        sim.ask('POST', '/messages', {**message, 'parts': 'udh16', 'reference': 258,
                                      'order': [2, 1, 1]})
        equal([parse(link.read())[4][:7] for _ in range(3)],
              [b'\6\x08\4\1\2\2' + bytes([part]) for part in (2, 1, 1)])
        sim.ask('POST', '/messages', {**message, 'parts': 'sar', 'reference': 7})
        equal([parse(link.read())[5] for _ in range(2)],
              [{0x20c: b'\0\7', 0x20e: b'\2', 0x20f: bytes([part])} for part in (1, 2)])
        sim.ask('POST', '/messages', {**message, 'parts': 'payload'})
        equal(parse(link.read())[4:], (b'', {0x424: b'x' * 200}))


def test_receipts_can_be_made_up():
    with Controlled() as sim:
        link = sim.link()
        equal(sim.ask('POST', '/receipts', {'from': '4917', 'to': '1', 'text': 'id:7 stat:DELIVRD'}
                      )[0], 202)
        equal(parse(link.read())[2:5], (4, 0, b'id:7 stat:DELIVRD'))


def test_links_are_chosen_and_listed():
    message = {'from': '4917', 'to': '1', 'text': 'x'}
    with Controlled() as sim:
        equal(sim.ask('POST', '/messages', message)[0], 409)
        sender = sim.link(smsc_sim.BIND_TX, system_id='tx')
        equal(sim.ask('POST', '/messages', message)[0], 409)
        first, second = sim.link(system_id='a'), sim.link(system_id='b')
        sim.ask('POST', '/messages', {**message, 'system_id': 'b'})
        equal(second.read().command, DELIVER)
        sim.ask('POST', '/messages', {**message, 'link': 2})
        equal(first.read().command, DELIVER)
        equal([(link['link'], link['system_id'], link['receives'])
               for link in sim.ask('GET', '/links')[1]],
              [(1, 'tx', False), (2, 'a', True), (3, 'b', True)])
        assert sender.silent(0.1)


def test_steps_are_done_now():
    with Controlled() as sim:
        first, second = sim.link(system_id='a'), sim.link(system_id='b')
        equal(sim.ask('POST', '/do', {'system_id': 'a', 'steps': 'unbind; close after=200ms'}),
              (200, {'links': 1}))
        equal(first.read().command, smsc_sim.UNBIND)
        equal(first.read(), None)
        steps = 'send alert_notification source_addr=7'
        equal(sim.ask('POST', '/do', {'steps': steps})[1]['links'], 1)
        equal(second.read().command, 0x102)
        status, reply = sim.ask('POST', '/do', {'steps': 'send alert_notification colour=red'})
        equal(status, 400)
        assert 'column 25' in reply['detail'], reply
        equal(sim.ask('POST', '/do', {'steps': 'drop'})[0], 400)


def test_figures():
    with Controlled() as sim:
        sim.link().ask('491701', registered=0)
        status, stats = sim.ask('GET', '/stats')
        equal((status, stats['accepted'], stats['links']), (200, 1, 1))


def test_nonsense_is_refused():
    message = {'from': '4917', 'to': '1', 'text': 'x'}
    with Controlled() as sim:
        link = sim.link()
        for path, body in (('/messages', {'from': '1'}), ('/messages', {**message, 'coding': 'x'}),
                           ('/messages', {**message, 'parts': 'x'}),
                           ('/messages', {**message, 'esm_class': 256}),
                           ('/messages', {**message, 'order': [2]}),
                           ('/messages', {**message, 'coding': 'ascii', 'text': 'Ж'}),
                           ('/messages', {**message, 'text': 'x' * 60000}),
                           ('/do', {}), ('/do', {'steps': ''})):
            equal((path, body, sim.ask('POST', path, body)[0]), (path, body, 400))
        equal(sim.ask('GET', '/messages/77')[0], 404)
        equal(sim.ask('GET', '/elsewhere')[0], 404)
        sim.http.request('POST', '/do', '{"steps"')
        reply = sim.http.getresponse()
        equal(reply.status, 400)
        reply.read()
        with socket.create_connection(sim.where.rsplit(':', 1), timeout=PATIENCE_S) as raw:
            raw.sendall(b'junk\r\n\r\n')
            assert raw.recv(100).startswith(b'HTTP/1.1 400'), 'no refusal'
        equal(sim.ask('GET', '/links')[1][0]['link'], 1)
        link.close()


def test_only_this_machine_is_listened_to():
    for where in ('0.0.0.0:0', '192.0.2.1:80', 'nowhere', 'example.org:1', '127.example.org:1'):
        done = run('--listen', '127.0.0.1:0', '--control', where)
        equal((where, done.returncode), (where, 1))
        assert '--control' in done.stderr, done.stderr
    path = os.path.join(tempfile.mkdtemp(prefix='esmed-sim.'), 'control.sock')
    with Controlled(where='unix:' + path) as sim:
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        equal(sim.ask('GET', '/links'), (200, []))


if __name__ == '__main__':
    sys.exit(smsc_sim.run_tests(globals()))
