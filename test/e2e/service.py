#!/usr/bin/python3
# builds: plain
"""esmed as a service: what it tells the manager and when, and the unit that is installed. Prints
TAP."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402
from truth import ROOT  # noqa: E402


class Manager:
    """The socket of a service manager, as sd_notify(3) has it."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(house.PATIENCE_S)
        address = self.socket.getsockname()
        self.name = '@' + address[1:].decode() if isinstance(address, bytes) else address

    def hears(self):
        return self.socket.recv(4096).decode()

    def hears_within(self, seconds):
        self.socket.settimeout(seconds)
        try:
            return self.hears()
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(house.PATIENCE_S)


def tells(home, tap, name, address):
    manager = Manager(address)
    os.environ.update(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC='600000')
    home.daemon.start()
    tap.result(manager.hears() == 'READY=1' and house.ask(
        home.daemon.submit, 'GET', '/healthz')[0] != 0, f'{name}: ready when it answers')
    beats = [manager.hears() for _ in range(3)]
    tap.result(beats == ['WATCHDOG=1'] * 3, f'{name}: it is alive, again and again', beats)
    home.daemon.process.send_signal(signal.SIGSTOP)
    while manager.hears_within(0.2):
        pass  # what was under way
    tap.result(manager.hears_within(2) is None, f'{name}: not while it hangs')
    home.daemon.process.send_signal(signal.SIGCONT)
    home.daemon.process.terminate()
    heard = [manager.hears()]
    while heard[-1] == 'WATCHDOG=1':
        heard.append(manager.hears())
    tap.result(heard[-1] == 'STOPPING=1' and home.daemon.stop() == 0,
               f'{name}: and when it stops', heard)
    manager.socket.close()


def other_process(home, tap):
    """The watchdog of somebody else is not ours to feed."""
    manager = Manager(os.path.join(home.folder, 'notify2'))
    os.environ.update(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC='200000', WATCHDOG_PID='1')
    home.daemon.start()
    tap.result(manager.hears() == 'READY=1' and manager.hears_within(1) is None,
               'no watchdog of another process is fed')
    for variable in ('NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'):
        del os.environ[variable]
    home.daemon.stop()
    manager.socket.close()


def unit(home, tap):
    with open(os.path.join(ROOT, 'tools', 'esmed.service.in'), encoding='utf-8') as file:
        text = re.sub('@s?bindir@', house.BUILD, file.read())
    path = os.path.join(home.folder, 'esmed.service')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    if not shutil.which('systemd-analyze'):
        tap.result(True, 'the unit is sound # SKIP no systemd-analyze')
        return
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', path], capture_output=True,
                          text=True, timeout=60, check=False)
    told = [line for line in done.stderr.splitlines() if 'esmed.service' in line]
    tap.result(done.returncode == 0 and not told, 'the unit is sound', [done.stderr])


def main():
    tap = house.Tap()
    with house.House(['--quiet']) as home:
        tells(home, tap, 'a path', os.path.join(home.folder, 'notify'))
        tells(home, tap, 'an abstract name', f'\0esmed-test-{os.getpid()}')
        other_process(home, tap)
        unit(home, tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
