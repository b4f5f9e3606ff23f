#!/usr/bin/python3
# builds: asan
"""The API from outside: every endpoint, every refusal with its exact text and an unchanged store,
the order of the checks, limits, streams, and acceptance while the provider hangs. Prints TAP."""
import hashlib
import http.client
import json
import os
import re
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
NL, ES = '31612345678', '34612345678'
LISTED, POOR, OFF, SAND, SLOW, OTHER, FIVE = (
    f'{name}-0123456789abcdef0123456789abcdef'
    for name in ('listed', 'poor', 'off', 'sand', 'slow', 'other', 'five'))
ACCOUNTS = [
    {'name': 'listed', 'opening': '100', 'routes': [8], 'categories': ['casino'],
     'keys': [{'key': LISTED}],
     'prices': [{'route': 1, 'prefix': '31', 'price': '0.05'},
                {'route': 1, 'prefix': '316', 'price': '0.04'}]},
    {'name': 'poor', 'opening': '0.1', 'keys': [{'key': POOR}]},
    {'name': 'off', 'opening': '1', 'active': False, 'keys': [{'key': OFF}]},
    {'name': 'sand', 'opening': '0.01', 'sandbox': True, 'keys': [{'key': SAND}]},
    {'name': 'slow', 'opening': '1', 'rate_per_s': 1, 'keys': [{'key': SLOW}]},
    {'name': 'other', 'opening': '1', 'keys': [{'key': OTHER}]},
    {'name': 'five', 'opening': '0.44', 'keys': [{'key': FIVE}]},
]


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:6000] for detail in details])


def body(**changes):
    whole = {'route_id': 1, 'caller_id': 'ACME', 'numbers': [NL], 'message': 'hello', **changes}
    return {key: value for key, value in whole.items() if value is not None}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.fields = {name.lower(): value for name, value in response.getheaders()}
        self.octets = response.read()
        self.json = json.loads(self.octets) if self.octets else None

    def __repr__(self):
        return f'{self.status} {self.fields} {self.octets[:400]}'


def call(path, method, target, given=None, key=house.KEY, **fields):
    connection = house.UnixConnection(path)
    fields = {name.replace('_', '-'): value for name, value in fields.items()}
    if key:
        fields['X-API-KEY'] = key
    octets = given if isinstance(given, (bytes, type(None))) else json.dumps(given).encode()
    try:
        connection.request(method, target, octets, fields)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def raw(path, octets, until=None):
    """What comes back until the end of the connection, or until `until` says it is enough."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(path)
        try:
            link.sendall(octets)
        except ConnectionError:
            pass
        answer = b''
        while not (until and until(answer)):
            try:
                more = link.recv(65536)
            except ConnectionError:
                break
            if not more:
                break
            answer += more
        return answer


def fingerprint(daemon):
    with open(os.path.join(daemon.store, 'data.mdb'), 'rb') as file:
        return hashlib.blake2b(file.read()).hexdigest()


class Refusals:
    """Each request is refused as said, and the store holds what it held before."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.settle()

    def settle(self):
        self.daemon.fold()
        self.before = fingerprint(self.daemon)

    def result(self, name, answer, good):
        after = fingerprint(self.daemon)
        check(f'refuses {name}', good and after == self.before, answer,
              'the store has changed' if after != self.before else '')
        self.before = after

    def text(self, name, status, detail, given=None, target='/api/v1/send_sms', method='POST',
             code=None, **more):
        answer = call(self.daemon.submit, method, target, given, **more)
        siblings = {'code', 'stage', 'status', 'request_id'}
        good = (answer.status == status and answer.json['detail'] == detail and
                siblings <= set(answer.json) and answer.json['status'] == status and
                answer.json['request_id'] == answer.fields['x-request-id'] and
                answer.fields['content-type'] == 'application/json' and
                (code is None or answer.json['code'] == code))
        self.result(name, answer, good)
        return answer

    def flaw(self, name, loc, given, target='/api/v1/send_sms', method='POST', kind=None,
             **more):
        answer = call(self.daemon.submit, method, target, given, **more)
        detail = answer.json.get('detail') if answer.json else None
        good = (answer.status == 422 and isinstance(detail, list) and detail and
                all(set(flaw) == {'loc', 'msg', 'type'} for flaw in detail) and
                loc in [flaw['loc'] for flaw in detail] and
                (kind is None or kind in [flaw['type'] for flaw in detail]))
        self.result(name, answer, good)
        return answer


    def broken(self, name, octets):
        """No JSON: the place is somewhere within the octets, or just behind them."""
        answer = call(self.daemon.submit, 'POST', '/api/v1/send_sms', octets)
        detail = answer.json['detail']
        self.result(name, answer, answer.status == 422 and len(detail) == 1 and
                    detail[0]['type'] == 'json_invalid' and detail[0]['loc'][0] == 'body' and
                    0 <= detail[0]['loc'][1] <= len(octets))


# --- Refusals ------------------------------------------------------------------------------------

def refuse_who(no):
    missing, invalid = 'Missing API Key: no X-API-KEY header.', 'Invalid or inactive API Key'
    no.text('a request without a key', 401, missing, body(), key=None)
    no.text('an unknown key', 401, invalid, body(), key='nobody')
    no.text('an empty key', 401, invalid, body(), key=' ')
    no.text('a key of 1,000 octets', 401, invalid, body(), key='k' * 1000)
    no.text('the key of an inactive account', 401, invalid, body(), key=OFF)
    no.text('a key in Authorization', 401, missing, body(), key=None,
            Authorization=f'Bearer {house.KEY}')


