#!/usr/bin/python3
# builds: asan
"""What a request becomes on the wire, read by a carrier of our own making that knows the protocol by
itself: every way to send a long text says the parts that were priced, an alphabet has its reason,
and what a provider's settings ask for goes with every submit. Prints TAP."""
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

RESP = 0x80000000
BIND_TRANSCEIVER, SUBMIT_SM, ENQUIRE_LINK, UNBIND = 0x9, 0x4, 0x15, 0x6
PAYLOAD, REF, TOTAL, SEQNUM = 0x0424, 0x020C, 0x020E, 0x020F
PRICE = 0.091  # of a part on route 3
FIELDS = (('service_type', 's'), ('source_addr_ton', 'b'), ('source_addr_npi', 'b'),
          ('source_addr', 's'), ('dest_addr_ton', 'b'), ('dest_addr_npi', 'b'),
          ('destination_addr', 's'), ('esm_class', 'b'), ('protocol_id', 'b'),
          ('priority_flag', 'b'), ('schedule_delivery_time', 's'), ('validity_period', 's'),
          ('registered_delivery', 'b'), ('replace_if_present_flag', 'b'), ('data_coding', 'b'),
          ('sm_default_msg_id', 'b'))


class Carrier(threading.Thread):
    """Takes every submit and remembers it; `version` is its sc_interface_version, None: untold."""

    def __init__(self, version=0x34):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.version, self.submits = version, []

    def run(self):
        while True:
            try:
                link = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        octets = b''
        try:
            while more := link.recv(65536):
                octets += more
                while len(octets) >= 16 and len(octets) >= struct.unpack('>I', octets[:4])[0]:
                    n, command, _, sequence = struct.unpack('>IIII', octets[:16])
                    self.take(link, command, sequence, octets[16:n])
                    octets = octets[n:]
        except OSError:
            pass
        link.close()

    def take(self, link, command, sequence, body):
        answer = b''
        if command == BIND_TRANSCEIVER:
            answer = b'carrier\0'
            if self.version is not None:
                answer += struct.pack('>HHB', 0x0210, 1, self.version)
        elif command == SUBMIT_SM:
            self.submits.append(read_submit(body))
            answer = b'%d\0' % len(self.submits)
        elif command not in (ENQUIRE_LINK, UNBIND):
            return
        link.sendall(struct.pack('>IIII', 16 + len(answer), command | RESP, 0, sequence) + answer)


def read_submit(body):
    pdu, at = {}, 0
    for name, kind in FIELDS:
        if kind == 'b':
            pdu[name], at = body[at], at + 1
        else:
            end = body.index(b'\0', at)
            pdu[name], at = body[at:end].decode(), end + 1
    n = body[at]
    pdu['short_message'], at = body[at + 1:at + 1 + n], at + 1 + n
    pdu['tlvs'] = []
    while at < len(body):
        tag, n = struct.unpack('>HH', body[at:at + 4])
        pdu['tlvs'].append((tag, body[at + 4:at + 4 + n]))
        at += 4 + n
    return pdu


def part_of(pdu):
    """(how, reference, total, number, octets)."""
    tlvs, octets = dict(pdu['tlvs']), pdu['short_message']
    if PAYLOAD in tlvs:
        return 'payload', None, 1, 1, tlvs[PAYLOAD]
    if REF in tlvs:
        return 'sar', int.from_bytes(tlvs[REF], 'big'), tlvs[TOTAL][0], tlvs[SEQNUM][0], octets
    if pdu['esm_class'] & 0x40:
        header, octets = octets[:octets[0] + 1], octets[octets[0] + 1:]
        wide = header[:3] == b'\x06\x08\x04'
        if not wide and header[:3] != b'\x05\x00\x03':
            raise AssertionError(f'a strange header: {header.hex()}')
        return ('udh16' if wide else 'udh8', int.from_bytes(header[3:-2], 'big'), header[-2],
                header[-1], octets)
    return 'alone', None, 1, 1, octets


