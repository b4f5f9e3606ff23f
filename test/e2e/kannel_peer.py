#!/usr/bin/python3
# builds: asan
"""Kannel's bearerbox on smsc-sim: an ESME that thousands run binds, sends texts of all alphabets and
lengths, and gets a report for each that says what the simulator decided. Prints TAP."""
import collections
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402
import kannel  # noqa: E402

TAP = house.Tap()
DELIVERED, FAILED, TAKEN, REFUSED, EXPIRED = 1, 2, 8, 16, 34  # its kinds of reports
TEXTS = {
    'ascii': ('Hello from Kannel', {}),
    'default': ('Grüße [€]', {}),
    'ucs2': ('Привет', {'coding': 2}),
    'long': ('A long text in parts. ' * 15, {}),
    'long-ucs2': ('Длинный текст. ' * 10, {'coding': 2}),
}
# What the last digits of a number make of it, and the reports that Kannel makes of that.
OUTCOMES = {'99990000': [DELIVERED, TAKEN], '99990001': [FAILED, TAKEN],
            '99990003': [TAKEN, EXPIRED], '99990006': [REFUSED], '99990007': None,
            '99990008': None}


def log_of(far):
    with open(far.log, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def submits_of(far, number):
    return [line for line in log_of(far) if line['event'] == 'in' and
            line.get('command') == 'submit_sm' and line['destination'] == number]


def texts(peer, far):
    wanted = {'ascii': 1, 'default': 1, 'ucs2': 1, 'long': 3, 'long-ucs2': 3}
    for n, (name, (text, more)) in enumerate(TEXTS.items()):
        number = f'49170000{n:04}'
        answer = peer.send(name, number, text, **more)
        TAP.result(answer[0] == 202, f'{name}: Kannel takes it', [answer])
        submits = house.await_that('its parts are read', lambda: (
            found := submits_of(far, number)) and len(found) == wanted[name] and found)
        parts = [line.get('part', 1) for line in submits]
        TAP.result(parts == list(range(1, wanted[name] + 1)) and
                   len({line.get('reference') for line in submits}) == 1,
                   f'{name}: its {wanted[name]} parts are read as such', submits)
        house.await_that(f'{name} is reported', lambda: len(peer.reports.of(name)) >= 2)
        TAP.result(peer.reports.of(name) == [DELIVERED, TAKEN], f'{name}: is reported once',
                   [peer.reports.of(name)])


def outcomes(peer):
    for digits, wanted in OUTCOMES.items():
        answer = peer.send(digits, f'4917{digits}', 'Hello')
        TAP.result(answer[0] == 202, f'{digits}: Kannel takes it', [answer])
    for digits, wanted in OUTCOMES.items():
        # One that overtakes its response it cannot match; the second of two it does not know.
        if wanted:
            house.await_that(f'{digits} is reported', lambda d=digits, w=wanted:
                             len(peer.reports.of(d)) >= len(w))
            TAP.result(peer.reports.of(digits) == wanted, f'{digits}: its reports are {wanted}',
                       [peer.reports.of(digits)])


def many(peer, far, count):
    """Every receipt arrives, whatever there is of them."""
    for n in range(count):
        peer.send(f'many-{n}', f'4917100{n:05}', f'Number {n}')
    house.await_that('all are reported', lambda: len(peer.reports.got) >= 2 * count)
    outcome = {line['destination']: line['outcome'] for line in log_of(far)
               if line['event'] == 'drawn'}
    wanted = [[DELIVERED if outcome[f'4917100{n:05}'] == 'delivered' else FAILED, TAKEN]
              for n in range(count)]
    got = [peer.reports.of(f'many-{n}') for n in range(count)]
    wrong = [(n, g, w) for n, (g, w) in enumerate(zip(got, wanted)) if g != w]
    kinds = collections.Counter(kind for one in got for kind in one)
    TAP.result(not wrong and kinds[DELIVERED] and kinds[FAILED],
               f'{count} messages: each has the report of its outcome ({dict(kinds)})', wrong)


def run(name, options, smsc, check):
    with tempfile.TemporaryDirectory() as folder:
        far = house.FarEnd(folder, '--password', 'secret', *options, strict=False)
        peer = None
        try:
            peer = kannel.Kannel(folder, far.port, *smsc)
            house.await_that('bearerbox is bound',
                             lambda: far.statistics()['pdus_in'].get('bind_transceiver'))
            check(peer, far)
            house.await_that('all receipts are answered', far.settled)
            told = far.statistics()
            TAP.result(told['malformed'] == 0 and told['receipts']['refused'] == 0,
                       f'{name}: nothing was malformed and no receipt refused', [told])
            peer.end()
            peer, ended = None, peer
            told = far.statistics()
            TAP.result(told['pdus_in'].get('unbind') == 1 and
                       told['pdus_out'].get('unbind_resp') == 1 and ended.reports.got,
                       f'{name}: it unbinds in order', [told])
        finally:
            if peer:
                peer.end()
            far.end()


def main():
    if not kannel.installed():
        print('1..0 # SKIP kannel is not installed')
        return 0
    run('texts', (), (), texts)
    run('outcomes', (), (), lambda peer, far: outcomes(peer))
    run('many', ('--mix', 'failed=20', '--receipt-delay-ms', '0-300', '--receipt-ids',
                 'decimal:12'), ('msg-id-type = 0x01',),
        lambda peer, far: many(peer, far, 200))
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
