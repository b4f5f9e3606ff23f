#!/usr/bin/python3
"""The invariants I1 to I16 of test/invariants.tsv, each a function that yields its violations.

Judges a finished run by three witnesses who do not know each other: the store, the far ends' logs
and the clients' logs (see truth.py). Knows the rules of the product from its manual and from
core/lifecycle.def, and nothing of its code. As a program it prints every violation:

  checker.py --store FOLDER --sim PROVIDER=LOG [--client LOG] [--build DIR] [--quiet-since MS]
"""
import argparse
import collections
import dataclasses
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import truth as truths  # noqa: E402

SKEW_MS = 50  # between two clocks of one machine that are read one after the other
INT64 = 2 ** 63
SCHEMA = 2  # of the store


@dataclasses.dataclass
class How:
    """What the configuration of the run said, where it matters to a rule."""
    receipt_deadline_ms: int = 0       # 0: not looked at
    now_ms: int = 0                    # wall clock when the store was left
    quiet: bool = False                # everything had time to end
    hold: bool = True                  # no route says `doubt: resend`
    refund: str = 'never'              # of every route
    accepted_means: str = 'SENT'       # receipt_accepted
    client_account: str = ''           # whose key the client used
    pause_statuses: tuple = (0x58, 0x14)
    retry_statuses: tuple = (0x08, 0x0D, 0x0E, 0x0F, 0x45)
    details: dict = dataclasses.field(default_factory=dict)


# --- The lifecycle, from the table itself ---------------------------------------------------------

def lifecycle():
    """{(state, event): (next, error, next_open, error_open, mark)} of core/lifecycle.def."""
    with open(os.path.join(truths.ROOT, 'core', 'lifecycle.def'), encoding='utf-8') as file:
        rows = re.findall(r'^LIFE\(([A-Z_, ]+)\)', file.read(), re.MULTILINE)
    table = {}
    for row in rows:
        cells = [cell.strip() for cell in row.split(',')]
        table[cells[0], cells[1]] = tuple(cells[2:])
    return table


LIFE = lifecycle()
GIVEN = {'UNDELIVERABLE': 'UNDELIVERABLE', 'REJECTED': 'DELIVERY_REJECTED', 'DELETED': 'DELETED',
         'SKIPPED': 'UNDELIVERABLE'}
RESPONSES = {'ACCEPTED', 'REFUSED', 'REFUSED_FOR_NOW', 'EARLIER_REFUSED'}
VERDICTS = RESPONSES | {'LOST', 'UNSENT'}
ANY_ERROR = '*'


def next_error(word, error, row):
    if word == 'KEEP':
        return error
    if word == 'GIVEN':
        return GIVEN.get(row.get('state', ''), ANY_ERROR)
    if word == 'CONFIRM':
        return 'NO_RECEIPT' if error == 'SUBMIT_UNCONFIRMED' else error
    if word == 'NO_RECEIPT_OR_KEEP':
        return error if error == 'RECEIPT_UNKNOWN' else 'NO_RECEIPT'
    return '' if word == 'NONE' else word


def step(states, row, open_attempts):
    """Where a row may lead: a release may have come before it, for releases leave no row."""
    reached = set()
    for state, error in set(states) | {('SUBMITTED', e) for s, e in states if s == 'QUEUED'}:
        rule = LIFE.get((state, row['event']))
        if rule is None or rule[4] != row['mark'].upper():
            continue
        following, word = (rule[2], rule[3]) if open_attempts else (rule[0], rule[1])
        reached.add((following, next_error(word, error, row)))
    return reached


def fold_rows(segment):
    """The states that the evidence allows, its open attempts, and what is wrong with it."""
    states, lost, attempts, open_attempts, wrong, before = {('QUEUED', '')}, set(), 0, 0, [], 0
    rank = 0
    for number, row in enumerate(segment.rows, 1):
        attempt = row.get('attempt', 0)
        if row['mark'].upper() == 'STRAY':
            wrong.append(f'row {number} ({row["event"]}) is stray')
        if row['at_ms'] < before:
            wrong.append(f'row {number} ({row["event"]}) is older than the one before')
        before = row['at_ms']
        if row['event'] in VERDICTS and attempt:
            late = row['event'] in RESPONSES and attempt in lost
            if late:
                lost.discard(attempt)
                open_attempts -= 1
            elif attempt != attempts + 1:
                wrong.append(f'row {number}: attempt {attempt} after {attempts}')
            else:
                attempts = attempt
        reached = step(states, row, open_attempts)
        if not reached:
            wrong.append(f'row {number}: {row["event"]} ({row["mark"]}) cannot happen in '
                         f'{sorted(states)}')
            return states, open_attempts, attempts, wrong
        lowest = min(truths.RANKS[state] for state, _ in reached)
        if lowest < rank:
            wrong.append(f'row {number} ({row["event"]}) lowers the rank')
        rank, states = max(rank, lowest), reached
        if row['event'] == 'LOST' and attempt:
            lost.add(attempt)
            open_attempts += 1
    return states, open_attempts, attempts, wrong


