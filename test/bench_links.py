"""The goals of test/bench that are about links: the wire's own limits, receipts in any order, delayed
acknowledgements, TLS, and a provider that lets nobody else suffer."""
import contextlib
import json
import os
import select
import subprocess

from bench_run import (GOALS, PATIENCE_S, WINDOW, Far, Ours, Result, ended, fresh, house, run_json,
                       run_ours)

HELD = 20_000      # receipts, until they all go out
ACK_WINDOW = 10    # less than what a delayed acknowledgement would let pass
ACK_DELAY_US = 5000  # of the answers, so that nothing carries an acknowledgement before
PROBES_PER_S = 200
QUEUED = 20_000    # messages for the provider that misbehaves
COMMITS = 2

GOALS |= {
    'G4': ('G1 against the wire alone', 'msgs/s', 'raw pump', 0.25, True),
    'G11': ('CPU, receipts in reverse of 20,000', 's per 100k', 'in order', 1.5, False),
    'G12': ('window 10, delayed ACK', 'msgs/s', 'QUICKACK', 0.8, True),
    'G13': ('TLS against plain', 'msgs/s', 'plain', 0.85, True),
    'isolation-hang': ('p99 beside one that hangs', 'us', 'allowed', 1, False),
    'isolation-drip': ('p99 beside one that drips', 'us', 'allowed', 1, False),
    'isolation-flood': ('p99 beside one that floods', 'us', 'allowed', 1, False),
}


def sink(**options):
    """The command of the plainest SMSC."""
    return [house.program('bench_wire'), 'sink', *(f'{name}={value}'
                                                   for name, value in options.items())]


def run_pump(bench, count, window, nodelay=1, **options):
    """Messages a second of the plainest ESME."""
    with fresh(bench.top, 'pump') as folder, ended(Far(folder, command=sink(**options))) as far:
        told = run_json('bench_wire', 'pump', far.port, count, window, nodelay)
        return 1000 * count / told['running_ms']


def pairs_of(bench, what, one, other):
    """What two measures give, taken in turn."""
    pairs = []
    for pair in range(bench.size.pairs):
        bench.progress(f'{what}, {pair + 1} of {bench.size.pairs}')
        pairs.append((one(), other()))
    return pairs


def wire(bench, wanted):
    del wanted
    runs = []

    def mine():
        runs.append(run_ours(bench, bench.size.messages))
        return runs[-1].per_s
    result = Result('G4', pairs_of(bench, 'the wire', mine, lambda: run_pump(
        bench, 2 * bench.size.messages, WINDOW)))
    result.counts = all(run.counts() for run in runs)
    return [result]


def order(bench, wanted):
    del wanted
    count = bench.size.messages // HELD * HELD

    def cost(reverse):
        return run_ours(bench, count, command=sink(hold=HELD, reverse=reverse)).daemon_per_100k
    return [Result('G11', pairs_of(bench, 'order', lambda: cost(1), lambda: cost(0)))]


def acknowledged(bench, wanted):
    del wanted
    count = bench.size.messages // 10

    def per_s(quickack):
        return run_ours(bench, count, command=sink(quickack=quickack, delay_us=ACK_DELAY_US),
                        sets=(f'providers.alpha.window={ACK_WINDOW}',)).per_s
    pairs = pairs_of(bench, 'acknowledgements', lambda: per_s(0), lambda: per_s(1))
    few = 1000
    waits, goes = (run_pump(bench, few, ACK_WINDOW, nodelay, delay_us=ACK_DELAY_US)
                   for nodelay in (0, 1))
    return [Result('G12', pairs, notes=[f'the raw pump there: {waits:,.0f} msgs/s without '
                                        f'TCP_NODELAY, {goes:,.0f} with it'])]


