#!/usr/bin/python3
# builds: plain
"""Disks that fail. One that is full: a running daemon has all its store needs, whoever wants more
is told. One that does not sync: the request is told that nobody knows, the daemon ends, and the
next start looks at the store before it binds. The first needs a file system of its own and is
skipped where none can be mounted. Prints TAP."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

DISK_MIB = 48
STORE = 'store.size=32MiB'


def order(home, number, key='one'):
    return home.daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello', 'numbers': [str(number)]},
        **{'Idempotency-Key': key})


def delivered(home, number):
    return house.await_that(f'order {number} is delivered', lambda: (
        home.daemon.order(number) or {}).get('delivered'))


class Disk:
    """A file system of its own, in memory; .mounted tells whether there is one."""

    def __init__(self, path):
        self.path = path
        os.mkdir(path, 0o700)
        self.mounted = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', f'size={DISK_MIB}m,mode=700', 'none', path],
            capture_output=True, check=False).returncode == 0

    def fill(self):
        with open(os.path.join(self.path, 'filler'), 'wb', buffering=0) as file:
            try:
                while file.write(bytes(65536)):
                    pass
            except OSError:
                pass
        return os.statvfs(self.path).f_bavail

    def end(self):
        if self.mounted:
            subprocess.run(['umount', self.path], check=True)


def full_disk(tap):
    with house.House(sets=(STORE,)) as home:
        disk = Disk(os.path.join(home.folder, 'disk'))
        if not disk.mounted:
            print('ok 1 - a full disk # SKIP no file system can be mounted here')
            tap.n += 1
            return
        try:
            home.daemon.store = os.path.join(disk.path, 'store')
            home.daemon.sets.append(f'store.path={home.daemon.store}')
            on_full_disk(home, disk, tap)
        finally:
            home.daemon.stop()
            disk.end()


def on_full_disk(home, disk, tap):
    home.daemon.start()
    home.daemon.open_account()
    tap.result(disk.fill() == 0, 'the disk is full')
    for n in range(200):
        status, answer = order(home, 31610000000 + n, f'full-{n}')
        if status != 200:
            break
    tap.result(status == 200 and delivered(home, 200),
               'the daemon goes on within what its store has', [str(answer)])
    tap.result(home.daemon.stop() == 0, 'it ends in order', [home.daemon.said()])
    home.daemon.start()
    tap.result(home.daemon.order(200)['delivered'] == 1, 'and starts again on the full disk')
    home.daemon.stop()
    for name, sets in (('a larger store', ['store.size=64MiB']),
                       ('another store', [f'store.path={disk.path}/other'])):
        other = house.Daemon(home.folder, home.far.port, [*home.daemon.sets, *sets])
        try:
            other.start()
            told = 'it started'
        except house.Trouble as trouble:
            told = str(trouble)
        other.stop()
        tap.result('room' in told or 'space' in told.lower(), f'{name} is refused, and why',
                   [told])


def failing_sync(tap):
    with house.House(sets=(STORE,)) as home:
        home.daemon.start()
        home.daemon.open_account()
        order(home, 31610000001, 'before')
        delivered(home, 1)
        home.daemon.stop()
        os.environ.update({'LD_PRELOAD': house.program('power_shim.so'), 'POWER_FAIL': 'sync:40',
                           'POWER_WATCH': os.path.realpath(home.daemon.store) + '/'})
        try:
            home.daemon.start()
        finally:
            for name in ('LD_PRELOAD', 'POWER_FAIL', 'POWER_WATCH'):
                del os.environ[name]
        told = []
        for n in range(200):
            told.append((n, *order(home, 31610001000 + n, f'failing-{n}')))
            if told[-1][1] != 200:
                break
        last, status, answer = told[-1]
        tap.result(status in (0, 503) and (not answer or answer['code'] == 'outcome_unknown'),
                   'a commit whose sync fails is not told as done', [str(told[-1])])
        tap.result(home.daemon.process.wait(house.PATIENCE_S) == 1, 'and ends the daemon',
                   [home.daemon.said()])
        binds = home.far.statistics()['pdus_in']['bind_transceiver']
        home.daemon.start()
        kept = [n for n in range(2, 2 + last) if (home.daemon.order(n) or {}).get('total') == 1]
        tap.result(len(kept) == last, 'what was told as done before is there', [str(told[-3:])])
        status, answer = order(home, 31610001000 + last, f'failing-{last}')
        tap.result(status == 200 and delivered(home, answer['order_id']),
                   'asked again under its key it is done once', [str(answer)])
        home.daemon.stop()
        house.await_that('it was bound', lambda: home.far.statistics()['pdus_in'][
            'bind_transceiver'] > binds)
        damaged(home, tap)


def damaged(home, tap):
    binds = home.far.statistics()['pdus_in']['bind_transceiver']
    os.truncate(os.path.join(home.daemon.store, 'data.mdb'), 65536)
    try:
        home.daemon.start()
        told = 'it started'
    except house.Trouble as trouble:
        told = str(trouble)
    tap.result('damaged' in told or 'truncated' in told or 'too short' in told,
               'a store that is damaged is refused', [told])
    tap.result(home.far.statistics()['pdus_in']['bind_transceiver'] == binds,
               'before anything is bound')


def main():
    tap = house.Tap()
    full_disk(tap)
    failing_sync(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
