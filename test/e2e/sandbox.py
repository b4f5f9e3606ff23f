#!/usr/bin/python3
# builds: plain asan
"""A sandbox account from outside: each outcome of the table to its documented end through E8, E9,
E14, X3 and the feed; no carrier sees any of it, no money moves, a real account beside it is not
disturbed, and neither a carrier that is down nor SIGKILL in the middle changes that. Prints TAP."""
import os
import re
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import truth as truths  # noqa: E402

TAP = house.Tap()
DEV = 'developer-0123456789abcdef0123456789abcdef'
BALANCE = 500
PAGE = os.path.join(truths.ROOT, 'tools', 'esmed-api.7.scd')
SETS = ('routes.1.receipt_deadline=4s', 'routes.1.retries={count: 3, delays: [200ms]}',
        'routes.1.outcome_deadline=1500ms', 'providers.sandbox.timers.response=1s',
        'providers.sandbox.timers.pause_min=100ms', 'sandbox.receipt_after=100ms',
        'sandbox.late_after=2s', 'routes.2.provider=sandbox')
PRICE = 0.088


def check(good, name, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])
    return good


def promised():
    """The table of the manual page: number -> (status, error)."""
    with open(PAGE, encoding='utf-8') as page:
        rows = re.findall(r'^\|  (999900\d\d)\n:  (\w+)(?: / (\w+))?\n', page.read(), re.M)
    return {f'316{tail}': (status, error or None) for tail, status, error in rows}


