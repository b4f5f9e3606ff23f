#!/usr/bin/python3
# builds: asan
"""What became of orders and messages, asked by their owner: taking a message back, how an order
progressed. Real daemon, scripted smsc-sim. Prints TAP."""
import json
import os
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
OTHER = 'other-0123456789abcdef0123456789abcdef'
PROVIDERS_WORDS = ('"message_id', 'session', 'sequence', '_sm', 'ESME_', 'DELIVRD', 'UNDELIV')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:4000] for detail in details])


class Client:
    """Asks one daemon as its customer."""

    def __init__(self, home):
        self.home, self.daemon = home, home.daemon

    def get(self, target, key=house.KEY):
        return self.daemon.api('GET', target, key=key)

    def cancel(self, message, body=None, key=house.KEY, query=''):
        return self.daemon.api('POST', f'/api/v1/messages/{message}/cancel{query}', body, key)

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
    finally:
        house.shutil.rmtree(folder, ignore_errors=True)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
