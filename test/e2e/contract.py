#!/usr/bin/python3
# builds: asan
"""The API as a client meets it that was written from its documentation alone, over the Unix socket and
over TCP: every endpoint in normal use, filters and pages, every answer held against the
description. Prints TAP."""
import datetime
import json
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import client  # noqa: E402
import house  # noqa: E402
import truth  # noqa: E402

TAP = house.Tap()
V1 = '/api/v1'
NL, ES = '31612345678', '34612345678'
# What the far end makes of a number by its last digits.
DELIVERED, FAILED, EXPIRED, REFUSED = (f'316999900{nn:02}' for nn in (0, 1, 3, 6))
INBOUND = {'unix': '1212', 'tcp': '1313'}
# The provider's words (SMPP 3.4, appendix B; 5.1): a client never reads one.
WORDS = (r'\b(DELIVRD|UNDELIV|REJECTD|ACCEPTD|ENROUTE|submit_sm|deliver_sm|ESME_\w+|command_status|'
         r'sequence_number|system_id)\b|"message_id"')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


class Use:
    """One client's use of every endpoint; `how` names its transport."""

    def __init__(self, how, daemon, one, other):
        self.how, self.daemon, self.one, self.other = how, daemon, one, other

    def check(self, name, good, *details):
        check(f'{self.how}: {name}', good, *details)

    def page(self, path, **query):
        return self.one.get(client.with_query(V1 + path, **query)).body

    def resolved(self, order):
        return house.await_that('the order resolves', lambda: (
            lambda told: told['pending'] == 0 and told)(self.one.get(f'{V1}/orders/{order}').body))


def what_it_may_do(use):
    balance = use.one.get(f'{V1}/balance').body
    use.check('E3 tells the money', balance['balance'] == 100 and balance['currency'] == 'EUR' and
              balance['sandbox'] is False and balance['username'] == balance['account']['username'],
              balance)
    routes = use.one.get(f'{V1}/routes').body['routes']
    use.check('E4 lists the routes', [route['route_id'] for route in routes] ==
              [1, 2, 3, 4, 5, 7, 8], routes)
    for route in routes:
        number = route['route_id']
        one = use.one.get(f'{V1}/routes/{number}').body
        prices = use.one.get(f'{V1}/routes/{number}/pricing').body
        use.check(f'E5 and E6 tell route {number}', one == {'status': 'success', 'route': route} and
                  prices['route_id'] == number, one, prices)
    prices = use.one.get(f'{V1}/routes/1/pricing').body['pricing']
    use.check('E6 tells what is charged', prices == [
        {'country': 'NL', 'country_prefix': '31', 'price': 0.088},
        {'country': 'ES', 'country_prefix': '34', 'price': 0.051}], prices)


def what_it_costs(use):
    body = {'route_id': 1, 'caller_id': ' ACME ', 'numbers': [NL, '31612345679'],
            'message': 'Your code is 1234'}
    told = use.one.post(f'{V1}/estimate', body).body
    use.check('E2 tells cost, balance, sufficiency and sandbox', {
        name: told[name] for name in ('route_id', 'count', 'estimated_cost', 'balance',
                                      'sufficient_balance', 'sandbox', 'parts')} == {
        'route_id': 1, 'count': 2, 'estimated_cost': 0.176, 'balance': 100,
        'sufficient_balance': True, 'sandbox': False, 'parts': 1}, told)
    same = {number: use.one.post(f'{V1}/estimate', {**body, 'route_id': number})
            for number in (2, 3, 4)}
    use.check('the same request is priced on one route and has no price on another',
              [same[number].body['estimated_cost'] for number in (2, 3)] == [0.176, 0.182] and
              (same[4].status_code, same[4].body['detail']) ==
              (400, 'Estimate failed: No pricing available for destination'),
              [one.body for one in same.values()])
    use.check('E2 has no side effect', use.one.get(f'{V1}/balance').body['balance'] == 100 and
              use.page('/orders')['orders'] == [])


