"""The goals of test/bench that are about clients of the API: one message in each POST, what others wait
while a large body is accepted, and pages far into a listing."""
import contextlib
import json
import signal
import subprocess
import urllib.parse

from bench_links import PROBES_PER_S, Probe
from bench_run import (BIG_STORE, GOALS, PATIENCE_S, Far, Ours, Result, cpu_note, drive, ended, fresh,
                       house, kannel, ours, private_octets, requests, run_json, run_kannel)

CONNECTIONS = 64      # that post
POLLERS = 32          # connections
HALF_S = 3            # how long half of the maximum goes on
COMMITS, COMMIT_INTERVAL_US = 200, 2000
BODY = 10_000         # recipients
POLLS_PER_S = 1000
LISTED, LISTED_FEW = 2_000_000, 200_000
ORDER = 500
PAGES = 100           # in one go
PAGES_PER_S = 20      # beside what is being sent

GOALS |= {
    'G2': ('one message in each POST', 'msgs/s', 'Kannel, HTTP, file store', 3, True),
    'G7': ('accept latency p99 at half of its most', 'us', 'bare LMDB, one put', 20, False),
    'G14': ('longest stall beside bodies of 10,000', 'ms', None, 20, False),
    'G14-link': ('longest POST to submit_sm beside them', 'ms', None, 20, False),
    'E7a': ('page p99 behind 1M, orders of 500', 'us', 'in front', 20, False),
    'E7b': ('page p99 behind 1M, orders of one', 'us', 'in front', 20, False),
    'E7-submit': ('G1 beside clients that page', 'msgs/s', 'without them', 0.9, True),
    'E7-memory': ('memory a message more, 2M against 200k', 'octets', None, 1.5, False),
}


