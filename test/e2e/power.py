#!/usr/bin/python3
# builds: plain
"""Power that goes and disks that fail, on the store alone: a program commits under a library that
notes each write and sync, then images of what a disk may hold after the power went are opened; and
each data sync, meta write and other write fails once with EIO. With ESMED_LONG, ten times as many
images and faults of a longer run. ESMED_SEED replays a run. Prints TAP."""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
LONG = os.environ.get('ESMED_LONG', '0') != '0'
SEED = int(os.environ.get('ESMED_SEED') or random.randrange(1, 1 << 32))
COMMITS = 200
IMAGES = 20000 if LONG else 2000
TORN_IMAGES = 5000 if LONG else 500
CONTROL_IMAGES = 500 if LONG else 150
FAULT_COMMITS = 150 if LONG else 25
FATAL_STATUS = 3


class Run:
    """power_load in a folder of its own, with or without a trace."""

    def __init__(self, home, name, commits, *how, fail=None, trace=True):
        self.folder = os.path.join(home, name)
        self.trace = self.folder + '.trace'
        self.store = os.path.join(self.folder, 'store')
        os.mkdir(self.folder, 0o700)
        acks = os.path.join(self.folder, 'acks')
        environment = dict(os.environ, LD_PRELOAD=house.program('power_shim.so'),
                           POWER_WATCH=os.path.realpath(self.folder) + '/')
        if trace:
            environment['POWER_TRACE'] = self.trace
        if fail:
            environment['POWER_FAIL'] = fail
        done = subprocess.run([house.program('power_load'), self.store, acks, str(commits), *how],
                              env=environment, capture_output=True, text=True, timeout=120,
                              check=False)
        self.status, self.err = done.returncode, done.stderr
        with open(acks, encoding='ascii') as lines:
            self.lines = lines.read().splitlines()
        self.acked = sum(line.startswith('ack ') for line in self.lines) - 1


def replay(*arguments):
    """What power_replay counted, and all it said."""
    done = subprocess.run([house.program('power_replay'), *map(str, arguments)],
                          capture_output=True, text=True, timeout=3600, check=False)
    said = (done.stderr + done.stdout).splitlines()
    counted = {name: int(n) for name, n in re.findall(r'(\w+)=(\d+)', said[-1])} if said else {}
    if done.returncode or 'bad' not in counted:
        counted = {}
    return counted, said[-12:]


def images(run, count, *how):
    counted, said = replay('images', run.trace, run.store, count, SEED, *how)
    print('#', os.path.basename(run.folder), *how, *said[-1:], flush=True)
    return counted, said


def power(home):
    run = Run(home, 'synced', COMMITS)
    TAP.result(run.status == 0 and run.acked == COMMITS, 'a store takes the commits that are noted',
               [run.status, run.err])
    seen, said = images(run, IMAGES)
    TAP.result(seen.get('images') == IMAGES and seen['bad'] == 0 and seen['newer'] > 0,
               'after power loss each acknowledged transaction is there, whole', said)
    seen, said = images(run, TORN_IMAGES, 'tear')
    TAP.result(seen.get('images') == TORN_IMAGES and seen['bad'] == 0 and seen['refused'] > 0 and
               seen['decayed'] == 0,
               'what a torn meta page loses is noticed, and none is written upon', said)
    return run


def controls(home, run):
    """The same harness must find fault with stores that do not sync."""
    loose = Run(home, 'unsynced', COMMITS, 'no-sync')
    seen, said = images(loose, CONTROL_IMAGES)
    TAP.result(seen and seen['bad'] * 2 > seen['images'],
               'without syncs most images are found bad', [loose.err, *said])
    seen, said = images(run, CONTROL_IMAGES, 'no-data-sync')
    TAP.result(seen and seen['bad'] * 2 > seen['images'],
               'without data syncs most images are found bad', said)
    seen, said = images(run, CONTROL_IMAGES, 'no-meta-sync')
    TAP.result(seen and seen['bad'] * 10 > seen['images'],
               'without meta syncs many images are found bad', said)


def fault(home, golden, call, k):
    """None, or what was wrong; True as soon as the run has fewer such calls than k."""
    run = Run(home, 'faulty', FAULT_COMMITS, fail=f'{call}:{k}', trace=False)
    try:
        if run.status == 0:
            return True
        if run.acked < 0:  # the store was not made, which must say so and leave nothing
            clean = not os.path.exists(os.path.join(run.store, 'data.mdb'))
            return None if run.status == 1 and clean else (call, k, run.status, run.err)
        if run.status != FATAL_STATUS or run.lines[-1] != f'fatal {run.acked + 1}':
            return call, k, run.status, run.err, run.lines[-1:]
        seen, said = replay('after', golden.trace, run.store, run.acked)
        return None if seen and seen['bad'] == 0 else (call, k, *said)
    finally:
        shutil.rmtree(run.folder)


def faults(home, golden, call, name):
    wrong, k, result = [], 0, None
    while result is not True:
        k += 1
        result = fault(home, golden, call, k)
        if result not in (None, True):
            wrong.append(result)
    TAP.result(not wrong and k > FAULT_COMMITS, name, [f'{k - 1} faults', *wrong[:5]])


def main():
    place = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    print(f'# ESMED_SEED={SEED}')
    home = tempfile.mkdtemp(prefix='esmed-power.', dir=place)
    try:
        run = power(home)
        controls(home, run)
        faults(home, run, 'sync', 'a data sync that fails ends in FATAL, and recovery is clean')
        faults(home, run, 'meta', 'a meta write that fails ends in FATAL, and recovery is clean')
        faults(home, run, 'meta-written',
               'a meta write that fails though written ends in FATAL, and recovery is clean')
        if LONG:
            faults(home, run, 'write', 'a write that fails ends in FATAL, and recovery is clean')
    finally:
        shutil.rmtree(home)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