# --- What clients were told: I1 to I5 -------------------------------------------------------------

def requests(truth):
    """Per request of the clients: its body, its key, and the reply or None. Numbers of requests come
    again where a client was run again: a reply belongs to the last request of its number."""
    found, latest = [], {}
    for line in truth.client:
        if line['event'] == 'request':
            latest[line['request']] = {'key': line.get('idempotency_key'), 'reply': None,
                                       'body': json.loads(line['body']), 'status': None}
            found.append(latest[line['request']])
        elif line['event'] == 'reply' and line['request'] in latest:
            request = latest[line['request']]
            request['status'] = line['status']
            try:
                request['reply'] = json.loads(line['body'])
            except ValueError:
                request['reply'] = {}
    return found


def asked(body):
    """What makes two requests ask for the same."""
    return (body.get('route_id'), body.get('caller_id', '').strip(), body.get('message'),
            tuple(body.get('numbers', ())))


def stored(order):
    return (order.route, order.record.get('caller_id', ''), order.text,
            tuple(m.msisdn for m in sorted(order.messages, key=lambda m: m.index)))


def micros(number):
    return round(number * 1_000_000)


def i1_durable_accept(truth, how):
    accounts = {record['account']: record.get('name', '') for record in truth.kinds['account']}
    for request in requests(truth):
        reply = request['reply']
        if request['status'] is None or request['status'] // 100 != 2:
            continue
        order = truth.orders.get(reply.get('order_id'))
        if order is None:
            yield f'order {reply.get("order_id")} was accepted and is not in the store'
            continue
        if how.client_account and accounts.get(order.account) != how.client_account:
            yield f'{order} belongs to another account than the client'
        if stored(order)[:3] != asked(request['body'])[:3] and order.text is not None:
            yield f'{order} is not what was asked for'
        if micros(reply.get('cost', 0)) != order.count('cost'):
            yield f'{order} costs {order.count("cost")}, the client was told {reply.get("cost")}'
        replies = reply.get('messages', [])
        if len(replies) != order.total or len(replies) != reply.get('count'):
            yield f'{order} has {order.total} messages, the reply {len(replies)}'
        by_index = {m.index: m for m in order.messages}
        for index, told in enumerate(replies):
            message = by_index.get(index)
            if message is None or message.msisdn != told['msisdn']:
                yield f'{order}: message {index} to {told["msisdn"]} is not in the store'
            elif message.record['bx_message_id'] != told['bx_message_id']:
                yield f'{message}: the client knows it as {told["bx_message_id"]}'


def i2_all_or_nothing(truth, how):
    del how
    for stray in truth.strays:
        yield f'{stray["kind"]} {stray["order"]}/{stray["index"]} has no order or message'
    for order in truth.orders.values():
        indexes = sorted(message.index for message in order.messages)
        if indexes != list(range(order.total)):
            yield f'{order} says {order.total} messages and has {len(indexes)}'
        for message in order.messages:
            numbers = sorted(segment.number for segment in message.segments)
            if numbers != list(range(order.parts)):
                yield f'{message} has parts {numbers} of {order.parts}'


def i3_idempotency(truth, how):
    del how
    by_key = collections.defaultdict(set)
    for record in truth.kinds['idempotency']:
        by_key[record.get('account', 0), record['hash'], record['hash2']].add(record.get('order'))
        if record.get('order') not in truth.orders:
            yield f'an idempotency key names order {record.get("order")}, which is not there'
    for key, orders in by_key.items():
        if len(orders) > 1:
            yield f'an idempotency key of account {key[0]} names the orders {sorted(orders)}'
    told = collections.defaultdict(set)
    for request in requests(truth):
        if request['key'] and request['status'] and request['status'] // 100 == 2:
            reply = request['reply']
            ids = tuple(message['bx_message_id'] for message in reply.get('messages', ()))
            told[request['key']].add((reply.get('order_id'), ids))
    for key, replies in told.items():
        if len(replies) > 1:
            yield f'key {key} was answered with {len(replies)} different orders'
    if told and not by_key:
        yield 'keys were answered and none is in the store'


