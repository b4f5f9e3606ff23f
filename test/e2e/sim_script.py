#!/usr/bin/python3
# builds: asan
"""Scripts of smsc-sim: every step and condition as a peer sees it, and mistakes. Prints TAP."""
import re
import socket
import sys
import time

import smsc_sim
from smsc_sim import (BIND_TRX, DELIVER, ENQUIRE, NACK, RESP, SUBMIT, UNBIND, Link, Sim, equal,
                      message_id, run, scratch)

PAGE = smsc_sim.ROOT + '/tools/smsc-sim.1.scd'
DATA, ALERT, OUTBIND, QUERY = 0x103, 0x102, 0xB, 3


class Script(Sim):
    """A simulator that follows these rows; what it says on stderr is expected to be nothing."""

    def __init__(self, rows, *options):
        path = scratch('script')
        with open(path, 'w', encoding='utf-8') as out:
            out.write(rows)
        super().__init__('--script', path, *options)


def mistakes(rows):
    path = scratch('script')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(rows)
    done = run('--listen', '127.0.0.1:0', '--script', path)
    equal((done.returncode, done.stdout), (2, ''))
    return [line[len(path) + 1:] for line in done.stderr.splitlines()]


def raw(link, n, timeout=smsc_sim.PATIENCE_S):
    """n octets as they come, or fewer at the end of the stream."""
    link.socket.settimeout(timeout)
    octets = link.input
    link.input = b''
    while len(octets) < n:
        more = link.socket.recv(n - len(octets))
        if not more:
            break
        octets += more
    return octets


# --- Conditions ----------------------------------------------------------------------------------

def statuses(link, numbers, **kwargs):
    return [link.ask(number, registered=0, **kwargs).status for number in numbers]


def test_counts_say_which_of_the_matches_fire():
    with Script('on submit nth=2: answer command_status=ESME_RTHROTTLED\n'
                'on submit first=1: answer command_status=RMSGQFUL\n'
                'on submit every=3: answer command_status=8\n') as sim:
        equal(statuses(sim.link(), ['491701'] * 7), [0x14, 0x58, 8, 0, 0, 8, 0])


def test_counts_are_of_the_run_or_of_each_link():
    with Script('on submit first=1 per=link: answer command_status=0x45\n'
                'on submit nth=4: answer command_status=0x61\n') as sim:
        equal(statuses(sim.link(), ['491701'] * 2), [0x45, 0])
        equal(statuses(sim.link(), ['491701'] * 3), [0x45, 0x61, 0])


def test_fields_select_what_a_row_is_about():
    with Script('on submit destination_addr=4917*: answer command_status=1\n'
                'on submit source_addr=77 destination_addr=4918: answer command_status=2\n'
                'on submit esm_class=0x40 part=2: answer command_status=3\n'
                'on submit text="go away*": answer command_status=4\n'
                'on submit_sm link=2: answer command_status=5\n'
                'on data_sm 0x0424=tlv: answer command_status=6\n') as sim:
        link = sim.link()
        equal(statuses(link, ['49'], text='tlv', command=DATA), [6])
        equal(statuses(link, ['49171', '4918', '49']), [1, 0, 0])
        equal(statuses(link, ['4918'], source='77'), [2])
        equal(statuses(link, ['49'], text=b'\5\0\3\7\2\1x', esm_class=0x40), [0])
        equal(statuses(link, ['49'], text=b'\5\0\3\7\2\2x', esm_class=0x40), [3])
        equal(statuses(link, ['49'], text='go away now'), [4])
        equal(statuses(sim.link(), ['49']), [5])


def test_times_and_names_bound_a_row():
    with Script('on submit until=600ms: answer command_status=1\n'
                'on submit since=600ms system_id=old*: answer command_status=2\n') as sim:
        link, old = sim.link(), sim.link(system_id='older')
        equal(statuses(link, ['49']), [1])
        time.sleep(0.7)  # the condition is a time
        equal(statuses(link, ['49']), [0])
        equal(statuses(old, ['49']), [2])


