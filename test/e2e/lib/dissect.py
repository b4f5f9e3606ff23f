"""Our decoding held against tshark's, field by field and in both directions: what tshark reads we
must read, and what we read it must, but for what is listed here with its reason. Used by the
scripts of test/e2e."""
import hashlib
import inspect
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree

import house

# Fields of the dissector that are no parameters: what holds others, and tag and length of a TLV,
# which stand in ours as a TLV's place in the octets.
CONTAINERS = {'smpp.opt_params', 'smpp.opt_param', 'smpp.opt_param_len', 'smpp.opt_param_tag',
              'smpp.dlist', 'smpp.dlist_resp'}
# Its names for times depend on the form of the value.
OURS = {'smpp.schedule_delivery_time_r': 'smpp.schedule_delivery_time',
        'smpp.validity_period_r': 'smpp.validity_period'}
# What tshark does not show.
SILENT = {
    ('*', 'smpp.command_status'): 'it has the status of responses only; in a request it is null',
    ('*', 'smpp.message_text'): 'it reads no text behind a user data header, and of the default '
                                'alphabet only what is plain ASCII',
    ('*', 'smpp.number_of_dests'): 'it shows the entries and not how many there are',
    ('*', 'smpp.no_unsuccess'): 'the same',
    ('*', 'smpp.dest_flag'): 'it shows an entry by what it is',
    ('unknown', '*'): 'a segment that begins with a command_id that it does not know is no SMPP '
                      'for it',
    ('unknown', 'smpp.rest'): 'it does not show what is in such a PDU',
}
# What it shows otherwise.
DIFFERING = {
    ('*', 'smpp.password'): 'we show none, to nobody',
    ('submit_multi', 'smpp.schedule_delivery_time'): 'it calls the validity_period of this PDU a '
                                                     'schedule_delivery_time',
}
# The user data header, which it dissects as another protocol.
HEADER = {'gsm_sms.udh.mm.msg_id': 'reference', 'gsm_sms.udh.mm.msg_parts': 'parts',
          'gsm_sms.udh.mm.msg_part': 'part'}


def installed():
    return shutil.which('tshark') is not None