def i4_no_phantom(truth, how):
    del how
    if not truth.client:
        return
    wanted, keys = collections.Counter(), set()
    for request in requests(truth):
        if request['key'] not in keys:  # one that repeats a key asks for nothing new
            wanted[asked(request['body'])] += 1
        keys |= {request['key']} - {None}
    for what, n in collections.Counter(stored(order) for order in truth.orders.values()
                                       if order.text is not None).items():
        if n > wanted[what]:
            yield (f'{n} orders to {len(what[3])} numbers ({what[3][:1]}…) were asked for '
                   f'{wanted[what]} times')


def i5_definite_refusal(truth, how):
    del how
    possible, refused = collections.Counter(), collections.Counter()
    for request in requests(truth):
        if request['status'] is not None and 400 <= request['status'] < 500:
            refused[asked(request['body'])] += 1
        else:
            possible[asked(request['body'])] += 1
    made = collections.Counter(stored(order) for order in truth.orders.values())
    for what in refused:
        if made[what] > possible[what]:
            yield f'a refused request to {len(what[3])} numbers left an order'
    orders = {record.get('order') for record in truth.kinds['ledger']} - {None, 0}
    for number in sorted(orders - set(truth.orders)):
        yield f'the ledger names order {number}, which is not there'


# --- Money: I6 and I7 -----------------------------------------------------------------------------

def ledgers(truth):
    rows = collections.defaultdict(list)
    for record in truth.kinds['ledger']:
        rows[record['account']].append(record)
    for account in rows:
        rows[account].sort(key=lambda record: record['seq'])
    return rows


def walk_ledger(account, rows):
    """An account's rows, one after the other."""
    balance, openings = 0, 0
    for row in rows:
        amount = row.get('amount', 0)
        balance += amount
        openings += row['kind_of'] == 'opening'
        if not -INT64 <= balance < INT64:
            yield f'account {account["account"]}: seq {row["seq"]} leaves 64 bits'
        if row.get('balance_after', 0) != balance:
            yield (f'account {account["account"]}: seq {row["seq"]} says balance '
                   f'{row.get("balance_after", 0)} where the rows give {balance}')
        limit = row['credit'] - 1 if row.get('credit') else account.get('credit_limit', 0)
        if row['kind_of'] == 'debit' and balance < -limit:
            yield f'account {account["account"]}: seq {row["seq"]} passes the credit limit'
        wrong = {'debit': amount > 0, 'refund': amount < 0, 'topup': amount < 0}
        if wrong.get(row['kind_of'], False):
            yield f'account {account["account"]}: seq {row["seq"]} has the wrong sign'
    if openings > 1:
        yield f'account {account["account"]} was opened {openings} times'
    if balance != account.get('balance', 0):
        yield (f'account {account["account"]}: balance {account.get("balance", 0)}, '
               f'its rows give {balance}')


def i6_money(truth, how):
    del how
    rows, accounts = ledgers(truth), {a['account']: a for a in truth.kinds['account']}
    for number in sorted(set(rows) - set(accounts)):
        yield f'the ledger has rows of account {number}, which is not there'
    for number, account in accounts.items():
        yield from walk_ledger(account, rows[number])
    debits = collections.defaultdict(list)
    for account in rows.values():
        for row in account:
            if row['kind_of'] == 'debit':
                debits[row.get('order')].append(row)
    for order in truth.orders.values():
        cost = order.count('unit_price') * order.parts * order.total
        if order.count('cost') != cost:
            yield f'{order} costs {order.count("cost")}, its messages {cost}'
        paid = debits.get(order.number, [])
        owes = 0 if order.count('sandbox') else order.count('cost')
        if sum(-row.get('amount', 0) for row in paid) != owes or len(paid) > 1:
            yield f'{order} is to pay {owes} and was debited {len(paid)} times'
        if paid and paid[0]['account'] != order.account:
            yield f'{order} was paid by account {paid[0]["account"]}'


