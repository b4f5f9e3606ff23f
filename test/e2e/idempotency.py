#!/usr/bin/python3
# builds: asan
"""Idempotency-Key from outside: one order for one key, however often, at once, after a kill, while
draining; and what waits before a provider that hangs: accepted, and nothing more. Prints TAP."""
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import client  # noqa: E402
import house  # noqa: E402

TAP = house.Tap()
V1 = '/api/v1'
OTHER = 'somebody-else-0123456789abcdef0123456789abcdef'
AT_ONCE = 20
REPLAYED = 'Idempotent-Replayed'


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:2000] for detail in details])


def body(**changes):
    return {'route_id': 1, 'caller_id': 'ACME', 'numbers': ['31612345678'], 'message': 'hello',
            **changes}


def at_once(base, witness, ask):
    """The answers of as many clients as come at the same time."""
    answers, gate = [None] * AT_ONCE, threading.Barrier(AT_ONCE)

    def run(i):
        one = client.Client(base, house.KEY, witness)
        gate.wait()
        answers[i] = ask(i, one)
        one.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def one_order(one, base, witness):
    """The same request, many times at once."""
    before = one.get(f'{V1}/balance').body['balance']
    answers = at_once(base, witness, lambda i, who: who.send(body(), Idempotency_Key='same'))
    orders = {answer.body['order_id'] for answer in answers}
    check('the same key and body at once make one order', len(orders) == 1 and
          {answer.status_code for answer in answers} == {200} and
          len(one.get(f'{V1}/orders').body['orders']) == 1, orders)
    check('and one answer, all but the first replayed', sorted(
        answer.headers.get(REPLAYED, 'first') for answer in answers) ==
        ['first'] + ['true'] * (AT_ONCE - 1) and
        all(answer.body == answers[0].body for answer in answers))
    after = one.get(f'{V1}/balance').body['balance']
    check('and are paid once', round(before - after, 6) == 0.088, before, after)
    answers = at_once(base, witness, lambda i, who: who.send(
        body(message=f'hello {i}'), Idempotency_Key='differing'))
    good = [answer for answer in answers if answer.status_code == 200]
    check('of differing bodies under one key at once one is taken', len(good) == 1 and all(
        answer.status_code == 422 and answer.body['code'] == 'idempotency_mismatch'
        for answer in answers if answer not in good), [answer.status_code for answer in answers])
    return one.send(body(), Idempotency_Key='same').body


def its_own(one, told):
    """What the key stands for, and what it does not."""
    wrong = one.send(body(message='other'), Idempotency_Key='same')
    check('the key with another body is refused', wrong.status_code == 422 and
          wrong.body['detail'] == 'Idempotency-Key was used with another body.', wrong.body)
    spaced = one.post(f'{V1}/send_sms', b'{"route_id":1,  "caller_id":"ACME","numbers":'
                      b'["31612345678"],"message":"hello"}', Idempotency_Key='same')
    check('another body is one that differs in an octet', spaced.status_code == 422, spaced.body)
    other = one.send(body(), key=OTHER, Idempotency_Key='same')
    check('the key of one account is not that of another', other.status_code == 200 and
          other.body['order_id'] != told['order_id'] and REPLAYED not in other.headers, other.body)
    estimate = one.post(f'{V1}/estimate', body(message='other'), Idempotency_Key='same')
    check('an estimate knows no keys', estimate.status_code == 200, estimate.body)
    refused = one.send(body(route_id=99), Idempotency_Key='refused')
    mended = one.send(body(), Idempotency_Key='refused')
    check('a refusal does not use up its key', refused.status_code == 400 and
          mended.status_code == 200, refused.body, mended.body)
    for key in ('k', 'k' * 128, 'a b', '"quoted"'):
        first, again = (one.send(body(), Idempotency_Key=key) for _ in range(2))
        check(f'a key of {len(key)} octets is one', first.body == again.body and
              again.headers.get(REPLAYED) == 'true', first.body)


def after_a_kill(one, daemon, told):
    daemon.kill()
    daemon.start()
    one.close()
    again = one.send(body(), Idempotency_Key='same')
    check('the key is kept over a kill', again.body == told and
          again.headers.get(REPLAYED) == 'true', again.body)
    wrong = one.send(body(message='other'), Idempotency_Key='same')
    check('and refuses another body as before', wrong.status_code == 422, wrong.body)


def nothing_more(one, told):
    """The provider has said nothing: accepted is not executed, and not delivered."""
    order = one.get(f'{V1}/orders/{told["order_id"]}').body
    check('what is QUEUED is counted as pending and as nothing else', (
        order['total'], order['pending'], order['delivered'], order['failed'], order['unknown'],
        order['progress_pct'], order['resolved_at']) == (1, 1, 0, 0, 0, 0, None) and
        order['execution']['taken'] == 0 and order['outcome'] == {'on_time': 0, 'late': 0}, order)
    dlr = one.get(f'{V1}/dlr/{told["messages"][0]["bx_message_id"]}').body
    check('no member of the message tells of a delivery', dlr['status'] in ('QUEUED', 'UNKNOWN') and
          dlr['final'] is False and dlr['on_time'] is None and dlr['delivery_ms'] is None, dlr)


def while_draining(one, daemon, told):
    """The order of the last two checks, and a key that is known needs neither of them."""
    waits = one.send(body()).body['order_id']  # its end waits for what is not answered
    house.await_that('it is submitted', lambda: one.get(
        f'{V1}/orders/{waits}').body['batches'][0]['submitted'])
    one.get('/readyz', key=None)  # connections are per target here, and no new ones will come in
    daemon.process.terminate()
    house.await_that('it drains', lambda: 'engine.draining' in daemon.said(1 << 20))
    again = one.send(body(), Idempotency_Key='same')
    check('a key that is known is answered while draining', again.body == told, again.body)
    for name, status, stage, given in (
            ('provider before store', 502, 'provider', body(route_id=2)),
            ('balance before provider and store', 402, 'balance',
             body(route_id=2, numbers=[f'316{i:08}' for i in range(9000)])),
            ('store', 503, 'store', body())):
        for kind in ('application/json', 'application/problem+json'):
            answer = one.send(given, Accept=kind)
            check(f'{name}, as {kind[12:]}', answer.status_code == status and
                  answer.body['stage'] == stage and answer.headers['Content-Type'] == kind,
                  answer.body)
    check('a refusal for draining says when to come again', answer.body['detail'] == 'Draining.' and
          answer.headers['Retry-After'] == '5', answer.body)
    ready = one.get('/readyz', key=None)
    check('/readyz says so as well', ready.status_code == 503 and
          ready.body == {'status': 'not_ready', 'reason': 'Draining.'}, ready.body)


with house.House(far=('--quiet', '--hang'), sets=('drain=60s',)) as the_home:
    the_daemon, the_witness = the_home.daemon, client.Witness()
    the_daemon.start()
    the_status, the_answer = the_daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
        {'name': 'one', 'opening': '100', 'keys': [{'key': house.KEY}]},
        {'name': 'other', 'opening': '100', 'keys': [{'key': OTHER}]}]})
    check('accounts are made', the_status == 200, the_answer)
    the_base = client.over_unix(the_daemon)
    the_one = client.Client(the_base, house.KEY, the_witness)
    the_told = one_order(the_one, the_base, the_witness)
    its_own(the_one, the_told)
    nothing_more(the_one, the_told)
    after_a_kill(the_one, the_daemon, the_told)
    while_draining(the_one, the_daemon, the_told)
    the_witness.judge(check, the_daemon)
sys.exit(TAP.end())
