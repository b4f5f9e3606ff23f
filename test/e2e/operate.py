#!/usr/bin/python3
# builds: asan
"""What operators do with esmectl: links, providers, routes, doubts, orphans, keys; and that each
deed is in the audit. Prints TAP."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

LINK = 'alpha/alpha-1'
UNANSWERED, SILENT = '31699990009', '31699990018'
SETS = ('providers.alpha.timers.response=1s', 'providers.alpha.timers.reconnect_min=100ms',
        'providers.alpha.timers.reconnect_max=200ms', 'routes.1.receipt_deadline=1h',
        'routes.3.receipt_deadline=1h', 'routes.3.queue_deadline=1s', 'routes.1.doubt_grace=1h')


class Operator:
    def __init__(self, home, tap):
        self.home, self.tap = home, tap

    def run(self, *words):
        return subprocess.run([house.program('esmectl'), '--socket', self.home.daemon.control,
                               *words], capture_output=True, text=True, timeout=60, check=False)

    def ask(self, *words):
        done = self.run('--json', *words)
        return json.loads(done.stdout) if done.returncode == 0 else {'refused': done.stderr}

    def refused(self, name, status, word, *words):
        done = self.run(*words)
        self.tap.result(done.returncode == status and word in done.stderr, name,
                        [str(done.returncode), done.stdout, done.stderr])

    def link(self):
        return [link for link in self.ask('links')['links'] if link['name'] == LINK][0]

    def audited(self, what):
        rows = self.ask('audit', 'list', '--limit=1')['audit']
        self.tap.result(rows and what in rows[0]['verb'] and rows[0]['uid'] == os.geteuid(),
                        f'the audit has it with the uid: {what}', [str(rows)])

    def until(self, what, ask):
        try:
            house.await_that(what, ask, 15)
            self.tap.result(True, what)
        except house.Trouble as trouble:
            self.tap.result(False, what, [str(trouble), self.run('links').stdout,
                                          self.run('status').stdout])

    def send(self, *numbers, route=1, text='Hello'):
        status, answer = self.home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': route, 'caller_id': 'ACME', 'message': text, 'numbers': list(numbers)})
        if status != 200:
            raise house.Trouble(f'refused: {status} {answer}')
        return answer['order_id']

    def delivered(self, number):
        return (self.home.daemon.order(number) or {}).get('delivered')

    def submits(self):
        return self.home.far.count_submits()


def not_durable(operator, name, *words):
    told = operator.run(*words)
    operator.tap.result(told.returncode == 0 and 'until the daemon restarts' in told.stdout and
                        'not durable' in told.stdout, name, [told.stdout, told.stderr])


def links(operator):
    operator.refused('a link that is not there is told', 1, 'no link', 'link', 'alpha/x', 'down')
    operator.refused('and what cannot be done with one', 2, 'rebind', 'link', LINK, 'sideways')
    session = operator.link()['session']
    not_durable(operator, 'a link is rebound, until the restart', 'link', LINK, 'rebind')
    operator.audited(f'link {LINK}: rebind')
    operator.until('it binds anew, in another session', lambda: (
        operator.link()['state'], operator.link()['session'] > session) == ('bound', True))
    not_durable(operator, 'a link is taken down', 'link', LINK, 'down')
    operator.until('it is down, and says who did it', lambda: (
        operator.link()['state'], operator.link()['reason']) ==
        ('down', 'taken down by the operator'))
    order = operator.send('31610000001')
    before = operator.submits()
    again = operator.run('links').stdout
    operator.tap.result('taken down by the operator' in again and operator.link()['taken_down'] and
                        operator.link()['retry_in_ms'] == 0, 'no reconnect is announced', [again])
    not_durable(operator, 'a link that is down is rebound: it comes up', 'link', LINK, 'rebind')
    operator.until('what waited goes out', lambda: operator.delivered(order) == 1)
    operator.tap.result(operator.submits() == before + 1, 'once')


def down_waits_for_answers(operator):
    """What has left is in doubt by its own time, not by the operator's hurry."""
    order = operator.send(UNANSWERED)
    operator.until('a submit is out', lambda: operator.link()['outstanding'] == 1)
    operator.ask('link', LINK, 'down')
    operator.tap.result(operator.link()['state'] == 'bound', 'a link with a submit out stays bound')
    operator.until('until that is answered or timed out',
                   lambda: operator.link()['state'] == 'down')
    message = operator.ask('messages', str(order))['messages'][0]['bx_message_id']
    rows = operator.ask('message', message)['segments'][0]['evidence']
    operator.tap.result([row['event'] for row in rows] == ['LOST'] and
                        rows[0]['rtt_ms'] == 0, 'its response timed out', [str(rows)])
    operator.ask('link', LINK, 'up')
    operator.until('up again', lambda: operator.link()['state'] == 'bound')
    return message


