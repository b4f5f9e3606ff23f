#!/usr/bin/python3
# builds: asan
"""smsc-sim as the SMSC of a capture: answers, ids, receipts and delays as they were, from pcap,
pcapng and scripts, whatever the order of the segments. Prints TAP."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import smsc_sim  # noqa: E402
from smsc_sim import BIND_TRX, DELIVER, RESP, SUBMIT, Link, Sim, cstring, equal, run, scratch

VECTORS = os.path.join(smsc_sim.ROOT, 'test/vectors')
ESME, SMSC = ('10.0.0.1', 5000), ('10.0.0.2', 2775)
SIX = ('2001:db8::1', 5000), ('2001:db8::2', 2775)


# --- Captures made by hand -----------------------------------------------------------------------

def pdu(command, sequence, body=b'', status=0):
    return struct.pack('>IIII', 16 + len(body), command, status, sequence) + body


def tcp(source, destination, sequence, payload=b'', flags=0x18, acknowledged=0):
    segment = struct.pack('>HHIIBBHHH', source[1], destination[1], sequence % 2 ** 32, acknowledged, 0x50,
                          flags, 65535, 0, 0) + payload
    if ':' in source[0]:
        return (struct.pack('>IHBB', 0x60000000, len(segment), 6, 64) +
                socket.inet_pton(socket.AF_INET6, source[0]) +
                socket.inet_pton(socket.AF_INET6, destination[0]) + segment)
    return (struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) +
            socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + segment)


def written(octets):
    path = scratch('capture.pcap')
    with open(path, 'wb') as out:
        out.write(octets)
    return path


def write_pcap(packets, link_type=101, front=b'', defect=None):
    """packets: (milliseconds, octets of IP). defect: of tshark, by which it does not read this."""
    whole = bytearray(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type))
    for at_ms, octets in packets:
        octets = front + octets
        whole += struct.pack('<IIII', 1000 + at_ms // 1000, at_ms % 1000 * 1000, len(octets),
                             len(octets)) + octets
    return dissect.made(written(whole), defect)


BIND = pdu(BIND_TRX, 1, b'esme\0pw\0\0\x34\0\0\0')
BOUND = pdu(BIND_TRX | RESP, 1, b'captured\0')
ASK = pdu(SUBMIT, 2, cstring('') + b'\0\0' + cstring('1') + b'\0\0' + cstring('2') + bytes(3) +
          b'\0\0' + bytes(4) + b'\0')
ANSWER = pdu(SUBMIT | RESP, 2, b'2b67\0')
RECEIPT = pdu(DELIVER, 1, cstring('') + b'\0\0' + cstring('2') + b'\0\0' + cstring('1') +
              b'\4\0\0\0\0\0\0\0\0' + b'\x1bid:0000011111 stat:DELIVRD ')


def session(ends=(ESME, SMSC), first=1000):
    """The packets of one session, in order."""
    esme, smsc = ends
    up, down = first, first + 5000
    return [(0, tcp(esme, smsc, up, flags=2)), (1, tcp(smsc, esme, down, flags=0x12)),
            (2, tcp(esme, smsc, up + 1, BIND)), (10, tcp(smsc, esme, down + 1, BOUND)),
            (20, tcp(esme, smsc, up + 1 + len(BIND), ASK)),
            (60, tcp(smsc, esme, down + 1 + len(BOUND), ANSWER)),
            (320, tcp(smsc, esme, down + 1 + len(BOUND + ANSWER), RECEIPT))]


def rows(path):
    done = run('--replay', path, '--show-script')
    equal(done.returncode, 0)
    return done.stdout.splitlines(), done.stderr


WHOLE = [f'on bind_transceiver nth=1: answer bind_transceiver_resp command_status=0 body=none '
         f'tail=hex:{BOUND[16:].hex()} after=8ms',
         f'on submit_sm nth=1: outcome mix=none=100; answer submit_sm_resp command_status=0 '
         f'body=none tail=hex:{ANSWER[16:].hex()} after=40ms',
         f'on submit_sm nth=1: send deliver_sm body=none tail=hex:{RECEIPT[16:].hex()} '
         'after=300ms']


# --- Tests ---------------------------------------------------------------------------------------

def test_a_session_becomes_rows():
    equal(rows(write_pcap(session())), (WHOLE, ''))


def test_links_and_addresses_of_many_kinds():
    ethernet = bytes(12) + b'\x08\x00'
    equal(rows(write_pcap(session(), 1, ethernet))[0], WHOLE)
    equal(rows(write_pcap(session(), 1, bytes(12) + b'\x81\0\0\7\x08\0'))[0], WHOLE)
    equal(rows(write_pcap(session(), 113, bytes(14) + b'\x08\0'))[0], WHOLE)
    equal(rows(write_pcap(session(SIX)))[0], WHOLE)
    equal(rows(write_pcap(session(first=2 ** 32 - 40)))[0], WHOLE)


def test_segments_in_any_order_and_repeated():
    packets = session()
    shuffled = [packets[0], packets[1], packets[4], packets[2], packets[2], packets[6], packets[5],
                packets[3]]
    got, said = rows(write_pcap([(i, octets) for i, (_, octets) in enumerate(shuffled)],
                                defect='order'))
    equal((sorted(row.split(' after=')[0] for row in got), said),
          (sorted(row.split(' after=')[0] for row in WHOLE), ''))
    esme, smsc = ESME, SMSC
    octets = BOUND + ANSWER
    cut = [(0, tcp(esme, smsc, 1, BIND)), (1, tcp(esme, smsc, 1 + len(BIND), ASK))]
    cut += [(2 + i, tcp(smsc, esme, 7 + i, octets[i:i + 3])) for i in range(0, len(octets), 2)]
    equal(len(rows(write_pcap(cut, defect='short'))[0]), 2)


def test_losses_are_told_and_the_rest_is_replayed():
    packets = session()
    got, said = rows(write_pcap([packet for i, packet in enumerate(packets) if i != 5]))
    assert f'lacks {len(ANSWER)} octets' in said, said
    equal(got, [WHOLE[0], WHOLE[2], 'on submit_sm nth=1: outcome mix=unanswered=100'])


def test_what_waits_for_a_gap_is_bounded_though_it_is_empty():
    packets = session()
    esme, smsc = ESME, SMSC
    ends = [(100, tcp(smsc, esme, 60000 - i, flags=0x11)) for i in range(25000)]
    got, said = rows(write_pcap(packets[:4] + ends + packets[4:]))
    assert 'lacks' in said, said
    assert not any('submit_sm_resp' in row for row in got), got


def test_more_requests_than_there_may_be_rows():
    esme, smsc = ESME, SMSC
    asks = ASK * 20001
    packets = session()[:4] + [
        (5, tcp(esme, smsc, 1001 + len(BIND) + at, asks[at:at + len(ASK) * 500]))
        for at in range(0, len(asks), len(ASK) * 500)]
    done = run('--replay', write_pcap(packets), '--show-script')
    equal(done.returncode, 1)
    assert 'more than 20000 PDUs' in done.stderr, done.stderr


def test_what_came_days_later_comes_after_a_day():
    packets = session()
    packets[-1] = (3 * 86400 * 1000, packets[-1][1])
    got, said = rows(write_pcap(packets))
    assert got[2].endswith(' after=90000000ms') and '259199 s' in said, (got, said)
    with Sim('--replay', write_pcap(packets)) as sim:
        equal(Link(sim.address).bind().body, b'captured\0')


def test_what_wants_no_answer_gets_none():
    """An outbind of the ESME's side, nonsense, but such a capture was refused as its own script."""
    outbind = pdu(0x0000000B, 9, b'x\0y\0')
    for nack in ([], [(7, tcp(SMSC, ESME, 5000 + 1 + len(BOUND), pdu(0x80000000, 9)))]):
        packets = session()[:4] + [(6, tcp(ESME, SMSC, 1000 + 1 + len(BIND), outbind))] + nack
        done = run('--replay', write_pcap(packets), '--show-script')
        equal((done.returncode, done.stderr), (0, ''))
        assert 'outbind' not in done.stdout, done.stdout


