#!/usr/bin/python3
# builds: asan
"""esmectl against a running daemon and simulator: every verb, its exit status, wrong input. TAP."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('ESMED_BUILD', os.path.join(ROOT, 'build'))
PATIENCE_S = 60
DIR = tempfile.mkdtemp(prefix='esmed-ctl.')
CONTROL = os.path.join(DIR, 'control.sock')
KEY = 'a-key-of-the-test-1234'
NO_SUCH = 'BX-1-0123456789abcdef'
CONFIG = '''
store: {path: store, size: 32MiB}
sockets:
  submit: {path: submit.sock}
  control: {path: control.sock}
  tap: {path: tap.sock}
providers:
  alpha:
    system_id: esmed
    password_file: password
    timers: {reconnect_min: 100ms, reconnect_max: 200ms}
    links: {main: {host: 127.0.0.1, port: SIM, tls: off}}
  dark:
    system_id: esmed
    password_file: password
    links: {main: {host: 127.0.0.1, port: DARK, tls: off}}
routes:
  1: {name: main, display_name: Main, provider: alpha, receipt_deadline: 2s}
  2: {name: night, display_name: Night, provider: dark, queue_deadline: 4s}
  3: {name: parts, display_name: Parts, provider: alpha,
      message: {max_chars: 600, alphabet: unicode, max_parts: 5}}
prices:
  - {route: 1, prefix: "31", country: NL, price: "0.088"}
  - {route: 2, prefix: "31", country: NL, price: "0.088"}
  - {route: 3, prefix: "31", country: NL, price: "0.088"}
'''
results = []


def check(name, passed, told=''):
    results.append(bool(passed))
    print('%s %d - %s' % ('ok' if passed else 'not ok', len(results), name), flush=True)
    if not passed:
        print('\n'.join('# ' + line for line in str(told).splitlines()), flush=True)


def until(happens, what):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if happens():
            return
        time.sleep(0.05)
    raise RuntimeError('never: ' + what)


def ctl(*args, socket_path=CONTROL, text=None):
    return subprocess.run([os.path.join(BUILD, 'esmectl'), '--socket', socket_path, *args],
                          input=text, capture_output=True, text=True, timeout=PATIENCE_S)


def asked(*args):
    done = ctl('--json', *args)
    return json.loads(done.stdout) if done.returncode == 0 else {'refused': done.stderr}


def post(body, key=KEY):
    connection = http.client.HTTPConnection('localhost', timeout=PATIENCE_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(os.path.join(DIR, 'submit.sock'))
    connection.request('POST', '/api/v1/send_sms', json.dumps(body), {'X-API-KEY': key})
    answer = connection.getresponse()
    read = json.loads(answer.read())
    connection.close()
    return answer.status, read


def intent(route, count, text='hello'):
    return {'route_id': route, 'caller_id': 'ACME', 'message': text,
            'numbers': ['316%08d' % i for i in range(count)]}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def start_simulator():
    process = subprocess.Popen(
        [os.path.join(BUILD, 'smsc-sim'), '--listen', '127.0.0.1:0', '--seed', '7', '--quiet',
         '--mix', 'delivered=80,failed=10', '--receipts', 'lost=10', '--ids', 'hex',
         '--receipt-ids', 'decimal'], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline().rsplit(':', 1)[1])


def start_daemon():
    root = ['--allow-root'] if os.geteuid() == 0 else []
    log = open(os.path.join(DIR, 'log'), 'a')
    process = subprocess.Popen([os.path.join(BUILD, 'esmed'), *root, '--config', 'conf.yaml'],
                               cwd=DIR, stderr=log, stdout=log)
    until(lambda: process.poll() is not None or ctl('status').returncode == 0, 'daemon is up')
    if process.poll() is not None:
        raise RuntimeError('the daemon ended: ' + open(os.path.join(DIR, 'log')).read()[-2000:])
    return process


def write_config(sim):
    with open(os.path.join(DIR, 'password'), 'w') as file:
        os.fchmod(file.fileno(), 0o600)
        file.write('secret')
    with open(os.path.join(DIR, 'conf.yaml'), 'w') as file:
        file.write(CONFIG.replace('SIM', str(sim)).replace('DARK', str(free_port())))


def refused(name, args, status, words, text=None):
    done = ctl(*args, text=text)
    told = done.stdout + done.stderr
    check(name, done.returncode == status and all(word in told for word in words),
          '%d %s' % (done.returncode, told))


# ---- command line and absence ----

def test_without_daemon():
    done = ctl('status', socket_path='/nonexistent/control.sock')
    check('without a daemon it names the socket, asks the right question and exits 1',
          done.returncode == 1 and '/nonexistent/control.sock' in done.stderr and
          'running' in done.stderr, done.stderr)
    refused('no verb is a usage error', [], 2, ['esmectl status'])
    refused('an unknown verb is named', ['stauts'], 2, ['stauts'])
    refused('a missing word is named', ['order'], 2, ['order takes ID'])
    refused('a word too many is refused', ['order', '1', '2'], 2, ['order takes ID'])
    refused('an option of another verb is refused', ['links', '--dot'], 2, ['--dot'])
    refused('a time without unit is refused', ['wait', 'order', '1', '--timeout=60'], 2, ['60s'])
    refused('one can wait for nothing else', ['wait', 'order', '1', '--for=x'], 2, ['resolved'])
    refused('a limit out of range is refused', ['orders', '--limit=501'], 2, ['500'])
    refused('an id longer than any is refused', ['order', 'x' * 300], 2, ['octets'])


# ---- accounts ----

def accounts_file(**more):
    account = {'name': 'acme', 'currency': 'EUR', 'opening': '1000.000001', 'credit_limit': '0',
               'sandbox': False, 'active': True, 'bulk': True, 'routes': [1, 2],
               'categories': ['general'], 'keys': [{'key': KEY, 'label': 'own'},
                                                   {'label': 'made'}],
               'prices': [{'route': 1, 'prefix': '31', 'price': '0.05'}]}
    return json.dumps({'accounts': [dict(account, **more)]})


def test_import():
    first = ctl('--json', 'account', 'import', '-', text=accounts_file())
    made = json.loads(first.stdout)['accounts'][0] if first.returncode == 0 else {}
    check('import makes an account', made.get('result') == 'created', first.stderr)
    keys = [key['key'] for key in made.get('keys', []) if 'key' in key]
    check('only the key that was made is shown', len(keys) == 1 and KEY not in first.stdout,
          first.stdout)
    before = asked('account', 'list')
    again = ctl('--json', 'account', 'import', '-', text=accounts_file())
    check('the same file changes nothing',
          json.loads(again.stdout)['accounts'][0]['result'] == 'unchanged' and
          'esmed_' not in again.stdout and asked('account', 'list') == before, again.stdout)
    check('both keys open the door', [post(intent(1, 1), key)[0] for key in (KEY, *keys)] ==
          [200, 200])
    off = ctl('account', 'import', '-',
              text=accounts_file(keys=[{'label': 'made', 'active': False}]))
    check('a key is switched off by its label', off.returncode == 0 and
          post(intent(1, 1), keys[0])[0] == 401 and post(intent(1, 1))[0] == 200, off.stderr)


def test_import_mistakes():
    before = asked('account', 'list')
    file = json.dumps({'accounts': [
        {'name': 'good', 'opening': '5'},
        {'name': 'bad name', 'opening': 5, 'currency': 'USD', 'colour': 1, 'routes': [99],
         'keys': [{}], 'prices': [{'route': 1, 'prefix': 'x', 'price': '-1'}]},
        {'name': 'good', 'credit_limit': '1.0000001'},
        {'opening': '1', 'keys': [{'key': 'short'}]}]})
    refused('every mistake of a file is told, with its place', ['account', 'import', '-'], 1,
            ['accounts[1]', 'colour', 'EUR', 'route', 'label', 'prefix', 'accounts[2]', 'twice',
             'credit_limit', 'accounts[3]', 'name is missing', '16 to 128'], text=file)
    refused('a key of another account is refused', ['account', 'import', '-'], 1,
            ['another account'], text=json.dumps(
                {'accounts': [{'name': 'thief', 'keys': [{'key': KEY}]}]}))
    refused('a key that stands twice is refused', ['account', 'import', '-'], 1, ['twice'],
            text=json.dumps({'accounts': [{'name': name, 'keys': [{'key': 'k' * 20}]}
                                          for name in ('one', 'two')]}))
    refused('JSON that breaks is told with line and column', ['account', 'import', '-'], 1,
            ['line 2'], text='{"accounts": [\n{"name": }]}')
    refused('an empty file is refused', ['account', 'import', '-'], 1, ['empty'], text='')
    refused('a file too large is refused', ['account', 'import', '-'], 1, ['split'],
            text=' ' * (1 << 20) + '{}')
    refused('a file that is not there is named', ['account', 'import', '/nonexistent'], 1,
            ['/nonexistent'])
    check('what was refused has changed nothing', asked('account', 'list') == before)


def test_money():
    rows = asked('account', 'ledger', 'acme')['ledger']
    check('the opening balance is a row', rows[-1]['kind'] == 'opening' and
          rows[-1]['amount'] == 1000.000001, rows)
    balance = asked('account', 'list')['accounts'][0]['balance']
    done = ctl('account', 'topup', 'acme', '12.000001', '--cause=invoice 7')
    top = asked('account', 'ledger', 'acme', '--limit=1')
    check('a top-up is a row with its cause, to the last digit', done.returncode == 0 and
          top['ledger'][0]['kind'] == 'topup' and top['ledger'][0]['cause'] == 'invoice 7' and
          top['ledger'][0]['uid'] == os.geteuid() and
          round(top['balance'] - balance, 6) == 12.000001, top)
    for amount in ('0', '1e3', '0.0000001', '1,5', 'x', '.5', '5.', '1000000000000000'):
        refused('an amount of %s is refused' % amount, ['account', 'topup', 'acme', amount], 1,
                ['decimal'])
    refused('an account that is not there is told', ['account', 'topup', 'nobody', '1'], 1,
            ['no account'])
    check('and the balance is as it was', asked('account', 'ledger', 'acme')['balance'] ==
          top['balance'])
    page = asked('account', 'ledger', 'acme', '--limit=1', '--before=%d' % top['next'])
    check('the ledger has pages', page['ledger'][0]['seq'] < top['ledger'][0]['seq'], page)


def test_create():
    done = ctl('--json', 'account', 'create', 'second', '--opening=5', '--label=first')
    key = json.loads(done.stdout)['accounts'][0]['keys'][0]['key']
    check('create makes an account with a key that works', post(intent(1, 1), key)[0] == 200)
    refused('a name is given once', ['account', 'create', 'second'], 1, ['of that name'])
    more = asked('account', 'key', 'add', 'second', '--label=next')['accounts'][0]['keys'][0]['key']
    check('one more key works beside it', more != key and post(intent(1, 1), more)[0] == 200)
    refused('a name with a blank is refused', ['account', 'create', 'a b'], 1, ['letters'])


# ---- orders and messages ----

def test_order():
    status, order = post(intent(1, 300))
    number = str(order['order_id'])
    check('an order is accepted', status == 200, order)
    done = ctl('wait', 'order', number, '--for=resolved', '--timeout=60s')
    check('wait returns 0 when it is resolved', done.returncode == 0 and 'resolved' in done.stdout,
          done.stderr)
    count = asked('recount', 'order', number)
    check('a recount accounts for every message', count['accounted'] == count['total'] == 300 and
          count['pending'] == count['in_doubt'] == count['sent_twice'] == 0 and
          count['attempts'] == 300 and count['delivered'] + count['failed'] + count['unknown'] ==
          300, count)
    check('and agrees with the counters and the ledger',
          count['summary_ok'] and count['balance_ok'] and count['debited'] == 15, count)
    check('the simulator made some of each', count['failed'] > 0 and count['unknown'] > 0, count)
    shown = asked('order', number)
    check('the order says the same', all(shown[key] == count[key] for key in
          ('total', 'delivered', 'failed', 'unknown', 'pending')) and shown['account'] == 'acme',
          shown)
    told = ctl('order', number).stdout
    check('and so in words', 'order %s' % number in told and
          'delivered %d' % count['delivered'] in told, told)
    listed = ctl('orders', '--limit=1').stdout
    check('orders begin with the newest', listed.splitlines()[1].split()[0] == number and
          '--before=%s' % number in listed, listed)
    return number, count


def test_messages(number, count):
    page = asked('messages', number, '--status=DELIVERED', '--limit=500')['messages']
    check('messages can be had by status', len(page) == count['delivered'] and
          all(message['status'] == 'DELIVERED' for message in page), len(page))
    refused('a status that there is not is refused', ['messages', number, '--status=OK'], 1,
            ['DELIVERED'])
    first = page[0]['bx_message_id']
    masked, full = ctl('message', first).stdout, ctl('--numbers', 'message', first).stdout
    digits = re.search(r'to (\d{11}) ', full)
    check('numbers are masked unless asked for', digits and digits[1] not in masked and
          '*' * 8 + digits[1][-3:] in masked, masked)
    rows = asked('message', first)['segments'][0]['evidence']
    check('a message shows its evidence', [row['event'] for row in rows] ==
          ['ACCEPTED', 'RECEIPT_DELIVERED'] and rows[0]['link'] == 'alpha/main' and
          rows[0]['provider_message_id'] and rows[1]['matched_by'] == 'dec_to_hex', rows)
    told = ctl('explain', first).stdout
    check('explain tells each step', all(word in told for word in (
        'DELIVERED', 'accepted for route 1', 'released to link alpha/main',
        'the provider took it', rows[0]['provider_message_id'], 'a receipt says delivered',
        'What would change it')), told)
    unknown = asked('messages', number, '--status=UNKNOWN', '--limit=1')['messages'][0]
    told = ctl('explain', unknown['bx_message_id']).stdout
    check('explain says what would still change an unknown one', 'NO_RECEIPT' in told and
          'receipt_deadline' in told and 'a receipt that says delivered: DELIVERED' in told, told)
    offsets = [step['offset_ms'] for step in asked('explain', first)['steps']]
    check('its steps stand in order', offsets == sorted(offsets), offsets)


def test_parts():
    status, order = post(intent(3, 1, 'x' * 400), KEY)
    check('a text of three parts is accepted', status == 200 and order['parts'] == 3, order)
    ctl('wait', 'order', str(order['order_id']))
    message = asked('message', order['messages'][0]['bx_message_id'])
    check('each of its parts has evidence', [len(segment['evidence']) for segment in
          message['segments']] == [2, 2, 2] or message['status'] != 'DELIVERED', message)
    told = ctl('explain', order['messages'][0]['bx_message_id']).stdout
    check('and is told by itself', 'part 3 of 3' in told, told)


def test_not_found():
    refused('an order that is not there', ['order', '4711'], 1, ['Order not found'])
    refused('an order that is no number', ['order', 'x'], 1, ['Not Found', 'an id in it'])
    refused('a message that is not there', ['message', NO_SUCH], 1, ['no message of that id'])
    refused('an explanation of nothing', ['explain', NO_SUCH], 1, ['no message of that id'])
    refused('a recount of nothing', ['recount', 'order', '4711'], 1, ['Order not found'])
    began = time.monotonic()
    refused('waiting for nothing ends at once', ['wait', 'order', '4711'], 1, ['Order not found'])
    check('and not by its time', time.monotonic() - began < 30)


# ---- the daemon ----

class Relay:
    """Carries each connection to the control socket and counts those that were answered."""

    def __init__(self, path):
        self.path, self.served = path, 0
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as daemon:
                try:
                    daemon.connect(CONTROL)
                    daemon.sendall(client.recv(65536))
                    answer = daemon.recv(1 << 20)
                    client.sendall(answer)
                    self.served += len(answer) > 0
                except OSError:
                    pass


def test_blocked(daemon):
    number = str(post(intent(2, 2))[1]['order_id'])
    done = ctl('wait', 'order', number, '--timeout=200ms')
    check('wait returns 1 when its time is up', done.returncode == 1 and '2 pending' in
          done.stdout, done.stdout + done.stderr)
    first = asked('messages', number)['messages'][0]['bx_message_id']
    told = ctl('explain', first).stdout
    check('explain says why nothing goes out, and until when', 'no link to the carrier' in told and
          'queue_deadline' in told, told)
    told = ctl('status').stdout
    check('status says it too, and counts what waits', re.search(
        r'dark +0 +1 +0 +2 +0 +none +no link', told), told)
    told = ctl('links').stdout
    check('links say why they are down', 'dark/main' in told and 'refused' in told, told)
    waiting, relay = [], Relay(os.path.join(DIR, 'relay.sock'))
    thread = threading.Thread(target=lambda: waiting.append(
        ctl('wait', 'order', number, '--timeout=60s', socket_path=relay.path)))
    thread.start()
    until(lambda: relay.served > 0, 'wait looked once')
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    daemon = start_daemon()
    thread.join()
    relay.socket.close()
    check('wait goes on through a restart', waiting[0].returncode == 0 and '2 failed' in
          waiting[0].stdout, waiting[0].stdout + waiting[0].stderr)
    told = ctl('explain', first).stdout
    check('and the message expired in the queue', told.splitlines()[1].startswith(
        'EXPIRED / QUEUE_EXPIRED'), told)
    return daemon


def test_events(number):
    process = subprocess.Popen([os.path.join(BUILD, 'esmectl'), '--socket', CONTROL, '--json',
                                'events', '--since=0', '--order', number], stdout=subprocess.PIPE,
                               text=True)
    names = []
    for line in process.stdout:
        names.append(json.loads(line)['event'])
        if names[-1] == 'order.resolved':
            break
    process.terminate()
    check('events follow an order from acceptance to its end', names[0] == 'order.accepted' and
          names.count('message.delivered') > 200, names[:3])
    check('and end when they are told to', process.wait(PATIENCE_S) == 0)


def test_lifecycle():
    table = asked('lifecycle')
    pairs = {(row['state'], row['event']) for row in table['rows']}
    check('the lifecycle has a row for every pair', len(pairs) == len(table['rows']) ==
          len(table['states']) * len(table['events']), len(pairs))
    told = ctl('lifecycle').stdout
    check('as a text', re.search(r'SUBMITTED +LOST +IN_DOUBT / SUBMIT_UNCONFIRMED', told), told)
    told = ctl('lifecycle', '--dot').stdout
    check('and as a graph', told.startswith('digraph') and 'SENT -> DELIVERED' in told and
          told.rstrip().endswith('}'), told[:200])


def test_store():
    done = ctl('store', 'check')
    check('a running store is checked', done.returncode == 0 and ' 0 findings' in done.stdout,
          done.stdout + done.stderr)


def test_status():
    told = ctl('status').stdout
    check('status begins with the outcome', re.search(
        r'^outcome +\d+(\.\d+)? % on time .*\nexecution .*\nAPI ', told, re.M), told)
    for signo in (signal.SIGHUP, signal.SIGUSR1):
        daemons[-1].send_signal(signo)
    check('the daemon outlives HUP and USR1', ctl('status').returncode == 0)


def main():
    simulator, port = start_simulator()
    try:
        test_without_daemon()
        write_config(port)
        daemons.append(start_daemon())
        until(lambda: any(link['state'] == 'bound' for link in asked('links')['links']), 'bound')
        test_import()
        test_import_mistakes()
        test_money()
        test_create()
        number, count = test_order()
        test_messages(number, count)
        test_parts()
        test_not_found()
        daemons.append(test_blocked(daemons[-1]))
        test_events(number)
        test_lifecycle()
        test_store()
        test_status()
        daemons[-1].terminate()
        check('the daemon stops in order', daemons[-1].wait(PATIENCE_S) == 0)
    finally:
        for process in (*daemons, simulator):
            if process.poll() is None:
                process.kill()
                process.wait()
        log = open(os.path.join(DIR, 'log')).read() if daemons else ''
        shutil.rmtree(DIR)
    check('no sanitizer had anything to say', 'Sanitizer' not in log and 'runtime error' not in
          log, log[-3000:])
    print('1..%d' % len(results))
    return 0 if all(results) else 1


daemons = []
if __name__ == '__main__':
    sys.exit(main())
