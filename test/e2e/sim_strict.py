#!/usr/bin/python3
# builds: asan
"""smsc-sim --strict: each breach of the protocol is told, what is allowed is not. Prints TAP."""
import json
import re
import signal
import struct
import sys

import smsc_sim
from smsc_sim import (BIND_TRX, DELIVER, ENQUIRE, NACK, RESP, SUBMIT, UNBIND, Link, Sim, cstring,
                      equal, scratch)

DATA = 0x103


class Strict(Sim):
    """A strict simulator; breaches() ends it and gives what it said as (link, what, section)."""

    def __init__(self, *options):
        super().__init__('--strict', *options)

    def breaches(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=smsc_sim.PATIENCE_S)
        said = [re.fullmatch(r'smsc-sim: strict: link (\d+): (.*) \(SMPP 3.4, ([\d.]+)\)', line)
                for line in err.splitlines()]
        assert all(said), err
        stats = json.loads(out.splitlines()[-1])
        equal(stats['breaches'], len(said))
        equal(self.process.returncode, 3 if said else 0)
        return [(match[2], match[3]) for match in said]


def body(source='4930123', destination='491701', text=b'hello', esm_class=0, registered=0, coding=0,
         priority=0, schedule='', validity='', length=None, tlvs=b'', ton=1, npi=1, replace=0,
         service=''):
    return (cstring(service) + bytes([ton, npi]) + cstring(source) + b'\1\1' +
            cstring(destination) + bytes([esm_class, 0, priority]) + cstring(schedule) +
            cstring(validity) + bytes([registered, replace, coding, 0,
                                       len(text) if length is None else length]) + text + tlvs)


def tlv(tag, value):
    return struct.pack('>HH', tag, len(value)) + value


def told(*sends, options=()):
    """What is said about these submit_sm bodies, sent one after the other."""
    with Strict(*options) as sim:
        link = sim.link()
        for octets in sends:
            link.send(SUBMIT, octets)
        link.send(UNBIND)
        while link.read().command != UNBIND | RESP:
            pass
        return sim.breaches()


def about(field, section, *sends, **kwargs):
    said = told(*sends, **kwargs)
    equal(len(said), len(sends))
    for what, where in said:
        assert f': {field}: ' in what, what
        equal(where, section)


def test_an_orderly_peer_hears_nothing():
    udh, sar = b'\5\0\3\7\2\1', (tlv(0x20c, b'\0\7') + tlv(0x20e, b'\2') + tlv(0x20f, b'\1'))
    with Strict() as sim:
        link = sim.link()
        for octets in (body(), body(registered=1), body(text=udh + b'x', esm_class=0x40),
                       body(tlvs=sar), body(text=b'', tlvs=tlv(0x424, b'y' * 300)),
                       body(coding=8, text=b'\4\x16'), body(validity='000001000000000R'),
                       body(source='Sender', ton=5, npi=0), body(tlvs=tlv(0x1403, b'26201')),
                       body(text=b'a' * 254, registered=0x12)):
            sequence = link.send(SUBMIT, octets)
            pdu = link.read()
            while pdu.command == DELIVER:
                link.ack(pdu)
                pdu = link.read()
            equal((pdu.command, pdu.status, pdu.sequence), (SUBMIT | RESP, 0, sequence))
        link.send(ENQUIRE)
        link.send(UNBIND)
        while link.read().command != UNBIND | RESP:
            pass
        equal(sim.breaches(), [])


def test_fields_are_held_to_their_values():
    about('esm_class', '5.2.12', body(esm_class=0x04), body(esm_class=0x20),
          body(esm_class=0x40, text=b''), body(esm_class=0x40, text=b'\x09no'))
    about('registered_delivery', '5.2.17', body(registered=3), body(registered=0x20))
    about('priority_flag', '5.2.14', body(priority=4))
    about('replace_if_present_flag', '5.2.18', body(replace=2))
    about('addr_ton', '5.2.5', body(ton=7))
    about('addr_npi', '5.2.6', body(npi=2))
    about('source_addr', '5.2.8', body(source='twelveletter', ton=5, npi=0), body(source='4' * 21))
    about('destination_addr', '5.2.9', body(destination=''))
    about('service_type', '5.2.11', body(service='sixlet'))
    about('schedule_delivery_time', '7.1.1', body(schedule='991301000000000+'))
    about('validity_period', '7.1.1', body(validity='tomorrow at five'))
    about('validity_period', '5.2.16', body(validity='0001'))
    about('short_message', '5.2.22', body(text=b'a' * 255))
    about('short_message', '5.2.19', body(coding=8, text=b'abc'))