def refuse_shape(no):
    no.broken('a body that is cut', b'{"route_id":')
    no.broken('an empty body', b'')
    no.broken('NaN', b'{"route_id": NaN}')
    no.broken('a member given twice', b'{"route_id": 1, "route_id": 2}')
    no.broken('octets that are no UTF-8', b'{"message": "\xff"}')
    no.flaw('a body that is a list', ['body'], b'[]')
    for member in ('route_id', 'caller_id', 'numbers', 'message'):
        no.flaw(f'a body without {member}', ['body', member], body(**{member: None}),
                kind='missing')
    for name, value in (('true', True), ('1.0', 1.0), ('a string', '1')):
        no.flaw(f'a route_id that is {name}', ['body', 'route_id'], body(route_id=value))
    for value in ('AB', ' AB ', 'A' * 12, 'ÄCME', 'AC\tME', 5):
        no.flaw(f'a caller_id {value!r}', ['body', 'caller_id'], body(caller_id=value))
    no.flaw('no numbers', ['body', 'numbers'], body(numbers=[]))
    no.flaw('numbers that are no list', ['body', 'numbers'], body(numbers=NL))
    for value in ('+' + NL, '123456789', '1' * 16, '0612345678', '٣١٦١٢٣٤٥٦٧٨', NL + ' ', 31612345678):
        no.flaw(f'a number {value!r}', ['body', 'numbers', 1], body(numbers=[NL, value]))
    no.flaw('a duplicate', ['body', 'numbers', 2],
            body(numbers=[NL, '31612345679', NL]), kind='duplicate')
    for value in ('', 'a\tb', 'a\x7fb', 'a\u0085b', 'x' * 65536, None.__class__, 5):
        value = 5 if isinstance(value, type) else value
        no.flaw(f'a message {str(value)[:8]!r}', ['body', 'message'], body(message=value))
    no.flaw('a client_ref of 65', ['body', 'client_ref'], body(client_ref='x' * 65))
    for name, values in (('validity_s', (59, 604801, '60', 60.0)), ('priority', (-1, 4, '1')),
                         ('send_at', ('tomorrow', '2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z',
                                      '2026-02-30T00:00:00Z', 5))):
        for value in values:
            no.flaw(f'{name} {value!r}', ['body', name], body(**{name: value}))


def refuse_what_is_not_allowed(no):
    no.text('an unknown route', 400, 'Invalid route_id.', body(route_id=99))
    no.text('a negative route', 400, 'Invalid route_id.', body(route_id=-1))
    no.text('a whitelisted route', 403, 'You are not authorized for route 8.',
            body(route_id=8))
    no.text('the casino route', 403, 'You are not authorized for the casino route.',
            body(route_id=5))
    no.text('a sender that is not approved', 403, 'Sender ID not allowed for route 8.',
            body(route_id=8, caller_id='OTHER'), key=LISTED)
    no.text('a sender that is not numeric', 403, 'Sender ID not allowed for route 4.',
            body(route_id=4))
    no.flaw('more recipients than the route takes', ['body', 'numbers'],
            body(numbers=[f'316{i:08}' for i in range(4)]))
    no.flaw('a text outside the alphabet', ['body', 'message'], body(message='Ж'))
    no.flaw('a text of 159 characters', ['body', 'message'], body(message='x' * 159))
    no.flaw('a text of nine parts', ['body', 'message'], body(route_id=3, message='Ж' * 540))
    no.flaw('numbers of two countries', ['body', 'numbers', 1], body(numbers=[NL, ES]),
            kind='mixed_countries')
    no.flaw('numbers of two prices', ['body', 'numbers', 1],
            body(numbers=[NL, '31201234567']), key=LISTED, kind='mixed_prices')
    no.text('a destination without a price', 400,
            'Pricing failed: No pricing available for destination',
            body(route_id=4, caller_id='31600000000'))
    no.text('an estimate without a price', 400,
            'Estimate failed: No pricing available for destination',
            body(route_id=4, caller_id='31600000000'), target='/api/v1/estimate')
    answer = no.text('what the balance does not cover', 402, 'Insufficient balance.',
                     body(numbers=[NL, '31612345679']), key=POOR)
    check('a refusal for money says cost and balance',
          answer.json.get('cost') == 0.176 and answer.json.get('balance') == 0.1, answer)
    no.text('a route whose provider is disabled', 502,
            'Vendor send failed: route 2 has no usable upstream.', body(route_id=2))
    answer = no.text('what the balance of a sandbox account does not cover', 402,
                     'Insufficient balance.', body(), key=SAND)
    check('and says that nothing would be charged', 'sandbox' in answer.json.get('hint', ''), answer)