def accepted(use):
    """An order of four with four ends; and what the answer claims."""
    body = {'route_id': 3, 'caller_id': 'ACME', 'message': 'Hello', 'client_ref': 'four',
            'numbers': [DELIVERED, FAILED, EXPIRED, REFUSED], 'colour': 'red'}
    answer = use.one.send(body, Idempotency_Key='four')
    told = answer.body
    use.check('E1 accepts for execution and claims nothing more',
              told['status'] == 'success' and told['message'] == 'Batch accepted for execution' and
              told['initial_state'] == 'QUEUED' and told['count'] == 4 and
              not re.search(r'\b(sent|done|delivered|completed)\b', answer.text, re.I), answer.text)
    use.check('E1 names the execution, the route and every message', told['order_id'] > 0 and
              told['route_id'] == 3 and
              [message['msisdn'] for message in told['messages']] == body['numbers'] and
              {message['status'] for message in told['messages']} == {'QUEUED'} and
              len({message['bx_message_id'] for message in told['messages']}) == 4, told)
    use.check('E1 has taken the money', told['cost'] == 0.364 and told['balance_after'] == 99.636
              and use.one.get(f'{V1}/balance').body['balance'] == 99.636, told)
    use.check('E1 names the member that it does not know', told['warnings'] ==
              ['unknown member ignored: colour'], told)
    again = use.one.send(body, Idempotency_Key='four')
    use.check('E1 again with its key is the same order', again.body == told and
              again.headers.get('Idempotent-Replayed') == 'true' and
              'Idempotent-Replayed' not in answer.headers, again.body)
    one = use.one.send({'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello', 'numbers': [NL]})
    use.check('E1 of one number is an order of one', one.body['count'] == 1 and
              one.body['message'] == 'Message accepted for execution', one.body)
    return told


def ended(use, told):
    order = use.resolved(told['order_id'])
    use.check('E14 tells acceptance, execution and outcome apart', {
        name: order[name] for name in ('status', 'total', 'delivered', 'failed', 'expired',
                                       'unknown', 'pending', 'in_doubt', 'progress_pct',
                                       'execution', 'outcome')} == {
        'status': 'PARTIAL', 'total': 4, 'delivered': 1, 'failed': 3, 'expired': 1, 'unknown': 0,
        'pending': 0, 'in_doubt': 0, 'progress_pct': 25,
        'execution': {'taken': 3, 'refused': 1, 'unanswered': 0},
        'outcome': {'on_time': 1, 'late': 0}}, order)
    use.check('E14: the request was handled, and the thing did not happen', told['status'] ==
              'success' and order['delivered'] < order['total'], told['status'], order)
    page = use.page(f'/orders/{told["order_id"]}/dlr')
    messages = page['messages']
    use.check('E9 tells each message its own end', page['total'] == 4 and [
        (message['status'], message['error'], message['stage']) for message in messages] == [
        ('DELIVERED', None, None), ('FAILED', 'UNDELIVERABLE', 'delivery'),
        ('EXPIRED', 'DELIVERY_EXPIRED', 'delivery'), ('FAILED', 'SUBMIT_ERROR', 'submit')], page)
    use.check('E9 gives a reason in words to what failed', messages[0]['reason'] is None and all(
        message['reason'] and ' ' in message['reason'] for message in messages[1:]), messages)
    use.check('E9 recounts to what E14 says', [sum(
        message['status'] in of for message in messages) for of in (
        ('DELIVERED',), ('FAILED', 'EXPIRED'), ('EXPIRED',))] ==
        [order['delivered'], order['failed'], order['expired']], order)
    ids = [message['bx_message_id'] for message in told['messages']]
    for message, number in zip(messages, ids):
        one = use.one.get(f'{V1}/dlr/{number}').body
        use.check(f'E8 tells the same of {number}', one == message and
                  one['bx_message_id'] == number and one['route_id'] == 3 and
                  one['client_ref'] == 'four' and one['final'] is True and
                  one['created_at'] <= one['updated_at'], one, message)
    return messages


