#!/usr/bin/python3
# builds: asan
"""The checker of test/e2e/lib: it finds nothing in a run that is right, and each of the wrongs that
are planted into a copy of that run, under the invariant that it belongs to. Prints TAP."""
import copy
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import truth as truths  # noqa: E402

T0 = 1_700_000_000_000
TEXT = 'Your code is 4711'
HASH = truths.fnv1a(TEXT.encode())
NUMBERS = ['31600000001', '31600000002', '31600000003', '31600000004', '31600000005']


# --- A small run that is right: delivered, refused, without receipt, in doubt, throttled first -----

def submit_lines(sequence, destination, status=0, name=None, at_ms=100):
    common = {'at_ms': at_ms, 'wall_ms': T0 + at_ms, 'link': 1, 'sequence': sequence}
    taken = {'message_id': f'0{name:x}', 'receipt_id': str(name)} if status == 0 else {}
    return [
        {'event': 'in', 'command': 'submit_sm', 'status': 0, 'octets': 80, 'source': 'ACME',
         'destination': destination, 'registered_delivery': 1, 'text_hash': HASH, **common},
        {'event': 'drawn', 'destination': destination, 'part': 1, 'attempt': 0,
         'outcome': 'delivered', 'status': status, **taken, **common},
        {'event': 'out', 'command': 'submit_sm_resp', 'status': status, 'octets': 26,
         'end_octets': 100 * sequence, **common,
         **({'message_id': f'0{name:x}'} if status == 0 else {})}]


def receipt_lines(sequence, source, name, state='DELIVERED', stat='DELIVRD', answer=0):
    common = {'at_ms': 300, 'wall_ms': T0 + 300, 'link': 1, 'sequence': sequence, 'status': 0}
    lines = [{'event': 'out', 'command': 'deliver_sm', 'source': source, 'end_octets': 900,
              'receipt': {'id': str(name), 'stat': stat, 'state': state, 'err': '000'}, **common}]
    if answer is not None:
        lines.append({'event': 'in', 'command': 'deliver_sm_resp', **common, 'status': answer})
    return lines


def row(event, mark='normal', at_ms=110, attempt=None, **more):
    found = {'event': event, 'mark': mark, 'at_ms': T0 + at_ms, **more}
    if attempt:
        found.update(attempt=attempt, session=1, sequence=attempt, released_ms=T0 + 90)
    return found


def delivered_row(name='DELIVERED', at_ms=310):
    return row('RECEIPT_DELIVERED', at_ms=at_ms, code=1, receipt_session=1, rule='dec_to_hex',
               state=name)


OF_BOTH, OF_SEGMENT = ('state', 'error'), ('attempts', 'open_attempts', 'released_ms', 'due_ms')


def alter(record, **members):
    """Changes a message of one part, in its own members and in those of its segment."""
    for name, value in members.items():
        if name not in OF_SEGMENT:
            record[name] = value
        if name in OF_BOTH + OF_SEGMENT:
            record['seg.' + name] = value
    return record


def message(index, state, error='', flags=(), rows=(), attempts=1, **more):
    record = {'kind': 'message', 'order': 1, 'index': index, 'msisdn': NUMBERS[index],
              'flags': list(flags), 'rows': list(rows), 'rows_whole': True,
              'final_ms': T0 + 400, 'bx_message_id': f'BX-1-{index:016x}'}
    return alter(record, state=state, error=error, attempts=attempts, **more)