REFUNDABLE = {'never': set(), 'refused': {'FAILED', 'EXPIRED'},
              'undelivered': {'FAILED', 'EXPIRED'}}


def i7_refund(truth, how):
    given = collections.defaultdict(list)
    for record in truth.kinds['ledger']:
        if record['kind_of'] == 'refund':
            given[record.get('order', 0), record.get('index', 0)].append(record)
    for (number, index), records in given.items():
        message = truth.by_place.get((number, index))
        if message is None:
            yield f'a refund for message {number}/{index}, which is not there'
            continue
        price = message.order.count('unit_price') * message.order.parts
        if len(records) > 1:
            yield f'{message} was refunded {len(records)} times'
        if records[0].get('amount', 0) > price:
            yield f'{message} was refunded {records[0]["amount"]} and cost {price}'
        if message.state not in REFUNDABLE[how.refund] and \
                'REFUND_CONTRADICTED' not in message.flags:
            yield f'{message} was refunded and is {message.state}'
        known = [min((row['at_ms'] for row in segment.rows
                      if row['event'] in ('RECEIPT_DELIVERED', 'RECEIPT_BEATS')), default=INT64)
                 for segment in message.segments]  # a message is delivered when all of it is
        if max(known) < records[0].get('at_ms', 0):
            yield f'{message} was refunded after it was known to be delivered'
    for message in truth.messages:
        place = (message.order.number, message.index)
        if message.record.get('refund', 0) != sum(r.get('amount', 0) for r in given[place]):
            yield f'{message} says refund {message.record.get("refund", 0)}, the ledger another sum'


# --- The wire: I8 to I12 --------------------------------------------------------------------------

def i8_justified(truth, how):
    del how
    for submit in truth.unmatched:
        yield f'{submit} is of no message in the store, or not its content'
    for alike in truth.alike:
        if not alike or not alike[0].submits:
            continue
        released = sorted(row['released_ms'] for segment in alike for row in segment.rows
                          if row.get('attempt') and row['event'] in VERDICTS)
        waiting = sum(segment.released for segment in alike)
        submits = sorted(alike[0].submits, key=lambda submit: submit.wall_ms)
        if len(submits) > len(set(released_attempts(alike))) + waiting:
            yield f'{submits[-1]} was made without an attempt on record'
        for n, submit in enumerate(submits, 1):
            before = sum(at <= submit.wall_ms + SKEW_MS for at in released)
            if before + waiting < n:
                yield f'{submit} was seen before its release was on record'
            if not submit.registered:
                yield f'{submit} asks for no receipt'


def released_attempts(segments):
    return [(id(segment), row['attempt']) for segment in segments for row in segment.rows
            if row.get('attempt')]


def reasons(segment):
    """Per attempt but the last: why another one could follow. The rows come in order."""
    allowed = collections.Counter()
    for row in segment.rows:
        if row['event'] in ('REFUSED_FOR_NOW', 'UNSENT', 'RESEND'):
            allowed[row['event']] += 1
    return allowed


def i9_submit_count(truth, how):
    for alike in truth.alike:
        submits = alike[0].submits
        attempts = sum(segment.attempts + segment.released for segment in alike)
        if len(submits) > attempts:
            yield f'{submits[0]} was made {len(submits)} times on {attempts} attempts'
        again = sum(max(segment.attempts + segment.released - 1, 0) for segment in alike)
        excused = sum(sum(reasons(segment).values()) for segment in alike)
        if again > excused:
            yield (f'a segment to {alike[0].submits[0].destination if submits else "?"} has '
                   f'{again} attempts too many for {excused} reasons')
        unrefused = [submit for submit in submits if submit.unrefused()]
        if how.hold and len(unrefused) > len(alike):
            yield f'{unrefused[-1]}: {len(unrefused)} submits were taken or left open'


def by_id(submits):
    """Submits by the canonical form of the id in their response."""
    found = collections.defaultdict(list)
    for submit in submits:
        if submit.status == 0 and submit.message_id:
            found[truths.canonical(submit.message_id)].append(submit)
    return found


