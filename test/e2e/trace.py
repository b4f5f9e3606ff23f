#!/usr/bin/python3
# builds: asan plain
"""smpp-trace from the outside: hexadecimal in every form, decoding held against tshark, what is
hidden, a tap that is not there or talks nonsense, and a running daemon watched live. Prints TAP.
"""
import datetime
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE = house.program('smpp-trace')
VECTORS = os.path.join(ROOT, 'test', 'vectors')
CAPTURES = ('session-port2775.pcap', 'session-port8080.pcap', 'upper-pdu.pcapng')
TAP_READERS = 8  # as in core/tap.h
tap = house.Tap()


def trace(*arguments, text=None):
    """(exit status, stdout, stderr) of a run that ends by itself."""
    done = subprocess.run([TRACE, *arguments], input=text, capture_output=True, text=True,
                          timeout=house.PATIENCE_S, check=False)
    return done.returncode, done.stdout, done.stderr


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def decoded(octets, *options):
    """PDUs of octets, as the JSON view says them."""
    status, out, err = trace('decode', '-T', 'json', *options, '-', text=octets.hex())
    assert err == '', err
    return status, objects(out)


def pdu(command, body='', status=0, sequence=1):
    octets = bytes.fromhex(body)
    return b''.join(number.to_bytes(4, 'big')
                    for number in (16 + len(octets), command, status, sequence)) + octets


def cstring(text):
    return text.encode('ascii').hex() + '00'


SUBMIT, SUBMIT_RESP, DELIVER, QUERY_RESP, ENQUIRE, BIND = 4, 0x80000004, 5, 0x80000003, 0x15, 9
SECRETS = ('Your code is 4711', '491701234567', 's3cret')


def submit(sequence=1, text=SECRETS[0], esm_class='00', coding='00'):
    octets = text.encode('latin-1')
    return pdu(SUBMIT, '00' + '0500' + cstring('Brand') + '0101' + cstring(SECRETS[1]) + esm_class +
               '0000' + '00' + '00' + '01' + '00' + coding + '00' + f'{len(octets):02x}' +
               octets.hex(), sequence=sequence)


def deliver(text, esm_class='04', sequence=1):
    octets = text.encode('latin-1')
    return pdu(DELIVER, '00' + '0101' + cstring(SECRETS[1]) + '0500' + cstring('Brand') +
               esm_class + '0000' + '00' + '00' + '00' + '00' + '00' + '00' +
               f'{len(octets):02x}' + octets.hex(), sequence=sequence)


def bind(password=SECRETS[2]):
    return pdu(BIND, cstring('esme') + cstring(password) + '00' + '34' + '0000' + '00')


RECEIPT = ('id:0A1B sub:001 dlvrd:001 submit date:2611200900 done date:2611200901 stat:DELIVRD '
           'err:000 text:Your code')


# --- Hexadecimal ---------------------------------------------------------------------------------

def grouped(octets, digits, between=' '):
    text = octets.hex()
    return between.join(text[at:at + digits] for at in range(0, len(text), digits))


def rows(octets, width=16):
    return ((at, octets[at:at + width]) for at in range(0, len(octets), width))


def characters(octets):
    return ''.join(chr(octet) if 32 <= octet < 127 else '.' for octet in octets)


def dump_like_tshark(octets):
    return ''.join(f'{at:04x}  {row.hex(" "):<47}   {characters(row)}\n'
                   for at, row in rows(octets))


def by_program(octets, *command):
    """The dump of a program of the machine; None: it is not there."""
    if not shutil.which(command[0]):
        return None
    return subprocess.run(command, input=octets, capture_output=True, check=True).stdout.decode()


