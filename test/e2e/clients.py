#!/usr/bin/python3
# builds: asan
"""Clients that do not behave, or all come at once: those that end their side, dawdle, do not read,
crowd the socket, spend one balance together or use one key together; and a record that cannot be
read. Prints TAP."""
import json
import os
import resource
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
SPENDERS, SPENDS = 200, 3
CROWD = 40
TOGETHER = 50
SETS = (f'limits.connections_per_uid={CROWD}', 'limits.header_time=1s',
        'limits.output_stall=1s', 'routes.1.receipt_deadline=3s')


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


def intent(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': ['31612345678'], 'message': 'hello',
            **changes}


def octets(method, target, body=None, version='1.1', **fields):
    """A request as it goes over the wire."""
    text = json.dumps(body) if body is not None else ''
    lines = [f'{method} {target} HTTP/{version}', 'Host: localhost',
             f'X-API-KEY: {fields.pop("key", house.KEY)}', f'Content-Length: {len(text)}']
    lines += [f'{name.replace("_", "-")}: {value}' for name, value in fields.items()]
    return ('\r\n'.join(lines) + '\r\n\r\n' + text).encode()


def connect(path, seconds=5):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(seconds)
    link.connect(path)
    return link


def read_all(link):
    """What comes until the end; the end itself as b'|' and a time-out as b'?'."""
    answer = b''
    try:
        while more := link.recv(65536):
            answer += more
        return answer + b'|'
    except TimeoutError:
        return answer + b'?'
    except ConnectionError:
        return answer + b'!'
    finally:
        link.close()


def half_closed(daemon):
    def ask(*arguments, **fields):
        link = connect(daemon.submit)
        link.sendall(octets(*arguments, **fields))
        link.shutdown(socket.SHUT_WR)
        return read_all(link)

    answer = ask('GET', '/api/v1/balance')
    check('half closed: a request is answered, then the connection ends',
          answer.startswith(b'HTTP/1.1 200') and answer.endswith(b'}|'), answer)
    answer = ask('POST', '/api/v1/send_sms', intent())
    check('half closed: an intent is accepted', b'"order_id":' in answer, answer)
    answer = ask('GET', '/api/v1/orders/1/dlr')
    check('half closed: a page of many slices comes whole', answer.endswith(b'}\r\n0\r\n\r\n|') and
          answer.count(b'"bx_message_id"') == 500, answer[-200:])
    link = connect(daemon.submit)
    link.sendall(octets('GET', '/api/v1/events'))
    link.recv(100)
    link.shutdown(socket.SHUT_WR)
    answer = read_all(link)
    check('half closed: a stream without end ends', not answer.endswith(b'?'), answer[-200:])
    link = connect(daemon.submit)
    link.sendall(octets('POST', '/api/v1/send_sms', intent())[:-5])
    link.shutdown(socket.SHUT_WR)
    answer = read_all(link)
    check('half closed within a request: it ends without an answer', answer == b'|', answer)


def head_of_a_stream(daemon):
    link = connect(daemon.submit)
    link.sendall(octets('HEAD', '/api/v1/events', version='1.0'))
    answer = read_all(link)
    check('HEAD of a stream over HTTP/1.0 ends the connection', answer.startswith(b'HTTP/1.1 200')
          and answer.endswith(b'\r\n\r\n|'), answer)


def crowd(daemon):
    links = [connect(daemon.submit) for _ in range(CROWD)]
    for link in links:
        link.sendall(octets('GET', '/version'))
    served = sum(link.recv(4096).startswith(b'HTTP/1.1 200') for link in links)
    check('as many connections as one uid may have are served', served == CROWD, served)
    answer = read_all(connect(daemon.submit))
    check('one more is refused and told when to come again', answer.startswith(b'HTTP/1.1 503') and
          b'Retry-After: 5' in answer and b'too_many_connections' in answer, answer)
    status, answer = daemon.operate('GET', '/control/v1/links')
    check('an operator of the same uid gets in', status == 200, answer)
    for link in links:
        link.close()
    house.await_that('the crowd has gone', lambda: daemon.api('GET', '/api/v1/balance')[0] == 200)


def dawdle(daemon):
    link = connect(daemon.submit)
    begun = time.monotonic()
    link.setblocking(False)
    answer = b''
    for octet in octets('GET', '/version'):
        try:
            link.send(bytes([octet]))
            answer = link.recv(4096)
            break
        except BlockingIOError:
            time.sleep(0.1)
    took = time.monotonic() - begun
    check('a header in single octets is refused when its time is up', b' 408 ' in answer and
          0.9 < took < 3, answer, took)
    link.close()


def deaf(daemon):
    links = []
    for _ in range(20):
        link = connect(daemon.submit)
        link.sendall(octets('GET', '/api/v1/orders/1/dlr') * 2 +
                     octets('GET', '/api/v1/events?since=0'))
        links.append(link)
    begun = time.monotonic()
    status = daemon.api('GET', '/api/v1/balance')[0]
    took = time.monotonic() - begun
    check('twenty that do not read delay nobody', status == 200 and took < 2, status, took)
    house.await_that('those that do not read are given up',
                     lambda: daemon.said(1 << 20).count('connection.stalled') == len(links))
    check('and are given up', True)
    for link in links:
        link.close()


