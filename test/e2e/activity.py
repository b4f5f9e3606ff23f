#!/usr/bin/python3
# builds: asan
"""What an account is told of its requests, against what its client counted: summary, rows, days,
endpoints; over a restart, beside another account, over TCP and beyond the rows that are kept.
Prints TAP."""
import collections
import http.client
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
OTHER = 'somebody-else-0123456789abcdef0123456789abcdef'
KEPT = 10000


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


class Client:
    """Asks, and counts for itself what came of it."""

    def __init__(self, daemon, key):
        self.daemon, self.key, self.made = daemon, key, []

    def ask(self, method, target, pattern, body=None, route=None):
        status, answer = self.daemon.api(method, target, body, key=self.key)
        self.made.append((method, pattern, status, route))
        return status, answer

    def get(self, name, query=''):
        return self.ask('GET', f'/api/v1/activity/{name}{query}', f'/api/v1/activity/{name}')[1]


def intent(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': ['31612345678'], 'message': 'hello',
            **changes}


def some_requests(client):
    send = '/api/v1/send_sms'
    for _ in range(3):
        client.ask('POST', send, send, intent(), '1')
    client.ask('POST', send, send, intent(route_id=77), '77')
    client.ask('POST', send, send, intent(numbers=[]))
    client.ask('POST', '/api/v1/estimate', '/api/v1/estimate', intent(route_id=3), '3')
    client.ask('GET', '/api/v1/routes/3', '/api/v1/routes/{route_id}', route='3')
    client.ask('GET', '/api/v1/orders/1', '/api/v1/orders/{order_id}')
    client.ask('GET', '/api/v1/orders/999', '/api/v1/orders/{order_id}')
    client.ask('GET', '/api/v1/dlr/BX-1-0123456789abcdef', '/api/v1/dlr/{bx_message_id}')


def rows(client):
    expected = list(reversed(client.made))
    page = client.get('logs', '?limit=100')
    told = [(row['method'], row['endpoint'], row['status_code'], row['route_id'])
            for row in page['logs']]
    check('every request has its row, the newest first', told == expected and
          page['total'] == len(expected), told, expected)
    ids = [row['id'] for row in page['logs']]
    check('ids fall by one', ids == list(range(len(expected), 0, -1)), ids)
    check('latency is told, an address is not: it came by a Unix socket',
          all(0 < row['latency_ms'] < 30000 and row['ip_address'] is None for row in page['logs']))
    expected.insert(0, client.made[-1])
    second = client.get('logs', '?limit=5&page=2')
    check('the second page goes on behind the first', [
        (row['method'], row['endpoint'], row['status_code'], row['route_id'])
        for row in second['logs']] == expected[5:10] and second['page'] == 2, second)
    for query, fits in (('status_code=400', lambda row: row[2] == 400),
                        ('route_id=3', lambda row: row[3] == '3'),
                        ('method=POST', lambda row: row[0] == 'POST'),
                        ('endpoint=/api/v1/orders/%7Border_id%7D&method=GET',
                         lambda row: row[1] == '/api/v1/orders/{order_id}')):
        expected = [row for row in reversed(client.made) if fits(row)]
        page = client.get('logs', f'?{query}&limit=100')
        check(f'rows by {query.split("=")[0]}', page['total'] == len(expected) > 0, page['total'],
              len(expected))


def sums(client, name):
    made = list(client.made)
    errors = sum(status >= 400 for _, _, status, _ in made)
    summary = client.get('summary')['summary']
    check(f'{name}: the summary adds up', summary['total_requests'] == len(made) and
          summary['error_requests'] == errors and
          summary['success_requests'] == len(made) - errors and
          summary['recent_errors_24h'] == errors and summary['active_api_keys'] == 1 and
          summary['success_rate'] == round(100 * (len(made) - errors) / len(made), 2) and
          0 < summary['average_latency_ms'] < 30000, summary, len(made), errors)
    made = list(client.made)
    days = client.get('usage')['usage']
    check(f'{name}: seven days end today', len(days) == 7 and
          sorted(day['date'] for day in days) == [day['date'] for day in days] and
          sum(day['total'] for day in days) == len(made) and
          days[-1]['total'] == summary['requests_today'] + 1 and
          sum(day['errors'] for day in days) == errors, days)
    counted = collections.Counter((method, pattern) for method, pattern, _, _ in client.made)
    endpoints = client.get('endpoints')['endpoints']
    told = {(one['method'], one['endpoint']): one['requests'] for one in endpoints}
    check(f'{name}: endpoints are what was asked', told == dict(counted), told, counted)
    check(f'{name}: the busiest comes first', [one['requests'] for one in endpoints] ==
          sorted(told.values(), reverse=True))


