#!/usr/bin/python3
# builds: asan plain
"""smpp-trace proxy between real ESMEs and SMSCs: what passes is the same on both sides to the octet,
however it ends and whoever does not read; what is shown is what passed. Prints TAP."""
import contextlib
import hashlib
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
import npm  # noqa: E402
import wire  # noqa: E402

TRACE = house.program('smpp-trace')
SESSIONS = 256                # RELAY_SESSIONS of tools/trace_relay.h
RING_OCTETS = 32 << 20        # TRACE_RING_OCTETS of tools/trace_ring.h
RSS_OCTETS = 160 << 20        # of the program, with its ring and under sanitizers
RESET = struct.pack('ii', 1, 0)
# What sanitizers keep of freed memory, to find its use, is no part of what the program needs.
ENVIRONMENT = {**os.environ, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') +
               ':quarantine_size_mb=8'}
PASSWORD, NUMBER, TEXT = 's3cret', '491701234567', 'Your code is 4711'
tap = house.Tap()


def pdu(command, body=b'', status=0, sequence=1):
    return struct.pack('>IIII', 16 + len(body), command, status, sequence) + body


def bind(sequence=1):
    return pdu(9, b'esme\0' + PASSWORD.encode() + b'\0\0\x34\0\0\0', sequence=sequence)


def submit(sequence, text=TEXT.encode()):
    return pdu(4, b'\0\x05\0Brand\0\x01\x01' + NUMBER.encode() + b'\0' + bytes(9) +
               bytes([len(text)]) + text, sequence=sequence)


def payload(sequence, n):
    """A data_sm with so many octets."""
    return pdu(0x103, b'\0\x01\x01' + b'1\0' + b'\x01\x01' + b'2\0' + bytes(3) +
               struct.pack('>HH', 0x424, n) + random.Random(sequence).randbytes(n),
               sequence=sequence)


ENQUIRE, ENQUIRE_RESP, SUBMIT_RESP = 0x15, 0x80000015, 0x80000004