# Each row breaks its own check and all that come later: the earliest decides.
def refuse_in_order(no):
    numbers = [f'316{i:08}' for i in range(3)] + [ES]
    key = 'used with another body'
    used = call(no.daemon.submit, 'POST', '/api/v1/send_sms', body(), Idempotency_Key=key)
    house.await_that('it is resolved', lambda: no.daemon.resolved(used.json['order_id']))
    no.settle()
    fields = {'Idempotency_Key': key}
    rows = (
        ('authentication before everything', 401, b'{', 'nobody', fields),
        ('JSON before the key', 422, b'{', None, fields),
        ('the key before the shape', 422, body(route_id='x'), None, fields),
        ('the shape before the route', 422, body(route_id=99, message=''), None, {}),
        ('the route before access', 400, body(route_id=99, caller_id='OTHER', message='Ж'), None,
         {}),
        ('access before the sender', 403, body(route_id=8, caller_id='OTHER', message='Ж'), None,
         {}),
        ('the sender before the text', 403, body(route_id=8, caller_id='OTHER', message='Ж'),
         LISTED, {}),
        ('the text before the country', 422, body(message='Ж', numbers=[NL, ES]), POOR, {}),
        ('the country before the price', 422,
         body(route_id=4, caller_id='31600000000', numbers=[NL, ES]), POOR, {}),
        ('the price before the balance', 400,
         body(route_id=4, caller_id='31600000000'), POOR, {}),
        ('the balance before the provider', 402,
         body(route_id=2, numbers=[NL, '31612345679']), POOR, {}),
    )
    stages = ('authentication', 'shape', 'idempotency', 'shape', 'route', 'authorization',
              'sender_policy', 'route_shape', 'country', 'pricing', 'balance')
    for (name, status, given, who, more), stage in zip(rows, stages):
        answer = call(no.daemon.submit, 'POST', '/api/v1/send_sms', given, who or house.KEY,
                      **more)
        no.result(f'in order: {name}', answer,
                  answer.status == status and answer.json['stage'] == stage)
    answer = call(no.daemon.submit, 'POST', '/api/v1/send_sms', body(numbers=numbers))
    no.result('in order: the number of recipients before their countries', answer,
              answer.json['stage'] == 'route_shape')
    no.text('a key with another body', 422, 'Idempotency-Key was used with another body.',
            body(message='other'), Idempotency_Key=key)
    no.flaw('a key of 129 octets', ['header', 'Idempotency-Key'], body(),
            Idempotency_Key='k' * 129)


def refuse_lookups(no, order, message):
    for target, detail in (
            ('/api/v1/orders/4711', 'Order not found.'),
            ('/api/v1/orders/4711/dlr', 'Order not found.'),
            ('/api/v1/dlr/BX-1-0123456789abcdef', 'DLR record not found.'),
            ('/api/v1/dlr/BX-4711-0123456789abcdef', 'DLR record not found.'),
            ('/api/v1/messages/BX-1-0123456789abcdef/path', 'DLR record not found.'),
            ('/api/v1/dlr/BX-1-0123456789ABCDEF', 'Not Found'),
            ('/api/v1/dlr/nonsense', 'Not Found'),
            ('/api/v1/orders/1x', 'Not Found'),
            ('/api/v1/orders/1/', 'Not Found'),
            ('/api/v1/orders/1%2Fdlr', 'Not Found'),
            ('/api/v1/orders/99999999999999999999', 'Order not found.'),
            ('/api/v1/routes/99', 'Invalid route_id.'),
            ('/api/v1/routes/99/pricing', 'Invalid route_id.'),
            ('/api/v1', 'Not Found'), ('/', 'Not Found')):
        no.text(f'GET {target}', 404, detail, target=target, method='GET')
    for target, detail in ((f'/api/v1/orders/{order}', 'Order not found.'),
                           (f'/api/v1/orders/{order}/dlr', 'Order not found.'),
                           (f'/api/v1/dlr/{message}', 'DLR record not found.'),
                           (f'/api/v1/messages/{message}/path', 'DLR record not found.')):
        no.text(f'what is another account\'s: {target}', 404, detail, target=target, method='GET',
                key=OTHER)
    for method, target, allow in (('GET', '/api/v1/send_sms', 'POST'),
                                  ('DELETE', '/api/v1/balance', 'GET'),
                                  ('PUT', f'/api/v1/orders/{order}', 'GET')):
        answer = no.text(f'{method} {target}', 405, 'Method Not Allowed', target=target,
                         method=method)
        check(f'{method} {target} says what is allowed', answer.fields.get('allow') == allow,
              answer)
    for name, target, loc in (
            ('a limit of 0', f'/api/v1/orders/{order}/dlr?limit=0', ['query', 'limit']),
            ('a limit of 501', f'/api/v1/orders/{order}/dlr?limit=501', ['query', 'limit']),
            ('a skip of -1', f'/api/v1/orders/{order}/dlr?skip=-1', ['query', 'skip']),
            ('an unknown status', f'/api/v1/orders/{order}/dlr?status=OK', ['query', 'status']),
            ('final=yes', f'/api/v1/orders/{order}/dlr?final=yes', ['query', 'final']),
            ('an unknown parameter of ours', '/api/v1/orders?colour=red', ['query', 'colour']),
            ('an unknown type of event', '/api/v1/events?types=love', ['query', 'types']),
            ('a since that is no id', '/api/v1/events?since=yesterday', ['query', 'since'])):
        no.flaw(name, loc, None, target=target, method='GET')


def refuse_protocol(no):
    hinted = call(no.daemon.submit, 'GET', '/', Host='balance')
    no.result('the word in the host, with a hint', hinted,
              hinted.status == 404 and 'http://localhost/api/v1/balance' in hinted.json['hint'])
    problem = call(no.daemon.submit, 'POST', '/api/v1/send_sms', body(message=''),
                   Accept='application/problem+json')
    no.result('as a problem object', problem,
              problem.fields['content-type'] == 'application/problem+json' and
              isinstance(problem.json['detail'], str) and problem.json['errors'] and
              problem.json['status'] == 422)
    head = b'POST /api/v1/send_sms HTTP/1.1\r\nHost: localhost\r\n'
    for name, status, octets in (
            ('a body of 2 MB', b'413', head + b'Content-Length: 2000000\r\n\r\n' + b' ' * 2000000),
            ('a body of unknown length', b'411',
             head + b'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n'),
            ('a head of 9,000 octets', b'431', head + b'X: ' + b'x' * 9000 + b'\r\n\r\n'),
            ('65 fields', b'431', head + b'X: x\r\n' * 65 + b'\r\n'),
            ('HTTP/2.0', b'505', b'GET / HTTP/2.0\r\nHost: x\r\n\r\n'),
            ('garbage', b'400', b'\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')):
        answer = raw(no.daemon.submit, octets)
        first, _, text = answer.partition(b'\r\n\r\n')
        told = json.loads(text) if text else {}
        good = (first.startswith(b'HTTP/1.1 ' + status) and b'\r\nConnection: close' in first and
                isinstance(told.get('detail'), str))
        if status == b'413':
            good = good and re.search(r'1,?048,?576', told['detail'])
        no.result(name, answer[:400], good)