def hex_forms():
    # The text looks like hexadecimal: nothing of a column of characters may be taken for octets.
    octets = submit(text='dead beef 00 01 0123456789abcdef cafe') + pdu(ENQUIRE, sequence=7)
    forms = {
        'a plain run': octets.hex(),
        'capitals': octets.hex().upper(),
        'pairs with blanks': octets.hex(' '),
        'pairs with colons': octets.hex(':'),
        'pairs with dashes': octets.hex('-'),
        'groups of two octets': grouped(octets, 4),
        'groups of four octets': grouped(octets, 8),
        'a group of four octets on each line': grouped(octets, 8, '\n'),
        'pairs over lines': '\r\n'.join(row.hex(' ') for _, row in rows(octets)),
        'a C array': '{ ' + ', '.join(f'0x{octet:02x}' for octet in octets) + ' };',
        'a C string': '"' + ''.join(f'\\x{octet:02x}' for octet in octets) + '"',
        '0x in front': '0x' + octets.hex(),
        'a comment before it': '# from the ticket\n' + octets.hex(),
        'a dump as of tshark -x': dump_like_tshark(octets),
        'a dump, shortened at its end': dump_like_tshark(octets).rstrip('.\n'),
        'xxd': by_program(octets, 'xxd'),
        'xxd -c 8': by_program(octets, 'xxd', '-c', '8'),
        'xxd -g 1': by_program(octets, 'xxd', '-g', '1'),
        'xxd -p': by_program(octets, 'xxd', '-p'),
        'hexdump -C': by_program(octets, 'hexdump', '-v', '-C'),
        'od -A x -t x1': by_program(octets, 'od', '-v', '-A', 'x', '-t', 'x1'),
        'two dumps': ''.join(dump_like_tshark(one) for one in
                             (octets[:-16], octets[-16:])),
    }
    for name, text in forms.items():
        if text is None:
            continue
        status, out, err = trace('decode', '-T', 'json', '--text', '--numbers', '-', text=text)
        tap.result(status == 0 and ''.join(one['hex'] for one in objects(out)) == octets.hex(),
                   f'hexadecimal: {name}', [text, out, err])
    status, out, _ = trace('decode', '-T', 'json', *octets.hex(' ').split())
    tap.result(status == 0 and len(objects(out)) == 2, 'hexadecimal: words of the command line')
    for text, says in (('00 00 zz', 'line 1, column 7'), ('0000001', 'line 1, column 7'),
                       ('00\n00 0', 'line 2, column 4'), ('', 'no octets'), ('# 00', 'no octets'),
                       ('00 é', 'line 1, column 4')):
        status, out, err = trace('decode', '-', text=text)
        tap.result(status == 1 and out == '' and says in err, f'hexadecimal: {text!r} is refused',
                   [status, out, err])


# --- What is shown and what is not ---------------------------------------------------------------

def views():
    octets = bind() + submit(2) + deliver(RECEIPT, sequence=3) + pdu(ENQUIRE, sequence=4)
    status, out, err = trace('decode', '-', text=octets.hex())
    lines = out.splitlines()
    tap.result(status == 0 and err == '' and len(lines) == 4, 'many PDUs are one line each', lines)
    tap.result(lines[1].startswith('#2 @') and ' submit_sm sequence_number=2 ' in lines[1] and
               'destination_addr="*********567"' in lines[1] and 'short_message=[17 octets]' in
               lines[1], 'a line says what a submit_sm is', lines)
    tap.result('receipt=DELIVERED(id="0A1B" stat="DELIVRD" err="000")' in lines[2],
               'a line says what a receipt says', lines)
    status, out, _ = trace('decode', submit().hex())
    tap.result(status == 0 and re.search(
        r'^ +27  \(13 hidden\) +destination_addr +"\*{9}567"$', out, re.M) is not None,
        'one PDU alone is a block', out.splitlines())
    status, out, _ = trace('decode', '-v', '-', text=octets.hex())
    tap.result(status == 0 and out.count('command_length') == 4 and
               re.search(r'receipt id +"0A1B"', out) is not None, '-v makes each a block')
    for options in ((), ('-v',), ('-T', 'json')):
        _, out, _ = trace('decode', *options, '-', text=octets.hex())
        tap.result(not any(secret in out or secret.encode().hex() in re.sub(r'[ :]', '', out)
                           for secret in SECRETS), f'{options} hides texts, numbers, passwords',
                   out.splitlines())
        _, out, _ = trace('decode', *options, '--text', '--numbers', '-', text=octets.hex())
        tap.result(SECRETS[0] in out and SECRETS[1] in out and SECRETS[2] not in out and
                   SECRETS[2].encode().hex() not in re.sub(r'[ :]', '', out),
                   f'{options} shows texts and numbers when asked, passwords never',
                   out.splitlines())
    _, (one,) = decoded(submit(text='\x05\x00\x03\x2a\x03\x02part', esm_class='40'))
    tap.result(one.get('part') == {'part': 2, 'parts': 3, 'reference': 42,
                                   'method': 'UDH, 8-bit reference', 'first': 1}, 'a part is told', [one])
    _, (one,) = decoded(submit(text='\x00H\x00i', coding='08'), '--text')
    tap.result(one.get('smpp.message_text') == 'Hi', 'UCS-2 is text', [one])
    _, (one,) = decoded(submit(text='@'), '--text', '--alphabet', 'ascii')
    _, (two,) = decoded(submit(text='\x00'), '--text')
    tap.result(one.get('smpp.message_text') == two.get('smpp.message_text') == '@',
               '--alphabet says what data_coding 0 means', [one, two])


