#!/usr/bin/python3
# builds: asan
"""The API's HTTP, over the Unix socket and over TCP: every call refused by each rule of the protocol,
wrong methods, HEAD, connections that stay, requests in one write, who may come in by TCP and under
which Host. Prints TAP."""
import http.client
import io
import json
import os
import re
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import client  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
V1 = '/api/v1'
MESSAGE = 'BX-1-0123456789abcdef'
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:2000] for detail in details])


class Wire:
    """One connection, by its octets. `way` is a Unix socket's path or (host, port)."""

    def __init__(self, way, witness):
        self.witness = witness
        self.link = socket.socket(socket.AF_INET if isinstance(way, tuple) else socket.AF_UNIX)
        self.link.settimeout(house.PATIENCE_S)
        self.link.connect(way)
        self.file = self.link.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.link.close()

    def say(self, octets):
        try:
            self.link.sendall(octets)
        except ConnectionError:  # it has answered and gone before all was said
            pass

    def hear(self, method, target):
        """The next answer: status, fields, octets, and what they are as JSON."""
        response = http.client.HTTPResponse(self, method=method)
        response.begin()
        response.octets = response.read()
        response.body = client.as_json(response.headers, response.octets)
        self.witness.hear(method, target, response.status, response.headers, response.octets)
        return response

    def makefile(self, _):
        """http.client would close it, and what it has read ahead would be gone."""
        return io.BufferedReader(Open(self.file), 1)

    def ended(self):
        return self.file.read(1) == b''