def pauses(operator):
    for kind, name, words in (('provider', 'alpha', 'the provider is paused by the operator'),
                              ('route', '1', 'the route is paused by the operator')):
        not_durable(operator, f'a {kind} is paused', kind, name, 'pause')
        operator.audited(f'{kind} {name}: pause')
        before = operator.submits()
        order = operator.send('31610000002')
        shown = operator.ask('order', str(order))
        operator.tap.result(shown.get('blocked_reason') == words, 'an order says what blocks it',
                            [str(shown)])
        if kind == 'route':
            other = operator.send('31610000003', route=3)
            operator.until('another route of the provider goes on',
                           lambda n=other: operator.delivered(n) == 1)
            before += 1
        operator.tap.result(operator.submits() == before and operator.link()['state'] == 'bound',
                            'nothing leaves, and the link stays bound')
        operator.ask(kind, name, 'resume')
        operator.until(f'the {kind} resumes', lambda n=order: operator.delivered(n) == 1)
    operator.refused('a provider that is not there', 1, 'no provider', 'provider', 'x', 'pause')
    operator.refused('a route that is not there', 1, 'no route', 'route', '77', 'pause')


def released_comes_back(operator):
    """Of more than a window, what has not left when the pause comes waits in the queue."""
    order = operator.send(*[f'3161001{n:04}' for n in range(400)])
    operator.ask('provider', 'alpha', 'pause')
    operator.until('nothing is out while the provider is paused',
                   lambda: operator.link()['outstanding'] == 0)
    before = operator.submits()
    operator.tap.result(operator.submits() == before and
                        operator.ask('order', str(order))['in_doubt'] == 0,
                        'and nothing of it is in doubt')
    operator.ask('provider', 'alpha', 'resume')
    operator.until('then every message goes out', lambda: operator.delivered(order) == 400)
    count = operator.ask('recount', 'order', str(order))
    operator.tap.result(count['sent_twice'] == 0 and count['summary_ok'], 'none of them twice',
                        [str(count)])


def rebind_under_load(operator):
    """A rebind in the middle of traffic costs no message and sends none twice."""
    order = operator.send(*[f'3161002{n:04}' for n in range(2000)])
    session = operator.link()['session']
    operator.ask('link', LINK, 'rebind')
    operator.until('a link is rebound under load', lambda: (
        operator.link()['state'], operator.link()['session'] > session) == ('bound', True))
    operator.until('and every message goes out', lambda: operator.delivered(order) == 2000)
    count = operator.ask('recount', 'order', str(order))
    operator.tap.result(count['sent_twice'] == 0 and count['in_doubt'] == 0, 'once',
                        [str(count)])


def doubts(operator, first):
    shown = operator.ask('doubt', 'list')['doubts']
    operator.tap.result(len(shown) == 1 and shown[0]['bx_message_id'] == first and
                        shown[0]['provider'] == 'alpha' and shown[0]['policy'] == 'hold' and
                        shown[0]['attempt'] == 1 and shown[0]['next_action'] == 'close' and
                        shown[0]['since'] and shown[0]['next_action_at'] > shown[0]['since'] and
                        shown[0]['msisdn'] == '********009',
                        'a doubt is listed with its next action, its number masked', [str(shown)])
    told = operator.run('doubt', 'close', first)
    operator.tap.result(told.returncode == 0 and 'UNKNOWN / SUBMIT_UNCONFIRMED' in told.stdout and
                        'durable' in told.stdout, 'a doubt is closed', [told.stdout, told.stderr])
    operator.audited(f'doubt {first}: close')
    message = operator.ask('message', first)
    operator.tap.result(message['status'] == 'UNKNOWN' and message['final'] and
                        message['segments'][0]['evidence'][-1].get('by_operator'),
                        'it is final, by an operator', [str(message)])
    operator.tap.result('an operator ended the wait' in operator.run('explain', first).stdout,
                        'and explain says so', [operator.run('explain', first).stdout])
    operator.refused('what is closed is not closed again', 1, 'in doubt', 'doubt', 'close', first)
    operator.refused('nor sent again', 1, 'in doubt', 'doubt', 'resend', first)
    operator.refused('a message that is not there', 1, 'no message of that id', 'doubt', 'close',
                     'BX-1-0123456789abcdef')


