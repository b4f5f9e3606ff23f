#!/usr/bin/python3
# builds: asan
"""What became of orders and messages, asked by their owner: taking a message back, how an order
progressed, which path each message took, and what differed between two. Real daemon, scripted
smsc-sim. Prints TAP."""
import json
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import description  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
API = description.Description()
OTHER = 'other-0123456789abcdef0123456789abcdef'
PROVIDERS_WORDS = ('"message_id', 'session', 'sequence', '_sm', 'ESME_', 'DELIVRD', 'UNDELIV')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:4000] for detail in details])


class Client:
    """Asks one daemon as its customer, and holds each answer against the description."""

    objections = set()

    def __init__(self, home):
        self.home, self.daemon = home, home.daemon

    def call(self, method, target, key, body=None):
        connection = house.UnixConnection(self.daemon.submit)
        connection.request(method, target, None if body is None else json.dumps(body),
                           {'X-API-KEY': key})
        response = connection.getresponse()
        octets = response.read()
        connection.close()
        self.objections.update(f'{method} {target.split("?")[0]}: {one}' for one in API.objections(
            method, target, response.status, response.headers, octets))
        return response.status, json.loads(octets)

    def get(self, target, key=house.KEY):
        return self.call('GET', target, key)

    def cancel(self, message, body=None, key=house.KEY, query=''):
        return self.call('POST', f'/api/v1/messages/{message}/cancel{query}', key, body)

    def send(self, *numbers, text='Hello', route=1, **more):
        """(order_id, message ids)"""
        status, answer = self.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': route, 'caller_id': 'ACME', 'message': text, 'numbers': list(numbers),
            **more})
        if status != 200:
            raise house.Trouble(f'refused: {status} {answer}')
        return answer['order_id'], [one['bx_message_id'] for one in answer['messages']]

    def dlr(self, message):
        return self.get(f'/api/v1/dlr/{message}')[1]

    def until(self, message, status, error=None):
        return house.await_that(f'{message} is {status} / {error}', lambda: (
            lambda told: (told['status'], told['error']) == (status, error) and told)(
                self.dlr(message)))

    def path(self, message):
        return self.get(f'/api/v1/messages/{message}/path')[1]

    def steps(self, message):
        return [step['step'] for step in self.path(message)['steps']]

    def balance(self):
        return self.get('/api/v1/balance')[1]['balance']

    def pause(self, verb, route=1):
        status, answer = self.daemon.operate('POST', f'/control/v1/routes/{route}/{verb}')
        if status != 200:
            raise house.Trouble(f'{verb}: {status} {answer}')


# --- Taking back -----------------------------------------------------------------------------------

def cancel_refusals(client):
    client.pause('pause')
    _, (message,) = client.send('31610000001')
    for name, status, answer in (
            ('a body with a member', 422, client.cancel(message, {'why': 'x'})),
            ('a body that is a list', 422, client.cancel(message, [])),
            ('a query', 422, client.cancel(message, query='?now=1')),
            ('another account', 404, client.cancel(message, key=OTHER)),
            ('a message that is not there', 404, client.cancel('BX-1-0123456789abcdef')),
            ('nobody', 401, client.cancel(message, key='nobody'))):
        check(f'X7 refuses {name}', answer[0] == status and
              client.dlr(message)['status'] == 'QUEUED', answer)
    answer = client.cancel(message, key=OTHER)[1]
    check('X7 does not tell what is another\'s', answer['detail'] == 'DLR record not found.', answer)
    client.pause('resume')
    client.until(message, 'DELIVERED')
    status, answer = client.cancel(message)
    check('X7 refuses what has ended, with the reason', status == 409 and
          (answer['code'], answer['stage'], answer['detail']) ==
          ('not_cancelled', 'state', 'it has ended'), answer)