def good_records():
    accepted = [row('ACCEPTED', attempt=1, code=0, id=f'0{n:x}') for n in range(700, 705)]
    again = dict(row('ACCEPTED', at_ms=200, attempt=2, code=0, id='02c0'), released_ms=T0 + 150)
    return [
        {'kind': 'meta', 'one': 0, 'schema': checker.SCHEMA},
        {'kind': 'provider', 'number': 1, 'name': 'alpha'},
        {'kind': 'provider', 'number': 2, 'name': 'beta'},
        {'kind': 'account', 'account': 1, 'name': 'demo', 'balance': 9_560_000},
        {'kind': 'ledger', 'account': 1, 'seq': 1, 'kind_of': 'opening', 'amount': 10_000_000,
         'balance_after': 10_000_000},
        {'kind': 'ledger', 'account': 1, 'seq': 2, 'kind_of': 'debit', 'amount': -440_000,
         'balance_after': 9_560_000, 'order': 1, 'at_ms': T0},
        {'kind': 'session', 'session': 1, 'provider': 1},
        {'kind': 'session', 'session': 2, 'provider': 2},
        {'kind': 'order', 'order': 1, 'account': 1, 'route': 1, 'provider': 1, 'parts': 1,
         'total': 5, 'released': 5, 'created_ms': T0, 'cost': 440_000, 'unit_price': 88_000,
         'caller_id': 'ACME', 'delivered': 2, 'failed': 1, 'unknown': 2, 'taken': 3, 'refused': 1,
         'unanswered': 1, 'on_time': 2, 'resolved_ms': T0 + 400, 'wake_at_ms': 0},
        {'kind': 'text', 'order': 1, 'chunk': 0, 'octets': TEXT},
        {'kind': 'batch', 'order': 1, 'n': 0, 'first': 0, 'size': 3, 'taken': 2, 'refused': 1,
         'delivered': 1, 'failed': 1, 'unknown': 1},
        {'kind': 'batch', 'order': 1, 'n': 1, 'first': 3, 'size': 2, 'taken': 1, 'delivered': 1,
         'unknown': 1},
        {'kind': 'idempotency', 'account': 1, 'hash': 5, 'hash2': 6, 'order': 1},
        message(0, 'DELIVERED', flags=['TAKEN', 'ON_TIME'], rows=[accepted[0], delivered_row()]),
        message(1, 'FAILED', 'SUBMIT_ERROR', ['REFUSED'],
                [row('REFUSED', attempt=1, code=11)]),
        message(2, 'UNKNOWN', 'NO_RECEIPT', ['TAKEN'],
                [accepted[2], row('RECEIPT_DEADLINE', at_ms=390)]),
        message(3, 'UNKNOWN', 'SUBMIT_UNCONFIRMED', ['UNANSWERED'],
                [row('LOST', attempt=1), row('RECEIPT_DEADLINE', at_ms=390)], open_attempts=1),
        message(4, 'DELIVERED', flags=['TAKEN', 'ON_TIME'], attempts=2,
                rows=[row('REFUSED_FOR_NOW', attempt=1, code=0x58), again, delivered_row()]),
        {'kind': 'orphan', 'seq': 1, 'provider': 1, 'id': '703', 'pdu': 'id:703 stat:DELIVRD'},
        {'kind': 'end', 'findings': 0}]


def good_log():
    log = []
    log += submit_lines(1, NUMBERS[0], 0, 700)
    log += submit_lines(2, NUMBERS[1], 11)
    log += submit_lines(3, NUMBERS[2], 0, 702)
    log += submit_lines(4, NUMBERS[3], 0, 703)
    log += submit_lines(5, NUMBERS[4], 0x58)
    log += submit_lines(6, NUMBERS[4], 0, 704, at_ms=160)
    log += receipt_lines(1, NUMBERS[0], 700) + receipt_lines(2, NUMBERS[4], 704)
    log += receipt_lines(3, NUMBERS[3], 703)
    log.append({'event': 'sent', 'at_ms': 400, 'wall_ms': T0 + 400, 'link': 1,
                'sent_octets': 10_000})
    return log


def good_client():
    body = {'route_id': 1, 'caller_id': 'ACME', 'numbers': NUMBERS, 'message': TEXT}
    reply = {'order_id': 1, 'count': 5, 'cost': 0.44, 'messages': [
        {'bx_message_id': f'BX-1-{n:016x}', 'msisdn': number, 'status': 'QUEUED'}
        for n, number in enumerate(NUMBERS)]}
    refused = dict(body, caller_id='TOOLONGSENDER')
    return [
        {'event': 'request', 'request': 1, 'idempotency_key': 'k-1', 'body': json.dumps(body)},
        {'event': 'reply', 'request': 1, 'status': 200, 'body': json.dumps(reply)},
        {'event': 'request', 'request': 2, 'body': json.dumps(refused)},
        {'event': 'reply', 'request': 2, 'status': 422, 'body': '{"detail":[]}'}]