# --- Binds ---------------------------------------------------------------------------------------

def test_a_bind_is_refused_for_a_while_after_another_dropped():
    with Script('on bind after_down=600ms: answer command_status=ESME_RALYBND\n') as sim:
        sim.link().close()
        link = Link(sim.address)
        until = time.monotonic() + 5
        equal(link.bind().status, 5)
        while link.bind().status == 5 and time.monotonic() < until:
            pass
        equal(link.ask('491701', registered=0).status, 0)


def test_a_bind_is_refused_with_17_octets():
    with Script('on bind first=1: answer command_status=ESME_RINVPASWD body=nul\n') as sim:
        link = Link(sim.address)
        equal(link.bind(), (BIND_TRX | RESP, 0x0E, 1, b'\0'))
        equal(link.bind().status, 0)


def test_a_bind_is_answered_in_odd_ways():
    with Script('on bind nth=1: answer body=none\n'
                'on bind nth=2: answer system_id="sixteen letters and more"\n'
                'on bind nth=3: answer system_id=hex:736d7363\n'
                'on bind nth=4: drop\n'
                'on bind nth=5: send deliver_sm source_addr=1 short_message=early\n') as sim:
        equal(Link(sim.address).bind().body, b'')
        assert Link(sim.address).bind().body.startswith(b'sixteen letters and more\0')
        assert Link(sim.address).bind().body.startswith(b'smsc\x02\x10')
        link = Link(sim.address)
        link.send(BIND_TRX, b'esme\0secret\0\0\x34\0\0\0')
        assert link.silent(0.3)
        link = Link(sim.address)
        equal(link.bind().command, DELIVER)
        equal(link.read().command, BIND_TRX | RESP)


# --- Answers -------------------------------------------------------------------------------------

def test_answers_are_dropped_doubled_and_late():
    with Script('on submit nth=1: drop\n'
                'on submit nth=2: answer times=2\n'
                'on submit nth=3: answer after=400ms\n') as sim:
        link = sim.link()
        first = link.submit('491701', registered=0)
        second = link.submit('491701', registered=0)
        equal([link.read().sequence for _ in range(2)], [second, second])
        began = time.monotonic()
        late = link.submit('491701', registered=0)
        on_time = link.submit('491701', registered=0)
        equal([link.read().sequence, link.read().sequence], [on_time, late])
        assert time.monotonic() - began >= 0.39
        assert link.silent(0.1), first


def test_a_dropped_answer_may_be_followed_by_a_receipt():
    with Script('on submit: drop\n', '--first-id', '7') as sim:
        link = sim.link()
        link.submit('491701')
        equal(link.receipt()['id'], '7')


def test_answers_come_in_reverse():
    with Script('on submit: reverse n=4 after=300ms\n') as sim:
        link = sim.link()
        sent = [link.submit('491701', registered=0) for _ in range(6)]
        equal([link.read().sequence for _ in range(6)],
              list(reversed(sent[:4])) + list(reversed(sent[4:])))


def test_answers_have_the_ids_and_bodies_asked_for():
    with Script('on submit nth=1: answer message_id="  {id}  "\n'
                'on submit nth=2: answer body=none\n'
                'on submit nth=3: answer message_id=""\n'
                'on submit nth=4: answer command_status=8 message_id=T24\n'
                'on submit nth=5: answer generic_nack command_status=ESME_RTHROTTLED\n'
                'on submit nth=6: answer deliver_sm_resp\n'
                'on submit nth=7: answer 0x0428=hex:5a 0x1403=26201\n'
                'on submit nth=8: answer sequence_number=0\n', '--first-id', '10') as sim:
        link = sim.link()
        equal(message_id(link.ask('49', registered=0)), '  a  ')
        equal(link.ask('49', registered=0).body, b'')
        equal(link.ask('49', registered=0).body, b'\0')
        equal(link.ask('49', registered=0)[1::2], (8, b'T24\0'))
        equal(link.ask('49', registered=0)[:2], (NACK, 0x58))
        equal(link.ask('49', registered=0).command, DELIVER | RESP)
        equal(link.ask('49', registered=0).body, b'e\0\x04\x28\0\1\x5a\x14\x03\0\x0526201')
        link.submit('49', registered=0)
        equal(link.read().sequence, 0)


