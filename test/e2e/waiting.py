#!/usr/bin/python3
# builds: plain
"""A daemon that starts on very many messages of which most are over and many still wait: it starts
and drains at once, in memory that what is over costs nothing of; deadlines that passed while it was
down are kept, those to come stand through a kill. test/bench has the figures for a million. Prints
TAP."""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

ARRAY = 1000
OVER, DUE, WAITING, QUEUED = 100_000, 10_000, 20_000, 5_000
RECEIPT_MINUTES = 1560  # the example's receipt_deadline: validity and two hours
START_S = 10
OCTETS_EACH = 160  # of memory, for each that waits
SETS = ('store.size=1GiB', 'providers.alpha.window=100', 'retention.orders=365d',
        'retention.closed_ids=365d')


def fill(home, messages, *how):
    subprocess.run([house.program('bench_fill'), home.daemon.store, str(messages),
                    *map(str, how)], check=True, stdout=subprocess.DEVNULL, timeout=120)


def private_octets(home):
    with open(f'/proc/{home.daemon.process.pid}/status', encoding='utf-8') as file:
        return int(re.search(r'RssAnon:\s*(\d+) kB', file.read())[1]) * 1024


def orders(home):
    found, after = [], ''
    while True:
        status, page = home.daemon.api('GET', f'/api/v1/orders?limit=500{after}')
        if status != 200:
            raise house.Trouble(f'{status} {page}')
        found += page['orders']
        if page['next_after'] is None:
            return sorted(found, key=lambda order: order['order_id'])
        after = f'&after={page["next_after"]}'


def shares(home):
    """Orders by what they were filled with, in the order of filling."""
    found, at, told = orders(home), 0, {}
    for name, messages in (('over', OVER), ('due', DUE), ('waiting', WAITING), ('queued', QUEUED)):
        told[name] = found[at:at + messages // ARRAY]
        at += messages // ARRAY
    return told


def total(share, key):
    return sum(order[key] for order in share)


def start(home, tap, name):
    began = time.monotonic()
    home.daemon.start()
    took = time.monotonic() - began
    tap.result(took < START_S, name, [f'{took:.1f} s'])


def main():
    tap = house.Tap()
    with house.House(far=('--log', 'none'), sets=SETS) as home:
        home.daemon.start()
        home.daemon.open_account()
        empty = private_octets(home)
        home.daemon.stop()
        fill(home, OVER, 'delivered', ARRAY)
        fill(home, DUE, 'sent', ARRAY, RECEIPT_MINUTES)
        fill(home, WAITING, 'sent', ARRAY)
        fill(home, QUEUED, 'queued', ARRAY)
        start(home, tap, 'it starts in time')
        house.await_that('what was queued is delivered',
                         lambda: total(shares(home)['queued'], 'delivered') == QUEUED)
        tap.result(True, 'what was queued goes out')
        house.await_that('deadlines', lambda: total(shares(home)['due'], 'unknown') == DUE)
        due = shares(home)['due']
        status, page = home.daemon.api('GET', f'/api/v1/orders/{due[0]["order_id"]}/dlr?limit=1')
        one = page['messages'][0]
        tap.result(status == 200 and (one['status'], one['error'], one['final']) ==
                   ('UNKNOWN', 'NO_RECEIPT', True),
                   'deadlines that passed while it was down end what waited for them', [str(one)])
        grown = private_octets(home) - empty
        tap.result(grown < 4_000_000 + OCTETS_EACH * (DUE + WAITING + QUEUED),
                   'memory is bounded by what waits', [f'{grown} octets'])
        waiting = shares(home)['waiting']
        tap.result(total(waiting, 'pending') == WAITING and total(waiting, 'unknown') == 0,
                   'what is not due waits on', [str(waiting[:1])])
        home.daemon.kill()
        start(home, tap, 'and once more after a kill')
        now = shares(home)
        tap.result(total(now['waiting'], 'pending') == WAITING and
                   total(now['due'], 'unknown') == DUE and
                   total(now['queued'], 'delivered') == QUEUED and
                   total(now['over'], 'delivered') == OVER, 'which changes none of it',
                   [str(total(now[name], 'pending')) for name in now])
        home.daemon.stop()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