def test_what_is_no_session_is_refused():
    for packets in ([], [(0, tcp(ESME, SMSC, 1, b'GET / HTTP/1.1\r\n\r\n'))]):
        done = run('--replay', write_pcap(packets), '--listen', '127.0.0.1:0')
        equal((done.returncode, done.stdout), (1, ''))
        assert 'nothing' in done.stderr, done.stderr
    path = write_pcap(session())
    with open(path, 'r+b') as file:
        file.truncate(os.path.getsize(path) - 3)
    equal(run('--replay', path, '--show-script').returncode, 1)
    equal(run('--replay', '/nonexistent/capture').returncode, 1)
    equal(run('--show-script').returncode, 2)


def test_it_is_the_smsc_that_was_captured():
    with Sim('--replay', write_pcap(session())) as sim:
        link = Link(sim.address)
        equal(link.bind(), (BIND_TRX | RESP, 0, 1, b'captured\0'))
        began = time.monotonic()
        equal(link.ask('491701').body, b'2b67\0')
        assert time.monotonic() - began >= 0.039
        pdu = link.read()
        assert time.monotonic() - began >= 0.299
        equal((pdu.command, pdu.body), (DELIVER, RECEIPT[16:]))
        link.ack(pdu)
        assert link.silent(0.2)
        stats = sim.end()
        equal((stats['accepted'], stats['unsettled']), (1, 0))


def follow(sim):
    """18 submits to the session of the vectors: the answers by their order, the texts received."""
    link = Link(sim.address)
    equal(link.bind().body[:7], b'SMSC-A\0')
    order = {link.submit(f'3161234{i:04}', registered=0): i for i in range(1, 19)}
    answers, texts = {}, []
    while len(answers) < 17 or len(texts) < 5:
        pdu = link.read()
        if pdu.command == DELIVER:
            texts.append(pdu.body)
            link.ack(pdu)
        else:
            answers[order[pdu.sequence]] = (pdu.status, pdu.body)
    assert link.silent(0.2)
    return answers, texts


def test_the_sessions_of_the_vectors():
    for name in ('session-port2775.pcap', 'session-port8080.pcap', 'upper-pdu.pcapng'):
        with Sim('--replay', os.path.join(VECTORS, name)) as sim:
            answers, texts = follow(sim)
        equal((answers[1], answers[6], answers[8], answers[10]),
              ((0, b'0002F000\0'), (0x58, b''), (0x0B, b''), (0x453, b'')))
        assert 9 not in answers
        equal(len([text for text in texts if b'id:0000192512' in text]), 1)
        equal(len([text for text in texts if text.endswith(b'STOP')]), 1)


def test_a_script_made_from_a_capture_is_the_same():
    path = scratch('scenario')
    with open(path, 'w', encoding='ascii') as out:
        out.write('\n'.join(WHOLE) + '\n')
    equal(rows(path)[0], WHOLE)
    with Sim('--replay', path) as sim:
        link = Link(sim.address)
        equal(link.bind().body, b'captured\0')


def test_tshark_reads_every_capture_that_was_made_here():
    equal(dissect.MADE.wrong, [])


if __name__ == '__main__':
    sys.exit(smsc_sim.run_tests(globals()))
