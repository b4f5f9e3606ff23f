#!/usr/bin/python3
# builds: asan
"""esmectl top on a terminal, on a pipe, once and as JSON, beside a daemon that submits. Prints TAP."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402


class Terminal:
    """esmectl on a terminal of its own, rows by columns."""

    def __init__(self, home, *words, rows=40, columns=200):
        self.near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.before = termios.tcgetattr(far)
        self.far = far
        self.process = subprocess.Popen([house.program('esmectl'), '--socket', home.daemon.control,
                                         *words], stdin=far, stdout=far, stderr=far)
        self.octets = b''

    def read(self):
        while select.select([self.near], [], [], 0)[0]:
            self.octets += os.read(self.near, 65536)
        return self.octets.decode(errors='replace')

    def screens(self):
        """What was drawn, screen by screen, without control sequences."""
        return [re.sub('\x1b\\[[?0-9;]*[a-zA-Z]', '', screen).replace('\r', '')
                for screen in self.read().split('\x1b[H')[1:]]

    def key(self, key):
        os.write(self.near, key)

    def end(self):
        status = self.process.wait(10)
        self.read()
        same = termios.tcgetattr(self.far) == self.before
        os.close(self.far)
        os.close(self.near)
        return status, same


def row(screen, name):
    return next((line.split() for line in screen.splitlines() if line.startswith(name)), [])


def on_a_terminal(home, tap):
    terminal = Terminal(home, 'top', '--interval=200ms')
    home.daemon.load('--count', '600', '--batch', '10', '--caller-id', 'ACME', '--text', 'Hello',
                     '--rate', '300', '--max-seconds', '20')
    house.await_that('several screens', lambda: len(terminal.screens()) > 5)
    screens = terminal.screens()
    busy = [row(screen, 'alpha/alpha-1') for screen in screens]
    rates = [float(cells[3]) for cells in busy if len(cells) > 6 and cells[3] != '-']
    tap.result(busy and all(cells[1:2] == ['bound'] for cells in busy if cells) and
               any(rate > 20 for rate in rates), 'a link shows its submits a second', screens[-2:])
    tap.result(all(re.match(r'\d+/10$', cells[2]) for cells in busy if len(cells) > 6),
               'and what is out of its window', screens[-1:])
    tap.result(any('PROVIDER' in screen and 'ROUTE' in screen and 'every 200 ms' in screen
                   for screen in screens), 'providers and routes stand beside', screens[-1:])
    home.operate('POST', '/control/v1/routes/1/pause')
    count = len(terminal.screens())
    house.await_that('a later screen', lambda: len(terminal.screens()) > count + 2)
    tap.result('the route is paused by the operator' in terminal.screens()[-2],
               'why nothing goes out', terminal.screens()[-2:])
    home.operate('POST', '/control/v1/routes/1/resume')
    terminal.key(b'q')
    status, same = terminal.end()
    tap.result(status == 0 and same and '\x1b[?1049l' in terminal.octets.decode(errors='replace'),
               'q ends it and leaves the terminal as it was', [str(status), str(same)])


def narrow(home, tap):
    terminal = Terminal(home, 'top', '--interval=100ms', rows=8, columns=30)
    house.await_that('two screens', lambda: len(terminal.screens()) > 2)
    screen = terminal.screens()[-2]
    terminal.key(b'q')
    status, _ = terminal.end()
    lines = screen.split('\n')
    tap.result(status == 0 and len(lines) <= 8 and all(len(line) <= 30 for line in lines[:-1]),
               'a small terminal gets what fits', [str(status), *lines])


def queued(home, tap):
    home.operate('POST', '/control/v1/providers/alpha/pause')
    home.daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello', 'numbers': ['31610000001']})
    time_before = time.monotonic()
    done = run(home, 'top', '--once', '--interval=1s')
    took = time.monotonic() - time_before
    route = next((line.split() for line in done.stdout.splitlines()
                  if re.match(r'\s*1 +general-1 ', line)), [])
    tap.result(done.returncode == 0 and took > 0.9 and route[3:4] == ['1'] and
               'the provider is paused by the operator' in done.stdout and '\x1b' not in done.stdout,
               '--once is one table, with what is queued', [done.stdout, done.stderr])
    tap.result(len(route) > 5 and (route[5] == 's' or int(float(route[4])) >= 1000),
               'and how long the oldest has waited', [str(route)])
    piped = run(home, 'top', '--interval=100ms')
    tap.result(piped.returncode == 0 and piped.stdout.count('>PROVIDER') == 0 and
               piped.stdout.count('PROVIDER ') >= 1 and '\x1b' not in piped.stdout,
               'so it is on a pipe', [piped.stdout])
    home.operate('POST', '/control/v1/providers/alpha/resume')


def as_json(home, tap):
    done = run(home, '--json', 'top', '--once', '--interval=200ms')
    lines = done.stdout.splitlines()
    one = json.loads(lines[-1]) if lines else {}
    rates = {rate['link']: rate for rate in one.get('top', {}).get('rates', [])}
    tap.result(len(lines) == 1 and one['top']['interval_ms'] >= 200 and
               rates['alpha/alpha-1']['submits_per_s'] >= 0 and
               one['status']['routes'] and one['links']['links'], '--json is one object a line',
               [done.stdout, done.stderr])


def no_daemon(home, tap):
    terminal = Terminal(home, 'top', '--interval=100ms')
    house.await_that('two screens', lambda: len(terminal.screens()) > 2)
    home.daemon.stop()
    house.await_that('it says so', lambda: 'DOES NOT ANSWER' in terminal.screens()[-1])
    home.daemon.start()
    house.await_that('it goes on', lambda: 'DOES NOT ANSWER' not in terminal.screens()[-1])
    terminal.key(b'q')
    status, _ = terminal.end()
    tap.result(status == 0, 'it outlives a restart of the daemon')
    home.daemon.stop()
    done = run(home, 'top')
    tap.result(done.returncode == 1 and 'Is the daemon running' in done.stderr,
               'without a daemon it says so', [done.stderr])


def run(home, *words):
    return subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, *words],
                          capture_output=True, text=True, timeout=60, check=False)


def main():
    tap = house.Tap()
    with house.House(['--quiet']) as home:
        home.operate = lambda method, target: home.daemon.operate(method, target, {})
        home.daemon.start()
        home.daemon.open_account()
        on_a_terminal(home, tap)
        narrow(home, tap)
        queued(home, tap)
        as_json(home, tap)
        no_daemon(home, tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