def test_other_requests_are_answered_as_rows_say():
    with Script('on enquire_link nth=1: drop\n'
                'on enquire_link nth=2: answer command_status=8\n'
                'on enquire_link nth=3: answer tail=hex:00ff00\n'
                'on query_sm: answer command_status=ESME_RQUERYFAIL\n'
                'on unbind: answer after=300ms\n') as sim:
        link = sim.link()
        link.send(ENQUIRE)
        second = link.send(ENQUIRE)
        equal(link.read(), (ENQUIRE | RESP, 8, second, b''))
        link.send(ENQUIRE)
        equal(link.read().body, b'\0\xff\0')
        link.send(QUERY, b'1\0\0\0\0')
        equal(link.read().status, 0x67)
        link.send(UNBIND)
        equal(link.read(), None)  # the link is gone before the answer would leave


# --- Lines ---------------------------------------------------------------------------------------

def test_half_a_pdu_and_then_silence():
    with Script('on submit nth=1: answer cut=half\n'
                'on submit nth=2: answer\n', '--first-id', '4096') as sim:
        link = sim.link()
        link.submit('491701', registered=0)
        equal(len(raw(link, 10)), 10)
        link.submit('491701', registered=0)
        link.send(ENQUIRE)
        assert link.silent(0.3)
        equal(sim.end()['accepted'], 2)


def test_a_slow_drip():
    with Script('on bound: drip n=100 for=800ms\n', '--first-id', '4096') as sim:
        link = sim.link()  # its answer is 31 octets
        began = time.monotonic()
        for _ in range(2):
            link.send(ENQUIRE)
        raw(link, 32)
        took = time.monotonic() - began
        assert 0.2 <= took < 5, took
        time.sleep(0.8)  # until the drip is over
        began = time.monotonic()
        for _ in range(100):
            link.send(ENQUIRE)
        raw(link, 1600)
        assert time.monotonic() - began < 5


def test_links_end_by_fin_rst_and_unbind():
    with Script('on submit destination_addr=1: close\n'
                'on submit destination_addr=2: reset\n'
                'on submit destination_addr=3: unbind\n'
                'on submit destination_addr=4: octets tail=hex:00000010; reset after=100ms\n'
                ) as sim:
        link = sim.link()
        link.submit('1', registered=0)
        equal(link.read().command, SUBMIT | RESP)
        equal(link.read(), None)
        link = sim.link()
        link.submit('2', registered=0)
        try:
            while link.socket.recv(100):
                pass
            raise AssertionError('the end was a FIN')
        except ConnectionResetError:
            pass
        link = sim.link()
        link.submit('3', registered=0)
        equal({link.read().command for _ in range(2)}, {SUBMIT | RESP, UNBIND})
        link = sim.link()
        link.submit('4', registered=0)
        octets = b''
        try:
            while True:
                octets += link.socket.recv(100)
        except ConnectionResetError:
            pass
        assert octets.startswith(b'\0\0\0\x10\0\0\0') and len(octets) > 16, octets


def test_a_peer_that_stops_reading():
    with Script('on submit nth=1: hold for=500ms\n') as sim:
        link = sim.link()
        link.ask('491701', registered=0)
        began = time.monotonic()
        link.ask('491701', registered=0)
        # What was read before the hold took effect is answered at once.
        if time.monotonic() - began < 0.4:
            link.ask('491701', registered=0)
        assert time.monotonic() - began >= 0.39, time.monotonic() - began
        # Once it is over it costs nothing.
        used = cpu_ms(sim)
        time.sleep(0.6)
        assert cpu_ms(sim) - used < 20, cpu_ms(sim) - used