def cancel_what_waits(client):
    client.pause('pause', 3)
    order, messages = client.send('31610000002', '31610000003', text='x' * 300, route=3)
    behind = client.send('31610000009', text='x' * 300, route=3)[1][0]
    queued = [[step for step in client.path(message)['steps'] if step['step'] == 'queued'][0]
              for message in (*messages, behind)]
    check('the path tells what waited on the route before the order, and its batch', [
        (step['queued'], step['batch'], step['batch_size']) for step in queued] ==
        [(0, 1, 500), (0, 1, 500), (4, 1, 500)], queued)
    paid = client.balance()
    status, answer = client.cancel(messages[0])
    check('X7 cancels what waits at once, all its parts', status == 200 and (
        answer['message']['status'], answer['message']['error'], answer['message']['final'],
        answer['message']['parts']) == ('FAILED', 'CANCELLED', True, {'total': 2, 'FAILED': 2}) and
        answer['cancel']['result'] == 'cancelled', answer)
    check('and gives back what the route\'s policy says', answer['cancel']['refund'] == 0.182 and
          round(client.balance() - paid, 6) == 0.182, answer, paid)
    again = client.cancel(messages[0], {})
    check('X7 may be said again: the same answer, nothing given back twice',
          again == (200, answer) and round(client.balance() - paid, 6) == 0.182, again)
    path = client.path(messages[0])
    check('the path shows it', [step['step'] for step in path['steps']][5:] ==
          ['cancelled', 'ended', 'final'] and path['refund'] == 0.182, path)
    counted = client.get(f'/api/v1/orders/{order}')[1]
    check('its order counts it, and the other still waits',
          (counted['failed'], counted['pending'], counted['status']) == (1, 1, 'IN_PROGRESS'),
          counted)
    client.pause('resume', 3)
    client.until(messages[1], 'DELIVERED')


def cancel_at_the_carrier(client):
    _, (message,) = client.send('31610000004', text='late')
    client.until(message, 'SENT')
    status, answer = client.cancel(message)
    check('X7 asks for what the provider has, and the message keeps its state', status == 200 and
          answer['cancel']['result'] == 'asked' and answer['cancel']['refund'] == 0 and
          answer['message']['status'] == 'SENT', answer)
    client.until(message, 'FAILED', 'DELETED')
    path = client.path(message)
    steps = [(step['step'], step.get('answer')) for step in path['steps']]
    check('a receipt then tells that it was deleted there', ('cancel_asked', None) in steps and
          ('cancel_answered', 'agreed') in steps and steps[-1][0] == 'final', path)


def cancel_refused(client):
    """A refusal of the carrier is no outcome."""
    _, (message,) = client.send('31610000005', text='stubborn')
    client.until(message, 'SENT')
    status, answer = client.cancel(message)
    check('X7 asks a carrier that will refuse', status == 200 and
          answer['cancel']['result'] == 'asked', answer)
    path = house.await_that('the carrier\'s answer is in the path', lambda: (
        lambda told: 'cancel_answered' in json.dumps(told) and told)(client.path(message)))
    said = [step['answer'] for step in path['steps'] if step['step'] == 'cancel_answered']
    check('the carrier\'s refusal is in the path, and the message keeps its state',
          said == ['refused'] and path['message']['status'] == 'SENT' and
          not path['message']['final'], path)
    check('clients see nothing of the provider\'s words', not any(
        word in json.dumps(path) for word in PROVIDERS_WORDS), path)


def taking_back(folder):
    script = os.path.join(folder, 'cancel.script')
    with open(script, 'w', encoding='utf-8') as file:
        file.write('on submit text=late: receipt after=2s\n'
                   'on submit text=stubborn: outcome mix=none=100\n'
                   'on cancel_sm destination_addr=31610000005: answer command_status=0x11\n')
    sets = ('routes.3.refund=refused',)
    with house.House(far=('--quiet', '--script', script), sets=sets) as home:
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '1', 'keys': [{'key': OTHER}]}]})
        client = Client(home)
        cancel_refusals(client)
        cancel_what_waits(client)
        cancel_at_the_carrier(client)
        cancel_refused(client)
        ended(home)


