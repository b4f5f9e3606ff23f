#!/usr/bin/python3
# builds: asan
"""What operators ask a carrier about a message: query, cancel and replace, from the shell through
the daemon to smsc-sim and back. Prints TAP."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

SETS = ('providers.alpha.timers.response=2s', 'routes.1.receipt_deadline=1h',
        'routes.1.refund=refused')
UNANSWERED = '31699990009'


class Operator:
    def __init__(self, home, tap):
        self.home, self.tap = home, tap

    def run(self, *words):
        return subprocess.run([house.program('esmectl'), '--socket', self.home.daemon.control,
                               *words], capture_output=True, text=True, timeout=60, check=False)

    def told(self, name, status, words, *command):
        """The verb ends with this status and says every one of these words."""
        done = self.run(*command)
        said = done.stdout + done.stderr
        self.tap.result(done.returncode == status and all(word in said for word in words), name,
                        [str(done.returncode), done.stdout, done.stderr])

    def send(self, number, text='Hello'):
        status, answer = self.home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'message': text, 'numbers': [number]})
        if status != 200:
            raise house.Trouble(f'refused: {status} {answer}')
        return answer['messages'][0]['bx_message_id']

    def message(self, message):
        return json.loads(self.run('--json', 'message', message).stdout)

    def until(self, message, status, error=None):
        house.await_that(f'{message} is {status}', lambda: (
            lambda said: (said['status'], said['error']) == (status, error))(
                self.message(message)), 15)

    def audited(self, what):
        rows = json.loads(self.run('--json', 'audit', 'list', '--limit=1').stdout)['audit']
        self.tap.result(what in rows[0]['verb'] and rows[0]['uid'] == os.geteuid(),
                        f'the audit has it with the uid: {what}', [str(rows)])


def waiting(operator):
    """What the carrier does not know yet."""
    operator.run('route', '1', 'pause')
    message = operator.send('31610000001')
    operator.told('what waits cannot be queried', 1, ['it waits here'], 'query', message)
    operator.told('nor replaced', 1, ['it waits here'], 'replace', message, 'Other')
    operator.told('but cancelled, here', 0, ['cancelled here'], 'cancel', message)
    operator.audited(f'cancel {message}')
    operator.until(message, 'FAILED', 'CANCELLED')
    status, dlr = operator.home.daemon.api('GET', f'/api/v1/dlr/{message}')
    operator.tap.result(status == 200 and dlr['error'] == 'CANCELLED', 'its customer sees it too',
                        [str(dlr)])
    operator.run('route', '1', 'resume')
    operator.told('once it has ended there is nothing to query', 1, ['no message_id'], 'query',
                  message)


def at_the_carrier(operator):
    """What it has taken and not delivered."""
    message = operator.send('31610000002', 'The first words')
    operator.until(message, 'SENT')
    operator.told('a query tells that it is under way', 0, ['ENROUTE', 'SENT'], 'query', message)
    operator.told('its text is replaced', 0, ['accepted by the provider'], 'replace', message,
                  'Second')
    operator.audited('replace ' + message)
    audit = operator.run('audit', 'list', '--limit=1').stdout
    operator.tap.result('Second' not in audit, 'the audit has not the text', [audit])
    operator.told('not by what the submit cannot have said', 1, ['alphabet'], 'replace', message,
                  'Привет')
    operator.told('it is cancelled there', 0, ['accepted by the provider', 'SENT'], 'cancel',
                  message)
    operator.until(message, 'FAILED', 'DELETED')
    events = [row['event'] for row in operator.message(message)['segments'][0]['evidence']]
    operator.tap.result(events == ['ACCEPTED', 'RECEIPT_PENDING', 'REPLACE_ASKED',
                                   'REPLACE_ANSWERED', 'CANCEL_ASKED', 'CANCEL_ANSWERED',
                                   'RECEIPT_FAILED'], 'the evidence has it all', events)
    explained = operator.run('explain', message).stdout
    operator.tap.result('asked by query_sm' in explained and 'asked to cancel' in explained,
                        'and it is explained', explained.splitlines())


def too_late(operator):
    message = operator.send('31610000003')
    operator.until(message, 'DELIVERED')
    operator.told('what is delivered is not cancelled', 1, ['it has ended'], 'cancel', message)
    operator.told('a query says it again', 0, ['DELIVERED', 'since'], 'query', message)
    status, _ = operator.home.daemon.operate('GET', '/control/v1/asks/999999')
    operator.tap.result(status == 404, 'an ask that is not there is not found')


def in_doubt(operator):
    message = operator.send(UNANSWERED)
    house.await_that('it is in doubt', lambda: operator.message(message)['segments'][0]['state'] ==
                     'IN_DOUBT', 15)
    operator.told('a doubt has no id to ask by', 1, ['in doubt'], 'cancel', message)


def unanswered(operator):
    """The carrier goes while it is asked."""
    message = operator.send('31610000004')
    operator.until(message, 'SENT')
    operator.home.far.process.send_signal(19)  # SIGSTOP: it hears nothing
    operator.told('no answer is told as such', 1, ['no answer came'], 'query', message,
                  '--timeout=10s')
    operator.told('and a time that is shorter as well', 1, ['not answered yet'], 'cancel', message,
                  '--timeout=300ms')
    operator.home.far.process.send_signal(18)


def main():
    tap = house.Tap()
    with house.House(['--quiet', '--receipt-delay-ms', '2500'], SETS) as home:
        operator = Operator(home, tap)
        home.daemon.start()
        home.daemon.open_account()
        waiting(operator)
        at_the_carrier(operator)
        too_late(operator)
        in_doubt(operator)
        unanswered(operator)
        done = operator.run('store', 'check')
        tap.result(done.returncode == 0, 'the store has no findings', [done.stdout])
        tap.result(home.daemon.stop() == 0, 'the daemon stops in order')
        said = home.daemon.said(100000)
        tap.result('Sanitizer' not in said and 'runtime error' not in said,
                   'no sanitizer had anything to say', said.splitlines())
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
