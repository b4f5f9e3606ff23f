#!/usr/bin/python3
# builds: asan
"""The log goes on where the answer ended: from a request id to the end of each of its messages, by
grep alone. Without log.messages an order still says what became of it. Prints TAP."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
N = 60
NUMBERS = [str(31648151000 + n) for n in range(N)]
TEXT = 'canary 481516'
MIX = 'failed=10,expired=10,none=10,throttled=10,unanswered=5,busy=5,refused=5'


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


def send(daemon, **changes):
    """(order, request id) of the answer."""
    link = house.UnixConnection(daemon.submit)
    try:
        body = house.json.dumps({'route_id': 1, 'caller_id': 'ACME', 'numbers': NUMBERS,
                                 'message': TEXT, **changes})
        link.request('POST', '/api/v1/send_sms', body, {'X-API-KEY': house.KEY})
        answer = link.getresponse()
        return house.json.loads(answer.read()), answer.headers['X-Request-Id']
    finally:
        link.close()


def grep(daemon, word):
    """[(event, {field: value})] of the lines that hold the word, in order."""
    found = []
    for line in daemon.said(1 << 24).splitlines():
        if word in line:
            _, _, event, fields = line.split(' ', 3)
            found.append((event, dict(re.findall(r'([a-z_]+)=(\S*)', fields))))
    return found


def follow(home):
    daemon = home.daemon
    answer, request = send(daemon)
    number = str(answer['order_id'])
    order = house.await_that('the order is resolved', daemon.resolved)
    lines = grep(daemon, f'request_id={request}')
    check('A62: each line of an order and its messages names order and route', len(lines) > N + 2
          and all(fields['order'] == number and fields['route'] == '1'
                  for _, fields in lines), lines[:3])
    whole = [(event, fields) for event, fields in lines if event.startswith('order.')]
    check('the order is accepted first and resolved at last, a line each', lines[0] == whole[0] and
          [event for event, _ in whole] == ['order.accepted', 'order.resolved'] and
          whole[0][1]['status'] == 'QUEUED', whole)
    check('its last line counts what the API counts', whole[-1][1].items() >= {
        'status': order['status'], 'messages': str(N), 'delivered': str(order['delivered']),
        'failed': str(order['failed']), 'unknown': str(order['unknown'])}.items(), whole, order)
    ends = {}
    for event, fields in lines:
        if event == 'message.status':
            ends.setdefault(fields['message'], []).append(fields)
    page = daemon.api('GET', f'/api/v1/orders/{number}/dlr?limit=500')[1]['messages']
    told = {m['bx_message_id']: (m['status'], m['error'] or '-', str(m['attempts']))
            for m in page}
    last = {message: (ends[message][-1]['status'], ends[message][-1]['error'],
                      ends[message][-1]['attempts']) for message in ends}
    check('A89: the last line of each message is the end that the API tells', last == told and
          all(fields[-1]['final'] == 'yes' for fields in ends.values()),
          {key: (last.get(key), told[key]) for key in told if last.get(key) != told[key]})
    check('A89: several ends are among them', {status for status, _, _ in last.values()} ==
          {'DELIVERED', 'FAILED', 'EXPIRED', 'UNKNOWN'}, last)
    kinds = [fields['status'] for fields in next(
        lines for lines in ends.values() if lines[-1]['status'] == 'DELIVERED')]
    check('and what came before it', kinds[-2:] == ['SENT', 'DELIVERED'], kinds)
    check('a message is in doubt for all to see', any(
        fields['in_doubt'] == 'yes' for lines in ends.values() for fields in lines))
    return ends


def refused(daemon):
    _, request = send(daemon, numbers=['31612345678', '34612345678'])
    lines = grep(daemon, f'request_id={request}')
    check('A9: a refused request is one line, with its route', [
        (event, fields['status'], fields['route']) for event, fields in lines] ==
        [('request.refused', '422', '1')], lines)


def masked(daemon):
    text = daemon.said(1 << 24)
    shown = [word for word in (*NUMBERS, TEXT, house.KEY) if word in text]
    check('no number, text or key is in the log', not shown, shown)


def main():
    with house.House(['--quiet', '--latency-ms', '1-5', '--seed', '3', '--mix', MIX],
                     ('log.messages=true', 'routes.1.receipt_deadline=3s',
                      'routes.1.retries.delays=100ms', 'providers.alpha.timers.pause_min=100ms',
                      'providers.alpha.timers.response=1s')) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        follow(home)
        refused(daemon)
        masked(daemon)
        daemon.stop()
        daemon.sets.append('log.messages=false')
        daemon.start()
        _, request = send(daemon)
        house.await_that('the order is resolved', lambda: daemon.resolved(2))
        lines = grep(daemon, f'request_id={request}')
        check('without log.messages an order is two lines', [event for event, _ in lines] ==
              ['order.accepted', 'order.resolved'], lines)
        daemon.stop()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
