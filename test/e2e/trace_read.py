#!/usr/bin/python3
# builds: asan
"""smpp-trace read: captures of every kind, what PDUs have to do with one another, the views. What the
session of test/vectors must show is known from its making: test/vectors/README.md. Prints TAP."""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
import sim_replay  # noqa: E402
import wire  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE = house.program('smpp-trace')
VECTORS = os.path.join(ROOT, 'test', 'vectors')
CAPTURES = ('session-port2775.pcap', 'session-port8080.pcap', 'upper-pdu.pcapng')
ESME, SMSC = sim_replay.ESME, sim_replay.SMSC
tap = house.Tap()


def trace(*arguments, octets=None):
    done = subprocess.run([TRACE, 'read', *arguments], input=octets, capture_output=True,
                          timeout=house.PATIENCE_S, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def vector(name):
    return os.path.join(VECTORS, name)


def objects(*arguments):
    status, out, err = trace('-T', 'json', *arguments)
    if err and 'chosen none' not in err:
        raise house.Trouble(f'{arguments}: {status} {err}')
    return [json.loads(line) for line in out.splitlines()]


def pdus(*arguments):
    return [one for one in objects(*arguments) if 'octets' in one]


def capture(packets, **kind):
    return sim_replay.write_pcap(packets, **kind)


def only(ones, what):
    if len(ones) != 1:
        raise house.Trouble(f'{what}: {ones}')
    return ones[0]


# --- The session of the vectors ------------------------------------------------------------------

def flows_of_tshark(path):
    """As ours are called: the only connection has the session 1, and 41234 is the ESME's port."""
    return {(1, 'out' if port == '41234' else 'in'): fields
            for (_, port), fields in dissect.dissected(path).items()}


def agrees_with_tshark(name):
    mine = dissect.by_flow(dissect.read(vector(name)))
    if name.endswith('ng'):  # tshark knows no direction there, nor connections
        theirs = {'all': sum(dissect.dissected(vector(name)).values(), [])}
        mine = {'all': dissect.read(vector(name))}
    else:
        theirs = flows_of_tshark(vector(name))
    comparison = dissect.Comparison(dissect.SILENT, dissect.DIFFERING)
    for flow in mine.keys() | theirs.keys():
        comparison.compare(str(flow), mine.get(flow, []), theirs.get(flow, []))
    tap.result(not comparison.wrong and comparison.pdus == 52 and comparison.fields > 500,
               f'{name}: {comparison.fields} fields of {comparison.pdus} PDUs agree with tshark',
               comparison.wrong)


def the_session(name):
    seen = objects(vector(name))
    ones = [one for one in seen if 'octets' in one]
    of = {(one['dir'], one['smpp.sequence_number']): one for one in ones}
    lost = only([one for one in seen if 'unanswered' in one], 'unanswered')
    tap.result((lost['unanswered'], lost['smpp.sequence_number'], lost['why'],
                lost['request']) == ('submit_sm', 10, 'end', of['out', 10]['number']),
               f'{name}: exactly one request is not answered, number 10', [lost])
    tap.result([one['smpp.sequence_number'] for one in ones if 'rtt_ms' in one and
                one['rtt_ms'] is None] == [77], f'{name}: one answer answers nothing', ones)
    windows = [of['out', n]['window'] for n in range(2, 14)]
    tap.result(windows == list(range(1, 13)), f'{name}: the window grows to 12', windows)
    tap.result(of['in', 7]['status'] == 'ESME_RTHROTTLED' and of['in', 9]['status'] ==
               'ESME_RINVDSTADR' and of['in', 11]['smpp.command_status'] == '0x00000453',
               f'{name}: the throttle, the refusal and the status of the carrier', ones)
    lines = trace(vector(name))[1].splitlines()
    slow = only([line for line in lines if ' for it)' in line], 'slow')
    tap.result('submit_sm_resp sequence_number=5 ' in slow and '(8 waited 304ms for it)' in slow,
               f'{name}: one answer held up the others', [slow])
    tap.result([line.split(' ')[0] for line in lines if 'the first since a throttle' in line] ==
               ['#36'], f'{name}: when it went on after the throttle', lines)
    joined = [(one['smpp.sequence_number'], one['submit']['number'], one['submit']['id'],
               one['submit']['rule']) for one in ones if 'submit' in one]
    tap.result(joined == [(100, of['out', 2]['number'], '2f000', 'exact'),
                          (101, of['out', 3]['number'], '2f001', 'dec_to_hex'),
                          (102, of['out', 4]['number'], '2f002', 'exact'),
                          (103, of['out', 5]['number'], '2f003', 'dec_to_hex')],
               f'{name}: every receipt has its submit, by the rule that joins them', joined)
    tap.result('("0000192513" = hex 2f001)' in trace(vector(name))[1], f'{name}: the rule in words')


def our_export():
    """Its comments have the true message and window of each PDU of a message."""
    path = vector('upper-pdu.pcapng')
    said = [line.split(' ') for line in dissect.tshark(
        '-r', path, '-T', 'fields', '-e', 'frame.comment').decode().splitlines()]
    ones = pdus(path)
    wrong = []
    for one, words in zip(ones, said):
        truth = dict(word.split('=', 1) for word in words)
        if 'msg' not in truth:
            continue
        if (one.get('msg'), one.get('window')) != (truth['msg'], int(truth['window'])):
            wrong.append((one.get('msg'), one.get('window'), truth))
    tap.result(len(said) == len(ones) == 52 and not wrong, 'message and window are as they were',
               wrong)
    by_number = {one['number']: one for one in ones}
    other = only([one for one in ones if one['link'] == 'b' and 'submit' in one], 'other link')
    tap.result((other['session'], other['submit']['link'], other['submit']['session']) ==
               (2, 'a', 1) and other['msg'] == by_number[other['submit']['number']]['msg'],
               'a receipt is joined across links', [other])


def figures():
    """Those of the summary, by the times that tshark has; classes of times are 1/64 wide."""
    path = vector('session-port2775.pcap')
    asked, rtts, wrong = {}, [], []
    rows = dissect.tshark('-r', path, '-T', 'fields', '-e', 'frame.time_epoch', '-e',
                          'smpp.command_id', '-e', 'smpp.sequence_number', '-e',
                          'smpp.command_status').decode().splitlines()
    for time, commands, sequences, statuses in (line.split('\t') for line in rows):
        statuses = statuses.split(',')
        for command, sequence in zip(commands.split(','), sequences.split(',')):
            if command == '0x00000004':
                asked[sequence] = float(time)
            elif command == '0x80000004' and statuses.pop(0) == '0x00000000':
                rtts.append(1000 * (float(time) - asked[sequence]))
    rtts.sort()
    summary = trace('-c', path)[1]
    line, = [line for line in summary.splitlines() if line.startswith('submit_sm_resp ') and
             'ESME_ROK' in line]
    *_, count, unanswered, p50, p95, p99, most = line.split()
    for said, true in ((p50, rtts[6]), (p95, rtts[13]), (p99, rtts[13]), (most, rtts[13])):
        if not true - 0.1 <= float(said) <= true * 65 / 64:
            wrong.append((said, true))
    delays = summary.split('from submit to receipt')[1].split()[1:5]
    tap.result(3275 <= float(delays[0]) <= 3277 * 65 / 64 and
               5677 <= float(delays[3]) <= 5679 * 65 / 64, 'delays of receipts are theirs', [delays])
    tap.result((count, unanswered, len(rtts)) == ('14', '0', 14) and not wrong,
               'p50, p95, p99 and max are those of the packets', [line, wrong])
    tap.result(summary.startswith('52 PDUs, ') and '4 errors, 1 unanswered, 1 answers' in summary and
               '\nslow: 1 answers' in summary and '#18 to submit_sm sequence_number=5' in summary
               and '4 receipts: 4 joined (2 by the same id, 2 decimal for hex' in summary and
               '18 submits' in summary and 'window 12 at most' in summary and
               'it throttled 1 of 18 submits, and after that nothing was submitted for 5.4 s in all\n'
               in summary, 'so are its counts, and what limits it', [summary])
    named, = re.findall('^unanswered: .*', trace('-c', '--numbers', vector('upper-pdu.pcapng'))[1], re.M)
    tap.result(' to=31612340008 msg=BX-' in named, 'what is not answered is named by its number, if that '
               'may be seen, and by its message', [named])
    rows = {tuple(line.split()[:2]): line.split()[-6:-4] for line in summary.splitlines()
            if line.startswith('submit_sm_resp ')}
    tap.result({row[1] for row in rows} == {'ESME_ROK', 'ESME_RINVDSTADR', 'ESME_RTHROTTLED',
                                            '0x00000453'} and
               all(counts == (['14', '0'] if row[1] == 'ESME_ROK' else ['1', '0'])
                   for row, counts in rows.items()), 'each status has its row', [rows])


# --- Captures of every kind ----------------------------------------------------------------------

def session_of(packets, *options, **kind):
    return pdus(*options, capture(packets, **kind))


def told(ones):
    return [(one['command'], one['dir'], one.get('request', 0)) for one in ones]


WHOLE = [('bind_transceiver', 'out', 0), ('bind_transceiver_resp', 'in', 1), ('submit_sm', 'out', 0),
         ('submit_sm_resp', 'in', 3), ('deliver_sm', 'in', 0)]


def kinds():
    packets = sim_replay.session()
    for name, kind in (('raw', {}), ('Ethernet', {'link_type': 1, 'front': bytes(12) + b'\x08\0'}),
                       ('VLAN', {'link_type': 1, 'front': bytes(12) + b'\x81\0\0\x07\x08\0'}),
                       ('SLL', {'link_type': 113, 'front': bytes(14) + b'\x08\0'}),
                       ('SLL2', {'link_type': 276, 'front': b'\x08\0' + bytes(18)}),
                       ('loopback', {'link_type': 0, 'front': b'\2\0\0\0'})):
        tap.result(told(session_of(packets, **kind)) == WHOLE, f'{name} is read')
    six = sim_replay.session(sim_replay.SIX)
    ones = session_of(six)
    tap.result(told(ones) == WHOLE and ones[0]['link'] == '[2001:db8::2]:2775', 'IPv6 is read', ones)
    path = capture(packets)
    with open(path, 'rb') as file:
        octets = file.read()
    head, body = octets[:24], octets[24:]
    tap.result(trace('-', octets=octets)[1] == trace(path)[1], 'the standard input is read')
    swapped, nano, at = b'', b'', 0
    while at < len(body):
        row = struct.unpack('<IIII', body[at:at + 16])
        data = body[at + 16:at + 16 + row[2]]
        swapped += struct.pack('>IIII', *row) + data
        nano += struct.pack('<IIII', row[0], row[1] * 1000, *row[2:]) + data
        at += 16 + row[2]
    for name, other in (('the other order of octets', struct.pack(
            '>IHHiIII', *struct.unpack('<IHHiIII', head)) + swapped),
                        ('nanoseconds', struct.pack('<I', 0xA1B23C4D) + head[4:] + nano)):
        tap.result(trace('-', octets=other)[1] == trace(path)[1], f'{name} is read')
        dissect.made(sim_replay.written(other))
    for cut in (3, 20, len(octets) - 3):
        status, out, err = trace('-', octets=octets[:cut])
        tap.result(status == 1 and err.startswith('smpp-trace: -: ') and
                   len(out.splitlines()) == (4 if cut > 100 else 0),
                   f'cut at {cut}: what is there is shown, and that it is cut', [out, err])


def ports():
    """SMPP is recognised anywhere; where told, nothing else is looked at."""
    web = (('10.0.0.3', 5001), ('10.0.0.4', 80))
    other = [(5, sim_replay.tcp(*web, 1, b'GET / HTTP/1.1\r\n\r\n')),
             (6, sim_replay.tcp(web[1], web[0], 1, b'HTTP/1.1 200 OK\r\n\r\n'))]
    moved = ((ESME[0], ESME[1]), (SMSC[0], 9999))
    packets = sim_replay.session(moved) + other
    tap.result(told(session_of(packets)) == WHOLE, 'SMPP is recognised on port 9999')
    tap.result(told(session_of(packets, '--port', '9999')) == WHOLE, 'and read when told')
    status, out, err = trace('--port', '9998', capture(packets))
    tap.result((status, out) == (1, '') and 'no SMPP' in err, 'another port has none', [out, err])
    lone = [(0, sim_replay.tcp(SMSC, ESME, 7, sim_replay.RECEIPT))]
    tap.result(told(session_of(lone)) == [('deliver_sm', 'in', 0)],
               'who is who is seen without a bind', session_of(lone))


def losses():
    packets = sim_replay.session()
    ones = session_of([packet for i, packet in enumerate(packets) if i != 5])
    lost = [one['lost'] for one in ones]
    tap.result(lost == [0, 0, 0, len(sim_replay.ANSWER)], 'what is missing is marked', ones)
    cut = bytearray(packets[5][1][:-4])
    ones = session_of(packets[:5] + [(60, bytes(cut))])
    tap.result(ones[-1].get('problem', {}).get('field') == 'command_length' and
               ones[-1]['command'] == 'submit_sm_resp', 'a PDU that was cut is shown as far as it '
               'is there', ones[-1:])
    esme, smsc = ESME, SMSC
    at = 1001 + len(sim_replay.BIND)
    ends = [(70, sim_replay.tcp(esme, smsc, at, sim_replay.ASK)),
            (80, sim_replay.tcp(smsc, esme, 6001 + len(sim_replay.BOUND), flags=0x11))]
    said = objects(capture(packets[:4] + ends))
    tap.result([(one['unanswered'], one['why']) for one in said if 'unanswered' in one] ==
               [('submit_sm', 'closed')] and [one['closed'] for one in said if 'closed' in one] ==
               ['fin'], 'a connection that ends leaves its requests unanswered', said)
    said = objects('--unanswered-after', '1', capture(packets[:4] + ends[:1] + [
        (2000, sim_replay.tcp(esme, smsc, at + len(sim_replay.ASK), wire_enquire())),
        (2100, sim_replay.tcp(smsc, esme, 6001 + len(sim_replay.BOUND), sim_replay.ANSWER))]))
    tap.result([(one['why'], one['after_ms']) for one in said if one.get('unanswered') ==
                'submit_sm'] == [('time', 1000)] and said[-2].get('late') is True,
               'a late answer is still joined', said)


def late_ends():
    """A capture that begins in the middle, and of one side has no more than its end."""
    said = objects(capture([(0, sim_replay.tcp(ESME, SMSC, 7, sim_replay.ASK)),
                            (10, sim_replay.tcp(SMSC, ESME, 90000, flags=0x11)),
                            (20, sim_replay.tcp(ESME, SMSC, 7 + len(sim_replay.ASK), flags=0x11))]))
    tap.result([(one.get('closed'), one.get('why'), one.get('lost', 0)) for one in said] ==
               [(None, None, 0), ('fin', None, 0), (None, 'closed', 0), ('fin', None, 0)],
               'the end of who said nothing comes in its place, and nothing is lost', said)
    summary = trace('-c', capture([(0, sim_replay.tcp(ESME, SMSC, 7, sim_replay.ASK)),
                                   (10, sim_replay.tcp(SMSC, ESME, 90000, flags=0x11))]))[1]
    tap.result(' 0 octets lost,' in summary, 'nor is it in the summary', [summary])


def exported():
    """Whole PDUs as Wireshark exports them: who spoke to whom is in tags, and nowhere else."""
    def number(tag, value):
        return struct.pack('>HHI', tag, 4, value)

    def whole(source, destination, octets, six=False):
        addresses = b''.join(struct.pack('>HH', tag + 2 * six, 16 if six else 4) + end[0]
                             for tag, end in ((20, source), (21, destination)))
        return (struct.pack('>HH', 12, 4) + b'smpp' + addresses + number(24, 2) +
                number(25, source[1]) + number(26, destination[1]) + bytes(4) + octets)
    smsc = (bytes([10, 0, 0, 2]), 2775)
    first, second = (bytes([10, 0, 0, 1]), 5001), (bytes([10, 0, 0, 1]), 5002)
    mine = sim_replay.RECEIPT[:12] + sim_replay.ASK[12:16] + sim_replay.RECEIPT[16:]
    packets = [(0, whole(first, smsc, sim_replay.ASK)), (10, whole(second, smsc, sim_replay.ASK)),
               (20, whole(smsc, first, mine)), (30, whole(smsc, first, sim_replay.ANSWER)),
               (40, whole(smsc, second, sim_replay.ANSWER)),
               (50, whole(first, smsc, sim_replay.pdu(0x80000005, 2, b'\0'))),
               (60, whole(smsc, second, sim_replay.ANSWER[:16]))]
    ones = session_of(packets, link_type=252)
    tap.result([(one.get('dir'), one['session'], one.get('request', 0)) for one in ones] ==
               [('out', 1, 0), ('out', 2, 0), ('in', 1, 0), ('in', 1, 1), ('in', 2, 2),
                ('out', 1, 3), ('in', 2, 0)] and {one['link'] for one in ones} == {'10.0.0.2:2775'},
               'an export of Wireshark has its connections and directions', ones)
    tap.result(ones[-1].get('problem', {}).get('field') == 'command_length',
               'and what is cut in it is no part of the next', ones[-1:])
    sixes = [(bytes(15) + bytes([n]), port) for n, port in ((1, 5001), (2, 2775))]
    one = only(session_of([(0, whole(*sixes, sim_replay.ASK, six=True))], link_type=252), 'IPv6')
    tap.result((one['link'], one.get('dir')) == ('[::2]:2775', 'out'), 'over IPv6, too', [one])


def exported_by_tshark():
    path = vector('session-port8080.pcap')
    with tempfile.TemporaryDirectory() as folder:
        there = os.path.join(folder, 'export.pcapng')
        dissect.tshark('-r', path, '-d', 'tcp.port==8080,smpp', '-U', 'OSI layer 7', '-w', there)
        mine, theirs = [[(one.get('dir'), one['link'], one['session'], one.get('request'), one.get(
            'window')) for one in pdus(name)] for name in (there, path)]
    tap.result(mine == theirs and len(mine) == 52, 'so has one that tshark has made',
               [pair for pair in zip(mine, theirs) if pair[0] != pair[1]][:3])


def acknowledged():
    """The capture lacks an answer that was received: those behind it do not wait for it."""
    up, down = 1001 + len(sim_replay.BIND), 6001 + len(sim_replay.BOUND)
    packets = sim_replay.session()[:4]
    for number in range(2, 12):
        ask = sim_replay.ASK[:12] + struct.pack('>I', number) + sim_replay.ASK[16:]
        answer = sim_replay.pdu(0x80000004, number, b'%x\0' % number)
        packets.append((10000 * number, sim_replay.tcp(ESME, SMSC, up, ask, acknowledged=down)))
        up += len(ask)
        if number != 3:
            packets.append((10000 * number + 50, sim_replay.tcp(SMSC, ESME, down, answer)))
        down += len(answer)
        packets.append((10000 * number + 90,
                        sim_replay.tcp(ESME, SMSC, up, flags=0x10, acknowledged=down)))
    said = objects('--unanswered-after', '15s', capture(packets))
    tap.result([one['smpp.sequence_number'] for one in said if 'unanswered' in one] == [3] and
               not [one for one in said if one.get('late')] and
               [one['smpp.sequence_number'] for one in said if one.get('lost')] == [4],
               'what was acknowledged and is not in the capture is not waited for', said)


def used_again():
    """A sequence_number for which an answer is still open: of two submits one was never answered."""
    up, down = 1001 + len(sim_replay.BIND), 6001 + len(sim_replay.BOUND)
    said = objects(capture(sim_replay.session()[:5] + [
        (120, sim_replay.tcp(ESME, SMSC, up + len(sim_replay.ASK), sim_replay.ASK)),
        (200, sim_replay.tcp(SMSC, ESME, down, sim_replay.ANSWER))]))
    tap.result([(one['request'], one['why'], one['after_ms']) for one in said
                if 'unanswered' in one] == [(3, 'reused', 100)] and
               [one.get('request') for one in said if 'octets' in one] == [None, 1, None, None, 4],
               'whose sequence_number is used again is not answered', said)


def wire_enquire():
    return sim_replay.pdu(0x15, 9)


def early():
    """A receipt that overtakes the answer of its submit, hex there and decimal here."""
    packets = sim_replay.session()
    down = 6001 + len(sim_replay.BOUND)
    swapped = packets[:5] + [
        (50, sim_replay.tcp(SMSC, ESME, down, sim_replay.RECEIPT)),
        (60, sim_replay.tcp(SMSC, ESME, down + len(sim_replay.RECEIPT), sim_replay.ANSWER))]
    ones = session_of(swapped)
    tap.result(ones[3]['submit'] is None and ones[4].get('receipt_before') == 4 and
               ones[4]['request'] == 3, 'a receipt that came before the answer is found', ones)
    tap.result('(came before it by 10ms)' in trace(capture(swapped))[1], 'and said')
    figures = trace('-c', capture(swapped))[1]
    tap.result('\n1 came before the answer' in figures, 'and counted', [figures])
    tap.result([one['number'] for one in pdus('-f', 'orphan', capture(swapped))] == [4],
               'and can be asked for, as one of no submit until then')
    other = sim_replay.ASK.replace(b'\x32\0', b'\x33\0')
    swapped[4] = (20, sim_replay.tcp(ESME, SMSC, 1001 + len(sim_replay.BIND), other))
    tap.result('receipt_before' not in session_of(swapped)[4], 'but not that of another number',
               session_of(swapped))


def retries():
    """The same text to the same number once more, after a throttle."""
    packets = sim_replay.session()[:4]
    up, down = 1001 + len(sim_replay.BIND), 6001 + len(sim_replay.BOUND)
    throttle = sim_replay.pdu(0x80000004, 2, status=0x58)
    again = sim_replay.ASK[:12] + struct.pack('>I', 3) + sim_replay.ASK[16:]
    ones = session_of(packets + [
        (20, sim_replay.tcp(ESME, SMSC, up, sim_replay.ASK)),
        (30, sim_replay.tcp(SMSC, ESME, down, throttle)),
        (1030, sim_replay.tcp(ESME, SMSC, up + len(sim_replay.ASK), again))])
    tap.result(ones[-1].get('again') == {'number': 3, 'in_doubt': False, 'command_status': 0x58} and
               ones[-1].get('pause_ms') == 1000, 'a retry is known, and the pause before it', ones)


def masked_retries():
    """Behind masks two messages look alike: that one comes again is not to be seen there."""
    up, down = 1001 + len(sim_replay.BIND), 6001 + len(sim_replay.BOUND)

    def ask(sequence, number):
        body = sim_replay.ASK[16:].replace(b'\x32\0', number + b'\0')
        return sim_replay.pdu(4, sequence, body)
    first, other = ask(2, b'31612345678'), ask(3, b'31698760678')
    again = ask(4, b'31612345678')
    path = capture(sim_replay.session()[:4] + [
        (20, sim_replay.tcp(ESME, SMSC, up, first)),
        (30, sim_replay.tcp(SMSC, ESME, down, sim_replay.pdu(0x80000004, 2, status=0x58))),
        (40, sim_replay.tcp(ESME, SMSC, up + len(first), other)),
        (50, sim_replay.tcp(ESME, SMSC, up + len(first + other), again))])
    with tempfile.TemporaryDirectory() as folder:
        for name, keeps, wanted in (('masked', (), []), ('all', ('--text', '--numbers'), [4])):
            copy = os.path.join(folder, name + '.pcapng')
            trace('-w', copy, *keeps, path)
            ones = pdus(copy)
            tap.result([one['smpp.sequence_number'] for one in ones if 'again' in one] == wanted and
                       len(ones) == 6, f'{name}: what is sent again is known only by its number',
                       ones)


def exchange(submits):
    """A session of submits: (sent at, answered at, command_status), in ms."""
    pieces = []
    for number, (sent, answered, status) in enumerate(submits, 2):
        ask = sim_replay.ASK[:12] + struct.pack('>I', number) + sim_replay.ASK[16:]
        pieces += [(sent, 0, ask), (answered, 1, sim_replay.pdu(
            0x80000004, number, b'%x\0' % number if status == 0 else b'', status))]
    at = [1001 + len(sim_replay.BIND), 6001 + len(sim_replay.BOUND)]
    packets = sim_replay.session()[:4]
    for ms, back, octets in sorted(pieces, key=lambda piece: piece[0]):
        ends = (SMSC, ESME) if back else (ESME, SMSC)
        packets.append((ms, sim_replay.tcp(*ends, at[back], octets)))
        at[back] += len(octets)
    return trace('-c', capture(packets))[1].splitlines()[-1]


def limits():
    """What keeps it from being faster, in the last line of the summary."""
    said = exchange([(100 + 50 * (n // 10), 150 + 50 * (n // 10), 0) for n in range(200)])
    tap.result(said.startswith('  the window limits it: 10 at a time, each for 50.') and
               said.endswith(' a second at most') and 195 < float(said.split()[-5]) <= 200,
               'answers that keep the window full: the window', [said])
    said = exchange([(100 + 50 * n, 101 + 50 * n, 0) for n in range(200)])
    tap.result(said == '  its sender limits it: there was room for more than 20.1 a second',
               'one at a time, with time between: the sender', [said])
    slow = [(100 + 50 * n, 101 + 50 * n, 0) for n in range(100)]
    said = exchange(slow[:50] + [(2600, 2601, 0x58)] + [(at + 2000, back + 2000, status)
                                                       for at, back, status in slow[50:]])
    tap.result(said == '  the carrier limits it: it throttled 1 of 101 submits, and after that '
               'nothing was submitted for 2.0 s in all', 'a throttle after which it waits: the '
               'carrier', [said])
    said = exchange([(100 + 50 * n, 101 + 50 * n, 0x58 if n == 100 else 0) for n in range(200)])
    tap.result(said.startswith('  its sender limits it: '), 'one throttle in many is no limit',
               [said])


# --- Filters ---------------------------------------------------------------------------------------

def filters():
    path = vector('upper-pdu.pcapng')
    everything = pdus(path)
    third = next(one for one in everything if one.get('smpp.sequence_number') == 5)
    for text, sequences in (
            ('cmd=submit_sm & status!=0 & to~^3161 & rtt>200ms', [7, 9, 11]),
            ('status=RTHROTTLED || class=vendor', [7, 11]),
            (f'msg={third["msg"]}', [5, 5, 103]),
            ('link=b', [103, 103]),
            ('receipt & state!=DELIVERED', [101, 103]),
            ('delay>3s & !link=b', [101, 102]),
            ('(data_coding=8 | esm_class=0x40)', [15, 16]),
            ('id=2F00A', []), ('id~A$ & response', [12, 15]),
            ('to=31612340008', [10]), ('to~"^3+[+1]+6(1|2+)*[]3]+40+8$"', [10]), ('dir=in & seq>=100 & seq<102', [100, 101]),
            ('time<22:13:20.019', [1, 1]), ('time=22:13:20.025Z', [8, 9]), ('time>22:13:27.4', [21, 21]),
            ('time!=22:13:20.025 & time>=22:13:20.024 & time<=22:13:20.026', [7, 10]),
            ('time>=22:13:27 | time<22:13', [21, 21]), ('time<=2023-11-14T22:13:20.018Z', [1, 1]),
            ('time>2023-11-14T22:13:27.444', [21]), ('time>2023-11-14T22:14', []),
            ('rtt!=1ms & window>10', [2]), ('error & !status=0x58', [9, 11, 77])):
        got = [one['smpp.sequence_number'] for one in pdus('-f', text, path)]
        tap.result(got == sequences, f'{text}', got)
    tap.result([one.get('unanswered') for one in objects('-f', 'unanswered', path)] == ['submit_sm'],
               'what is not answered can be asked for')
    done = subprocess.run([TRACE, 'decode', '-f', 'time>=00:00', '00000010800000150000000000000007'],
                          capture_output=True, text=True, timeout=house.PATIENCE_S, check=False)
    tap.result(done.stdout == '' and 'none of 1 PDUs' in done.stderr,
               'what was pasted has no time, and fits none', [done])
    status, out, err = trace('-f', 'link=c', path)
    tap.result(status == 0 and out == '' and 'none of 52 PDUs' in err,
               'that a filter has chosen nothing is said', [err])
    err = trace('-T', 'csv', '-e', 'time', '-e', 'to', path)[2]
    tap.result('-e to:' in err and '-e time' not in err,
               'a column that nothing has is named', [err])
    for text, column, says in (
            ('cmd=submit_sm & nonsense=1', 17, 'nonsense'), ('rtt>abc', 5, '200ms'),
            ('cmd=submit_sm &', 16, 'missing'), ('(cmd=unbind', 1, 'not closed'), ('cmd=unbind)', 11, 'open'),
            ('password=x', 1, 'password'), ('to~a{9}', 5, '{'), ('to~"("', 5, ''),
            ('to~6++', 6, 'no + here'), ('to~"((6+)*[5+]?)+"', 17, 'no + here'),
            ('to~' + '+' * 40 + '6', 5, 'no + here'), ('to~"[^]+[:alpha:]+]+1+?+"', 24, 'no + here'),
            ('status=OFTEN', 8, 'status'), ('rtt~3', 4, 'no text'), ('request=1', 8, 'alone'),
            ('time>18', 6, '18:25'), ('time>24:00', 6, 'UTC'), ('time<18:25:61', 6, 'UTC'),
            ('time<18:25:30.1234', 18, 'time'), ('time<18:25:30.', 14, 'time'),
            ('error & time<=18:25+01:00', 20, 'UTC'), ('time>2023-02-29T18:25', 6, 'no such day'),
            ('time>2023-11-14', 6, 'time'), ('time~18', 5, 'no text'),
            ('cmd', 4, 'operator'), ('', 1, 'missing'), ('to="1', 4, 'quote'), ('cmd<3', 4, 'text'),
            ('!' * 40 + 'error', 33, 'at most'), ('a' * 60, 1, 'long'),
            ('class=throttled', 7, 'throttle'), ('cmd!=submit', 6, 'cmd~'), ('dir=x', 5, 'in out'),
            ('error & state=FAILED', 15, 'UNDELIVERABLE'),
            ('&'.join(['error'] * 100), None, 'at most'), ('seq=1 seq=2', 7, 'wanted')):
        status, out, err = trace('-f', text, path)
        head, *_, caret = err.splitlines()
        found = int(head.split('column ')[1].split(':')[0])
        tap.result(status == 2 and out == '' and says in head and caret == ' ' * (found + 1) + '^'
                   and column in (None, found), f'{text[:40]} is pointed at', [err])


def masked_filters():
    """A filter that looks at what a capture has masked does not take that for an answer."""
    path = vector('upper-pdu.pcapng')
    with tempfile.TemporaryDirectory() as folder:
        for name, keeps in (('masked', ()), ('numbers', ('--numbers',)), ('texts', ('--text',)),
                            ('all', ('--text', '--numbers'))):
            masked = os.path.join(folder, name + '.pcapng')
            trace('-w', masked, *keeps, path)
            for expression, needs in (('to~^3161', '--numbers'), ('short_message~"^Your code"', '--text'),
                                      ('cmd=submit_sm', None)):
                wanted = [one['number'] for one in pdus('-f', expression, path)]
                status, out, err = trace('-T', 'json', '-f', expression, masked)
                got = [one['number'] for one in map(json.loads, out.splitlines()) if 'octets' in one]
                sees = needs is None or needs in keeps
                tap.result(status == 0 and wanted and got == (wanted if sees else []) and
                           ('came with masks where the filter looks' in err) != sees,
                           f'{expression} on a capture made with {" ".join(keeps) or "masks"}',
                           [status, got, wanted, err])


# --- What people read ----------------------------------------------------------------------------

GOLDEN = {'line': (), 'block': ('-v', '--text'), 'ladder': ('--ladder',), 'summary': ('-c',),
          'json': ('-T', 'json'),
          'fields': ('-T', 'fields', '-e', 'number', '-e', 'command', '-e', 'status', '-e',
                     'smpp.destination_addr', '-e', 'receipt.stat'),
          'csv': ('-T', 'csv', '-e', 'time', '-e', 'submit', '-e', 'rtt_ms', '-e', 'submit.rule')}


def golden():
    folder = os.path.join(ROOT, 'test', 'trace')
    for name, options in GOLDEN.items():
        with open(os.path.join(folder, name + '.expected'), encoding='utf-8', newline='') as file:
            expected = file.read()
        out = trace(*options, vector('upper-pdu.pcapng'))[1]
        differing = [(mine, theirs) for mine, theirs in zip(out.split('\n'), expected.split('\n'))
                     if mine != theirs]
        tap.result(out == expected, f'the {name} is as it was looked at', differing[:3])
    shown = ''.join(trace(*options, vector('upper-pdu.pcapng'))[1] for name, options in
                    GOLDEN.items() if name != 'block')
    tap.result('31612340' not in shown and 'secret' not in shown.lower(),
               'no view shows numbers unless asked')


def hostile_names():
    with open(vector('upper-pdu.pcapng'), 'rb') as file:
        octets = file.read()
    named = octets.replace(b'a#1\0', b'\x1b#1\0', 1)
    status, out, err = trace('-', octets=named)
    tap.result(named != octets and status == 0 and err == '' and ' ?#1 -> bind_transceiver' in out and
               '\x1b' not in out, 'an interface cannot send controls to the terminal',
               [status, out[:200], err])


def main():
    if dissect.installed():
        for name in CAPTURES:
            agrees_with_tshark(name)
        our_export()
        figures()
        exported_by_tshark()
    for name in CAPTURES:
        the_session(name)
    kinds()
    ports()
    losses()
    late_ends()
    exported()
    acknowledged()
    used_again()
    early()
    retries()
    masked_retries()
    limits()
    filters()
    masked_filters()
    golden()
    hostile_names()
    dissect.agreed(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