def i10_sent_is_true(truth, how):
    del how
    for message, segment in truth.segments():
        answered = by_id(segment.submits)
        for row in segment.rows:
            if row['event'] != 'ACCEPTED' or message.order.provider not in truth.far_ends:
                continue
            if row.get('code'):
                continue  # taken and not delivered, said in one response
            name = truths.canonical(row.get('id', ''))
            if name not in answered and not (not name and any(
                    s.status == 0 and not s.message_id for s in segment.submits)):
                yield f'{message}: no response named the id {row.get("id", "")!r} for it'
        receipts = any(row.get('state') for row in segment.rows)
        taken = segment.state in ('SENT', 'DELIVERED') or segment.error in (
            'NO_RECEIPT', 'RECEIPT_UNKNOWN', 'UNDELIVERABLE', 'DELIVERY_REJECTED', 'DELETED',
            'DELIVERY_EXPIRED')
        if taken and not receipts and not any(r['event'] == 'ACCEPTED' for r in segment.rows) \
                and not any(r['event'].startswith('SIBLING') for r in segment.rows):
            yield f'{message} is {segment.state} {segment.error} and nothing says it was taken'


def receipt_states(segment, provider):
    """States of the receipts that the far end sent for this segment's submits."""
    return {receipt.state for submit in segment.submits if submit.provider == provider
            for receipt in submit.receipts}


FAILING = {'UNDELIVERABLE': {'UNDELIVERABLE', 'SKIPPED'}, 'DELIVERY_REJECTED': {'REJECTED'},
           'DELETED': {'DELETED'}}


def final_is_true(segment, provider, how):
    """What is wrong with a segment's final state, or None."""
    said = receipt_states(segment, provider)
    refusals = [submit for submit in segment.submits if submit.refused()]
    unrefused = [submit for submit in segment.submits if submit.unrefused()]
    events = {row['event'] for row in segment.rows}
    if any(event.startswith('SIBLING') for event in events):
        return f'ended with a sibling after {unrefused[0]}' if unrefused else None
    if segment.state == 'DELIVERED':
        good = {'DELIVERED', 'ACCEPTED'} if how.accepted_means == 'DELIVERED' else {'DELIVERED'}
        return None if said & good else f'no such receipt, only {sorted(said)}'
    if segment.state == 'FAILED' and segment.error in FAILING:
        at_once = segment.error == 'UNDELIVERABLE' and any(s.status == 0xFE for s in refusals)
        return None if said & FAILING[segment.error] or at_once else \
            f'no such receipt, only {sorted(said)}'
    if segment.state == 'FAILED' and segment.error == 'SUBMIT_ERROR':
        if unrefused:
            return f'{unrefused[0]} was not refused'
        return None if refusals or 'QUEUE_REFUSED' in events else 'nothing refused it'
    if segment.state == 'FAILED' and segment.error == 'CANCELLED':
        return f'{unrefused[0]} was not refused' if unrefused else None
    if segment.state == 'EXPIRED' and segment.error == 'DELIVERY_EXPIRED':
        return None if 'EXPIRED' in said else f'no such receipt, only {sorted(said)}'
    if segment.state == 'EXPIRED' and segment.error == 'QUEUE_EXPIRED':
        return f'{unrefused[0]} was not refused' if unrefused else None
    return f'no rule gives {segment.error!r}'


def i11_final_is_true(truth, how):
    for message, segment in truth.segments():
        provider = message.order.provider
        if provider not in truth.far_ends:
            continue
        if truths.RANKS[segment.state] == 3:
            wrong = final_is_true(segment, provider, how)
            if wrong:
                yield f'{message} is {segment.state} {segment.error}: {wrong}'
        for row in segment.rows:
            for name in ('session', 'receipt_session'):
                if row.get(name) and truth.sessions.get(row[name], provider) != provider:
                    yield f'{message}: {row["event"]} came from provider ' \
                          f'{truth.sessions[row[name]]}'


def kept_receipts(truth):
    """(provider, id as one can read it) → states kept in evidence; the same for orphans."""
    kept, repeated = collections.defaultdict(set), set()
    for message, segment in truth.segments():
        states = {row['state'] for row in segment.rows if row.get('state')}
        for name in segment.ids():
            place = (message.order.provider, truths.canonical(name))
            kept[place] |= states
            if message.record.get('duplicates', 0):
                repeated.add(place)
    orphans = collections.defaultdict(list)
    for record in truth.kinds['orphan']:
        orphans[truth.providers.get(record.get('provider'), ''), record.get('id', '')] \
            .append(record)
    return kept, repeated, orphans


