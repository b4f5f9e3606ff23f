#!/usr/bin/python3
# builds: asan
"""smpp-trace message and order: what the daemon's store has, in the views that captures have, against
a real carrier's side: every submit of smsc-sim's log is in it, and nothing that is not known is
shown. Prints TAP.
"""
import json
import os
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

FAR = ('--late-ms=3000', '--ids=HEX', '--receipt-ids=decimal', '--latency-ms=20', '--receipt-delay-ms=30')
SETS = ('providers.alpha.timers.response=1s', 'providers.alpha.timers.pause_min=200ms',
        'routes.1.receipt_deadline=1h', 'routes.3.keep_text=final')
TEXT = 'Your code is 4711'
PLAIN, REJECTED, THROTTLED, UNANSWERED, SLOW = (
    '31610000001', '31699990002', '31699990005', '31699990009', '31699990014')


class Traced:
    """A daemon whose messages are asked for."""

    def __init__(self, home, tap):
        self.home, self.tap = home, tap

    def run(self, *words):
        return subprocess.run(
            [house.program('smpp-trace'), '--socket', f'{self.home.folder}/tap.sock', *words],
            capture_output=True, text=True, timeout=60, check=False)

    def told(self, name, words, parts, status=0, lacks=()):
        done = self.run(*words)
        self.tap.result(done.returncode == status and all(part in done.stdout for part in parts) and
                        not any(part in done.stdout for part in lacks), name,
                        [str(done.returncode), done.stdout, done.stderr])
        return done.stdout

    def objects(self, *words):
        return [json.loads(line) for line in self.run('-T', 'json', *words).stdout.splitlines()]

    def refused(self, name, words, status, part):
        done = self.run(*words)
        self.tap.result(done.returncode == status and done.stdout == '' and part in done.stderr,
                        name, [str(done.returncode), done.stdout, done.stderr])

    def send(self, *numbers, text=TEXT, route=1):
        status, answer = self.home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': route, 'caller_id': 'ACME', 'message': text, 'numbers': list(numbers)})
        if status != 200:
            raise house.Trouble(f'refused: {status} {answer}')
        return answer['order_id'], [one['bx_message_id'] for one in answer['messages']]

    def until(self, message, *statuses):
        def reached():
            _, dlr = self.home.daemon.api('GET', f'/api/v1/dlr/{message}')
            return dlr['status'] in statuses
        house.await_that(f'{message} is {statuses}', reached, 20)


def delivered(traced):
    _, (message,) = traced.send(PLAIN)
    traced.until(message, 'DELIVERED')
    out = traced.told('a delivered message is told', ('message', message), (
        'accepted for route 1', ' -> submit_sm sequence_number=', 'destination_addr="********001"',
        ' <- submit_sm_resp ', 'ESME_ROK', ' of #1 to=********001', 'receipt=DELIVERED',
        '* DELIVERED: '), lacks=(TEXT, PLAIN, 'data_coding', 'registered_delivery', 'short_message'))
    ids = re.search(r'message_id="([0-9A-F]+)"', out)[1], re.search(r'\(id="(\d+)"', out)[1]
    traced.tap.result(int(ids[0], 16) == int(ids[1]) and
                      f'of #1 ("{ids[1]}" = hex {ids[0].lower()}) after ' in out,
                      'the receipt is joined, by the rule that the daemon went by', [out])
    with open(traced.home.far.log, encoding='utf-8') as log:
        lines = [line for line in log if ids[0] in line or ids[1] in line]
    traced.tap.result(len(lines) >= 2, "the ids are the carrier's", lines)
    traced.told('with the right to, text and number are seen',
                ('--text', '--numbers', 'message', message), (f'text: {TEXT}', f'="{PLAIN}"'))
    traced.told('each alone', ('--numbers', 'message', message), (PLAIN,), lacks=(TEXT,))
    traced.told('and the other', ('--text', 'message', message), (TEXT,), lacks=(PLAIN,))
    done = traced.run('message', message)
    traced.tap.result('rebuilt from the daemon' in done.stderr and 'not recorded' in done.stderr,
                      'it says what it is', [done.stderr])
    return message