def told_by(command):
    """What a client says at its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S,
                          check=False)
    if done.returncode:
        raise house.Trouble(done.stderr.strip() or f'{command[0]}: {done.returncode}')
    return json.loads(done.stdout)


def gets(peer, target, count, per_s=0, connections=1):
    """The command that asks for `target` so often."""
    return requests(peer.daemon.submit, connections, count, per_s, (
        f'GET {target} HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {house.KEY}\r\n\r\n'))


@contextlib.contextmanager
def meanwhile(command):
    """A client that is told to end; what it said is in the list that this gives."""
    told = []
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield told
        client.send_signal(signal.SIGTERM)
        out, errors = client.communicate(timeout=house.PATIENCE_S)
        if not out:
            raise house.Trouble(errors.strip() or f'{command[0]}: {client.returncode}')
        told.append(json.loads(out))
    finally:
        client.kill()
        client.communicate()


# --- One message in each POST ---------------------------------------------------------------------

def posts(bench, wanted):
    """G2, and G7 at half of what each of its runs reached."""
    mine, kannels, halves, rates = [], [], [], []
    for pair in range(bench.size.pairs):
        bench.progress(f'posts, {pair + 1} of {bench.size.pairs}')
        with fresh(bench.top, 'ours') as folder, ours(folder, bench) as (peer, far):
            mine.append(drive(peer, far, bench.size.posts,
                              peer.posts(CONNECTIONS, bench.size.posts)))
            if 'G7' in wanted:
                commit = run_json('bench_lmdb', 'put', bench.top, COMMITS, COMMIT_INTERVAL_US)
                rates.append(int(mine[-1].per_s / 2))
                half = told_by(peer.posts(CONNECTIONS, HALF_S * rates[-1], rates[-1]))
                halves.append((half['p99_us'], commit['p50_us']))
        if 'G2' in wanted and kannel.installed():
            kannels.append(run_kannel(bench, bench.size.posts, CONNECTIONS))
    if 'G2' in wanted:
        result = Result('G2', [(m.per_s, k.per_s) for m, k in zip(mine, kannels)],
                        '' if kannels else 'the package kannel is not installed',
                        [f'{CONNECTIONS} connections each', cpu_note('ours', mine)] +
                        ([cpu_note('Kannel', kannels)] if kannels else []))
        result.counts = all(run.counts() for run in mine + kannels)
        yield result
    if 'G7' in wanted:
        yield Result('G7', halves, notes=[
            f'{CONNECTIONS} connections; posts a second: {", ".join(map(str, rates))}'])


# --- Beside large bodies --------------------------------------------------------------------------

def beside_bodies(bench, bodies):
    """The longest that a client which polls, and a message to another provider, waited while `bodies`
    are posted one after another or (None) nothing is, in ms."""
    count = bench.size.body_probes
    with fresh(bench.top, 'bodies') as folder, contextlib.ExitStack() as stack:
        probe = stack.enter_context(ended(Probe(folder)))
        far = stack.enter_context(ended(Far(folder)))
        peer = stack.enter_context(ended(Ours(folder, probe.port, bench.one_thread, sets=(
            f'providers.beta.links.beta-1.port={far.port}', 'providers.beta.enabled=true',
            'providers.beta.window=100', 'drain=100ms', 'providers.beta.timers.unbind=100ms'))))
        house.await_that('the other is bound', far.bound)
        probe.told(PROBES_PER_S // 2)  # it is warm
        with meanwhile(gets(peer, '/api/v1/balance', PATIENCE_S * POLLS_PER_S,
                            POLLS_PER_S, POLLERS)) as polled, contextlib.ExitStack() as others:
            taken = others.enter_context(meanwhile(peer.client(
                bodies * BODY, '--route', '2', array=BODY))) if bodies else []
            probed = probe.told(count)
        return (polled[0]['max_us'] / 1000, probed['max_us'] / 1000,
                taken[0]['accepted'] // BODY if bodies else 0)


def bodies(bench, wanted):
    del wanted
    runs, without = [], []
    for pair in range(bench.size.pairs):
        bench.progress(f'large bodies, {pair + 1} of {bench.size.pairs}')
        without.append(beside_bodies(bench, 0))
        runs.append(beside_bodies(bench, bench.size.bodies))
    for at, name in enumerate(('G14', 'G14-link')):
        yield Result(name, [(run[at], None) for run in runs], notes=[
            'each: ' + ', '.join(f'{run[at]:.1f} ms beside {run[2]} bodies, {other[at]:.1f} ms '
                                 'beside none' for run, other in zip(runs, without))])


# --- Pages ----------------------------------------------------------------------------------------

def page(peer, pages=PAGES, **query):
    return told_by(gets(peer, f'/api/v1/dlr?{urllib.parse.urlencode(query)}', pages))


def filtered(peer, skip):
    """A note of what other questions take."""
    found = peer.daemon.api('GET', f'/api/v1/dlr?limit=1&skip={skip}')[1]['messages'][0]
    deep = {'skip': skip // 2}
    asked = {'status': ({'status': 'DELIVERED', **deep}, PAGES),
             'route': ({'route_id': 1, **deep}, PAGES),
             'to_date': ({'to_date': found['created_at'], **deep}, PAGES),
             'from_date': ({'from_date': found['created_at'], **deep}, PAGES),
             'msisdn': ({'msisdn': found['msisdn']}, 2)}
    return 'p99 with filters: ' + ', '.join(
        f'{name} {page(peer, pages, **query)["p99_us"] / 1000:,.1f} ms'
        for name, (query, pages) in asked.items())


def listed(bench, array, messages):
    """Pairs of pages behind half of so many messages and in front of them, a note, and the memory
    that is held afterwards."""
    pairs = []
    with fresh(bench.top, 'listed') as folder:
        bench.open_ones(folder, array, delivered=messages)
        with ours(folder, bench, BIG_STORE) as (peer, _):
            page(peer, skip=0)  # it is warm
            for done in range(bench.size.slices):
                bench.progress(f'{messages:,} listed, orders of {array}, {done + 1} of '
                               f'{bench.size.slices}')
                pairs.append(tuple(page(peer, skip=skip)['p99_us'] for skip in (messages // 2, 0)))
            note = filtered(peer, messages // 2)
            return pairs, note, private_octets(peer.pid)


def paged_beside(bench):
    """What is sent while clients page, and while they do not, with many orders in the store."""
    pairs, counted = [], True
    with fresh(bench.top, 'paged') as folder:
        bench.open_ones(folder, 1, delivered=LISTED)
        for pair in range(bench.size.pairs):
            bench.progress(f'pages meanwhile, {pair + 1} of {bench.size.pairs}')
            runs = []
            for paging in (True, False):
                with ours(folder, bench, BIG_STORE) as (peer, far), contextlib.ExitStack() as stack:
                    if paging:
                        stack.enter_context(meanwhile(gets(
                            peer, f'/api/v1/dlr?skip={LISTED // 2}', PATIENCE_S * PAGES_PER_S,
                            PAGES_PER_S, connections=4)))
                    runs.append(drive(peer, far, bench.size.messages))
            pairs.append((runs[0].per_s, runs[1].per_s))
            counted = counted and all(run.counts() for run in runs)
    result = Result('E7-submit', pairs, notes=[f'{PAGES_PER_S} pages a second'])
    result.counts = counted
    return result


def pages(bench, wanted):
    del wanted
    grown, held = [], []
    for name, array in (('E7a', ORDER), ('E7b', 1)):
        pairs, note, many = listed(bench, array, LISTED)
        _, _, few = listed(bench, array, LISTED_FEW)
        grown.append(((many - few) / (LISTED - LISTED_FEW), None))
        held.append(f'{few / 1e6:.2f} -> {many / 1e6:.2f}')
        yield Result(name, pairs, notes=[note])
    yield Result('E7-memory', grown, notes=[f'MB, orders of {ORDER} and of one: ' + ', '.join(held)])
    yield paged_beside(bench)


MEASURES = ((('G2', 'G7'), posts), (('G14',), bodies), (('E7',), pages))
