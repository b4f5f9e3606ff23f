#!/usr/bin/python3
# builds: asan
"""What the API refuses, over the Unix socket and over TCP: wrong input for every field of every
endpoint (queries as the description bounds them), every stage, and which of several mistakes is
told. Each refusal is as described and leaves the store as it was, octet for octet. Prints TAP."""
import datetime
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import client  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
V1 = '/api/v1'
SEND, ESTIMATE = f'{V1}/send_sms', f'{V1}/estimate'
NL, ES, DE = '31612345678', '34612345678', '4915123456789'
PROBLEM = 'application/problem+json'
ACCOUNTS = {
    'plain': {'opening': '100'},
    'listed': {'opening': '100', 'routes': [8]},
    'poor': {'opening': '0.01'},
    'slow': {'opening': '100', 'rate_per_s': 1},
    'off': {'opening': '1', 'active': False},
}


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:2000] for detail in details])


def key_of(how, name):
    return f'{how}-{name}-0123456789abcdef0123456789abcdef'


def body(**changes):
    whole = {'route_id': 1, 'caller_id': 'ACME', 'numbers': [NL], 'message': 'hello', **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def in_days(days):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime('%Y-%m-%dT%H:%M:%SZ')


class Refused:
    """Asks what is refused, and sees that nothing has come of it."""

    def __init__(self, how, daemon, base, witness):
        self.how, self.daemon, self.witness = how, daemon, witness
        self.clients = {name: client.Client(base, key_of(how, name), witness) for name in ACCOUNTS}
        self.plain = self.clients['plain']
        self.before = self.records = None

    def settle(self):
        """What was accepted on purpose comes to its end."""
        house.await_that('all is resolved', lambda: not any(
            self.plain.get(f'{V1}/orders?status={status}').body['orders']
            for status in ('QUEUED', 'IN_PROGRESS')))
        self.daemon.fold()
        self.before, self.records = self.daemon.commits(), self.daemon.records()

    def unchanged(self):
        """Nothing has been committed; or, where the daemon has written down its counters, every
        other record is as it was."""
        after = self.daemon.commits()
        if after != self.before and self.daemon.records() != self.records:
            return False
        self.before = after
        return True

    def check(self, name, good, answer):
        same = self.unchanged()
        check(f'{self.how}: {name}', good and same, answer.status_code, answer.text,
              '' if same else 'the store has changed')

    def text(self, name, answer, status, detail):
        self.check(f'{name}: {status}', answer.status_code == status and
                   answer.body['detail'] == detail, answer)

    def flaw(self, name, answer, loc, kind=None):
        """The list names the place."""
        detail = answer.body.get('detail') if answer.body else None
        found = [flaw for flaw in detail if flaw['loc'][:len(loc)] == loc] if isinstance(
            detail, list) else []
        self.check(f'{name}: 422', answer.status_code == 422 and found and
                   (not kind or found[0]['type'] == kind), answer)


# --- Who ------------------------------------------------------------------------------------------

def keys(no):
    invalid, key = 'Invalid or inactive API Key', no.plain.key
    for target in (f'{V1}/balance', f'{V1}/dlr', f'{V1}/orders/1', f'{V1}/events'):
        no.text(f'{target} without a key', no.plain.get(target, key=None), 401,
                'Missing API Key: no X-API-KEY header.')
    for name, wrong in (('unknown', 'nobody'), ('empty', ''), ('long', 'k' * 2000),
                        ('in capitals', key.upper()), ('cut', key[:-1]), ('longer', key + 'x'),
                        ('of somebody inactive', no.clients['off'].key), ('*', '*'),
                        ('no ASCII', 'schlüssel'.encode())):
        no.text(f'a key that is {name}', no.plain.send(body(), key=wrong), 401, invalid)
    no.text('a key in Authorization alone', no.plain.get(
        f'{V1}/balance', key=None, Authorization=f'Bearer {key}'), 401,
        'Missing API Key: no X-API-KEY header.')


# --- The body --------------------------------------------------------------------------------------

INTEGERS = (True, False, 1.0, 1.5, '1', [1], {}, 1e2)
FIELDS = {
    'route_id': (..., None, *INTEGERS),
    'caller_id': (..., None, 5, True, [], '', 'AB', '  AB  ', 'A' * 12, 'ÄCME', 'AC\tME', 'AC\x01ME',
                  'ACME\u200b', 'ACM\x7f', 'ＡＣＭＥ'),
    'numbers': (..., None, NL, {}, 5, True, [], [NL] * 50001),
    'message': (..., None, 5, True, [], '', 'a\tb', 'a\rb', 'a\x01b', 'a\x7fb', 'a\x85b', 'x' * 65536,
                'Ж' * 32768),
    'client_ref': (5, True, [], 'x' * 65, 'Ж' * 33, 'a\nb', 'a\x7fb'),
    'validity_s': (59, 604801, -60, *INTEGERS, '60', 60.0, 10**18),
    'send_at': (5, True, [], '', 'tomorrow', '2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z',
                '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00',
                '٢٠٢٦-01-01T00:00:00Z'),
    'priority': (-1, 4, *INTEGERS, 10**18),
}
NUMBERS = (None, 31612345678, True, [], '', '+' + NL, '123456789', '1' * 16, '0' + NL, NL + ' ',
           ' ' + NL, '3161234567a', '٣١٦١٢٣٤٥٦٧٨', '３１６１２３４５６７８', '31-612345678', '31612345678\n',
           '3161234567\x7f')
TAKEN = (('caller_id', ('ABC', 'A' * 11, '  ABC  ', 'a b', '31612345678')),
         ('numbers', (['3161234567'], ['316123456789012'], [NL, '31612345679'])),
         ('message', ('x', 'x' * 158, 'a\nb')),
         ('client_ref', ('', 'x' * 64, 'Ж' * 32, None)),
         ('validity_s', (60, 604800, None)), ('priority', (0, 3, None)), ('send_at', (None,)))
NO_JSON = {'nothing': b'', 'a cut': b'{"route_id":', 'NaN': b'{"route_id": NaN}',
           'Infinity': b'{"validity_s": -Infinity}', 'a BOM': b'\xef\xbb\xbf{}',
           'two objects': b'{}{}', 'a member twice': b'{"route_id": 1, "route_id": 1}',
           'broken UTF-8': b'{"message": "\xff"}', 'an unpaired surrogate': b'{"message": "\\ud800"}',
           'single quotes': b"{'route_id': 1}", 'a comma too many': b'{"route_id": 1,}',
           'a comment': b'{/* */}', 'NUL in a text': b'{"message": "a\\u0000b"}',
           'a number of 30 digits': b'{"route_id": 100000000000000000000000000000}',
           'a text': b'"x"', 'a number': b'5', 'null': b'null', 'a thousand lists': b'[' * 1000}


def bodies(no, target):
    name = target.rsplit('/', 1)[1]
    for what, octets in NO_JSON.items():
        answer = no.plain.post(target, octets)
        flaws = answer.body['detail']
        no.check(f'{name}: {what} is no JSON: 422', answer.status_code == 422 and
                 flaws[0]['type'] == 'json_invalid' and flaws[0]['loc'][0] == 'body' and
                 0 <= flaws[0]['loc'][1] <= len(octets), answer)
    no.flaw(f'{name}: a list', no.plain.post(target, b'[]'), ['body'], 'object_type')
    for field, values in FIELDS.items():
        for value in values:
            kind = 'missing' if value is ... else None
            shown = 'missing' if value is ... else repr(value)[:30]
            no.flaw(f'{name}: {field} {shown}', no.plain.post(target, body(**{field: value})),
                    ['body', field], kind)
    for value in NUMBERS:
        no.flaw(f'{name}: the number {value!r}',
                no.plain.post(target, body(numbers=[NL, value])), ['body', 'numbers', 1])
    no.flaw(f'{name}: a number twice', no.plain.post(target, body(
        numbers=[NL, '31612345679', NL])), ['body', 'numbers', 2], 'duplicate')
    answer = no.plain.post(target, {'numbers': ['1'], 'priority': 9})
    places = [flaw['loc'] for flaw in answer.body['detail']]
    no.check(f'{name}: every mistake is told at once', places == [
        ['body', 'route_id'], ['body', 'caller_id'], ['body', 'numbers', 0], ['body', 'message'],
        ['body', 'priority']], answer)


def taken(no):
    """One step inside of each bound."""
    for field, values in TAKEN:
        for value in values:
            answer = no.plain.post(ESTIMATE, body(**{field: value}))
            no.check(f'{field} {str(value)[:30]!r} is taken', answer.status_code == 200, answer)
    answer = no.plain.post(ESTIMATE, body(send_at=in_days(13.9)))
    no.check('send_at in less than 14 days is taken', answer.status_code == 200, answer)
    no.flaw('send_at in more than 14 days', no.plain.post(ESTIMATE, body(send_at=in_days(14.1))),
            ['body', 'send_at'], 'out_of_range')


# --- Queries and paths -------------------------------------------------------------------------------

WHOLE = ('x', '1.0', '', '٣', ' 1', '1 ', '+1', '1e1', '0x1', '--1', '9' * 30, '1,2', '1;')
PATTERNS = {
    'msisdn': ('123456789', '1' * 16, '+' + NL, 'x' * 11, ''),
    'from_date': ('yesterday', '2026-1-1', '2026-02-30', '2026-01-31T25:00:00Z', '20260131', '',
                  '2026-01-31T00:00', '٢٠٢٦-01-31'),
    'since': ('x', '1-', '-1', '1-2-3', '', '1 ', '9' * 19),
    'types': ('love', 'message.sent,', ',', 'MESSAGE.SENT', 'message.sent order.accepted', ''),
}
PATTERNS['to_date'] = PATTERNS['from_date']


def wrong_for(schema, name):
    schema = schema.get('items', schema)
    if schema.get('type') == 'integer':
        yield from WHOLE
        yield from (str(schema['minimum'] - 1), str(schema['maximum'] + 1))
    elif 'enum' in schema:
        yield from ('', 'x', schema['enum'][0].swapcase(), ','.join(schema['enum'][:2]))
    if 'pattern' in schema or name == 'types':
        yield from PATTERNS[name]
    if 'maxLength' in schema and name != 'types':
        yield 'x' * (schema['maxLength'] + 1)


def right_for(schema):
    schema = schema.get('items', schema)
    if schema.get('type') == 'integer':
        yield from (str(schema['minimum']), str(schema['maximum']))
    elif 'enum' in schema:
        yield from schema['enum']
    elif 'maxLength' in schema:
        yield 'x' * schema['maxLength']


def queries(no):
    """Every parameter of every query, as the description bounds it."""
    api = no.witness.api
    order, message = (no.plain.get(f'{V1}/dlr').body['messages'][0][name]
                      for name in ('order_id', 'bx_message_id'))
    for path, method, operation in api.operations:
        if method != 'GET':
            continue
        target = path.replace('{order_id}', str(order)).replace('{bx_message_id}', message)
        needed = [one['name'] for one in api.parameters(path, operation)
                  if one['in'] == 'query' and one.get('required')]
        for name in needed:
            for given in ({}, {name: 'x'}, {name: ''}, {name: message[:-1]}):
                no.flaw(f'{path} where {name} is {given.get(name, "missing")!r}', no.plain.get(
                    client.with_query(target, **{**{one: message for one in needed
                                                    if one != name}, **given})), ['query', name])
        if needed:
            target = client.with_query(target, **{one: message for one in needed})
        names = [one for one in api.parameters(path, operation) if one['in'] == 'query' and
                 not one.get('required')]
        for one in names:
            name, schema = one['name'], api.follow(one['schema'])
            for value in wrong_for(schema, name):
                no.flaw(f'{path} {name}={value[:30]}', no.plain.get(
                    client.with_query(target, **{name: value})), ['query', name])
            for value in ('%', '%zz', '%00'):
                no.flaw(f'{path} {name}={value}', raw_query(no, target, f'{name}={value}'),
                        ['query', name])
            for value in right_for(schema) if not path.endswith('/events') else ():
                answer = no.plain.get(client.with_query(target, **{name: value}))
                no.check(f'{path} {name}={value[:30]} is taken', answer.status_code == 200 or
                         answer.body['code'] == 'invalid_route', answer)
            value = next(iter(right_for(schema)), {'since': '0', 'types': 'message.sent'}.get(
                name, '2026-01-31' if 'date' in name else NL))
            times = schema.get('maxItems', 1) + 1
            no.flaw(f'{path} {name} {times} times', no.plain.get(
                f'{target}?' + '&'.join([f'{name}={value}'] * times)), ['query', name],
                'repeated' if times == 2 else None)
        strict = '422' in operation.get('description', '')
        if strict:
            no.flaw(f'{path} with a name that it does not know', no.plain.get(
                client.with_query(target, colour='red')), ['query', 'colour'], 'unexpected')
        elif names:
            answer = no.plain.get(client.with_query(target, colour='red'))
            no.check(f'{path} ignores a name that it does not know', answer.status_code == 200,
                     answer)


def raw_query(no, target, query):
    """As it is, without a library that mends it."""
    link = no.daemon.submit
    connection = house.UnixConnection(link)
    connection.request('GET', f'{target}?{query}', headers={'X-API-KEY': no.plain.key})
    response = connection.getresponse()
    octets = response.read()
    connection.close()
    no.witness.hear('GET', target, response.status, response.headers, octets)
    response.status_code, response.text, response.body = response.status, octets, json.loads(octets)
    return response


NUMBERS_WRONG = ('x', '1x', '-1', '1.0', '', '٣', '1 ', '%31%', '1%2F', '{order_id}')
IDS_WRONG = ('x', '1', 'BX-1-0123456789ABCDEF', 'bx-1-0123456789abcdef', 'BX-1-0123456789abcde',
             'BX-1-0123456789abcdef0', 'BX--0123456789abcdef', 'BX-1-0123456789abcdef ',
             'BX-٣-0123456789abcdef')
# Written as ids are, though nothing has them or ever will.
STRANGERS = {
    'order_id': ('Order not found.', ('0', '9' * 19, '9' * 20, '9' * 60)),
    'route_id': ('Invalid route_id.', ('0', '6', '99', '2147483648', '9' * 20, '9' * 60)),
    'bx_message_id': ('DLR record not found.', (
        'BX-1-0123456789abcdef', 'BX-0-0000000000000000', 'BX-01-0123456789abcdef',
        'BX-9223372036854775808-0123456789abcdef', f'BX-{"9" * 40}-0123456789abcdef'))}


def paths(no):
    """Whatever is no id, or none that was given out, is not there: in every path that has one."""
    for path, method, _ in no.witness.api.operations:
        name = re.search(r'\{(\w+)\}', path)
        if not name:
            continue
        detail, strangers = STRANGERS[name.group(1)]
        wrongs = IDS_WRONG if name.group(1) == 'bx_message_id' else NUMBERS_WRONG
        for text, ids in (('Not Found', wrongs), (detail, strangers)):
            for one in ids:
                target = path.replace(name.group(0), one)
                answer = no.plain.ask(method, target, {} if method == 'POST' else None)
                no.text(f'{method} {target}', answer, 404, text)


# --- Stages -------------------------------------------------------------------------------------------

USED = 'used-with-another-body'
MIXED = [NL, ES]
# Each breaks two neighbours of the order of checks, or three: the first stage named is told. 7 is not
# active and on a white list; 4 has no price for NL; the provider of 2 is off; `slow` has no token left.
ORDER = (
    ('authentication', 'JSON', 401, 'nobody', b'{', {}),
    ('shape', 'Idempotency-Key', 422, 'plain', b'{', {'Idempotency_Key': USED}),
    ('idempotency', 'shape', 422, 'plain', body(priority=9), {'Idempotency_Key': USED}),
    ('shape', 'route', 422, 'plain', body(priority=9, route_id=99), {}),
    ('route', 'authorization', 400, 'plain', body(route_id=7), {}),
    ('authorization', 'sender', 403, 'plain', body(route_id=8, caller_id='OTHER'), {}),
    ('sender_policy', 'route shape', 403, 'listed',
     body(route_id=8, caller_id='OTHER', message='Ж'), {}),
    ('route_shape', 'rate', 422, 'slow', body(message='Ж'), {}),
    ('rate', 'country', 429, 'slow', body(numbers=MIXED), {}),
    ('country', 'price', 422, 'plain',
     body(route_id=4, caller_id='31600000000', numbers=MIXED), {}),
    ('pricing', 'balance', 400, 'poor', body(numbers=[DE]), {}),
    ('balance', 'provider', 402, 'poor', body(route_id=2), {}),
    ('provider', 'nothing', 502, 'plain', body(route_id=2), {}),
    ('authentication', 'JSON and Idempotency-Key', 401, 'nobody', b'{', {'Idempotency_Key': USED}),
    ('authentication', 'route and balance', 401, 'off', body(route_id=99), {}),
    ('idempotency', 'route and country', 422, 'plain', body(route_id=99, numbers=MIXED),
     {'Idempotency_Key': USED}),
    ('shape', 'route and text', 422, 'plain', body(route_id=99, message='Ж', caller_id='A'), {}),
    ('route', 'sender and text', 400, 'plain', body(route_id=99, caller_id='OTHER', message='Ж'), {}),
    ('authorization', 'text and country', 403, 'plain',
     body(route_id=8, message='Ж', numbers=MIXED), {}),
    ('route_shape', 'rate and country', 422, 'slow', body(message='x' * 159, numbers=MIXED), {}),
    ('rate', 'price and provider', 429, 'slow', body(route_id=2, numbers=[DE]), {}),
    ('country', 'price and balance', 422, 'poor', body(numbers=[NL, DE]), {}),
    ('pricing', 'balance and provider', 400, 'poor', body(route_id=2, numbers=[DE]), {}),
)


def without_tokens(no, ask):
    """What `ask` is answered once the account of one request a second has made it: one that has no
    price comes behind the rate, and leaves nothing."""
    while True:
        began = time.monotonic()
        spent = no.clients['slow'].send(body(numbers=[DE]))
        answer = ask()
        if spent.status_code == 400 and time.monotonic() - began < 1:
            return answer


def stages(no):
    first = no.plain.send(body(), Idempotency_Key=USED)
    check(f'{no.how}: an order whose key is used again', first.status_code == 200, first.text)
    no.settle()
    for stage, other, status, who, given, fields in ORDER:
        asker = no.clients.get(who, no.plain)
        key = asker.key if who in no.clients else who
        for kind in ('application/json', PROBLEM):
            def ask():
                return asker.send(given, key=key, Accept=kind, **fields)
            answer = without_tokens(no, ask) if who == 'slow' else ask()
            told = answer.body
            good = (answer.status_code == status and told['stage'] == stage and
                    answer.headers['Content-Type'] == kind)
            if kind == PROBLEM:
                good = good and isinstance(told['detail'], str) and told['title'] and (
                    'errors' not in told or told['errors'][0]['msg'] == told['detail'])
            no.check(f'{stage} before {other}, as {kind[12:]}', good, answer)


def what_routes_refuse(no):
    for name, status, detail, who, given in (
            ('a route that is not there', 400, 'Invalid route_id.', 'plain', body(route_id=99)),
            ('a route below nothing', 400, 'Invalid route_id.', 'plain', body(route_id=-1)),
            ('a route on a white list', 403, 'You are not authorized for route 8.', 'plain',
             body(route_id=8)),
            ('casino', 403, 'You are not authorized for the casino route.', 'plain',
             body(route_id=5)),
            ('a sender that is not approved', 403, 'Sender ID not allowed for route 8.', 'listed',
             body(route_id=8, caller_id='OTHER')),
            ('a sender that is no number', 403, 'Sender ID not allowed for route 4.', 'plain',
             body(route_id=4)),
            ('no balance', 402, 'Insufficient balance.', 'poor', body()),
            ('no upstream', 502, 'Vendor send failed: route 2 has no usable upstream.', 'plain',
             body(route_id=2)),
            ('no price', 400, 'Pricing failed: No pricing available for destination', 'plain',
             body(numbers=[DE]))):
        no.text(name, no.clients[who].send(given), status, detail)
    no.text('no price to estimate', no.plain.post(ESTIMATE, body(numbers=[DE])), 400,
            'Estimate failed: No pricing available for destination')
    for name, loc, given in (
            ('too many numbers', ['body', 'numbers'], body(numbers=[f'316{i:08}' for i in range(4)])),
            ('another alphabet', ['body', 'message'], body(message='Ж')),
            ('159 characters', ['body', 'message'], body(message='x' * 159)),
            ('nine parts', ['body', 'message'], body(route_id=3, message='Ж' * 540)),
            ('two countries', ['body', 'numbers', 1], body(numbers=MIXED)),
            ('a country without a price', ['body', 'numbers', 1], body(numbers=[NL, DE]))):
        no.flaw(name, no.plain.send(given), loc)
    for name, value in (('129 octets', 'k' * 129), ('no octets', '')):
        no.flaw(f'an Idempotency-Key of {name}', no.plain.send(body(), Idempotency_Key=value),
                ['header', 'Idempotency-Key'])
    message = no.plain.get(f'{V1}/dlr').body['messages'][0]['bx_message_id']
    for given, query, loc in (({'colour': 'red'}, '', ['body', 'colour']),
                              ({}, '?colour=red', ['query', 'colour']), ([], '', ['body'])):
        no.flaw(f'cancel with {given} {query}', no.plain.post(
            f'{V1}/messages/{message}/cancel{query}', given), loc)


def refuse_everything(how, daemon, base, witness):
    no = Refused(how, daemon, base, witness)
    no.plain.send(body())
    no.settle()
    keys(no)
    for target in (SEND, ESTIMATE):
        bodies(no, target)
    taken(no)
    queries(no)
    paths(no)
    what_routes_refuse(no)
    stages(no)
    for one in no.clients.values():
        one.close()


# Wrong keys are asked with as fast as the machine lets it: how many are heard is guess.py's.
SETS = ('listen=127.0.0.1:0', 'store.size=16MiB', 'routes.1.max_recipients=3',
        'routes.4.sender=numeric', 'routes.7.active=false', 'limits.wrong_keys=100000')
with house.House(far=('--quiet',), sets=SETS) as the_home:
    the_daemon, the_witness = the_home.daemon, client.Witness()
    the_daemon.start()
    the_status, the_answer = the_daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
        {'name': f'{how}-{name}', 'keys': [{'key': key_of(how, name)}], **more}
        for how in ('unix', 'tcp') for name, more in ACCOUNTS.items()]})
    check('accounts are made', the_status == 200, the_answer)
    for the_way, the_base in (('unix', client.over_unix(the_daemon)),
                              ('tcp', client.over_tcp(the_daemon))):
        refuse_everything(the_way, the_daemon, the_base, the_witness)
    the_witness.judge(check, the_daemon)
sys.exit(TAP.end())
