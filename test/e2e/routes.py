#!/usr/bin/python3
# builds: asan
"""Routes as execution profiles: what one route refuses another takes, what is selected is what
executes even when its provider is gone, and nothing that acceptance lets through is refused by a
strict carrier. Prints TAP."""
import contextlib
import datetime
import json
import os
import string
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
NL = '31612345678'
# Route 1 is of alpha with everything allowed, route 2 of beta with nothing.
SETS = ['providers.beta.enabled=true', 'providers.alpha.timers.reconnect_max=200ms',
        'providers.alpha.timers.reconnect_min=100ms', 'providers.beta.timers.reconnect_min=100ms',
        'providers.beta.timers.reconnect_max=200ms', 'routes.2.queue_deadline=3s',
        'routes.2.allow_validity=false', 'routes.2.allow_send_at=false',
        'routes.2.allow_priority=false', 'routes.2.max_recipients=2', 'routes.2.batch_size=1',
        'routes.1.batch_size=2', 'routes.2.message.max_chars=10', 'routes.2.sender=numeric',
        'routes.2.refund=undelivered', 'routes.1.message.alphabet=gsm7']


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


def send(daemon, **changes):
    return daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 1, 'caller_id': '31600000000', 'numbers': [NL], 'message': 'hello', **changes})


def later():
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M:%SZ')


def links_bound(daemon):
    status, answer = daemon.operate('GET', '/control/v1/links')
    return status == 200 and all(link['state'] == 'bound' for link in answer['links']
                                 if link['provider'] in ('alpha', 'beta'))


def profiles(daemon):
    """A60: each item is obeyed on the route that has it, and on no other."""
    numbers = [f'316{i:08}' for i in range(3)]
    for name, status, param, changes in (
            ('allow_validity', 422, 'validity_s', {'validity_s': 60}),
            ('allow_send_at', 422, 'send_at', {'send_at': later()}),
            ('allow_priority', 422, 'priority', {'priority': 1}),
            ('max_recipients', 422, 'numbers', {'numbers': numbers}),
            ('max_chars', 422, 'message', {'message': 'x' * 11}),
            ('alphabet', 422, 'message', {'message': '\u20ac'}),
            ('sender', 403, 'caller_id', {'caller_id': 'ACME'})):
        got, answer = send(daemon, route_id=2, **changes)
        told = json.dumps(answer)
        taken, other = send(daemon, route_id=1, **changes)
        check(f'A60: {name} holds on its route alone', got == status and param in told and
              taken == 200, answer, other)
    batches = {}
    for route, count in ((1, 3), (2, 2)):
        _, answer = send(daemon, route_id=route, numbers=numbers[:count])
        order = house.await_that('it is resolved', lambda: daemon.resolved(answer['order_id']))
        batches[route] = [batch['size'] for batch in order['batches']]
    check('A60: batch_size is the route\'s', batches == {1: [2, 1], 2: [1, 1]}, batches)


def shown(daemon):
    """A62: the route stands on the order, its messages, their path, the activity and the log."""
    _, answer = send(daemon, route_id=2)
    message = answer['messages'][0]['bx_message_id']
    house.await_that('it is resolved', lambda: daemon.resolved(answer['order_id']))
    _, refused = send(daemon, route_id=2, caller_id='ACME')
    path = daemon.api('GET', f'/api/v1/messages/{message}/path')[1]
    released = [step for step in path['steps'] if step['step'] == 'released']
    seen = {
        'reply': answer['route_id'], 'order': daemon.order(answer['order_id'])['route_id'],
        'message': daemon.api('GET', f'/api/v1/dlr/{message}')[1]['route_id'],
        'path': path['message']['route_id'], 'release': released[0]['route'],
        'activity': daemon.api('GET', '/api/v1/activity/logs?limit=50&endpoint='
                               '/api/v1/send_sms')[1]['logs'][0]['route_id']}
    check('A62: the route is on reply, order, message, path, release and activity', seen == {
        'reply': 2, 'order': 2, 'message': 2, 'path': 2, 'release': 'general-2',
        'activity': '2'}, seen)
    lines = [line for line in daemon.said(1 << 20).splitlines() if refused['request_id'] in line]
    check('A62: and on the line of the log', len(lines) == 1 and lines[0].endswith(' route=2'),
          lines)


