"""A simulator and a daemon in a temporary folder, for end-to-end tests: start, ask, kill, end.

Everything is the product itself, run by config/example.yaml with --set; nothing is mocked. Each
process is ended by its pid. Used by the scripts of test/e2e.
"""
import contextlib
import hashlib
import http.client
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
import time

from truth import ROOT

BUILD = os.environ.get('ESMED_BUILD', os.path.join(ROOT, 'build'))
EXAMPLE = os.path.join(ROOT, 'config', 'example.yaml')
KEY = 'end-to-end-0123456789abcdef0123456789abcdef'
ACCOUNT = 'tester'
OPENING = '100000'
PATIENCE_S = 30
POLL_S = 0.02


class Trouble(Exception):
    """Something did not happen in time, or ended that should not have."""


def program(name):
    return os.path.join(BUILD, name)


def await_that(what, ask, seconds=PATIENCE_S):
    """Asks until it is true; what it last said."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Trouble(f'after {seconds} s still not: {what}')
        time.sleep(POLL_S)


def first_line(process, seconds=PATIENCE_S):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if ready else ''
    if not line:
        raise Trouble(f'{process.args[0]} did not say where it listens')
    return line


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE_S):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, target, body=None, headers=None):
    """(status, JSON) of one request on a Unix socket; (0, None): nobody answered."""
    connection = UnixConnection(path)
    try:
        connection.request(method, target, json.dumps(body) if body is not None else None,
                           {'Content-Type': 'application/json', **(headers or {})})
        response = connection.getresponse()
        octets = response.read()
        return response.status, json.loads(octets) if octets else None
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def make_certificate(folder):
    """(chain, key) of somebody at 127.0.0.1, who has signed for himself."""
    chain, key = os.path.join(folder, 'carrier.pem'), os.path.join(folder, 'carrier.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                    '-out', chain], check=True, capture_output=True)
    return chain, key


class FarEnd:
    """smsc-sim, or another server that prints `listening on ADDRESS:PORT` first. Unless the peer is
    somebody else's it must not break the protocol: end() raises if it did."""

    def __init__(self, folder, *options, command=None, name='sim', strict=True):
        self.log = os.path.join(folder, f'{name}.log')
        self.errors = open(os.path.join(folder, f'{name}.err'), 'w', encoding='utf-8')
        arguments = command or [program('smsc-sim'), '--listen', '127.0.0.1:0', '--log', self.log,
                                *(['--strict'] if strict else [])]
        self.process = subprocess.Popen([*arguments, *options], stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.port = int(first_line(self.process).rsplit(':', 1)[1])
        self.read, self.submits = 0, 0

    def count_submits(self):
        """How many submits the log tells of so far."""
        with open(self.log, 'rb') as file:
            file.seek(self.read)
            octets = file.read()
        whole = octets[:octets.rfind(b'\n') + 1]
        self.read += len(whole)
        self.submits += len(re.findall(rb'"event":"in"[^\n]*"command":"submit_sm"', whole))
        return self.submits

    def statistics(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(first_line(self.process))

    def settled(self):
        return self.statistics()['unsettled'] == 0

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        if self.process.returncode == 3:
            with open(self.errors.name, encoding='utf-8') as errors:
                raise AssertionError('broke the protocol: ' + ''.join(
                    line for line in errors if 'strict:' in line))


class Daemon:
    """esmed on a store in `folder`; `sets` are --set KEY=VALUE beside those that make it run."""

    def __init__(self, folder, port, sets=(), options=()):
        self.folder, self.process, self.options = folder, None, options
        self.config = EXAMPLE
        self.store = os.path.join(folder, 'store')
        self.submit = os.path.join(folder, 'submit.sock')
        self.control = os.path.join(folder, 'control.sock')
        self.key_file = os.path.join(folder, 'key')
        self.error_file = os.path.join(folder, 'esmed.err')
        password = os.path.join(folder, 'password')
        for path, text in ((self.key_file, KEY + '\n'), (password, 'secret\n')):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
                file.write(text)
        self.sets = [f'store.path={self.store}', 'store.size=64MiB',
                     f'sockets.submit.path={self.submit}', f'sockets.control.path={self.control}',
                     f'sockets.tap.path={folder}/tap.sock',
                     f'providers.alpha.password_file={password}',
                     f'providers.alpha.links.alpha-1.port={port}',
                     f'providers.beta.password_file={password}', 'providers.beta.enabled=false',
                     *sets]

    def command(self):
        command = [program('esmed'), '--config', self.config, *self.options]
        command += ['--allow-root'] if os.geteuid() == 0 else []
        for one in self.sets:
            command += ['--set', one]
        return command

    def start(self):
        with open(self.error_file, 'a', encoding='utf-8') as errors:
            self.process = subprocess.Popen(self.command(), stdout=errors, stderr=errors)
        await_that('the daemon answers', self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise Trouble(f'esmed ended with {self.process.returncode}: {self.said()}')
        return ask(self.submit, 'GET', '/healthz')[0] != 0

    def said(self, most=2000):
        with open(self.error_file, encoding='utf-8', errors='replace') as file:
            return file.read()[-most:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """In order; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def api(self, method, target, body=None, key=KEY, **headers):
        return ask(self.submit, method, target, body, {'X-API-KEY': key, **headers} if key
                   else headers)

    def operate(self, method, target, body=None):
        return ask(self.control, method, target, body)

    def metric(self, name):
        """A sample without labels."""
        connection = UnixConnection(self.control)
        try:
            connection.request('GET', '/metrics')
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return float(re.search(rf'^esmed_{name} (\S+)$', text, re.M)[1])

    def open_account(self):
        status, answer = self.operate('POST', '/control/v1/accounts/import', {
            'accounts': [{'name': ACCOUNT, 'opening': OPENING, 'keys': [{'key': KEY}]}]})
        if status != 200:
            raise Trouble(f'account import: {status} {answer}')

    def fold(self):
        """Sums over messages hold all that came before: who asks for them has it folded in, and
        then nothing is left that the daemon would write of itself."""
        status, answer = self.operate('GET', '/control/v1/insight')
        if status != 200:
            raise Trouble(f'insight: {status} {answer}')

    def commits(self):
        """Of what no commit leaves as it was: LMDB's two meta pages, which name the newest one."""
        with open(os.path.join(self.store, 'data.mdb'), 'rb') as file:
            return file.read(8192)

    def records(self):
        """Of every record, but those that count requests or commits, which any request may change."""
        with tempfile.TemporaryDirectory() as copy:  # for the daemon has the store itself
            shutil.copy(os.path.join(self.store, 'data.mdb'), copy)
            told = subprocess.run([program('store_dump'), copy], capture_output=True, check=True,
                                  timeout=PATIENCE_S).stdout
        lines = [line for line in told.split(b'\n')
                 if not re.match(rb'\{"kind":"(request|usage|meta)"', line)]
        return hashlib.blake2b(b'\n'.join(lines)).hexdigest()

    def order(self, number=1):
        status, answer = self.api('GET', f'/api/v1/orders/{number}')
        return answer if status == 200 else None

    def resolved(self, number=1):
        order = self.order(number)
        return order if order and order['pending'] == 0 else None

    def load(self, *options, log=None):
        """esme-load to its end; its result."""
        command = [program('esme-load'), '--socket', self.submit, '--key-file', self.key_file,
                   *options]
        command += ['--write-client-log', log] if log else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if not done.stdout:
            raise Trouble(f'esme-load: {done.stderr.strip()}')
        return json.loads(done.stdout.splitlines()[-1])


class House:
    """A folder with a far end and a daemon in it, gone with everything that runs there."""

    def __init__(self, far=(), sets=(), command=None):
        self.folder = tempfile.mkdtemp(prefix='esmed-e2e.')
        self.far = self.daemon = None
        self.client_log = os.path.join(self.folder, 'client.log')
        try:
            self.far = FarEnd(self.folder, *far, command=command)
            self.daemon = Daemon(self.folder, self.far.port, sets)
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and self.daemon is not None and os.path.exists(
                self.daemon.error_file):
            for line in self.daemon.said().splitlines()[-15:]:
                print(f'# esmed: {line}')
        self.end()

    def end(self):
        with contextlib.suppress(Trouble):
            if self.daemon:
                self.daemon.stop()
        if self.far:
            self.far.end()
        if os.environ.get('ESMED_KEEP'):
            print(f'# kept: {self.folder}')
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


class Tap:
    """Test results, one line each; the plan at the end."""

    def __init__(self):
        self.n, self.bad = 0, 0

    def result(self, good, name, details=()):
        self.n += 1
        self.bad += not good
        print(f'{"" if good else "not "}ok {self.n} - {name}')
        if not good:
            for detail in list(details)[:40]:
                print(f'# {detail}')
        sys.stdout.flush()

    def end(self):
        print(f'1..{self.n}')
        return 1 if self.bad else 0