def spend_together(daemon):
    key = 'spender-0123456789abcdef'
    daemon.operate('POST', '/control/v1/accounts/import', {
        'accounts': [{'name': 'spender', 'opening': '8.8', 'keys': [{'key': key}]}]})
    got = []

    def spend():
        for _ in range(SPENDS):
            got.append(daemon.api('POST', '/api/v1/send_sms', intent(), key=key)[0])

    threads = [threading.Thread(target=spend) for _ in range(SPENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = daemon.operate('GET', '/control/v1/accounts/spender/ledger?limit=500')[1]['ledger']
    check('two hundred at once spend a balance to nothing and no further',
          got.count(200) == 100 and len(rows) == 101 and rows[0]['balance_after'] == 0 and
          min(row['balance_after'] for row in rows) == 0, got.count(200), len(rows), rows[:2])
    check('the others are told so', got.count(402) + got.count(503) == len(got) - 100 and
          got.count(402) > 0, sorted(set(got)))


def one_key_together(daemon):
    """Requests of one key that meet in a turn."""
    answers = set()
    for n in range(5):
        links = [connect(daemon.submit) for _ in range(TOGETHER // 2)]
        request = octets('POST', '/api/v1/send_sms', intent(colour='red', client_ref=f'r{n}'),
                         Connection='close', Idempotency_Key=f'together-{n}')
        for link in links:
            link.sendall(request)
        bodies = {read_all(link).partition(b'\r\n\r\n')[2] for link in links}
        answers.add(len(bodies))
        good = len(bodies) == 1 and b'"order_id":' in next(iter(bodies))
        if not good:
            break
    check('one key used by many at once makes one order, told to all in the same octets', good,
          answers, bodies)


def no_descriptors(home):
    """Clients take every descriptor they can get, and the carrier comes back."""
    daemon = home.daemon
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (60, 60))
    links = [connect(daemon.submit) for _ in range(CROWD)]
    links += [connect(daemon.control) for _ in range(CROWD)]
    home.far.end()
    home.far = house.FarEnd(home.folder, '--quiet', name='again', command=[
        house.program('smsc-sim'), '--listen', f'127.0.0.1:{home.far.port}'])
    try:
        house.await_that('the link is bound again',
                         lambda: daemon.said(1 << 20).count('link.bound') == 2, 10)
        good = True
    except house.Trouble:
        good = False
    check('clients leave descriptors for the links to carriers', good, daemon.said())
    for link in links:
        link.close()
    house.await_that('clients are served again', lambda: daemon.api('GET', '/version')[0] == 200)
    with open(f'/proc/{daemon.process.pid}/stat', encoding='utf-8') as file:
        spent = file.read().rpartition(')')[2].split()
    ticks = os.sysconf('SC_CLK_TCK')
    check('without spinning', (int(spent[11]) + int(spent[12])) / ticks < 10, spent[11:13])


def unreadable(home):
    """The record of a resolved order, damaged on disk; a client asks for it again and again."""
    daemon, mark = home.daemon, b'damaged-reference'
    order = daemon.api('POST', '/api/v1/send_sms', intent(client_ref=mark.decode()))[1]['order_id']
    house.await_that('the order is resolved', lambda: daemon.resolved(order))
    check('it ends in order', daemon.stop() == 0, daemon.said())
    with open(os.path.join(daemon.store, 'data.mdb'), 'r+b') as file:
        whole = bytearray(file.read())
        at = whole.find(mark)
        while at >= 0:
            whole[at] ^= 1
            at = whole.find(mark, at)
        file.seek(0)
        file.write(whole)
    daemon.start()
    status, answer = daemon.api('GET', f'/api/v1/orders/{order}')
    check('a record that cannot be read is 500, and says how to look', status == 500 and
          'store check' in answer['hint'], status, answer)
    over = threading.Event()

    def ask():
        while not over.is_set():
            daemon.api('GET', f'/api/v1/orders/{order}')

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for thread in askers:
        thread.start()
    begun = time.monotonic()
    try:
        other = daemon.api('POST', '/api/v1/send_sms', intent())[1]['order_id']
        good = house.await_that('another order is resolved', lambda: daemon.resolved(other), 10)
        took = time.monotonic() - begun
    finally:
        over.set()
        for thread in askers:
            thread.join()
    check('asking for it all the time delays no other order', good['delivered'] == 1 and took < 3,
          took)


def main():
    with house.House(['--quiet'], SETS) as home:
        home.daemon.start()
        home.daemon.open_account()
        numbers = [str(31600000000 + n) for n in range(1000)]
        home.daemon.api('POST', '/api/v1/send_sms', intent(numbers=numbers))
        half_closed(home.daemon)
        head_of_a_stream(home.daemon)
        crowd(home.daemon)
        dawdle(home.daemon)
        deaf(home.daemon)
        one_key_together(home.daemon)
        no_descriptors(home)
        unreadable(home)
        check('and it ends in order', home.daemon.stop() == 0, home.daemon.said())
    with house.House(['--quiet']) as home:
        home.daemon.start()
        spend_together(home.daemon)
        check('and that one too', home.daemon.stop() == 0, home.daemon.said())
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
