#!/usr/bin/python3
# builds: asan
"""Links as old and odd carriers have them, over real sockets: outbind with TLS, a carrier that knows
no bind_transceiver, a name with several addresses. Prints TAP."""
import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

BIND_RECEIVER, BIND_TRANSMITTER, SUBMIT, DELIVER = 0x01, 0x02, 0x04, 0x05
UNBIND, BIND_TRANSCEIVER, OUTBIND, ENQUIRE = 0x06, 0x09, 0x0B, 0x15
RESP = 0x80000000
NUMBER = '31600000001'


class Peer:
    """One end of one connection, PDU by PDU."""

    def __init__(self, connection):
        self.connection, self.sequence = connection, 0
        connection.settimeout(house.PATIENCE_S)

    def send(self, command, body=b'', status=0, sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.connection.sendall(struct.pack('>IIII', 16 + len(body), command, status, sequence) +
                                body)

    def take(self, n):
        octets = b''
        while len(octets) < n:
            more = self.connection.recv(n - len(octets))
            if not more:
                return None
            octets += more
        return octets

    def read(self):
        """command, status, sequence, body; None at the end."""
        head = self.take(16)
        if head is None:
            return None
        length, command, status, sequence = struct.unpack('>IIII', head)
        return command, status, sequence, self.take(length - 16)


class OldCarrier:
    """SMPP 3.3: a transmitter and a receiver, and nothing else."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.binds, self.receiver = [], None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer = Peer(self.listener.accept()[0])
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with contextlib.suppress(OSError):
            while pdu := peer.read():
                self.answer(peer, *pdu)

    def answer(self, peer, command, _status, sequence, _body):
        if command == BIND_TRANSCEIVER:
            self.binds.append(command)
            peer.send(RESP, status=3, sequence=sequence)
        elif command in (BIND_RECEIVER, BIND_TRANSMITTER):
            self.binds.append(command)
            peer.send(command | RESP, b'old\0', sequence=sequence)
            if command == BIND_RECEIVER:
                self.receiver = peer
        elif command == SUBMIT:
            peer.send(SUBMIT | RESP, b'77\0', sequence=sequence)
            self.receiver.send(DELIVER, receipt('77'))
        elif command in (UNBIND, ENQUIRE):
            peer.send(command | RESP, sequence=sequence)


def receipt(message_id):
    text = (f'id:{message_id} sub:001 dlvrd:001 submit date:2401021530 done date:2401021531 '
            'stat:DELIVRD err:000 text:x').encode()
    return (b'\0\1\1' + NUMBER.encode() + b'\0\5\0ACME\0\x04\0\0\0\0\0\0\0\0' +
            bytes([len(text)]) + text)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def link_of(daemon, name):
    links = daemon.operate('GET', '/control/v1/links')[1]['links']
    return next((link for link in links if link['name'] == name), {})


def bound(daemon, name):
    return link_of(daemon, name).get('state') == 'bound'


def sent(daemon):
    return daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello', 'numbers': [NUMBER]})[0] == 200


def make_certificate(folder):
    chain, key = os.path.join(folder, 'our.pem'), os.path.join(folder, 'our.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                    '-out', chain], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return chain, key


def call(port, trust, password):
    context = ssl.create_default_context(cafile=trust)
    plain = socket.create_connection(('127.0.0.1', port), house.PATIENCE_S)
    peer = Peer(context.wrap_socket(plain, server_hostname='127.0.0.1'))
    peer.send(OUTBIND, b'smsc\0' + password + b'\0')
    return peer


def outbind(tap, folder):
    port = free_port()
    chain, key = make_certificate(folder)
    password = os.path.join(folder, 'outbind.password')
    with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as file:
        file.write('knock\n')
    link = (f'providers.alpha.links.in={{host: 127.0.0.1, port: {port}, bind: outbind, '
            f'tls: {{cert: {chain}, key: {key}}}, peers: [127.0.0.1], outbind_system_id: smsc, '
            f'outbind_password_file: {password}}}')
    with house.House(sets=(link,)) as home:
        home.daemon.start()
        home.daemon.open_account()
        house.await_that('it listens', lambda: 'link.listening' in home.daemon.said(100000))
        peer = call(port, chain, b'gnome')
        tap.result(peer.read() is None, 'an outbind with a wrong password is closed without a bind')
        tap.result(link_of(home.daemon, 'alpha/in')['calls_refused'] == 1, 'and counted')
        peer = call(port, chain, b'knock')
        command, _, sequence, body = peer.read()
        tap.result(command == BIND_RECEIVER and body.startswith(b'esmed\0secret\0'),
                   'an outbind is answered by bind_receiver on the same connection', [str(body)])
        peer.send(BIND_RECEIVER | RESP, b'smsc\0', sequence=sequence)
        house.await_that('bound', lambda: bound(home.daemon, 'alpha/in'))
        peer.send(DELIVER, receipt('no such id'))
        command, status, _, _ = peer.read()
        tap.result(command == DELIVER | RESP and status == 0, 'receipts are taken on it')
        with socket.create_connection(('127.0.0.1', port), house.PATIENCE_S) as plain:
            plain.sendall(struct.pack('>IIII', 16, ENQUIRE, 0, 1))
            plain.settimeout(house.PATIENCE_S)
            with contextlib.suppress(OSError):
                while plain.recv(100):
                    pass
        tap.result(bound(home.daemon, 'alpha/in'), 'a caller without TLS disturbs nothing')
        said = home.daemon.said(100000)
        tap.result('knock' not in said and 'gnome' not in said, 'no password is in the log')
        tap.result(home.daemon.stop() == 0, 'the daemon stops in order')


def pair(tap):
    carrier = OldCarrier()
    sets = (f'providers.alpha.links.alpha-1.port={carrier.port}',
            'providers.alpha.timers.reconnect_min=100ms')
    with house.House(sets=sets) as home:
        home.daemon.start()
        home.daemon.open_account()
        house.await_that('both ends are bound', lambda: bound(home.daemon, 'alpha/alpha-1/tx') and
                         bound(home.daemon, 'alpha/alpha-1/rx'))
        tap.result(carrier.binds == [BIND_TRANSCEIVER, BIND_TRANSMITTER, BIND_RECEIVER],
                   'a carrier without bind_transceiver gets a transmitter and a receiver',
                   [str(carrier.binds)])
        tap.result(sent(home.daemon), 'a message is accepted')
        house.await_that('delivered', lambda: (home.daemon.order() or {}).get('delivered') == 1)
        tap.result(True, 'it leaves by one end and its receipt comes by the other')
        link = link_of(home.daemon, 'alpha/alpha-1/rx')
        tap.result(link['link'] == 'alpha/alpha-1' and link['configured'] == 'transceiver' and
                   link['bind'] == 'receiver' and link['fallback_since'], 'status shows the pair',
                   [str(link)])
        told = subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, 'status'],
                              capture_output=True, text=True, timeout=60, check=False).stdout
        tap.result('alpha: bind_transceiver is not known there; 1 of its links' in told,
                   'and so does esmectl status', told.splitlines())
        tap.result(home.daemon.stop() == 0, 'the daemon unbinds both and stops in order')


def addresses(tap):
    """localhost is ::1 as well, where nobody listens."""
    found = {info[4][0] for info in socket.getaddrinfo('localhost', 1, type=socket.SOCK_STREAM)}
    with house.House(sets=('providers.alpha.links.alpha-1.host=localhost',)) as home:
        home.daemon.start()
        home.daemon.open_account()
        house.await_that('bound', lambda: bound(home.daemon, 'alpha/alpha-1'))
        tap.result(link_of(home.daemon, 'alpha/alpha-1')['peer'].startswith('127.0.0.1:'),
                   f'of the addresses of a name the one that answers is used: {sorted(found)}')


def main():
    tap = house.Tap()
    folder = tempfile.mkdtemp(prefix='esmed-links.')
    os.chmod(folder, 0o711)
    try:
        outbind(tap, folder)
        pair(tap)
        addresses(tap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