def encrypted(bench, wanted):
    del wanted
    runs = []

    def run(**how):
        runs.append(run_ours(bench, bench.size.messages, **how))
        return runs[-1].per_s
    with fresh(bench.top, 'tls') as folder:
        chain, key = house.make_certificate(folder)
        tls = {'far': ('--tls-cert', chain, '--tls-key', key),
               'sets': (f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}',)}
        result = Result('G13', pairs_of(bench, 'TLS', lambda: run(**tls), run))
    result.counts = all(one.counts() for one in runs)
    return [result]


# --- Isolation -----------------------------------------------------------------------------------

DRIP = 'on bound: drip n=50\n'
FLOOD = ('on bound: send deliver_sm source_addr=4917 destination_addr=ACME short_message="flood {count}" '
         'times=5000\n'
         'on deliver_sm_resp: send deliver_sm source_addr=4917 destination_addr=ACME '
         'short_message="flood {count}"\n')
BAD = {'isolation-hang': (('--hang',), None), 'isolation-drip': ((), DRIP),
       'isolation-flood': ((), FLOOD)}


class Probe:
    """A provider of ours that is well, which asks us for something now and then and sees when it
    comes."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [house.program('bench_wire'), 'probe', os.path.join(folder, 'submit.sock'), house.KEY,
             '1'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(house.first_line(self.process).rsplit(':', 1)[1])

    def told(self, count):
        self.process.stdin.write(f'{count} {PROBES_PER_S}\n')
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if ready else ''
        if not line:
            raise house.Trouble('the probe has ended, or waits')
        return json.loads(line)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def bad_end(folder, name):
    options, script = BAD[name]
    if script:
        path = os.path.join(folder, 'script')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(script)
        options += ('--script', path)
    return Far(folder, *options, name='bad')


def beside(bench, name):
    """p99 of the provider that is well, beside the other one or (None) without it. What the bad one
    leaves is not waited for at the end."""
    with fresh(bench.top, 'isolation') as folder, contextlib.ExitStack() as stack:
        probe = stack.enter_context(ended(Probe(folder)))
        sets = ('providers.beta.enabled=false', 'drain=100ms',
            'providers.beta.timers.unbind=100ms')
        if name:
            bad = stack.enter_context(ended(bad_end(folder, name)))
            sets = (f'providers.beta.links.beta-1.port={bad.port}', 'providers.beta.enabled=true',
                    f'providers.beta.window={WINDOW}', *sets[1:])
        peer = stack.enter_context(ended(Ours(folder, probe.port, bench.one_thread, sets=sets)))
        if name:
            house.await_that('the bad one is bound', bad.bound)
            subprocess.run(peer.client(QUEUED, '--route', '2'), check=True,
                           stdout=subprocess.DEVNULL)
        probe.told(PROBES_PER_S // 2)  # it is warm
        before = bad.statistics() if name else None
        p99_us = probe.told(bench.size.probes)['p99_us']
        return p99_us, work_of(bad.statistics(), before) if name else ''


def work_of(told, before):
    """What the bad one did meanwhile."""
    passed = {way: sum(told[way].values()) - sum(before[way].values())
              for way in ('pdus_in', 'pdus_out')}
    seconds = (told['running_ms'] - before['running_ms']) / 1000
    return (f'it read {passed["pdus_in"] / seconds:,.0f} PDUs/s and wrote '
            f'{passed["pdus_out"] / seconds:,.0f}')


def isolation(bench, wanted):
    del wanted
    for name in BAD:
        pairs, notes = [], []
        for pair in range(bench.size.isolation_pairs):
            bench.progress(f'{name}, {pair + 1} of {bench.size.isolation_pairs}')
            commit = run_json('bench_lmdb', 'put', bench.top, 200, 2000)['p50_us']
            (alone, _), (with_it, work) = beside(bench, None), beside(bench, name)
            pairs.append((with_it, max(2 * alone, alone + COMMITS * commit)))
            notes.append(f'{alone} -> {with_it}')
        yield Result(name, pairs, notes=[
            f'a commit {commit:.0f} us; {work}; without it -> with it: {", ".join(notes)}'])


MEASURES = ((('G4',), wire), (('G11',), order), (('G12',), acknowledged), (('G13',), encrypted),
            (('isolation',), isolation))
