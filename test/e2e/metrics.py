#!/usr/bin/python3
# builds: asan
"""GET /metrics over a daemon with traffic of all kinds: it is what promtool takes, counters only
rise, figures are what the API and the simulator tell, no client can make it longer, and nothing
planted shows. Prints TAP."""
import collections
import http.client
import json
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
NUMBER, TEXT, WRONG = '31648151623', 'canary 481516', 'canary-wrong-key-77'
PATHS = 10000
SETS = ('listen=127.0.0.1:0', 'routes.1.receipt_deadline=3s', 'limits.body=4KiB',
        'limits.header=1KiB', 'routes.1.queued_alarm=1s', 'limits.header_fields=8', 'limits.header_time=200ms',
        'limits.keep_alive=1s', 'limits.connections_per_uid=8',
        'providers.alpha.timers.link_down_after=1s', 'providers.alpha.timers.response=1s',
        'providers.alpha.timers.pause_min=100ms')
SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


class Figures:
    """One scrape."""

    def __init__(self, text):
        self.text, self.types, self.samples = text, {}, {}
        for line in text.splitlines():
            if line.startswith('# TYPE '):
                name, kind = line[7:].split(' ')
                self.types[name] = kind
            elif not line.startswith('#'):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                key = name, frozenset(LABEL.findall(labels or ''))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def get(self, metric, **labels):
        return self.samples.get((f'esmed_{metric}', frozenset(labels.items())))

    def rises(self, name):
        base = re.sub('_(bucket|sum|count)$', '', name)
        return self.types.get(name) == 'counter' or self.types.get(base) == 'histogram'

    def by(self, name, *labels):
        """{values of the labels: sum of the samples}"""
        found = collections.Counter()
        for (told, pairs), value in self.samples.items():
            if told == f'esmed_{name}':
                found[tuple(dict(pairs)[label] for label in labels)] += value
        return found


def scrape(path):
    link = house.UnixConnection(path)
    try:
        link.request('GET', '/metrics')
        answer = link.getresponse()
        assert answer.status == 200, answer.status
        assert answer.headers['Content-Type'] == 'text/plain; version=0.0.4; charset=utf-8'
        return Figures(answer.read().decode())
    finally:
        link.close()


def promtool(name, text):
    done = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True,
                          capture_output=True, timeout=60, check=False)
    check(f'promtool takes {name} without a remark', done.returncode == 0 and not done.stdout and
          not done.stderr, done.returncode, done.stdout, done.stderr)


def fell(before, after):
    return [key for key, value in before.samples.items()
            if before.rises(key[0]) and after.samples.get(key, -1) < value]


def raw(path, octets):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(path)
        link.sendall(octets)
        answer = b''
        while more := link.recv(65536):
            answer += more
        return answer


