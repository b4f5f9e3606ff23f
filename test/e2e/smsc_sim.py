#!/usr/bin/python3
# builds: asan
"""smsc-sim from the outside: a bare SMPP client, its log, its exit statuses. Prints TAP."""
import collections
import json
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIM = os.path.join(os.environ.get('ESMED_BUILD', os.path.join(ROOT, 'build')), 'smsc-sim')
PATIENCE_S = 20

BIND_RX, BIND_TX, SUBMIT, DELIVER, UNBIND, BIND_TRX, ENQUIRE = 1, 2, 4, 5, 6, 9, 0x15
DATA, RESP, NACK = 0x103, 0x80000000, 0x80000000
THROTTLED = 0x58

Pdu = collections.namedtuple('Pdu', 'command status sequence body')


# --- A client that knows just enough -------------------------------------------------------------

def cstring(text):
    return text.encode('latin-1') + b'\0'


def take_cstring(body):
    end = body.index(b'\0')
    return body[:end].decode('latin-1'), body[end + 1:]


class Link:
    def __init__(self, address, made=None, tls=None, name='localhost'):
        host, port = address.rsplit(':', 1)
        self.socket = made or socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self.input = b''
        self.sequence = 0

    def send(self, command, body=b'', status=0, sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.socket.sendall(struct.pack('>IIII', 16 + len(body), command, status, sequence) + body)
        return sequence

    def read(self, timeout=PATIENCE_S):
        """The next PDU; None at the end of the stream; TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.input) >= 4:
                length = struct.unpack('>I', self.input[:4])[0]
                if len(self.input) >= length:
                    octets, self.input = self.input[:length], self.input[length:]
                    return Pdu(*struct.unpack('>III', octets[4:16]), octets[16:])
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                octets = self.socket.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                raise TimeoutError('no PDU') from None
            except ConnectionError:
                return None
            if not octets:
                return None
            self.input += octets

    def bind(self, kind=BIND_TRX, system_id='esme', password='secret', version=0x34):
        self.send(kind, cstring(system_id) + cstring(password) + cstring('') +
                  bytes([version, 0, 0]) + cstring(''))
        return self.read()

    def submit(self, destination, text='hello', source='4930123', registered=1, esm_class=0,
               command=SUBMIT):
        octets = text if isinstance(text, bytes) else text.encode('ascii')
        if command == DATA:
            body = (cstring('') + b'\1\1' + cstring(source) + b'\1\1' + cstring(destination) +
                    bytes([esm_class, registered, 0]) + struct.pack('>HH', 0x424, len(octets)) +
                    octets)
        else:
            body = (cstring('') + b'\1\1' + cstring(source) + b'\1\1' + cstring(destination) +
                    bytes([esm_class, 0, 0]) + cstring('') + cstring('') +
                    bytes([registered, 0, 0, 0, len(octets)]) + octets)
        return self.send(command, body)

    def ack(self, pdu, status=0):
        self.send(pdu.command | RESP, b'\0', status, pdu.sequence)

    def ask(self, *args, **kwargs):
        """Submits and returns the response; receipts before it are kept in .early."""
        sequence = self.submit(*args, **kwargs)
        self.early = []
        while True:
            pdu = self.read()
            if pdu.command == DELIVER:
                self.early.append(receipt(pdu))
                self.ack(pdu)
            elif pdu.sequence == sequence:
                return pdu

    def receipt(self, timeout=PATIENCE_S, ack=0):
        pdu = self.read(timeout)
        assert pdu and pdu.command == DELIVER, pdu
        if ack is not None:
            self.ack(pdu, ack)
        return receipt(pdu)

    def silent(self, seconds):
        try:
            pdu = self.read(seconds)
        except TimeoutError:
            return True
        return not pdu

    def close(self):
        self.socket.close()


def receipt(pdu):
    """A deliver_sm as a dict: source, destination, esm_class, fields of the text, TLVs."""
    _, rest = take_cstring(pdu.body)
    source, rest = take_cstring(rest[2:])
    destination, rest = take_cstring(rest[2:])
    esm_class = rest[0]
    _, rest = take_cstring(rest[3:])
    _, rest = take_cstring(rest)
    length = rest[4]
    text, rest = rest[5:5 + length].decode('latin-1'), rest[5 + length:]
    result = {'source': source, 'destination': destination, 'esm_class': esm_class, 'raw': text,
              'tlvs': {}, 'sequence': pdu.sequence}
    words, _, result['text'] = text.partition(' text:')
    for name in ('submit date', 'done date'):
        words = words.replace(name, name.replace(' ', '_'))
    result.update(word.split(':', 1) for word in words.split(' '))
    while rest:
        tag, length = struct.unpack('>HH', rest[:4])
        result['tlvs'][tag] = rest[4:4 + length]
        rest = rest[4 + length:]
    return result


def message_id(pdu):
    return take_cstring(pdu.body)[0]


# --- The simulator -------------------------------------------------------------------------------

class Sim:
    def __init__(self, *options):
        self.process = subprocess.Popen([SIM, '--listen', '127.0.0.1:0', '--max-seconds', '120',
                                         '--quiet', *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith('listening on '):
            raise AssertionError(f'first line {line!r}, stderr {self.process.stderr.read()!r}')
        self.address = line.split()[2]
        self.stats = None

    def link(self, kind=BIND_TRX, **kwargs):
        link = Link(self.address)
        response = link.bind(kind, **kwargs)
        assert response == Pdu(kind | RESP, 0, 1, response.body), response
        return link

    def end(self):
        """SIGTERM; returns the statistics."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, (self.process.returncode, err)
        assert err == '', err
        return json.loads(out.splitlines()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def read_log(path):
    with open(path, encoding='utf-8') as lines:
        return [json.loads(line) for line in lines]


def scratch(name):
    return os.path.join(tempfile.mkdtemp(prefix='esmed-sim.'), name)


def run(*options):
    return subprocess.run([SIM, *options], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)


def equal(got, wanted):
    assert got == wanted, f'got {got!r}, wanted {wanted!r}'


# --- Tests ---------------------------------------------------------------------------------------

def test_help_and_version_exit_0():
    for option in ('--help', '--version'):
        done = run(option)
        equal(done.returncode, 0)
        assert 'smsc-sim' in done.stdout, done.stdout
    assert '--mix' in run('--help').stdout


def test_mistakes_on_the_command_line_exit_2_and_name_the_option():
    for options in (['--listen', 'nowhere'], ['--listen', '127.0.0.1:65536'], ['--listen', ':1'],
                    ['--mix', 'fale=3'], ['--mix', 'failed=x'], ['--receipts', 'never=1'],
                    ['--latency-ms', '5-1'], ['--latency-ms', '-5'], ['--rate', 'many'],
                    ['--ids', 'octal'], ['--ids', 'hex:65'], ['--receipt-window', '0'],
                    ['--system-id', 'sixteen_letters_'], ['--password', 'ninechars'],
                    ['--tls-cert', 'file'], ['--no-such-option'], ['argument'],
                    ['--sc-interface-version', '256']):
        done = run(*options)
        equal((options, done.returncode), (options, 2))
        assert options[0].lstrip('-').split('=')[0] in done.stderr, done.stderr
        equal(done.stdout, '')


def test_an_address_in_use_exits_1_and_says_so():
    with Sim() as sim:
        done = run('--listen', sim.address)
        equal(done.returncode, 1)
        assert 'in use' in done.stderr and sim.address in done.stderr, done.stderr


def test_files_that_cannot_be_opened_exit_1():
    done = run('--listen', '127.0.0.1:0', '--log', '/nonexistent/log')
    equal(done.returncode, 1)
    assert '/nonexistent/log' in done.stderr, done.stderr
    done = run('--listen', '127.0.0.1:0', '--tls-cert', '/nonexistent/c', '--tls-key', '/nonexistent/k')
    equal(done.returncode, 1)
    assert '/nonexistent/' in done.stderr, done.stderr


def test_binds_are_checked_against_system_id_and_password():
    with Sim('--system-id', 'good', '--password', 'pass') as sim:
        for system_id, password, status in (('bad', 'pass', 0x0F), ('good', 'bad', 0x0E),
                                            ('good', 'pass', 0)):
            link = Link(sim.address)
            equal(link.bind(system_id=system_id, password=password).status, status)
            link.close()


def test_bind_response_has_the_interface_version_asked_for():
    for option, tlv in (('0x34', b'\x02\x10\x00\x01\x34'), ('0x33', b'\x02\x10\x00\x01\x33'),
                        ('none', b'')):
        with Sim('--sc-interface-version', option) as sim:
            link = Link(sim.address)
            equal(link.bind().body, b'smsc-sim\0' + tlv)
            link.close()


def test_a_submit_is_answered_and_its_receipt_follows():
    with Sim('--first-id', '0xabc', '--receipt-ids', 'decimal:10') as sim:
        link = sim.link()
        response = link.ask('491701', 'Hello there, this is more than twenty')
        equal((response.status, message_id(response)), (0, 'abc'))
        got = link.receipt()
        equal((got['esm_class'], got['source'], got['destination']), (4, '491701', '4930123'))
        equal((got['id'], got['stat'], got['err'], got['sub'], got['dlvrd']),
              ('0000002748', 'DELIVRD', '000', '001', '001'))
        equal(got['text'], 'Hello there, this is')
        equal(got['tlvs'], {0x1e: b'0000002748\0', 0x427: b'\x02'})
        equal(len(got['submit_date']), 10)
        assert link.silent(0.3)
        stats = sim.end()
        equal(stats['accepted'], 1)
        equal(stats['receipts'], {'sent': 1, 'acked': 1, 'refused': 0, 'unanswered': 0, 'lost': 0})
        equal(stats['unsettled'], 0)


def test_data_sm_is_taken_like_a_submit():
    with Sim('--first-id', '1') as sim:
        link = sim.link()
        response = link.ask('491701', 'payload', command=DATA)
        equal((response.command, response.status, message_id(response)), (DATA | RESP, 0, '1'))
        equal(link.receipt()['stat'], 'DELIVRD')


def test_receipts_are_sent_only_as_registered_delivery_asks():
    with Sim() as sim:
        link = sim.link()
        equal(link.ask('491701', registered=0).status, 0)
        equal(link.ask('491702', registered=2).status, 0)
        equal(link.ask('491799990001', registered=2).status, 0)
        equal(link.receipt()['stat'], 'UNDELIV')
        assert link.silent(0.3)


def test_tlvs_stay_away_from_old_peers_and_where_asked():
    with Sim() as sim:
        link = sim.link(version=0x33)
        link.ask('491701')
        equal(link.receipt()['tlvs'], {})
    with Sim('--no-tlvs') as sim:
        link = sim.link()
        link.ask('491701')
        equal(link.receipt()['tlvs'], {})


def test_id_forms():
    for form, wanted in (('hex', '1a2b3c'), ('HEX', '1A2B3C'), ('decimal', '1715004'),
                         ('decimal:10', '0001715004'), ('HEX:8', '001A2B3C')):
        with Sim('--first-id', '1715004', '--ids', form) as sim:
            link = sim.link()
            equal(message_id(link.ask('491701')), wanted)
            equal(link.receipt()['id'], wanted)


def test_ids_stay_unique_over_restarts():
    ids = []
    for _ in range(3):
        with Sim() as sim:
            link = sim.link()
            ids += [message_id(link.ask(f'49170{i}')) for i in range(50)]
    equal(len(set(ids)), 150)


def test_last_digits_choose_the_outcome():
    states = {0: 'DELIVRD', 1: 'UNDELIV', 2: 'REJECTD', 3: 'EXPIRED', 11: 'DELETED',
              12: 'UNKNOWN', 13: 'ACCEPTD'}
    with Sim('--mix', 'none=100') as sim:
        link = sim.link()
        for digits, stat in states.items():
            equal(link.ask(f'49179999{digits:04}').status, 0)
            equal((digits, link.receipt()['stat']), (digits, stat))
        for digits in (4, 15):
            equal(link.ask(f'49179999{digits:04}').status, 0)
        assert link.silent(0.3)


def test_last_digits_choose_the_refusal():
    with Sim() as sim:
        link = sim.link()
        for digits, status in ((5, THROTTLED), (16, 0x14), (17, 0x08)):
            refused = link.ask(f'49179999{digits:04}')
            equal((refused.status, refused.body), (status, b''))
            equal(link.ask(f'49179999{digits:04}').status, 0)
            equal(link.receipt()['stat'], 'DELIVRD')
        for _ in range(3):
            equal(link.ask('491799990006').status, 0x0B)
        assert link.silent(0.2)


def test_last_digits_choose_the_way_of_the_receipt():
    with Sim('--late-ms', '700', '--first-id', '1') as sim:
        link = sim.link()
        equal(message_id(link.ask('491799990007')), '1')
        equal([early['id'] for early in link.early], ['1'])
        equal(message_id(link.ask('491799990008')), '2')
        first, second = link.receipt(), link.receipt()
        equal((first['raw'], first['id']), (second['raw'], '2'))
        began = time.monotonic()
        link.ask('491799990014')
        equal(link.receipt()['id'], '3')
        assert time.monotonic() - began >= 0.65
        assert link.silent(0.2)


def test_an_unanswered_submit_stays_unanswered():
    with Sim() as sim:
        link = sim.link()
        link.submit('491799990009')
        assert link.silent(0.3)
        link.submit('491799990018')
        equal(link.receipt()['stat'], 'DELIVRD')
        assert link.silent(0.2)
        equal(link.ask('491701').status, 0)
        equal(sim.end()['accepted'], 3)


def test_receipts_can_come_on_another_link():
    with Sim() as sim:
        one, two = sim.link(), sim.link()
        stranger = sim.link(system_id='another')
        equal(one.ask('491799990010').status, 0)
        equal(two.receipt()['source'], '491799990010')
        assert one.silent(0.1) and stranger.silent(0.1)


def test_receipts_wait_for_a_receiver():
    with Sim() as sim:
        transmitter = sim.link(BIND_TX)
        equal(transmitter.ask('491701').status, 0)
        stranger = sim.link(system_id='another')
        assert transmitter.silent(0.2) and stranger.silent(0.1)
        receiver = sim.link(BIND_RX)
        equal(receiver.receipt()['stat'], 'DELIVRD')


def test_a_receipt_is_sent_again_until_it_is_acknowledged():
    with Sim('--redeliver-ms', '50', '--answer-ms', '200') as sim:
        link = sim.link()
        link.ask('491701')
        first = link.receipt(ack=0x14)
        second = link.receipt(ack=None)
        link.close()
        link = sim.link()
        third = link.receipt(ack=None)
        fourth = link.receipt()
        equal({got['id'] for got in (first, second, third, fourth)}, {first['id']})
        assert link.silent(0.3)
        stats = sim.end()
        equal(stats['receipts'], {'sent': 4, 'acked': 1, 'refused': 1, 'unanswered': 2, 'lost': 0})


def test_a_late_acknowledgement_counts():
    with Sim('--redeliver-ms', '800', '--answer-ms', '100') as sim:
        link = sim.link()
        link.ask('491701')
        pdu = link.read()
        time.sleep(0.4)  # behind its time-out, before it would go again
        link.ack(pdu)
        assert link.silent(1)
        equal(sim.end()['unsettled'], 0)


def test_latency_and_receipt_delay_are_kept():
    with Sim('--latency-ms', '200', '--receipt-delay-ms', '300-400') as sim:
        link = sim.link()
        began = time.monotonic()
        equal(link.ask('491701').status, 0)
        answered = time.monotonic()
        link.receipt()
        ended = time.monotonic()
        assert 0.19 <= answered - began < 2, answered - began
        assert 0.29 <= ended - answered < 2, ended - answered


def test_above_the_window_submits_are_throttled():
    with Sim('--window', '2', '--latency-ms', '300') as sim:
        link = sim.link()
        sequences = [link.submit(f'49170{i}', registered=0) for i in range(3)]
        statuses = {pdu.sequence: pdu.status for pdu in (link.read() for _ in range(3))}
        equal([statuses[sequence] for sequence in sequences], [0, 0, THROTTLED])
        equal(link.ask('491709', registered=0).status, 0)
        equal(sim.end()['throttled'], 1)


def test_the_rate_is_a_token_bucket_per_system_id():
    with Sim('--rate', '50', '--burst', '5') as sim:
        links = [sim.link(), sim.link()]
        stranger = sim.link(system_id='another')
        ok = {True: 0, False: 0}
        for i in range(40):
            links[i % 2].submit(f'49170{i}', registered=0)
        for i in range(40):
            ok[links[i % 2].read().status == 0] += 1
        assert 5 <= ok[True] <= 12, ok  # five at once, then one in 20 ms
        equal(stranger.ask('491701', registered=0).status, 0)
        began, taken = time.monotonic(), 0
        while time.monotonic() - began < 1:
            taken += links[0].ask('491701', registered=0).status == 0
        assert 45 <= taken <= 56, taken


def test_hanging_takes_binds_and_answers_no_submit():
    with Sim('--hang') as sim:
        link = sim.link()
        link.submit('491701')
        assert link.silent(0.3)
        link.send(ENQUIRE)
        equal(link.read().command, ENQUIRE | RESP)
        stats = sim.end()
        equal((stats['hung'], stats['accepted']), (1, 0))


def totals(seed, numbers):
    with Sim('--seed', str(seed), '--mix', 'failed=20,expired=10,rejected=10,none=5,refused=5',
             '--receipts', 'early=5,twice=5,lost=5') as sim:
        link = sim.link()
        for number in numbers:
            link.submit(number)
        settled = 0
        while settled < len(numbers):
            pdu = link.read()
            if pdu.command == DELIVER:
                link.ack(pdu)
            else:
                settled += 1
        return sim.end()['outcomes']


def test_outcomes_follow_the_seed_and_not_the_order():
    numbers = [f'4917{i:08}' for i in range(400)]
    first = totals(7, numbers)
    equal(totals(7, list(reversed(numbers))), first)
    assert totals(8, numbers) != first
    equal(sum(first.values()), 400)
    assert 40 <= first['failed'] <= 120, first


def test_the_log_tells_what_happened():
    path = scratch('log')
    with Sim('--log', path, '--first-id', '10', '--receipt-ids', 'decimal:4') as sim:
        link = sim.link(password='hunter2')
        link.ask('491701', 'code 1234 #tok-7 end')
        link.receipt()
        sim.end()
    equal(os.stat(path).st_mode & 0o777, 0o600)
    lines = read_log(path)
    equal(lines[0]['event'], 'start')
    equal([(line['event'], line.get('command')) for line in lines if line['event'] != 'sent'][1:9],
          [('up', None), ('in', 'bind_transceiver'), ('out', 'bind_transceiver_resp'),
           ('in', 'submit_sm'), ('drawn', None), ('out', 'submit_sm_resp'), ('out', 'deliver_sm'),
           ('in', 'deliver_sm_resp')])
    by_command = {line['command']: line for line in lines if 'command' in line}
    submit = by_command['submit_sm']
    fnv = 0xcbf29ce484222325
    for octet in b'code 1234 #tok-7 end':
        fnv = (fnv ^ octet) * 0x100000001b3 & (1 << 64) - 1
    equal((submit['destination'], submit['source'], submit['token'], submit['text_octets']),
          ('491701', '4930123', 'tok-7', 20))
    equal(submit['text_hash'], f'{fnv:016x}')
    equal(by_command['submit_sm_resp']['message_id'], 'a')
    drawn = next(line for line in lines if line['event'] == 'drawn')
    equal((drawn['message_id'], drawn['receipt_id'], drawn['outcome'], drawn['attempt'],
           drawn['sequence'], drawn['link']), ('a', '0010', 'delivered', 0, submit['sequence'], 1))
    equal((by_command['deliver_sm']['receipt']['id'], by_command['deliver_sm']['receipt']['stat']),
          ('0010', 'DELIVRD'))
    with open(path, encoding='utf-8') as text:
        text = text.read()
    assert 'hunter2' not in text and 'code 1234' not in text
    sent = max(line['sent_octets'] for line in lines if line['event'] == 'sent')
    assert sent >= by_command['deliver_sm']['end_octets']


def test_the_log_has_texts_only_when_asked():
    path = scratch('log')
    with Sim('--log', path, '--log-text') as sim:
        link = sim.link()
        link.ask('491701', 'in full')
        sim.end()
    assert any(line.get('text') == 'in full' for line in read_log(path))


def test_a_killed_simulator_has_logged_all_its_peer_saw():
    path = scratch('log')
    with Sim('--log', path) as sim:
        link = sim.link()
        for i in range(300):
            link.submit(f'49170{i:05}')
        seen = []
        while len(seen) < 200:
            pdu = link.read()
            seen.append((pdu.command, pdu.sequence))
            if pdu.command == DELIVER:
                link.ack(pdu)
        sim.process.kill()
        sim.process.wait()
        while True:
            pdu = link.read()
            if pdu is None:
                break
            seen.append((pdu.command, pdu.sequence))
    names = {'submit_sm_resp': SUBMIT | RESP, 'deliver_sm': DELIVER}
    with open(path, encoding='utf-8') as text:
        whole = [json.loads(line) for line in text if line.endswith('\n')]
    logged = {(names[line['command']], line['sequence']) for line in whole
              if line['event'] == 'out' and line['command'] in names}
    equal(set(seen) - logged, set())


def test_attempts_are_counted_by_segment():
    path = scratch('log')
    with Sim('--log', path) as sim:
        link = sim.link()
        udh = b'\5\0\3\7\2'
        link.ask('491701', 'same', registered=0)
        link.ask('491701', 'same', registered=0)
        link.ask('491701', 'other', registered=0)
        link.ask('491702', 'same', registered=0)
        link.ask('491701', udh + b'\1same', esm_class=0x40, registered=0)
        link.ask('491701', udh + b'\2same', esm_class=0x40, registered=0)
        link.ask('491701', udh + b'\2same', esm_class=0x40, registered=0)
        sim.end()
    equal([(line['part'], line['attempt']) for line in read_log(path) if line['event'] == 'drawn'],
          [(1, 0), (1, 1), (1, 0), (1, 0), (1, 0), (2, 0), (2, 1)])


def test_what_it_does_not_speak_is_refused():
    with Sim() as sim:
        link = sim.link()
        link.send(DELIVER)
        equal(link.read().status, 4)
        link.send(0x777)
        pdu = link.read()
        equal((pdu.command, pdu.status), (NACK, 3))
        equal(link.ask('').status, 0x0B)
        equal(link.ask('4' * 21).status, 0x0B)
        equal(link.ask('491701').status, 0)
        link.receipt()
        link.socket.sendall(b'GET / HTTP/1.1\r\n\r\n')
        pdu = link.read()
        equal((pdu.command, pdu.status), (NACK, 2))
        equal(link.read(), None)
        equal(sim.link().ask('491702').status, 0)


def test_submits_before_a_bind_are_refused():
    with Sim() as sim:
        link = Link(sim.address)
        link.submit('491701')
        equal(link.read().status, 4)
        link.close()


def test_it_unbinds_when_it_ends():
    with Sim() as sim:
        link = sim.link()
        sim.process.send_signal(signal.SIGTERM)
        pdu = link.read()
        equal(pdu.command, UNBIND)
        link.ack(pdu)
        equal(link.read(), None)
        equal(sim.wait()['links'], 1)


def test_an_unbind_is_answered():
    with Sim() as sim:
        link = sim.link()
        link.send(UNBIND)
        equal(link.read().command, UNBIND | RESP)
        equal(link.read(), None)
        assert sim.process.poll() is None


def test_usr1_prints_statistics_and_goes_on():
    with Sim() as sim:
        link = sim.link()
        link.ask('491701', registered=0)
        sim.process.send_signal(signal.SIGUSR1)
        ready, _, _ = select.select([sim.process.stdout], [], [], PATIENCE_S)
        assert ready
        equal(json.loads(sim.process.stdout.readline())['accepted'], 1)
        equal(link.ask('491702', registered=0).status, 0)
        equal(sim.end()['accepted'], 2)


def test_it_stops_after_as_many_as_asked():
    with Sim('--stop-after', '3') as sim:
        link = sim.link()
        for i in range(3):
            link.ask(f'49170{i}')
            link.receipt()
        link.ack(link.read())
        stats = sim.wait()
        equal((stats['accepted'], stats['unsettled']), (3, 0))


def test_it_stops_after_as_long_as_asked():
    began = time.monotonic()
    with Sim('--max-seconds', '1') as sim:
        sim.wait()
    assert 0.9 <= time.monotonic() - began < 10


def test_tls():
    folder = os.path.dirname(scratch('x'))
    key, cert = os.path.join(folder, 'key.pem'), os.path.join(folder, 'cert.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key,
                    '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext',
                    'subjectAltName=DNS:localhost'], check=True, capture_output=True)
    os.chmod(key, 0o600)
    with Sim('--tls-cert', cert, '--tls-key', key) as sim:
        link = Link(sim.address, tls=ssl.create_default_context(cafile=cert))
        equal(link.bind().status, 0)
        equal(link.ask('491701').status, 0)
        equal(link.receipt()['stat'], 'DELIVRD')
        plain = Link(sim.address)
        plain.send(ENQUIRE)
        equal(plain.read(), None)


def test_tls_with_generated_certificates():
    folder = os.path.join(os.path.dirname(scratch('x')), 'tls')
    with Sim('--tls-generate', folder) as sim:
        equal(sorted(os.listdir(folder)),
              ['ca.key', 'ca.pem', 'client.key', 'client.pem', 'server.key', 'server.pem'])
        equal({os.stat(os.path.join(folder, name)).st_mode & 0o777
               for name in os.listdir(folder) if name.endswith('.key')}, {0o600})
        first = open(os.path.join(folder, 'ca.pem'), encoding='ascii').read()
        trust = ssl.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
        for name in ('localhost', '127.0.0.1'):
            link = Link(sim.address, tls=trust, name=name)
            equal(link.bind().status, 0)
        try:
            Link(sim.address, tls=ssl.create_default_context())
            raise AssertionError('everybody trusts it')
        except ssl.SSLCertVerificationError:
            pass
    with Sim('--tls-generate', folder, '--tls-require-client') as sim:
        assert open(os.path.join(folder, 'ca.pem'), encoding='ascii').read() != first
        trust = ssl.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
        link = Link(sim.address, tls=trust)
        try:
            link.send(ENQUIRE)
            assert link.read() is None, 'a client without certificate was let in'
        except (ssl.SSLError, ConnectionError):
            pass
        trust.load_cert_chain(os.path.join(folder, 'client.pem'), os.path.join(folder, 'client.key'))
        equal(Link(sim.address, tls=trust).bind().status, 0)
    done = run('--listen', '127.0.0.1:0', '--tls-generate', '/nonexistent/tls')
    equal(done.returncode, 1)
    assert '/nonexistent/tls' in done.stderr, done.stderr


def npm_client(sim, *options):
    modules = os.path.join(ROOT, 'test/peers/node_modules')
    if not os.path.isdir(modules):
        raise Skipped('npm packages are not installed')
    done = subprocess.run(['node', os.path.join(ROOT, 'test/peers/client.js'), '--port',
                           sim.address.rsplit(':', 1)[1], *options], capture_output=True,
                          text=True, timeout=60, check=False)
    equal((done.returncode, done.stderr), (0, ''))
    return json.loads(done.stdout)


def test_the_npm_client_is_served():
    with Sim('--seed', '3', '--mix', 'failed=10,refused=5', '--receipts', 'early=5',
             '--latency-ms', '0-20', '--receipt-delay-ms', '0-50') as sim:
        result = npm_client(sim, '--count', '500', '--window', '20')
        outcomes = sim.end()['outcomes']
        equal(result['accepted'], outcomes['delivered'] + outcomes['failed'])
        equal(result['statuses'], {'0': result['accepted'], '11': outcomes['refused']})
        equal(result['states'], {'DELIVRD': outcomes['delivered'], 'UNDELIV': outcomes['failed']})
        equal((result['unmatched'], result['repeated'], result['unbound']), (0, 0, True))
        assert result['before_response'] > 0


# --- The run -------------------------------------------------------------------------------------

class Skipped(Exception):
    pass


def run_tests(names):
    """Runs every test_… of a module's names; its exit status."""
    tests = [(name[5:].replace('_', ' '), test) for name, test in names.items()
             if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}')
    for n, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f'ok {n} - {name}')
        except Skipped as reason:
            print(f'ok {n} - {name} # SKIP {reason}')
        except Exception as error:  # a test that breaks is a test that fails
            failed += 1
            print(f'not ok {n} - {name}')
            line = error.__traceback__
            while line.tb_next:
                line = line.tb_next
            print(f'# {type(error).__name__}: {error} (line {line.tb_lineno})')
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(run_tests(globals()))