def cpu_ms(sim):
    with open(f'/proc/{sim.process.pid}/schedstat', encoding='ascii') as stat:
        return int(stat.read().split()[0]) / 1e6


def test_a_mute_peer():
    with Script('on enquire_link: mute\n') as sim:
        link = sim.link()
        link.send(ENQUIRE)
        link.submit('491701')
        assert link.silent(0.3)


def test_junk():
    with Script('on submit: octets tail=hex:000000100000dead0000000000000007 times=2; '
                'octets tail=hex:ffffffff00000000 after=100ms\n', '--first-id', '7') as sim:
        link = sim.link()
        link.submit('491701', registered=0)
        equal(raw(link, 32).hex(), '000000100000dead0000000000000007' * 2)
        equal(raw(link, 18)[-2:], b'7\0')
        equal(raw(link, 8).hex(), 'ffffffff00000000')


# --- Requests of the simulator -------------------------------------------------------------------

def test_it_sends_what_a_row_says():
    with Script('on bound: send deliver_sm source_addr=4917 source_addr_ton=1 '
                'destination_addr=1234 short_message="hello {count} on {link}" data_coding=3 '
                '0x1403=hex:0102; '
                'send data_sm source_addr=4918 message_payload=utf16:"\u0416x" data_coding=8; '
                'send alert_notification source_addr=4919 esme_addr=1; '
                'send enquire_link; send 0x0000dead tail=hex:00\n') as sim:
        link = sim.link()
        pdu = link.read()
        equal((pdu.command, pdu.sequence), (DELIVER, 1))
        equal(pdu.body, b'\0\1\x004917\0\0\x001234\0' + bytes(7) + b'\3\0\x0chello 1 on 1' +
              b'\x14\3\0\2\1\2')
        pdu = link.read()
        equal((pdu.command, pdu.sequence), (DATA, 2))
        assert pdu.body.endswith(b'\x04\x24\0\x04\x04\x16\0x'), pdu
        equal(link.read()[::2], (ALERT, 3))
        equal(link.read()[::2], (ENQUIRE, 4))
        equal(link.read(), (0xdead, 0, 5, b'\0'))
        link.ack(pdu)
        link.send(NACK, b'', 3, 5)
        equal(link.ask('491701', registered=0).status, 0)


def test_it_sends_what_no_codec_would():
    with Script('on submit nth=1: send deliver_sm sm_length=16 short_message="only 8.."\n'
                'on submit nth=2: send deliver_sm sequence_number=0 short_message=x\n'
                'on submit nth=3: send deliver_sm command_length=15\n'
                'on connect: send outbind system_id=smsc password=word\n') as sim:
        link = Link(sim.address)
        equal(link.read()[::3], (OUTBIND, b'smsc\0word\0'))
        equal(link.bind().status, 0)
        link.submit('49', registered=0)
        equal(link.read().command, SUBMIT | RESP)
        assert link.read().body.endswith(b'\x10only 8..')
        link.submit('49', registered=0)
        equal([link.read().command for _ in range(2)], [DELIVER, SUBMIT | RESP])
        link.submit('49', registered=0)
        equal(raw(link, 4), b'\0\0\0\x0f')


def test_an_esme_is_called_and_asked_to_bind():
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(smsc_sim.PATIENCE_S)
        with Sim('--outbind', f'127.0.0.1:{server.getsockname()[1]}', '--password', 'a"b') as sim:
            for _ in range(2):
                link = Link(sim.address, server.accept()[0])
                equal(link.read()[::3], (OUTBIND, b'smsc-sim\0a"b\0'))
                equal(link.bind(smsc_sim.BIND_RX, password='a"b').status, 0)
                sim.link(password='a"b').submit('491701')
                equal(link.read().command, DELIVER)
                link.close()


# --- Outcomes and receipts -----------------------------------------------------------------------