# --- How an order progressed -----------------------------------------------------------------------

COUNTS = ('delivered', 'failed', 'expired', 'unknown', 'in_doubt')


def number(i, outcome):
    """A number of its own that gets this outcome; smsc-sim(1), NUMBERS."""
    return f'31{i:05}999900{outcome:02}'


def agrees(timeline, order):
    """Its last point says what the order says, and each adds up."""
    points = timeline['points']
    last = points[-1]
    return (all(last[name] == order[name] for name in COUNTS) and
            last['taken'] == order['execution']['taken'] and
            last['progress_pct'] == order['progress_pct'] and
            all(point['queued'] + point['in_flight'] + point['sent'] + point['in_doubt'] +
                point['delivered'] + point['failed'] + point['unknown'] == order['total'] and
                point['expired'] <= point['failed'] for point in points) and
            [point['offset_ms'] for point in points] ==
            sorted(point['offset_ms'] for point in points) and len(points) <= 100)


def batches_agree(timeline, order):
    names = ('n', 'size', 'taken', 'refused', 'delivered', 'failed', 'unknown', 'closed_at')
    return ([[batch[name] for name in names] for batch in timeline['batches']] ==
            [[batch[name] for name in names] for batch in order['batches']])


def times_of(timeline):
    return {event['event']: event['offset_ms'] for event in timeline['events']}


def one_batch_fails(client):
    """Of four batches the third is refused: its siblings do not suffer, the order is their sum."""
    numbers = [number(i, 6 if i // 500 == 2 else 0) for i in range(1700)]
    order_id, messages = client.send(*numbers)
    order = house.await_that('it resolves', lambda: client.daemon.resolved(order_id), 60)
    check('one batch fails while the others succeed', [
        (batch['size'], batch['delivered'], batch['failed'], batch['refused'])
        for batch in order['batches']] ==
        [(500, 500, 0, 0), (500, 500, 0, 0), (500, 0, 500, 500), (200, 200, 0, 0)] and
        (order['status'], order['delivered'], order['failed']) == ('PARTIAL', 1200, 500), order)
    status, timeline = client.get(f'/api/v1/orders/{order_id}/timeline')
    check('X2 ends where the order did', status == 200 and agrees(timeline, order) and
          batches_agree(timeline, order), timeline, order)
    first = timeline['points'][0]
    check('X2 begins at acceptance with everything queued',
          (first['offset_ms'], first['queued'], first['taken']) == (0, 1700, 0) and
          first['at'] == order['created_at'], first)
    times = times_of(timeline)
    order_of = ['accepted', 'first_released', 'half_taken', 'all_released']
    check('X2 tells when it came how far', set(order_of) | {
        'first_delivered', 'final_50_pct', 'final_90_pct', 'final_99_pct', 'resolved'} ==
        set(times) and [times[name] for name in order_of] ==
        sorted(times[name] for name in order_of) and
        times['final_50_pct'] <= times['final_90_pct'] <= times['final_99_pct'] <=
        times['resolved'], timeline['events'])
    released = [batch['first_released_at'] for batch in timeline['batches']]
    check('X2 tells when each batch left', released == sorted(released) and all(
        batch['first_released_at'] <= batch['last_released_at'] <= batch['closed_at']
        for batch in timeline['batches']), timeline['batches'])
    check('X2 is the account\'s own',
          client.get(f'/api/v1/orders/{order_id}/timeline', OTHER)[0] == 404)
    check('X2 takes no query', client.get(f'/api/v1/orders/{order_id}/timeline?step=1')[0] == 422)
    return order_id, messages


def an_order_half_way(client):
    """1,200 of 3,304 delivered, 20 failed, the rest without a receipt: 36.32 per cent."""
    numbers = [number(i, 0 if i < 1200 else 1 if i < 1220 else 4) for i in range(3304)]
    order_id, _ = client.send(*numbers)
    order = house.await_that('it stands half-way', lambda: (
        lambda told: (told['delivered'], told['failed'], told['execution']['taken']) ==
        (1200, 20, 3304) and told)(client.daemon.order(order_id)), 60)
    check('1200 of 3304 delivered and 20 failed is 36.32 with 2084 pending',
          (order['total'], order['progress_pct'], order['pending'], order['status']) ==
          (3304, 36.32, 2084, 'IN_PROGRESS'), order)
    timeline = client.get(f'/api/v1/orders/{order_id}/timeline')[1]
    check('X2 of an order under way tells how far it is', agrees(timeline, order) and
          timeline['points'][-1]['sent'] == 2084 and timeline['resolved_at'] is None and
          'final_50_pct' not in times_of(timeline), timeline, order)


def nobody_waits(client):
    """A timeline of 50,000 messages is read in slices: others are answered between them."""
    client.pause('pause')
    order_id, _ = client.send(*[f'316{i:08}' for i in range(50000)])
    told, others = [], 0
    thread = threading.Thread(target=lambda: told.append(
        client.get(f'/api/v1/orders/{order_id}/timeline')))
    thread.start()
    while thread.is_alive():
        others += client.get('/api/v1/balance')[0] == 200
    thread.join()
    status, timeline = told[0]
    check('others are answered while a timeline of 50,000 messages is read', status == 200 and
          others >= 20 and timeline['points'][-1]['queued'] == 50000 and
          len(timeline['batches']) == 100, others, status)


def operators_see_it(home, order_id):
    done = subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, 'timeline',
                           str(order_id)], capture_output=True, text=True, timeout=60, check=False)
    check('esmectl timeline shows it', done.returncode == 0 and all(
        word in done.stdout for word in ('1700 messages', 'first_released', 'IN FLIGHT')),
        done.stdout, done.stderr)
    missing = subprocess.run([house.program('esmectl'), '--socket', home.daemon.control,
                              'timeline', '4711'], capture_output=True, text=True, timeout=60,
                             check=False)
    check('and nothing of an order that is not there', missing.returncode == 1, missing)