def boundaries(home):
    """A22: the extremes of all a request may say, to a carrier that refuses what is wrong."""
    daemon = home.daemon
    printable = ''.join(c for c in string.printable if ' ' <= c <= '~')
    requests = [{'caller_id': sender} for sender in
                ('abc', 'A' * 11, '123', '12345678901', '+1234567890',
                 *(f'<{c}>' for c in printable if c != ' '))]
    requests += [{'message': text} for text in (
        'x', 'x' * 158, printable.replace('`', ''), '\n', '^{}[]~|\\' * 10, '\u20ac' * 80)]
    requests += [{'validity_s': seconds} for seconds in (60, 604800)]
    requests += [{'priority': priority} for priority in range(4)]
    requests += [{'numbers': [number]} for number in ('3161234567', '316123456789012')]
    taken = [(given, *send(daemon, **given)) for given in requests]
    orders = [answer['order_id'] for _, status, answer in taken if status == 200]
    check('A22: the extremes are accepted', len(orders) == len(requests),
          [one for one in taken if one[1] != 200])
    ended = [house.await_that('it is resolved', lambda number=number: daemon.resolved(number))
             for number in orders]
    refused = [order for order in ended if order['execution']['refused'] or
               not order['execution']['taken']]
    check('A22: and none of them fails at the carrier for what could have been known',
          not refused, refused[:3])


def selected_is_executed(home, beta):
    """A61, A63: without its provider a message ends on its own route; elsewhere it goes on."""
    daemon = home.daemon
    house.await_that('everything so far was submitted', lambda: home.far.settled())
    before, balance = home.far.count_submits(), daemon.api('GET', '/api/v1/balance')[1]['balance']
    beta.end()
    _, answer = send(daemon, route_id=2, numbers=[NL, '31612345679'])
    order = daemon.order(answer['order_id'])
    check('A61: it is accepted, waits, and says why', order['pending'] == 2 and
          order['route_id'] == 2 and order['blocked_reason'], order)
    _, other = send(daemon, route_id=1)
    house.await_that('route 1 goes on', lambda: daemon.resolved(other['order_id']))
    order = house.await_that('its queue_deadline is up',
                             lambda: daemon.resolved(answer['order_id']))
    records = daemon.api('GET', f'/api/v1/orders/{answer["order_id"]}/dlr')[1]['messages']
    check('A61: it ends on its own route by its queue_deadline', order['expired'] == 2 and
          all(record['route_id'] == 2 and record['status'] == 'EXPIRED' and
              record['error'] == 'QUEUE_EXPIRED' and record['attempts'] == 0
              for record in records), records)
    check('A63: and nothing of it went to the other provider',
          home.far.count_submits() == before + 1, before)
    left = daemon.api('GET', '/api/v1/balance')[1]['balance']
    check('A60: refund is the route\'s', round(balance - left, 6) == 0.088, balance, left)
    for record in records:
        path = daemon.api('GET', f'/api/v1/messages/{record["bx_message_id"]}/path')[1]
        check('A61: its path shows no other route', path['message']['route_id'] == 2 and
              'released' not in [step['step'] for step in path['steps']], path)


def main():
    with house.House((), SETS) as home, contextlib.ExitStack() as stack:
        beta = house.FarEnd(home.folder, name='beta')
        stack.callback(beta.end)
        home.daemon.sets.append(f'providers.beta.links.beta-1.port={beta.port}')
        home.daemon.start()
        home.daemon.open_account()
        house.await_that('every link is bound', lambda: links_bound(home.daemon))
        profiles(home.daemon)
        shown(home.daemon)
        boundaries(home)
        selected_is_executed(home, beta)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
