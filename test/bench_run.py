"""What test/bench runs: esmed, Kannel and their far ends, how many messages go through one of them and
at what cost, and what a goal makes of two figures. The goals are in test/bench and
test/bench_links.py."""
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'e2e', 'lib'))
import house  # noqa: E402
import kannel  # noqa: E402

TEXT = 'A text of sixty characters that is sent to very many people.'
WINDOW = 100
ARRAY = 1000
BIG_STORE = '4GiB'
SHARE_MOST = 0.6
TICKS_PER_S = os.sysconf('SC_CLK_TCK')
PATIENCE_S = 120

# name: (what, unit of both figures, anchor, goal, whether the ratio must be at least the goal)
GOALS = {
    'G1': ('durable tracked messages/s', 'msgs/s', 'Kannel, file store', 4, True),
    'G3': ('the same against bare LMDB', 'msgs/s', 'bare LMDB', 0.3, True),
    'G5': ('daemon CPU per 100k messages', 's', 'Kannel, file store', 1 / 3, False),
    'G6': ('accept latency p50, idle', 'us', 'bare LMDB, one put', 1.8, False),
    'G8a': ('memory per million awaiting, orders of 1,000', 'MB', None, 160, False),
    'G8b': ('memory per million awaiting, orders of one', 'MB', None, 160, False),
    'G9a': ('store per message, one order of 10,000', 'octets', None, 650, False),
    'G9b': ('store per message, 10,000 orders of one', 'octets', None, 650, False),
    'G10': ('5M messages in the store against 100k', 'msgs/s', '100k in the store', 0.7, True),
    'G15a': ('start with 1M open, orders of 1,000', 's', None, 10, False),
    'G15b': ('start with 1M open, orders of one', 's', None, 10, False),
}


# --- Processes ------------------------------------------------------------------------------------

