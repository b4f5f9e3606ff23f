#!/usr/bin/python3
# builds: asan
"""GET /api/v1/dlr against a recount: whatever is asked for, the page and its total are what a walk
over every order of the account finds, over more orders than one block holds and beside those of
another account. Prints TAP."""
import itertools
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
OTHER = 'somebody-else-0123456789abcdef0123456789abcdef'
STATUSES = ('QUEUED', 'SENT', 'DELIVERED', 'FAILED', 'EXPIRED', 'UNKNOWN')
SETS = ('routes.1.receipt_deadline=2s', 'store.size=128MiB', 'limits.connections_per_uid=1000')
FAR = ('--quiet', '--mix', 'delivered=50,failed=12,expired=8,none=10,unknown=10,refused=10')
ONES, LARGE, BLOCK = 1100, 120, 1024


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


def send(daemon, numbers, route=1, key=house.KEY, **more):
    status, answer = daemon.api('POST', '/api/v1/send_sms', {
        'route_id': route, 'caller_id': 'ACME', 'message': 'Hello', 'numbers': numbers, **more},
        key=key)
    if status != 200:
        raise house.Trouble(f'{status} {answer}')
    return answer['order_id']


def fill(daemon):
    """Orders of one and of many, on two routes, of two accounts; those of the first."""
    orders, number = [], itertools.count(31610000000)
    for i in range(ONES):
        if i % 7 == 3:
            send(daemon, [str(next(number))], key=OTHER)
        if i % 100 == 50:
            orders.append(send(daemon, [str(next(number)) for _ in range(LARGE)], route=3,
                               client_ref='large'))
        orders.append(send(daemon, [str(next(number))], route=1 + 2 * (i % 3 == 0)))
    return orders


def recount(daemon, orders):
    """Every message, the newest order first, as the orders list them themselves."""
    found = []
    for order in reversed(orders):
        status, page = daemon.api('GET', f'/api/v1/orders/{order}/dlr?limit=500')
        if status != 200 or page['total'] != len(page['messages']):
            raise house.Trouble(f'{status} {page}')
        found += page['messages']
    return found


def at_rest(daemon):
    """Nothing is QUEUED, and what no receipt comes for has timed out on the route that does so."""
    for query in ('status=QUEUED', 'status=SENT&route_id=1', 'status=UNKNOWN&final=false&route_id=1'):
        if daemon.api('GET', f'/api/v1/dlr?limit=1&{query}')[1]['total']:
            return False
    return True


def fits(message, query):
    created = message['created_at']
    return all((
        query.get('status') in (None, message['status']),
        query.get('final') in (None, str(message['final']).lower()),
        query.get('route_id') in (None, message['route_id']),
        query.get('order_id') in (None, message['order_id']),
        query.get('msisdn') in (None, message['msisdn']),
        query.get('client_ref') in (None, message['client_ref']),
        query.get('from_date', created) <= created <= query.get('to_date', created)))


def queries(messages, rng):
    """One of each kind, then kinds together, then whatever comes up."""
    times = sorted({message['created_at'] for message in messages})
    early, late = times[len(times) // 3], times[len(times) * 2 // 3]
    one = rng.choice(messages)
    large = next(m for m in messages if m['client_ref'] == 'large')
    single = [{}, *({'status': status} for status in STATUSES), {'final': 'true'},
              {'final': 'false'}, {'route_id': 1}, {'route_id': 3}, {'route_id': 9},
              {'order_id': one['order_id']}, {'order_id': large['order_id']},
              {'order_id': 999999}, {'msisdn': one['msisdn']}, {'msisdn': '31699999999'},
              {'client_ref': 'large'}, {'client_ref': 'none'}, {'from_date': early},
              {'to_date': late}, {'from_date': early, 'to_date': late}]
    yield from single
    for _ in range(60):
        together = {}
        for part in rng.sample(single, rng.choice((2, 2, 3))):
            together.update(part)
        yield together


def pages(total, rng):
    yield 500, 0
    yield 50, max(0, total - 20)
    yield 10, total
    yield rng.randint(1, 500), rng.randint(0, max(1, total))


def compare(daemon, messages):
    rng = random.Random(3)
    for query in queries(messages, rng):
        expected = [message for message in messages if fits(message, query)]
        for limit, skip in pages(len(expected), rng):
            target = '/api/v1/dlr?' + '&'.join(
                f'{name}={value}' for name, value in {**query, 'limit': limit,
                                                      'skip': skip}.items())
            status, page = daemon.api('GET', target)
            got = [message['bx_message_id'] for message in (page or {}).get('messages', [])]
            want = [message['bx_message_id'] for message in expected[skip:skip + limit]]
            if status != 200 or page['total'] != len(expected) or got != want:
                return f'{target}: {status}, total {page.get("total")} of {len(expected)}, ' \
                       f'{got[:3]} for {want[:3]}'
    return None


def refusals(daemon):
    for query, word in (('limit=0', 'limit'), ('limit=501', 'limit'), ('limit=x', 'limit'),
                        ('skip=-1', 'skip'), ('status=DONE', 'status'), ('final=yes', 'final'),
                        ('route_id=one', 'route_id'), ('order_id=0', 'order_id'),
                        ('msisdn=%2B31612345678', 'msisdn'), ('msisdn=316', 'msisdn'),
                        ('from_date=yesterday', 'from_date'), ('to_date=2026-13-01', 'to_date'),
                        ('from_date=2026-01-31T25:00:00Z', 'from_date')):
        status, answer = daemon.api('GET', f'/api/v1/dlr?{query}')
        check(f'refused: {query}', status == 422 and answer['detail'][0]['loc'] == ['query', word],
              status, answer)


def main():
    with house.House(FAR, SETS) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '1000', 'keys': [{'key': OTHER}]}]})
        status, page = daemon.api('GET', '/api/v1/dlr')
        check('an account without orders has an empty page',
              status == 200 and page == {'status': 'success', 'skip': 0, 'limit': 50,
                                         'messages': [], 'total': 0}, page)
        orders = fill(daemon)
        check('the orders fill more than one block', max(orders) > BLOCK + 100, max(orders))
        house.await_that('everything has come to rest', lambda: at_rest(daemon), 60)
        messages = recount(daemon, orders)
        seen = {message['status'] for message in messages}
        check('several outcomes are there', len(seen) >= 5, seen)
        wrong = compare(daemon, messages)
        check('every page is what a recount makes it', wrong is None, wrong)
        day = messages[0]['created_at'][:10]
        totals = [daemon.api('GET', f'/api/v1/dlr?limit=1&{query}')[1]['total'] for query in (
            f'from_date={day}', f'to_date={day}', 'to_date=2020-01-01', 'from_date=2199-01-01')]
        midnight = {message['created_at'][:10] for message in messages} != {day}
        check('a day is all of it', midnight or totals == [len(messages), len(messages), 0, 0],
              totals)
        refusals(daemon)
        daemon.stop()
        daemon.start()
        check('after a restart it is the same', daemon.api('GET', '/api/v1/dlr?limit=1')[1]['total']
              == len(messages))
        daemon.stop()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