def progress():
    sets = ('routes.1.max_recipients=50000', 'store.size=256MiB', 'routes.1.receipt_deadline=1h')
    with house.House(far=('--quiet',), sets=sets) as home:
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '1', 'keys': [{'key': OTHER}]}]})
        client = Client(home)
        order_id, _ = one_batch_fails(client)
        an_order_half_way(client)
        operators_see_it(home, order_id)
        nobody_waits(client)
        ended(home)


# --- What became of each -----------------------------------------------------------------------------

# By the end of the number: how it ends, and the event that led there; smsc-sim(1), NUMBERS.
ENDS = {
    0: ('DELIVERED', None, True, 'RECEIPT_DELIVERED'),
    1: ('FAILED', 'UNDELIVERABLE', True, 'RECEIPT_FAILED'),
    2: ('FAILED', 'DELIVERY_REJECTED', True, 'RECEIPT_FAILED'),
    3: ('EXPIRED', 'DELIVERY_EXPIRED', True, 'RECEIPT_EXPIRED'),
    4: ('SENT', None, False, 'ACCEPTED'),
    5: ('DELIVERED', None, True, 'RECEIPT_DELIVERED'),
    6: ('FAILED', 'SUBMIT_ERROR', True, 'REFUSED'),
    9: ('UNKNOWN', 'SUBMIT_UNCONFIRMED', False, 'LOST'),
    11: ('FAILED', 'DELETED', True, 'RECEIPT_FAILED'),
    12: ('UNKNOWN', 'RECEIPT_UNKNOWN', False, 'RECEIPT_UNKNOWN'),
    14: ('DELIVERED', None, True, 'RECEIPT_DELIVERED'),
}
FAILURES = {'RECEIPT_FAILED', 'RECEIPT_EXPIRED', 'REFUSED'}