def cpu_s(pid):
    """User and system time of a process that runs, its threads included."""
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        words = file.read().rsplit(')', 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def private_octets(pid):
    """What is its own and in no file."""
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        return int(re.search(r'RssAnon:\s*(\d+) kB', file.read())[1]) * 1024


def run_json(program, *arguments):
    """A helper to its end; the JSON it printed."""
    done = subprocess.run([house.program(program), *map(str, arguments)], capture_output=True,
                          text=True, timeout=600, check=False)
    if done.returncode:
        raise house.Trouble(f'{program}: {done.stderr.strip() or done.returncode}')
    return json.loads(done.stdout)


class Far(house.FarEnd):
    """The far end of all: no log, no delay, everything delivered."""

    def __init__(self, folder, *options, command=None, name='sim'):
        super().__init__(folder, *options, name=name, command=command or [
            house.program('smsc-sim'), '--listen', '127.0.0.1:0', '--log', 'none', '--quiet'])

    def bound(self):
        return self.statistics()['pdus_in'].get('bind_transceiver')

    def acked(self, count):
        """Its statistics once so many receipts are answered, else None."""
        told = self.statistics()
        return told if told['receipts']['acked'] >= count else None


def requests(address, connections, count, per_s, request, seconds=PATIENCE_S):
    """The command that sends so many requests, one at a time on each connection."""
    return [house.program('bench_http'), *map(str, (address, connections, count, per_s, seconds,
                                                    request))]


class Kannel:
    """bearerbox with file store, said to say nothing, on a link with the same window. Its client
    is a box on it, or with `http` connections one of HTTP on smsbox."""

    def __init__(self, folder, far_port, http=0):
        self.port, self.http_port, self.http = kannel.free_port(), kannel.free_port(), http
        path = os.path.join(folder, 'kannel.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'''
group = core
admin-port = {kannel.free_port()}
admin-password = bench
smsbox-port = {self.port}
box-allow-ip = 127.0.0.1
log-level = 4
log-file = {folder}/kannel.log
store-type = file
store-location = {folder}/kannel.store
dlr-storage = internal

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.http_port}
log-level = 4

group = sendsms-user
username = bench
password = bench

group = smsc
smsc = smpp
smsc-id = far
host = 127.0.0.1
port = {far_port}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
interface-version = 34
max-pending-submits = {WINDOW}
''')
        self.path, self.boxes = path, [kannel.Box('bearerbox', path)]

    @property
    def pids(self):
        return [box.process.pid for box in self.boxes]

    def await_links(self, far):
        house.await_that('bearerbox listens', lambda: self.boxes[0].listens(self.port))
        house.await_that('bearerbox is bound', far.bound)
        if self.http:
            self.boxes.append(kannel.Box('smsbox', self.path))
            house.await_that('smsbox listens', lambda: self.boxes[1].listens(self.http_port))

    def client(self, count):
        if not self.http:
            return [house.program('bench_kannel'), str(self.port), str(count), TEXT]
        query = urllib.parse.urlencode({'username': 'bench', 'password': 'bench', 'from': 'ACME',
                                        'dlr-mask': 3, 'text': TEXT})
        return requests(self.http_port, self.http, count, 0, (
            f'GET /cgi-bin/sendsms?{query}&to=316######## HTTP/1.1\r\nHost: localhost\r\n\r\n'))

    def end(self):
        for box in reversed(self.boxes):
            box.end()


class Ours:
    """esmed on a store in `folder`, with an account that can pay."""

    def __init__(self, folder, far_port, one_thread=False, size='1GiB', sets=()):
        self.daemon = house.Daemon(folder, far_port, (
            f'store.size={size}', f'providers.alpha.window={WINDOW}', *sets),
            ('--one-thread',) if one_thread else ())
        self.daemon.start()
        self.daemon.open_account()

    @property
    def pid(self):
        return self.daemon.process.pid

    @property
    def pids(self):
        return [self.pid]

    def posts(self, connections, count, per_s=0):
        """The command that posts so many messages, each by itself."""
        body = json.dumps({'route_id': 1, 'caller_id': 'ACME', 'numbers': ['316########'],
                           'message': TEXT})
        return requests(self.daemon.submit, connections, count, per_s, (
            f'POST /api/v1/send_sms HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {house.KEY}\r\n'
            f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}'))

    def client(self, count, *options, array=ARRAY):
        return [house.program('esme-load'), '--socket', self.daemon.submit, '--key-file',
                self.daemon.key_file, '--count', str(count), '--batch', str(array), '--caller-id',
                'ACME', '--text', TEXT, '--max-seconds', str(PATIENCE_S), *options]

    def used_octets(self):
        return self.daemon.operate('GET', '/control/v1/status')[1]['store']['used_octets']

    def end(self):
        if self.daemon.stop() != 0:
            raise house.Trouble(f'esmed: {self.daemon.said()}')


# --- One run --------------------------------------------------------------------------------------

class Run:
    """Figures of one run: messages a second, CPU of daemon, client and far end."""

    def __init__(self, count, seconds, daemon_s, client_s, far_s):
        self.per_s = count / seconds
        self.daemon_s, self.client_s, self.far_s = daemon_s, client_s, far_s
        self.daemon_per_100k = daemon_s * 100_000 / count
        self.share = (client_s + far_s) / max(daemon_s + client_s + far_s, 0.001)

    def counts(self):
        return self.share < SHARE_MOST


def drive(peer, far, count, command=None):
    """`count` messages through a peer that is bound, by its client or another `command`: from the
    client's first octet until the far end has every receipt's answer."""
    before = far.statistics()
    daemon_s, began = sum(map(cpu_s, peer.pids)), time.monotonic()
    client = subprocess.Popen(command or peer.client(count), stdout=subprocess.PIPE, text=True)
    try:
        after = house.await_that(f'{count} messages are delivered', lambda: far.acked(
            before['receipts']['acked'] + count), PATIENCE_S)
        seconds = time.monotonic() - began
        daemon_s = sum(map(cpu_s, peer.pids)) - daemon_s
        told = json.loads(client.communicate(timeout=house.PATIENCE_S)[0])
    finally:
        client.kill()
        client.wait()
    if after['accepted'] - before['accepted'] != count:
        raise house.Trouble(f'{after["accepted"] - before["accepted"]} submits of {count} messages')
    return Run(count, seconds, daemon_s, told['cpu_ms'] / 1000,
               (after['cpu_ms'] - before['cpu_ms']) / 1000)


@contextlib.contextmanager
def fresh(top, name):
    """A folder that is gone afterwards."""
    folder = tempfile.mkdtemp(prefix=f'{name}.', dir=top)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def ended(thing):
    try:
        yield thing
    finally:
        thing.end()


@contextlib.contextmanager
def ours(folder, bench, size='1GiB', far=(), command=None, sets=()):
    """(esmed, far end), bound."""
    with ended(Far(folder, *far, command=command)) as end, \
            ended(Ours(folder, end.port, bench.one_thread, size, sets)) as peer:
        house.await_that('esmed is bound', end.bound)
        yield peer, end


def run_ours(bench, count, **how):
    with fresh(bench.top, 'ours') as folder, ours(folder, bench, **how) as (peer, far):
        return drive(peer, far, count)


def run_kannel(bench, count, http=0):
    with fresh(bench.top, 'kannel') as folder, ended(Far(folder)) as far, \
            ended(Kannel(folder, far.port, http)) as peer:
        peer.await_links(far)
        return drive(peer, far, count)


# --- Results --------------------------------------------------------------------------------------

def figure(value):
    return f'{value:,.0f}' if value >= 100 else f'{value:.2f}'


class Result:
    """A goal's pairs (our figure, the anchor's), or why there are none."""

    def __init__(self, name, pairs=(), why_not='', notes=()):
        self.name, self.pairs, self.why_not, self.notes = name, list(pairs), why_not, list(notes)
        self.counts = True

    def ratios(self):
        """Ours by theirs; our figure itself where there is no anchor."""
        return [mine / (theirs or 1) for mine, theirs in self.pairs]

    def met(self):
        if not self.pairs or not self.counts:
            return False
        _, _, _, goal, least = GOALS[self.name]
        ratio = statistics.median(self.ratios())
        return ratio >= goal if least else ratio <= goal

    def as_json(self):
        what, unit, anchor, goal, least = GOALS[self.name]
        told = {'goal': self.name, 'what': what, 'unit': unit, 'anchor': anchor,
                'want': {'least' if least else 'most': round(goal, 3)}, 'met': self.met()}
        if self.pairs:
            told |= {'ours': statistics.median(mine for mine, _ in self.pairs),
                     'pairs': len(self.pairs), 'counts': self.counts}
        if self.pairs and anchor:
            ratios = self.ratios()
            told |= {'theirs': statistics.median(theirs for _, theirs in self.pairs),
                     'ratio': statistics.median(ratios), 'spread': [min(ratios), max(ratios)]}
        if self.why_not:
            told['why_not'] = self.why_not
        return told | ({'notes': self.notes} if self.notes else {})

    def __str__(self):
        told = self.as_json()
        head = f'{self.name:4} {told["what"]:40}'
        want = f'{"≥" if "least" in told["want"] else "≤"} {figure(GOALS[self.name][3])}'
        verdict = 'met' if told['met'] else 'NOT met'
        if not self.pairs:
            return f'{head} {self.why_not}; goal {want}: NOT met'
        if told['anchor'] is None:
            body = f'{figure(told["ours"])} {told["unit"]}'
        else:
            spread = ', '.join(map(figure, told['spread']))
            body = (f'{figure(told["ours"])} {told["unit"]}, {told["anchor"]} '
                    f'{figure(told["theirs"])}: ratio {figure(told["ratio"])} '
                    f'[{spread}] of {told["pairs"]}')
        if not self.counts:
            verdict += ', does not count: client and far end took too much of the CPU'
        return f'{head} {body}; goal {want}: {verdict}'


def cpu_note(who, runs):
    run = sorted(runs, key=lambda run: run.share)[len(runs) // 2]
    return (f'{who}: CPU of daemon {run.daemon_s:.2f} s, client {run.client_s:.2f} s, far end '
            f'{run.far_s:.2f} s; client and far end {100 * run.share:.0f} % of it')
