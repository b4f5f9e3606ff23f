#!/usr/bin/python3
# builds: asan
"""smpp-trace -i on a real terminal: tmux holds one, keys are sent to it and its screen is read. What
each pane says is proved by test_tui; here that it comes onto a terminal, and leaves it. Prints TAP."""
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE = house.program('smpp-trace')
SESSION = 'test/vectors/upper-pdu.pcapng'
tap = house.Tap()


class Terminal:
    """A terminal of its own with one command on it; what was set of it before and after is kept."""

    def __init__(self, *words, columns=80, rows=24, locale='C.UTF-8'):
        self.folder = tempfile.TemporaryDirectory()
        self.tmux = ['tmux', '-S', self.file('socket'), '-f', '/dev/null']
        command = shlex.join([TRACE, '-i', *words])
        script = (f'stty -g >{self.file("before")}; sh -c "echo \\$\\$ >{self.file("pid")}; '
                  f'exec {command} 2>{self.file("errors")}"; echo $? >{self.file("status")}; '
                  f'stty -g >{self.file("after")}; echo left; exec cat')
        environment = {**os.environ, 'LC_ALL': locale, 'TERM': 'xterm'}
        subprocess.run([*self.tmux, '-u', 'new-session', '-d', '-x', str(columns), '-y', str(rows),
                        '-c', ROOT, '-e', f'LC_ALL={locale}', 'sh', '-c', script],
                       env=environment, check=True, timeout=house.PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.tmux, 'kill-server'], check=False, capture_output=True)
        self.folder.cleanup()

    def file(self, name):
        return os.path.join(self.folder.name, name)

    def said(self, name):
        with open(self.file(name), encoding='utf-8') as file:
            return file.read().strip()

    def ask(self, *words):
        return subprocess.run([*self.tmux, *words], check=True, capture_output=True, text=True,
                              timeout=house.PATIENCE_S).stdout

    def screen(self):
        return self.ask('capture-pane', '-p').splitlines()

    def keys(self, *keys):
        self.ask('send-keys', *keys)

    def type(self, text):
        self.ask('send-keys', '-l', text)

    def shows(self, what, holds):
        """Waits for a screen of which it is true."""
        try:
            house.await_that(what, lambda: holds(self.screen()))
            tap.result(True, what)
        except house.Trouble:
            tap.result(False, what, self.screen())

    def shows_text(self, what, text):
        self.shows(what, lambda screen: text in '\n'.join(screen))

    def left(self):
        """Its exit status; and whether the terminal is as it was."""
        house.await_that('the end', lambda: 'left' in self.screen())
        alternate = self.ask('display-message', '-p', '#{alternate_on} #{cursor_flag}').strip()
        return int(self.said('status')), (self.said('before') == self.said('after') and
                                          alternate == '0 1')


def golden(name):
    with open(os.path.join(ROOT, 'test', 'trace', name), encoding='utf-8') as file:
        return [line.rstrip() for line in file.read().splitlines()]


def rows_of(name, screen):
    """The headings and rows of a golden screen; the last two lines stand at the end of any."""
    lines = golden(name)
    body = len(lines) - 2
    return screen[:body] == lines[:body] and screen[-1] == lines[-1]


def looks_around():
    with Terminal('read', SESSION) as terminal:
        terminal.shows('the list', lambda screen: rows_of('tui_list.expected', screen))
        terminal.keys('Enter')
        terminal.shows('Enter: the ladder', lambda screen: rows_of('tui_ladder.expected', screen))
        terminal.keys('Down', 'Down', 'Enter')
        terminal.shows('Enter: the PDU', lambda screen: rows_of('tui_pdu.expected', screen))
        terminal.keys('Escape')
        terminal.shows_text('Esc: back', 'ESME')
        terminal.keys('End', 'PageUp', 'Home', 'PageDown')
        terminal.shows('the keys of a keyboard',
                       lambda screen: [line[0:1] for line in screen].count('>') == 1 and
                       screen[-3].startswith('>') and '#21 ' in screen[-3])
        terminal.ask('resize-window', '-x', '60', '-y', '15')
        terminal.shows('smaller: the row at the cursor is still there',
                       lambda screen: len(screen) == 15 and any(
                           line.startswith('>') and '#21' in line for line in screen) and
                       'Enter PDU' in screen[-1])
        terminal.ask('resize-window', '-x', '20', '-y', '3')
        terminal.shows('three lines: rows only', lambda screen: len(screen) == 3 and any(
            line.startswith('>') for line in screen))
        terminal.ask('resize-window', '-x', '120', '-y', '40')
        terminal.shows('larger again', lambda screen: len(screen) == 40 and
                       screen[-1].startswith('Enter PDU') and 'SMSC  a#1' in screen[1])
        terminal.keys('q', '/')
        terminal.type('cmd=submit_sm & rtt>fasx')
        terminal.keys('BSpace')
        terminal.type('t')
        terminal.keys('Enter')
        terminal.shows('a mistake is pointed at', lambda screen: screen[-1].startswith(' ' * 28 + '^')
                       and screen[-2] == 'filter: cmd=submit_sm & rtt>fast')
        terminal.keys('C-u')
        terminal.type('status=0x58')
        terminal.keys('Enter')
        terminal.shows_text('a filter chooses', '1 of 53')
        saved = terminal.file('saved')
        terminal.keys('F2')
        terminal.type(saved)
        terminal.keys('Enter')
        terminal.shows_text('F2 saves', 'saved 1 to')
        with open(saved, encoding='utf-8') as file:
            text = file.read()
        tap.result('PDU 20,' in text and text.count('PDU ') == 1, 'what the filter chose', [text])
        terminal.keys('q')
        tap.result(terminal.left() == (0, True), 'q: the terminal is as it was', terminal.screen())