def exposed(use, told, messages):
    """Acceptance, execution id, route, first state, tracking, summary, end, reason, times."""
    path = use.one.get(f'{V1}/messages/{messages[3]["bx_message_id"]}/path').body
    steps = {step['step']: step for step in path['steps']}
    nine = {
        'acceptance state': told['message'].endswith('accepted for execution'),
        'execution id': told['order_id'] == messages[0]['order_id'],
        'route': told['route_id'] == messages[0]['route_id'],
        'first state': told['initial_state'] == 'QUEUED',
        'message tracking': told['messages'][3]['bx_message_id'] == messages[3]['bx_message_id'],
        'order summary': use.one.get(f'{V1}/orders/{told["order_id"]}').body['total'] == 4,
        'final state': messages[3]['status'] == 'FAILED' and messages[3]['final'],
        'safe reason': messages[3]['error'] == 'SUBMIT_ERROR' and messages[3]['reason'],
        'times': path['steps'] == sorted(path['steps'], key=lambda step: step['at'])}
    use.check('all nine things that a client must see are there', all(nine.values()), nine)
    use.check('X3 tells received, checked, priced, paid and queued',
              list(steps)[:5] == ['received', 'checked', 'priced', 'debited', 'queued'] and
              steps['checked']['checks'][0] == 'authentication' and
              steps['priced']['price'] == 0.091 and
              steps['debited']['balance_before'] - steps['debited']['amount'] ==
              steps['debited']['balance_after'], path)
    joined = use.one.get(f'{V1}/routes/{messages[3]["route_id"]}/pricing').body['pricing']
    use.check('route, price, execution, tracking and outcome join by the id of a message',
              path['message'] == messages[3] and steps['priced']['price'] in [
                  price['price'] for price in joined] and
              steps['queued']['order_id'] == messages[3]['order_id'] and
              round(path['cost'] * told['count'], 6) == told['cost'] and
              steps['final']['status'] == messages[3]['status'], path)
    for message in messages:
        times = [step['at'] for step in use.one.get(
            f'{V1}/messages/{message["bx_message_id"]}/path').body['steps']]
        use.check(f'the times of {message["bx_message_id"]} are there and never run back',
                  len(times) >= 8 and times == sorted(times) and
                  times[0] == message['created_at'] and times[-1] == message['updated_at'],
                  times, message)
    use.check('X3: the stages add up', sum(path['stages'].values()) == path['total_ms'], path)


def listed(use, messages):
    """Filters and pages against what the messages themselves say."""
    every = use.page('/dlr', limit=500)
    use.check('E7 lists every message, the newest order first', every['total'] == 5 and
              [message['order_id'] for message in every['messages']] ==
              sorted((message['order_id'] for message in every['messages']), reverse=True), every)
    today = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    first = messages[0]
    for query, wanted in (
            ({'status': 'FAILED'}, lambda one: one['status'] == 'FAILED'),
            ({'status': 'EXPIRED'}, lambda one: one['status'] == 'EXPIRED'),
            ({'status': 'SENT'}, lambda one: False),
            ({'final': 'true'}, lambda one: one['final']),
            ({'final': 'false'}, lambda one: False),
            ({'msisdn': REFUSED}, lambda one: one['msisdn'] == REFUSED),
            ({'msisdn': '31600000000'}, lambda one: False),
            ({'order_id': first['order_id']}, lambda one: one['order_id'] == first['order_id']),
            ({'order_id': 987654}, lambda one: False),
            ({'route_id': 1}, lambda one: one['route_id'] == 1),
            ({'route_id': 77}, lambda one: False),
            ({'client_ref': 'four'}, lambda one: one['client_ref'] == 'four'),
            ({'client_ref': 'fou'}, lambda one: False),
            ({'from_date': today.strftime('%Y-%m-%d'), 'to_date': (today + day).strftime('%Y-%m-%d')},
             lambda one: True),
            ({'from_date': (today + day).strftime('%Y-%m-%d')}, lambda one: False),
            ({'to_date': (today - day).strftime('%Y-%m-%d')}, lambda one: False),
            ({'from_date': first['created_at'], 'to_date': first['created_at']},
             lambda one: one['created_at'] == first['created_at']),
            ({'to_date': '2020-02-29T23:59:59+01:00'}, lambda one: False),
            ({'status': 'FAILED', 'msisdn': REFUSED, 'route_id': 3, 'final': 'true'},
             lambda one: one['msisdn'] == REFUSED)):
        page = use.page('/dlr', **query)
        fitting = [one for one in every['messages'] if wanted(one)]
        use.check(f'E7 with {query}', page['messages'] == fitting and
                  page['total'] == len(fitting), page)
    for path, everything, limit in ((f'/orders/{first["order_id"]}/dlr', messages, 500),
                                    ('/dlr', every['messages'], 50)):
        for skip, most in ((0, 1), (1, 2), (2, 500), (len(everything), 10), (1000000000, 1)):
            page = use.page(path, skip=skip, limit=most)
            use.check(f'{path} from {skip} on, at most {most}',
                      page['messages'] == everything[skip:skip + most] and
                      (page['total'], page['skip'], page['limit']) ==
                      (len(everything), skip, most), page)
        plain = use.page(path)
        use.check(f'{path} without a query', (plain['skip'], plain['limit']) == (0, limit), plain)
    use.check('E9 by status tells why an order is PARTIAL', [
        message['error'] for message in use.page(f'/orders/{first["order_id"]}/dlr',
                                                 status='FAILED')['messages']] ==
        ['UNDELIVERABLE', 'SUBMIT_ERROR'])
    use.check('a name in the query of E7 that is not known is ignored',
              use.page('/dlr', colour='red', limit=500) == every)