RATE = 50  # segments a second, of the provider


def stood(message):
    return (message['status'], message['error'], message['final'])


def events_of(path):
    return [step['event'] for step in path['steps'] if 'event' in step]


def each_ends_in_a_state_of_its_own(client):
    order_id, messages = client.send(*[number(i, nn) for i, nn in enumerate(ENDS)])
    expected = [end[:3] for end in ENDS.values()]
    late = messages[list(ENDS).index(14)]
    sent = client.until(late, 'SENT')
    check('the first state is not the outcome: a message that is SENT counts as nothing else',
          sent['final'] is False and sent['on_time'] is None and
          client.daemon.order(order_id)['pending'] > 0, sent)
    page = house.await_that('each has come as far as it will', lambda: (
        lambda told: [stood(one) for one in told] == expected and told)(
            client.get(f'/api/v1/orders/{order_id}/dlr')[1]['messages']), 60)
    check('after acceptance each ends in a state of its own', len(page) == len(ENDS), page)
    paths = [client.path(message) for message in messages]
    check('each status has what leads into it, and nothing that would lead elsewhere', all(
        events_of(path)[-1] == end[3] for path, end in zip(paths, ENDS.values())),
        [events_of(path) for path in paths])
    order = client.daemon.order(order_id)
    check('no known failure stays pending', all(
        path['message']['final'] for path in paths if FAILURES & set(events_of(path))) and
        order['failed'] == sum(end[0] in ('FAILED', 'EXPIRED') for end in ENDS.values()) and
        order['pending'] == sum(not end[2] for end in ENDS.values()), order)
    return order_id, messages, paths


def each_step_is_kept(client, order_id, messages, paths):
    begin = ['received', 'checked', 'priced', 'debited', 'queued', 'released']
    check('every step is kept, from the request to the outcome', all(
        [step['step'] for step in path['steps']][:6] == begin and
        'submitted' in [step['step'] for step in path['steps']] and
        (path['steps'][-1]['step'] == 'final') == path['message']['final'] for path in paths),
        [client.steps(message) for message in messages])
    check('times are there, in order, and never run backwards', all(
        [step['at'] for step in path['steps']] == sorted(step['at'] for step in path['steps']) and
        all(step['took_ms'] >= 0 for step in path['steps']) and
        sum(path['stages'].values()) == path['total_ms'] == path['steps'][-1]['offset_ms']
        for path in paths), paths)
    check('every change has its time and its cause', all(
        step['at'] and step['cause'] for path in paths for step in path['steps']
        if 'event' in step), paths)
    ledger = client.daemon.operate('GET', f'/control/v1/accounts/{house.ACCOUNT}/ledger')[1]
    check('and so has every movement of money', ledger['ledger'] and all(
        row['at'] and row['cause'] for row in ledger['ledger']), ledger)
    checked = paths[0]['steps'][:2]
    check('the path tells that it was received, by whom, and each check that it passed',
          checked[0]['request_id'] and checked[0]['account'] == house.ACCOUNT and
          {'authentication', 'shape', 'authorization', 'balance', 'store'} <=
          set(checked[1]['checks']), checked)
    taken = {nn: [(step['attempt'], step['event']) for step in path['steps']
                  if step['step'] == 'answered'] for nn, path in zip(ENDS, paths)}
    released = [step for path in paths for step in path['steps'] if step['step'] == 'released']
    check('each attempt has the queue, the window, the rate and the batch that shaped it', all(
        step['queued'] >= 0 and 1 <= step['in_flight'] <= 4 and step['rate_per_s'] == RATE and
        (step['batch'], step['batch_size']) == (1, 500) and step['link'] == 'alpha/alpha-1'
        for step in released) and any(step['queued'] > 5 for step in released), released)
    check('and what was retried, why, and how long each answer took', taken[5] ==
          [(1, 'REFUSED_FOR_NOW'), (2, 'ACCEPTED')] and
          paths[list(ENDS).index(5)]['unusual'] == ['throttled', 'retried'] and all(
              ('rtt_ms' in step) == (step['step'] == 'answered') for path in paths
              for step in path['steps']), taken, paths[list(ENDS).index(5)]['unusual'])
    check('and nothing is unusual about what went by itself',
          paths[0]['unusual'] == paths[1]['unusual'] == [], paths[:2])
    check('its order has the same number', all(
        path['message']['order_id'] == order_id for path in paths))