def resend(operator):
    order = operator.send(UNANSWERED)
    listed = house.await_that('in doubt', lambda: operator.ask('doubt', 'list')['doubts'], 15)
    message = listed[0]['bx_message_id']
    before = operator.submits()
    told = operator.ask('doubt', 'resend', message)
    operator.tap.result(told.get('durable') and told['possible_duplicate'] and
                        told['status'] == 'QUEUED', 'a doubt is sent again', [str(told)])
    operator.audited(f'doubt {message}: resend')
    operator.until('it leaves a second time', lambda: operator.submits() == before + 1)
    operator.until('and is in doubt once more', lambda: [
        doubt['open_attempts'] for doubt in operator.ask('doubt', 'list')['doubts']] == [2])
    flags = operator.ask('message', message)['flags']
    operator.tap.result('POSSIBLE_DUPLICATE' in [flag.upper() for flag in flags],
                        'the mark of a possible duplicate stays', [str(flags)])
    count = operator.ask('recount', 'order', str(order))
    operator.tap.result(count['summary_ok'] and count['sent_twice'] == 1 and
                        count['in_doubt'] == 1, 'and the counters agree', [str(count)])
    return message


def parts(operator):
    """All segments of a message at once, and pages of the list."""
    operator.send(UNANSWERED, route=3, text='x' * 300)
    operator.until('a text of two parts is in doubt', lambda: len(
        operator.ask('doubt', 'list')['doubts']) == 3)
    page = operator.ask('doubt', 'list', '--limit=1')
    rest = operator.ask('doubt', 'list', f'--since={page["next"]}')
    operator.tap.result(len(page['doubts']) == 1 and len(rest['doubts']) == 2 and
                        rest['next'] is None, 'the list has pages', [str(page), str(rest)])
    message = rest['doubts'][0]['bx_message_id']
    operator.refused('what has no time left in the queue is not sent again', 1, 'queue_deadline',
                     'doubt', 'resend', message)
    told = operator.ask('doubt', 'close', message)
    operator.tap.result(told.get('segments') == 2 and told['status'] == 'UNKNOWN',
                        'closing takes every part', [str(told)])


def join(operator, seq):
    suggestions = lambda: {doubt['suggestion']: doubt['bx_message_id']
                           for doubt in operator.ask('doubt', 'list')['doubts']}
    operator.until('it is suggested for the doubt that it fits', lambda: seq in suggestions())
    message = suggestions()[seq]
    final = [row['bx_message_id'] for order in operator.ask('orders')['orders']
             for row in operator.ask('messages', str(order['order_id']),
                                     '--status=DELIVERED')['messages']][0]
    operator.refused('it is joined to no message that has its outcome', 1, 'its outcome',
                     'orphans', 'join', str(seq), final)
    operator.refused('nor to one that is not there', 1, 'no message of that id', 'orphans', 'join', str(seq),
                     'BX-1-0000000000000000')
    told = operator.run('doubt', 'join', message, str(seq))
    shown = operator.ask('message', message)
    evidence = shown['segments'][0]['evidence'][-1]
    operator.tap.result(told.returncode == 0 and 'durable' in told.stdout and
                        shown['status'] == 'DELIVERED' and evidence.get('by_operator') and
                        shown['resolved_by'] == evidence['matched_by'] == 'receipt_correlation',
                        'an operator joins it', [told.stdout, told.stderr, str(shown)])
    operator.audited(f'orphan {seq}: joined to {message}, part 1')
    operator.refused('and not again', 1, 'no orphan', 'doubt', 'join', message, str(seq))
    told = operator.run('explain', message).stdout
    operator.tap.result('who: esmectl audit list' in told, 'explain says so', [told])