def orders(use):
    every = use.page('/orders')['orders']
    seen, after = [], {}
    while True:
        page = use.page('/orders', limit=1, **after)
        seen += page['orders']
        if not page['next_after']:
            break
        after = {'after': page['next_after']}
    use.check('X1 page by page is X1 at once', len(every) == 2 and seen == every, seen)
    for query, wanted in (({'status': 'PARTIAL'}, lambda one: one['status'] == 'PARTIAL'),
                          ({'status': 'QUEUED'}, lambda one: False),
                          ({'route_id': 1}, lambda one: one['route_id'] == 1),
                          ({'route_id': 1, 'status': 'PARTIAL'}, lambda one: False)):
        page = use.page('/orders', **query)
        use.check(f'X1 with {query}', page['orders'] == [one for one in every if wanted(one)], page)


def strangers(use, told, messages):
    """What is another account's is not there."""
    order, message = told['order_id'], messages[0]['bx_message_id']
    forged = f'BX-{order}-' + '0123456789abcdef'
    for path, detail in ((f'/orders/{order}', 'Order not found.'),
                         (f'/orders/{order}/dlr', 'Order not found.'),
                         (f'/dlr/{message}', 'DLR record not found.'),
                         (f'/messages/{message}/path', 'DLR record not found.')):
        answer = use.other.get(V1 + path)
        use.check(f'{path} is not there for others', answer.status_code == 404 and
                  answer.body['detail'] == detail, answer.body)
    answer = use.other.post(f'{V1}/messages/{message}/cancel', {})
    use.check('nobody cancels what is another\'s', answer.status_code == 404, answer.body)
    answer = use.one.get(f'{V1}/dlr/{forged}')
    use.check('an id that was never given out is not there', answer.status_code == 404,
              answer.body)
    use.check('others see no orders and no messages', use.other.get(
        f'{V1}/orders').body['orders'] == [] and use.other.get(f'{V1}/dlr').body['total'] == 0)
    ended_one = use.one.post(f'{V1}/messages/{message}/cancel', {})
    use.check('X7 refuses to take back what has ended', ended_one.status_code == 409,
              ended_one.body)
    later = use.one.send({'route_id': 1, 'caller_id': 'ACME', 'message': 'later', 'numbers': [NL],
                          'send_at': (datetime.datetime.now(datetime.timezone.utc) +
                                      datetime.timedelta(hours=1)).isoformat()}).body
    back = use.one.post(f'{V1}/messages/{later["messages"][0]["bx_message_id"]}/cancel', {}).body
    use.check('X7 takes back what waits', back['cancel']['result'] == 'cancelled' and
              back['message']['error'] == 'CANCELLED' and
              back['message']['status'] == 'FAILED', back)


def requests_themselves(use):
    """E10 to E13 tell of requests, and of nothing that became of them."""
    path = f'{V1}/activity'
    first = use.one.get(f'{path}/summary').body['summary']
    second = use.one.get(f'{path}/summary').body['summary']
    use.check('E10 counts each request', second['total_requests'] ==
              first['total_requests'] + 1 and second['success_requests'] +
              second['error_requests'] == second['total_requests'] and
              second['active_api_keys'] == 1, first, second)
    for query, wanted in (({'method': 'POST'}, lambda row: row['method'] == 'POST'),
                          ({'endpoint': f'{V1}/send_sms'},
                           lambda row: row['endpoint'] == f'{V1}/send_sms'),
                          ({'status_code': 404}, lambda row: row['status_code'] == 404),
                          ({'route_id': 3}, lambda row: row['route_id'] == '3')):
        whole = use.page('/activity/logs', limit=100)['logs']
        page = use.page('/activity/logs', limit=50, **query)
        newest = [row for row in page['logs'] if row['id'] <= whole[0]['id']]
        use.check(f'E11 with {query}', newest and
                  newest == [row for row in whole if wanted(row)][:len(newest)] and
                  len(newest) == page['total'], page)
    past = use.page('/activity/logs', page=1000000, limit=100)
    use.check('E11 past its end is empty and knows the total', past['logs'] == [] and
              past['total'] > 0, past)
    use.check('E11 knows where each came from', {row['ip_address'] for row in use.page(
        '/activity/logs')['logs']} == {None if use.how == 'unix' else '127.0.0.1'})
    usage = use.page('/activity/usage')['usage']
    use.check('E12 tells seven days, today the last', len(usage) == 7 and
              usage[-1]['total'] > 0 and len(use.page('/activity/usage', days=1)['usage']) == 1,
              usage)
    endpoints = use.page('/activity/endpoints')['endpoints']
    sends = [row for row in endpoints if row['endpoint'] == f'{V1}/send_sms']
    use.check('E13 counts by endpoint', len(sends) == 1 and sends[0]['requests'] == 4 ==
              sends[0]['success_requests'], endpoints)