def problems():
    octets = bytearray(submit()[:35])  # ends within destination_addr, and says so
    octets[0:4] = len(octets).to_bytes(4, 'big')
    status, out, _ = trace('decode', octets.hex())
    for part in ('problem at 27: destination_addr:', '5.2.9', '^^ offset 27', '  0010  ',
                 'submit_sm_resp 0x00000002 ESME_RINVCMDLEN'):
        tap.result(status == 1 and part in out, f'a malformed PDU is explained: {part}',
                   out.splitlines())
    cases = (
        ('an unknown command', pdu(0x10A, 'ab'), 'command_id', 4, 'generic_nack 0x00000003'),
        ('a response', pdu(QUERY_RESP, '4100'), 'final_date', 18, 'responses are not answered'),
        ('a length below 16', bytes(16), 'command_length', 0, 'the link is closed'),
        ('a length above all bounds', b'HTTP/1.1 400 Bad', 'command_length', 0,
         'generic_nack 0x00000002'),
        ('a cut PDU', submit()[:40], 'command_length', 40, 'none yet'),
        ('a cut header', submit()[:9], 'command_length', 9, 'none yet'),
    )
    for name, octets, field, offset, answer in cases:
        status, (one,) = decoded(octets)
        problem = one.get('problem', {})
        tap.result(status == 1 and problem.get('field') == field and problem['offset'] == offset and
                   answer in problem['answer'], f'{name} is explained', [one])
        status, out, _ = trace('decode', octets.hex())
        tap.result(status == 1 and f'^^ offset {offset}\n' in out, f'{name} is shown',
                   out.splitlines())
    status, out, _ = trace('decode', '-', text=(submit() + submit()[:30]).hex())
    tap.result(status == 1 and len(out.splitlines()) == 2 and 'problem at 30' in out,
               'what stands before a cut PDU is shown', out.splitlines())
    whole = bind() + submit()
    wrong = []
    for n in range(1, len(whole)):
        status, out, err = trace('decode', '-v', '-', text=whole[:n].hex())
        if status != int(n != len(bind())) or err or any(secret in out for secret in SECRETS):
            wrong.append((n, status, out, err))
    tap.result(not wrong, 'cut anywhere, it explains and hides', wrong)


def explains():
    for word, parts in (('0x58', ('ESME_RTHROTTLED', 'class throttle')),
                        ('88', ('ESME_RTHROTTLED',)), ('RTHROTTLED', ('0x00000058',)),
                        ('esme_rinvdstadr', ('0x0000000b',)), ('0x453', ('class vendor',)),
                        ('message_payload', ('0x0424', '5.3.2.32')),
                        ('data_coding', ('5.2.19', '0x08 ucs2', 'are to be read')),
                        ('esm_class', ('0x40 of 0xc0 feature udhi', '5.2.12',
                                       '0x04 of 0x3c deliver_type smsc_delivery_receipt')),
                        ('registered_delivery', ('0x01 of 0x03 receipt success_or_failure',)),
                        ('validity_period', ('5.2.16', 'YYMMDDhhmmsstnnp', 'submit_sm',
                                             'ESME_RINVEXPIRY')),
                        ('0x0427', ('TLV message_state', '5.3.2.35', '0x02 DELIVERED')),
                        ('1063', ('TLV message_state',)),
                        ('undeliv', ('stat of a receipt', 'UNDELIVERABLE, final')),
                        ('ENROUTE', ('not final',)),
                        ('congestion_state', ('any PDU', 'SMPP 5.0')),
                        ('0x1403', ("the carrier's own", '0x1400 to 0x3fff')),
                        ('submit_sm', ('0x00000004', 'answered by submit_sm_resp'))):
        status, out, err = trace('explain', word)
        tap.result(status == 0 and err == '' and all(part in out for part in parts),
                   f'explain {word}', out.splitlines())
    for word, nearest in (('data_codng', 'data_coding'), ('RTHROTLED', 'ESME_RTHROTTLED'),
                          ('esme_rinvdstaddr', 'ESME_RINVDSTADR'), ('Submit-SM', 'submit_sm'),
                          ('recipted_message_id', 'receipted_message_id'),
                          ('1403', 'is it one of 0x1403?'), ('nonsense', '0x58'), ('0xdeadbeef', '0x58')):
        status, out, err = trace('explain', word)
        tap.result(status == 1 and out == '' and word in err and nearest in err and
                   err.count('\n') == 1, f'explain {word!r} is told what may be meant', [out, err])