def orphans(operator):
    operator.tap.result(operator.ask('orphans', 'list')['orphans'] == [], 'no orphan yet')
    operator.send(SILENT)
    operator.until('a receipt without its response is an orphan',
                   lambda: operator.ask('orphans', 'list')['orphans'])
    orphan = operator.ask('orphans', 'list')['orphans'][0]
    operator.tap.result('no message of this provider has this id' in orphan['reason'] and
                        orphan['destination'] == '********018' and orphan['id'] and
                        orphan['provider'] == 'alpha' and 0 <= orphan['age_ms'] < 60000,
                        'it is listed with its reason, id, age, and its number masked',
                        [str(orphan)])
    told = operator.run('--numbers', 'orphans', 'list').stdout
    operator.tap.result(SILENT in told and orphan['id'] in told, 'the number can be had', [told])
    join(operator, orphan['seq'])
    operator.send(SILENT)
    operator.until('another orphan', lambda: operator.ask('orphans', 'list')['orphans'])
    orphan = operator.ask('orphans', 'list')['orphans'][0]
    told = operator.run('orphans', 'drop', str(orphan['seq']))
    operator.tap.result(told.returncode == 0 and 'durable' in told.stdout, 'it is dropped',
                        [told.stdout, told.stderr])
    operator.audited(f'orphan {orphan["seq"]}: dropped')
    operator.refused('once', 1, 'no orphan', 'orphans', 'drop', str(orphan['seq']))


def keys(operator):
    made = operator.ask('account', 'key', 'add', house.ACCOUNT, '--label=spare')
    key = made['accounts'][0]['keys'][0]
    daemon = operator.home.daemon
    shown = operator.ask('account', 'key', 'list', house.ACCOUNT)['keys']
    operator.tap.result(len(shown) == 2 and key['key'] not in json.dumps(shown) and
                        daemon.api('GET', '/api/v1/balance', key=key['key'])[0] == 200,
                        'keys are listed without their secrets', [str(shown)])
    told = operator.run('account', 'key', 'revoke', house.ACCOUNT, 'spare')
    operator.tap.result(told.returncode == 0 and 'durable' in told.stdout and
                        daemon.api('GET', '/api/v1/balance', key=key['key'])[0] == 401 and
                        daemon.api('GET', '/api/v1/balance')[0] == 200,
                        'one is revoked by its label', [told.stdout, told.stderr])
    operator.audited(f'account {house.ACCOUNT}: key {key["id"]} revoked')
    told = operator.ask('account', 'key', 'revoke', house.ACCOUNT, key['id'])
    operator.tap.result(told.get('result') == 'unchanged', 'and by its id, again', [str(told)])
    operator.refused('a key that is not there', 1, 'no key', 'account', 'key', 'revoke',
                     house.ACCOUNT, 'nothing')
    operator.ask('account', 'key', 'add', house.ACCOUNT, '--label=spare')
    operator.refused('a label of several keys is no name', 1, 'account key list', 'account',
                     'key', 'revoke', house.ACCOUNT, 'spare')


def restart(operator, message):
    """What is durable stays, what is not is gone."""
    operator.ask('route', '1', 'pause')
    operator.ask('link', LINK, 'down')
    before = len(operator.ask('audit', 'list', '--limit=500')['audit'])
    operator.home.daemon.kill()
    operator.home.daemon.start()
    operator.until('after a restart the link is bound',
                   lambda: operator.link()['state'] == 'bound')
    order = operator.send('31610000004')
    operator.until('and the route goes on', lambda: operator.delivered(order) == 1)
    operator.tap.result(len(operator.ask('audit', 'list', '--limit=500')['audit']) == before,
                        'the audit is as it was')
    told = operator.ask('doubt', 'close', message)
    operator.tap.result(told.get('status') == 'UNKNOWN', 'the doubt is still there to be closed',
                        [str(told)])
    page = operator.ask('audit', 'list', '--limit=2')
    rest = operator.ask('audit', 'list', f'--before={page["next"]}', '--limit=1')
    operator.tap.result(rest['audit'][0]['seq'] == page['audit'][1]['seq'] - 1,
                        'the audit has pages', [str(page), str(rest)])
    done = operator.run('store', 'check')
    operator.tap.result(done.returncode == 0, 'the store has no findings', [done.stdout])


def main():
    tap = house.Tap()
    with house.House(['--quiet'], SETS) as home:
        operator = Operator(home, tap)
        home.daemon.start()
        home.daemon.open_account()
        house.await_that('bound', lambda: operator.link()['state'] == 'bound')
        links(operator)
        first = down_waits_for_answers(operator)
        doubts(operator, first)
        pauses(operator)
        released_comes_back(operator)
        rebind_under_load(operator)
        message = resend(operator)
        parts(operator)
        orphans(operator)
        keys(operator)
        restart(operator, message)
        tap.result(home.daemon.stop() == 0, 'the daemon stops in order')
        said = home.daemon.said(100000)
        tap.result('Sanitizer' not in said and 'runtime error' not in said,
                   'no sanitizer had anything to say', said.splitlines())
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
