#!/usr/bin/python3
# builds: plain
"""Allocations that fail, one after the other: under a library that lets the k-th of them fail, an
order is sent until it is accepted and resolved, and the configuration loaded again. What was answered
holds, what was not may be asked again, and nothing is half done. With ESMED_LONG every k, otherwise
every seventh of them, beginning elsewhere each time; ESMED_SEED begins as that run did. Prints TAP."""
import http.client
import json
import mmap
import os
import random
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
STEP = 1 if os.environ.get('ESMED_LONG', '0') != '0' else 7
SEED = int(os.environ.get('ESMED_SEED', random.randrange(1 << 30)))
NUMBERS = ['31612345678', '31612345679']


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:2000] for detail in details])


class Control:
    """The numbers that test/memory_shim.c shares."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'memory')
        with open(self.path, 'wb') as file:
            file.write(bytes(24))
        with open(self.path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), 24)

    def asked(self):
        return struct.unpack_from('Q', self.map, 0)[0]

    def failed(self):
        return struct.unpack_from('Q', self.map, 16)[0]

    def arm(self, k):
        struct.pack_into('Q', self.map, 8, self.asked() + k if k else 0)

    def missed(self):
        """The one that was to fail was over before it was named: others ask meanwhile."""
        return struct.unpack_from('Q', self.map, 8)[0] <= self.asked()


def send(daemon, key):
    """(status, answer) of an order under that idempotency key; (0, None): the connection ended."""
    try:
        return daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'numbers': NUMBERS, 'message': 'hello'},
            **{'Idempotency-Key': key})
    except (ValueError, http.client.HTTPException):
        return 0, None


def reload(daemon):
    return daemon.operate('POST', '/control/v1/reload', {})


def says_memory(answer):
    """A file that could not be loaded has no mistake."""
    return isinstance(answer['detail'], list) and all(
        'memory' in mistake['msg'] and mistake['type'] == 'configuration'
        for mistake in answer['detail'])


class Sweep:
    def __init__(self, daemon, control):
        self.daemon, self.control = daemon, control
        self.failed = self.refused = self.ends = self.orders = 0
        self.wrong = []

    def alive(self, k):
        """Starts it again if it has ended, which it may in order only."""
        if self.daemon.process.poll() is None:
            return
        self.ends += 1
        if self.daemon.process.returncode < 0:
            self.wrong.append((k, 'a signal', self.daemon.process.returncode, self.daemon.said()))
        self.daemon.start()

    def answered(self, k, ask):
        """Asks until it is answered 200; any other answer must be of the kind that may be asked
        again. While it ends in order, connections end as well."""
        def tried():
            status, answer = ask()
            if status == 200:
                return answer
            self.refused += 1
            if status not in (0, 500, 503) and not says_memory(answer):
                self.wrong.append((k, 'an answer', status, answer))
            self.alive(k)
            return None
        return house.await_that(f'with allocation {k} failed, it is answered', tried)

    def order(self, k):
        answer = self.answered(k, lambda: send(self.daemon, f'k{k}-{self.orders}'))

        def resolved():
            self.alive(k)
            return self.daemon.resolved(answer['order_id'])
        order = house.await_that(f'the order of allocation {k} is resolved', resolved)
        self.orders += 1
        if answer['order_id'] != self.orders or order['total'] != len(NUMBERS):
            self.wrong.append((k, 'an order that nobody was told of', answer, order))
            self.orders = answer['order_id']

    def reload(self, k):
        self.answered(k, lambda: reload(self.daemon))

    def all(self, one):
        """Each allocation that it takes, or every STEP-th."""
        k = random.randint(1, STEP)
        while True:
            before = self.control.failed()
            self.control.arm(k)
            one(k)
            missed = self.control.missed()
            self.control.arm(0)
            if self.control.failed() > before:
                self.failed += 1
                k += STEP
            elif not missed:
                return k


def start_watched(daemon, control):
    """Only the daemon, and whenever it starts."""
    os.environ.update(LD_PRELOAD=house.program('memory_shim.so'), MEMORY_CONTROL=control.path)
    try:
        house.Daemon.start(daemon)
    finally:
        del os.environ['LD_PRELOAD'], os.environ['MEMORY_CONTROL']


def main():
    random.seed(SEED)
    print(f'# ESMED_SEED={SEED}')
    sets = ('routes.1.receipt_deadline=4s', 'providers.alpha.timers.response=2s')
    with house.House(far=('--quiet', '--latency-ms', '1-2'), sets=sets) as home:
        control, daemon = Control(home.folder), home.daemon
        daemon.start = lambda: start_watched(daemon, control)
        daemon.start()
        daemon.open_account()
        sweep = Sweep(daemon, control)
        for name, one in (('an order', sweep.order), ('a reload', sweep.reload)):
            sweep.failed = sweep.refused = sweep.ends = 0
            k = sweep.all(one)
            check(f'F31: {name} goes through whichever allocation fails', not sweep.wrong,
                  *sweep.wrong)
            check(f'{name}: allocations did fail', sweep.failed >= 40 // STEP and
                  sweep.refused + sweep.ends > 0, k, sweep.failed, sweep.refused, sweep.ends)
            print(f'# {name}: {k} allocations, {sweep.failed} failed, {sweep.refused} answers that '
                  f'say to ask again, {sweep.ends} ends in order')
        verified = daemon.operate('GET', '/control/v1/ledger/verify')[1]
        check('the money adds up', verified['findings'] == 0, verified)
        check('it ends in order', daemon.stop() == 0, daemon.said())
        done = subprocess.run([house.program('esmed'), 'store', 'check', daemon.store],
                              capture_output=True, text=True, timeout=60, check=False)
        check('F31: nothing is half done', done.returncode == 0 and '0 findings' in done.stdout,
              done.stdout, done.stderr)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
