#!/usr/bin/python3
# builds: asan
"""esme-load against a made-up daemon on a Unix socket. Prints TAP."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOAD = os.path.join(os.environ.get('ESMED_BUILD', os.path.join(ROOT, 'build')), 'esme-load')
TRACE = os.path.join(os.path.dirname(LOAD), 'smpp-trace')
PATIENCE_S = 30


class Daemon:
    """Answers each POST by `answer(request)`: a status, or None to drop the connection."""

    def __init__(self, answer=lambda request: 200, keep_alive=True, delay_s=0):
        self.answer, self.keep_alive, self.delay_s = answer, keep_alive, delay_s
        self.requests, self.lock = [], threading.Lock()
        self.path = os.path.join(tempfile.mkdtemp(prefix='esmed-load.'), 'socket')
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        octets = b''
        with connection:
            while True:
                while b'\r\n\r\n' not in octets:
                    more = connection.recv(65536)
                    if not more:
                        return
                    octets += more
                head, _, octets = octets.partition(b'\r\n\r\n')
                lines = head.decode().split('\r\n')
                headers = dict(line.split(': ', 1) for line in lines[1:])
                headers = {name.lower(): value for name, value in headers.items()}
                length = int(headers['content-length'])
                while len(octets) < length:
                    octets += connection.recv(65536)
                body, octets = json.loads(octets[:length]), octets[length:]
                with self.lock:
                    self.requests.append((lines[0], headers, body))
                status = self.answer(body)
                if status is None:
                    return
                time.sleep(self.delay_s)
                reply = b'{"count":%d}' % len(body['numbers'])
                connection.sendall(b'HTTP/1.1 %d X\r\nContent-Type: application/json\r\n'
                                   b'Content-Length: %d\r\n%s\r\n' %
                                   (status, len(reply), b'' if self.keep_alive else
                                    b'Connection: close\r\n') + reply)
                if not self.keep_alive:
                    return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def run(*options):
    return subprocess.run([LOAD, *options], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)


def load(daemon, *options, status=0):
    done = run('--socket', daemon.path, *options)
    equal((done.returncode, done.stderr), (status, ''))
    return json.loads(done.stdout.splitlines()[-1])


def equal(got, wanted):
    assert got == wanted, f'got {got!r}, wanted {wanted!r}'


# --- Tests ---------------------------------------------------------------------------------------

def test_help_and_version_exit_0():
    for option in ('--help', '--version'):
        done = run(option)
        equal(done.returncode, 0)
        assert 'esme-load' in done.stdout


def test_mistakes_on_the_command_line_exit_2_and_name_the_option():
    for options in (['--count', '0'], ['--batch', '50001'], ['--connections', '1025'],
                    ['--rate', 'x'], ['--numbers-from', '123'], ['--route', '-1'],
                    ['--numbers-from', '999999999999999', '--count', '2'], ['--nonsense'], ['x']):
        done = run(*options)
        equal((options, done.returncode), (options, 2))


def test_a_daemon_that_is_not_there_exits_1_and_names_the_socket():
    done = run('--socket', '/nonexistent/socket')
    equal(done.returncode, 1)
    assert '/nonexistent/socket' in done.stderr, done.stderr


def test_every_message_is_sent_once_in_batches():
    with Daemon() as daemon:
        result = load(daemon, '--key', 'k1.secret', '--route', '3', '--count', '1001', '--batch',
                      '100', '--connections', '4', '--numbers-from', '31600000100', '--text',
                      'Hi "there"', '--caller-id', 'ME1', '--idempotency-prefix', 'run')
        equal((result['messages'], result['accepted'], result['requests'], result['statuses']),
              (1001, 1001, 11, {'200': 11}))
        numbers = [number for _, _, body in daemon.requests for number in body['numbers']]
        equal(sorted(numbers), [str(31600000100 + i) for i in range(1001)])
        equal(sorted(len(body['numbers']) for _, _, body in daemon.requests), [1] + [100] * 10)
        line, headers, body = daemon.requests[0]
        equal(line, 'POST /api/v1/send_sms HTTP/1.1')
        equal((headers['x-api-key'], headers['content-type']), ('k1.secret', 'application/json'))
        equal((body['route_id'], body['caller_id'], body['message']), (3, 'ME1', 'Hi "there"'))
        equal({headers['idempotency-key'] for _, headers, _ in daemon.requests},
              {f'run-{i}' for i in range(1, 12)})


def test_the_key_can_come_from_a_file():
    with Daemon() as daemon:
        path = daemon.path + '.key'
        with open(path, 'w', encoding='ascii') as file:
            file.write('from.file\n')
        load(daemon, '--key-file', path, '--count', '1')
        equal(daemon.requests[0][1]['x-api-key'], 'from.file')


def test_refusals_and_lost_answers_are_told_apart():
    def answer(body):
        return {'31600000003': 402, '31600000005': None}.get(body['numbers'][0], 200)

    with Daemon(answer) as daemon:
        log = daemon.path + '.log'
        result = load(daemon, '--count', '10', '--write-client-log', log, '--key', 'se.cret',
                      status=1)
        equal((result['accepted'], result['refused'], result['unanswered']), (8, 1, 1))
        equal(result['statuses'], {'200': 8, '402': 1})
        equal(len(daemon.requests), 10)
        with open(log, encoding='utf-8') as file:
            text = file.read()
        lines = [json.loads(line) for line in text.splitlines()]
        equal([line['request'] for line in lines if line['event'] == 'request'],
              list(range(1, 11)))
        replies = {line['request']: line for line in lines if line['event'] == 'reply'}
        equal((replies[4]['status'], json.loads(replies[4]['body'])), (402, {'count': 1}))
        equal([line['request'] for line in lines if line['event'] == 'no_reply'], [6])
        equal(json.loads(lines[0]['body'])['numbers'], ['31600000000'])
        assert 'se.cret' not in text


def test_connections_that_the_daemon_closes_are_opened_again():
    with Daemon(keep_alive=False) as daemon:
        equal(load(daemon, '--count', '20', '--connections', '2')['accepted'], 20)


def test_the_rate_is_kept():
    with Daemon() as daemon:
        began = time.monotonic()
        result = load(daemon, '--count', '100', '--rate', '100', '--connections', '2')
        assert 0.9 <= time.monotonic() - began < 5
        assert 900 <= result['running_ms'] < 5000, result


def test_latencies_count_the_wait_behind_a_slow_answer():
    with Daemon(delay_s=0.05) as daemon:
        slow = load(daemon, '--count', '10')['latency_us']
        assert 50000 <= slow['p50'] <= slow['p99'] <= slow['max'] < 1000000, slow
        behind = load(daemon, '--count', '10', '--rate', '100')['latency_us']
        assert behind['max'] > 350000, behind  # the tenth was due after 90 ms, sent after 450


def test_it_stops_in_time():
    with Daemon(delay_s=30) as daemon:
        result = load(daemon, '--count', '2', '--max-seconds', '1', status=1)
        equal((result['accepted'], result['unanswered'], result['messages']), (0, 1, 1))


# --- The run -------------------------------------------------------------------------------------

def test_a_capture_is_read_as_what_it_was_made_of():
    """Each message with its answer and its receipt; nobody is asked."""
    path = os.path.join(tempfile.mkdtemp(prefix='esmed-load.'), 'capture')
    done = run('--write-capture', path, '--count', '1000')
    equal((done.returncode, done.stdout, done.stderr), (0, '', ''))
    said = subprocess.run([TRACE, '-c', 'read', path], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=True).stdout
    assert said.startswith('4002 PDUs, '), said
    assert '\n0 errors, 0 unanswered, 0 answers whose request was not seen' in said, said
    assert '\n0 PDUs cannot be read, 0 octets lost' in said, said
    assert '\n1000 receipts: 1000 joined' in said, said
    dissect.made(path)
    equal(dissect.MADE.wrong, [])
    done = run('--write-capture', '/dev/full', '--count', '1')
    equal(done.returncode, 1)
    assert '/dev/full: No space left on device' in done.stderr, done.stderr
    equal(run('--write-capture', path, '--text', 'x' * 141).returncode, 2)


def main():
    tests = [(name[5:].replace('_', ' '), test) for name, test in globals().items()
             if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}')
    for n, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f'ok {n} - {name}')
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
    sys.exit(main())