def command_line():
    for arguments, says in (((), 'decode, read, live, proxy, message, order or explain'),
                            (('dekode',), 'dekode'),
                            (('decode',), 'decode'), (('live', 'x'), '`x`'),
                            (('-T', 'xml', 'decode', '00'), 'xml'),
                            (('--alphabet', 'klingon', 'decode', '00'), 'klingon'),
                            (('live', '--link', 'x' * 80), '--link'),
                            (('--unanswered-after=5h', 'live'), '5h is no time such as'),
                            (('--unanswered-after=0s', 'live'), '0s is no time such as'),
                            (('--unanswered-after=16667m', 'live'), '1000000s at most'),
                            (('live', '-f', 'to~^3161'), 'without --numbers'),
                            (('live', '--numbers', '-f', 'short_message~a'), 'without --text'),
                            (('live', '--text', '-f', 'to=1 | text=a'), 'column')):
        status, out, err = trace(*arguments)
        tap.result(status == 2 and out == '' and says in err, f'{arguments} is a mistake',
                   [status, out, err])


# --- Held against tshark -------------------------------------------------------------------------

def streams(path):
    """By direction: all octets, put together by tshark."""
    if path.endswith('ng'):  # one PDU to a record, behind the tags of an exported PDU
        octets = b''
        for packet in json.loads(dissect.tshark('-r', path, '-T', 'json', '-x')):
            layers = packet['_source']['layers']
            octets += bytes.fromhex(layers['smpp_raw'][0])
        return {'': octets}
    text = dissect.tshark('-r', path, '-q', '-z', 'follow,tcp,raw,0').decode()
    ports = [line.rsplit(':', 1)[1] for line in text.splitlines() if line.startswith('Node ')]
    flows = {port: b'' for port in ports}
    for line in text.splitlines():
        if re.fullmatch(r'\t?[0-9a-f]+', line):
            flows[ports[line.startswith('\t')]] += bytes.fromhex(line)
    return flows


def against_tshark():
    if not dissect.installed():
        tap.n += 1
        print(f'ok {tap.n} - decoding agrees with tshark # SKIP tshark is not installed')
        return
    for name in CAPTURES:
        path = os.path.join(VECTORS, name)
        comparison = dissect.Comparison(dissect.SILENT, dissect.DIFFERING)
        theirs = {flow[1]: fields for flow, fields in dissect.dissected(path).items()}
        for flow, octets in streams(path).items():
            comparison.compare(flow, dissect.decoded(octets), theirs.get(flow, []))
        tap.result(not comparison.wrong and comparison.pdus == 52 and comparison.fields > 500,
                   f'{name}: {comparison.fields} fields of {comparison.pdus} PDUs agree with '
                   'tshark', comparison.wrong)


# --- A tap that is not the daemon's --------------------------------------------------------------

def chunk(octets):
    return f'{len(octets):x}\r\n'.encode() + octets + b'\r\n'


HEAD = (b'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n'
        b'Transfer-Encoding: chunked\r\n\r\n')


BEGAN = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def moment(ms):
    """So long after the test has begun: live has a clock of its own."""
    return (BEGAN + datetime.timedelta(milliseconds=ms)).isoformat(timespec='milliseconds')[:23]


def line(seq, octets, way='out', ms=0, dropped=0, link='alpha/alpha-1', session=3):
    return json.dumps({'seq': seq, 'time': moment(ms) + 'Z',
                       'link': link, 'session': session, 'dir': way, 'dropped': dropped,
                       'hex': octets.hex()}, separators=(',', ':')).encode() + b'\n'


class FakeTap:
    """Answers one connection with the given octets, then closes it, or waits for its end."""

    def __init__(self, answer, close=True):
        self.folder = tempfile.mkdtemp(prefix='esmed-e2e.')
        self.path = os.path.join(self.folder, 'tap.sock')
        self.answer, self.close, self.asked = answer, close, b''
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        connection.settimeout(house.PATIENCE_S)
        while b'\r\n\r\n' not in self.asked:
            self.asked += connection.recv(65536)
        try:
            for part in self.answer:
                connection.sendall(part)
            while not self.close and connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(house.PATIENCE_S)
        self.listener.close()
        shutil.rmtree(self.folder)


def live_of(answer, *options):
    """(exit status, stdout, stderr, request) of live on a tap that answers this and closes."""
    with FakeTap(answer) as fake:
        return *trace('live', '--socket', fake.path, *options), fake.asked


GOLDEN = os.path.join(ROOT, 'test', 'trace')


def recalled(lines, *options, end=chunk(b'')):
    with FakeTap([HEAD, *map(chunk, lines), end]) as fake:
        return *trace('message', '--socket', fake.path, *options, 'BX-12-d4735e3a265e16ee'), fake.asked