def refusals(client):
    for name, query, word in (('logs', 'page=0', 'page'), ('logs', 'limit=101', 'limit'),
                              ('logs', 'status_code=99', 'status_code'),
                              ('logs', 'route_id=x', 'route_id'), ('usage', 'days=31', 'days'),
                              ('usage', 'days=0', 'days')):
        answer = client.get(name, f'?{query}')
        check(f'refused: {name} {query}', client.made[-1][2] == 422 and
              answer['detail'][0]['loc'] == ['query', word], answer)


def over_tcp(client):
    port = int(re.search(r'address=127\.0\.0\.1:(\d+)', client.daemon.said(100000)).group(1))
    link = http.client.HTTPConnection('127.0.0.1', port, timeout=house.PATIENCE_S)
    link.request('GET', '/api/v1/balance', headers={'X-API-KEY': client.key})
    client.made.append(('GET', '/api/v1/balance', link.getresponse().status, None))
    link.close()
    row = client.get('logs', '?limit=1')['logs'][0]
    check('over TCP the address is told', row['ip_address'] == '127.0.0.1', row)


def many(client):
    """More than are kept: the oldest rows go, the counters stay."""
    link = house.UnixConnection(client.daemon.submit)
    for _ in range(KEPT):
        link.request('GET', '/api/v1/balance', headers={'X-API-KEY': client.key})
        response = link.getresponse()
        response.read()
        client.made.append(('GET', '/api/v1/balance', response.status, None))
    link.close()
    began = time.monotonic()
    page = client.get('logs', '?status_code=200&limit=100&page=100')
    took = time.monotonic() - began
    newest = client.made[-KEPT - 1:-1]
    check('the last rows are kept and no more', client.get('logs')['total'] == KEPT and
          page['total'] == sum(row[2] == 200 for row in newest) and took < 5, page['total'], took)
    check('the counters know them all', client.get('summary')['summary']['total_requests'] ==
          len(client.made) - 1)


def main():
    with house.House(['--quiet'], ('listen=127.0.0.1:0', 'log.level=info')) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '1000', 'keys': [{'key': OTHER}]}]})
        client, other = Client(daemon, house.KEY), Client(daemon, OTHER)
        some_requests(client)
        daemon.api('GET', '/api/v1/balance', key='wrong')
        other.ask('GET', '/api/v1/balance', '/api/v1/balance')
        rows(client)
        refusals(client)
        sums(client, 'an account')
        sums(other, 'another account')
        over_tcp(client)
        daemon.fold()
        before = last_txn(daemon)
        client.ask('GET', '/api/v1/orders/999', '/api/v1/orders/{order_id}')
        client.ask('POST', '/api/v1/send_sms', '/api/v1/send_sms', intent(route_id=77), '77')
        check('a refusal and a question change nothing', last_txn(daemon) == before)
        gone = home.far.count_submits()
        client.ask('POST', '/api/v1/send_sms', '/api/v1/send_sms', intent(), '1')
        house.await_that('the message is delivered', lambda: home.far.count_submits() > gone and
                         home.far.settled())
        daemon.kill()
        daemon.start()
        sums(client, 'behind a change, then SIGKILL')
        daemon.stop()
        daemon.start()
        sums(client, 'after an orderly end')
        many(client)
        daemon.stop()
    return TAP.end()


def last_txn(daemon):
    return daemon.operate('GET', '/control/v1/status')[1]['store']['last_txn']


if __name__ == '__main__':
    sys.exit(main())
