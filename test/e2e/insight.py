#!/usr/bin/python3
# builds: asan
"""What became of it, told by GET /api/v1/insight and esmectl insight: against a recount of the
listed messages, over windows, routes, accounts and a restart; and an upstream that stops telling,
which turns health though every request is answered with 200. Prints TAP."""
import collections
import itertools
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import description  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
API = description.Description()
OTHER, SANDBOX = 'somebody-else-0123456789abcdef0123456789', 'only-trying-0123456789abcdef0123456789ab'
LATE_MS, DEADLINE_S, RECEIPT_S = 9000, 6, 14
SETS = tuple(f'routes.{route}.{key}={value}s' for route in (1, 3) for key, value in (
    ('outcome_deadline', DEADLINE_S), ('receipt_deadline', RECEIPT_S)))
DELIVERED, FAILED, EXPIRED, NONE, THROTTLED, REFUSED, LATE = 0, 1, 3, 4, 5, 6, 14
MANY = 600  # more than is read in one slice
OUTCOMES = ('on_time', 'late', 'failed', 'expired', 'unknown')
TEXT, LONG = 'Your code is 123456', 'x' * 200


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


def numbers(country, *endings):
    """Numbers that the far end treats as their endings say; no two alike."""
    return [f'{country}{next(serial):04}999900{ending:02}' for ending in endings]


serial = itertools.count(1)


def send(daemon, route, who, text=TEXT, key=house.KEY):
    return daemon.api('POST', '/api/v1/send_sms', {
        'route_id': route, 'caller_id': 'ACME', 'message': text, 'numbers': who}, key=key)


def insight(daemon, query='', key=house.KEY):
    status, answer = daemon.api('GET', '/api/v1/insight' + query, key=key)
    if status != 200:
        raise house.Trouble(f'insight: {status} {answer}')
    return answer


def by_route(answer):
    return {route['route_id']: route for route in answer['routes']}


def all_messages(daemon, key=house.KEY):
    found = []
    while True:
        page = daemon.api('GET', f'/api/v1/dlr?limit=500&skip={len(found)}', key=key)[1]
        found += page['messages']
        if len(found) >= page['total']:
            return found


def all_end(daemon):
    house.await_that('every message has ended', lambda: all(
        message['final'] for message in all_messages(daemon)))


def outcome(message):
    """As a client may know it; None while it is not final."""
    if not message['final']:
        return None
    if message['status'] == 'DELIVERED':
        return 'on_time' if message['on_time'] else 'late'
    return message['status'].lower()


def likeness(message):
    return message['route_id'], message['msisdn'][:2], message['parts']['total']


def share(part, whole):
    return None if not whole else round(part / whole, 6)


def pairs_alike(ends):
    """Of all pairs of messages, how many ended alike: by trying every pair."""
    pairs = list(itertools.combinations(ends, 2))
    return share(sum(a == b for a, b in pairs), len(pairs))


def near(a, b):
    return a == b or (a is not None and b is not None and abs(a - b) < 0.000002)


def a_mixed_day(daemon):
    send(daemon, 1, numbers('31', *[DELIVERED] * 5, FAILED, FAILED, EXPIRED, LATE, NONE, THROTTLED,
                            REFUSED))
    send(daemon, 1, numbers('34', DELIVERED, DELIVERED))
    send(daemon, 3, numbers('31', *[DELIVERED] * 3))
    send(daemon, 3, numbers('31', DELIVERED, FAILED), LONG)
    status, _ = send(daemon, 1, [numbers('31', DELIVERED)[0], numbers('34', DELIVERED)[0]])
    check('a request is refused', status == 422, status)
    all_end(daemon)


def agrees(told, messages):
    """The figures of one route, recounted."""
    ends = [outcome(message) for message in messages]
    counts = collections.Counter(ends)
    layer = told['layers']['outcome']
    groups = collections.defaultdict(list)
    for message in messages:
        groups[likeness(message)].append(outcome(message))
    weighted = [(pairs_alike(group), len(group)) for group in groups.values() if len(group) > 1]
    wrong = [name for name, good in (
        ('outcomes', all(layer[name] == counts[name] for name in OUTCOMES)),
        ('final', layer['final'] == len(ends)),
        ('delivered', layer['delivered'] == counts['on_time'] + counts['late']),
        ('accepted', told['layers']['execution']['accepted'] == len(messages)),
        ('headline', near(told['on_time_share'], share(counts['on_time'], len(ends))) and
         layer['on_time_share'] == told['on_time_share']),
        ('unknown', near(told['unknown_share'], share(counts['unknown'], len(ends)))),
        ('consistency', near(told['consistency'], share(
            sum(value * n for value, n in weighted), sum(n for _, n in weighted)))),
        ('total', told['latency']['total']['n'] == counts['on_time'] + counts['late']),
        ('likes', {(told['route_id'], one['country'], one['parts']):
                   {name: n for name, n in one['outcomes'].items() if n} for one in told['like']} ==
         {key: dict(collections.Counter(group)) for key, group in groups.items()}),
        ('likes are as consistent as their pairs', all(
            near(one['consistency'], pairs_alike(groups[told['route_id'], one['country'],
                                                        one['parts']]))
            for one in told['like'])),
        ('nothing is left out', told['like_left_out'] == told['like_messages_left_out'] == 0),
    ) if not good]
    return wrong