def views(traced, message):
    out = traced.told('the block has what is known, and no more', ('-v', 'message', message), (
        "as the daemon's evidence has it; no octets are kept", 'submit_sm (SMPP 3.4, 4.4.1)',
        'receipt state        DELIVERED', 'receipt err          "000"'),
        lacks=('command_length', 'data_coding', 'esm_class', 'nothing says it'))
    traced.tap.result(not re.search(r'^ +\d+  ', out, re.M), 'nor any offset', [out])
    traced.told('the ladder', ('--ladder', 'message', message),
                ('submit_sm ---', 'submit_sm_resp ESME_ROK -|', '| * order '))
    submit, answer, receipt = (one for one in traced.objects('message', message) if 'number' in one)
    traced.tap.result(submit['command'] == 'submit_sm' and submit['octets'] is None and
                      'hex' not in submit and submit['smpp.source_addr'] == 'ACME' and
                      submit['attempt'] == 1 and submit['msg'] == message and
                      'smpp.data_coding' not in submit, 'JSON of a submit', [submit])
    traced.tap.result(answer['request'] == 1 and answer['rtt_ms'] >= 20 and
                      answer['status'] == 'ESME_ROK', 'JSON of an answer', [answer])
    traced.tap.result(receipt['receipt']['state'] == 'DELIVERED' and 'command' not in receipt and
                      receipt['submit']['number'] == 1 and
                      receipt['submit']['rule'] == 'dec_to_hex', 'JSON of a receipt', [receipt])
    traced.told('a filter chooses', ('-f', 'response & rtt>=20ms', 'message', message),
                ('submit_sm_resp',), lacks=('-> submit_sm ', 'accepted for'))
    traced.told('what is not known fits nothing', ('-f', 'data_coding=0 | esm_class!=9', 'message',
                                                   message), (), lacks=('submit_sm',))


def parts(traced):
    _, (message,) = traced.send(PLAIN, text='x' * 400, route=3)
    traced.until(message, 'DELIVERED')
    traced.told('parts are told as one message', ('message', message), (
        'part=1/3', 'part=2/3 of #1', 'part=3/3 of #1'), lacks=('reference',))
    traced.told('a text that is forgotten is said to be', ('--text', 'message', message),
                ('text of 400 octets, no longer kept',), lacks=('xxx',))


def throttled(traced):
    _, (message,) = traced.send(THROTTLED)
    traced.until(message, 'DELIVERED')
    traced.told('a throttle and what came of it', ('message', message), (
        'ESME_RTHROTTLED (rate limit exceeded) of #1', 'again=#1 (ESME_RTHROTTLED', 'attempt=2'))


def unanswered(traced):
    _, (message,) = traced.send(UNANSWERED)
    traced.until(message, 'UNKNOWN')
    traced.told('an answer that never came', ('message', message), (
        '!! submit_sm ', '(#1)', f'msg={message} is no longer waited for',
        'nothing came within the response time', 'it may have been sent',
        'UNKNOWN / SUBMIT_UNCONFIRMED'))
    (silence,) = (one for one in traced.objects('-f', 'unanswered', 'message', message)
                  if 'unanswered' in one)
    traced.tap.result(silence['why'] == 'given_up' and 990 <= silence['after_ms'] < 5000 and
                      silence['request'] == 1, 'and its JSON', [silence])


def queued(traced):
    traced.home.daemon.operate('POST', '/control/v1/routes/1/pause')
    _, (message,) = traced.send(PLAIN)
    traced.told('what still waits has no PDU', ('message', message), (
        'accepted for', 'QUEUED', 'no PDU was made of it yet', 'paused by the operator'),
        lacks=('submit_sm',))
    traced.home.daemon.operate('POST', '/control/v1/routes/1/resume')


def order(traced):
    number, messages = traced.send(PLAIN, REJECTED, THROTTLED, text='Another')
    for message in messages:
        traced.until(message, 'DELIVERED', 'FAILED')
    out = traced.told('an order is told in the order of time', ('order', str(number)), (
        '3 messages of 1 part', 'receipt=REJECTED', 'again=#', *(f'msg={one}' for one in messages)))
    times = re.findall(r'(\d\d:\d\d:\d\d\.\d{3}) ', out)
    traced.tap.result(times == sorted(times) and len(times) > 10, 'so it is', times)
    table = traced.run('-T', 'csv', '-e', 'command', '-e', 'msg', '-e', 'receipt.state', 'order',
                       str(number)).stdout.splitlines()
    traced.tap.result(table[0] == 'command,msg,receipt.state' and
                      sorted(table[1:]).count(f'submit_sm,{messages[2]},') == 2 and
                      f',{messages[1]},REJECTED' in table, 'as a table', table)
    traced.told('in figures', ('-c', 'order', str(number)), (
        '11 PDUs in the daemon', '1 errors, 0 unanswered', '1 submits sent again',
        '3 receipts: 3 joined', '4 submits, 1 of them throttled'),
        lacks=('octets,', 'limits it'))
    traced.told('and its notes alone', ('-f', 'note', 'order', str(number)),
                ('* order ', '* FAILED / DELIVERY_REJECTED'), lacks=('submit_sm',))
    only = traced.told('one of its messages', ('-f', f'msg={messages[1]}', 'order', str(number)),
                       (messages[1],), lacks=(messages[0], messages[2]))
    traced.tap.result(only.count('\n') == 4, 'and its own four lines only', [only])