def intent(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': [NUMBER], 'message': TEXT, **changes}


def requests_of_all_kinds(daemon):
    """{(method, path, status): how many} that were made on the submit socket."""
    made = collections.Counter()

    def ask(method, target, path, body=None, **more):
        made[method if path else '', path, str(daemon.api(method, target, body, **more)[0])] += 1

    send = '/api/v1/send_sms'
    for _ in range(3):
        ask('POST', send, send, intent())
    ask('POST', send, send, intent(numbers=[str(31600000000 + n) for n in range(200)]))
    ask('POST', send, send, intent(numbers=[]))
    ask('POST', send, send, intent(route_id=77))
    ask('POST', send, send, intent(), key=WRONG)
    ask('POST', send, send, intent(), key=None)
    ask('POST', '/api/v1/estimate', '/api/v1/estimate', intent())
    ask('GET', '/api/v1/orders/1', '/api/v1/orders/{order_id}')
    ask('GET', '/api/v1/orders/9' + NUMBER, '/api/v1/orders/{order_id}')
    ask('GET', f'/api/v1/{NUMBER}', '')
    ask('DELETE', f'/{WRONG}', '')
    check('requests of several ends were made', {key[2] for key in made} >=
          {'200', '400', '401', '404', '422'}, made)
    return made


def resolved(daemon):
    status, answer = daemon.api('GET', '/api/v1/orders?limit=100')
    orders = answer['orders'] if status == 200 else []
    return len(orders) == 4 and not any(order['pending'] for order in orders)


def meet_limits(daemon):
    """{limit: how often it was met}, each by what only that limit forbids."""
    head = 'POST /api/v1/send_sms HTTP/1.1\r\nHost: localhost\r\n'
    for limit, octets, status in (
            ('body', f'{head}Content-Length: 4097\r\n\r\n', b'413'),
            ('header', f'{head}X-Filler: {"x" * 1024}\r\n\r\n', b'431'),
            ('header_fields', head + ''.join(f'X-{n}: x\r\n' for n in range(8)) + '\r\n', b'431'),
            ('header_time', head, b'408')):
        answer = raw(daemon.submit, octets.encode())
        check(f'over the limit {limit}', answer.split(b' ')[1] == status, answer)
    check('over the limit keep_alive', raw(daemon.submit, b'') == b'')
    links = []
    for _ in range(9):
        links.append(socket.socket(socket.AF_UNIX))
        links[-1].settimeout(house.PATIENCE_S)
        links[-1].connect(daemon.submit)
    answer = links[-1].recv(65536)
    check('over the limit connections_per_uid', answer.startswith(b'HTTP/1.1 503'), answer)
    for link in links:
        link.close()
    house.await_that('they are gone', lambda: scrape(daemon.control).get(
        'http_connections', socket='submit') == 0)
    return ('body', 'header', 'header_fields', 'header_time', 'connections_per_uid')


def same_as_api(home, figures, made):
    daemon = home.daemon
    told = figures.by('http_requests_total', 'socket', 'method', 'path', 'status')
    own = {key: told[('submit', *key)] for key in made}
    check('requests are counted by pattern and status, as their client did', own == made, own, made)
    status = daemon.operate('GET', '/control/v1/status')[1]
    check('the store is as status says', figures.get('store_size_bytes') ==
          status['store']['size_octets'] and
          figures.get('store_full_ratio') == 0.8)
    link = daemon.operate('GET', '/control/v1/links')[1]['links'][0]
    labels = {'provider': 'alpha', 'link': link['name']}
    for name, member in (('submits_total', 'submits'), ('answers_total', 'answers'),
                         ('receipts_total', 'receipts'), ('throttles_total', 'throttles'),
                         ('unanswered_total', 'unanswered'), ('outstanding', 'outstanding'),
                         ('window', 'window')):
        check(f'link: {name} is as the control socket says',
              figures.get(f'link_{name}', **labels) == link[member], link)
    submits = home.far.count_submits()
    check('link: submits are what the simulator got', submits ==
          link['submits'] - figures.get('link_unsent_total', **labels) > 200, submits, link)
    check('link: its state is one of all', figures.get('link_bound', **labels) == 1 and
          [key for key, value in figures.by('link_state', 'link', 'state').items() if value] ==
          [(link['name'], 'bound'), ('beta/beta-1', 'down')])
    receipts = figures.by('provider_receipts_total', 'provider', 'result')
    check('receipts that found their message', receipts['alpha', 'matched'] +
          receipts['alpha', 'orphaned'] == link['receipts'] > 0, receipts)
    check('what was released is no longer queued',
          figures.get('route_queued_segments', route='1') == 0)
    check('turns are timed, each once when it is over',
          figures.get('turn_duration_seconds_count') == figures.get('turns_total') - 1 > 0)
    check('the longest turn is in the histogram', 0 < figures.get('turn_duration_max_seconds') <=
          figures.get('turn_duration_seconds_sum'))


def cardinality(daemon):
    """Nobody makes the answer longer by asking for what is not there."""
    before = scrape(daemon.submit)
    link = house.UnixConnection(daemon.submit)
    for n in range(PATHS):
        method, target = (('GET', f'/api/v1/orders/{n + 1000}'), ('GET', f'/{n}'),
                          ('GET', f'/api/v1/dlr/BX-{n}-0123456789abcdef'),
                          ('PUT', f'/api/v1/{n}?x={n}'))[n % 4]
        link.request(method, target, '' if method == 'PUT' else None,
                     {'X-API-KEY': house.KEY, 'User-Agent': f'client {n}'})
        link.getresponse().read()
    link.close()
    after = scrape(daemon.submit)
    new = {key for key in after.samples.keys() - before.samples.keys()
           if 'path' not in dict(key[1]) or dict(key[1])['path'] not in (
               '/api/v1/orders/{order_id}', '/api/v1/dlr/{bx_message_id}', '')}
    check('10,000 paths add no series', len(after.samples) < len(before.samples) + 60 and not new,
          new, len(before.samples), len(after.samples))
    grown = after.by('http_requests_total', 'socket')['submit',] - \
        before.by('http_requests_total', 'socket')['submit',]
    check('and each is counted', grown == PATHS + 1, grown)
    check('no counter falls meanwhile', not fell(before, after), fell(before, after))
    return after


def over_tcp(daemon):
    port = int(re.search(r'address=127\.0\.0\.1:(\d+)', daemon.said(1 << 20)).group(1))
    link = http.client.HTTPConnection('127.0.0.1', port, timeout=house.PATIENCE_S)
    link.request('GET', '/metrics')
    answer = link.getresponse()
    check('Prometheus reaches it over TCP, without a key', answer.status == 200 and
          b'esmed_build_info' in answer.read())
    link.close()


def link_lost(home, before):
    daemon = home.daemon
    home.far.process.kill()
    house.await_that('the link is down', lambda: scrape(daemon.submit).by('link_bound')[()] == 0)
    after = scrape(daemon.submit)
    check('A92: with the carrier gone the metrics turn', after.get('provider_blocked',
          provider='alpha') == 1 and after.get('route_blocked', route='1') == 1 and
          after.by('link_downs_total')[()] > before.by('link_downs_total')[()])
    status, _ = daemon.api('POST', '/api/v1/send_sms', intent())
    after = scrape(daemon.submit)
    check('A92: though a request is still answered 200', status == 200 and
          after.get('route_queued_segments', route='1') == 1)
    name = 'link_down:alpha'
    house.await_that('its alarm begins', lambda: scrape(daemon.submit).get(
        'alarm_active', name=name))
    for way, target in ((daemon.submit, '/healthz'), (daemon.control, '/control/v1/status')):
        alarms = house.ask(way, 'GET', target)[1]['alarms']
        text = [alarm['text'] for alarm in alarms if alarm['name'] == name]
        check(f'A92: its alarm is in {target} and says which routes, since when and why',
              len(text) == 1 and re.match(
                  r'alpha \(routes 1, .*\): no link is bound since \S+Z: \S.*; see esmectl links',
                  text[0]), alarms)
    check('no counter falls by the loss', not fell(before, after), fell(before, after))
    promtool('it with the link down', after.text)
    return after


def queued_too_long(home, before):
    """A55: what waits behind the lost link is told of, until it goes out after all."""
    daemon, name = home.daemon, 'queued_too_long'
    house.await_that('the alarm begins', lambda: scrape(daemon.submit).get(
        'alarm_active', name=name))
    figures = scrape(daemon.submit)
    oldest = figures.get('route_oldest_queued_seconds', route='1')
    told = daemon.operate('GET', '/control/v1/status')[1]
    row = next(route for route in told['routes'] if route['route_id'] == 1)
    check('A55: the age of the oldest that is queued is a metric, and what status says',
          1 <= oldest <= row['oldest_queued_ms'] / 1000 < oldest + 5 and
          figures.get('route_oldest_queued_seconds', route='2') == 0, oldest, row)
    health = daemon.api('GET', '/healthz')
    for where, alarms in (('health', health[1]['alarms']), ('status', told['alarms'])):
        text = [alarm['text'] for alarm in alarms if alarm['name'] == name]
        check(f'A55: its alarm is in {where} and says which route, since when and why',
              len(text) == 1 and re.match(r'a message of route 1 waits since \S+Z: no link ',
                                          text[0]), alarms)
    home.far.end()
    home.far = house.FarEnd(home.folder, '--quiet', '--listen', f'127.0.0.1:{home.far.port}',
                            name='sim-again')
    for each in (name, 'link_down:alpha'):
        house.await_that('the alarm ends', lambda each=each: scrape(daemon.submit).get(
            'alarm_active', name=each) is None)
    house.await_that('the message is resolved', lambda: daemon.resolved(5))
    after = scrape(daemon.submit)
    check('A55: it is over when nothing waits any more', after.get(
        'route_oldest_queued_seconds', route='1') == 0)
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(house.PATIENCE_S)
        link.connect(daemon.control)
        link.sendall(b'GET /control/v1/events?since=0&types=alarm.begins,alarm.ends HTTP/1.1\r\n'
                     b'Host: localhost\r\nAccept: application/x-ndjson\r\n\r\n')
        feed = b''
        while not all(re.search(rb'"alarm.ends"[^\n]*%s[^\n]*no link' % each, feed)
                      for each in (b'queued_too_long', b'link_down:alpha')):
            feed += link.recv(65536)
    events = re.findall(r'"event":"(alarm\.[a-z]+)"[^\n]*"' + name + '"[^\n]*no link',
                        feed.decode())
    check('A55: the feed has its beginning and its end', events == ['alarm.begins', 'alarm.ends'],
          feed)
    check('no counter falls until then', not fell(before, after), fell(before, after))


def layers(home, figures):
    """A104: three layers, each as the orders of the API say."""
    sums = collections.Counter()
    orders = home.daemon.api('GET', '/api/v1/orders?limit=100')[1]['orders']
    for order in orders:
        sums['accepted'] += order['total']
        for part in ('execution', 'outcome'):
            sums.update(order[part])
        sums.update({name: order[name] for name in ('expired', 'unknown', 'delivered')})
        sums['failed'] += order['failed'] - order['expired']
    check('A104: accepted, as the orders say', figures.get('messages_accepted_total', route='1') ==
          sums['accepted'] == 203, sums)
    executed = figures.by('messages_execution_total', 'route', 'result')
    check('A104: taken and refused, as the orders say',
          executed['1', 'taken'] == sums['taken'] > 150 and
          executed['1', 'refused'] == sums['refused'], executed, sums)
    check('A104: what was left unanswered came to be so', executed['1', 'unanswered'] >=
          sums['unanswered'], executed, sums)
    check('none is in doubt or awaits a receipt when all is resolved', (
        figures.get('messages_in_doubt', route='1'),
        figures.get('messages_awaiting_receipt', route='1')) == (0, 0))
    ends = figures.by('messages_outcome_total', 'route', 'outcome')
    check('A104: in time, late, failed, expired and unknown, as the orders say', [
        ends['1', name] for name in ('on_time', 'late', 'failed', 'expired', 'unknown')] ==
        [sums[name] for name in ('on_time', 'late', 'failed', 'expired', 'unknown')] and
        all(ends['1', name] for name in ('on_time', 'failed', 'expired', 'unknown')), ends, sums)
    stages = figures.by('message_stage_seconds_count', 'route', 'stage')
    check('the stage total is of those that were delivered', stages['1', 'total'] ==
          sums['delivered'] and stages['1', 'queue'] == sums['accepted'], stages, sums)
    seconds = figures.by('message_stage_seconds_sum', 'route', 'stage')
    check('and no shorter than their delivery', seconds['1', 'total'] > 0, seconds)


def rules(figures):
    """config/alerts.yaml: rules that promtool takes, over metrics that there are."""
    path = os.path.join(house.ROOT, 'config', 'alerts.yaml')
    done = subprocess.run(['promtool', 'check', 'rules', path], text=True, capture_output=True,
                          timeout=60, check=False)
    check('promtool takes the example of alert rules', done.returncode == 0 and
          'SUCCESS: 7 rules found' in done.stdout, done.stdout, done.stderr)
    with open(path, encoding='utf-8') as file:
        named = set(re.findall(r'\besmed_[a-z_]+', file.read()))
    check('each metric that they name is there', named and named <= set(figures.types),
          named - set(figures.types))


def main():
    with house.House(['--latency-ms', '1-5', '--seed', '5', '--mix',
                      'failed=5,expired=2,none=3,throttled=3,silent=1'], SETS) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        first = scrape(daemon.submit)
        promtool('a scrape before anything happened', first.text)
        check('A105: outcome is the first figure', first.text.startswith(
            '# HELP esmed_messages_outcome_total '))
        feed = house.UnixConnection(daemon.submit)
        feed.request('GET', '/api/v1/events', headers={'X-API-KEY': house.KEY})
        feed.getresponse()
        made = requests_of_all_kinds(daemon)
        check('a reader of the feed counts', scrape(daemon.submit).get(
            'http_streams', socket='submit') == 1)
        feed.close()
        met = meet_limits(daemon)
        house.await_that('all is resolved', lambda: resolved(daemon))
        house.await_that('receipts are settled', home.far.settled)
        figures = scrape(daemon.submit)
        check('each limit is counted where it was met', all(
            figures.get('limit_met_total', limit=limit) == 1 for limit in met),
            figures.by('limit_met_total', 'limit'))
        same_as_api(home, figures, made)
        layers(home, figures)
        rules(figures)
        check('no counter falls', not fell(first, figures), fell(first, figures))
        promtool('a scrape behind all kinds of traffic', figures.text)
        check('the control socket answers it too', scrape(daemon.control).types == figures.types)
        over_tcp(daemon)
        last = cardinality(daemon)
        key = json.dumps([NUMBER, TEXT, WRONG, house.KEY, house.ACCOUNT, 'BX-'])
        check('nothing planted shows: number, text, keys, account, message ids', not [
            word for word in json.loads(key) if word in last.text])
        queued_too_long(home, link_lost(home, last))
        daemon.stop()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