# --- What is answered ----------------------------------------------------------------------------

def answer_for_money(daemon):
    def get(target, key=house.KEY):
        return call(daemon.submit, 'GET', target, key=key)

    balance = get('/api/v1/balance')
    check('E3 tells the balance', balance.json == {
        'status': 'success', 'balance': 100000, 'currency': 'EUR', 'sandbox': False,
        'username': house.ACCOUNT, 'account': {'username': house.ACCOUNT}}, balance)
    routes = get('/api/v1/routes').json['routes']
    check('E4 lists the routes', [route['route_id'] for route in routes] == [1, 2, 3, 4, 5, 7, 8],
          routes)
    check('E4 says which are allowed',
          [route['allowed'] for route in routes] == [True] * 4 + [False] * 3, routes)
    listed = get('/api/v1/routes/8', LISTED)
    check('E5 shows one route, for this key', listed.json['route'] == {
        'route_id': 8, 'name': 'otp', 'display_name': 'Enterprise OTP platform',
        'category': 'enterprise', 'access_policy': 'whitelist', 'sender_id_required': True,
        'allowed': True, 'bulk_allowed': True, 'is_active': True, 'outcome_deadline_ms': 30000,
        'max_recipients': 10000,
        'message': {'max_chars': 158, 'alphabet': 'ascii', 'max_parts': 1},
        'sender': 'approved'}, listed)
    pricing = get('/api/v1/routes/1/pricing')
    check('E6 tells prices', pricing.json == {
        'status': 'success', 'route_id': 1, 'currency': 'EUR', 'pricing': [
            {'country': 'NL', 'country_prefix': '31', 'price': 0.088},
            {'country': 'ES', 'country_prefix': '34', 'price': 0.051}]}, pricing)
    own = get('/api/v1/routes/1/pricing', LISTED)
    check('E6 tells the account\'s own prices', [
        (price['country_prefix'], price['country'], price['price'])
        for price in own.json['pricing']] == [('31', 'NL', 0.05), ('34', 'ES', 0.051),
                                              ('316', 'NL', 0.04)], own)
    before = fingerprint(daemon)
    estimate = call(daemon.submit, 'POST', '/api/v1/estimate', body(numbers=[NL, '31612345679']),
                    key=POOR)
    check('E2 estimates and says that it is not covered', estimate.json == {
        'status': 'success', 'message': 'Estimate calculated successfully.', 'route_id': 1,
        'count': 2, 'estimated_cost': 0.176, 'currency': 'EUR', 'balance': 0.1,
        'sufficient_balance': False, 'sandbox': False, 'parts': 1, 'encoding': 'gsm7',
        'encoding_reason': "gsm7: the provider's default has every character"}, estimate)
    check('E2 leaves the store as it was', fingerprint(daemon) == before)
    for text, parts, encoding in (('a' * 160, 1, 'gsm7'), ('a' * 161, 2, 'gsm7'),
                                  ('Ж' * 70, 1, 'ucs2'), ('Ж' * 71, 2, 'ucs2')):
        told = call(daemon.submit, 'POST', '/api/v1/estimate', body(route_id=3, message=text)).json
        check(f'E2 counts {len(text)} characters as {parts} parts of {encoding}',
              (told['parts'], told['encoding'], told['estimated_cost']) ==
              (parts, encoding, round(0.091 * parts, 6)), told)
    longest = call(daemon.submit, 'POST', '/api/v1/estimate', body(), key=LISTED).json
    check('the longest prefix of the account counts', longest['estimated_cost'] == 0.04, longest)


def answer_for_an_order(daemon):
    sent = call(daemon.submit, 'POST', '/api/v1/send_sms',
                body(client_ref='ref-1', colour='red', numbers=[NL, '31612345679']),
                Idempotency_Key='first')
    told = sent.json
    ids = [message['bx_message_id'] for message in told['messages']]
    check('E1 accepts and claims no more than that', {
        name: told[name] for name in ('status', 'message', 'route_id', 'count', 'initial_state',
                                      'cost', 'balance_after', 'currency', 'parts', 'encoding',
                                      'sandbox', 'client_ref')} == {
        'status': 'success', 'message': 'Batch accepted for execution', 'route_id': 1, 'count': 2,
        'initial_state': 'QUEUED', 'cost': 0.176, 'balance_after': 99999.824, 'currency': 'EUR',
        'parts': 1, 'encoding': 'gsm7', 'sandbox': False, 'client_ref': 'ref-1'}, sent)
    order = told['order_id']
    check('E1 names every message', [
        (message['msisdn'], message['status']) for message in told['messages']] ==
        [(NL, 'QUEUED'), ('31612345679', 'QUEUED')] and
        all(re.fullmatch(rf'BX-{order}-[0-9a-f]{{16}}', one) for one in ids), sent)
    check('E1 warns of members it does not know',
          told.get('warnings') == ['unknown member ignored: colour'], sent)
    again = call(daemon.submit, 'POST', '/api/v1/send_sms',
                 body(client_ref='ref-1', colour='red', numbers=[NL, '31612345679']),
                 Idempotency_Key='first')
    check('the same key and body give the same answer, and say so',
          again.json == told and again.fields.get('idempotent-replayed') == 'true', again)
    one = call(daemon.submit, 'POST', '/api/v1/send_sms', body())
    check('one number is an order too', one.json['message'] == 'Message accepted for execution' and
          one.json['count'] == 1, one)
    return order, ids