def what_happens(use, told):
    """The feed, both ways, from the beginning to the order's end."""
    def read(accept, enough):
        target = f'{V1}/events?since=0&order_id={told["order_id"]}'
        response = use.one.session.get(use.one.base + target, stream=True, headers={
            'X-API-KEY': use.one.key, 'Accept': accept}, timeout=house.PATIENCE_S)
        octets = b''
        for octet in response.iter_content(1):
            octets += octet
            if octets.count(b'order.resolved"') and octets.endswith(enough):
                break
        response.close()
        use.one.witness.hear('GET', target, response.status_code, response.headers, octets)
        return octets.decode()

    events = [json.loads(line[6:]) for line in read('text/event-stream', b'\n\n').split('\n')
              if line.startswith('data: ')]
    lines = [json.loads(line) for line in read('Application/X-NDJSON', b'\n').split('\n') if line]
    use.check('X5 tells the same as events and as lines', events == lines and
              [event['event'] for event in (events[0], events[-1])] ==
              ['order.accepted', 'order.resolved'], events, lines)
    status = {}
    for event in events:
        if 'bx_message_id' in event:
            status[event['bx_message_id']] = event['status']
    use.check('X5 leads each message to its end', [status[message['bx_message_id']]
                                                   for message in told['messages']] ==
              ['DELIVERED', 'FAILED', 'EXPIRED', 'FAILED'], status)


def as_somebody_writes(use):
    """What clients are known to do, and must get away with."""
    whole = use.one.get(f'{V1}/balance').body
    for name, fields in (('a JSON type on GET', {}),
                         ('Authorization beside the key', {'Authorization': 'Basic bmV0cmM6eA=='}),
                         ('any Accept', {'Accept': '*/*'}),
                         ('a name of its own', {'User-Agent': 'somebody/0.2.0 (python)'})):
        use.check(f'{name} is taken', use.one.get(f'{V1}/balance', **fields).body == whole)
    answer = use.one.get(f'{V1}/balance')
    use.check('there is no redirect, no BOM, and a length', answer.status_code == 200 and
              answer.content.startswith(b'{') and
              int(answer.headers['Content-Length']) == len(answer.content), answer.headers)
    numbers = [f'316{i:08}' for i in range(3304)]
    big = use.one.send({'route_id': 1, 'caller_id': 'ACME', 'message': 'x', 'numbers': numbers},
                       key=use.other.key)
    use.check('3,304 numbers are one order', big.status_code == 402 and
              big.body['cost'] == 290.752, big.body)


def what_comes_in(use):
    """The far end lets whoever gets a message from us say something to our number."""
    ours, theirs = INBOUND[use.how], f'3161230000{len(use.how)}'
    use.one.send({'route_id': 1, 'caller_id': 'ACME', 'message': 'hello', 'numbers': [theirs]})
    page = house.await_that('it has come', lambda: (lambda told: told['messages'] and told)(
        use.page('/inbound')))
    use.check('X6 tells what was said to our number', [(
        message['msisdn'], message['destination'], message['message'], message['complete'],
        message['parts']['total']) for message in page['messages']] ==
        [(theirs, ours, f'STOP {theirs}', True, 1)] and page['more'] is False, page)
    use.check('X6 goes on behind its cursor', use.page('/inbound', after=page['next_after'])
              ['messages'] == [] and use.page('/inbound', after=0, limit=1)['messages'] ==
              page['messages'])
    for query, shown in (({'msisdn': theirs}, 1), ({'msisdn': NL}, 0), ({'destination': ours}, 1),
                         ({'destination': '1'}, 0)):
        use.check(f'X6 with {query}', len(use.page('/inbound', **query)['messages']) == shown)
    use.check('what was said to another\'s number is not there', use.other.get(
        f'{V1}/inbound').body['messages'] == [])