def recall():
    """What the store had, as of a daemon that always says the same."""
    with open(os.path.join(GOLDEN, 'recall.ndjson'), 'rb') as file:
        lines = file.readlines()
    for name, options in (('line', ()), ('block', ('-v',)), ('ladder', ('--ladder',)),
                          ('json', ('-T', 'json')), ('summary', ('-c',)),
                          ('csv', ('-T', 'csv', '-e', 'time', '-e', 'command', '-e', 'status', '-e',
                                   'attempt', '-e', 'submit.rule', '-e', 'receipt.state'))):
        status, out, err, asked = recalled(lines, *options)
        with open(os.path.join(GOLDEN, f'recall_{name}.expected'), encoding='utf-8',
                  newline='') as file:
            expected = file.read()
        tap.result(status == 0 and out == expected and err.startswith('smpp-trace: rebuilt'),
                   f'the {name} of what was recalled is as it was looked at',
                   [status, err] + [pair for pair in zip(out.split('\n'), expected.split('\n'))
                                    if pair[0] != pair[1]][:3])
        tap.result(asked.startswith(b'GET /tap/v1/messages/BX-12-d4735e3a265e16ee?text=0&numbers=0 '),
                   'texts and numbers are not asked for', [asked])
    for name, broken, options, says in (
            ('an answer that ends early', lines, {'end': b''}, 'gone or closed'),
            ('a line that is none', [*lines, b'{"time":"x"}\n'], {}, 'without a time'),
            ('a PDU of no name', [lines[1].replace(b'submit_sm', b'sumbit')], {}, 'cannot be read'),
            ('a receipt of no state', [lines[5].replace(b'DELIVERED', b'GONE')], {}, 'cannot be read'),
            ('octets, which it cannot have', [line(1, submit(1))], {}, 'without a time')):
        status, out, err, _ = recalled(broken, **options)
        tap.result(status == 1 and says in err and '#' not in out, f'{name} is said', [status, out, err])


