"""What a run left behind, read for the checker: the store, the far ends' logs, the clients' logs.

Nothing here judges. A Truth is built from lists of dicts, so that a test can change any of them
before it is built. Used by checker.py, and by the scripts of test/e2e that look for themselves.
"""
import collections
import json
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

RANKS = {'QUEUED': 0, 'SUBMITTED': 0, 'IN_DOUBT': 0, 'SENT': 1, 'UNKNOWN': 2, 'DELIVERED': 3,
         'FAILED': 3, 'EXPIRED': 3}
FINAL = {'UNKNOWN', 'DELIVERED', 'FAILED', 'EXPIRED'}


# --- Reading --------------------------------------------------------------------------------------

def record_of(pairs):
    """An object; a record's own member `kind` stands behind the kind of record: kind_of."""
    record = {}
    for name, value in pairs:
        record['kind_of' if name in record and name == 'kind' else name] = value
    return record


def lines(path):
    """The JSON lines of a file; a last line without its end was never whole and is left out."""
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.endswith('\n')]


def dump(program, folder):
    """Every record of a store that no daemon holds."""
    done = subprocess.run([program, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'{program} {folder}: {done.stderr.strip()}')
    return [json.loads(line, object_pairs_hook=record_of) for line in done.stdout.splitlines()]


def words(value):
    """Octets that were printed as text."""
    return value or ''


# --- Texts and ids --------------------------------------------------------------------------------

GSM7 = {'@': 0x00, '£': 0x01, '$': 0x02, '¥': 0x03, 'è': 0x04, 'é': 0x05, 'ù': 0x06, 'ì': 0x07,
        'ò': 0x08, 'Ç': 0x09, 'Ø': 0x0B, 'ø': 0x0C, 'Å': 0x0E, 'å': 0x0F, '_': 0x11, 'Æ': 0x1C,
        'æ': 0x1D, 'ß': 0x1E, 'É': 0x1F, '¤': 0x24, '¡': 0x40, 'Ä': 0x5B, 'Ö': 0x5C, 'Ñ': 0x5D,
        'Ü': 0x5E, '§': 0x5F, '¿': 0x60, 'ä': 0x7B, 'ö': 0x7C, 'ñ': 0x7D, 'ü': 0x7E, 'à': 0x7F}
GSM7_EXTENSION = {'^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2F, '[': 0x3C, '~': 0x3D, ']': 0x3E,
                  '|': 0x40, '€': 0x65}


def fnv1a(octets):
    value = 0xCBF29CE484222325
    for octet in octets:
        value = (value ^ octet) * 0x100000001B3 & (2 ** 64 - 1)
    return f'{value:016x}'


def gsm7(text):
    """One octet a character, as carriers want it; None: the text needs another alphabet."""
    out = bytearray()
    for char in text:
        if char in GSM7:
            out.append(GSM7[char])
        elif char in GSM7_EXTENSION:
            out += bytes([0x1B, GSM7_EXTENSION[char]])
        elif char in '\n\r' or (' ' <= char <= 'z' and char not in '`[]\\^$@_'):
            out.append(ord(char))
        else:
            return None
    return bytes(out)


def cut(octets, most, whole):
    """Pieces of at most `most` octets that end where `whole` says that a character ends."""
    pieces = []
    while octets:
        n = min(most, len(octets))
        while n < len(octets) and not whole(octets[:n]):
            n -= 1
        pieces.append(octets[:n])
        octets = octets[n:]
    return pieces


def wire_parts(text, parts):
    """The octets of each part as they go on the wire, in GSM 03.38 or UCS-2."""
    octets = gsm7(text)
    if octets is not None:
        return [octets] if parts == 1 else cut(octets, 153, lambda piece: piece[-1] != 0x1B)
    octets = text.encode('utf-16-be')
    if parts == 1:
        return [octets]
    return cut(octets, 134, lambda piece: not 0xD8 <= piece[-2] <= 0xDB)


def canonical(name):
    """An id as it is compared: lower case, without spaces, dashes and leading zeros."""
    name = name.strip(' \0').lower().replace('-', '')
    return name.lstrip('0') or ('0' if name else '')


def readings(name):
    """Every id that one written in a receipt may mean."""
    name = canonical(name)
    found = {name} if name else set()
    if re.fullmatch('[0-9a-f]+', name):
        found.add(str(int(name, 16)))
    if re.fullmatch('[0-9]+', name):
        found.add(f'{int(name):x}')
    return found


# --- The far end's view ---------------------------------------------------------------------------

class Submit:
    """One submit_sm as the far end saw it, with all that came of it there."""

    def __init__(self, line, provider):
        self.provider = provider
        self.link, self.sequence = line['link'], line['sequence']
        self.wall_ms, self.at_ms = line['wall_ms'], line['at_ms']
        self.source, self.destination = line.get('source', ''), line.get('destination', '')
        self.part, self.text_hash = line.get('part', 1), line.get('text_hash')
        self.registered = line.get('registered_delivery', 0)
        self.status = None       # of its response; None: none was given to the link
        self.message_id = None   # in its response
        self.taken_id = None     # what it goes by in receipts; None: refused
        self.outcome = None
        self.answer_sent = False  # the kernel took the whole response
        self.end_octets = 0
        self.receipts = []

    def refused(self):
        return self.status is not None and self.status != 0

    def unrefused(self):
        return not self.refused()

    def __repr__(self):
        return (f'submit {self.provider}:{self.link}/{self.sequence} to {self.destination} '
                f'part {self.part}')


class Receipt:
    """One deliver_sm that the far end sent as a receipt."""

    def __init__(self, line, provider):
        self.provider = provider
        self.link, self.sequence = line['link'], line['sequence']
        self.wall_ms = line['wall_ms']
        self.source = line.get('source', '')
        self.id = line['receipt'].get('tlv_id') or line['receipt'].get('id', '')
        self.stat, self.state = line['receipt'].get('stat', ''), line['receipt']['state']
        self.answered = None  # status of deliver_sm_resp
        self.submit = None

    def __repr__(self):
        return f'receipt {self.provider}:{self.link}/{self.sequence} {self.id} {self.state}'


class FarEnd:
    """A simulator's log, read once."""

    def __init__(self, log, provider):
        self.provider = provider
        self.submits, self.receipts = [], []
        self.sent_octets = collections.defaultdict(int)
        self.binds = 0  # that were taken
        by_key, receipts_by_key, by_id = {}, {}, {}
        for line in log:
            event = line['event']
            if event in ('sent', 'down'):
                self.sent_octets[line['link']] = max(self.sent_octets[line['link']],
                                                     line.get('sent_octets', 0))
                continue
            key = (line.get('link'), line.get('sequence'))
            command = line.get('command', '')
            if event == 'in' and command == 'submit_sm':
                by_key[key] = Submit(line, provider)
                self.submits.append(by_key[key])
            elif event == 'drawn' and key in by_key:
                submit = by_key[key]
                submit.outcome = line['outcome']
                if line['status'] == 0:
                    submit.taken_id = line['receipt_id']
                    by_id[submit.taken_id] = submit
            elif event == 'out' and command in ('submit_sm_resp', 'generic_nack') and key in by_key:
                by_key[key].status = line['status']
                by_key[key].message_id = line.get('message_id') or None
                by_key[key].end_octets = line['end_octets']
            elif event == 'out' and command.startswith('bind_') and line['status'] == 0:
                self.binds += 1
            elif event == 'out' and command == 'deliver_sm' and 'receipt' in line:
                receipt = receipts_by_key[key] = Receipt(line, provider)
                self.receipts.append(receipt)
                receipt.submit = by_id.get(line['receipt'].get('id', ''))
                if receipt.submit:
                    receipt.submit.receipts.append(receipt)
            elif event == 'in' and command == 'deliver_sm_resp' and key in receipts_by_key:
                receipts_by_key[key].answered = line['status']
        for submit in self.submits:
            submit.answer_sent = (submit.status is not None and
                                  submit.end_octets <= self.sent_octets[submit.link])


# --- The store's view -----------------------------------------------------------------------------

class Segment:
    """A segment of a message with the evidence of all its records, oldest first."""

    def __init__(self, record, older, number):
        self.number, self.rows_whole = number, all(r['rows_whole'] for r in [*older, record])
        self.record = {name[4:]: value for name, value in record.items()
                       if name.startswith('seg.')}
        self.state = self.record['state']
        self.error = self.record.get('error', '')
        self.attempts = self.record.get('attempts', 0)
        self.open_attempts = self.record.get('open_attempts', 0)
        self.rows = [row for piece in older for row in piece['rows']] + record['rows']
        self.released = 0  # attempts that stand in a stored release and have no verdict
        self.submits = []  # at the far ends

    def ids(self):
        return [row['id'] for row in self.rows if row['event'] == 'ACCEPTED' and row.get('id')]


class Message:
    def __init__(self, record, order):
        self.record, self.order = record, order
        self.index, self.msisdn = record['index'], record['msisdn']
        self.state, self.error = record['state'], record.get('error', '')
        self.flags = record.get('flags', [])
        self.segments = []

    def __repr__(self):
        return f'message {self.order.number}/{self.index}'


class Order:
    def __init__(self, record):
        self.record, self.number = record, record['order']
        self.account, self.route = record.get('account', 0), record.get('route', 0)
        self.total, self.parts = record.get('total', 0), record.get('parts', 1)
        self.provider = ''
        self.messages, self.batches = [], []
        self.text = None  # None: forgotten

    def count(self, name):
        return self.record.get(name, 0)

    def __repr__(self):
        return f'order {self.number}'


class Truth:
    """Store, far ends and clients, joined. Records are dicts as store_dump prints them."""

    def __init__(self, records, far_ends, client=()):
        self.kinds = collections.defaultdict(list)
        for record in records:
            self.kinds[record['kind']].append(record)
        self.far_ends = {end.provider: end for end in far_ends}
        self.client = list(client)
        self.providers = {record['number']: words(record.get('name'))
                          for record in self.kinds['provider']}
        self.sessions = {record['session']: self.providers.get(record.get('provider'), '')
                         for record in self.kinds['session']}
        self.orders = {record['order']: Order(record) for record in self.kinds['order']}
        self.messages, self.strays = [], []
        self._read_texts()
        self._read_messages()
        self._read_releases()
        self.unmatched = []
        self._match_submits()

    def _read_texts(self):
        pieces = collections.defaultdict(dict)
        for record in self.kinds['text']:
            pieces[record['order']][record['chunk']] = record.get('octets', '')
        for order in self.orders.values():
            order.provider = self.providers.get(order.record.get('provider'), '')
            chunks = pieces.get(order.number)
            if chunks:
                octets = ''.join(chunks[n] for n in sorted(chunks)).encode('latin-1')
                order.text = octets.decode('utf-8', 'replace')
        for record in self.kinds['batch']:
            if record['order'] in self.orders:
                self.orders[record['order']].batches.append(record)

    def _read_messages(self):
        older = collections.defaultdict(list)
        for record in self.kinds['evidence_more']:
            older[record['order'], record['index'], record['segment']].append(record)
        by_place = {}
        for record in self.kinds['message']:
            order = self.orders.get(record['order'])
            if order is None:
                self.strays.append(record)
                continue
            message = Message(record, order)
            order.messages.append(message)
            self.messages.append(message)
            place = (record['order'], record['index'])
            by_place[place] = message
            message.segments.append(Segment(record, older[place + (0,)], 0))
        for record in self.kinds['segment']:
            place = (record['order'], record['index'])
            if place not in by_place:
                self.strays.append(record)
                continue
            older_ones = older[place + (record['segment'],)]
            by_place[place].segments.append(Segment(record, older_ones, record['segment']))
        self.by_place = by_place

    def _read_releases(self):
        for release in self.kinds['release']:
            for order, index, number, attempt in release['list']:
                message = self.by_place.get((order, index))
                segments = [segment for segment in message.segments if segment.number == number] \
                    if message else []
                if segments and attempt > segments[0].attempts:
                    segments[0].released = max(segments[0].released,
                                               attempt - segments[0].attempts)

    def identity(self, order, msisdn, number, parts):
        """What a submit of a segment looks like from outside."""
        text_hash = fnv1a(parts[number]) if parts and number < len(parts) else None
        return (order.provider, order.record.get('caller_id', ''), msisdn, number + 1, text_hash)

    def _match_submits(self):
        """Submits to segments. Segments that look alike from outside share their submits."""
        alike = collections.defaultdict(list)
        for order in self.orders.values():
            parts = wire_parts(order.text, order.parts) if order.text is not None else None
            for message in order.messages:
                for segment in message.segments:
                    alike[self.identity(order, message.msisdn, segment.number, parts)] \
                        .append(segment)
        self.alike = list(alike.values())
        for end in self.far_ends.values():
            for submit in end.submits:
                identity = (submit.provider, submit.source, submit.destination, submit.part,
                            submit.text_hash)
                found = alike.get(identity) or alike.get(identity[:4] + (None,))
                if not found:
                    self.unmatched.append(submit)
                for segment in found or ():
                    segment.submits.append(submit)

    def segments(self):
        for message in self.messages:
            for segment in message.segments:
                yield message, segment


def load(dump_program, folder, logs, client=None):
    """The truth of a run: a store that no daemon holds, {provider: log file}, a client's log."""
    ends = [FarEnd(lines(path), provider) for provider, path in logs.items()]
    return Truth(dump(dump_program, folder), ends, lines(client) if client else ())
