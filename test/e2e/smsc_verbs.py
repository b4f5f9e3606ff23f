#!/usr/bin/python3
# builds: asan
"""smsc-sim asked about messages it has, and given several at once. Prints TAP."""
import struct
import sys

import smsc_sim
from smsc_sim import RESP, Sim, cstring, equal, message_id, take_cstring

QUERY, REPLACE, CANCEL, MULTI = 3, 7, 8, 0x21
SOURCE = b'\1\1' + cstring('4930123')


def query(link, id):
    """(status, message_state, final_date)"""
    link.send(QUERY, cstring(id) + SOURCE)
    pdu = link.read()
    equal(pdu.command, QUERY | RESP)
    if pdu.status:
        return pdu.status, None, None
    got, rest = take_cstring(pdu.body)
    equal(got, id)
    date, rest = take_cstring(rest)
    return 0, rest[0], date


def cancel(link, id, destination=''):
    link.send(CANCEL, cstring('') + cstring(id) + SOURCE + b'\1\1' + cstring(destination))
    pdu = link.read()
    equal((pdu.command, pdu.body), (CANCEL | RESP, b''))
    return pdu.status


def replace(link, id, text):
    link.send(REPLACE, cstring(id) + SOURCE + cstring('') + cstring('') +
              bytes([1, 0, len(text)]) + text)
    pdu = link.read()
    equal((pdu.command, pdu.body), (REPLACE | RESP, b''))
    return pdu.status


def multi(link, destinations, text=b'hello'):
    """(status, message_id, {destination: status})"""
    link.send(MULTI, cstring('') + SOURCE + bytes([len(destinations)]) +
              b''.join(b'\1\1\1' + cstring(number) for number in destinations) +
              bytes([0, 0, 0]) + cstring('') + cstring('') + bytes([1, 0, 0, 0, len(text)]) + text)
    pdu = link.read()
    equal(pdu.command, MULTI | RESP)
    if pdu.status:
        return pdu.status, None, None
    id, rest = take_cstring(pdu.body)
    n, rest, refused = rest[0], rest[1:], {}
    for _ in range(n):
        number, rest = take_cstring(rest[2:])
        refused[number] = struct.unpack('>I', rest[:4])[0]
        rest = rest[4:]
    equal(rest, b'')
    return 0, id, refused


def test_a_query_says_enroute_then_the_final_state_with_its_date():
    with Sim('--receipt-delay-ms', '700') as sim:
        link = sim.link()
        id = message_id(link.ask('491701'))
        equal(query(link, id), (0, 1, ''))
        link.receipt()
        status, state, date = query(link, id)
        equal((status, state), (0, 2))
        assert len(date) == 16 and date.endswith('000+'), date
        equal(query(link, id + '0')[0], 0x67)
        equal(query(sim.link(system_id='other'), id)[0], 0x67)


def test_a_query_knows_what_no_receipt_tells():
    with Sim('--receipts', 'lost=100', '--mix', 'failed=100') as sim:
        link = sim.link()
        equal(query(link, message_id(link.ask('491701')))[:2], (0, 5))


def test_a_cancelled_message_gets_a_receipt_that_says_deleted():
    with Sim('--receipt-delay-ms', '500') as sim:
        link = sim.link()
        id = message_id(link.ask('491701'))
        equal(cancel(link, id, '491709'), 0x11)
        equal(cancel(link, id, '491701'), 0)
        equal(link.receipt()['stat'], 'DELETED')
        equal(query(link, id)[:2], (0, 4))
        equal(cancel(link, id), 0x11)


def test_a_message_is_replaced_until_its_receipt_is_sent():
    with Sim('--receipt-delay-ms', '500') as sim:
        link = sim.link()
        id = message_id(link.ask('491701', 'first words'))
        equal(replace(link, id, b'second words'), 0)
        equal(link.receipt()['text'], 'second words')
        equal(replace(link, id, b'third'), 0x13)


def test_a_submit_multi_gives_one_id_and_a_receipt_to_each_destination():
    with Sim('--latency-ms', '20', '--receipt-delay-ms', '50') as sim:
        link = sim.link()
        numbers = [f'4917{i:06}' for i in range(254)]
        status, id, refused = multi(link, numbers)
        equal((status, refused), (0, {}))
        got = [link.receipt() for _ in numbers]
        equal({one['id'] for one in got}, {id})
        equal(sorted(one['source'] for one in got), numbers)
        equal(cancel(link, id), 0x11)
        stats = sim.end()
        equal((stats['accepted'], stats['unsettled']), (254, 0))


def test_a_submit_multi_lists_the_destinations_it_refuses():
    with Sim() as sim:
        link = sim.link()
        refusing = '491799990006'
        status, id, refused = multi(link, ['491701', refusing, ''])
        equal(status, 0x0B)
        status, id, refused = multi(link, ['491701', refusing])
        equal((status, id != ''), (0, True))
        equal(refused, {refusing: 0x0B})
        equal(link.receipt()['source'], '491701')
        equal(multi(link, [])[0], 0x33)


if __name__ == '__main__':
    sys.exit(smsc_sim.run_tests(globals()))