class Home:
    def __init__(self, *sets, version=0x34):
        self.folder = tempfile.mkdtemp(prefix='esmed-e2e.')
        self.carrier = Carrier(version)
        self.carrier.start()
        self.daemon = house.Daemon(self.folder, self.carrier.port, sets)

    def __enter__(self):
        self.daemon.start()
        self.daemon.open_account()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for line in self.daemon.said().splitlines()[-15:]:
                print(f'# esmed: {line}')
        self.daemon.stop()
        self.carrier.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, message, submits, what='send_sms', **more):
        """The answer, and the submits it led to."""
        before = len(self.carrier.submits)
        status, answer = self.daemon.api('POST', f'/api/v1/{what}', {
            'route_id': 3, 'caller_id': 'ACME', 'numbers': ['31612345678'], 'message': message,
            **more})
        if status != 200:
            raise house.Trouble(f'{status} {answer}')
        house.await_that(f'{submits} submits',
                         lambda: len(self.carrier.submits) >= before + submits)
        return answer, self.carrier.submits[before:]


TEXTS = (  # text, parts with the 8-bit header and the 16-bit one, encoding, data_coding, reason
    ('a' * 160, 1, 1, 'gsm7', 0, "gsm7: the provider's default has every character"),
    ('a' * 161, 2, 2, 'gsm7', 0, "gsm7: the provider's default has every character"),
    ('b' * 306, 2, 3, 'gsm7', 0, "gsm7: the provider's default has every character"),
    ('c' * 307, 3, 3, 'gsm7', 0, "gsm7: the provider's default has every character"),
    ('d' * 11 + 'Ж' * 59, 1, 1, 'ucs2', 8, 'ucs2: U+0416 at character 12 is not in gsm7'),
    ('Ж' * 71, 2, 2, 'ucs2', 8, 'ucs2: U+0416 at character 1 is not in gsm7'),
    ('e' * 66 + '😀' + 'f' * 40, 2, 2, 'ucs2', 8, 'ucs2: U+1F600 at character 67 is not in gsm7'),
)


def judge(how, row, answer, submits):
    """What is wrong with one order, in words."""
    text, narrow, wide, encoding, data_coding, reason = row
    parts = wide if how == 'udh16' else narrow
    read = [part_of(pdu) for pdu in submits]
    joined = b''.join(octets for *_, octets in sorted(read, key=lambda part: part[3]))
    kinds = {kind for kind, *_ in read}
    yield answer['parts'] == parts, f"{answer['parts']} parts are told, not {parts}"
    yield abs(answer['cost'] - parts * PRICE) < 1e-9, f"{answer['cost']} is not their price"
    yield answer['encoding'] == encoding, answer['encoding']
    yield answer['encoding_reason'] == reason, answer['encoding_reason']
    yield len(submits) == (1 if how == 'payload' else parts), f'{len(submits)} submits'
    yield kinds == {'alone' if parts == 1 else how}, f'they went as {kinds}'
    yield len({ref for _, ref, *_ in read}) == 1, 'they have several references'
    yield [part[3] for part in read] == list(range(1, len(read) + 1)), 'their order'
    yield {part[2] for part in read} == {len(read)}, 'their total'
    yield joined == text.encode('utf-16-be' if encoding == 'ucs2' else 'ascii'), 'the text'
    yield {pdu['data_coding'] for pdu in submits} == {data_coding}, 'data_coding'
    yield {pdu['registered_delivery'] for pdu in submits} == {1}, 'registered_delivery'


def long_texts(tap):
    for how in ('udh8', 'udh16', 'sar', 'payload'):
        with Home(f'providers.alpha.concat={how}', 'providers.alpha.rate=0') as home:
            wrong = []
            for row in TEXTS:
                parts = row[2] if how == 'udh16' else row[1]
                answer, submits = home.send(row[0], 1 if how == 'payload' else parts)
                wrong += [why for good, why in judge(how, row, answer, submits) if not good]
                estimate, _ = home.send(row[0], 0, 'estimate')
                if (estimate['parts'], estimate['estimated_cost'], estimate['encoding_reason']) != (
                        answer['parts'], answer['cost'], answer['encoding_reason']):
                    wrong.append(f'the estimate was {estimate}')
            tap.result(not wrong, f'what is sent is what was priced: {how}', wrong[:10])


