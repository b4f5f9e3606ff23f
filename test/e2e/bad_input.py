#!/usr/bin/python3
"""What an operator does wrong and what the network throws at the daemon: each gets a message that
says what, where and what to do, the right exit status, and nothing that was accepted is lost."""
import os
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
from house import House, Tap, UnixConnection, await_that, program  # noqa: E402

RUNTIME, USAGE, CONFIG = 1, 2, 78


def esmed(*arguments):
    """(exit status, what it said) of a start that should not last."""
    root = ['--allow-root'] if os.geteuid() == 0 else []
    done = subprocess.run([program('esmed'), *root, *arguments], capture_output=True, text=True,
                          timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def second(house, *sets):
    """A second daemon, alike but for `sets`."""
    arguments = ['--config', os.path.join(os.path.dirname(__file__), '../../config/example.yaml')]
    for one in [*house.daemon.sets, *sets]:
        arguments += ['--set', one]
    return esmed(*arguments)


def said(tap, name, got, status, *words):
    code, text = got
    missing = [word for word in words if word not in text]
    tap.result(code == status and not missing, name,
               [f'exit status {code}, wanted {status}', f'missing: {missing}', text])


def wrong_config(tap, folder):
    path = os.path.join(folder, 'wrong.yaml')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('store:\n  path: store\n  sise: 256MiB\nsockets:\n  submit: {path: a.sock}\n'
                   '  control: {path: b.sock}\nproviders: {}\nroutes: {}\ndrain: 3 weeks\n')
    said(tap, 'a wrong configuration names every mistake by line and column', esmed('--check', path),
         CONFIG, f'{path}:3:3:', '"sise"', '"size"', f'{path}:9:')
    said(tap, 'and is not run', esmed('--config', path), CONFIG, f'{path}:3:3:')
    said(tap, 'a file that is not there is named', esmed('--check', folder + '/none.yaml'), CONFIG,
         'none.yaml')
    said(tap, 'an unknown option is a usage error', esmed('--sock', 'x'), USAGE, '--sock')


def wrong_places(tap, house):
    daemon = house.daemon
    said(tap, 'a second daemon on the store is told the pid of the first', second(house), RUNTIME,
         str(daemon.process.pid))
    other = f'store.path={house.folder}/other'
    said(tap, 'a socket path in use is named', second(house, other), RUNTIME, daemon.submit)
    plain = os.path.join(house.folder, 'plain')
    with open(plain, 'w', encoding='utf-8') as file:
        file.write('somebody needs this\n')
    said(tap, 'a file where a socket should be is left alone',
         second(house, other, f'sockets.submit.path={plain}'), RUNTIME, plain)
    with open(plain, encoding='utf-8') as file:
        tap.result(file.read() == 'somebody needs this\n', 'and keeps its octets')
    with socket.socket() as busy:
        busy.bind(('127.0.0.1', 0))
        busy.listen()
        port = busy.getsockname()[1]
        said(tap, 'a port in use is named',
             second(house, other, f'sockets.submit.path={house.folder}/s2',
                    f'sockets.control.path={house.folder}/c2', f'sockets.tap.path={house.folder}/t2',
                    f'listen=127.0.0.1:{port}'), RUNTIME, str(port))
    sim = subprocess.run([program('smsc-sim'), '--listen', f'127.0.0.1:{house.far.port}'],
                         capture_output=True, text=True, timeout=30, check=False)
    said(tap, 'the simulator names a port in use', (sim.returncode, sim.stdout + sim.stderr),
         RUNTIME, str(house.far.port))


def post(house, octets, length=None):
    """(status, body) of octets that are sent as a send_sms body."""
    connection = UnixConnection(house.daemon.submit)
    connection.putrequest('POST', '/api/v1/send_sms')
    connection.putheader('X-API-KEY', 'end-to-end-0123456789abcdef0123456789abcdef')
    connection.putheader('Content-Type', 'application/json')
    connection.putheader('Content-Length', str(len(octets) if length is None else length))
    connection.endheaders()
    try:
        connection.send(octets)
    except OSError:
        pass  # refused before the last octet, as it should be
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def wrong_requests(tap, house):
    before = house.daemon.operate('GET', '/control/v1/orders')[1]
    status, body = post(house, b'{"message":"' + b'x' * 2_000_000 + b'"}')
    tap.result(status == 413 and '1048576' in body.replace(',', ''),
               'a body of 2 MB is refused and the limit is named', [status, body])
    status, body = post(house, b'\x00\xff garbage')
    tap.result(status == 422 and 'json_invalid' in body, 'a body that is no JSON is refused',
               [status, body])
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(house.daemon.submit)
        raw.sendall(os.urandom(64).replace(b'\n', b' ') + b'\r\n\r\n')
        raw.settimeout(10)
        answer = raw.recv(4096)
        tap.result(answer.startswith(b'HTTP/1.1 400'), 'octets that are no HTTP get a 400',
                   [answer])
    after = house.daemon.operate('GET', '/control/v1/orders')[1]
    tap.result(before == after, 'refused requests leave no order', [before, after])


def garbage_on_the_link(tap):
    """A far end that answers a bind with garbage, then is replaced by an honest simulator."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        listener.settimeout(20)
        port = listener.getsockname()[1]
        sets = [f'providers.beta.links.beta-1.port={port}', 'providers.beta.enabled=true',
                'providers.beta.timers.reconnect_min=200ms']
        with House(sets=sets) as house:
            house.daemon.start()
            house.daemon.open_account()
            link, _ = listener.accept()
            with link:
                link.recv(4096)
                link.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
                link.settimeout(20)
                octets = link.recv(4096)
            nack = struct.unpack('>IIII', octets[:16]) if len(octets) >= 16 else octets
            tap.result(nack == (16, 0x80000000, 2, 0), 'lost framing is answered by generic_nack '
                       'RINVCMDLEN with sequence 0', [nack])
            reason = await_that('the link tells why it is down', lambda: [
                link for link in house.daemon.operate('GET', '/control/v1/links')[1]['links']
                if 'beta' in link['name'] and 'command_length' in (link.get('reason') or '')])
            tap.result(bool(reason), 'the link says why it went down', [reason])
            house.daemon.load('--count', '50', '--batch', '50', '--numbers-from', '31600000000')
            order = await_that('the order resolves', house.daemon.resolved)
            tap.result(order['delivered'] == 50, 'the other provider is not disturbed', [order])


def truncated_store(tap):
    with House() as house:
        house.daemon.start()
        house.daemon.open_account()
        house.daemon.load('--count', '500', '--batch', '500')
        await_that('the order resolves', house.daemon.resolved)
        house.daemon.stop()
        data = os.path.join(house.daemon.store, 'data.mdb')
        size = os.path.getsize(data)
        whole = data + '.whole'
        os.rename(data, whole)
        with open(whole, 'rb') as source, open(data, 'wb') as cut:
            cut.write(source.read(size)[:40000])
        os.chmod(data, 0o600)
        said(tap, 'a truncated store is refused and says so', second(house), CONFIG,
             house.daemon.store)
        said(tap, 'store check says the same', esmed('store', 'check', house.daemon.store), CONFIG,
             house.daemon.store)
        os.replace(whole, data)
        house.daemon.start()
        order = house.daemon.order()
        tap.result(order and order['total'] == 500 and order['pending'] == 0,
                   'put back whole it runs, and nothing is lost', [order])


def main():
    tap = Tap()
    with House() as house:
        wrong_config(tap, house.folder)
        house.daemon.start()
        house.daemon.open_account()
        wrong_places(tap, house)
        wrong_requests(tap, house)
        tap.result(house.daemon.answers(), 'the first daemon has not noticed')
        tap.result(house.daemon.stop() == 0, 'and stops in order', [house.daemon.said()])
    garbage_on_the_link(tap)
    truncated_store(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