def six_questions(client, messages):
    """Sent? Which route? Taken by the provider? Delivered? Failed later? What did it cost?"""
    told = []
    for message in messages:
        path = client.path(message)
        told.append((
            'submitted' in [step['step'] for step in path['steps']],
            path['message']['route_id'],
            'ACCEPTED' in events_of(path),
            path['message']['status'] == 'DELIVERED',
            (path['message']['error'], path['message']['stage']),
            path['cost']))
    expected = [(True, 1, nn not in (6, 9), end[0] == 'DELIVERED', (end[1], stage), 0.088)
                for (nn, end), stage in zip(ENDS.items(), (
                    None, 'delivery', 'delivery', 'delivery', None, None, 'submit', 'submit',
                    'delivery', 'receipt', None))]
    check('six questions are answered for any message id', told == expected, told, expected)


def joined(client, order_id, message):
    """From the id over the route, its price and the execution to the delivery."""
    path = client.path(message)
    step = {one['step']: one for one in path['steps']}
    dlr = client.dlr(message)
    route = client.get(f'/api/v1/routes/{dlr["route_id"]}')[1]['route']
    prices = client.get(f'/api/v1/routes/{dlr["route_id"]}/pricing')[1]['pricing']
    price = [one['price'] for one in prices if one['country_prefix'] == step['priced']['prefix']]
    order = client.daemon.order(dlr['order_id'])
    listed = client.get(f'/api/v1/dlr?order_id={order_id}&msisdn={dlr["msisdn"]}')[1]['messages']
    check('the id joins route and price and execution and delivery',
          step['released']['route'] == route['name'] and price == [step['priced']['price']] and
          path['message'] == dlr == listed[0] and order['order_id'] == order_id and
          step['final']['status'] == dlr['status'] == 'DELIVERED', path, dlr, listed)


def after_the_reply(client, message):
    """What the reply began is followed to its end: the late one was SENT, and then delivered."""
    connection = house.UnixConnection(client.daemon.submit)
    connection.request('GET', f'/api/v1/events?since=0&order_id={client.dlr(message)["order_id"]}',
                       headers={'X-API-KEY': house.KEY, 'Accept': 'application/x-ndjson'})
    response, seen = connection.getresponse(), []
    while 'message.delivered' not in seen:
        event = json.loads(response.readline())
        if event.get('bx_message_id') == message:
            seen.append(event['event'])
    connection.close()
    check('the lifecycle after the reply is followed to its end', seen ==
          ['message.sent', 'message.delivered'] and client.steps(message)[-1] == 'final', seen)


def three_life_lines(client):
    """Taken and delivered; what was accepted only is seen where the provider hangs."""
    told = {}
    for name, outcome in (('taken', 4), ('delivered', 0)):
        order_id, (message,) = client.send(number(99, outcome))
        client.until(message, *ENDS[outcome][:2])
        told[name] = life_line(client, order_id, message)
    with house.House(far=('--quiet', '--hang')) as home:
        home.daemon.start()
        home.daemon.open_account()
        hung = Client(home)
        order_id, (message,) = hung.send(number(99, 0))
        house.await_that('it is out', lambda: 'released' in hung.steps(message))
        told['accepted'] = life_line(hung, order_id, message)
        check('a message that is out shows its release before any answer came',
              hung.steps(message)[-1] == 'released', hung.path(message))
        points = hung.get(f'/api/v1/orders/{order_id}/timeline')[1]['points']
        check('and so does its order', points[-1]['in_flight'] == 1, points)
    check('what was accepted and taken and delivered are three things', told == {
        'accepted': ('QUEUED', 1, 0, 0, 'QUEUED', False),
        'taken': ('IN_PROGRESS', 1, 1, 0, 'SENT', False),
        'delivered': ('COMPLETED', 1, 1, 1, 'DELIVERED', True)}, told)