class Proxy:
    """The program; its standard output goes into .out unless it is not to be read."""

    def __init__(self, to, *options, reads=True):
        self.process = subprocess.Popen([TRACE, 'proxy', '--listen=0', f'--to=127.0.0.1:{to}',
                                         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=ENVIRONMENT)
        said = self.process.stderr.readline().decode()
        if not re.fullmatch(r'listening on 127\.0\.0\.1:\d+\n', said):
            raise house.Trouble(f'proxy: {said}')
        self.port = int(said.rsplit(':', 1)[1])
        self.out, self.err, self.threads = bytearray(), bytearray(), []
        self.keep('err', self.process.stderr)
        if reads:
            self.keep('out', self.process.stdout)

    def keep(self, name, stream):
        def run():
            while octets := os.read(stream.fileno(), 65536):
                getattr(self, name).extend(octets)
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def lines(self):
        return self.out.decode().splitlines()

    def objects(self):
        """What -T json has told of PDUs."""
        return [one for one in map(json.loads, self.out[:self.out.rfind(b'\n') + 1].splitlines())
                if 'octets' in one]

    def says(self, text):
        house.await_that(text, lambda: text in self.err.decode())

    def connect(self):
        one = socket.create_connection(('127.0.0.1', self.port))
        one.settimeout(house.PATIENCE_S)
        return one

    def peak(self):
        """Octets of memory, at most until now."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmHWM:\s+(\d+) kB', status.read()).group(1)) << 10

    def end(self, how=signal.SIGINT):
        """Its exit status and the last line on standard error."""
        if self.process.poll() is None and how is not None:
            self.process.send_signal(how)
        status = self.process.wait(house.PATIENCE_S)
        for thread in self.threads:
            thread.join(house.PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return status, (self.err.decode().splitlines() or [''])[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def between(*options, **named):
    """(proxy, ESME's end, SMSC's end) of one session."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(house.PATIENCE_S)
        with Proxy(listener.getsockname()[1], *options, **named) as proxy:
            esme = proxy.connect()
            smsc = listener.accept()[0]
            smsc.settimeout(house.PATIENCE_S)
            with esme, smsc:
                yield proxy, esme, smsc


def take(one, n):
    octets = b''
    while len(octets) < n and (more := one.recv(65536)):
        octets += more
    return octets


def until_end(one):
    octets = b''
    while more := one.recv(65536):
        octets += more
    return octets


def both_sides(esme, smsc):
    """What passed at the one recording relay and at the other, by connection and direction."""
    return [[one.octets(who) for who in (wire.CLIENT, wire.SERVER)]
            for one in esme.connections], [[one.octets(who) for who in (wire.CLIENT, wire.SERVER)]
                                           for one in smsc.connections]


def recorded(far_port, run, *options):
    """run(port) through relay, proxy and relay; (its result, proxy, the two sides)."""
    smsc = wire.Relay(far_port)
    with Proxy(smsc.port, '-T', 'json', *options) as proxy:
        esme = wire.Relay(proxy.port)
        result = run(esme.port)
        sides = both_sides(esme, smsc)
        passed = sum(octets.count(b'') and count_pdus(octets) for one in sides[0] for octets in one)
        house.await_that('all shown', lambda: len(proxy.objects()) == passed)
        proxy.said = proxy.end()
        esme.end()
    smsc.end()
    return result, proxy, sides, passed


def count_pdus(octets):
    n, at = 0, 0
    while at + 4 <= len(octets):
        at += struct.unpack_from('>I', octets, at)[0]
        n += 1
    return n


def of_direction(proxy, way):
    return b''.join(bytes.fromhex(one['hex']) for one in proxy.objects() if one['dir'] == way)


def real_peers():
    why = npm.missing()
    if why is not None:
        tap.n += 1
        print(f'ok {tap.n} - the npm package smpp through the proxy # SKIP {why}')
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, far in (('its server', house.FarEnd(folder, command=npm.command('server.js'))),
                          ('smsc-sim', house.FarEnd(folder, '--quiet'))):
            try:
                def run(port):
                    done = subprocess.run(npm.command('client.js', '--port', port, '--count', 300),
                                          capture_output=True, text=True, check=False,
                                          timeout=2 * house.PATIENCE_S)
                    return json.loads(done.stdout)
                result, proxy, (esme, smsc), passed = recorded(far.port, run, '--text', '--numbers')
            finally:
                far.end()
            tap.result(result['accepted'] == result['receipts'] == 300 and result['unbound'],
                       f'the npm client does its work with {name}', [result])
            tap.result(esme == smsc and len(esme) == 1 and len(esme[0][0]) > 300 * 50,
                       f'with {name} both sides have the same octets', map(len, sum(esme, [])))
            tap.result(proxy.said == (0, f'seen {passed}, shown {passed}, dropped 0') and
                       passed > 4 * 300, f'with {name} each of {passed} PDUs is shown', [proxy.said])
            masked = b'secret', b'*' * 6  # the password alone is hidden
            tap.result(of_direction(proxy, 'out') == esme[0][0].replace(*masked) and
                       of_direction(proxy, 'in') == esme[0][1],
                       f'with {name} it shows the octets that passed, but for the password')


def a_daemon():
    with tempfile.TemporaryDirectory() as folder:
        far = house.FarEnd(folder, '--quiet')
        smsc = wire.Relay(far.port)
        with Proxy(smsc.port, '-T', 'json') as proxy:
            esme = wire.Relay(proxy.port)
            daemon = house.Daemon(folder, esme.port)
            try:
                daemon.start()
                daemon.open_account()
                daemon.load('--count', '500', '--batch', '500', '--text', TEXT)
                order = house.await_that('the order is resolved', daemon.resolved, 60)
                daemon.stop()
            finally:
                daemon.kill()
            sides = both_sides(esme, smsc)
            proxy.end()
            esme.end()
        smsc.end()
        far.end()
        tap.result(order['delivered'] == 500 and sides[0] == sides[1],
                   'esmed and smsc-sim reach each other, octet by octet', [order])
        submits = [one for one in proxy.objects() if one['command'] == 'submit_sm']
        told = json.dumps(submits)
        tap.result(len(submits) == 500 and TEXT.encode().hex() not in told and TEXT not in told and
                   all(re.fullmatch(r'\*+\d{3}', one['smpp.destination_addr']) for one in submits),
                   'texts and numbers are masked unless they are asked for', submits[:3])


# --- What is shown -------------------------------------------------------------------------------

def views():
    with between('--unanswered-after=1') as (proxy, esme, smsc):
        esme.sendall(bind() + submit(2) + submit(3))
        take(smsc, len(bind() + submit(2) + submit(3)))
        smsc.sendall(pdu(0x80000009, b'smsc\0') + pdu(SUBMIT_RESP, b'A\0', sequence=2))
        house.await_that('the one without answer', lambda: ' !! ' in proxy.out.decode())
        lines = proxy.lines()
        link = f'127.0.0.1:{smsc.getsockname()[1]}#1'
        tap.result(len(lines) == 6 and all(link in line for line in lines) and
                   ' -> submit_sm sequence_number=2 ' in lines[1] and ' of #2 ' in lines[4] and
                   ' rtt=' in lines[4] and PASSWORD not in proxy.out.decode(),
                   'lines, as of any source', lines)
        tap.result(' !! submit_sm sequence_number=3 (#3)' in lines[5],
                   'a request is told as unanswered while nothing passes', lines)
        tap.result(f'session 1 is 127.0.0.1:{esme.getsockname()[1]}' in proxy.err.decode(),
                   'it says whose a session is', [proxy.err])
        status, said = proxy.end()
        tap.result(status == 0 and said == 'seen 5, shown 5, dropped 0' and
                   len(until_end(esme)) == 39 and until_end(smsc) == b'',
                   'SIGINT: both sides are ended and the last line counts', [status, said])
    with between() as (proxy, esme, smsc):
        esme.sendall(bind())
        take(smsc, len(bind()))
        house.await_that('it is shown', lambda: proxy.out)
        status, said = proxy.end(signal.SIGTERM)
        tap.result(status == 0 and said == 'seen 1, shown 1, dropped 0' and
                   ' !! bind_transceiver sequence_number=1 (#1)' in proxy.lines()[-1],
                   'SIGTERM: the same; what was not answered is told', [status, said, proxy.out])
    with between() as (proxy, esme, smsc):
        status, said = proxy.end(signal.SIGHUP)
        tap.result(status == 0 and said == 'seen 0, shown 0, dropped 0' and esme.recv(1) == b'',
                   'SIGHUP, as of a terminal that is closed: the same', [status, said])
    with between('-c') as (proxy, esme, smsc):
        esme.sendall(submit(1))
        take(smsc, len(submit(1)))
        smsc.sendall(pdu(SUBMIT_RESP, status=0x58))
        take(esme, 16)
        proxy.end()
        tap.result('ESME_RTHROTTLED' in proxy.out.decode(), '-c: figures at the end', [proxy.out])
    with between('-v', '-f', 'error') as (proxy, esme, smsc):
        smsc.sendall(pdu(SUBMIT_RESP, status=0x58) + pdu(SUBMIT_RESP, b'A\0'))
        take(esme, 34)
        proxy.end()
        tap.result(proxy.out.count(b'command_length') == 1, '-v and -f, as of any source',
                   [proxy.out])
    with between('-f', f'to={NUMBER} & short_message~4711') as (proxy, esme, smsc):
        octets = submit(1) + submit(2, b'another') + submit(3)
        esme.sendall(octets)
        take(smsc, len(octets))
        proxy.end()
        lines = [line for line in proxy.lines() if ' -> ' in line and '!!' not in line]
        tap.result([line.split()[5] for line in lines] == ['sequence_number=1', 'sequence_number=3']
                   and NUMBER not in proxy.out.decode() and '4711' not in proxy.out.decode(),
                   'a filter sees what passes, and what it chooses is shown masked', [proxy.out])
    with tempfile.TemporaryDirectory() as folder:
        path, scenario = os.path.join(folder, 'a.pcapng'), os.path.join(folder, 'a.sim')
        with between('-w', path, '--scenario', scenario, '--text', '--numbers') as (proxy, esme,
                                                                                   smsc):
            esme.sendall(bind() + submit(2))
            take(smsc, len(bind() + submit(2)))
            smsc.sendall(pdu(0x80000009, b'smsc\0') + pdu(SUBMIT_RESP, b'A\0', sequence=2))
            take(esme, 39)
            _, said = proxy.end()
        done = subprocess.run([TRACE, 'read', '-T', 'json', '--text', '--numbers',
                               dissect.made(path)],
                              capture_output=True, check=False, timeout=house.PATIENCE_S)
        read = [json.loads(line) for line in done.stdout.splitlines()]
        read = [bytes.fromhex(one['hex']) for one in read if 'hex' in one]
        tap.result(said.endswith('written 4') and read ==
                   [bind().replace(PASSWORD.encode(), b'*' * 6), submit(2),
                    pdu(0x80000009, b'smsc\0'), pdu(SUBMIT_RESP, b'A\0', sequence=2)],
                   '-w: a capture of what passed', [said, read, done.stderr])
        with open(scenario, encoding='ascii') as file:
            tap.result('submit_sm' in file.read(), '--scenario: what the carrier said')


def malformed():
    odd = [pdu(0x10A, b'\xab'), submit(2)[:35], pdu(ENQUIRE, b'tail', sequence=3),
           pdu(SUBMIT_RESP, b'A', sequence=4), pdu(4, b'\xff' * 300, sequence=5)]
    odd[1] = struct.pack('>I', 35) + odd[1][4:]
    octets = b''.join(odd)
    with between('-T', 'json', '--text', '--numbers') as (proxy, esme, smsc):
        for at in range(len(octets)):  # also in the smallest of pieces
            esme.sendall(octets[at:at + 1])
        got = take(smsc, len(octets))
        house.await_that('all are shown', lambda: len(proxy.objects()) == len(odd))
        shown = proxy.objects()
        tap.result(got == octets and [bytes.fromhex(one['hex']) for one in shown] == odd and
                   sum('problem' in one for one in shown) >= 3,
                   'malformed PDUs are passed on as they are, and explained', shown)
        noise = b'HTTP/1.1 400 Bad Request\r\n\r\n' + random.Random(1).randbytes(200000)
        smsc.sendall(noise)
        got = take(esme, len(noise))
        house.await_that('it is shown', lambda: len(proxy.objects()) > len(odd))
        tap.result(got == noise and 'problem' in proxy.objects()[len(odd)],
                   'so is what is no PDU at all', [len(got)])
        half = submit(9)[:20]
        esme.sendall(half)
        esme.shutdown(socket.SHUT_WR)
        tap.result(until_end(smsc) == half, 'and a PDU that is never finished')
        smsc.close()
        house.await_that('it is shown as cut', lambda: bytes.fromhex(
            proxy.objects()[-1]['hex']) == half or None)


# --- How it ends ---------------------------------------------------------------------------------

def endings():
    octets = random.Random(2).randbytes(1 << 20)
    with between() as (proxy, esme, smsc):
        esme.sendall(submit(1))
        esme.shutdown(socket.SHUT_WR)
        tap.result(until_end(smsc) == submit(1), 'the end of one side is passed on')
        sender = threading.Thread(target=lambda: (smsc.sendall(octets),
                                                  smsc.shutdown(socket.SHUT_WR)))
        sender.start()
        got = until_end(esme)
        sender.join()
        tap.result(got == octets, 'and the other side goes on as long as it likes', [len(got)])
        house.await_that('both ends are shown', lambda: proxy.out.count(b'closed by') == 2)
    for name, way in (('ESME', 0), ('SMSC', 1)):
        with between() as (proxy, *ends):
            ends[way].sendall(submit(1))
            got = take(ends[1 - way], len(submit(1)))
            ends[way].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            ends[way].close()
            try:
                reset = ends[1 - way].recv(1)
            except ConnectionResetError:
                reset = True
            house.await_that('it is shown', lambda: b'RST' in proxy.out)
            tap.result(got == submit(1) and reset is True, f'a reset by the {name} is passed on',
                       [reset, proxy.out])
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    with Proxy(port) as proxy, proxy.connect() as esme:
        esme.sendall(bind())
        tap.result(esme.recv(1) == b'', 'nobody at the far end: the near one is ended')
        proxy.says(f'session 1: the far end cannot be reached: 127.0.0.1:{port}: Connection refused')
        status, said = proxy.end()
        tap.result(status == 0 and said == 'seen 0, shown 0, dropped 0',
                   'it is told, and what reached nobody is not shown', [status, said, proxy.out])


def mistakes():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        taken = f'127.0.0.1:{listener.getsockname()[1]}'
        for status, words, says in (
                (1, ('--listen', taken, '--to', '127.0.0.1:1'), f'{taken}: Address already in use'),
                (1, ('--listen=0', '--to=127.0.0.1:1', '--to-tls=/nowhere'), '/nowhere'),
                (2, ('--listen=0',), '--to'), (2, ('--to=127.0.0.1:1',), '--listen'),
                (2, ('--listen=x', '--to=127.0.0.1:1'), '--listen=x'),
                (2, ('--listen=0', '--to=2775'), '--to=2775'),
                (2, ('--listen=0', '--to=127.0.0.1:0'), 'port 0'),
                (2, ('--listen=0', '--to=127.0.0.1:1', 'x'), '`x`')):
            done = subprocess.run([TRACE, 'proxy', *words], capture_output=True, text=True,
                                  check=False, timeout=house.PATIENCE_S)
            tap.result(done.returncode == status and says in done.stderr and done.stdout == '',
                       f'proxy {" ".join(words).replace(taken, "TAKEN")}: refused', [done])
        done = subprocess.run([TRACE, 'proxy', '--listen=0', '--to=127.0.0.1:1', '-p', 'a'],
                              capture_output=True, text=True, check=False,
                              timeout=house.PATIENCE_S)
        tap.result(done.returncode == 2 and 'link=NAME' in done.stderr, 'proxy -p: refused', [done])
        done = subprocess.run([TRACE, 'read', '--to=127.0.0.1:1', '/dev/null'], text=True,
                              capture_output=True, check=False, timeout=house.PATIENCE_S)
        tap.result(done.returncode == 2 and 'for proxy' in done.stderr, 'read --to: refused', [done])


# --- Many, slow and stopped ----------------------------------------------------------------------

def many():
    n = 100
    with tempfile.TemporaryDirectory() as folder:
        far = house.FarEnd(folder, '--quiet', strict=False)  # each has a sequence_number of its own
        with Proxy(far.port, '-T', 'json') as proxy:
            esmes = [proxy.connect() for _ in range(n)]
            for one in esmes:
                one.sendall(bind())
            bound = [take(one, 16)[4:12] for one in esmes]
            for i, one in enumerate(esmes):
                one.sendall(pdu(ENQUIRE, sequence=2 + i))
            answers = sum(b''.join(take_last(one)) == pdu(ENQUIRE_RESP, sequence=2 + i)
                          for i, one in enumerate(esmes))
            house.await_that('all shown', lambda: len(proxy.objects()) == 4 * n)
            sessions = {}
            for one in proxy.objects():
                sessions.setdefault(one['session'], []).append(one['command'])
            tap.result(bound == [struct.pack('>II', 0x80000009, 0)] * n and answers == n,
                       f'{n} sessions at one time', [bound[0], answers])
            tap.result(len(sessions) == n and all(
                sorted(one) == ['bind_transceiver', 'bind_transceiver_resp', 'enquire_link',
                                'enquire_link_resp'] for one in sessions.values()),
                'and each PDU is shown with its own')
            for one in esmes:
                one.close()
            proxy.end()
        far.end()


def take_last(one):
    """What of a bind_transceiver_resp is left, dropped, and the 16 octets behind it."""
    octets = b''
    while len(octets) < 16 or octets[-16:-12] != struct.pack('>I', 16):
        more = one.recv(65536)
        if not more:
            break
        octets += more
    return [octets[-16:]]


def bound_of_sessions():
    with socket.create_server(('127.0.0.1', 0), backlog=SESSIONS) as listener:
        listener.settimeout(house.PATIENCE_S)
        with Proxy(listener.getsockname()[1]) as proxy:
            esmes, smscs = [], []
            for _ in range(SESSIONS):
                esmes.append(proxy.connect())
                smscs.append(listener.accept()[0])
            proxy.says('more must wait until one ends')
            esmes.append(proxy.connect())
            esmes[-1].sendall(pdu(ENQUIRE))
            listener.settimeout(0.5)
            try:
                listener.accept()
                waits = False
            except TimeoutError:
                waits = True
            listener.settimeout(house.PATIENCE_S)
            esmes[0].close()
            smscs[0].close()
            smscs.append(listener.accept()[0])
            tap.result(waits and take(smscs[-1], 16) == pdu(ENQUIRE),
                       f'of {SESSIONS + 1} sessions one waits until another has ended')
            for one in esmes + smscs:
                one.close()
            proxy.end()


READER = '''
import hashlib, socket
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
one, digest, n = listener.accept()[0], hashlib.sha256(), 0
while octets := one.recv(65536):
    digest.update(octets)
    n += len(octets)
one.sendall(digest.digest() + n.to_bytes(8, 'big'))
'''


def stopped_peer():
    """A far end that does not read: then the near one cannot write, and nothing gathers between."""
    octets = b''.join(payload(n, 60000) for n in range(1000))
    far = subprocess.Popen([sys.executable, '-c', READER], stdout=subprocess.PIPE, text=True)
    with Proxy(int(house.first_line(far)), '-f', 'error') as proxy, proxy.connect() as esme:
        esme.sendall(octets[:60000])
        house.await_that('it has come there', lambda: b'session 1 is' in proxy.err)
        far.send_signal(signal.SIGSTOP)
        esme.settimeout(1)
        sent = 60000
        try:
            while sent < len(octets):
                sent += esme.send(octets[sent:sent + 65536])
            blocked = False
        except TimeoutError:
            blocked = True
        peak = proxy.peak()
        tap.result(blocked, 'a peer that is stopped stops the other', [sent, len(octets)])
        tap.result(peak < RSS_OCTETS, f'and what lies between is bounded ({peak >> 20} MiB, when '
                   f'{sent >> 20} MiB were written)', [peak])
        far.send_signal(signal.SIGCONT)
        esme.settimeout(2 * house.PATIENCE_S)
        esme.sendall(octets[sent:])
        esme.shutdown(socket.SHUT_WR)
        tap.result(take(esme, 40) == hashlib.sha256(octets).digest() +
                   len(octets).to_bytes(8, 'big'), 'once it reads again it has every octet')
        proxy.end()
    far.wait(house.PATIENCE_S)
    far.stdout.close()


def stopped_output():
    """Standard output that nobody reads: the session does not notice, and the drops are counted."""
    n = 2 * RING_OCTETS // 60000 + 200
    with between('-T', 'json', reads=False) as (proxy, esme, smsc):
        wrong = 0
        for i in range(n):
            one = payload(i + 1, 60000)
            esme.sendall(one)
            answer = pdu(0x80000103, b'A\0', sequence=i + 1)
            wrong += take(smsc, len(one)) != one
            smsc.sendall(answer)
            wrong += take(esme, len(answer)) != answer
        peak = proxy.peak()
        tap.result(wrong == 0, f'{n} requests are answered while nobody reads what is shown')
        tap.result(peak < RSS_OCTETS, f'in bounded memory ({peak >> 20} MiB)', [peak])
        proxy.process.send_signal(signal.SIGINT)
        ended = esme.recv(1) == b'' and smsc.recv(1) == b''
        tap.result(ended, 'SIGINT ends both sides although the output is stuck')
        proxy.keep('out', proxy.process.stdout)
        status, said = proxy.end(None)
        shown = proxy.objects()
        dropped = 2 * n - len(shown)
        tap.result(status == 0 and dropped > 0 and
                   said == f'seen {len(shown)}, shown {len(shown)}, dropped {dropped}',
                   f'what was shown and what was dropped is all there was ({said})',
                   [status, len(shown), 2 * n])


# --- TLS -----------------------------------------------------------------------------------------

def tls():
    with tempfile.TemporaryDirectory() as folder:
        chain, key = house.make_certificate(folder)
        far = house.FarEnd(folder, '--quiet', '--tls-cert', chain, '--tls-key', key)
        with Proxy(far.port, '-T', 'json', f'--to-tls={chain}') as proxy, proxy.connect() as esme:
            esme.sendall(bind() + pdu(ENQUIRE, sequence=2))
            octets = take(esme, 40)
            house.await_that('all shown', lambda: len(proxy.objects()) == 4)
            proxy.says('session 1 reached 127.0.0.1:')
            tap.result(pdu(ENQUIRE_RESP, sequence=2) in octets and b'TLSv1.' in proxy.err,
                       '--to-tls: TLS to the SMSC, shown in clear', [octets, proxy.err])
            esme.shutdown(socket.SHUT_WR)
            until_end(esme)
            proxy.end()
        with Proxy(far.port, '--to-tls') as proxy, proxy.connect() as esme:
            tap.result(esme.recv(1) == b'', '--to-tls: a stranger is not talked to')
            proxy.says('session 1: the far end cannot be reached: ')
            proxy.end()
        hello = subprocess.run([sys.executable, '-c', 'import ssl; one = ssl.MemoryBIO(); c = ssl.'
                                'create_default_context(); c.check_hostname = False; '
                                'o = c.wrap_bio(ssl.MemoryBIO(), one)\ntry: o.do_handshake()\n'
                                'except ssl.SSLWantReadError: pass\nimport sys\n'
                                'sys.stdout.buffer.write(one.read())'], capture_output=True,
                               check=True).stdout
        with between() as (proxy, esme, smsc):
            esme.sendall(hello)
            got = take(smsc, len(hello))
            proxy.says('session 1 is TLS: it is passed on and cannot be shown')
            smsc.sendall(b'\x16\x03\x03')
            take(esme, 3)
            status, said = proxy.end()
            tap.result(got == hello and said == 'seen 0, shown 0, dropped 0' and not proxy.out,
                       'TLS between the two is passed on, and said', [status, said, proxy.out])
        far.end()


def main():
    mistakes()
    views()
    malformed()
    endings()
    many()
    bound_of_sessions()
    stopped_peer()
    stopped_output()
    tls()
    real_peers()
    if os.path.exists(house.program('esmed')):
        a_daemon()
    dissect.agreed(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
