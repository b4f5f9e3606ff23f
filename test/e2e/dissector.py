#!/usr/bin/python3
# builds: asan
"""What passes in sessions with programs that share no line with this project, and in our own, is
read by us as tshark reads it: every PDU, every field, also where PDUs are cut anywhere or many stand
in one packet. Prints TAP."""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
import npm  # noqa: E402
import wire  # noqa: E402
from truth import ROOT  # noqa: E402

SPECIFICATION = os.path.join(ROOT, 'test', 'vectors', 'smpp34')
SETS = ('routes.3.receipt_deadline=2s',)
TAP = house.Tap()


def all_commands():
    """Name to command_id."""
    with open(os.path.join(SPECIFICATION, 'commands.tsv'), encoding='utf-8') as file:
        rows = [line.split('\t') for line in file.readlines()[1:]]
    return {row[0]: int(row[1], 16) for row in rows}


def every_pdu():
    """The connections of a session in which everything is said, and what its program tells."""
    process = npm.start('every_pdu.js', os.path.join(SPECIFICATION, 'tlvs.tsv'))
    relay = wire.Relay(int(house.first_line(process).rsplit(':', 1)[1]))
    try:
        said, _ = process.communicate(f'{relay.port}\n', timeout=house.PATIENCE_S)
        if process.returncode != 0:
            raise house.Trouble(f'every_pdu.js ended with {process.returncode}')
        return relay.connections, json.loads(said)
    finally:
        process.kill()
        relay.end()


def our_session(folder):
    """The connections of esmed to smsc-sim: texts in all alphabets and parts, and every outcome."""
    far = house.FarEnd(folder, '--receipts', 'early=20,twice=20', '--receipt-ids', 'decimal:12')
    relay = wire.Relay(far.port)
    daemon = house.Daemon(folder, relay.port, SETS)
    texts = ('Hello', 'Grüße [€]', 'Привет 😀', 'long ' * 60, 'длинно ' * 30)
    try:
        daemon.start()
        daemon.open_account()
        orders = []
        for text in texts:
            status, answer = daemon.api('POST', '/api/v1/send_sms', {
                'route_id': 3, 'caller_id': 'ACME', 'message': text,
                'numbers': [f'316999900{n:02}' for n in (0, 1, 2, 3, 5, 6, 7, 8, 11, 12, 13)]})
            if status != 200:
                raise house.Trouble(f'{status} {answer}')
            orders.append(answer['order_id'])
        for order in orders:
            house.await_that('it is resolved', lambda n=order: daemon.resolved(n))
        if daemon.stop() != 0:
            raise house.Trouble(f'esmed ended with {daemon.process.returncode}')
    except BaseException:
        print('# esmed:', *daemon.said(6000).splitlines(), sep='\n# ')
        raise
    finally:
        daemon.stop()
        relay.end()
        far.end()
    return relay.connections


def against_tshark(name, folder, connections, least):
    path = os.path.join(folder, 'session.pcap')
    wire.write_capture(path, connections)
    theirs = dissect.dissected(path)
    ours = dissect.by_flow(dissect.read(path))
    comparison = dissect.Comparison(dissect.SILENT, dissect.DIFFERING)
    for n, connection in enumerate(connections):
        for who, way, port in ((wire.CLIENT, 'out', wire.ESME_PORT + n),
                               (wire.SERVER, 'in', wire.SMSC_PORT)):
            mine = ours.pop((n + 1, way), [])
            comparison.compare(f'{n} {who}', mine, theirs.get((str(n), str(port)), []))
            if sum(one['octets'] for one in mine) != len(connection.octets(who)):
                comparison.wrong.append(f'{n} {who}: not all octets are PDUs')
    comparison.wrong += [f'{flow} is in no connection' for flow in ours]
    TAP.result(not comparison.wrong and comparison.pdus >= least,
               f'{name}: {comparison.fields} fields of {comparison.pdus} PDUs agree with tshark',
               comparison.wrong or [f'{comparison.pdus} PDUs, not {least}'])
    return comparison


def main():
    missing = npm.missing() or (None if dissect.installed() else 'tshark is not installed')
    if missing:
        print(f'1..0 # SKIP {missing}')
        return 0
    with tempfile.TemporaryDirectory() as folder:
        connections, said = every_pdu()
        TAP.result(said['answers'] == said['requests'] > 40, 'every request is answered', [said])
        least = said['requests'] + said['answers'] + 2  # outbind and alert_notification have none
        comparison = against_tshark('every PDU', folder, connections, least)
        TAP.result(comparison.commands == {*all_commands(), 'unknown'},
                   'every PDU of the specification was among them',
                   [comparison.commands ^ all_commands().keys()])
        unused = comparison.unused()
        known = set(all_commands().values())
        for seed in range(5):
            unused &= against_tshark(f'every PDU, cut by seed {seed}', folder, [
                wire.recut(one, seed, known) for one in connections], least).unused()
        TAP.result(not unused, 'and each exception was needed', unused)
        against_tshark('esmed and smsc-sim', folder, our_session(folder), 200)
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