def recount(daemon, name, window):
    answer = insight(daemon, f'?window={window}')
    flaws = API.errors(answer, {'$ref': '#/components/schemas/Insight'})
    check(f'{name}: {window} is as it is described', not flaws, *flaws)
    messages = all_messages(daemon)
    for route in (1, 3):
        mine = [message for message in messages if message['route_id'] == route]
        wrong = agrees(by_route(answer)[route], mine)
        check(f'{name}: {window}, route {route} agrees with its {len(mine)} messages', not wrong,
              wrong, by_route(answer)[route])
    return answer


def layers(answer):
    route = by_route(answer)[1]
    three = route['layers']
    check('A104: three layers are told apart and the outcome is the headline',
          three['api']['success'] == 2 and three['api']['errors'] == 1 and
          three['execution']['taken'] == 13 and three['execution']['refused'] == 1 and
          three['outcome']['on_time'] == 8 and list(route)[2] == 'on_time_share', three)
    check('A109: what was handled and what happened are two answers',
          three['api']['success'] / three['api']['requests'] != route['on_time_share'], route)
    causes = route['causes']
    check('A97: what varied out of sight is told', causes['throttled'] == 1 and
          causes['retried'] == 1 and causes['missing'] == 1 and causes['refused'] == 1, causes)
    receipts = route['receipts']
    check('A100: receipts that were due and did not come are told', receipts['expected'] == 13 and
          receipts['received'] == 12 and receipts['missing'] == 1 and
          near(receipts['coverage'], share(12, 13)), receipts)
    latency = route['latency']
    check('latency is told per stage', latency['queue']['n'] == 14 and latency['window']['n'] == 15
          and latency['provider']['n'] == 15 and latency['delivery']['n'] == 12 and
          latency['total']['p50_ms'] < 2 * DEADLINE_S * 1000 and
          2 * LATE_MS / 3 <= latency['total']['p99_ms'] <= 1.5 * (LATE_MS + 2000), latency)


def like_inputs(daemon, answer):
    unlike = [one for one in by_route(answer)[1]['like'] if one['country'] == '31'][0]
    check('A98: like inputs that ended differently are found', unlike['parts'] == 1 and
          sum(n > 0 for n in unlike['outcomes'].values()) == 5 and unlike['consistency'] < 0.5 and
          set(unlike['examples']) == set(OUTCOMES), unlike)
    told = {name: outcome(daemon.api('GET', f'/api/v1/dlr/{one}')[1])
            for name, one in unlike['examples'].items()}
    check('an example ended as it says', all(name == end for name, end in told.items()), told)
    first, second = (part.split('=')[1] for part in unlike['compare'].split('?')[1].split('&'))
    ids = list(unlike['examples'].values())
    check('two unlike ones are to be compared', first in ids and second in ids and first != second,
          unlike)
    alike = [one for one in by_route(answer)[1]['like'] if one['country'] == '34'][0]
    check('A107: what always ends alike is consistent',
          alike['consistency'] == 1 and alike['compare'] is None, alike)
    over = answer['like_over_routes']
    check('A112: like inputs stand side by side over routes', len(over) == 1 and
          over[0]['country'] == '31' and over[0]['parts'] == 1 and
          [one['route_id'] for one in over[0]['routes']] == [1, 3] and
          over[0]['routes'][1]['on_time_share'] == 1 and
          over[0]['routes'][0]['on_time_share'] == share(6, 12) and
          all(one['p50_ms'] is not None and one['p95_ms'] is not None for one in over[0]['routes']),
          over)


def nothing_yet(daemon, key, name):
    for route in insight(daemon, key=key)['routes']:
        flat = [route['on_time_share'], route['unknown_share'], route['consistency'],
                route['receipts']['coverage'], route['latency']['total']['p50_ms']]
        if flat != [None] * 5 or route['layers']['execution']['accepted'] or route['like']:
            check(f'{name}: of nothing there is no share', False, route)
            return
    check(f'{name}: of nothing there is no share', True)