def reason_in_the_path(tap):
    with Home() as home:
        answer, _ = home.send('abЖ', 1)
        message = answer['messages'][0]['bx_message_id']
        _, path = home.daemon.api('GET', f'/api/v1/messages/{message}/path')
        tap.result('ucs2: U+0416 at character 3 is not in gsm7' in str(path),
                   'the path of a message says why it has its alphabet', [str(path)[:600]])


def settings(tap):
    sets = ('routes.3.sender=optional', 'providers.alpha.short_digits=5',
            'providers.alpha.submit_tlvs={0x1401: entity, 0x1402: "hex:00FF"}',
            'routes.3.submit_tlvs={0x1402: template}', 'providers.alpha.service_type=CMT',
            'providers.alpha.protocol_id=0x41', 'providers.alpha.validity_period=absolute',
            'providers.alpha.registered_delivery=failure',
            'providers.alpha.intermediate_receipts=true',
            'providers.alpha.data_codings={gsm7: 0xF1}')
    with Home(*sets) as home:
        _, submits = home.send('g' * 200, 2)
        tap.result(all(sorted(pdu['tlvs']) == [(0x1401, b'entity'), (0x1402, b'template')]
                       for pdu in submits), 'the TLVs of route and provider go with every segment',
                   [str(submits)])
        tap.result({(pdu['service_type'], pdu['protocol_id'], pdu['registered_delivery'],
                     pdu['data_coding']) for pdu in submits} == {('CMT', 0x41, 0x12, 0xF1)},
                   'so do service_type and protocol_id and the receipts asked for',
                   [str(submits)])
        tap.result(all(len(pdu['validity_period']) == 16 and pdu['validity_period'][-1] == '+'
                       for pdu in submits), 'and an absolute validity', [str(submits)])
        wanted = {'ACME': (5, 0, 'ACME'), '+3161234567': (1, 1, '3161234567'),
                  '12345': (3, 0, '12345'), '123456': (0, 1, '123456'), '': (0, 0, '')}
        got = {}
        for source in wanted:
            _, (pdu,) = home.send('x', 1, caller_id=source)
            got[source] = (pdu['source_addr_ton'], pdu['source_addr_npi'], pdu['source_addr'])
        tap.result(got == wanted, 'each source has the type that is its own', [str(got)])
        status, _ = home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'numbers': ['31612345678'], 'message': 'x'})
        tap.result(status == 422, 'another route wants a sender still', [str(status)])


def no_tlvs(tap):
    with Home('providers.alpha.concat=sar', version=0x33) as home:
        answer, _ = home.send('h' * 200, 0)
        order = house.await_that('the order is blocked', lambda: (
            order if (order := home.daemon.order(answer['order_id'])) and order['blocked_reason'] and
            'TLV' in order['blocked_reason'] else None))
        _, health = home.daemon.api('GET', '/healthz', key=None)
        tap.result(not home.carrier.submits and 'tlvs_not_taken' in str(health),
                   'parts that nobody could join do not leave',
                   [str(order), str(health)])
    with Home('providers.alpha.concat=sar', version=None) as home:
        _, submits = home.send('i' * 200, 2)
        tap.result([part_of(pdu)[0] for pdu in submits] == ['sar', 'sar'],
                   'a carrier that tells no version is taken at the word of its settings')
        tap.result('link.version' not in home.daemon.said(20000), 'and not warned of')
    with Home('providers.alpha.concat=sar', version=0x99) as home:
        _, submits = home.send('j' * 200, 2)
        tap.result([part_of(pdu)[0] for pdu in submits] == ['sar', 'sar'] and
                   'link.version' in home.daemon.said(20000),
                   'a version that nobody knows is told and not refused', [home.daemon.said()])


def main():
    tap = house.Tap()
    long_texts(tap)
    reason_in_the_path(tap)
    settings(tap)
    no_tlvs(tap)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
