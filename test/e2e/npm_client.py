#!/usr/bin/python3
# builds: asan
"""A client made with the npm package smpp on smsc-sim: binds of each kind, parts, payloads, many
destinations, receipts, queries, refused credentials. Prints TAP."""
import collections
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402
import npm  # noqa: E402

TAP = house.Tap()
MIX = ('--mix', 'failed=10,rejected=5,expired=5', '--receipt-delay-ms', '0-100')
COUNT = 300


def client(far, *arguments):
    return subprocess.Popen(npm.command('client.js', '--port', far.port, *arguments),
                            stdout=subprocess.PIPE, text=True)


def ended(process):
    """(exit status, what it tells)"""
    out, _ = process.communicate(timeout=2 * house.PATIENCE_S)
    return process.returncode, json.loads(out)


def log_of(far, event, **wanted):
    with open(far.log, encoding='utf-8') as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if line['event'] == event and
            all(line.get(name) == value for name, value in wanted.items())]


def drawn_states(far):
    """What the receipts have to say, by the simulator's own words for it."""
    names = {'delivered': 'DELIVRD', 'failed': 'UNDELIV', 'rejected': 'REJECTD',
             'expired': 'EXPIRED'}
    return dict(collections.Counter(names[line['outcome']] for line in log_of(far, 'drawn')))


class Far:
    """A simulator with a log of its own."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.options = options

    def __enter__(self):
        self.far = house.FarEnd(self.folder.name, '--system-id', 'npm', '--password', 'secret',
                                '--log-text', *self.options, strict=False)
        return self.far

    def __exit__(self, kind, *_):
        if kind is None:
            told = self.far.statistics()
            TAP.result(told['malformed'] == 0 and told['unsettled'] == 0 and
                       told['receipts']['refused'] == 0 and
                       told['receipts']['acked'] == told['receipts']['sent'],
                       'nothing was malformed, every receipt is answered', [told])
        self.far.end()
        self.folder.cleanup()


def whole(name, status, told, far, receipts):
    TAP.result(status == 0 and told['unbound'] and told['enquired'] and told['refused'] == 0,
               f'{name}: all is accepted, enquire_link and unbind are answered', [status, told])
    TAP.result(told['receipts'] == receipts and told['states'] == drawn_states(far) and
               told['unmatched'] == told['repeated'] == 0,
               f'{name}: {receipts} receipts say what was decided, each once', [
                   told, drawn_states(far)])


def transceiver():
    with Far(*MIX) as far:
        status, told = ended(client(far, '--count', COUNT, '--window', 50, '--query', 1))
        whole('transceiver', status, told, far, COUNT)
        TAP.result(told['disagreed'] == 0 and told['queried'] == told['states'],
                   'query_sm says what the receipt said', [told])


def parts():
    with Far(*MIX) as far:
        status, told = ended(client(far, '--count', 50, '--parts', 3, '--window', 7))
        whole('parts', status, told, far, 150)
        read = sorted((line['destination'], line.get('part'), line.get('parts'), line['text'])
                      for line in log_of(far, 'in', command='submit_sm'))
        wanted = sorted((f'491700000{n:04}', part, 3, f'Hello number {n}/{part}')
                        for n in range(50) for part in (1, 2, 3))
        TAP.result(read == wanted, 'parts: each is read as such, its text without the header',
                   [read[:3], wanted[:3]])


def unicode():
    with Far() as far:
        status, told = ended(client(far, '--count', 3, '--text', 'Привет'))
        whole('UCS-2', status, told, far, 3)
        read = {line['text'].encode('latin-1').decode('utf-16-be')  # told octet by octet
                for line in log_of(far, 'in', command='submit_sm')}
        TAP.result(read == {f'Привет {n}' for n in range(3)}, 'UCS-2: the text is read', [read])


def payloads():
    with Far(*MIX) as far:
        status, told = ended(client(far, '--count', 50, '--command', 'data_sm'))
        whole('data_sm', status, told, far, 50)


def many_destinations():
    with Far(*MIX) as far:
        status, told = ended(client(far, '--count', 20, '--command', 'submit_multi',
                                    '--destinations', 5))
        whole('submit_multi', status, told, far, 100)


def apart():
    with Far(*MIX) as far:
        receiver = client(far, '--bind', 'receiver', '--count', 0, '--receipts', COUNT)
        house.await_that('the receiver is bound',
                         lambda: far.statistics()['pdus_in'].get('bind_receiver'))
        status, told = ended(client(far, '--bind', 'transmitter', '--count', COUNT, '--receipts', 0))
        TAP.result(status == 0 and told['accepted'] == COUNT and told['receipts'] == 0 and
                   told['unbound'], 'transmitter: all is accepted, no receipt comes here',
                   [status, told])
        status, told = ended(receiver)
        TAP.result(status == 0 and told['receipts'] == COUNT and told['repeated'] == 0 and
                   told['states'] == drawn_states(far) and told['unbound'],
                   'receiver: every receipt comes here', [status, told])


def refused():
    with Far() as far:
        for name, option, status in (('another password', ('--password', 'wrong'), 14),
                                     ('another system_id', ('--system-id', 'other'), 15)):
            for kind in ('transceiver', 'transmitter', 'receiver'):
                code, told = ended(client(far, '--bind', kind, *option))
                TAP.result(code == 1 and told['bind_status'] == status and not told['bound'],
                           f'{kind}: {name} is refused with {status}', [code, told])


def main():
    missing = npm.missing()
    if missing:
        print(f'1..0 # SKIP {missing}')
        return 0
    for test in (transceiver, parts, unicode, payloads, many_destinations, apart, refused):
        test()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