class Open(io.RawIOBase):
    """A file that outlives whoever closes this."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def readable(self):
        return True

    def readinto(self, into):
        octets = self.file.read(len(into))
        into[:len(octets)] = octets
        return len(octets)


def head(method, target, *fields, key=house.KEY, host='localhost', version='1.1'):
    lines = [f'{method} {target} HTTP/{version}']
    lines += [f'Host: {host}'] if host else []
    lines += [f'X-API-KEY: {key}'] if key else []
    return ('\r\n'.join([*lines, *fields]) + '\r\n\r\n').encode()


def once(way, witness, method, target, octets):
    with Wire(way, witness) as wire:
        wire.say(octets)
        return wire.hear(method, target)


def targets(witness):
    for path, method, operation in witness.api.operations:
        target = path.replace('{order_id}', '1').replace('{bx_message_id}', MESSAGE).replace(
            '{route_id}', '1')
        yield path, method, target, operation


def rules(how, way, witness):
    """Each call, and each rule that a request may break before anybody asks what it wants."""
    for path, method, target, operation in targets(witness):
        length = ('Content-Length: 2',) if method == 'POST' else ()
        rows = [(400, head(method, target, *length, host=None)),
                (400, head(method, target, *length, 'Host: localhost')),
                (400, head(method, target, 'Content-Length: 1x')),
                (413, head(method, target, 'Content-Length: 1048577')),
                (431, head(method, target, *length, 'X: ' + 'x' * 9000)),
                (431, head(method, target, *length, *['X: x'] * 65)),
                (505, head(method, target, *length, version='2.0')),
                (411, head(method, target, 'Transfer-Encoding: chunked'))]
        if method == 'POST':
            rows.append((411, head(method, target)))
        wrong = []
        for status, octets in rows:
            if status == 411 and method != 'POST':
                continue
            answer = once(way, witness, method, target, octets)
            if answer.status != status or answer.getheader('Connection') != 'close' or \
                    not isinstance(answer.body['detail'], str):
                wrong.append((status, octets[:200], answer.status, answer.octets))
        check(f'{how}: {method} {path} obeys the rules of HTTP', not wrong, *wrong)
        if how == 'tcp' and operation.get('security') != []:  # the other has a uid
            answer = once(way, witness, method, target, head(method, target, *length, key=None) +
                          (b'{}' if length else b''))
            check(f'{how}: {method} {path} wants a key', answer.status == 401, answer.octets)
    large = once(way, witness, 'POST', f'{V1}/send_sms', head(
        'POST', f'{V1}/send_sms', 'Content-Length: 1048577'))
    check(f'{how}: 413 names the limit', '1048576' in large.body['detail'], large.octets)
    octets = json.dumps({'route_id': 99}).encode()
    whole = once(way, witness, 'POST', f'{V1}/send_sms', head(
        'POST', f'{V1}/send_sms', 'Content-Length: 1048576') + octets.ljust(1048576))
    check(f'{how}: a body of just the limit is read', whole.status == 422 and
          whole.body['detail'][0]['type'] == 'missing', whole.octets)


def methods(how, way, witness):
    api = witness.api.document['paths']
    for path, item in api.items():
        target = path.replace('{order_id}', '1').replace('{bx_message_id}', MESSAGE).replace(
            '{route_id}', '1')
        allowed = [name.upper() for name in item if name != 'parameters']
        for method in METHODS:
            if method in allowed or (method == 'HEAD' and 'GET' in allowed):
                continue
            answer = once(way, witness, method, target, head(method, target, 'Content-Length: 0'))
            check(f'{how}: {method} {path} is not allowed', answer.status == 405 and
                  answer.getheader('Allow') == ', '.join(allowed) and
                  (method == 'HEAD' or answer.body['detail'] == 'Method Not Allowed'),
                  answer.status, answer.headers, answer.octets)
        if 'GET' in allowed and path != f'{V1}/events':
            whole = once(way, witness, 'GET', target, head('GET', target, 'Connection: close'))
            short = once(way, witness, 'HEAD', target, head('HEAD', target, 'Connection: close'))
            fields = ('Content-Type', 'Connection', 'Allow')
            check(f'{how}: HEAD {path} is GET without its body', short.octets == b'' and
                  short.status == whole.status and
                  [short.getheader(name) for name in fields] ==
                  [whole.getheader(name) for name in fields] and
                  int(short.getheader('Content-Length')) > 0, short.headers, whole.headers)
    for target in ('/', '/api', V1, f'{V1}/', f'{V1}/nothing', f'{V1}/balance/', f'{V1}//balance',
                   '/API/V1/BALANCE', '/healthz/x', f'{V1}/dlr/{MESSAGE}/x'):
        answer = once(way, witness, 'GET', target, head('GET', target))
        check(f'{how}: {target} is not there', answer.status == 404 and
              answer.body['detail'] == 'Not Found' and answer.body['hint'], answer.octets)


def connections(how, way, witness):
    with Wire(way, witness) as wire:
        for n in range(5):
            wire.say(head('GET', f'{V1}/routes/{n + 1}'))
            answer = wire.hear('GET', f'{V1}/routes/{n + 1}')
            if answer.status != 200 or answer.body['route']['route_id'] != n + 1:
                break
        check(f'{how}: a connection stays', n == 4 and answer.status == 200, n, answer.octets)
        wire.say(head('GET', f'{V1}/orders/99'))
        check(f'{how}: a refusal does not end it', wire.hear('GET', f'{V1}/orders/99').status == 404)
        wire.say(head('HEAD', f'{V1}/events') + head('GET', '/version'))
        check(f'{how}: HEAD of what has no end does end', [
            wire.hear('HEAD', f'{V1}/events').status, wire.hear('GET', '/version').status] ==
            [200, 200])
        wire.say(head('GET', '/version', 'Connection: close'))
        answer = wire.hear('GET', '/version')
        check(f'{how}: it ends when the client says so', answer.status == 200 and
              answer.getheader('Connection') == 'close' and wire.ended(), answer.headers)
    with Wire(way, witness) as wire:
        wire.say(head('GET', '/version', version='1.0'))
        check(f'{how}: HTTP/1.0 is answered, and that is the end', wire.hear(
            'GET', '/version').status == 200 and wire.ended())


def in_one_write(how, way, witness):
    """Fifty requests; then an order, and the question what became of it, which must see it."""
    order = [(n * 7) % 5 + 1 for n in range(50)]
    with Wire(way, witness) as wire:
        wire.say(b''.join(head('GET', f'{V1}/routes/{n}') for n in order))
        heard = [wire.hear('GET', f'{V1}/routes/{n}').body['route']['route_id'] for n in order]
        check(f'{how}: fifty requests in one write are answered in their order', heard == order,
              heard)
        octets = json.dumps({'route_id': 1, 'caller_id': 'ACME', 'numbers': ['31612345678'],
                             'message': 'hello'}).encode()
        listing = f'{V1}/orders?limit=1'
        wire.say(head('POST', f'{V1}/send_sms', f'Content-Length: {len(octets)}') + octets +
                 head('GET', listing))
        sent = wire.hear('POST', f'{V1}/send_sms').body
        newest = wire.hear('GET', listing).body['orders'][0]
        check(f'{how}: an order is there for the request behind it',
              newest['order_id'] == sent['order_id'], sent, newest)


def late(how, way, witness):
    """Whoever is in no hurry: all calls at once, each request cut in its header or its body."""
    wires = []
    for _, method, target, _ in targets(witness):
        for octets in (head(method, target, 'Content-Length: 2')[:-2],
                       head(method, target, 'Content-Length: 2') + b'{'):
            wire = Wire(way, witness)
            wire.say(octets)
            wires.append((method, target, wire))
    wrong = []
    for method, target, wire in wires:
        answer = wire.hear(method, target)
        if answer.status != 408 or answer.getheader('Connection') != 'close':
            wrong.append((method, target, answer.status, answer.octets))
        wire.__exit__()
    check(f'{how}: a request that does not arrive is given up', not wrong, *wrong[:5])


def hints(way, witness):
    """curl --unix-socket S http://balance"""
    answer = once(way, witness, 'GET', '/', head('GET', '/', host='balance'))
    check('a word that arrives as the host gets a hint', answer.status == 404 and
          'http://localhost/api/v1/balance' in answer.body['hint'], answer.octets)
    answer = once(way, witness, 'GET', '/balance', head('GET', '/balance'))
    check('a path without its beginning gets a hint', answer.status == 404 and
          V1 in answer.body['hint'], answer.octets)