def tshark(*arguments):
    return subprocess.run(['tshark', *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


# Nothing is left to its guesses about who speaks SMPP.
DECODE_AS = ('-d', 'tcp.port==2775,smpp', '-d', 'tcp.port==8080,smpp')


def tree(path, *options):
    """tshark's XML. It writes surrogate pairs as two characters, which XML has not."""
    text = tshark('-r', path, *DECODE_AS, *options, '-T', 'pdml').decode('utf-8', 'surrogatepass')
    return xml.etree.ElementTree.fromstring(
        text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace'))


def fields_of(proto):
    return [(field.get('name'), field.get('value') or '', field.get('show') or '',
             int(field.get('size') or 0))
            for field in proto.iter('field')
            if field.get('name', '').startswith('smpp.') or field.get('name') in HEADER]


def dissected(path, *options, by=('tcp.stream', 'tcp.srcport')):
    """By these fields (a connection and its sending port, say): the fields of each PDU as tshark
    reads them, (name, octets, shown, how many octets). What it reads of a user data header is of the
    last PDU before it."""
    flows = {}
    for packet in tree(path, *options).iter('packet'):
        at = [packet.find(f'.//field[@name="{name}"]') for name in by]
        flow = tuple(field.get('show') if field is not None else '' for field in at)
        for proto in packet.findall('proto'):
            if proto.get('name') == 'smpp':
                flows.setdefault(flow, []).append(fields_of(proto))
            elif flows.get(flow):
                flows[flow][-1] += fields_of(proto)
    return flows


def decoded(octets, *options):
    """PDUs of octets, as smpp-trace says them."""
    done = subprocess.run([house.program('smpp-trace'), 'decode', '-T', 'json', '--text',
                           '--numbers', *options, '-'], input=octets.hex(), capture_output=True,
                          text=True, timeout=house.PATIENCE_S, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(path, *options):
    """PDUs of a capture, as smpp-trace says them; what is told beside them is left out."""
    done = subprocess.run([house.program('smpp-trace'), 'read', '-T', 'json', '--text', '--numbers',
                           *options, path], capture_output=True, text=True,
                          timeout=house.PATIENCE_S, check=False)
    return [one for one in map(json.loads, done.stdout.splitlines()) if 'octets' in one]


def by_flow(pdus):
    """By (session, direction)."""
    flows = {}
    for one in pdus:
        flows.setdefault((one['session'], one['dir']), []).append(one)
    return flows


def agrees(mine, value, shown, size):
    """One value of ours, and the octets that tshark says are the field and shows as that. Of some
    it shows only how many octets they are."""
    if isinstance(mine, bool):
        return mine and size == 0
    if isinstance(mine, int):
        return value != '' and mine == int(value, 16)
    if re.fullmatch(r'0x[0-9a-f]{8}', mine):
        return int(mine, 16) == int(value, 16)
    if value == '' and size > 0:
        return len(octets_of(mine)) == size
    octets = bytes.fromhex(value)
    return mine in (octets.hex(':'), octets.rstrip(b'\0').decode('latin-1'), shown)


# What tshark shows by its parts, and ours whole: name of the part to its value.
PARTS = {
    'smpp.esm_class': {'smpp.esm.submit.msg_mode': lambda n: n & 3,
                       'smpp.esm.submit.msg_type': lambda n: n >> 2 & 15,
                       'smpp.esm.submit.features': lambda n: n >> 6},
    'smpp.registered_delivery': {'smpp.regdel.receipt': lambda n: n & 3,
                                 'smpp.regdel.acks': lambda n: n >> 2 & 3,
                                 'smpp.regdel.notif': lambda n: n >> 4 & 1},
    'smpp.ms_msg_wait_facilities': {'smpp.msg_wait.ind': lambda n: n >> 7,
                                    'smpp.msg_wait.type': lambda n: n & 3},
    'smpp.callback_num_pres_ind': {'smpp.callback_num.pres': lambda n: n >> 2 & 3,
                                   'smpp.callback_num.scrn': lambda n: n & 3},
    'smpp.network_error_code': {'smpp.network_error.type': lambda o: octets_of(o)[0],
                                'smpp.network_error.code':
                                    lambda o: int.from_bytes(octets_of(o)[1:], 'big')},
    'smpp.its_session_info': {'smpp.its_session.number': lambda o: octets_of(o)[0],
                              'smpp.its_session.sequence': lambda o: octets_of(o)[1] >> 1,
                              'smpp.its_session.ind': lambda o: octets_of(o)[1] & 1}}
MESSAGE_CLASS = {'smpp.dcs.sms_coding_group': lambda n: n >> 4, 'smpp.dcs.reserved':
                 lambda n: n >> 3 & 1, 'smpp.dcs.charset': lambda n: n >> 2 & 1,
                 'smpp.dcs.class': lambda n: n & 3}


def octets_of(said):
    return bytes.fromhex(said.replace(':', ''))


def collect(fields, name, said):
    """A field of ours, or those of a group, into name to values in wire order."""
    if isinstance(said, dict):
        for inner, value in said.items():
            collect(fields, inner, value)
    elif isinstance(said, list):
        for value in said:
            collect(fields, name, value)
    else:
        fields.setdefault(name, []).append(said)


def as_tshark_would(one):
    """A PDU of ours: name to values, with the names and the parts that tshark has."""
    fields, result = {}, {}
    collect(fields, '', {name: said for name, said in one.items() if name.startswith('smpp.')})
    of_parts = {part for parts in PARTS.values() for part in parts}
    for name, values in fields.items():
        tag = re.fullmatch(r'smpp\.tlv_0x([0-9a-f]{4})', name)
        if tag:
            vendor = 0x1400 <= int(tag[1], 16) <= 0x3FFF
            name = 'smpp.vendor_op' if vendor else 'smpp.reserved_op'
        parts = PARTS.get(name, {})
        if name == 'smpp.data_coding' and values[0] >> 4 == 15:
            parts = MESSAGE_CLASS
        for part, value in parts.items():
            result[part] = [value(said) for said in values]
            if part in fields and fields[part] != result[part][:len(fields[part])]:
                raise AssertionError(f'{part} is {fields[part]}, {name} is {values}')
        if name not in PARTS and name not in of_parts:
            result.setdefault(name, []).extend(values)
    if one.get('part', {}).get('method', '').startswith('UDH'):
        result.update((theirs, [one['part'][ours]]) for theirs, ours in HEADER.items())
    return result


def kind_of(one):
    """The name of a PDU, or what it is instead."""
    return 'cut' if one.get('problem', {}).get('field') == 'command_length' else one.get('command')


def has_number(fields, one):
    """Whether these fields are of a PDU with the sequence_number of ours."""
    return any(name == 'smpp.sequence_number' and int(value, 16) == one[name]
               for name, value, *_ in fields)


class Comparison:
    """PDUs of ours beside tshark's. `silent` names what tshark need not show, `differing` what it
    shows otherwise: (command or '*', field or '*') to the reason."""

    def __init__(self, silent=(), differing=()):
        self.silent, self.differing, self.used = dict(silent), dict(differing), set()
        self.wrong, self.fields, self.pdus, self.commands = [], 0, 0, set()

    def excused(self, excuses, command, field):
        keys = {(command, field), ('*', field)} & excuses.keys()
        self.used |= keys
        return bool(keys)

    def one_pdu(self, name, one, fields):
        command, mine, theirs = kind_of(one), as_tshark_would(one), {}
        for field, *read in fields:
            if field not in CONTAINERS:
                theirs.setdefault(OURS.get(field, field), []).append(read)
        for field in mine.keys() | theirs.keys():
            said, read = mine.get(field, []), theirs.get(field, [])
            self.fields += len(read)
            if len(said) == len(read) and all(agrees(value, *other)
                                              for value, other in zip(said, read)):
                continue
            if not read and (set(said) == {''} or self.excused(self.silent, command, field)):
                continue  # an empty string is there for us, and nothing for it
            if not self.excused(self.differing, command, field):
                self.wrong.append(f'{name}: PDU {one["number"]} {command} {field}: {said!r}, tshark '
                                  f'{read!r}')

    def compare(self, name, mine, theirs):
        """The PDUs of one direction, and those that tshark reads in it."""
        self.pdus += len(mine)
        self.commands |= {one.get('command') for one in mine}
        n = 0
        for one in mine:
            fields = theirs[n] if n < len(theirs) else []
            if not has_number(fields, one) and (kind_of(one), '*') in self.silent:
                self.used.add((kind_of(one), '*'))
                continue
            self.one_pdu(name, one, fields)
            n += 1
        if n != len(theirs):
            self.wrong.append(f'{name}: {n} PDUs, tshark {len(theirs)}')

    def unused(self):
        """Excuses that nothing asked for: tshark was mended, or they never were true."""
        return (set(self.silent) | set(self.differing)) - self.used


# --- Captures that tests make ----------------------------------------------------------------------

# What is so in a whole capture; who makes it says which. To the PDUs that tshark then shows elsewhere,
# or does not, the rest must agree.
DEFECTS = {
    'order': 'what came before a late segment it shows in the frame of that one',
    'short': 'a direction that begins with less than a header in a segment is no SMPP for it',
}
MOST = 2000  # PDUs whose fields are compared; of those behind them only what they are, being alike
SILENT_HERE = SILENT | {
    ('cut', '*'): 'a PDU that a capture has not to its end is none for it in TCP',
    ('cut', 'smpp.message_id'): 'elsewhere it shows such a PDU but for the field that is cut'}
MADE = Comparison(SILENT_HERE, DIFFERING)
digests = set()


def header(one):
    return one['packet'], int(one['smpp.command_id'], 16), one['smpp.sequence_number']


def headers(path, *options):
    """The same of each PDU as tshark reads them."""
    rows = tshark('-r', path, *options, '-T', 'fields', '-e', 'frame.number', '-e',
                  'smpp.command_id', '-e', 'smpp.sequence_number').decode().splitlines()
    return [(int(frame), int(command, 16), int(sequence, 0))
            for frame, commands, sequences in (row.split('\t') for row in rows)
            for command, sequence in zip(commands.split(','), sequences.split(','))]


def in_order(pdus, number):
    """Those of all frames as if of one, by what number() says of a field."""
    return {'': sorted(sum(pdus.values(), []), key=lambda pdu: (
        number(pdu, 'smpp.command_id'), number(pdu, 'smpp.sequence_number')))}


def hold(comparison, name, path, defect=None):
    """A capture, frame by frame."""
    ours = read(path)
    ports = {one['link'].rpartition(':')[2] for one in ours if one['link'][-1].isdigit()}
    options = ['-Y', 'smpp', '-o', f'tcp.reassemble_out_of_order:{defect == "order"}']
    for port in filter(str.isdigit, ports):
        options += ['-d', f'tcp.port=={port},smpp']
    last = ours[MOST]['packet'] if len(ours) > MOST else None
    theirs = dissected(path, *options, *(('-c', str(last)) if last else ()), by=('num',))
    mine = {}
    for one in ours:
        if not last or one['packet'] <= last:
            mine.setdefault((str(one['packet']),), []).append(one)
    if defect == 'order':
        mine = in_order(mine, lambda one, field: int(str(one[field]), 0))
        theirs = in_order(theirs, lambda fields, field: next(
            int(value, 16) for name, value, *_ in fields if name == field))
    if defect == 'short':
        mine = {frame: pdus for frame, pdus in mine.items() if frame in theirs}
    for frame in mine.keys() | theirs.keys():
        comparison.compare(f'{name}, frame {frame}', mine.get(frame, []), theirs.get(frame, []))
    if last:
        comparison.wrong += [f'{name}: {one}' for one in
                             set(headers(path, *options)) ^ set(map(header, ours))]


def made(path, defect=None):
    """A capture that a test has made, held against tshark at once; its path. agreed() tells."""
    with open(path, 'rb') as file:
        digest = hashlib.sha256(file.read()).digest()
    if not installed() or digest in digests:
        return path
    digests.add(digest)
    callers = (frame.function for frame in inspect.stack(0)[1:4])
    name = f'capture {len(digests)} ({", ".join(callers)})'
    hold(MADE, name, path, defect)
    if defect is not None:
        strict = Comparison(SILENT_HERE, DIFFERING)
        hold(strict, name, path)
        if not strict.wrong:
            MADE.wrong.append(f'{name}: nothing is to be seen of this: {DEFECTS[defect]}')
    return path


def agreed(tap):
    """Of all that were made."""
    if installed():
        tap.result(not MADE.wrong and MADE.pdus > 0,
                   f'{MADE.fields} fields of {MADE.pdus} PDUs in {len(digests)} captures made here '
                   'agree with tshark', MADE.wrong)
