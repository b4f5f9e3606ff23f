#!/usr/bin/python3
# builds: asan
"""esmed on a server made with the npm package smpp, which shares no line with this project: ids in
hex and receipts that name them in decimal, padded; texts of all alphabets and lengths; receipts in
data_sm; messages from handsets; a server that asks whether we live, and unbinds. Prints TAP."""
import contextlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import npm  # noqa: E402
import truth as truths  # noqa: E402

MESSAGES = 3304
SETS = ('routes.1.receipt_deadline=30s', 'providers.alpha.window=50')
TAP = house.Tap()


@contextlib.contextmanager
def served(*options):
    """A daemon with an account, on the server."""
    command = npm.command('server.js', '--system-id', 'esmed', '--password', 'secret', *options)
    with house.House(sets=SETS, command=command) as home:
        home.daemon.start()
        home.daemon.open_account()
        yield home


def run(*options, messages=MESSAGES):
    """The order as its client sees it at the end, and the store."""
    with served(*options) as home:
        home.daemon.load('--count', str(messages), '--batch', str(messages), '--text', 'Hello',
                         '--caller-id', 'ACME', log=home.client_log)
        order = house.await_that('the order is resolved', home.daemon.resolved, 60)
        if home.daemon.stop() != 0:
            raise house.Trouble(f'esmed ended with {home.daemon.process.returncode}')
        records = truths.dump(house.program('store_dump'), home.daemon.store)
        return order, truths.Truth(records, [], truths.lines(home.client_log))


def own_violations(truth):
    """The invariants that need no log of the far end."""
    skipped = {'I8', 'I10', 'I11', 'I12'}
    return [f'{name}: {text}' for name, text in checker.check(truth, checker.How(quiet=True))
            if name not in skipped]


def ids_and_failures():
    order, truth = run('--failed-every', 0)
    TAP.result(order['status'] == 'COMPLETED' and order['delivered'] == MESSAGES,
               f'{MESSAGES} messages through the npm package smpp are COMPLETED', [str(order)])
    rules = {row['rule'] for _, segment in truth.segments() for row in segment.rows
             if row.get('rule')}
    TAP.result('dec_to_hex' in rules and rules <= {'dec_to_hex', 'exact', 'parked'},
               'receipts in decimal are matched to ids in hex', [str(rules)])
    wrong = own_violations(truth)
    TAP.result(not wrong, 'the store holds what the invariants ask for', wrong)
    order, truth = run('--failed-every', 10)
    failed = MESSAGES // 10
    TAP.result(order['status'] == 'PARTIAL' and order['failed'] == failed and
               order['delivered'] == MESSAGES - failed,
               'every tenth that fails there is FAILED here', [str(order)])
    wrong = own_violations(truth)
    TAP.result(not wrong, 'and the store agrees', wrong)


def receipts_in_data_sm():
    order, truth = run('--failed-every', 10, '--receipt-by', 'data_sm', messages=300)
    TAP.result(order['failed'] == 30 and order['delivered'] == 270,
               'receipts in data_sm say the same', [str(order)])
    wrong = own_violations(truth)
    TAP.result(not wrong, 'and the store agrees with them', wrong)


def send(daemon, text):
    """An order of one message on the route for any language; its number."""
    status, answer = daemon.api('POST', '/api/v1/send_sms', {
        'route_id': 3, 'caller_id': 'ACME', 'message': text, 'numbers': ['31612345678']})
    if status != 200:
        raise house.Trouble(f'{status} {answer}')
    return answer['order_id']


def joined(kept):
    """Texts as the server read them, from their parts by user data header; what is wrong."""
    texts, groups, wrong = [], {}, []
    for one in kept:
        if not one['udh']:
            texts.append(one['text'])
            continue
        element = bytes.fromhex(one['udh'][0])
        reference, (total, part) = element[2:-2], element[-2:]
        if len(one['udh']) != 1 or not one['esm_class'] & 0x40 or element[0] not in (0, 8):
            wrong.append(one)
        groups.setdefault((reference, total), {})[part] = one['text']
    for (reference, total), parts in groups.items():
        if sorted(parts) != list(range(1, total + 1)):
            wrong.append((reference, total, parts))
        texts.append(''.join(text for _, text in sorted(parts.items())))
    return texts, wrong


def texts():
    wanted = ['Hello', 'Grüße [€] ~|^{}', 'Привет 😀', 'A long text in parts. ' * 20,
              'Длинный текст. ' * 12, '[' * 200]
    with served('--failed-every', 0, '--keep', 100) as home:
        orders = [send(home.daemon, text) for text in wanted]
        for order in orders:
            house.await_that('it is resolved', lambda n=order: home.daemon.resolved(n))
        kept = home.far.statistics()['kept']
        done = [home.daemon.order(order) for order in orders]
    read, wrong = joined(kept)
    TAP.result(sorted(read) == sorted(wanted) and not wrong,
               'texts of all alphabets and lengths arrive as they were', [read, wrong])
    TAP.result({one['data_coding'] for one in kept} == {0, 8} and
               sum(bool(one['udh']) for one in kept) == 3 + 3 + 3,
               'each in the alphabet and in as many parts as it needs', kept)
    TAP.result(all(order['delivered'] == 1 for order in done), 'and each is delivered', done)


def handsets():
    with served('--mo', 1) as home:
        told = house.await_that('all are answered', lambda: (
            told := home.far.statistics())['mo_acked'] == 5 and told)
        _, answer = home.daemon.operate('GET', '/control/v1/inbound?text=1')
        read = [(one['message'], one['complete']) for one in answer['messages']]
    TAP.result(told['mo_sent'] == 5 and sorted(read) == sorted([
        ('Hello from a handset', True), ('Привет', True), ('часть 1;часть 2;часть 3;', True)]),
        'messages from handsets are answered, put together and kept', [told, answer])


def lives_and_unbinds():
    count = 400
    with served('--failed-every', 0, '--enquire-ms', 20, '--unbind-after', count // 2) as home:
        home.daemon.load('--count', str(count), '--batch', str(count), '--text', 'Hello',
                         '--caller-id', 'ACME')
        order = house.await_that('the order is resolved', home.daemon.resolved, 60)
        house.await_that('it has asked often', lambda: home.far.statistics()['enquired'] > 10)
        status = home.daemon.stop()
        told = house.await_that('it has unbound', lambda: (
            told := home.far.statistics())['unbound'] and told)
    TAP.result(order['delivered'] == count and told['submits'] == count,
               'a server that unbinds under load gets and delivers everything, once',
               [order, told])
    TAP.result(told['unbinds'] == told['unbind_resps'] == 1 and told['sessions'] == 2,
               'its unbind is answered, and we bind again', [told])
    TAP.result(told['enquired'] > 10 and told['enquired'] - told['alive'] <= 2,
               'it is answered when it asks whether we live', [told])
    TAP.result(status == 0 and told['unbound'] == 1, 'we unbind at the end', [status, told])


def main():
    missing = npm.missing()
    if missing:
        print(f'1..0 # SKIP {missing}')
        return 0
    for test in (ids_and_failures, receipts_in_data_sm, texts, handsets, lives_and_unbinds):
        test()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