class Run:
    """The witnesses, as lists that a plant may change."""

    def __init__(self):
        self.records, self.log, self.client = good_records(), good_log(), good_client()
        self.other_log = []
        self.how = checker.How(quiet=True, client_account='demo', now_ms=T0 + 10_000,
                               receipt_deadline_ms=300)

    def of(self, kind, n=0):
        return [record for record in self.records if record['kind'] == kind][n]

    def lines(self, event, command=None):
        return [line for line in self.log
                if line['event'] == event and line.get('command') == command]

    def reply(self, change):
        line = self.client[1]
        reply = json.loads(line['body'])
        change(reply)
        line['body'] = json.dumps(reply)

    def violations(self):
        ends = [truths.FarEnd(copy.deepcopy(self.log), 'alpha'),
                truths.FarEnd(copy.deepcopy(self.other_log), 'beta')]
        truth = truths.Truth(copy.deepcopy(self.records), ends, copy.deepcopy(self.client))
        return checker.check(truth, self.how)


# --- The plants: (invariant, what is wrong, how it is made so) -------------------------------------

PLANTS = []


def plant(invariant, what):
    def keep(change):
        PLANTS.append((invariant, what, change))
        return change
    return keep


@plant('I1', 'an accepted order is gone')
def _(run):
    run.records = [r for r in run.records if r.get('order') != 1 or r['kind'] == 'idempotency']


@plant('I1', 'a message went to another number than the client was told')
def _(run):
    run.reply(lambda reply: reply['messages'][2].update(msisdn='31600000009'))


@plant('I1', 'the client knows a message by another id')
def _(run):
    run.reply(lambda reply: reply['messages'][2].update(bx_message_id='BX-1-00000000000000ff'))


@plant('I1', 'the client was told another cost')
def _(run):
    run.reply(lambda reply: reply.update(cost=0.45))


@plant('I1', 'the text is not the one that was sent in')
def _(run):
    run.of('text')['octets'] = 'Something else 01'


@plant('I1', 'the order belongs to another account')
def _(run):
    run.of('account')['name'] = 'other'


@plant('I2', 'a message of an order is missing')
def _(run):
    run.records.remove(run.of('message', 2))


@plant('I2', 'a message has no order')
def _(run):
    run.records.append(dict(run.of('message'), order=9))


@plant('I2', 'a part stands twice')
def _(run):
    run.records.append(dict(run.of('message'), kind='segment', segment=0))


@plant('I3', 'a key was answered with two orders')
def _(run):
    run.client.append(dict(run.client[0], request=3))
    run.client.append(dict(run.client[1], request=3,
                           body=run.client[1]['body'].replace('"order_id": 1', '"order_id": 2')))


@plant('I3', 'a key names an order that is not there')
def _(run):
    run.of('idempotency')['order'] = 7


@plant('I3', 'a key was answered and not kept')
def _(run):
    run.records.remove(run.of('idempotency'))


@plant('I4', 'an order that nobody asked for')
def _(run):
    run.client = run.client[2:]


@plant('I4', 'one request made two orders')
def _(run):
    run.records += [dict(run.of('order'), order=2), dict(run.of('text'), order=2)]
    run.records += [dict(r, order=2) for r in run.records if r['kind'] == 'message']


@plant('I4', 'a request and its retry with the same key made two orders')
def _(run):
    run.client += [dict(line, request=7) for line in run.client[:2]]
    run.records += [dict(run.of('order'), order=2), dict(run.of('text'), order=2)]
    run.records += [dict(r, order=2) for r in run.records if r['kind'] == 'message']


@plant('I5', 'a refused request left an order')
def _(run):
    run.client[1]['status'] = 402


@plant('I5', 'a ledger row without an order')
def _(run):
    run.of('ledger', 1)['order'] = 8


@plant('I6', 'a balance that its rows do not give')
def _(run):
    run.of('account')['balance'] += 1


@plant('I6', 'a row whose balance does not follow')
def _(run):
    run.of('ledger', 1)['balance_after'] += 1


@plant('I6', 'an order that was debited twice')
def _(run):
    run.records.append(dict(run.of('ledger', 1), seq=3, balance_after=9_120_000))
    run.of('account')['balance'] = 9_120_000


@plant('I6', 'an order that was not debited')
def _(run):
    run.records.remove(run.of('ledger', 1))
    run.of('account')['balance'] = 10_000_000


@plant('I6', 'a cost that is not the sum of its messages')
def _(run):
    run.of('order')['unit_price'] = 89_000


