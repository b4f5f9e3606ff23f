#!/usr/bin/python3
# builds: asan
"""Accounts as an operator makes and keeps them by esmectl, and what each setting means to the
customer who holds a key: six keys that differ, seven refusals, bulk, rates, money. Prints TAP."""
import hashlib
import json
import os
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
NL, ES = '31612345678', '34612345678'
KEYS = {name: f'{name}-0123456789abcdef0123456789abcdef'
        for name in ('plain', 'off', 'sand', 'listed', 'priced', 'slow', 'single', 'named')}


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:4000] for detail in details])


def body(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': [NL], 'message': 'hello', **changes}


class Operator:
    """esmectl at the daemon's control socket."""

    def __init__(self, daemon):
        self.daemon = daemon

    def run(self, *words, text=None):
        return subprocess.run([house.program('esmectl'), f'--socket={self.daemon.control}', *words],
                              input=text, capture_output=True, text=True, timeout=60, check=False)

    def ask(self, *words, text=None):
        done = self.run('--json', *words, text=text)
        return json.loads(done.stdout) if done.stdout else {'refused': done.stderr}

    def audit(self):
        return self.ask('audit', 'list', '--limit=1')['audit'][0]

    def does(self, name, words, told, audited):
        """It succeeds, says so, and the newest row of the audit says it with our uid."""
        done, row = self.run(*words), self.audit()
        check(name, done.returncode == 0 and told in done.stdout and audited in row['verb'] and
              row['uid'] == os.geteuid(), done.stdout, done.stderr, row)

    def refused(self, name, words, *told, status=1, text=None):
        before = self.audit()
        done = self.run(*words, text=text)
        check(f'{name}: refused', done.returncode == status and self.audit() == before and
              all(word in done.stderr for word in told), done.returncode, done.stderr)


class Customer:
    def __init__(self, daemon, key):
        self.daemon, self.key = daemon, key

    def send(self, **changes):
        return self.daemon.api('POST', '/api/v1/send_sms', body(**changes), key=self.key)

    def get(self, target):
        return self.daemon.api('GET', target, key=self.key)


# ---- the file ----

FILE = {'accounts': [
    {'name': 'plain', 'opening': '10', 'keys': [{'key': KEYS['plain'], 'label': 'own'}]},
    {'name': 'off', 'opening': '10', 'active': False, 'keys': [{'key': KEYS['off']}]},
    {'name': 'sand', 'opening': '10', 'sandbox': True, 'keys': [{'key': KEYS['sand']}]},
    {'name': 'listed', 'opening': '10', 'routes': [8], 'categories': ['casino'],
     'keys': [{'sha256': hashlib.sha256(KEYS['listed'].encode()).hexdigest()}]},
    {'name': 'priced', 'opening': '10', 'keys': [{'key': KEYS['priced']}],
     'prices': [{'route': 1, 'prefix': '31', 'price': '0.05'}]},
    {'name': 'slow', 'opening': '10', 'rate_per_s': 1, 'keys': [{'key': KEYS['slow']}]},
    {'name': 'single', 'opening': '10', 'bulk': False, 'keys': [{'key': KEYS['single']}]},
    {'name': 'named', 'opening': '10', 'senders': ['ACME'], 'keys': [{'key': KEYS['named']}]},
]}


def the_file(operator):
    text = json.dumps(FILE, indent=1)
    dry = operator.ask('account', 'import', '-', '--dry-run', text=text)
    check('a dry run of an import says what it would make and makes nothing', dry['dry_run'] and
          [one['result'] for one in dry['accounts']] == ['created'] * len(FILE['accounts']) and
          operator.ask('account', 'list')['accounts'] == [], dry)
    made = operator.ask('account', 'import', '-', text=text)
    check('an import makes every account of its file', not made['dry_run'] and
          [one['name'] for one in made['accounts']] == list(KEYS), made)
    again = operator.ask('account', 'import', '-', text=text)
    check('and changes nothing the second time',
          {one['result'] for one in again['accounts']} == {'unchanged'}, again)
    changed = json.dumps({'accounts': [
        {'name': 'slow', 'rate_per_s': 2, 'credit_limit': '5', 'keys': [{'label': 'new'}],
         'prices': [{'route': 1, 'prefix': '31', 'price': '0.07'}]}]})
    before = operator.ask('account', 'show', 'slow')
    dry = operator.ask('account', 'import', '-', '--dry-run', text=changed)['accounts'][0]
    check('a dry run says what it would change, shows no key, and changes nothing',
          dry['changes'] == ['credit_limit 0 to 5', 'rate_per_s 1 to 2', '1 price set'] and
          dry['keys'] == [{'id': None, 'label': 'new', 'active': True, 'result': 'created'}] and
          dry['result'] == 'changed' and operator.ask('account', 'show', 'slow') == before, dry)


def mistakes(operator):
    text = '\n'.join([
        '{"accounts": [', '  {"name": "good", "opening": "5"},',
        '  {"name": "bad name"},', '  {"name": "plain", "sandbox": true,', '   "routes": [99],',
        '   "keys": [{"sha256": "12"}, {"key": "a key with blanks"}]},', '  7,',
        '  {"name": "good", "credit_limit": "-1"},',
        r'  {"name": "tricky", "keys": [{"label": "],[{\"\\"}]},',
        '  {"name": "last", "bulk": 1}', ']}'])
    operator.refused(
        'every mistake of a file at once, each with its line', ['account', 'import', '-'],
        'line 3: name must be', 'line 4: sandbox is decided', 'line 4: routes: element 0',
        'line 4: keys: element 0: sha256', 'line 4: keys: element 1',
        'line 7: an account must be an object', 'line 8: the name stands twice',
        'line 8: credit_limit', 'line 10: bulk must be', text=text)
    check('and nothing of it was made', 'refused' in operator.ask('account', 'show', 'good'))
    price = {'route': 1, 'prefix': '31'}
    operator.refused(
        'two prices for the same numbers', ['account', 'import', '-'],
        'line 1: prices: route 1, prefix 31 stands there more than once',
        text=json.dumps({'accounts': [{'name': 'plain', 'prices': [
            {**price, 'price': '0.05'}, {**price, 'prefix': '316', 'price': '0.05'},
            {**price, 'price': '0.06'}]}]}))


def large_files():
    """As large as a file may be, with all that others pay for its length: it is one turn."""
    with house.House() as home:
        home.daemon.start()
        operator = Operator(home.daemon)
        labelled = {'accounts': [{'name': f'k{n}', 'keys': [{'label': f'l{k}'} for k in range(8)]}
                                 for n in range(1000)]}
        priced = {'accounts': [{'name': f'p{n}', 'prices': [
            {'route': 1, 'prefix': str(31000 + k), 'price': '1'} for k in range(1000)]}
            for n in range(15)]}
        for name, file in (('keys', labelled), ('prices', priced)):
            text = json.dumps(file)
            made = operator.ask('account', 'import', '-', text=text)
            again = operator.ask('account', 'import', '-', text=text)
            results = [{one['result'] for one in answer.get('accounts', [])}
                       for answer in (made, again)]
            check(f'many {name}: made, and found again', results == [{'created'}, {'unchanged'}],
                  results)
        longest = operator.ask('status')['engine']['turn_us_max']
        check('and no turn took so long that a carrier would hang up', longest < 5e6, longest)


# ---- what an operator does to one account ----

def settings(operator, customer):
    operator.does('deactivate', ['account', 'deactivate', 'plain'], 'active off, durable',
                  'account plain: active off')
    check('a key of an account that is not active opens nothing',
          customer.get('/api/v1/balance')[0] == 401)
    operator.does('activate', ['account', 'activate', 'plain'], 'active on',
                  'account plain: active on')
    told = operator.run('account', 'activate', 'plain')
    check('twice is told as it was', 'as it was' in told.stdout, told.stdout)
    operator.does('limits', ['account', 'limit', 'plain', '--rate=100', '--credit-limit=2.5'],
                  'credit_limit 0 to 2.5, rate_per_s 0 to 100', 'rate_per_s 0 to 100')
    operator.does('a route is allowed', ['account', 'allow', 'plain', '--routes=7,8'],
                  'routes 7,8, durable', 'account plain: routes 7,8')
    operator.does('a route is denied', ['account', 'deny', 'plain', '--routes=1,7'],
                  'routes 8, denied_routes 1,7', 'denied_routes 1,7')
    shown = operator.ask('account', 'show', 'plain')
    check('show tells what it may use', shown['routes'] == [8] and
          shown['denied_routes'] == [1, 7] and shown['rate_per_s'] == 100 and
          shown['credit_limit'] == 2.5 and shown['active'] and shown['bulk'] and
          [key['label'] for key in shown['keys']] == ['own'], shown)
    status, answer = customer.send()
    check('an open route that is denied is refused', status == 403 and
          answer['detail'] == 'You are not authorized for route 1.', answer)
    operator.does('and allowed again', ['account', 'allow', 'plain', '--routes=1'],
                  'routes 1,8, denied_routes 7', 'account plain')
    check('it is open again', customer.send()[0] == 200)
    operator.does('categories', ['account', 'allow', 'plain', '--categories=casino,igaming'],
                  'categories casino,igaming', 'categories casino,igaming')
    operator.refused('to deny a sender where all are allowed',
                     ['account', 'deny', 'plain', '--senders=NOBODY'], 'empty list')
    operator.does('senders', ['account', 'allow', 'plain', '--senders=ACME,OTHER'],
                  'senders ACME,OTHER', 'senders ACME,OTHER')
    check('another sender is refused', customer.send(caller_id='NOBODY')[0] == 403)
    operator.does('a sender is taken away', ['account', 'deny', 'plain', '--senders=OTHER',
                                             '--categories=casino'],
                  'categories igaming, senders ACME',
                  'senders ACME')
    shown = operator.ask('account', 'show', 'plain')
    check('the lists are what is left', shown['senders'] == ['ACME'] and
          shown['categories'] == ['igaming'], shown)
    operator.refused('the last sender, for an empty list allows all',
                     ['account', 'deny', 'plain', '--senders=ACME'], 'empty list')
    operator.refused('a route that there is not', ['account', 'allow', 'plain', '--routes=99'],
                     'no configured route')
    operator.refused('a category that there is not',
                     ['account', 'allow', 'plain', '--categories=spam'], 'categories')
    operator.refused('an account that there is not', ['account', 'show', 'nobody'], 'no account')
    operator.refused('nothing to allow', ['account', 'allow', 'plain'], '--routes', status=2)
    operator.refused('no limit', ['account', 'limit', 'plain'], '--rate', status=2)
    told = operator.run('account', 'show', 'plain').stdout
    check('show speaks', all(word in told for word in (
        'account 1 plain, active', 'may go 2.5 below 0', 'at most 100 a second',
        'open ones, 1, 8', 'general, igaming', 'ACME', 'own')), told)


def prices(operator, customer):
    operator.does('a price', ['account', 'price', 'set', 'plain', '1', '316', '0.04'], '0.04',
                  'price of route 1, prefix 316: 0.04')
    status, answer = customer.get('/api/v1/routes/1/pricing')
    check('is what the customer is shown', status == 200 and
          {'country': 'NL', 'country_prefix': '316', 'price': 0.04} in answer['pricing'], answer)
    check('and pays', customer.send()[1]['cost'] == 0.04)
    listed = operator.ask('account', 'price', 'list', 'plain')
    check('it is listed', listed['prices'] == [{'route': 1, 'prefix': '316', 'price': 0.04}],
          listed)
    operator.does('a price is deleted', ['account', 'price', 'delete', 'plain', '1', '316'],
                  'deleted', 'prefix 316 deleted')
    check('and the configured one counts again', customer.send()[1]['cost'] == 0.088)
    operator.refused('a price that is not there',
                     ['account', 'price', 'delete', 'plain', '1', '316'], 'no price')
    operator.refused('a price that is none',
                     ['account', 'price', 'set', 'plain', '99', '0x', '1,5'],
                     'route names no', 'prefix must be digits', 'decimal')


def keys(operator, daemon):
    made = operator.ask('account', 'key', 'add', 'plain', '--label=next')['accounts'][0]['keys'][0]
    both = [Customer(daemon, key).send() for key in (KEYS['plain'], made['key'])]
    check('two keys of an account both open it', [status for status, _ in both] == [200, 200])
    shown = operator.ask('account', 'key', 'list', 'plain')['keys']
    check('they are listed by id and label, without their secret',
          {key['label'] for key in shown} == {'own', 'next'} and
          made['key'] not in json.dumps(shown), shown)
    ids = {key['label']: key['id'] for key in shown}
    orders = [operator.ask('order', str(answer['order_id'])) for _, answer in both]
    check('each order keeps the id of the key that sent it',
          [order['key'] for order in orders] == [ids['own'], ids['next']], orders)
    message = both[1][1]['messages'][0]['bx_message_id']
    told = operator.run('explain', message).stdout
    check('explain names it', f'by key {ids["next"]}' in told, told)
    operator.does('rotation ends with the old key revoked',
                  ['account', 'key', 'revoke', 'plain', 'own'], 'revoked',
                  f'account plain: key {ids["own"]} revoked')
    check('which opens nothing more, while the new one does',
          Customer(daemon, KEYS['plain']).get('/api/v1/balance')[0] == 401 and
          Customer(daemon, made['key']).get('/api/v1/balance')[0] == 200)
    return made['key']


def money(operator, customer):
    before = customer.get('/api/v1/balance')[1]['balance']
    operator.does('an adjustment',
                  ['account', 'adjust', 'plain', '-0.5', '--cause=invoice 7'], '-0.5', 'account plain: adjust -0.5')
    row = operator.ask('account', 'ledger', 'plain', '--limit=1')['ledger'][0]
    check('is a row with cause, uid and sum', row['kind'] == 'adjust' and row['amount'] == -0.5 and
          row['cause'] == 'invoice 7' and row['uid'] == os.geteuid() and
          round(before - customer.get('/api/v1/balance')[1]['balance'], 6) == 0.5, row)
    operator.refused('a top-up of less than nothing', ['account', 'topup', 'plain', '-3'],
                     'amount', 'above 0')
    operator.refused('an adjustment without a cause', ['account', 'adjust', 'plain', '1'],
                     '--cause', status=2)
    rows = operator.ask('account', 'ledger', 'plain', '--limit=500')['ledger']
    check('every row has a time, a cause, and debits their order', all(
        row['at'] and row['cause'] and (row['kind'] != 'debit' or row['order_id'])
        for row in rows), rows)
    done = operator.run('ledger', 'verify')
    check('the ledger adds up', done.returncode == 0 and '0 findings' in done.stdout, done.stdout)


# ---- what a key decides ----

def six_keys(operator, daemon):
    """A6: account, active, sandbox, routes, prices, limits; one answer to each and no other."""
    plain = Customer(daemon, KEYS['priced'])
    status, answer = plain.get('/api/v1/balance')
    check('A6: a key names its account', status == 200 and answer['username'] == 'priced' and
          not answer['sandbox'], answer)
    status, answer = Customer(daemon, KEYS['off']).get('/api/v1/balance')
    check('A6: the key of an account that is not active opens nothing', status == 401 and
          answer['detail'] == 'Invalid or inactive API Key', answer)
    status, answer = Customer(daemon, KEYS['sand']).get('/api/v1/balance')
    check('A6: the key of a sandbox says so', answer['sandbox'] is True and
          answer['username'] == 'sand', answer)
    allowed = {name: {route['route_id']: route['allowed'] for route in
                      Customer(daemon, KEYS[name]).get('/api/v1/routes')[1]['routes']}
               for name in ('listed', 'single')}
    check('A6: a key has its own routes', allowed['listed'][8] and allowed['listed'][5] and
          not allowed['single'][8] and not allowed['single'][5], allowed)
    costs = {name: Customer(daemon, KEYS[name]).daemon.api(
        'POST', '/api/v1/estimate', body(), key=KEYS[name])[1]['estimated_cost']
             for name in ('priced', 'single')}
    check('A6: a key has its own prices', costs == {'priced': 0.05, 'single': 0.088}, costs)
    slow = [Customer(daemon, KEYS['slow']).send()[0] for _ in range(2)]
    check('A6: a key has its own limits', slow == [200, 429], slow)


def refusals(operator, daemon):
    """A19: seven things that authorization covers, each refused by a test of its own, and A17."""
    def refused(name, who, status, code, **changes):
        before = operator.ask('orders', '--limit=1')['orders'], operator.ask('ledger', 'verify')
        got, answer = Customer(daemon, KEYS[who]).send(**changes)
        after = operator.ask('orders', '--limit=1')['orders'], operator.ask('ledger', 'verify')
        check(f'A19: {name} is refused and leaves nothing', got == status and
              answer['code'] == code and before == after, answer)
        return answer

    refused('route access', 'single', 403, 'route_not_allowed', route_id=8)
    answer = refused('account permission', 'single', 403, 'bulk_not_allowed',
                     numbers=[NL, '31612345679'])
    check('A17: without bulk a request names one number', answer['stage'] == 'authorization' and
          answer['detail'] == 'You are not authorized for route 1 in bulk.' and
          answer['param'] == 'numbers' and
          Customer(daemon, KEYS['single']).send()[0] == 200 and
          Customer(daemon, KEYS['priced']).send(numbers=[NL, '31612345679'])[0] == 200, answer)
    shown = [Customer(daemon, KEYS[name]).get('/api/v1/routes/1')[1]['route']['bulk_allowed']
             for name in ('single', 'priced')]
    check('A17: the route says so beforehand', shown == [False, True], shown)
    refused('a route by whitelist', 'single', 403, 'route_not_allowed', route_id=7)
    refused('a traffic category', 'single', 403, 'route_not_allowed', route_id=5)
    refused('a sender by the route', 'listed', 403, 'sender_not_allowed', route_id=8,
            caller_id='OTHER')
    refused('a sender by the account', 'named', 403, 'sender_not_allowed', caller_id='OTHER')
    operator.run('account', 'adjust', '--cause=poor', '--', 'named', '-9.95')
    refused('a balance', 'named', 402, 'insufficient_balance')
    operator.does('A17: an operator allows bulk', ['account', 'allow', 'single', '--bulk'],
                  'bulk on', 'account single: bulk on')
    check('A17: and it counts at once',
          Customer(daemon, KEYS['single']).send(numbers=[NL, '31612345679'])[0] == 200)
    operator.does('A17: and takes it away', ['account', 'deny', 'single', '--bulk'], 'bulk off',
                  'account single: bulk off')
    refused('bulk taken away', 'single', 403, 'bulk_not_allowed', numbers=[NL, '31612345679'])


def send_for_headers(daemon, **changes):
    """As the account slow; the answer with its headers."""
    connection = house.UnixConnection(daemon.submit)
    connection.request('POST', '/api/v1/send_sms', json.dumps(body(**changes)),
                       {'X-API-KEY': KEYS['slow']})
    response = connection.getresponse()
    response.json = json.loads(response.read())
    connection.close()
    return response


def rates_of_refusals(operator, daemon):
    """Whoever is refused behind the check of the rate has spent one of it, and is told so."""
    operator.run('account', 'limit', 'slow', '--rate=50')
    house.await_that('some of the rate is left', lambda: int(  # asking costs no money
        send_for_headers(daemon, numbers=[NL, ES]).getheader('X-RateLimit-Remaining')) > 10)
    for stage, changes in (('country', {'numbers': [NL, ES]}),
                           ('pricing', {'numbers': ['4917612345678']}),
                           ('balance', {'numbers': [f'316{n:08}' for n in range(300)]}),
                           ('provider', {'route_id': 2})):
        response = send_for_headers(daemon, **changes)
        check(f'A19: refused at {stage}, with what is left of the rate',
              response.json['stage'] == stage and
              response.getheader('X-RateLimit-Limit') == '50' and
              0 < int(response.getheader('X-RateLimit-Remaining') or -1) < 50,
              response.json, response.getheaders())
    response = send_for_headers(daemon, numbers=[])
    check('refused before, nothing is spent and nothing told', response.json['stage'] == 'shape' and
          response.getheader('X-RateLimit-Limit') is None, response.json, response.getheaders())


def rates(operator, daemon):
    operator.run('account', 'limit', 'slow', '--rate=1')
    house.await_that('the rate allows one', lambda: Customer(daemon, KEYS['slow']).send()[0] == 200)
    response = send_for_headers(daemon)
    answer = response.json
    check('A19: a rate is refused with its limits in headers', response.status == 429 and
          answer['detail'] == 'Rate limit exceeded' and answer['code'] == 'rate_limited' and
          response.getheader('Retry-After') == '1' and
          response.getheader('X-RateLimit-Limit') == '1' and
          response.getheader('X-RateLimit-Remaining') == '0', answer, response.getheaders())
    rates_of_refusals(operator, daemon)
    operator.run('account', 'limit', 'slow', '--rate=0')
    many = [Customer(daemon, KEYS['slow']).send()[0] for _ in range(5)]
    check('without a rate there is no limit', many == [200] * 5, many)


def context(operator, daemon):
    """A3, A7: what was decided at the boundary stays on the order."""
    status, answer = Customer(daemon, KEYS['priced']).send()
    message = answer['messages'][0]['bx_message_id']
    path = Customer(daemon, KEYS['priced']).get(f'/api/v1/messages/{message}/path')[1]
    steps = {step['step']: step for step in path['steps']}
    key = hashlib.sha256(KEYS['priced'].encode()).hexdigest()[:16]
    check('A7: the order keeps account, key, sandbox, route, price and request',
          steps['received']['account'] == 'priced' and steps['received']['key'] == key and
          steps['received']['sandbox'] is False and steps['received']['request_id'] and
          path['message']['route_id'] == 1 and steps['priced']['price'] == 0.05, steps)
    checks = steps['checked']['checks']
    check('A3: it was received, authenticated, found valid, allowed and accepted, in that order',
          [step['step'] for step in path['steps']][:5] ==
          ['received', 'checked', 'priced', 'debited', 'queued'] and
          checks.index('authentication') < checks.index('shape') < checks.index('authorization') <
          checks.index('bulk') < checks.index('sender') < checks.index('balance') <
          checks.index('store'), steps)


    status, answer = Customer(daemon, None).send()
    message = answer['messages'][0]['bx_message_id']
    path = Customer(daemon, None).get(f'/api/v1/messages/{message}/path')[1]
    told = operator.run('explain', message).stdout
    check('A7: of a user without a key the order keeps the uid', status == 200 and
          path['steps'][0]['key'] is None and path['steps'][0]['account'] == 'priced' and
          f'account priced by uid {os.geteuid()}' in told, path, told)


def overdraft(operator, daemon):
    """A31: many at once spend one balance and its credit, and not more."""
    operator.run('account', 'limit', 'listed', '--credit-limit=1', '--rate=0')
    customer = Customer(daemon, KEYS['listed'])
    left = customer.get('/api/v1/balance')[1]['balance'] + 1
    answers = []

    def spend():
        answers.extend(customer.send(numbers=[f'316{i:08}' for i in range(10)])
                       for _ in range(2))
    threads = [threading.Thread(target=spend) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [answer for status, answer in answers if status == 200]
    check('A31: orders at once spend balance and credit, and not more',
          len(taken) == int(left / 0.88) and
          all(status in (200, 402) for status, _ in answers) and
          customer.get('/api/v1/balance')[1]['balance'] >= -1, len(taken), left)
    done = operator.run('ledger', 'verify')
    check('A31: and every row adds up', done.returncode == 0, done.stdout)


def many(operator):
    """More accounts than one page has."""
    file = {'accounts': [{'name': f'many-{i}'} for i in range(201)]}
    operator.ask('account', 'import', '-', text=json.dumps(file))
    first = operator.ask('account', 'list')
    rest = operator.ask('account', 'list', f'--since={first["next"]}')
    names = [account['name'] for page in (first, rest) for account in page['accounts']]
    check('accounts are listed page by page', len(first['accounts']) == 200 and
          rest['next'] is None and set(names) == {*KEYS, *(f'many-{i}' for i in range(201))} and
          f'--since={first["next"]}' in operator.run('account', 'list').stdout, len(names))


def durable(operator, daemon):
    """What was answered is on disk: all of it is there after SIGKILL."""
    operator.run('account', 'price', 'set', 'plain', '1', '31', '0.06')
    operator.run('account', 'topup', 'plain', '1')

    def all_of_it():
        return [operator.ask('account', *words, 'plain') for words in
                (('show',), ('key', 'list'), ('price', 'list'), ('ledger',))]
    before = all_of_it(), operator.audit()
    daemon.kill()
    daemon.start()
    check('everything an operator was told is there after SIGKILL',
          (all_of_it(), operator.audit()) == before, before, all_of_it())
    done = operator.run('ledger', 'verify')
    check('and the ledger adds up', done.returncode == 0, done.stdout)


def main():
    large_files()
    with house.House((), [f'uids.{os.geteuid()}=priced']) as home:
        home.daemon.start()
        operator = Operator(home.daemon)
        the_file(operator)
        mistakes(operator)
        customer = Customer(home.daemon, KEYS['plain'])
        settings(operator, customer)
        prices(operator, customer)
        customer = Customer(home.daemon, keys(operator, home.daemon))
        money(operator, customer)
        six_keys(operator, home.daemon)
        refusals(operator, home.daemon)
        rates(operator, home.daemon)
        context(operator, home.daemon)
        overdraft(operator, home.daemon)
        durable(operator, home.daemon)
        many(operator)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
