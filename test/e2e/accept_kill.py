#!/usr/bin/python3
# builds: plain asan
"""The daemon killed while it accepts: two hundred requests with keys over four connections, SIGKILL
after a seeded number of replies, started again, and the same requests once more. Afterwards each key
has made one order, every reply ever given is true, and no message was lost, doubled or paid twice.
Prints TAP.

  accept_kill.py [--seed N]     one seed alone
"""
import argparse
import os
import random
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import truth as truths  # noqa: E402

REQUESTS, BATCH = 200, 10
RUNS = 5
SETS = ('routes.1.receipt_deadline=3s', 'providers.alpha.window=50',
        'providers.alpha.timers.response=2s')


def replies(home):
    if not os.path.exists(home.client_log):
        return 0
    with open(home.client_log, 'rb') as file:
        return file.read().count(b'"event":"reply"')


def ask_for_all(home, seed, results):
    results.append(home.daemon.load(
        '--count', str(REQUESTS * BATCH), '--batch', str(BATCH), '--connections', '4',
        '--caller-id', 'ACME', '--text', 'Hello', '--max-seconds', '20', '--rate', '20000',
        '--idempotency-prefix', f'seed-{seed}', log=home.client_log))


def judge(truth, results):
    wrong = [f'{name}: {text}' for name, text in
             checker.check(truth, checker.How(quiet=True, client_account=house.ACCOUNT))]
    if len(truth.orders) != REQUESTS:
        wrong.append(f'{len(truth.orders)} orders of {REQUESTS} requests')
    if results[-1]['accepted'] != REQUESTS * BATCH:
        wrong.append(f'the second time only {results[-1]["accepted"]} messages were accepted')
    return wrong


def run(seed):
    point = random.Random(seed).randrange(1, REQUESTS - 5)
    results = []
    with house.House(['--quiet', '--seed', str(seed)], SETS) as home:
        home.daemon.start()
        home.daemon.open_account()
        client = threading.Thread(target=ask_for_all, args=(home, seed, results))
        client.start()
        house.await_that(f'{point} replies', lambda: replies(home) >= point)
        home.daemon.kill()
        home.daemon.start()
        client.join()
        ask_for_all(home, seed, results)
        for number in range(1, REQUESTS + 1):
            house.await_that(f'order {number} is resolved',
                             lambda n=number: home.daemon.resolved(n))
        house.await_that('every receipt is settled', home.far.settled)
        status = home.daemon.stop()
        home.far.end()
        truth = truths.load(house.program('store_dump'), home.daemon.store,
                            {'alpha': home.far.log}, home.client_log)
        wrong = judge(truth, results)
        if status != 0:
            wrong.append(f'the daemon ended with {status}')
        return wrong, f'killed after {point} replies, {results[0]["unanswered"]} unanswered'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int)
    options = parser.parse_args()
    runs = RUNS * 10 if os.environ.get('ESMED_LONG') == '1' else RUNS
    tap = house.Tap()
    for seed in [options.seed] if options.seed is not None else range(1, runs + 1):
        try:
            wrong, figures = run(seed)
        except (house.Trouble, OSError, RuntimeError, KeyError, ValueError) as error:
            wrong, figures = [f'{type(error).__name__}: {error}'], 'did not end'
        tap.result(not wrong, f'seed {seed}: {figures}',
                   wrong + [f'again: test/e2e/accept_kill.py --seed {seed}'])
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
