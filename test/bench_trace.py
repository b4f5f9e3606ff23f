"""The goals of test/bench that are about smpp-trace: what a daemon at full load pays for being
watched."""
import os
import re
import signal
import statistics
import subprocess

from bench_run import (BIG_STORE, GOALS, PATIENCE_S, Result, drive, fresh, house, ours,
                       private_octets)

MEMORY_MB = 14  # TAP_OCTETS and TAP_RECORDS of core/tap.h, and what is on its way to the reader

GOALS |= {
    'live': ('G1 beside smpp-trace live', 'msgs/s', 'without it', 0.9, True),
    'live-cpu': ('daemon CPU beside it', 's per 100k', 'without it', 1.05, False),
    'live-stopped': ('G1 beside one that has stopped', 'msgs/s', 'without it', 0.9, True),
    'live-stopped-cpu': ('daemon CPU beside that', 's per 100k', 'without it', 1.05, False),
    'live-memory': ('memory of the tap', 'MB', None, MEMORY_MB, False),
}


class Watcher:
    """smpp-trace live, its lines into a file."""

    def __init__(self, peer, stopped):
        self.peer, self.daemon = peer, peer.daemon
        self.seen = self.dropped = 0
        self.before, self.private = self.passed(), private_octets(peer.pid)
        self.took_s = self.daemon.metric('tap_seconds_total')
        self.path = os.path.join(self.daemon.folder, 'lines')
        with open(self.path, 'wb') as lines:
            self.process = subprocess.Popen(
                [house.program('smpp-trace'), 'live', '--socket',
                 os.path.join(self.daemon.folder, 'tap.sock')],
                stdout=lines, stderr=subprocess.PIPE, text=True)
        house.await_that('the tap is read', lambda: self.daemon.metric('tap_bytes') > 0)
        if stopped:
            self.process.send_signal(signal.SIGSTOP)

    def passed(self):
        return self.daemon.metric('tap_pdus_total')

    def took(self):
        """Seconds of the engine, so far."""
        return self.daemon.metric('tap_seconds_total') - self.took_s

    def grown(self):
        """Private memory of the daemon, more than before."""
        return private_octets(self.peer.pid) - self.private

    def told(self):
        """PDUs by its lines, shown and dropped."""
        with open(self.path, encoding='utf-8') as file:
            lines = [line for line in file if line.startswith('#')]
        return len(lines) + sum(int(found[1]) for line in lines if (
            found := re.search(r'\((\d+) dropped before it\)', line)))

    def caught_up(self):
        """What is dropped is told with the next PDU, so there has to be one."""
        subprocess.run(self.peer.client(1), check=True, stdout=subprocess.DEVNULL)
        return self.told() == self.passed() - self.before

    def end(self):
        """Raises unless its last line has every PDU that the daemon says has passed."""
        try:
            self.process.send_signal(signal.SIGCONT)
            house.await_that('the reader has caught up', self.caught_up, PATIENCE_S)
            self.process.send_signal(signal.SIGINT)
            said = self.process.communicate(timeout=house.PATIENCE_S)[1]
        finally:
            self.process.kill()
            self.process.communicate()
        self.seen, _, self.dropped = map(int, re.findall(r'\d+', said))
        if self.seen + self.dropped != self.passed() - self.before:
            raise house.Trouble(f'{said.strip()}, of {self.passed() - self.before:.0f}')
        house.await_that('the tap is not read', lambda: self.daemon.metric('tap_bytes') == 0)


class Watched:
    """Runs without a reader, beside one, and beside one that has stopped."""

    def __init__(self, peer, far, count):
        self.runs, self.watchers, self.shares, self.grown = {}, {}, {}, None
        self.peer, self.far, self.count = peer, far, count

    def run(self, how):
        watcher = Watcher(self.peer, how == 'stopped') if how else None
        try:
            self.runs[how] = drive(self.peer, self.far, self.count)
            if watcher:
                self.shares[how] = watcher.took() / self.runs[how].daemon_s
            if watcher and self.grown is None:  # memory of a second one may be that of the first
                self.grown = watcher.grown()
        finally:
            if watcher:
                watcher.end()
        house.await_that('nothing is under way', self.far.settled)
        self.watchers[how] = watcher


def watched(bench, wanted):
    del wanted
    sets, ways = [], (None, 'live', 'stopped')
    for pair in range(bench.size.watched):
        bench.progress(f'watched, {pair + 1} of {bench.size.watched}')
        with fresh(bench.top, 'watched') as folder, ours(folder, bench, BIG_STORE) as (peer, far):
            drive(peer, far, bench.size.messages // 5)  # it is warm
            one = Watched(peer, far, bench.size.messages)
            for at in range(len(ways)):
                one.run(ways[(pair + at) % len(ways)])
            sets.append(one)
    for name, how in (('live', 'live'), ('live-stopped', 'stopped')):
        runs = [(one.runs[how], one.runs[None]) for one in sets]
        share = statistics.median(one.watchers[how].seen / (
            one.watchers[how].seen + one.watchers[how].dropped) for one in sets)
        throughput = Result(name, [(mine.per_s, theirs.per_s) for mine, theirs in runs], notes=[
            f'the reader got {100 * share:.0f} % of the PDUs, and was told of the rest, exactly'])
        cost = Result(f'{name}-cpu', [(mine.daemon_per_100k, theirs.daemon_per_100k)
                                      for mine, theirs in runs], notes=[
            'of it making lines for the reader: '
            f'{100 * statistics.median(one.shares[how] for one in sets):.1f} %'])
        throughput.counts = cost.counts = all(run.counts() for pair in runs for run in pair)
        yield from (throughput, cost)
    yield Result('live-memory', [(one.grown / 1e6, None) for one in sets])


MEASURES = ((('live',), watched),)
