#!/usr/bin/python3
# builds: asan
"""Secrets, texts and numbers are planted and then looked for in everything that is shown: log,
standard output and error, replies to refused requests, what operators see, the tap, traces, the
process's own command line and environment; of keys and passwords also in the store. Prints TAP."""
import glob
import json
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
API_KEY = 'canary-key-5b1f0'  # short enough for a reader of JSON to quote it in a complaint
PASSWORD = 'cNryPw7'  # SMPP 3.4, 5.2.2: at most eight characters
TEXT = 'canary 481516'
NUMBER, REFUSED = '31648151623', '31642108151'
SECRETS = {'key': API_KEY, 'password': PASSWORD, 'text': TEXT, 'number': NUMBER,
           'number that is refused': REFUSED}
SETS = ('log.level=debug', 'routes.1.receipt_deadline=3s', 'providers.alpha.system_id=canary')


def shapes(text):
    """A text as it may be written: as it is, as hexadecimal, as UTF-16."""
    plain = text.encode()
    return [plain, plain.hex().encode(), plain.hex().upper().encode(), text.encode('utf-16-be'),
            text.encode('utf-16-be').hex().encode()]


def found(octets, names=tuple(SECRETS)):
    return [name for name in names if any(shape in octets for shape in shapes(SECRETS[name]))]


def check_clean(name, octets, names=tuple(SECRETS)):
    seen = found(octets, names)
    at = octets.find(SECRETS[seen[0]].encode()) if seen else 0
    TAP.result(bool(octets) and not seen, f'{name}: nothing planted shows',
               [seen, octets[max(0, at - 200):at + 100]])


def raw(path, octets):
    """What comes back, to the end."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(path)
        link.sendall(octets)
        answer = b''
        while more := link.recv(65536):
            answer += more
        return answer


def post(daemon, body, key=API_KEY, target='/api/v1/send_sms', path=None):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (f'POST {target} HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {key}\r\n'
            f'Connection: close\r\nContent-Length: {len(text)}\r\n\r\n')
    return raw(path or daemon.submit, head.encode() + text)


def intent(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': [NUMBER], 'message': TEXT, **changes}


def refusals(daemon):
    """Replies to whatever goes wrong with planted words in it."""
    whole = json.dumps(intent(numbers=[REFUSED]))
    yield post(daemon, intent(), key=API_KEY + 'x')
    for broken in (whole[:-1] + '}}', whole + TEXT, whole.replace('"ACME"', REFUSED),
                   *(whole.replace(TEXT, TEXT + wrong) for wrong in ('\\ud800', '\x01', '\\q'))):
        yield post(daemon, broken.encode())
    for change in ({'message': TEXT + '\u20ac\u0416'}, {'message': TEXT + '\x07'},
                   {'message': TEXT * 20}, {'numbers': ['+' + REFUSED]},
                   {'numbers': [REFUSED, REFUSED]}, {'numbers': [REFUSED + '99999']},
                   {'numbers': [REFUSED, '34' + REFUSED[2:]]}, {'route_id': 99},
                   {'route_id': 4, 'caller_id': '12345'}, {'caller_id': TEXT},
                   {'numbers': [REFUSED] + [str(31600000000 + n) for n in range(10000)]}):
        yield post(daemon, intent(**{'numbers': [REFUSED], **change}))
    key = json.dumps({'accounts': [{'name': 'a', 'keys': [{'key': API_KEY}]}]})
    for broken in (key[:-1], key.replace(API_KEY, API_KEY + '\\ud800'), key.replace('"a"', '"b"'),
                   key.replace(API_KEY, API_KEY + '\\q')):
        yield post(daemon, broken.encode(), target='/control/v1/accounts/import',
                   path=daemon.control)
    yield raw(daemon.submit, f'GET / HTTP/1.1\r\nX-API-KEY : {API_KEY}\r\n\r\n'.encode())
    yield raw(daemon.submit, f'GET / HTTP/1.1\r\n X-API-KEY: {API_KEY}\r\n\r\n'.encode())


def control(daemon, *words):
    done = subprocess.run([house.program('esmectl'), '--socket', daemon.control, *words],
                          capture_output=True, timeout=house.PATIENCE_S, check=False)
    return done.stdout + done.stderr


def process_files(daemon):
    text = b''
    for name in ('cmdline', 'environ'):
        with open(f'/proc/{daemon.process.pid}/{name}', 'rb') as file:
            text += file.read()
    return text


def play(home):
    daemon = home.daemon
    trace = subprocess.Popen([house.program('smpp-trace'), 'live', '--socket',
                              f'{home.folder}/tap.sock'],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    house.await_that('the trace is on the tap', lambda: '/tap/v1/stream' in daemon.said(1 << 20))
    answer = post(daemon, intent())
    order = json.loads(answer.partition(b'\r\n\r\n')[2])
    house.await_that('the order is resolved',
                     lambda: ask(daemon, '/api/v1/orders/1')['pending'] == 0)
    house.await_that('receipts are settled', home.far.settled)
    number = order['messages'][0]['bx_message_id']
    check_clean('replies to refused requests', b''.join(refusals(daemon)))
    shown = b''.join(control(daemon, *words) for words in (
        ['status'], ['links'], ['orders'], ['order', '1'], ['explain', number], ['message', number],
        ['account', 'list'], ['account', 'ledger', 'canary'], ['recount', 'order', '1'],
        ['messages', '1'], ['lifecycle'],
        ['store', 'check']))
    check_clean('what esmectl shows', shown)
    shown = b''.join(raw(daemon.control, f'GET /control/v1/{path} HTTP/1.1\r\nHost: localhost\r\n'
                         'Connection: close\r\n\r\n'.encode()) for path in (
        'status', 'links', 'orders', 'orders/1', 'orders/1/messages', f'messages/{number}',
        f'messages/{number}/explain', 'recount', 'accounts', 'accounts/canary/ledger'))
    check_clean('what the control socket answers', shown)
    check_clean('health and metrics', b''.join(raw(
        daemon.submit, b'GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' % path)
        for path in (b'healthz', b'readyz', b'metrics')))
    check_clean('command line and environment', process_files(daemon))
    with open(f'/proc/{daemon.process.pid}/limits', encoding='utf-8') as file:
        limits = file.read()
    TAP.result(re.search(r'Max core file size +0 +0 ', limits), 'no core is written', [limits])
    trace.terminate()
    check_clean('the trace', trace.communicate()[0])


def ask(daemon, target):
    return daemon.api('GET', target, key=API_KEY)[1]


def main():
    with house.House(['--quiet', '--password', PASSWORD], SETS) as home:
        daemon = home.daemon
        with open(os.path.join(home.folder, 'password'), 'w', encoding='utf-8') as file:
            file.write(PASSWORD + '\n')
        daemon.start()
        daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'canary', 'opening': '100', 'keys': [{'key': API_KEY}]}]})
        play(home)
        TAP.result(daemon.stop() == 0, 'it ends in order', [daemon.said()])
        check_clean('the log', daemon.said(1 << 24).encode())
        with open(home.far.log, 'rb') as file:
            check_clean("the simulator's log", file.read(), ('key', 'password', 'text'))
        kept = b''
        for path in glob.glob(f'{daemon.store}/*'):
            with open(path, 'rb') as file:
                kept += file.read()
        TAP.result(TEXT.encode() in kept, 'the store holds the text, where it belongs')
        check_clean('the store', kept, ('key', 'password'))
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