def test_outcomes_and_ways_can_be_scripted():
    with Script('on submit nth=1: outcome mix=failed=100\n'
                'on submit nth=2: outcome mix=expired=100 receipts=twice=100\n'
                'on submit nth=3: outcome mix=silent=100\n') as sim:
        link = sim.link()
        link.ask('49170')
        equal(link.receipt()['stat'], 'UNDELIV')
        link.ask('49170')
        equal([link.receipt()['stat'] for _ in range(2)], ['EXPIRED'] * 2)
        link.submit('49170')
        equal(link.read().command, DELIVER)


def test_receipts_have_the_shape_a_row_gives_them():
    with Script('on submit nth=1: receipt shape=V07\n'
                'on submit nth=2: receipt deliver_sm short_message="{id:decimal:8}/{response_id}/'
                '{stat}/{source}>{destination}/{submit_date:14}" times=2\n'
                'on submit nth=3: receipt data_sm receipted_message_id={id} message_state=0x80 '
                'after=200ms\n', '--first-id', '255') as sim:
        link = sim.link()
        link.ask('49170')
        raw_text = link.receipt()['raw']
        assert re.fullmatch(r'id:ff submit date:\d{10} done date:\d{10} stat:DELIVRD err:000',
                            raw_text), raw_text
        link.ask('49170', registered=0)
        for _ in range(2):
            pdu = link.read()
            link.ack(pdu)
            assert re.search(rb'00000256/100/DELIVRD/4930123>49170/20\d{12}$', pdu.body), pdu
        link.ask('49170')
        pdu = link.read()
        equal(pdu.command, DATA)
        assert pdu.body.endswith(b'\0\x1e\0\x04101\0\x04\x27\0\1\x80'), pdu


def test_a_receipt_without_words_is_worded_as_usual_and_rows_are_counted():
    with Script('on submit first=1: receipt times=2\n'
                'on submit every=2: receipt short_message="id:{id} n:{count}"\n',
                '--first-id', '255') as sim:
        link = sim.link()
        link.ask('49170', registered=0)
        for _ in range(2):
            receipt = link.receipt()
            equal((receipt['id'], receipt['stat']), ('ff', 'DELIVRD'))
        for number in (1, 2):
            if number == 2:
                link.ask('49170', registered=0)
            link.ask('49170', registered=0)
            pdu = link.read()
            link.ack(pdu)
            assert pdu.body.endswith(b'n:%d' % number), pdu


def test_every_shape_can_be_sent():
    names = [line.split()[0] for line in run('--receipt-shape', 'list').stdout.splitlines()]
    assert {'plain', 'V01', 'V51', 'T01', 'T13'} < set(names), names
    rows = ''.join(f'on submit nth={n}: receipt shape={name}\n' for n, name in enumerate(names, 1))
    seen = {}
    with Script(rows, '--first-id', '1000000') as sim:
        link = sim.link()
        for name in names:
            link.ask('49170')
            pdu = link.read()
            equal((pdu.command in (DELIVER, DATA), name), (True, name))
            link.ack(pdu)
            seen[name] = pdu.body
    assert b'id:f4241 ' in seen['V01'] and b'stat:DELIVRD' in seen['V01']
    assert b'i\0d\0:' in seen['V51'] and b'stat' not in seen['T01']
    number = 1000000 + names.index('T05')
    assert b'id:000%d ' % number in seen['T05'] and b'\0\x1e\0\x06%x\0' % number in seen['T05']
    assert seen['past-the-end'].endswith(bytes.fromhex('001e00c84142'))
    equal(run('--receipt-shape', 'V00').returncode, 2)
    with Sim('--receipt-shape', 'T01') as sim:
        link = sim.link()
        link.ask('49170')
        pdu = link.read()
        equal((pdu.command, b'stat:' in pdu.body), (DELIVER, False))


# --- Carriers ------------------------------------------------------------------------------------

def profiles():
    return [line.split()[0] for line in run('--profile', 'list').stdout.splitlines()
            if not line.startswith(' ')]