def answer_for_outcomes(daemon, order, ids):
    def get(target):
        return call(daemon.submit, 'GET', target).json

    summary = house.await_that('the order resolves', lambda: daemon.resolved(order))
    names = {'order_id', 'route_id', 'status', 'total', 'delivered', 'failed', 'expired',
             'unknown', 'pending', 'in_doubt', 'progress_pct', 'created_at', 'updated_at',
             'resolved_at', 'cost', 'batches', 'execution', 'outcome'}
    check('E14 tells how the order ended', names <= set(summary) and
          (summary['status'], summary['delivered'], summary['progress_pct']) ==
          ('COMPLETED', 2, 100) and summary['execution'] == {
              'taken': 2, 'refused': 0, 'unanswered': 0} and
          summary['outcome'] == {'on_time': 2, 'late': 0}, summary)
    dlr = get(f'/api/v1/dlr/{ids[0]}')
    check('E8 tells what became of a message', {
        name: dlr[name] for name in ('bx_message_id', 'msisdn', 'status', 'route_id', 'order_id',
                                     'sms_order_id', 'client_ref', 'error', 'stage', 'final',
                                     'on_time', 'attempts', 'in_doubt', 'possible_duplicate',
                                     'blocked_reason')} == {
        'bx_message_id': ids[0], 'msisdn': NL, 'status': 'DELIVERED', 'route_id': 1,
        'order_id': order, 'sms_order_id': order, 'client_ref': 'ref-1', 'error': None,
        'stage': None, 'final': True, 'on_time': True, 'attempts': 1, 'in_doubt': None,
        'possible_duplicate': False, 'blocked_reason': None}, dlr)
    page = get(f'/api/v1/orders/{order}/dlr')
    check('E9 lists the messages of an order', page['total'] == 2 and page['skip'] == 0 and
          [message['bx_message_id'] for message in page['messages']] == ids and
          page['messages'][0] == dlr, page)
    for query, total, shown in (('limit=1', 2, ids[:1]), ('skip=1', 2, ids[1:]),
                                ('skip=7', 2, []), ('status=DELIVERED', 2, ids),
                                ('status=FAILED', 0, []), ('final=true', 2, ids),
                                ('final=false', 0, []), ('client_ref=ref-1', 2, ids),
                                ('client_ref=ref', 0, []), ('status=DELIVERED&skip=1', 2, ids[1:])):
        page = get(f'/api/v1/orders/{order}/dlr?{query}')
        check(f'E9 with {query}', page['total'] == total and
              [message['bx_message_id'] for message in page['messages']] == shown, page)
    path = get(f'/api/v1/messages/{ids[0]}/path')
    steps = [step['step'] for step in path['steps']]
    offsets = [step['offset_ms'] for step in path['steps']]
    check('X3 tells every step in order', steps == [
        'received', 'checked', 'priced', 'debited', 'queued', 'released', 'submitted', 'answered',
        'receipt', 'final'] and offsets == sorted(offsets), path)
    check('X3: the stages add up to the whole',
          sum(path['stages'].values()) == path['total_ms'] == offsets[-1], path)
    debited = path['steps'][3]
    check('X3 tells the balance before and after', (
        debited['balance_before'], debited['balance_after']) == (100000, 99999.824), debited)
    text = json.dumps(path)
    check('X3 shows clients nothing of the provider', not any(
        word in text for word in ('session', 'sequence', 'submit_sm', 'ESME_', 'DELIVRD')), text)


def answer_for_failures(daemon):
    """Numbers whose outcome the far end is asked for: delivered, failed, expired, refused."""
    numbers = [f'316999900{nn:02}' for nn in (0, 1, 3, 6)]
    order = call(daemon.submit, 'POST', '/api/v1/send_sms',
                 body(route_id=3, numbers=numbers)).json['order_id']
    summary = house.await_that('the order resolves', lambda: daemon.resolved(order))
    check('E14 tells an order that ended in parts', {
        name: summary[name] for name in ('status', 'total', 'delivered', 'failed', 'expired',
                                         'unknown', 'pending', 'progress_pct', 'execution')} == {
        'status': 'PARTIAL', 'total': 4, 'delivered': 1, 'failed': 3, 'expired': 1, 'unknown': 0,
        'pending': 0, 'progress_pct': 25,
        'execution': {'taken': 3, 'refused': 1, 'unanswered': 0}}, summary)
    page = call(daemon.submit, 'GET', f'/api/v1/orders/{order}/dlr').json['messages']
    check('E9 tells why each failed', [
        (message['status'], message['error'], message['stage'], message['final'],
         message['on_time']) for message in page] == [
        ('DELIVERED', None, None, True, True),
        ('FAILED', 'UNDELIVERABLE', 'delivery', True, None),
        ('EXPIRED', 'DELIVERY_EXPIRED', 'delivery', True, None),
        ('FAILED', 'SUBMIT_ERROR', 'submit', True, None)], page)
    check('and in words', all(message['reason'] for message in page[1:]), page)
    failed = call(daemon.submit, 'GET', f'/api/v1/orders/{order}/dlr?status=FAILED').json
    check('E9 finds the failed ones', failed['total'] == 2 and [
        message['msisdn'] for message in failed['messages']] == [numbers[1], numbers[3]], failed)
    path = call(daemon.submit, 'GET',
                f'/api/v1/messages/{page[3]["bx_message_id"]}/path').json
    check('X3 shows where it went although its submit failed',
          [step.get('event') for step in path['steps'] if step['step'] == 'answered'] ==
          ['REFUSED'] and any(step.get('link') == 'alpha/alpha-1' for step in path['steps']), path)