def test_optional_parameters_are_held_to_their_rules():
    sar = tlv(0x20c, b'\0\7') + tlv(0x20e, b'\2')
    about('message_payload', '5.3.2.32', body(tlvs=tlv(0x424, b'both')))
    about('sar_msg_ref_num', '5.3.2.22',
          body(text=b'\5\0\3\7\2\1x', esm_class=0x40, tlvs=sar + tlv(0x20f, b'\1')), body(tlvs=sar))
    about('message_state', '5.3.2.35', body(tlvs=tlv(0x427, b'\1')))
    about('tlv', '3.4', body(tlvs=tlv(0x1403, b'x')), options=('--sc-interface-version', '0x33'))


def test_numbers_rise_by_one():
    with Strict() as sim:
        link = sim.link()
        for sequence in (2, 3, 5, 5, 0x80000001, 0):
            link.send(ENQUIRE, sequence=sequence)
            link.read()
        said = sim.breaches()
        equal([(what.split(': ')[0], where) for what, where in said],
              [('enquire_link 5', '5.1.4'), ('enquire_link 5', '5.1.4'),
               ('enquire_link 2147483649', '5.1.4'), ('enquire_link 0', '5.1.4')])


def test_a_number_still_in_use_may_be_stepped_over():
    with Strict('--hang') as sim:
        link = sim.link()
        link.send(SUBMIT, body(), sequence=2)
        link.send(ENQUIRE, sequence=4)
        equal(link.read().sequence, 4)
        equal(sim.breaches(), [])


def test_also_where_the_numbers_begin_anew():
    with Strict('--hang') as sim:
        link = sim.link()
        link.send(SUBMIT, body(), sequence=0x7FFFFFFE)
        for sequence in (1, 3, 2):
            link.send(ENQUIRE, sequence=sequence)
            equal(link.read().sequence, sequence)
        equal([what.split(': ')[0] for what, _ in sim.breaches()],
              ['submit_sm 2147483646', 'enquire_link 2'])


def test_responses_answer_something():
    with Strict('--answer-ms', '300', '--redeliver-ms', '60000') as sim:
        link = sim.link()
        link.send(SUBMIT | RESP, b'x\0', 0, 77)
        equal(link.ask('491701').status, 0)
        pdu = link.read()
        link.send(DATA | RESP, b'\0', 0, pdu.sequence)
        link.send(DELIVER | RESP, b'id\0', 0, pdu.sequence)
        link.send(DELIVER | RESP, b'\0', 0, pdu.sequence)
        equal(link.ask('491702').status, 0)
        link.send(NACK, b'', 3, link.read().sequence)
        equal(link.ask('491703').status, 0)
        link.read()
        while json_stats(sim)['breaches'] < 6:
            pass
        equal([where for _, where in sim.breaches()],
              ['5.1.4', '5.1.2', '5.2.23', '5.1.4', '4.3', '7.2'])


def json_stats(sim):
    sim.process.send_signal(signal.SIGUSR1)
    return json.loads(sim.process.stdout.readline())


def test_requests_have_their_place():
    with Strict() as sim:
        link = Link(sim.address)
        link.send(SUBMIT, body())
        link.read()
        link.bind()
        link.socket.sendall(struct.pack('>8I', 16, UNBIND, 0, 3, 16, ENQUIRE, 0, 4))
        while link.read():
            pass
        rx = sim.link(smsc_sim.BIND_RX)
        rx.send(SUBMIT, body())
        rx.read()
        rx.send(BIND_TRX, b'')
        rx.read()
        said = sim.breaches()
        equal([where for _, where in said], ['2.3', '4.2', '2.3', '2.3'])


def test_the_window_is_kept():
    with Strict('--window', '2', '--latency-ms', '300') as sim:
        link = sim.link()
        for _ in range(3):
            link.send(SUBMIT, body())
        for _ in range(3):
            link.read()
        said = sim.breaches()
        equal(len(said), 1)
        assert '--window' in said[0][0], said


def test_breaches_are_in_the_log():
    path = scratch('log')
    with Strict('--log', path) as sim:
        link = sim.link()
        link.send(SUBMIT, body(registered=3))
        link.read()
        sim.breaches()
    lines = [line for line in smsc_sim.read_log(path) if line['event'] == 'breach']
    equal([(line['link'], line['command'], line['sequence'], line['field'], line['section'])
           for line in lines], [(1, 'submit_sm', 2, 'registered_delivery', '5.2.17')])


if __name__ == '__main__':
    sys.exit(smsc_sim.run_tests(globals()))