@plant('I6', 'a balance below the credit limit')
def _(run):
    run.of('ledger')['amount'] = run.of('ledger')['balance_after'] = 100_000
    run.of('ledger', 1)['balance_after'] = run.of('account')['balance'] = -340_000


def refund(run, index, amount=88_000, times=1):
    run.how.refund = 'undelivered'
    for n in range(times):
        run.records.append({'kind': 'ledger', 'account': 1, 'seq': 10 + n, 'kind_of': 'refund',
                            'amount': amount, 'balance_after': 9_560_000 + amount * (n + 1),
                            'order': 1, 'index': index, 'at_ms': T0 + 500})
    run.of('account')['balance'] += amount * times
    run.of('message', index)['refund'] = amount * times


@plant('I7', 'a delivered message was refunded')
def _(run):
    refund(run, 0)


@plant('I7', 'a message was refunded when all of it was known to be delivered')
def _(run):
    refund(run, 0)
    alter(run.of('message', 0), state='FAILED', flags=['REFUND_CONTRADICTED'])


@plant('I7', 'a message was refunded twice')
def _(run):
    refund(run, 1, times=2)


@plant('I7', 'a refund is larger than the debit')
def _(run):
    refund(run, 1, amount=90_000)


@plant('I7', 'a refund that the ledger does not know')
def _(run):
    run.of('message', 1)['refund'] = 88_000


@plant('I8', 'a submit to a number of no order')
def _(run):
    run.lines('in', 'submit_sm')[0]['destination'] = '31699999999'


@plant('I8', 'a submit with another text')
def _(run):
    run.lines('in', 'submit_sm')[0]['text_hash'] = truths.fnv1a(b'x')


@plant('I8', 'a submit from another sender')
def _(run):
    run.lines('in', 'submit_sm')[0]['source'] = 'OTHER'


@plant('I8', 'a submit on the other provider')
def _(run):
    run.other_log = submit_lines(1, NUMBERS[0], 0, 700)


@plant('I8', 'a submit before its release')
def _(run):
    for r in run.of('message')['rows']:
        if 'released_ms' in r:
            r['released_ms'] += 5000


@plant('I8', 'a submit without an attempt on record')
def _(run):
    alter(run.of('message', 3), state='QUEUED', attempts=0, open_attempts=0, rows=[])


@plant('I8', 'a submit that asks for no receipt')
def _(run):
    run.lines('in', 'submit_sm')[0]['registered_delivery'] = 0


@plant('I9', 'more submits than attempts')
def _(run):
    run.log += submit_lines(9, NUMBERS[0], 0x58)


@plant('I9', 'sent again under hold while the first was open')
def _(run):
    run.log += submit_lines(9, NUMBERS[3], 0, 709)
    alter(run.of('message', 3), attempts=2, open_attempts=2, rows=[
        row('LOST', attempt=1), row('RESEND'), row('LOST', attempt=2),
        row('RECEIPT_DEADLINE', at_ms=390)])


@plant('I9', 'an attempt without a reason')
def _(run):
    alter(run.of('message', 0), attempts=2)


@plant('I10', 'SENT with an id that no response named')
def _(run):
    run.of('message', 0)['rows'][0]['id'] = '0ffff'


@plant('I10', 'SENT though the response was a refusal')
def _(run):
    line = run.lines('out', 'submit_sm_resp')[2]
    line['status'] = 11


@plant('I10', 'no receipt, of a message that nothing took')
def _(run):
    run.of('message', 2)['rows'] = [row('RECEIPT_DEADLINE', at_ms=390)]


@plant('I11', 'DELIVERED without a receipt')
def _(run):
    run.log = [line for line in run.log if line.get('receipt', {}).get('id') != '700']


@plant('I11', 'DELIVERED by a receipt that says failed')
def _(run):
    for line in run.log:
        if line.get('receipt', {}).get('id') == '700':
            line['receipt'].update(state='UNDELIVERABLE', stat='UNDELIV')


@plant('I11', 'FAILED though the submit was taken')
def _(run):
    run.lines('out', 'submit_sm_resp')[1]['status'] = 0


@plant('I11', 'EXPIRED in the queue after a submit that was left open')
def _(run):
    alter(run.of('message', 3), state='EXPIRED', error='QUEUE_EXPIRED')