class Developer:
    """What the owner of the sandbox account sees."""

    def __init__(self, daemon):
        self.daemon = daemon

    def api(self, method, target, body=None):
        status, answer = self.daemon.api(method, f'/api/v1/{target}', body, key=DEV)
        if status != 200:
            raise house.Trouble(f'{method} {target}: {status} {answer}')
        return answer

    def send(self, numbers, **more):
        return self.api('POST', 'send_sms', {'route_id': 1, 'caller_id': 'ACME', 'message': 'Hi',
                                             'numbers': numbers, **more})

    def order(self, number):
        return self.api('GET', f'orders/{number}')

    def resolved(self, number):
        order = self.order(number)
        return order if order['pending'] == 0 else None

    def balance(self):
        return self.api('GET', 'balance')['balance']

    def events(self):
        """Of the feed until it has no more to tell: the (message, event) of all."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(self.daemon.submit)
            link.sendall(f'GET /api/v1/events?since=0 HTTP/1.1\r\nHost: x\r\nX-API-KEY: {DEV}\r\n'
                         'Accept: application/x-ndjson\r\n\r\n'.encode())
            octets = b''
            try:
                while more := link.recv(65536):
                    octets += more
            except TimeoutError:
                pass
        return octets.decode()


def sandbox_link(daemon):
    return [link for link in daemon.operate('GET', '/control/v1/links')[1]['links']
            if link['link'] == 'sandbox/sandbox-1'][0]


def accounts(daemon):
    daemon.open_account()
    status, answer = daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
        {'name': 'dev', 'opening': str(BALANCE), 'sandbox': True, 'keys': [{'key': DEV}]}]})
    if status != 200:
        raise house.Trouble(f'account import: {status} {answer}')


def outcomes(home, dev):
    table = promised()
    check(len(table) == 19, 'the manual page has the whole table', table)
    check(sandbox_link(home.daemon)['state'] == 'down', 'the link of the sandbox rests')
    sent = dev.send(list(table), client_ref='table')
    check(sent['sandbox'] is True and sent['cost'] == round(PRICE * len(table), 6) and
          sent['balance_after'] == BALANCE, 'E1 tells the cost, and takes nothing', sent)
    order = house.await_that('the table is resolved', lambda: dev.resolved(sent['order_id']))
    ends = {message['bx_message_id']: table[message['msisdn']] for message in sent['messages']}
    for message in sent['messages']:
        name, end = message['bx_message_id'], ends[message['bx_message_id']]
        told = dev.api('GET', f'dlr/{name}')
        path = dev.api('GET', f'messages/{name}/path')
        check((told['status'], told['error'], told['final']) == (*end, True),
              f'{message["msisdn"][3:]} ends as {end[0]} / {end[1]}', told, path)
        check((path['message']['status'], path['message']['error']) == end and
              path['cost'] == PRICE and path['refund'] == 0 and
              'sandbox/sandbox-1' in str(path['steps']), 'and X3 shows its way', path)
    listed = dev.api('GET', f'orders/{sent["order_id"]}/dlr')
    check({one['bx_message_id']: (one['status'], one['error']) for one in listed['messages']} == ends,
          'E9 lists the same', listed)
    counts = {word: sum(end[0] in words for end in ends.values()) for word, words in (
        ('delivered', ['DELIVERED']), ('failed', ['FAILED', 'EXPIRED']), ('unknown', ['UNKNOWN']))}
    check({word: order[word] for word in counts} == counts and order['sandbox'] is True,
          'E14 counts them, and says sandbox', order)
    late = next(m for m in listed['messages'] if m['msisdn'].endswith('99990014'))
    check(late['on_time'] is False, 'a receipt after the deadline of the route is late', late)
    feed = dev.events()
    check(all(name in feed for name in ends), 'the feed has told of each', feed[-2000:])


def money(daemon, dev):
    check(dev.balance() == BALANCE, 'the balance has not moved')
    ledger = daemon.operate('GET', '/control/v1/accounts/dev/ledger')[1]
    check([row['kind'] for row in ledger['ledger']] == ['opening'], 'the ledger has its opening and nothing else', ledger)
    estimate = dev.api('POST', 'estimate', {'route_id': 1, 'caller_id': 'ACME', 'message': 'Hi',
                                            'numbers': ['31612345678']})
    check(estimate['sandbox'] is True and estimate['estimated_cost'] == PRICE, 'E2 says sandbox',
          estimate)
    numbers = [f'316{n:08}' for n in range(6000)]
    status, answer = daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'message': 'Hi', 'numbers': numbers}, key=DEV)
    check(status == 402 and answer['cost'] == 528, 'what the balance does not cover is refused',
          status, answer)


def beside_a_real_one(home, dev):
    before = home.far.count_submits()
    bulk = dev.send([f'316{n:08}' for n in range(5000)])['order_id']
    status, real = home.daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': 'ACME', 'message': 'Hi', 'numbers': ['31612345678']})
    check(status == 200, 'a real account sends meanwhile', real)
    order = house.await_that('the real order is resolved',
                             lambda: home.daemon.resolved(real['order_id']))
    pending = dev.order(bulk)['pending']
    check(order['delivered'] == 1 and pending > 0, 'it is delivered while the bulk still waits',
          order, pending)
    house.await_that('the bulk is resolved', lambda: dev.resolved(bulk))
    check(home.far.count_submits() - before == 1, 'the carrier has seen one submit, the real one')
    figures = home.daemon.operate('GET', '/control/v1/status')[1]
    check((figures['outcome']['delivered'], figures['api']['messages']) == (1, 1),
          'the figures leave the sandbox out', figures)


def on_a_route_of_the_sandbox(home):
    before = home.daemon.api('GET', '/api/v1/balance')[1]['balance']
    status, sent = home.daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 2, 'caller_id': 'ACME', 'message': 'Hi', 'numbers': ['31699990001']})
    check(status == 200 and sent['sandbox'] is True and sent['balance_after'] == before,
          'a route that names the sandbox takes no account to a carrier, and no money', sent)
    order = house.await_that('it is resolved', lambda: home.daemon.resolved(sent['order_id']))
    check(order['failed'] == 1, 'and ends as its number says', order)


def figures(daemon):
    status, insight = daemon.operate('GET', '/control/v1/insight?window=1h')
    counted = sum(route['layers']['execution']['accepted'] for route in insight['routes'])
    check(status == 200 and counted == 1, 'insight counts the real message and no other', insight)
    health = daemon.api('GET', '/healthz', key=None)[1]
    check('sandbox' not in str(health['providers']), 'and health does not know the sandbox', health)


def killed(home, dev):
    sent = dev.send([f'316{n:08}' for n in range(3000)])
    house.await_that('some are delivered',
                     lambda: dev.order(sent['order_id'])['delivered'] > 100)
    home.daemon.kill()
    home.daemon.start()
    order = house.await_that('what SIGKILL left is resolved',
                             lambda: dev.resolved(sent['order_id']))
    check(order['delivered'] + order['unknown'] == 3000 and order['failed'] == 0,
          'after SIGKILL each is delivered or honestly unknown', order)


def without_a_carrier(home, dev):
    home.far.end()
    house.await_that('the carrier is gone', lambda: not any(
        link['state'] == 'bound' for link in home.daemon.operate(
            'GET', '/control/v1/links')[1]['links'] if link['provider'] == 'alpha'))
    sent = dev.send(['31612345678'])
    check(dev.order(sent['order_id'])['blocked_reason'] is None,
          'with the carrier gone nothing blocks the sandbox')
    order = house.await_that('it is resolved', lambda: dev.resolved(sent['order_id']))
    check(order['delivered'] == 1, 'and it is delivered', order)


def main():
    with house.House([], SETS) as home:
        home.daemon.start()
        accounts(home.daemon)
        dev = Developer(home.daemon)
        outcomes(home, dev)
        check(home.far.count_submits() == 0, 'the carrier has seen nothing of it')
        money(home.daemon, dev)
        beside_a_real_one(home, dev)
        on_a_route_of_the_sandbox(home)
        figures(home.daemon)
        killed(home, dev)
        without_a_carrier(home, dev)
        check(dev.balance() == BALANCE, 'after all of it the balance has not moved')
        check(home.daemon.stop() == 0, 'the daemon ends in order')
        truth = truths.load(house.program('store_dump'), home.daemon.store, {'alpha': home.far.log},
                            None)
        wrong = [f'{name}: {text}' for name, text in checker.check(truth, checker.How(quiet=True))]
        check(not wrong, 'and its store breaks no invariant', *wrong[:20])
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
