#!/usr/bin/python3
# builds: asan
"""How far an order has come, as a client sees it: counters and per cent of a large one, and three
carriers' ways with a message that look different from outside. Prints TAP."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import client  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
V1 = '/api/v1'
# The last digits by which the far end is asked for an outcome.
DELIVERED, FAILED, NO_RECEIPT, UNANSWERED = '99990000', '99990001', '99990004', '99990009'


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:2000] for detail in details])


def numbers(how_many, digits, first=0):
    return [f'31{first + i:04}{digits}' for i in range(how_many)]


def send(one, to):
    return one.send({'route_id': 1, 'caller_id': 'ACME', 'message': 'hello', 'numbers': to}).body


def order_of(one, told):
    return one.get(f'{V1}/orders/{told["order_id"]}').body


def a_large_order(one):
    told = send(one, numbers(1200, DELIVERED) + numbers(20, FAILED, 1200) +
                numbers(2084, NO_RECEIPT, 1220))
    seen = []

    def settled():
        order = order_of(one, told)
        seen.append(order)
        return order['execution']['taken'] == 3304 and order['delivered'] == 1200 and \
            order['failed'] == 20 and order

    order = house.await_that('what has a receipt is counted', settled)
    check('of 3,304 messages 1,200 delivered and 20 failed are 36.32 per cent', (
        order['progress_pct'], order['pending'], order['status'], order['total'],
        order['unknown']) == (36.32, 2084, 'IN_PROGRESS', 3304, 0), order)
    check('its batches are 6 of 500 and one of 304, and add up to it',
          [batch['size'] for batch in order['batches']] == [500] * 6 + [304] and
          [sum(batch[name] for batch in order['batches'])
           for name in ('delivered', 'failed', 'taken')] == [1200, 20, 3304], order['batches'])
    check('at each moment its counters add up, and it never goes back', all(
        one['delivered'] + one['failed'] + one['unknown'] + one['pending'] == one['total'] and
        one['progress_pct'] == round(100 * one['delivered'] / one['total'], 2)
        for one in seen) and all(
        a['progress_pct'] <= b['progress_pct'] and a['updated_at'] <= b['updated_at']
        for a, b in zip(seen, seen[1:])), len(seen))
    listed = {status: one.get(f'{V1}/orders/{told["order_id"]}/dlr?limit=1&status={status}').body[
        'total'] for status in client.STATUSES}
    check('a recount of its messages says the same', listed == {
        'QUEUED': 0, 'SENT': 2084, 'DELIVERED': 1200, 'FAILED': 20, 'EXPIRED': 0, 'UNKNOWN': 0},
        listed)


def three_life_lines(one):
    """Nobody answers; the provider takes it and says no more; it is delivered."""
    told = send(one, numbers(1, UNANSWERED, 1) + numbers(1, NO_RECEIPT, 2) +
                numbers(1, DELIVERED, 3))
    ids = [message['bx_message_id'] for message in told['messages']]

    def dlrs():
        return [one.get(f'{V1}/dlr/{number}').body for number in ids]

    found = house.await_that('each has come as far as it will', lambda: (
        lambda those: [dlr['status'] for dlr in those] == ['QUEUED', 'SENT', 'DELIVERED'] and
        those)(dlrs()))
    check('accepted, taken and delivered are three statuses', [
        (dlr['final'], dlr['on_time']) for dlr in found] ==
        [(False, None), (False, None), (True, True)], found)
    steps = [[step['step'] for step in one.get(f'{V1}/messages/{number}/path').body['steps']]
             for number in ids]
    check('their paths say how far each has come', ['answered' in those for those in steps] ==
          [False, True, True] and ['receipt' in those for those in steps] == [False, False, True],
          steps)
    order = order_of(one, told)
    check('their order counts acceptance, execution and outcome apart',
          (order['total'], order['execution']['taken'], order['outcome']['on_time'],
           order['delivered'], order['pending']) == (3, 2, 1, 1, 2), order)


with house.House(far=('--quiet',), sets=('providers.alpha.window=100',)) as the_home:
    the_daemon, the_witness = the_home.daemon, client.Witness()
    the_daemon.start()
    the_daemon.open_account()
    the_one = client.Client(client.over_unix(the_daemon), house.KEY, the_witness)
    a_large_order(the_one)
    three_life_lines(the_one)
    the_one.get(f'{V1}/orders/99')
    the_witness.judge(check, the_daemon)
sys.exit(TAP.end())