def life_line(client, order_id, message):
    order, dlr = client.daemon.order(order_id), client.dlr(message)
    return (order['status'], order['total'], order['execution']['taken'], order['delivered'],
            dlr['status'], dlr['final'])


def stories():
    sets = ('providers.alpha.window=2', 'providers.alpha.timers.response=2s',
            f'providers.alpha.rate={RATE}', 'routes.1.receipt_deadline=1h')
    with house.House(far=('--quiet', '--late-ms', '3000'), sets=sets) as home:
        home.daemon.start()
        home.daemon.open_account()
        client = Client(home)
        order_id, messages, paths = each_ends_in_a_state_of_its_own(client)
        each_step_is_kept(client, order_id, messages, paths)
        six_questions(client, messages)
        joined(client, order_id, messages[0])
        after_the_reply(client, messages[list(ENDS).index(14)])
        three_life_lines(client)
        ended(home)


# --- What differed -----------------------------------------------------------------------------------

def compared(client, a, b):
    status, answer = client.get(f'/api/v1/messages/compare?a={a}&b={b}')
    if status != 200:
        raise house.Trouble(f'compare: {status} {answer}')
    return answer


def whats(comparison, stage=None):
    return {one['what'] for one in comparison['differences'] if stage in (None, one['stage'])}


INPUT = {'route', 'provider', 'account', 'country', 'destination', 'sender', 'text', 'encoding',
         'parts', 'priority', 'validity_ms', 'send_after_ms'}


def one(client, *rest, **more):
    """Sends one message and waits until it is final."""
    _, (message,) = client.send(*rest, **more)
    house.await_that('it is final', lambda: client.dlr(message)['final'])
    return message


def compare_ends(client):
    good, bad = one(client, '31610000001'), one(client, '31610000001', text='Hello')
    told = compared(client, good, bad)
    check('equal input and different end: what differs lies beyond the provider',
          set(told['alike']) == INPUT and told['first_difference'] ==
          {'stage': 'delivery', 'what': 'receipt'} and told['verdict'] ==
          'Equal input. a ended DELIVERED, in time; b ended FAILED / UNDELIVERABLE. Up to the '
          'provider no recorded condition differs; the difference lies beyond the provider.' and
          {'status', 'error', 'on_time'} <= whats(told, 'outcome') and
          not whats(told, 'provider'), told)
    check('each side tells where its time went', all(
        sum(told[side]['stages'].values()) == told[side]['total_ms'] for side in 'ab'), told)
    same = compared(client, good, good)
    check('nothing differs: that is said', same['differences'] == [] and
          same['first_difference'] is None and
          same['verdict'].endswith('No recorded condition differs.'), same)
    return good, bad