def answer_at_the_same_time(daemon):
    """Twenty orders at once of an account that can pay for five."""
    answers = []

    def send(i):
        answers.append(call(daemon.submit, 'POST', '/api/v1/send_sms',
                            body(numbers=[f'316{i:08}']), key=FIVE))

    threads = [threading.Thread(target=send, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    balance = call(daemon.submit, 'GET', '/api/v1/balance', key=FIVE).json['balance']
    check('orders at the same time do not overdraw an account',
          statuses == [200] * 5 + [402] * 15 and balance == 0, statuses, balance)


def answer_with_pages(daemon):
    seen, after = [], ''
    while True:
        page = call(daemon.submit, 'GET', f'/api/v1/orders?limit=1{after}').json
        seen += [order['order_id'] for order in page['orders']]
        if not page['next_after']:
            break
        after = f'&after={page["next_after"]}'
    check('X1 pages through the orders, newest first',
          len(seen) >= 2 and seen == sorted(set(seen), reverse=True), seen)
    page = call(daemon.submit, 'GET', '/api/v1/orders?status=FAILED').json
    check('X1 filters by status', page['orders'] == [], page)
    page = call(daemon.submit, 'GET', '/api/v1/orders', key=OTHER).json
    check('X1 shows no other account\'s orders', page['orders'] == [], page)


def events_of(path, target, enough, **fields):
    """Events of a stream until there are enough."""
    head = f'GET {target} HTTP/1.0\r\nX-API-KEY: {house.KEY}\r\n'
    for name, value in fields.items():
        head += f'{name.replace("_", "-")}: {value}\r\n'
    octets = raw(path, head.encode() + b'\r\n',
                 lambda so_far: so_far.count(b'"event":') >= enough)
    return octets.split(b'\r\n\r\n', 1)


def answer_with_events(daemon, order, ids):
    target = f'/api/v1/events?since=0&order_id={order}'
    head, text = events_of(daemon.submit, target, 6)
    blocks = [block.split(b'\n') for block in text.split(b'\n\n') if block.startswith(b'id: ')]
    events = [json.loads(block[2][6:]) for block in blocks]
    check('X5 streams an order\'s events', b'text/event-stream' in head and
          [event['event'] for event in events[:1] + events[-1:]] ==
          ['order.accepted', 'order.resolved'] and
          sorted(event['event'] for event in events[1:-1]) ==
          ['message.delivered'] * 2 + ['message.sent'] * 2, text)
    check('X5: each event has its id', all(
        block[0] == f'id: {event["id"]}'.encode() and block[1] == f'event: {event["event"]}'.encode()
        for block, event in zip(blocks, events)), blocks)
    steady = [event['steady_ms'] for event in events]
    check('X5: each event tells both its times', steady == sorted(steady) and all(
        re.fullmatch(r'20\d\d-.*T.*Z', event['at']) for event in events), events)
    _, rest = events_of(daemon.submit, f'/api/v1/events?order_id={order}', 3,
                        Last_Event_ID=events[2]['id'])
    resumed = [json.loads(line[6:]) for line in rest.split(b'\n') if line.startswith(b'data: ')]
    check('X5 goes on behind the last id', resumed == events[3:], rest)
    head, text = events_of(daemon.submit, target + '&types=message.delivered', 2,
                           Accept='application/x-ndjson')
    lines = [json.loads(line) for line in text.split(b'\n') if line]
    check('X5 as lines, of one type', b'application/x-ndjson' in head and
          sorted(line['bx_message_id'] for line in lines) == sorted(ids), text)
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(daemon.submit)
        link.sendall(f'GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-API-KEY: {house.KEY}\r\n'
                     'Accept: application/x-ndjson\r\n\r\n'.encode())
        text = link.recv(65536)
        call(daemon.submit, 'POST', '/api/v1/send_sms', body(numbers=['31612345699']))
        while b'order.resolved' not in text:
            text += link.recv(65536)
        check('X5 tells what happens as it happens, and nothing older',
              text.count(b'order.accepted') == 1, text)


def answer_for_health(daemon):
    def get(target):
        return call(daemon.submit, 'GET', target, key=None)

    well = house.await_that('health', lambda: get('/healthz').json['status'] == 'ok' and
                            get('/healthz'))
    check('/healthz needs no key', well.status == 200 and well.json['alarms'] == [], well)
    check('/readyz', get('/readyz').json == {'status': 'ready', 'reason': None})
    check('/version', get('/version').json['name'] == 'esmed')


def answer_over_http(daemon):
    get = f'GET /api/v1/balance HTTP/1.1\r\nHost: x\r\nX-API-KEY: {house.KEY}\r\n\r\n'.encode()
    both = raw(daemon.submit, get + get, lambda so_far: so_far.count(b'"balance"') >= 2)
    check('requests in one write are answered in their order',
          len(re.findall(rb'HTTP/1.1 200', both)) == 2, both)
    octets = json.dumps(body()).encode()
    head = (f'POST /api/v1/estimate HTTP/1.1\r\nHost: x\r\nX-API-KEY: {house.KEY}\r\n'
            f'Expect: 100-continue\r\nContent-Length: {len(octets)}\r\n\r\n').encode()
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(daemon.submit)
        link.sendall(head)
        first = link.recv(100)
        link.sendall(octets)
        check('a client that waits for 100 gets it',
              first.startswith(b'HTTP/1.1 100') and b'HTTP/1.1 200' in link.recv(65536), first)
    answer = call(daemon.submit, 'HEAD', '/api/v1/balance')
    check('HEAD has the length and no body',
          answer.status == 200 and int(answer.fields['content-length']) > 0 and not answer.octets)
    refused = call(daemon.submit, 'GET', '/api/v1/orders/4711')
    check('the request id of a refusal is in the log',
          refused.fields['x-request-id'] in daemon.said(20000), refused)


# --- Daemons ---------------------------------------------------------------------------------------

def with_a_provider_that_answers():
    sets = ('store.size=16MiB', 'routes.1.max_recipients=3', 'routes.4.sender=numeric')
    with house.House(far=('--quiet',), sets=sets) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        status, answer = daemon.operate('POST', '/control/v1/accounts/import',
                                        {'accounts': ACCOUNTS})
        check('accounts are made', status == 200, answer)
        answer_for_health(daemon)
        answer_for_money(daemon)
        order, ids = answer_for_an_order(daemon)
        answer_for_outcomes(daemon, order, ids)
        answer_for_failures(daemon)
        answer_at_the_same_time(daemon)
        answer_with_pages(daemon)
        answer_with_events(daemon, order, ids)
        answer_over_http(daemon)
        house.await_that('everything is resolved', lambda: not call(
            daemon.submit, 'GET', '/api/v1/orders?status=IN_PROGRESS').json['orders'])
        no = Refusals(daemon)
        refuse_who(no)
        refuse_shape(no)
        refuse_what_is_not_allowed(no)
        refuse_lookups(no, order, ids[0])
        refuse_protocol(no)
        refuse_in_order(no)
        call(daemon.submit, 'POST', '/api/v1/send_sms', body(), key=SLOW)
        second = call(daemon.submit, 'POST', '/api/v1/send_sms', body(), key=SLOW)
        check('refuses the second request of a second', second.status == 429 and
              second.json['detail'] == 'Rate limit exceeded' and
              second.fields.get('retry-after') == '1' and
              second.fields.get('x-ratelimit-limit') == '1', second)
        without_its_upstream(home)
        check('it ends in order', daemon.stop() == 0, daemon.said())


def without_its_upstream(home):
    daemon = home.daemon
    home.far.end()

    def unwell():
        health = call(daemon.submit, 'GET', '/healthz', key=None)
        return health.status == 503 and health

    health = house.await_that('health turns', unwell)
    blocked = health.json['providers'][0]['blocked_reason']
    sent = call(daemon.submit, 'POST', '/api/v1/send_sms', body())
    check('without its upstream it says that it is not well, and takes intents',
          health.json['status'] == 'degraded' and blocked and sent.status == 200, health, sent)
    order = call(daemon.submit, 'GET', f'/api/v1/orders/{sent.json["order_id"]}').json
    check('an order that waits says why', order['status'] == 'QUEUED' and
          order['blocked_reason'] == blocked, order)


def fill(daemon):
    """Sends until it is refused; that answer."""
    numbers = [f'316{i:08}' for i in range(10000)]
    for _ in range(100):
        answer = call(daemon.submit, 'POST', '/api/v1/send_sms', body(numbers=numbers))
        if answer.status != 200:
            return answer
    return None


def with_a_provider_that_hangs():
    user = str(os.geteuid())
    sets = ('store.size=16MiB', 'limits.output_stall=1s', f'uids.{user}={house.ACCOUNT}',
            'listen=127.0.0.1:0', 'limits.connections_per_uid=20',
            'providers.alpha.timers.response=1s')
    with house.House(far=('--quiet', '--hang'), sets=sets) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        begin = time.monotonic()
        sent = call(daemon.submit, 'POST', '/api/v1/send_sms', body())
        took_s = time.monotonic() - begin
        check('acceptance does not wait for a provider that hangs',
              sent.status == 200 and took_s < 1, took_s, sent)
        dlr = call(daemon.submit, 'GET', f'/api/v1/dlr/{sent.json["messages"][0]["bx_message_id"]}')
        check('what was accepted stands at once', dlr.json['status'] == 'QUEUED' and
              dlr.json['final'] is False, dlr)
        check('a local user needs no key',
              call(daemon.submit, 'GET', '/api/v1/balance', key=None).status == 200)
        check('a wrong key is wrong all the same',
              call(daemon.submit, 'GET', '/api/v1/balance', key='wrong').status == 401)
        in_doubt(daemon, dlr.json['bx_message_id'])
        over_tcp(daemon)
        many_connections(daemon)
        slow_readers(daemon)
        full = fill(daemon)
        check('refuses intents when the store is nearly full', full and full.status == 503 and
              full.json['detail'] == 'Not stored: store is full.' and
              full.json['code'] == 'store_full' and 'retry-after' in full.fields, full)
        check('and goes on answering',
              call(daemon.submit, 'GET', '/api/v1/balance').status == 200)
        house.await_that('/readyz says so too', lambda: fill(daemon) and call(
            daemon.submit, 'GET', '/readyz', key=None).status == 503)
        while_draining(daemon)


def in_doubt(daemon, message):
    """Nobody answers the submit: it may or may not have been sent, and that is said."""
    dlr = house.await_that('it is in doubt', lambda: (lambda told: told['in_doubt'] and told)(
        call(daemon.submit, 'GET', f'/api/v1/dlr/{message}').json))
    check('what may or may not have been sent is said to be in doubt', {
        name: dlr[name] for name in ('status', 'error', 'stage', 'final')} == {
        'status': 'UNKNOWN', 'error': 'SUBMIT_UNCONFIRMED', 'stage': 'submit', 'final': False} and
        dlr['in_doubt']['policy'] == 'hold' and dlr['in_doubt']['attempt'] == 1 and
        dlr['in_doubt']['since'] < dlr['in_doubt']['next_action_at'], dlr)
    order = call(daemon.submit, 'GET', f'/api/v1/orders/{dlr["order_id"]}').json
    check('and is pending in its order', (order['pending'], order['in_doubt'], order['unknown'],
                                          order['status']) == (1, 1, 0, 'IN_PROGRESS') and
          order['execution']['unanswered'] == 1, order)


def over_tcp(daemon):
    found = re.search(r'server.listening address=127\.0\.0\.1:(\d+)', daemon.said(100000))
    check('it says where it listens', found)
    port = int(found.group(1))

    def get(**fields):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=house.PATIENCE_S)
        connection.request('GET', '/api/v1/balance', headers=fields)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    check('over TCP a key is needed', get().status == 401)
    check('over TCP with a key', get(**{'X-API-KEY': house.KEY}).status == 200)
    foreign = get(Host='evil.example', **{'X-API-KEY': house.KEY})
    check('over TCP a foreign Host is refused',
          foreign.status == 400 and foreign.json['detail'] == 'Host not allowed.', foreign)


def many_connections(daemon):
    links = []
    for _ in range(20):
        link = socket.socket(socket.AF_UNIX)
        link.connect(daemon.submit)
        links.append(link)
    answer = raw(daemon.submit, b'')
    check('a user who has too many connections is told',
          answer.startswith(b'HTTP/1.1 503') and b'Too many connections.' in answer, answer)
    for link in links:
        link.close()
    house.await_that('they are gone', lambda: daemon.answers() and house.ask(
        daemon.submit, 'GET', '/version')[0] == 200)


def slow_readers(daemon):
    numbers = [f'316{i:08}' for i in range(10000)]
    octets = json.dumps(body(numbers=numbers)).encode()
    request = (f'POST /api/v1/send_sms HTTP/1.1\r\nHost: x\r\nX-API-KEY: {house.KEY}\r\n'
               f'Content-Length: {len(octets)}\r\nConnection: close\r\n\r\n').encode() + octets
    told, again = (call(daemon.submit, 'POST', '/api/v1/send_sms', body(numbers=numbers),
                        Idempotency_Key='long').json for _ in range(2))
    check('a long answer is the same when it is made again', told == again)
    old = raw(daemon.submit, request.replace(b'HTTP/1.1', b'HTTP/1.0', 1))
    check('a long answer comes whole to HTTP/1.0',
          json.loads(old.split(b'\r\n\r\n', 1)[1])['count'] == 10000)
    check('a long answer comes whole', len(told['messages']) == 10000 and
          len({message['bx_message_id'] for message in told['messages']}) == 10000)
    order = told['order_id']
    ids = [message['bx_message_id'] for message in told['messages']]
    for query, total, first, shown in (('limit=500', 10000, 0, 500), ('skip=9900', 10000, 9900, 100),
                                       ('final=false&limit=500&skip=9700', 10000, 9700, 300),
                                       ('status=FAILED', 0, 0, 0)):
        page = call(daemon.submit, 'GET', f'/api/v1/orders/{order}/dlr?{query}').json
        check(f'E9 of a large order with {query}', page['total'] == total and [
            message['bx_message_id'] for message in page['messages']] == ids[first:first + shown],
              page['total'], len(page['messages']))
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(daemon.submit)
        link.sendall(request)
        house.await_that('it is given up', lambda: 'connection.stalled' in daemon.said(100000))
        check('who does not read is given up, and nobody else waits',
              call(daemon.submit, 'GET', '/version').status == 200)


def while_draining(daemon):
    connection = house.UnixConnection(daemon.submit)
    connection.request('GET', '/version')
    connection.getresponse().read()
    daemon.process.terminate()
    house.await_that('it drains', lambda: 'engine.draining' in daemon.said(100000))
    connection.request('GET', '/api/v1/balance', headers={'X-API-KEY': house.KEY})
    check('who is connected is still answered', Answer(connection.getresponse()).status == 200)
    connection.request('POST', '/api/v1/send_sms', json.dumps(body()),
                       {'X-API-KEY': house.KEY})
    answer = Answer(connection.getresponse())
    check('refuses intents while draining', answer.status == 503 and
          answer.json['detail'] in ('Draining.',), answer)
    connection.close()
    daemon.process.terminate()
    status = daemon.process.wait(house.PATIENCE_S)
    check('a second signal ends it at once', status == 0, status, daemon.said())


def answering_at_the_end():
    """Of a large order, accepted and paid, no more than the head is read before the daemon ends."""
    with house.House(far=('--quiet', '--hang')) as home, socket.socket(socket.AF_UNIX) as link:
        home.daemon.start()
        home.daemon.open_account()
        text = json.dumps(body(numbers=[str(31600000000 + n) for n in range(10000)])).encode()
        link.settimeout(house.PATIENCE_S)
        link.connect(home.daemon.submit)
        link.sendall(b'POST /api/v1/send_sms HTTP/1.1\r\nHost: x\r\nX-API-KEY: %s\r\n'
                     b'Content-Length: %d\r\n\r\n%s' % (house.KEY.encode(), len(text), text))
        answer = http.client.HTTPResponse(link)
        answer.begin()
        home.daemon.process.terminate()
        house.await_that('it drains', lambda: 'engine.draining' in home.daemon.said(100000))
        home.daemon.process.terminate()
        told = json.loads(answer.read())
        check('an answer that is under way at the end is whole', len(told['messages']) == 10000)
        check('and it ends', home.daemon.process.wait(house.PATIENCE_S) == 0)


with_a_provider_that_answers()
with_a_provider_that_hangs()
answering_at_the_end()
sys.exit(TAP.end())
