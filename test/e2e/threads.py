#!/usr/bin/python3
# builds: tsan
"""The engine thread and the I/O thread under the thread sanitizer: intents on four connections,
queries and receipts all at once, once in the clear and once over TLS. Prints TAP."""
import os
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

MESSAGES = 2000
BATCH = 100
RACE_STATUS = 66  # what a program ends with that the thread sanitizer found fault with
FAR = ('--receipt-delay-ms', '0-50', '--latency-ms', '0-5')


def keep_asking(daemon, stop):
    """What clients and operators do meanwhile."""
    targets = ('/api/v1/dlr?limit=50', '/api/v1/balance', '/healthz', '/api/v1/orders/1',
               '/no/such/path')
    while not stop.is_set():
        for target in targets:
            daemon.api('GET', target)


def run(far, sets):
    """The orders at the end, the daemon's exit status and what it said."""
    with house.House(far=FAR + far, sets=sets) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        stop = threading.Event()
        asking = threading.Thread(target=keep_asking, args=(daemon, stop))
        asking.start()
        try:
            daemon.load('--count', str(MESSAGES), '--batch', str(BATCH), '--connections', '4')
            orders = [house.await_that(f'order {n} is resolved', lambda n=n: daemon.resolved(n), 60)
                      for n in range(1, MESSAGES // BATCH + 1)]
        finally:
            stop.set()
            asking.join()
        status = daemon.stop()
        return orders, status, daemon.said(20000)


def judge(tap, name, orders, status, said):
    delivered = sum(order['delivered'] for order in orders)
    tap.result(delivered == MESSAGES, f'{name}: {MESSAGES} messages are delivered',
               [f'{delivered} were'])
    tap.result('ThreadSanitizer' not in said, f'{name}: no race is seen', said.splitlines())
    tap.result(status == 0, f'{name}: the daemon ends with 0',
               [f'{status}' + (' (a race)' if status == RACE_STATUS else '')])


def main():
    tap = house.Tap()
    judge(tap, 'in the clear', *run((), ()))
    with tempfile.TemporaryDirectory(prefix='esmed-e2e.') as folder:
        chain, key = house.make_certificate(folder)
        tls = f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}'
        judge(tap, 'over TLS', *run(('--tls-cert', chain, '--tls-key', key), (tls,)))
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
