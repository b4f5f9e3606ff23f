#!/usr/bin/python3
# builds: plain
"""The daemon killed at any moment: an order of 3,304 at 500 messages a second, SIGKILL at a seeded
submit, started again at once. Afterwards I1 to I16 hold, nothing was sent twice, what ended as
SUBMIT_UNCONFIRMED is at most what a release may leave open, and the rest ended as the far end says.
Then ten kills in one order; and three in one of long texts in parts, under `doubt: resend` and with
refunds, where I1 to I16 must hold as well. Prints TAP.

  sigkill.py [--runs N]
  sigkill.py --seed N [--kills N] [--parts]     one run alone
"""
import argparse
import concurrent.futures
import os
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import truth as truths  # noqa: E402

MESSAGES = 3304
WINDOW = RELEASE_AHEAD = 10
RECEIPT_DEADLINE_MS = 2500
SIDE_BY_SIDE = 2
SETS = (f'providers.alpha.window={WINDOW}', f'providers.alpha.release_ahead={RELEASE_AHEAD}',
        'providers.alpha.rate=500', 'providers.alpha.timers.response=2s',
        'providers.alpha.timers.pause_min=20ms')
FAR = ('--quiet', '--latency-ms', '2-15', '--receipt-delay-ms', '20-300', '--redeliver-ms', '200',
       '--receipt-ids', 'decimal:12', '--receipts', 'early=2,twice=1', '--mix',
       'delivered=9300,failed=300,rejected=100,expired=100,none=100,refused=90,throttled=10')

# What each outcome of the simulator ends as.
ENDS = {'delivered': ('DELIVERED', ''), 'throttled': ('DELIVERED', ''),
        'failed': ('FAILED', 'UNDELIVERABLE'), 'rejected': ('FAILED', 'DELIVERY_REJECTED'),
        'expired': ('EXPIRED', 'DELIVERY_EXPIRED'), 'none': ('UNKNOWN', 'NO_RECEIPT'),
        'refused': ('FAILED', 'SUBMIT_ERROR')}
UNCONFIRMED = ('UNKNOWN', 'SUBMIT_UNCONFIRMED')


class Flavour:
    """What kind of order is killed."""

    def __init__(self, parts):
        self.parts = parts
        self.route, self.messages = (3, 800) if parts else (1, MESSAGES)
        self.text = 'A text that goes in parts, ' * 14 if parts else 'Your code is 4711'
        self.how = checker.How(quiet=True, hold=not parts, receipt_deadline_ms=RECEIPT_DEADLINE_MS,
                               refund='undelivered' if parts else 'never',
                               client_account=house.ACCOUNT)
        self.sets = [*SETS, f'routes.{self.route}.receipt_deadline={RECEIPT_DEADLINE_MS}ms']
        if parts:
            self.sets += ['routes.3.doubt=resend', 'routes.3.doubt_grace=300ms',
                          'routes.3.refund=undelivered']


def judge(truth, flavour, kills):
    """Everything that is wrong after a run."""
    wrong = [f'{name}: {text}' for name, text in checker.check(truth, flavour.how)]
    if len(truth.messages) != flavour.messages:
        wrong.append(f'{len(truth.messages)} messages in the store')
    if flavour.parts:
        return wrong, sum(message.error == UNCONFIRMED[1] for message in truth.messages)
    unconfirmed = 0
    for message in truth.messages:
        end = (message.state, message.error)
        submits = message.segments[0].submits
        if sum(submit.unrefused() for submit in submits) > 1:
            wrong.append(f'{message} was sent twice')
        if end == UNCONFIRMED:
            unconfirmed += 1
        elif not submits or end != ENDS.get(submits[-1].outcome):
            wrong.append(f'{message} ended {end}, the far end drew '
                         f'{[submit.outcome for submit in submits]}')
    most = kills * (WINDOW + RELEASE_AHEAD)
    if unconfirmed > most:
        wrong.append(f'{unconfirmed} ended unconfirmed, at most {most} may')
    return wrong, unconfirmed


def run(seed, kills, parts):
    """One order, killed `kills` times. (what is wrong, a line of figures)"""
    chance, flavour = random.Random(seed), Flavour(parts)
    points = sorted(int(chance.uniform(0.02, 0.98) * flavour.messages) for _ in range(kills))
    with house.House([*FAR, '--seed', str(seed)], flavour.sets) as home:
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.load('--count', str(flavour.messages), '--batch', str(flavour.messages),
                         '--route', str(flavour.route), '--text', flavour.text, '--caller-id',
                         'ACME', '--idempotency-prefix', f'run-{seed}', log=home.client_log)
        for point in points:
            house.await_that(f'{point} submits', lambda p=point: home.far.count_submits() >= p)
            home.daemon.kill()
            home.daemon.start()
        house.await_that('the order is resolved', home.daemon.resolved, 60)
        house.await_that('every receipt is settled', home.far.settled)
        status = home.daemon.stop()
        flavour.how.now_ms = int(time.time() * 1000)
        home.far.end()
        truth = truths.load(house.program('store_dump'), home.daemon.store,
                            {'alpha': home.far.log}, home.client_log)
        wrong, unconfirmed = judge(truth, flavour, kills)
        if status != 0:
            wrong.append(f'the daemon ended with {status}')
        return wrong, f'killed at {points}, {unconfirmed} unconfirmed'


def attempt(seed, kills, parts):
    try:
        return run(seed, kills, parts)
    except (house.Trouble, OSError, RuntimeError, KeyError, ValueError) as error:
        return [f'{type(error).__name__}: {error}'], 'did not end'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--runs', type=int, default=50 if os.environ.get('ESMED_LONG') == '1'
                        else 10)
    parser.add_argument('--seed', type=int)
    parser.add_argument('--kills', type=int, default=1)
    parser.add_argument('--parts', action='store_true')
    options = parser.parse_args()
    plan = [(seed, 1, False) for seed in range(1, options.runs + 1)]
    plan += [(1000, 10, False), (2000, 3, True)]
    if options.seed is not None:
        plan = [(options.seed, options.kills, options.parts)]
    tap = house.Tap()
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for (seed, kills, parts), (wrong, figures) in zip(plan, pool.map(attempt, *zip(*plan))):
            again = f'test/e2e/sigkill.py --seed {seed} --kills {kills}{" --parts" * parts}'
            tap.result(not wrong, f'killed {"once" if kills == 1 else f"{kills} times"}, seed '
                       f'{seed}{", in parts" * parts}: {figures}', wrong + [f'again: {again}'])
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