def refusals(daemon):
    for query, status, word in (('?window=2h', 422, 'window'), ('?window=', 422, 'window'),
                                ('?window=1h1h1h1h1h', 422, 'window'),
                                ('?route_id=x', 422, 'route_id'), ('?route_id=-1', 422, 'route_id'),
                                ('?route_id=1&route_id=', 422, 'route_id'),
                                ('?route_id=99999999999', 422, 'route_id'),
                                ('?' + '&'.join(['route_id=1'] * 33), 422, 'route_id'),
                                ('?windows=1h', 422, 'windows'), ('?route_id=99', 400, None)):
        got, answer = daemon.api('GET', '/api/v1/insight' + query)
        named = answer['detail'] == 'Invalid route_id.' if word is None else \
            answer['detail'][0]['loc'][:2] == ['query', word]
        check(f'refused: {query[:40]}', got == status and named, got, answer)
    check('only the routes that are asked for are told', [
        list(by_route(insight(daemon, query))) for query in (
            '?route_id=3', '?route_id=3&route_id=1')] == [[3], [1, 3]])
    check('without a key nothing is told', daemon.api('GET', '/api/v1/insight', key=None)[0] == 401)


def figures(answer):
    """What a restart does not change."""
    return [{name: route[name] for name in ('on_time_share', 'latency', 'receipts', 'consistency',
                                            'causes', 'like')} for route in answer['routes']]


def apart(daemon, before):
    send(daemon, 1, numbers('31', *[FAILED] * 5), key=SANDBOX)
    send(daemon, 1, numbers('31', FAILED), key=OTHER)
    house.await_that('the other account has its outcome', lambda: [
        message['final'] for message in all_messages(daemon, OTHER)] == [True])
    nothing_yet(daemon, SANDBOX, 'a sandbox counts nowhere')
    check("another's messages do not count", figures(insight(daemon)) == figures(before))
    other = by_route(insight(daemon, key=OTHER))[1]
    check('it sees its own', other['layers']['outcome']['failed'] == 1 and
          other['layers']['execution']['accepted'] == 1, other)
    operators = by_route(daemon.operate('GET', '/control/v1/insight')[1])[1]
    mine = by_route(before)[1]
    check('operators see those of all accounts, but of no sandbox',
          operators['layers']['execution']['accepted'] ==
          mine['layers']['execution']['accepted'] + 1, operators)


def mixed():
    with house.House(('--quiet', '--late-ms', str(LATE_MS)), SETS) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        status, answer = daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'other', 'opening': '10', 'keys': [{'key': OTHER}]},
            {'name': 'sandbox', 'sandbox': True, 'opening': '10', 'keys': [{'key': SANDBOX}]}]})
        check('accounts are there', status == 200, answer)
        nothing_yet(daemon, house.KEY, 'at first')
        a_mixed_day(daemon)
        for window in ('5m', '24h', '1h'):
            answer = recount(daemon, 'at once', window)
        layers(answer)
        like_inputs(daemon, answer)
        refusals(daemon)
        apart(daemon, answer)
        daemon.kill()
        daemon.start()
        check('a restart changes nothing', figures(recount(daemon, 'after SIGKILL', '1h')) ==
              figures(answer))
        daemon.stop()


def alarms(daemon):
    return {alarm['name'] for alarm in ask_health(daemon)[1]['alarms']}


def ask_health(daemon):
    return house.ask(daemon.submit, 'GET', '/healthz')