class Watch:
    """live, from its first PDU on."""

    def __init__(self, traced, *words):
        self.traced = traced
        self.process = subprocess.Popen(
            [house.program('smpp-trace'), '--socket', f'{traced.home.folder}/tap.sock', *words,
             'live'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return out, err


def streams(traced, wanted):
    """So many watch."""
    def there():
        connection = house.UnixConnection(traced.home.daemon.control)
        try:
            connection.request('GET', '/metrics')
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        found = re.search(r'^esmed_http_streams\{socket="tap"\} (\d+)$', text, re.M)
        return found and int(found[1]) == wanted
    house.await_that(f'{wanted} watch', there, 20)


def watched(traced):
    """What passes says whose it is, also to somebody who came after the submit."""
    traced.home.daemon.operate('POST', '/control/v1/routes/1/pause')
    _, (first, other) = traced.send(PLAIN, '31610000007', text='Watched')
    _, (refused,) = traced.send(THROTTLED, text='Watched')
    whole, one = Watch(traced), Watch(traced, '-f', f'msg={first}', '-T', 'json')
    streams(traced, 2)
    traced.home.daemon.operate('POST', '/control/v1/routes/1/resume')
    for message in (first, other, refused):
        traced.until(message, 'DELIVERED')
    out, _ = whole.end()
    shown = [json.loads(line) for line in one.end()[0].splitlines()]
    traced.tap.result([each['command'] for each in shown] == [
        'submit_sm', 'submit_sm_resp', 'deliver_sm', 'deliver_sm_resp'] and
        all(each['msg'] == first for each in shown), 'a message is watched by its id', shown)
    traced.tap.result(all(f'msg={each}' in out for each in (first, other, refused)),
                      'every PDU says whose it is', out.splitlines())
    told = [line for line in out.splitlines() if ' * ' in line]
    traced.tap.result(
        len(told) == 3 and re.search(r'\* throttled: nothing is submitted for \d+ ms, until ', told[0])
        and f' * refused for now: attempt 2 goes not before ' in told[1] and refused in told[1] and
        ' * the pause is over: ' in told[2], 'what the daemon does about a throttle is told', told)


def watched_late(traced):
    """The submit has gone before anybody watched."""
    _, (message,) = traced.send(SLOW)
    traced.until(message, 'SENT')
    watch = Watch(traced, '-T', 'json')
    streams(traced, 1)
    traced.until(message, 'DELIVERED')
    receipts = [one for one in map(json.loads, watch.end()[0].splitlines()) if 'receipt' in one]
    traced.tap.result([one.get('msg') for one in receipts] == [message] and
                      receipts[0]['submit'] is None,
                      'a receipt is told whose it is though its submit was not seen', receipts)


def refusals(traced):
    traced.refused('an id that is none of this store', ('message', 'BX-1-0123456789abcdef'), 1,
                   'no message of that id')
    traced.refused('an order that was never accepted', ('order', '999'), 1, 'Order not found')
    traced.refused('what is no id', ('message', 'nonsense'), 2, 'BX-')
    traced.refused('what is no number', ('order', 'x'), 2, '`x`')
    traced.refused('two ids', ('message', 'BX-1-1', 'BX-1-2'), 2, 'one word too many')
    traced.refused('no PDU, no capture', ('-w', 'x.pcapng', 'order', '1'), 2, '-w')
    traced.refused('a filter that wants numbers', ('-f', 'to~^316', 'order', '1'), 2, '--numbers')
    traced.refused('no daemon', ('--socket', '/nowhere/tap.sock', 'order', '1'), 1, '/nowhere')
    done = subprocess.run([house.program('smpp-trace'), '--socket', traced.home.daemon.control,
                           'order', '1'], capture_output=True, text=True, timeout=60, check=False)
    traced.tap.result(done.returncode == 1 and '404' in done.stderr,
                      "the operators' socket has it not", [done.stderr])


def main():
    tap = house.Tap()
    with house.House(['--quiet', *FAR], SETS) as home:
        home.daemon.start()
        home.daemon.open_account()
        traced = Traced(home, tap)
        views(traced, delivered(traced))
        parts(traced)
        throttled(traced)
        unanswered(traced)
        queued(traced)
        order(traced)
        watched(traced)
        watched_late(traced)
        refusals(traced)
        before = traced.run('order', '1').stdout
        home.daemon.kill()
        home.daemon.start()
        tap.result(traced.run('order', '1').stdout == before and before, 'a restart changes nothing')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
