#!/usr/bin/python3
# builds: asan
"""A store that fills: at its mark intents are refused while answers and receipts go on; in a map
without any room the daemon lives, refuses what it cannot keep and forgets nothing; with more room
all of it is finished. Prints TAP."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
LATENCY_S = 2
SETS = ('store.size=16MiB', 'routes.1.receipt_deadline=60s', 'providers.alpha.window=100',
        'providers.alpha.timers.response=30s', 'drain=1s')
AT_ONCE = 3000


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


def order(daemon, n):
    numbers = [str(31600000000 + n * AT_ONCE + i) for i in range(AT_ONCE)]
    return daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'numbers': numbers, 'message': 'x'},
        **{'Idempotency-Key': f'order-{n}'})


def outcome(daemon):
    return daemon.operate('GET', '/control/v1/status')[1]['outcome']


def balance(daemon):
    return daemon.api('GET', '/api/v1/balance')[1]['balance']


def store_check(daemon):
    done = subprocess.run([house.program('esmed'), 'store', 'check', daemon.store],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0 and done.stdout.endswith(' 0 findings\n'), done


def fill_to_the_mark(daemon):
    taken = 0
    while True:
        before = balance(daemon)
        status, answer = order(daemon, taken)
        if status != 200 or taken == 200:
            break
        taken += 1
    check('at its mark the store takes no more intents', status == 503 and answer['code'] ==
          'store_full' and answer['detail'] == 'Not stored: store is full.', status, answer)
    check('one that was refused has cost nothing', balance(daemon) == before)
    status, answer = order(daemon, 0)
    check('a known key is answered all the same', status == 200 and answer['order_id'] == 1, answer)
    check('it is not ready, and says why', daemon.api('GET', '/readyz') == (
        503, {'status': 'not_ready', 'reason': 'Not stored: store is full.'}))
    return taken


def fill_to_the_brim(daemon):
    """With accounts, for operators are not held to the mark, until not even a top-up fits."""
    made, size = 0, 200
    senders = ['sender-' + str(n) for n in range(10, 60)]
    while size:
        status, answer = daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': f'filler-{made + i}', 'senders': senders} for i in range(size)]})
        made += size
        size = size if status == 200 else size // 4
    check('without room an import is refused, and by that alone', status == 503 and
          answer['code'] == 'store_full', status, answer)
    while status == 200 or made:
        status, made = daemon.operate('POST', f'/control/v1/accounts/{house.ACCOUNT}/topup',
                                      {'amount': '0.000001'})[0], 0


def at_the_brim(home):
    daemon = home.daemon
    house.await_that('answers come for which there is no room',
                     lambda: 'store.dropped' in daemon.said() and
                     home.far.statistics()['receipts']['refused'] > 0)
    alarms = daemon.operate('GET', '/control/v1/status')[1]['alarms']
    check('without room there is an alarm', [one['name'] for one in alarms] == ['store_full'],
          alarms)
    check('and requests that read are answered', daemon.api('GET', '/api/v1/orders/1')[0] == 200 and
          daemon.api('GET', '/api/v1/orders/1/dlr?limit=3')[1]['total'] == AT_ONCE)
    check('receipts are refused for now', home.far.statistics()['receipts']['refused'] > 0)
    links = daemon.operate('GET', '/control/v1/links')[1]['links']
    check('and the link stays', links[0]['state'] == 'bound' and links[0]['session'] == 1, links[0])


def main():
    with house.House(['--quiet', '--redeliver-ms', '200', f'--receipt-delay-ms={LATENCY_S}000'],
                     SETS) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        taken = fill_to_the_mark(daemon)
        done = outcome(daemon)['delivered']
        house.await_that('10,000 are delivered beyond the mark',
                         lambda: outcome(daemon)['delivered'] > done + 10000)
        check('beyond its mark 10,000 receipts still fit', True)
        fill_to_the_brim(daemon)
        at_the_brim(home)
        money = balance(daemon)
        check('without room it ends in order', daemon.stop() == 0, daemon.said())
        check('and its store has no findings', *store_check(daemon))
        daemon.sets.append('store.size=64MiB')
        daemon.start()
        check('with more room the balance is what it was', balance(daemon) == money)
        house.await_that('all else is delivered', lambda: outcome(daemon)['pending'] ==
                         outcome(daemon)['in_doubt'], 60)
        last = outcome(daemon)
        check('with more room all is finished but what the end left in doubt',
              last['delivered'] + last['in_doubt'] == taken * AT_ONCE and last['in_doubt'] <= 200,
              last)
        check('and it ends in order again', daemon.stop() == 0, daemon.said())
        check('and its store has no findings either', *store_check(daemon))
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