def compare_ways(client, good):
    throttled = one(client, number(1, 5))
    told = compared(client, good, throttled)
    check('a throttled one parts at the provider', whats(told, 'request') == {'destination'} and
          {'attempts', 'refused_for_now'} <= whats(told, 'provider') and
          'Equal input but for the destination.' in told['verdict'], told)
    client.pause('pause')
    _, (waited,) = client.send('31610000001')
    time.sleep(0.6)  # what is compared is that it waited
    client.pause('resume')
    house.await_that('it is final', lambda: client.dlr(waited)['final'])
    told = compared(client, good, waited)
    first = [one for one in told['differences'] if one['what'] == 'queue_wait_ms']
    check('one that waited parts in the queue', told['first_difference'] ==
          {'stage': 'queue', 'what': 'queue_wait_ms'} and first[0]['b'] >= 600 and
          '100 ms' in first[0]['note'] and 'They part in the queue stage: queue_wait_ms was '
          in told['verdict'], told)
    refused = one(client, number(2, 6))
    told = compared(client, good, refused)
    answer = [one for one in told['differences'] if one['what'] == 'answer'][0]
    check('one that was refused has the other answer, in words', (answer['a'], answer['b']) ==
          ('the provider took it', 'the provider refused it for good'), told)
    stages = [one['stage'] for one in told['differences']]
    known = ['request', 'queue', 'window', 'provider', 'delivery', 'outcome']
    check('differences stand in the order of the stages',
          stages == sorted(stages, key=known.index), stages)
    check('clients see nothing of the provider\'s words', not any(
        word in json.dumps(told) for word in PROVIDERS_WORDS), told)
    other = one(client, '31610000001', text='Other words', priority=2)
    told = compared(client, good, other)
    check('another input is told first', whats(told, 'request') == {'text', 'priority'} and
          told['verdict'].startswith('The input differs in text, priority.') and
          'Other' not in json.dumps(told), told)


def compare_refusals(client, good, bad):
    for name, status, query in (
            ('without b', 422, f'a={good}'), ('with nothing', 422, ''),
            ('of what is no id', 422, f'a={good}&b=nonsense'),
            ('with another word', 422, f'a={good}&b={bad}&c=1'),
            ('with a message that is not there', 404, f'a={good}&b=BX-1-0123456789abcdef')):
        answer = client.get(f'/api/v1/messages/compare?{query}')
        check(f'X4 refuses a comparison {name}', answer[0] == status, answer)
    answer = client.get(f'/api/v1/messages/compare?a={good}&b={bad}', OTHER)
    check('X4 does not show another account\'s', answer[0] == 404 and
          answer[1]['detail'] == 'DLR record not found.', answer)


def operators_compare(home, good, bad):
    done = subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, 'compare',
                           good, bad], capture_output=True, text=True, timeout=60, check=False)
    check('esmectl compare shows it', done.returncode == 0 and all(
        word in done.stdout for word in (good, bad, 'beyond the provider', 'receipt', 'alike:')) and
        '31610000001' not in done.stdout, done.stdout, done.stderr)
    done = subprocess.run([house.program('esmectl'), '--socket', home.daemon.control, 'compare',
                           good, 'nonsense'], capture_output=True, text=True, timeout=60,
                          check=False)
    check('and refuses what is no id', done.returncode == 1 and 'bx_message_id' in done.stderr,
          done)


def comparing(folder):
    script = os.path.join(folder, 'compare.script')
    with open(script, 'w', encoding='utf-8') as file:
        file.write('on submit destination_addr=31610000001 nth=2: outcome mix=failed=100\n')
    with house.House(far=('--quiet', '--script', script)) as home:
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '1', 'keys': [{'key': OTHER}]}]})
        client = Client(home)
        good, bad = compare_ends(client)
        compare_ways(client, good)
        compare_refusals(client, good, bad)
        operators_compare(home, good, bad)
        ended(home)


# --- All together ------------------------------------------------------------------------------------

def ended(home):
    done = home.daemon.operate('POST', '/control/v1/store/check')
    check('the store has no findings', done[0] == 200, done)
    check('it ends in order', home.daemon.stop() == 0, home.daemon.said())
    said = home.daemon.said(1000000)
    check('no sanitizer had anything to say',
          'Sanitizer' not in said and 'runtime error' not in said, said[-2000:])


def main():
    folder = house.tempfile.mkdtemp(prefix='esmed-paths.')
    try:
        taking_back(folder)
        progress()
        stories()
        comparing(folder)
    finally:
        house.shutil.rmtree(folder, ignore_errors=True)
    check('every answer is as the description says', not Client.objections,
          *sorted(Client.objections)[:20])
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