def hosts(way, witness):
    port = way[1]
    for host in ('localhost', 'LOCALHOST', f'localhost:{port}', '127.0.0.1', f'127.0.0.1:{port}',
                 '[::1]', f'[::1]:{port}'):
        answer = once(way, witness, 'GET', '/version', head('GET', '/version', host=host))
        check(f'over TCP the Host {host} is ours', answer.status == 200, answer.octets)
    for host in ('evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.2',
                 '127.0.0.1:x', '[::1', '[::1]x', '::1]', 'x', '192.0.2.1', '[::2]'):
        answer = once(way, witness, 'GET', '/version', head('GET', '/version', host=host))
        check(f'over TCP the Host {host} is refused', answer.status == 400 and
              answer.body['detail'] == 'Host not allowed.' and
              answer.body['code'] == 'host_not_allowed', answer.octets)


def by_tcp_only_this(way, witness):
    """No uid speaks over TCP, and neither operators' nor debugging calls are there."""
    answer = once(way, witness, 'GET', f'{V1}/balance', head('GET', f'{V1}/balance', key=None))
    check('over TCP nobody comes in without a key', answer.status == 401 and
          answer.body['code'] == 'missing_api_key', answer.octets)
    for target in ('/control/v1/status', '/control/v1/accounts', '/control/v1/links', '/tap/v1/tap',
                   '/control/v1/accounts/import', '/tap', '/'):
        answer = once(way, witness, 'GET', target, head('GET', target))
        check(f'over TCP there is no {target}', answer.status == 404, answer.octets)


def three(way, witness):
    """Connections that are let in; None while one that has gone still counts."""
    wires = [Wire(way, witness) for _ in range(3)]
    for wire in wires:
        wire.say(head('GET', '/version'))
    if all(wire.hear('GET', '/version').status == 200 for wire in wires):
        return wires
    for wire in wires:
        wire.__exit__()
    return None


def crowded():
    """One connection more than there may be, of one user and in all."""
    uid, both = 'limits.connections_per_uid=3', 'limits.connections=3'
    for how, limits in (('unix', (uid,)), ('tcp', (uid, both))):
        with house.House(far=('--quiet',), sets=('listen=127.0.0.1:0', *limits)) as home:
            home.daemon.start()
            witness = client.Witness()
            way = home.daemon.submit if how == 'unix' else (
                '127.0.0.1', int(client.over_tcp(home.daemon).rsplit(':', 1)[1]))
            wires = house.await_that('three come in', lambda: three(way, witness))
            with Wire(way, witness) as wire:
                answer = wire.hear('GET', '/version')
            check(f'{how}: who is one too many is told', answer.status == 503 and
                  answer.body['code'] == 'too_many_connections' and not witness.objections, answer.octets, witness.objections)
            for wire in wires:
                wire.__exit__()


def elsewhere():
    """Whoever listens beyond this machine is warned, and reaches it by that address."""
    with house.House(far=('--quiet',), sets=('listen=0.0.0.0:0',)) as home:
        home.daemon.start()
        said = home.daemon.said(1 << 20)
        check('who listens beyond this machine is warned', re.search(
            r'warning server\.exposed listen=0\.0\.0\.0 .*clear', said), said)
    with house.House(far=('--quiet',), sets=('listen=127.0.0.2:0',)) as home:
        home.daemon.start()
        said = home.daemon.said(1 << 20)
        port = int(re.search(r'server\.listening address=127\.0\.0\.2:(\d+)', said).group(1))
        witness = client.Witness()
        answer = once(('127.0.0.2', port), witness, 'GET', '/version',
                      head('GET', '/version', host=f'127.0.0.2:{port}'))
        check('the host that is listened on is ours, and loopback is not warned of',
              answer.status == 200 and 'server.exposed' not in said, answer.octets, said)


MIB = 1 << 20
SLOW = 'slow-client-0123456789abcdef0123456789abcdef'


def upload(way, method, target, key, octets=b''):
    """A request whose body of 1 MiB has only begun."""
    wire = Wire(way, client.Witness())
    wire.say(head(method, target, f'Content-Length: {MIB}', key=key) + octets)
    return wire