def i12_no_lost_receipt(truth, how):
    del how
    kept, repeated, orphans = kept_receipts(truth)
    for end in truth.far_ends.values():
        for receipt in end.receipts:
            if receipt.answered != 0:
                continue
            names = truths.readings(receipt.id)
            places = [(end.provider, name) for name in names]
            if any(receipt.state in kept.get(place, ()) for place in places):
                continue
            if any(place in repeated for place in places):
                continue  # it said nothing new, and was counted
            if any(receipt.stat in words(orphan.get('pdu')) for place in places
                   for orphan in orphans.get(place, ())):
                continue
            yield f'{receipt} was answered OK and is not in the store'


words = truths.words


# --- The store with itself: I13 to I16 ------------------------------------------------------------

TERMINAL = {'DELIVERED', 'EXPIRED', 'DELETED', 'UNDELIVERABLE', 'REJECTED', 'SKIPPED'}


def i13_nothing_known_pending(truth, how):
    ended = collections.defaultdict(set)
    for end in truth.far_ends.values():
        for receipt in end.receipts:
            if receipt.answered == 0 and receipt.state in TERMINAL:
                for name in truths.readings(receipt.id):
                    ended[end.provider, name].add(receipt.state)
    for message, segment in truth.segments():
        order = message.order
        if truths.RANKS[segment.state] > 1:
            continue
        for name in segment.ids():
            states = ended.get((order.provider, truths.canonical(name)))
            if states:
                yield f'{message} is {segment.state} and a receipt said {sorted(states)}'
        if segment.state in ('IN_DOUBT', 'SENT') and not order.count('wake_at_ms'):
            yield f'{message} is {segment.state} and nothing will ever wake it'
        due = segment.record.get('released_ms', 0) + how.receipt_deadline_ms
        if how.receipt_deadline_ms and segment.state in ('IN_DOUBT', 'SENT') and \
                how.now_ms > due + max(how.receipt_deadline_ms // 10, 2000):
            yield f'{message} is {segment.state} {how.now_ms - due} ms beyond its deadline'
        if how.quiet:
            yield f'{message} is {segment.state} though all had time to end'
    if how.quiet:
        for release in truth.kinds['release']:
            yield f'release {release["release"]} is still there though all had time to end'


FOLD = (('FAILED',), ('EXPIRED',), ('IN_DOUBT',), ('QUEUED', 'SUBMITTED'), ('SENT',), ('UNKNOWN',),
        ('DELIVERED',))


def fold_message(message):
    states = {segment.state for segment in message.segments}
    for one in FOLD:
        if states & set(one):
            return set(one)
    return set()


def i14_monotone(truth, how):
    del how
    for message, segment in truth.segments():
        place = f'{message} part {segment.number + 1}'
        states, open_attempts, attempts, wrong = fold_rows(segment)
        for what in wrong:
            yield f'{place}: {what}'
        states = set(states) | {('SUBMITTED', e) for s, e in states if s == 'QUEUED'}
        if not any(state == segment.state and error in (segment.error, ANY_ERROR)
                   for state, error in states):
            yield (f'{place} is {segment.state} {segment.error}, its evidence gives '
                   f'{sorted(states)}')
        if attempts != segment.attempts:
            yield f'{place} counts {segment.attempts} attempts, its evidence {attempts}'
        if open_attempts != segment.open_attempts:
            yield f'{place} counts {segment.open_attempts} open, its evidence {open_attempts}'
        if not segment.rows_whole:
            yield f'{place}: its evidence cannot be read to the end'
    for message in truth.messages:
        if message.state not in fold_message(message):
            yield f'{message} is {message.state}, its parts give {sorted(fold_message(message))}'
        final = message.record.get('final_ms', 0)
        if (message.state in truths.FINAL) != bool(final):
            yield f'{message} is {message.state} with final_ms {final}'


COUNTED = (('delivered', lambda m: m.state == 'DELIVERED'),
           ('failed', lambda m: m.state in ('FAILED', 'EXPIRED')),
           ('expired', lambda m: m.state == 'EXPIRED'),
           ('unknown', lambda m: m.state == 'UNKNOWN'),
           ('in_doubt', lambda m: m.state == 'IN_DOUBT'),
           ('sent', lambda m: m.state == 'SENT' and m.error != 'RECEIPT_UNKNOWN'),
           ('taken', lambda m: 'TAKEN' in m.flags),
           ('refused', lambda m: 'REFUSED' in m.flags),
           ('unanswered', lambda m: 'UNANSWERED' in m.flags),
           ('on_time', lambda m: 'ON_TIME' in m.flags),
           ('late', lambda m: 'LATE' in m.flags))
IN_BATCH = ('delivered', 'failed', 'unknown', 'taken', 'refused')


def i15_derived(truth, how):
    del how
    for finding in truth.kinds['finding']:
        yield f'{finding["of"]}: {finding["what"]} ({json.dumps(finding.get("record"))})'
    for order in truth.orders.values():
        for name, counts in COUNTED:
            n = sum(counts(message) for message in order.messages)
            if n != order.count(name):
                yield f'{order} says {name} {order.count(name)}, its messages {n}'
        for batch in order.batches:
            first, size = batch.get('first', 0), batch.get('size', 0)
            inside = [m for m in order.messages if first <= m.index < first + size]
            for name, counts in COUNTED:
                n = sum(counts(message) for message in inside)
                if name in IN_BATCH and n != batch.get(name, 0):
                    yield f'{order} batch {batch["n"]} says {name} {batch.get(name, 0)}, ' \
                          f'its messages {n}'
        if order.batches and sum(b.get('size', 0) for b in order.batches) != order.total:
            yield f'{order}: its batches do not add up to {order.total}'
    opened = {record['order'] for record in truth.kinds['open_order']}
    pending = {order.number for order in truth.orders.values()
               if order.count('delivered') + order.count('failed') + order.count('unknown')
               < order.total}
    for number in sorted(opened ^ pending):
        yield f'order {number} is {"not " if number in pending else ""}in the index of open orders'
    returned = {(r['order'], r['index'], r['segment']) for r in truth.kinds['returned']}
    queued = {(message.order.number, message.index, segment.number)
              for message, segment in truth.segments()
              if segment.state == 'QUEUED' and segment.record.get('due_ms', 0)}
    for place in sorted(returned ^ queued):
        yield f'segment {place} and the index of returned ones disagree'


def i16_integrity(truth, how):
    del how
    for record in truth.kinds['corrupt']:
        yield f'a record of kind {record["of"]} is corrupt'
    metas = truth.kinds['meta']
    if len(metas) != 1 or metas[0].get('schema') != SCHEMA:
        yield 'the store names no schema that is known'
    if not truth.kinds['end']:
        yield 'the store was not read to its end'
    for release in truth.kinds['release']:
        if not release.get('list_whole', True):
            yield f'release {release["release"]} cannot be read to the end'


INVARIANTS = (
    ('I1', i1_durable_accept), ('I2', i2_all_or_nothing), ('I3', i3_idempotency),
    ('I4', i4_no_phantom), ('I5', i5_definite_refusal), ('I6', i6_money), ('I7', i7_refund),
    ('I8', i8_justified), ('I9', i9_submit_count), ('I10', i10_sent_is_true),
    ('I11', i11_final_is_true), ('I12', i12_no_lost_receipt),
    ('I13', i13_nothing_known_pending), ('I14', i14_monotone), ('I15', i15_derived),
    ('I16', i16_integrity))


def check(truth, how):
    """[(id, violation)…], none when all is well."""
    return [(name, violation) for name, invariant in INVARIANTS
            for violation in invariant(truth, how)]


def main():
    parser = argparse.ArgumentParser(description='Checks I1 to I16 on what a run left behind.')
    parser.add_argument('--store', required=True, help='folder of a store that no daemon holds')
    parser.add_argument('--sim', action='append', default=[], metavar='PROVIDER=LOG')
    parser.add_argument('--client', help='log of esme-load')
    parser.add_argument('--build', default=os.environ.get('ESMED_BUILD',
                                                          os.path.join(truths.ROOT, 'build')))
    parser.add_argument('--quiet', action='store_true', help='everything had time to end')
    options = parser.parse_args()
    truth = truths.load(os.path.join(options.build, 'store_dump'), options.store,
                        dict(sim.split('=', 1) for sim in options.sim), options.client)
    violations = check(truth, How(quiet=options.quiet))
    for name, violation in violations:
        print(f'{name}: {violation}')
    print(f'{len(truth.orders)} orders, {len(truth.messages)} messages, '
          f'{len(violations)} violations')
    return 1 if violations else 0


if __name__ == '__main__':
    sys.exit(main())