def esmectl(daemon, *words):
    done = subprocess.run([house.program('esmectl'), '--socket', daemon.control, *words],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def a_table(daemon):
    code, out, _ = esmectl(daemon, 'insight')
    lines = [line.split() for line in out.splitlines()]
    check('A105: esmectl insight begins with the share in time', code == 0 and
          lines[2][:4] == ['ROUTE', 'NAME', 'ON', 'TIME'] and
          ['1', 'general-1', '0.0', '%'] in [line[:4] for line in lines] and
          ['alpha', '50.0', '%', '30', '30'] in [line[:5] for line in lines], out)
    code, out, _ = esmectl(daemon, 'insight', '3', '--window=5m')
    check('esmectl insight tells of the routes that are named', code == 0 and
          'general-3' in out and 'general-1' not in out, out)
    for words, text in ((('--window=2h',), '5m, 1h or 24h'), (('99',), 'Invalid route_id.'),
                        (('x',), 'whole number')):
        code, out, err = esmectl(daemon, 'insight', *words)
        check(f'esmectl insight {words[0]} is refused', code == 1 and not out and text in err, err)
    code, out, _ = esmectl(daemon, 'status')
    outcome = [n for n, line in enumerate(out.splitlines()) if line.startswith('outcome')]
    others = [n for n, line in enumerate(out.splitlines())
              if line.startswith(('execution', 'API', 'store', 'engine'))]
    check('A105: esmectl status tells the share in time before all else',
          len(outcome) == 1 and len(others) == 4 and outcome[0] < min(others), out)


def silence():
    """An upstream that takes everything and tells nothing; then it tells again."""
    sets = [f'routes.{route}.{key}' for route in (1, 3)
            for key in ('outcome_deadline=30s', 'receipt_deadline=5s')]
    with house.House(('--quiet',), sets) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        send(daemon, 3, numbers('31', *[FAILED] * 30))
        all_end(daemon)
        house.await_that('a route that fails is low', lambda: 'outcome_low:3' in alarms(daemon))
        check('failures that are told are no silence', alarms(daemon) == {'outcome_low:3'},
              alarms(daemon))
        statuses = {send(daemon, 1, numbers('31', *[NONE] * 10))[0] for _ in range(3)}
        all_end(daemon)
        house.await_that('receipts are missed', lambda: alarms(daemon) >= {
            'outcome_low:1'})
        status, answer = ask_health(daemon)
        check('A92: health turns with the outcomes', status == 503 and
              answer['status'] == 'degraded' and all(
                  provider['usable'] for provider in answer['providers']
                  if provider['name'] == 'alpha'), answer)
        check('A106: though every request was answered with 200', statuses == {200} and
              by_route(insight(daemon))[1]['layers']['api']['errors'] == 0, statuses)
        a_table(daemon)
        send(daemon, 1, numbers('31', *[NONE] * 10))
        all_end(daemon)
        house.await_that('receipts are missed', lambda: 'receipts_missing:alpha' in alarms(daemon))
        text = [alarm['text'] for alarm in ask_health(daemon)[1]['alarms']
                if alarm['name'] == 'receipts_missing:alpha'][0]
        check('A100: the provider is named and what to do', '30 of 70 receipts' in text and
              'ask the carrier' in text, text)
        check('the alarms are in status', 'ALARM receipts_missing:alpha' in
              esmectl(daemon, 'status')[1])
        daemon.kill()
        daemon.start()
        house.await_that('the alarm is on again after SIGKILL',
                         lambda: 'receipts_missing:alpha' in alarms(daemon))
        for route in (1, 3):
            send(daemon, route, numbers('31', *[DELIVERED] * 90))
        all_end(daemon)
        house.await_that('health is well again', lambda: ask_health(daemon)[0] == 200)
        check('they end when receipts and deliveries come again', not alarms(daemon))
        daemon.stop()


def in_slices(daemon):
    """Each request to send is a record that is read: too many for one go."""
    connection = house.UnixConnection(daemon.submit)
    connection.request('GET', '/api/v1/insight', headers={'X-API-KEY': house.KEY})
    response = connection.getresponse()
    chunked, answer = response.getheader('Transfer-Encoding'), json.loads(response.read())
    connection.close()
    api = by_route(answer)[1]['layers']['api']
    check('what takes long to read comes in slices, and whole', chunked == 'chunked' and
          api['requests'] == MANY and answer['messages_left_out'] == 0, chunked, api)


def more_likes_than_are_told(daemon):
    for country, parts in itertools.product(('31', '34'), range(2, 13)):
        send(daemon, 1, numbers(country, DELIVERED), 'x' * 153 * parts)
    route = by_route(insight(daemon))[1]
    told = sum(one['messages'] for one in route['like'])
    check('of many likes the largest are told, and what is left out is counted',
          len(route['like']) == 20 and route['like'][0]['messages'] == MANY and
          route['like_left_out'] == route['like_messages_left_out'] == 3 and
          told + 3 == route['layers']['execution']['accepted'] == MANY + 22, route)


def under_load():
    """All replies look alike; what is behind them does not."""
    far = ('--quiet', '--mix', 'throttled=2,busy=2,failed=10,none=5', '--receipts', 'late=5',
           '--late-ms', str(LATE_MS), '--latency-ms', '0-20')
    sets = [*SETS, 'routes.1.message.max_parts=12', 'routes.1.message.max_chars=2000',
            'providers.alpha.timers.pause_min=10ms', 'providers.alpha.timers.pause_max=20ms',
            'routes.1.retries.delays=100ms']
    with house.House(far, sets) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        report = daemon.load('--count', str(MANY), '--batch', '1')
        check('under load every reply is the same', list(report['statuses']) == ['200'] and
              report['accepted'] == MANY, report)
        all_end(daemon)
        route = by_route(recount(daemon, 'under load', '1h'))[1]
        causes, outcomes = route['causes'], route['layers']['outcome']
        check('A108: delays and retries and drops and filtering show behind equal replies',
              route['layers']['api']['errors'] == 0 and causes['throttled'] > 0 and
              causes['retried'] > causes['throttled'] and outcomes['late'] > 0 and
              outcomes['failed'] > 0 and causes['missing'] == outcomes['unknown'] > 0 and
              0 < route['consistency'] < 1 and
              route['latency']['total']['p99_ms'] >= 2 * LATE_MS / 3, route)
        in_slices(daemon)
        more_likes_than_are_told(daemon)
        daemon.stop()


def main():
    mixed()
    silence()
    under_load()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
