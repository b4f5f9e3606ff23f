#!/usr/bin/python3
# builds: asan
"""An order of 3,304 against a server made with the npm package smpp, which shares no line with this
project: it gives ids in hex and names them in receipts in decimal, padded. Prints TAP."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import npm  # noqa: E402
import truth as truths  # noqa: E402

MESSAGES = 3304
SETS = ('routes.1.receipt_deadline=30s', 'providers.alpha.window=50')


def run(failed_every):
    """The order as its client sees it at the end, and the store."""
    command = npm.command('server.js', '--failed-every', failed_every, '--system-id', 'esmed',
                          '--password', 'secret')
    with house.House(sets=SETS, command=command) as home:
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.load('--count', str(MESSAGES), '--batch', str(MESSAGES), '--text', 'Hello',
                         '--caller-id', 'ACME', log=home.client_log)
        order = house.await_that('the order is resolved', home.daemon.resolved, 60)
        if home.daemon.stop() != 0:
            raise house.Trouble(f'esmed ended with {home.daemon.process.returncode}')
        records = truths.dump(house.program('store_dump'), home.daemon.store)
        return order, truths.Truth(records, [], truths.lines(home.client_log))


def own_violations(truth):
    """The invariants that need no log of the far end."""
    skipped = {'I8', 'I10', 'I11', 'I12'}
    return [f'{name}: {text}' for name, text in checker.check(truth, checker.How(quiet=True))
            if name not in skipped]


def main():
    missing = npm.missing()
    if missing:
        print(f'1..0 # SKIP {missing}')
        return 0
    tap = house.Tap()
    order, truth = run(0)
    tap.result(order['status'] == 'COMPLETED' and order['delivered'] == MESSAGES,
               f'{MESSAGES} messages through the npm package smpp are COMPLETED', [str(order)])
    rules = {row['rule'] for _, segment in truth.segments() for row in segment.rows
             if row.get('rule')}
    tap.result('dec_to_hex' in rules and rules <= {'dec_to_hex', 'exact', 'parked'},
               'receipts in decimal are matched to ids in hex', [str(rules)])
    wrong = own_violations(truth)
    tap.result(not wrong, 'the store holds what the invariants ask for', wrong)
    order, truth = run(10)
    failed = MESSAGES // 10
    tap.result(order['status'] == 'PARTIAL' and order['failed'] == failed and
               order['delivered'] == MESSAGES - failed,
               'every tenth that fails there is FAILED here', [str(order)])
    wrong = own_violations(truth)
    tap.result(not wrong, 'and the store agrees', wrong)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