def test_every_profile_can_be_bound_to():
    assert {'3.3', 'rakuten', 'txtwire', 'routemobile', 'vibes', 'vonage', 'kast', 'sun'} <= set(
        profiles())
    for name in profiles():
        with Sim('--profile', name) as sim:
            equal((name, sim.link().ask('491701', registered=0).status), (name, 0))
    equal(run('--profile', 'nobody').returncode, 2)


def test_profiles_are_what_they_say_and_can_be_overruled():
    with Sim('--profile', 'vonage', '--first-id', '255') as sim:
        link = sim.link()
        equal(message_id(link.ask('491701')), 'ff')
        got = link.receipt()
        equal((got['id'], got['text']), ('0000000255', 'none'))
    with Sim('--profile', 'vonage', '--receipt-ids', 'HEX', '--first-id', '255') as sim:
        link = sim.link()
        link.ask('491701')
        equal(link.receipt()['id'], 'FF')
    with Sim('--profile', 'txtwire') as sim:
        links = [sim.link(), sim.link()]
        equal(Link(sim.address).bind().status, 5)
        equal(statuses(links[0], ['491701'] * 2), [0, 0x58])
    with Sim('--profile', '3.3') as sim:
        equal(Link(sim.address).bind().body, b'smsc-sim\0')


def test_a_silent_link_is_ended():
    with Sim('--inactivity-ms', '400') as sim:
        link = sim.link()
        began = time.monotonic()
        equal(link.read(), None)
        assert time.monotonic() - began >= 0.39


def test_receipts_come_again_ever_later():
    with Sim('--redeliver-ms', '50', '--redeliver-max-ms', '150') as sim:
        link = sim.link()
        link.ask('491701')
        times = []
        for _ in range(5):
            pdu = link.read()
            times.append(time.monotonic())
            link.ack(pdu, 8)
        gaps = [round((b - a) * 1000) for a, b in zip(times, times[1:])]
        for gap, least in zip(gaps, (50, 100, 150, 150)):
            assert gap >= least - 2, gaps


# --- Mistakes ------------------------------------------------------------------------------------

def test_every_mistake_is_said_with_line_and_column():
    said = mistakes('# a comment, and an empty row\n'
                    '\n'
                    'when bind: drop\n'
                    'on binding: drop\n'
                    'on submit drop\n'
                    'on submit: fall over\n'
                    'on submit colour=red: drop\n'
                    'on submit nth=x: drop\n'
                    'on submit: answer command_status=ESME_RFUN\n'
                    'on bound: answer\n'
                    'on bound: send deliver_sm short_message={text}\n'
                    'on submit: send deliver_sm short_message="open\n'
                    'on submit: send deliver_sm short_message=hex:0g\n'
                    'on submit: receipt shape=V00\n'
                    'on submit: drip for=2s\n'
                    'on submit: send\n'
                    'on submit: close after=soon\n'
                    'on submit: drop;\n'
                    'on submit: send deliver_sm message_id=1\n'
                    'on submit: receipt times=256\n')
    equal([line.split(':')[0] for line in said], [str(n) for n in range(3, 21)])
    equal([line.split(':')[1] for line in said[:5]], ['1', '4', '11', '12', '11'])
    assert 'ESME_RFUN' not in said[6] and 'command_status' in said[6], said[6]
    assert '{text}' in said[8], said[8]


def test_a_script_that_cannot_be_read():
    done = run('--listen', '127.0.0.1:0', '--script', '/nonexistent/script')
    equal(done.returncode, 2)
    assert '/nonexistent/script' in done.stderr, done.stderr


def test_the_examples_of_the_manual_page_are_scripts():
    with open(PAGE, encoding='utf-8') as page:
        blocks = re.findall(r'```\n(.*?)```', page.read(), re.S)
    scripts = [block for block in blocks if block.lstrip().startswith(('on ', '#'))]
    assert scripts
    for script in scripts:
        with Script(script.replace('\\\\', '\\')) as sim:
            equal(Link(sim.address).bind().command, BIND_TRX | RESP)


if __name__ == '__main__':
    sys.exit(smsc_sim.run_tests(globals()))