def other_terminals():
    with Terminal('read', SESSION, locale='C') as terminal:
        terminal.keys('Enter')
        terminal.shows_text('ASCII where the locale has no more', '|- 2 submit_sm -----')
    done = subprocess.run([TRACE, '-i', 'read', SESSION], cwd=ROOT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=house.PATIENCE_S)
    tap.result(done.returncode == 2 and 'terminal' in done.stderr and not done.stdout,
               'no terminal: refused', [done])
    with Terminal('read', '/nonexistent') as terminal:
        status, same = terminal.left()
        tap.result(status == 1 and same and 'No such file' in terminal.said('errors'),
                   'no file: said, on a terminal as it was', [terminal.said('errors')])


def masked():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'masked.pcapng')
        subprocess.run([TRACE, '-w', path, 'read', SESSION], cwd=ROOT, check=True)
        dissect.made(path)
        with Terminal('read', path) as terminal:
            house.await_that('the list', lambda: 'link#session' in '\n'.join(terminal.screen()))
            terminal.keys('/')
            terminal.type('to~^3161')
            terminal.keys('Enter')
            terminal.shows_text('a filter on what came masked: told', 'PDUs came masked')
            terminal.keys('q')
            terminal.left()


def signals():
    for name in ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'):
        with Terminal('read', SESSION) as terminal:
            house.await_that('the list', lambda: 'link#session' in '\n'.join(terminal.screen()))
            os.kill(int(terminal.said('pid')), getattr(signal, name))
            tap.result(terminal.left() == (0, True), f'{name}: the terminal is as it was',
                       terminal.screen())


def live():
    with house.House(['--quiet']) as home:
        home.daemon.start()
        home.daemon.open_account()
        with Terminal('--socket', os.path.join(home.folder, 'tap.sock'), 'live') as terminal:
            house.await_that('the screen', lambda: 'link#session' in '\n'.join(terminal.screen()))
            home.daemon.api('POST', '/api/v1/send_sms', {'route_id': 1, 'caller_id': 'ACME',
                                                         'message': 'Hello',
                                                         'numbers': ['31610000001']})
            terminal.shows_text('live: PDUs come', 'submit_sm_resp ESME_ROK')
            terminal.keys('p')
            terminal.shows_text('p pauses', 'PAUSED')
            terminal.keys('/')
            terminal.type('to~^3161')
            terminal.keys('Enter')
            terminal.shows_text('what the daemon hides is not looked for', '--numbers')
            terminal.keys('Escape')
            home.daemon.stop()
            terminal.shows_text('the end of the stream leaves the list', 'the stream has ended')
            terminal.shows_text('and its rows', 'submit_sm')
            terminal.keys('q')
            status, same = terminal.left()
            tap.result(status == 1 and same and 'daemon' in terminal.said('errors'),
                       'q: the error is on the terminal as it was', [terminal.said('errors')])


def between_two():
    """proxy: notes are told on the screen, silence is told while nothing passes, and q ends both."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(house.PATIENCE_S)
        to = f'127.0.0.1:{listener.getsockname()[1]}'
        with Terminal('proxy', '--listen=0', '--to=' + to, '--unanswered-after=1') as terminal:
            house.await_that('the screen', lambda: 'link#session' in '\n'.join(terminal.screen()))
            port = int(terminal.said('errors').rsplit(':', 1)[1])
            with socket.create_connection(('127.0.0.1', port)) as esme:
                smsc = listener.accept()[0]
                terminal.shows_text('proxy: who a session is', 'session 1 is 127.0.0.1:')
                esme.sendall(bytes.fromhex('00000010000000150000000000000007'))
                terminal.shows('proxy: silence is told', lambda screen: any(
                    'enquire_link' in line and '!!' in line for line in screen))
                terminal.keys('s')
                terminal.shows_text('proxy: the sessions', to + '#1  1 PDUs  0 errors  1 unanswered')
                terminal.keys('q', '/')
                terminal.type('to~^3161')
                terminal.keys('Enter')
                terminal.shows_text('proxy: it has the numbers, and may be asked', '0 of 2')
                terminal.keys('q')
                status, same = terminal.left()
                tap.result(status == 0 and same and esme.recv(1) == b'' and
                           smsc.recv(100)[16:] == b'' and smsc.recv(1) == b'',
                           'proxy: q ends both sides')
                smsc.close()


def main():
    looks_around()
    other_terminals()
    signals()
    masked()
    live()
    between_two()
    dissect.agreed(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