def silence():
    """A request whose time is up is told though nothing more comes; one that was answered is not."""
    now_ms = int((datetime.datetime.now(datetime.timezone.utc) - BEGAN).total_seconds() * 1000)
    lines = [line(1, submit(1), 'out', now_ms), line(2, submit(2), 'out', now_ms),
             line(3, pdu(SUBMIT_RESP, cstring('A'), sequence=1), 'in', now_ms)]
    with FakeTap([HEAD, *map(chunk, lines)], close=False) as fake:
        process = subprocess.Popen([TRACE, 'live', '--socket', fake.path,
                                    '--unanswered-after=1000ms'],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        shown = [house.first_line(process), *(process.stdout.readline() for _ in range(3))]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=house.PATIENCE_S)
        tap.result(' !! submit_sm sequence_number=2 (#2)' in shown[3] and
                   moment(now_ms + 1000)[11:] in shown[3] and out == '' and err.startswith('seen 3,'),
                   'unanswered is told when its time is up, once, without another PDU',
                   [shown, out, err])
    with FakeTap([HEAD, *map(chunk, lines)], close=False) as fake:
        process = subprocess.Popen([TRACE, 'live', '--socket', fake.path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        shown = [house.first_line(process), *(process.stdout.readline() for _ in range(2))]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=house.PATIENCE_S)
        tap.result('!!' not in ''.join(shown) and out.count('\n') == 1 and
                   ' !! submit_sm sequence_number=2 (#2)' in out and err.startswith('seen 3,'),
                   'before its time is up, the end of live tells it', [shown, out, err])


def fake_taps():
    lines = [line(1, submit(1), 'out', 100), line(2, submit(2), 'out', 110),
             line(3, pdu(SUBMIT_RESP, cstring('A'), sequence=1), 'in', 123),
             line(9, pdu(SUBMIT_RESP, '', status=0x58, sequence=2), 'in', 1110, dropped=5),
             line(10, pdu(SUBMIT_RESP, cstring('B'), sequence=7), 'in', 1111),
             line(11, b'HTTP/1.1 400 Bad', 'in', 1112)]
    status, out, err, asked = live_of([HEAD, *map(chunk, lines), chunk(b'')])
    shown = out.splitlines()
    tap.result(status == 1 and 'ended the stream' in err and 'seen 6, shown 6, dropped 5' in err,
               'live counts what it saw, showed and lost', [status, err])
    tap.result(len(shown) == 6 and shown[0].startswith(
        f'#1 {moment(100)[11:]} alpha/alpha-1#3 -> submit_sm sequence_number=1 '),
        'a line has time, link, session and direction', shown)
    tap.result(' <- submit_sm_resp sequence_number=1 command_status=0x00000000 ESME_ROK' in shown[2]
               and shown[2].endswith(' window=1 of #1 to=*********567 rtt=23ms'), 'a response is paired', shown)
    tap.result('ESME_RTHROTTLED (rate limit exceeded)' in shown[3] and ' rtt=1000ms' in shown[3] and
               '5 dropped' in shown[3], 'status in words, and what was lost before it', shown)
    tap.result('its request was not seen' in shown[4], 'a response without request is said', shown)
    tap.result('octets that are no PDU' in shown[5], 'what is no PDU is said', shown)
    tap.result(b'GET /tap/v1/stream?text=0&numbers=0 HTTP/1.1\r\n' in asked, 'it asks for no more '
               'than it may show', [asked])
    *_, asked = live_of([HEAD, chunk(b'')], '--text', '--numbers', '-p', 'a b/c')
    tap.result(b'?text=1&numbers=1&link=a%20b%2Fc ' in asked, 'it asks for a link, texts, numbers',
               [asked])
    _, out, _, _ = live_of([HEAD, *map(chunk, lines), chunk(b'')], '-T', 'json')
    tap.result([one.get('rtt_ms', '-') for one in objects(out)] == ['-', '-', 23, 1000, None, '-'],
               'JSON says the same', out.splitlines())
    gap = [line(1, submit(1)), line(5, pdu(ENQUIRE), 'in', 10, dropped=3), line(6, submit(3), ms=20),
           line(7, pdu(SUBMIT_RESP, cstring('A'), sequence=1), 'in', 30)]
    _, out, err, _ = live_of([HEAD, *map(chunk, gap), chunk(b'')])
    told = out.splitlines()
    silent = [one.split()[4:6] for one in told if ' !! ' in one and '->' in one]
    tap.result('seen 4, shown 4, dropped 3\n' in err and ' window=1' in told[2] and
               ' of #1 ' in told[3] and silent == [['submit_sm', 'sequence_number=3']],
               'behind a gap nothing before it is open, or unanswered; its answer is joined', told)
    gap.append(b'{"seq":9,"dropped":2}\n')
    _, out, err, _ = live_of([HEAD, *map(chunk, gap), chunk(b'')])
    tap.result('seen 4, shown 4, dropped 5\n' in err and out.splitlines() == told[:4],
               'what was dropped behind the last is counted, and may have been an answer',
               [err, out])
    _, out, _, _ = live_of([HEAD, *map(chunk, gap), chunk(b'')], '-c')
    tap.result(', 5 PDUs dropped, ' in out, 'the summary counts them', [out])
    whole = HEAD + b''.join(map(chunk, [b''.join(lines)])) + b'0\r\n\r\n'
    status, out, _, _ = live_of([whole[at:at + 1] for at in range(len(whole))])
    tap.result(out.splitlines() == shown, 'octet by octet it is the same', out.splitlines())
    large = pdu(0x103, '00' + '0101' + cstring('1') + '0101' + cstring('2') + '000000' +
                '0424ffff' + '41' * 65535)
    _, out, _, _ = live_of([HEAD, chunk(line(1, large)), chunk(b'')], '-T', 'json')
    tap.result(out and objects(out)[0]['octets'] == len(large), 'the largest message_payload fits')
    detail = json.dumps({'detail': 'Too many readers on the tap', 'hint': 'end one'}).encode()
    refusal = (b'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n'
               b'Content-Length: %d\r\n\r\n' % len(detail)) + detail
    for name, answer, says in (('a refusal', [refusal], '503: Too many readers on the tap: end one'),
                               ('an empty answer', [], 'no tap'),
                               ('an answer that is not HTTP', [b'SSH-2.0-x\r\n\r\n'], 'no tap'),
                               ('a daemon that dies', [HEAD, chunk(lines[0])], 'has gone'),
                               ('a line that is none', [HEAD, chunk(b'{"hex":"00"}\n')],
                                'no line of a tap'),
                               ('one without a PDU', [HEAD, chunk(b'{"seq":1}\n')],
                                'no line of a tap'),
                               ('hexadecimal that is none', [HEAD, chunk(b'{"hex":"0g"}\n')],
                                'no line of a tap')):
        status, _, err, _ = live_of(answer)
        tap.result(status == 1 and says in err, f'live tells of {name}', [status, err])
    for name, asked, options in (('/nowhere/tap.sock', {'ESMED_TAP': '/nowhere/tap.sock'}, ()),
                                 ('/not/there', {'ESMED_TAP': '/nowhere/tap.sock'},
                                  ('--socket', '/not/there'))):
        told = [subprocess.run([TRACE, *options, *what], env=os.environ | asked, text=True,
                               capture_output=True, timeout=house.PATIENCE_S, check=False).stderr
                for what in (('live', '-p', 'no/such'), ('order', '1'))]
        tap.result(all(name in err for err in told), f'{asked} {options}: {name} is asked', told)
    status, _, err = trace('live', '-f', 'error', '--socket', '/nowhere/tap.sock')
    first, *_, last = err.splitlines()
    tap.result(status == 1 and '/nowhere/tap.sock' in first and 'esmed' in first and
               err.count('/nowhere') == 1 and last == 'seen 0, shown 0, dropped 0',
               'live tells first of a daemon that is not there', [status, err])
    with FakeTap([HEAD, chunk(lines[0])], close=False) as fake:
        process = subprocess.Popen([TRACE, 'live', '--socket', fake.path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        house.first_line(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=house.PATIENCE_S)
        tap.result(process.returncode == 0 and err == 'seen 1, shown 1, dropped 0\n',
                   'an interrupt ends it in order', [process.returncode, err])
    silence()
    with FakeTap([HEAD] + [chunk(lines[0])] * 20000, close=False) as fake:
        process = subprocess.Popen([TRACE, 'live', '--socket', fake.path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        house.first_line(process)
        process.stdout.close()
        status = process.wait(house.PATIENCE_S)
        tap.result(status == 0, 'it ends when nobody reads it', [status, process.stderr.read()])
        process.stderr.close()


# --- The daemon ----------------------------------------------------------------------------------

class Live:
    """smpp-trace live on a daemon's tap, as JSON."""

    def __init__(self, daemon, *options):
        self.path = os.path.join(daemon.folder, 'tap.sock')
        self.process = subprocess.Popen([TRACE, 'live', '--socket', self.path, '-T', 'json',
                                         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.input, self.seen = b'', []

    def read(self, seconds):
        """Takes what comes in that time, at most; false: nothing did."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        octets = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b''
        *lines, self.input = (self.input + octets).split(b'\n')
        self.seen += [one for one in map(json.loads, lines) if 'octets' in one]
        return bool(octets)

    def await_that(self, what, true):
        deadline = time.monotonic() + house.PATIENCE_S
        while not true(self.seen):
            if time.monotonic() > deadline:
                raise house.Trouble(f'live does not show {what}: {self.seen[-3:]}')
            self.read(0.1)
        return true(self.seen)

    def attached(self, daemon, text):
        """Watches until an order made now is seen: what passes from here on will be."""
        while not self.read(0.2):
            daemon.load('--count', '1', '--text', text)

    def end(self):
        """What it says at its end."""
        self.process.send_signal(signal.SIGINT)
        while self.read(house.PATIENCE_S):
            pass
        _, err = self.process.communicate(timeout=house.PATIENCE_S)
        return err.decode()


def of(seen, command, sequence=None):
    return [one for one in seen if one.get('command') == command and
            (sequence is None or one['smpp.sequence_number'] == sequence)]


def watch_daemon(daemon):
    watching = Live(daemon)
    naked = Live(daemon, '--text', '--numbers', '--link', 'alpha')
    other = Live(daemon, '--link', 'beta')
    for one in (watching, naked):
        one.attached(daemon, SECRETS[0])
    seen = watching.await_that('a submit_sm', lambda seen: of(seen, 'submit_sm'))[0]
    sequence = seen['smpp.sequence_number']
    tap.result(seen['dir'] == 'out' and seen['link'] == 'alpha/alpha-1' and seen['session'] > 0,
               'a submit_sm passes with link, session and direction', [seen])
    tap.result(seen['smpp.message'] == f'[{len(SECRETS[0])} octets]' and
               SECRETS[0].encode().hex() not in seen['hex'] and
               re.fullmatch(r'\*{8}\d{3}', seen['smpp.destination_addr']) is not None,
               'its text and number are masked', [seen])
    answer = watching.await_that('its response', lambda seen: of(seen, 'submit_sm_resp', sequence))
    tap.result(answer[0]['dir'] == 'in' and answer[0]['status'] == 'ESME_ROK' and
               0 <= answer[0]['rtt_ms'] < 10000, 'its response passes, paired with it', answer)
    receipt = watching.await_that('a receipt', lambda seen: [
        one for one in of(seen, 'deliver_sm') if one['smpp.sequence_number'] and
        one.get('receipt', {}).get('stat') == 'DELIVRD'])[0]
    tap.result(receipt['dir'] == 'in' and receipt['smpp.message'].endswith(' octets]'),
               'its receipt passes, told and masked', [receipt])
    answer = watching.await_that('the receipt\'s answer', lambda seen: of(
        seen, 'deliver_sm_resp', receipt['smpp.sequence_number']))
    tap.result(answer[0]['dir'] == 'out' and 0 <= answer[0]['rtt_ms'] < 10000,
               'the answer to it passes', answer)
    clear = naked.await_that('a submit_sm', lambda seen: of(seen, 'submit_sm'))[0]
    tap.result(clear.get('smpp.message_text') == SECRETS[0] and
               re.fullmatch(r'\d{11}', clear['smpp.destination_addr']) is not None,
               'texts and numbers pass when asked for', [clear])
    said = watching.end()
    tap.result(watching.process.returncode == 0 and said ==
               f'seen {len(watching.seen)}, shown {len(watching.seen)}, dropped 0\n',
               'the last line counts them', [said, len(watching.seen)])
    naked.end()
    said = other.end()
    tap.result(said == 'seen 0, shown 0, dropped 0\n', 'of another link nothing passes', [said])


def ask_tap(daemon):
    path = os.path.join(daemon.folder, 'tap.sock')
    for target in ('/tap/v1/stream?text=2', '/tap/v1/stream?numbers=yes', '/tap/v1/stream?links=a',
                   '/tap/v1/stream?link=' + 'a' * 80):
        status, answer = house.ask(path, 'GET', target)
        tap.result(status == 422, f'the tap refuses {target[:40]}', [status, answer])
    tap.result(house.ask(path, 'POST', '/tap/v1/stream')[0] == 405 and
               house.ask(path, 'GET', '/api/v1/orders')[0] == 404 and
               house.ask(daemon.submit, 'GET', '/tap/v1/stream')[0] in (401, 404) and
               house.ask(daemon.control, 'GET', '/tap/v1/stream')[0] == 404,
               'the tap is on its socket, and nothing else is')

    def reader():
        """One more; None while there are too many."""
        connection = house.UnixConnection(path)
        connection.request('GET', '/tap/v1/stream')
        if connection.getresponse().status == 200:
            return connection
        connection.close()
        return None
    readers = [house.await_that('a place is free', reader) for _ in range(TAP_READERS)]
    tap.result(True, f'{TAP_READERS} readers are served')
    status, answer = house.ask(path, 'GET', '/tap/v1/stream')
    tap.result(status == 503 and 'readers' in answer['detail'], 'one more is refused',
               [status, answer])
    status, _, err = trace('live', '--socket', path)
    tap.result(status == 1 and '503: Too many readers' in err, 'and live says so', [status, err])
    for one in readers:
        one.close()
    house.await_that('a place is free again', reader).close()
    tap.result(True, 'a reader that has gone makes place for another')


def session_of(daemon):
    """Of its only link, when that is bound; 0: it is not."""
    link = next(one for one in daemon.operate('GET', '/control/v1/links')[1]['links']
                if one['name'] == 'alpha/alpha-1')
    return link['session'] if link['ready'] else 0


def one_session():
    """All that passes on a connection, from its bind on, and no more."""
    with tempfile.TemporaryDirectory(prefix='esmed-e2e.') as folder:
        script, path = (os.path.join(folder, name) for name in ('greet', 'one.pcapng'))
        with open(script, 'w', encoding='ascii') as file:
            file.write('on bound: send deliver_sm esm_class=4 source_addr=491701234567 '
                       f'destination_addr=Brand short_message="{RECEIPT}"\n')
        with house.House(far=('--quiet', '--script', script)) as home:
            daemon = home.daemon
            daemon.start()
            number = 1 + house.await_that('the link is bound', lambda: session_of(daemon))
            watching = Live(daemon, '-f', f'session={number}', '-w', path)
            house.await_that('it watches', lambda: daemon.metric('tap_bytes') > 0)
            for last in ('deliver_sm_resp', 'unbind_resp'):
                daemon.operate('POST', '/control/v1/links/alpha%2Falpha-1/rebind')
                watching.await_that(last, lambda seen, last=last: of(seen, last))
            house.await_that('the next is bound', lambda: session_of(daemon) > number)
            said = watching.end()
        wanted = ['bind_transceiver', 'bind_transceiver_resp', 'deliver_sm', 'deliver_sm_resp',
                  'unbind', 'unbind_resp']
        shown = [(one['link'], one['session'], one['command']) for one in watching.seen]
        tap.result(shown == [('alpha/alpha-1', number, command) for command in wanted],
                   'live -f session=N: bind, what came in the same breath, and all to the unbind',
                   shown)
        tap.result(re.fullmatch(r'seen \d+, shown 6, dropped 0, written 6\n', said) is not None,
                   'of what passed it shows and writes these alone', [said])
        read = [(one['link'], one['session'], one['command']) for one in objects(
            trace('read', '-T', 'json', path)[1]) if 'octets' in one]
        with open(path, 'rb') as file:
            names = set(re.findall(rb'alpha/alpha-1#\d+', file.read()))
        tap.result(read == shown and names == {b'alpha/alpha-1#%d' % number},
                   'and the file names every one of them by its session', [read, names])


def on_a_daemon():
    if not os.path.exists(house.program('esmed')):
        tap.n += 1
        print(f'ok {tap.n} - live on a daemon # SKIP esmed is not built')
        return
    with house.House(far=('--quiet',)) as home:
        home.daemon.start()
        home.daemon.open_account()
        watch_daemon(home.daemon)
        ask_tap(home.daemon)
    one_session()


def main():
    hex_forms()
    views()
    problems()
    explains()
    command_line()
    against_tshark()
    fake_taps()
    recall()
    on_a_daemon()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