@plant('I11', 'a receipt of another provider decided')
def _(run):
    run.of('message', 0)['rows'][1]['receipt_session'] = 2


@plant('I12', 'an answered receipt is nowhere')
def _(run):
    run.records.remove(run.of('orphan'))


@plant('I12', 'an answered receipt changed nothing')
def _(run):
    run.of('message', 0)['rows'].pop()


@plant('I13', 'a known end is pending')
def _(run):
    alter(run.of('message', 0), state='SENT', final_ms=0)


@plant('I13', 'a doubt outlives its deadline')
def _(run):
    alter(run.of('message', 3), state='IN_DOUBT', final_ms=0, released_ms=T0)
    run.how.quiet = False
    run.of('order')['wake_at_ms'] = T0 + 300


@plant('I13', 'a doubt that nothing will end')
def _(run):
    alter(run.of('message', 3), state='IN_DOUBT', final_ms=0, released_ms=T0 + 10_000)
    run.how.quiet = False


@plant('I13', 'a release that is never settled')
def _(run):
    run.records.append({'kind': 'release', 'release': 4, 'list': [[1, 0, 0, 1]],
                        'list_whole': True})


@plant('I14', 'a state that the evidence does not give')
def _(run):
    alter(run.of('message', 2), state='DELIVERED', error='')


@plant('I14', 'an error that the evidence does not give')
def _(run):
    alter(run.of('message', 2), error='SUBMIT_UNCONFIRMED')


@plant('I14', 'an event that cannot happen there')
def _(run):
    run.of('message', 2)['rows'].append(row('RESEND', at_ms=395))


@plant('I14', 'a missing attempt')
def _(run):
    del run.of('message', 4)['rows'][0]


@plant('I14', 'evidence out of order')
def _(run):
    run.of('message', 0)['rows'][1]['at_ms'] = T0


@plant('I14', 'a wrong count of open attempts')
def _(run):
    alter(run.of('message', 3), open_attempts=0)


@plant('I14', 'a stray event')
def _(run):
    run.of('message', 0)['rows'].append(row('RELEASED', 'stray', at_ms=320))


@plant('I14', 'evidence that breaks off')
def _(run):
    run.of('message', 0)['rows_whole'] = False


@plant('I14', 'a final message without its time')
def _(run):
    run.of('message', 0)['final_ms'] = 0


def counter(name):
    def change(run):
        run.of('order')[name] = run.of('order').get(name, 0) + 1
    PLANTS.append(('I15', f'the order counts one {name} too many', change))


for each in ('delivered', 'failed', 'expired', 'unknown', 'in_doubt', 'sent', 'taken', 'refused',
             'unanswered', 'on_time', 'late'):
    counter(each)


@plant('I15', 'a batch counts one too many')
def _(run):
    run.of('batch')['delivered'] += 1


@plant('I15', 'batches that do not add up')
def _(run):
    run.of('batch', 1)['size'] = 3


@plant('I15', 'an ended order in the index of open ones')
def _(run):
    run.records.append({'kind': 'open_order', 'order': 1})


@plant('I15', 'a returned segment that is not queued')
def _(run):
    run.records.append({'kind': 'returned', 'route': 1, 'due_ms': T0, 'order': 1, 'index': 0,
                        'segment': 0})


@plant('I15', 'what the store finds itself')
def _(run):
    run.records.append({'kind': 'finding', 'of': 'message', 'what': 'an id is not found'})


@plant('I16', 'a corrupt record')
def _(run):
    run.records.append({'kind': 'corrupt', 'of': 'message'})


@plant('I16', 'a schema of the future')
def _(run):
    run.of('meta')['schema'] = 99


@plant('I16', 'a store that was not read to its end')
def _(run):
    run.records.pop()


def main():
    found = Run().violations()
    print(f'1..{len(PLANTS) + 1}')
    print(f'{"not " if found else ""}ok 1 - finds nothing wrong in a run that is right')
    for violation in found:
        print(f'# {violation}')
    bad = bool(found)
    for number, (invariant, what, change) in enumerate(PLANTS, 2):
        run = Run()
        change(run)
        names = {name for name, _ in run.violations()}
        caught = invariant in names
        bad |= not caught
        print(f'{"" if caught else "not "}ok {number} - {invariant} catches: {what}')
        if not caught:
            print(f'# found instead: {sorted(names)}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