def whatever_else(use, messages):
    """Every other call that reads, with the least that it wants."""
    ids = [message['bx_message_id'] for message in messages]
    api = use.one.witness.api
    for path, method, operation in api.operations:
        if method != 'GET' or ('GET', path, 200) in use.one.witness.seen:
            continue
        names = [one for one in api.parameters(path, operation) if one['in'] == 'query' and
                 one.get('required')]
        target = path.replace('{order_id}', str(messages[0]['order_id'])).replace(
            '{bx_message_id}', ids[0])
        answer = use.one.get(client.with_query(target, **{
            one['name']: number for one, number in zip(names, ids)}))
        use.check(f'{path} is answered', answer.status_code == 200, answer.text)


def without_key(use):
    for path in ('/healthz', '/readyz', '/version', f'{V1}/openapi.json'):
        answer = use.one.get(path, key=None)
        use.check(f'{path} needs no key', answer.status_code == 200, answer.body)


def manuals():
    with open(os.path.join(truth.ROOT, 'tools', 'esmed-api.7.scd'), encoding='utf-8') as file:
        api = ' '.join(file.read().split())
    promises = []
    for name in ('esmed-api.7', 'esmed.8', 'esmectl.1'):
        with open(os.path.join(truth.ROOT, 'tools', f'{name}.scd'), encoding='utf-8') as file:
            promises += re.findall(r'.{40}\bguarantee.{40}', ' '.join(file.read().split()))
    check('the manuals say what acceptance is not, and what is not known',
          'It does not mean that a carrier has it' in api and
          'nobody can know, or not yet' in api and
          'it may or may not have been sent' in api)
    check('the manuals promise no delivery', not promises, promises)


def use_everything(how, daemon, base, witness):
    one, other = (client.Client(base, f'{how}-{name}-0123456789abcdef0123456789abcdef', witness)
                  for name in ('one', 'other'))
    use = Use(how, daemon, one, other)
    what_it_may_do(use)
    what_it_costs(use)
    told = accepted(use)
    messages = ended(use, told)
    use.resolved(told['order_id'] + 1)
    exposed(use, told, messages)
    listed(use, messages)
    orders(use)
    what_happens(use, told)
    strangers(use, told, messages)
    requests_themselves(use)
    as_somebody_writes(use)
    what_comes_in(use)
    without_key(use)
    whatever_else(use, messages)
    one.close()
    other.close()


def provider_ids(home):
    """What the far end called the messages."""
    with open(home.far.log, encoding='utf-8') as file:
        return set(re.findall(r'"message_id":"([^"]{8,})"', file.read()))


with tempfile.NamedTemporaryFile('w', suffix='.script') as the_script:
    the_script.write(''.join(f'on submit destination_addr=3161230000{len(how)}: send deliver_sm '
                             f'source_addr="{{destination}}" destination_addr={number} '
                             'short_message="STOP {destination}"\n'
                             for how, number in INBOUND.items()))
    the_script.flush()
    the_home = house.House(far=('--quiet', '--ids', 'decimal', '--script', the_script.name), sets=(
        'listen=127.0.0.1:0', *(f'providers.alpha.inbound.{number}={how}-one'
                                for how, number in INBOUND.items())))
with the_home:
    the_daemon, the_witness = the_home.daemon, client.Witness()
    the_daemon.start()
    the_status, the_answer = the_daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
        {'name': f'{how}-{name}', 'opening': opening,
         'keys': [{'key': f'{how}-{name}-0123456789abcdef0123456789abcdef'}]}
        for how in ('unix', 'tcp') for name, opening in (('one', '100'), ('other', '1'))]})
    check('accounts are made', the_status == 200, the_answer)
    for the_way, the_base in (('unix', client.over_unix(the_daemon)),
                              ('tcp', client.over_tcp(the_daemon))):
        use_everything(the_way, the_daemon, the_base, the_witness)
    the_ids = provider_ids(the_home)
    the_texts = b'\n'.join(the_witness.texts).decode()
    check('no answer has an id or a word of the provider', the_ids and not any(
        one in the_texts for one in the_ids) and not re.search(WORDS, the_texts),
        re.findall(WORDS, the_texts),
        [one for one in the_ids if one in the_texts])
    check('every call that the description names was answered as it says', all(
        (method, path, 200) in the_witness.seen
        for path, method, _ in the_witness.api.operations), [
        (method, path) for path, method, _ in the_witness.api.operations
        if (method, path, 200) not in the_witness.seen])
    the_witness.judge(check, the_daemon)
manuals()
sys.exit(TAP.end())
