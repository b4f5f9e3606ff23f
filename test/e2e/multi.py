#!/usr/bin/python3
# builds: asan
"""submit_multi and missing receipts end to end: a large order through the real daemon to smsc-sim
and to a server made with the npm package smpp, also over a kill. Prints TAP."""
import contextlib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402
import npm  # noqa: E402

MESSAGES = 3304
MULTI = ('providers.alpha.submit_multi=254', 'routes.1.receipt_deadline=30s',
         'providers.alpha.timers.response=2s')
TAP = house.Tap()


@contextlib.contextmanager
def served(far=(), sets=(), command=None):
    """A daemon with an account; at the end its store has no findings."""
    with house.House(['--quiet', *far] if command is None else far, sets, command) as home:
        home.daemon.start()
        home.daemon.open_account()
        yield home
        done = ctl(home, 'store', 'check')
        TAP.result(done.returncode == 0, 'the store has no findings', [done.stdout, done.stderr])
        TAP.result(home.daemon.stop() == 0, 'the daemon stops in order')
        said = home.daemon.said(100000)
        TAP.result('Sanitizer' not in said and 'runtime error' not in said,
                   'no sanitizer had anything to say', said.splitlines())


def ctl(home, *words):
    return subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, *words],
                          capture_output=True, text=True, timeout=60, check=False)


def load(home, messages=MESSAGES):
    home.daemon.load('--count', str(messages), '--batch', str(messages), '--text', 'Hello',
                     '--caller-id', 'ACME', log=home.client_log)


def resolved(home, seconds=60):
    return house.await_that('the order is resolved', home.daemon.resolved, seconds)


def accounted(name, order, wanted):
    got = {key: order[key] for key in wanted}
    TAP.result(got == wanted, name, [f'wanted {wanted}', str(order)])


def through_the_simulator():
    far = ['--mix', 'failed=5,refused=5', '--receipts', 'early=5,twice=2', '--latency-ms', '1-20',
           '--receipt-delay-ms', '0-200']
    with served(far, MULTI) as home:
        load(home)
        order = resolved(home)
        said = home.far.statistics()
        outcomes = said['outcomes']
        accounted(f'{MESSAGES} messages by submit_multi are what the simulator drew', order, {
            'total': MESSAGES, 'delivered': outcomes['delivered'],
            'failed': outcomes['failed'] + outcomes['refused'], 'pending': 0})
        pdus = said['pdus_in']
        TAP.result(pdus['submit_multi'] <= MESSAGES // 254 + 10 and 'submit_sm' not in pdus,
                   'in as few PDUs as allowed', [str(pdus)])
        recount = ctl(home, 'recount', 'order', '1')
        TAP.result(recount.returncode == 0, 'a recount agrees', [recount.stdout])


def over_a_kill():
    """What was out is in doubt, and nothing of it is sent twice."""
    far = ['--latency-ms', '300', '--receipt-delay-ms', '100']
    sets = (*MULTI, 'providers.alpha.window=2', 'providers.alpha.release_ahead=2',
            'routes.1.receipt_deadline=4s')
    with served(far, sets) as home:
        load(home)
        house.await_that('some are out', lambda: home.far.statistics()['accepted'] > 500)
        home.daemon.kill()
        home.daemon.start()
        order = resolved(home)
        said = home.far.statistics()
        TAP.result(said['accepted'] <= MESSAGES and order['delivered'] + order['unknown'] == MESSAGES
                   and order['unknown'] <= 4 * 254, 'over a kill nothing is sent twice, and what is '
                   'not known is no more than was out', [str(order), str(said)])


def missing_receipts():
    """None ever comes; the carrier knows nevertheless."""
    sets = ('providers.alpha.query_missing_receipt=true', 'routes.1.receipt_deadline=4s')
    with served(['--receipts', 'lost=100'], sets) as home:
        load(home, 6)
        order = resolved(home, 20)
        accounted('receipts that never come are asked for', order, {'delivered': 6, 'pending': 0})
        queries = home.far.statistics()['pdus_in']['query_sm']
        TAP.result(queries == 6, 'each once', [str(queries)])


def on_npm():
    command = npm.command('server.js', '--system-id', 'esmed', '--password', 'secret')
    with served((), MULTI, command) as home:
        status, answer = home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello',
            'numbers': [f'3161{i:07}' for i in range(300)]})
        TAP.result(status == 200, 'an order for the npm server', [str(answer)])
        order = resolved(home)
        accounted('its refusals are each destination\'s own', order,
                  {'delivered': 270, 'failed': 30, 'pending': 0})
        said = json.loads(json.dumps(home.far.statistics()))
        TAP.result(said['multis'] == 2 and said['receipts_acked'] == 270,
                   'in two PDUs of one id each', [str(said)])


def asked_on_npm():
    command = npm.command('server.js', '--system-id', 'esmed', '--password', 'secret',
                          '--receipts', 0, '--failed-every', 2)
    with served((), ('routes.1.receipt_deadline=1h',), command) as home:
        status, answer = home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello',
            'numbers': ['31610000001', '31610000002']})
        messages = [one['bx_message_id'] for one in answer['messages']]
        house.await_that('both are SENT', lambda: all(json.loads(
            ctl(home, '--json', 'message', one).stdout)['status'] == 'SENT' for one in messages))
        told = ctl(home, 'cancel', messages[0])
        TAP.result(told.returncode == 1 and '0x00000011' in told.stdout and 'SENT' in told.stdout,
                   'a cancel that npm refuses changes nothing', [told.stdout, told.stderr])
        told = [ctl(home, 'query', one) for one in messages]
        TAP.result('DELIVERED' in told[0].stdout and 'UNDELIVERABLE' in told[1].stdout,
                   'queries bring what its receipts would have',
                   [one.stdout + one.stderr for one in told])
        accounted('and decide', home.daemon.order(1), {'delivered': 1, 'failed': 1, 'pending': 0})


def main():
    through_the_simulator()
    over_a_kill()
    missing_receipts()
    on_npm()
    asked_on_npm()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