def with_room(*limits):
    """Two long bodies fit; there is a second account, which is in no hurry."""
    home = house.House(far=('--quiet',), sets=(
        'limits.body=1MiB', 'limits.in_flight=2MiB', *limits))
    home.daemon.start()
    home.daemon.open_account()
    home.daemon.operate('POST', '/control/v1/accounts/import', {
        'accounts': [{'name': 'slow', 'opening': '1', 'keys': [{'key': SLOW}]}]})
    return home


def slow_uploads():
    """Long bodies that do not end: of nobody, then of one account. Others post as if they were not
    there."""
    whole = json.dumps({'route_id': 99}).encode().ljust(MIB)
    send = f'{V1}/send_sms'
    with with_room('limits.body_time=5m', 'limits.request_time=5m') as home:
        way = home.daemon.submit
        strangers = [upload(way, 'POST', send, 'wrong') for _ in range(3)]
        heard = [wire.hear('POST', send) for wire in strangers]
        check('a long body with a wrong key is refused before it is here',
              [answer.status for answer in heard] == [401] * 3 and all(
                  answer.getheader('Connection') == 'close' for answer in heard), heard)
        for method, target, status in (('POST', f'{V1}/balance', 405), ('POST', '/nothing', 404)):
            with upload(way, method, target, SLOW) as wire:
                check(f'so is one that goes nowhere: {target}',
                      wire.hear(method, target).status == status)
        slow = [upload(way, 'POST', send, SLOW, bytes(150000)) for _ in range(20)]
        with Wire(way, client.Witness()) as wire:
            wire.say(head('POST', send, f'Content-Length: {MIB}', 'Expect: 100-continue'))
            first = wire.file.readline() + wire.file.readline()
            wire.say(whole)
            answer = wire.hear('POST', send)
            check('the long uploads of one account hold up no other', answer.status == 422 and
                  first == b'HTTP/1.1 100 Continue\r\n\r\n', first, answer.octets)
        slow[0].__exit__()
        slow[1].say(bytes(MIB - 150000))
        check('who waits gets the room that becomes free', slow[1].hear('POST', send).status == 422)
        for wire in strangers + slow[1:]:
            wire.__exit__()


def no_room():
    """A stream keeps the room of its request; who waits for it in vain is told."""
    with with_room('limits.body_time=1500ms') as home:
        way = home.daemon.submit
        events, send = f'{V1}/events', f'{V1}/send_sms'
        with upload(way, 'GET', events, SLOW, bytes(MIB)) as wire:
            house.await_that('the stream has begun', lambda: b'200' in wire.file.readline())
            with upload(way, 'POST', send, SLOW) as late_one:
                answer = late_one.hear('POST', send)
                check('a body that finds no room in time is told so', answer.status == 503 and
                      answer.body['code'] == 'no_room' and answer.getheader('Retry-After') and
                      'limits.in_flight' in answer.body['hint'], answer.octets)


def examples(witness):
    """What the description shows of a refusal is what is said, but for the figures."""
    heard = {re.sub(r'\d+', 'N', text) for octets in witness.texts
             for text in re.findall(r'^{"detail":"([^"]*)"', octets.decode())}
    shown = [answer['content']['application/json']['example']
             for answer in witness.api.document['components']['responses'].values()]
    shown = {re.sub(r'\d+', 'N', one['detail']) for one in shown
             if one['stage'] == 'protocol' or one['code'] == 'body_too_large'}
    check('the description shows the refusals of HTTP in their own words',
          len(shown) == 6 and shown <= heard, shown - heard, heard)


SETS = ('listen=127.0.0.1:0', 'limits.header_time=1500ms', 'limits.body_time=1500ms',
        'limits.request_time=1500ms', f'uids.{os.geteuid()}={house.ACCOUNT}')
with house.House(far=('--quiet',), sets=SETS) as the_home:
    the_daemon, the_witness = the_home.daemon, client.Witness()
    the_daemon.start()
    the_daemon.open_account()
    the_tcp = ('127.0.0.1', int(client.over_tcp(the_daemon).rsplit(':', 1)[1]))
    the_status = house.ask(the_daemon.submit, 'GET', f'{V1}/balance')[0]
    check('over the Unix socket a local user needs no key', the_status == 200, the_status)
    for the_how, the_way in (('tcp', the_tcp), ('unix', the_daemon.submit)):
        methods(the_how, the_way, the_witness)
        connections(the_how, the_way, the_witness)
        in_one_write(the_how, the_way, the_witness)
        late(the_how, the_way, the_witness)
        rules(the_how, the_way, the_witness)
    hosts(the_tcp, the_witness)
    by_tcp_only_this(the_tcp, the_witness)
    hints(the_daemon.submit, the_witness)
    examples(the_witness)
    the_witness.judge(check, the_daemon)
crowded()
elsewhere()
slow_uploads()
no_room()
sys.exit(TAP.end())
