#!/usr/bin/python3
# builds: asan
"""What smpp-trace writes: read back it is what was read, tshark opens it with no settings and agrees,
nothing is in it that may not be seen, and what cannot be written is said. Prints TAP."""
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import dissect  # noqa: E402
import house  # noqa: E402
import sim_replay  # noqa: E402
import trace_speed  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE, SIM = house.program('smpp-trace'), house.program('smsc-sim')
FIRST, THROTTLED, SLOW = '31650000009', '31650000001', '31650000002'
CAPTURES = ('session-port2775.pcap', 'session-port8080.pcap', 'upper-pdu.pcapng')
INTERFACES = 32768  # CAPTURE_INTERFACES of tools/capture_file.h
PASSWORD, TEXT, NUMBER = b's3cret', b'Your code is 483920', b'31612340000'
tap = house.Tap()
folder = tempfile.mkdtemp(prefix='esmed-export.')


def trace(*arguments, octets=None, **how):
    if octets is not None:
        how['input'] = octets
    done = subprocess.run([TRACE, *arguments], capture_output=True, timeout=house.PATIENCE_S,
                          check=False, **how)
    for option, path in zip(arguments, arguments[1:]):
        if option == '-w' and os.path.isfile(path):
            dissect.made(path)
    return done.returncode, done.stdout, done.stderr.decode()


def vector(name):
    return os.path.join(ROOT, 'test', 'vectors', name)


def out(name):
    return os.path.join(folder, name)


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def pdus(path, *options):
    """What is told of PDUs, but for their place in the file, what the file lacked, and the message
    of an answer to a receipt, which is known once the receipt itself names it."""
    status, said, err = trace('read', '-T', 'json', *options, path)
    if status != 0 or err:
        raise house.Trouble(f'{path}: {status} {err}')
    ones = [json.loads(line) for line in said.splitlines()]
    for one in ones:
        for name in ('packet', 'lost') + ('msg',) * (one.get('command') == 'deliver_sm_resp'):
            one.pop(name, None)
    return [one for one in ones if 'octets' in one]


def difference(mine, theirs):
    return [len(mine), len(theirs)] + [pair for pair in zip(mine, theirs) if pair[0] != pair[1]][:2]


# --- The same again ------------------------------------------------------------------------------

def the_same(name):
    for options in ((), ('--text', '--numbers')):
        path = out('same.pcapng')
        done = trace('read', '-w', path, *options, vector(name))
        tap.result(done == (0, b'', 'seen 52, shown 0, dropped 0, written 52\n'),
                   f'{name}: {options} all are written and counted', done)
        mine, theirs = pdus(path, *options), pdus(vector(name), *options)
        tap.result(mine == theirs and len(mine) == 52,
                   f'{name}: {options} read again it is the same', difference(mine, theirs))


def tshark_agrees(name):
    path = out('tshark.pcapng')
    trace('read', '-w', path, '--text', '--numbers', vector(name))
    rows = [row.split('\t') for row in dissect.tshark(
        '-r', path, '-Y', 'smpp', '-T', 'fields', '-e', 'frame.time_epoch', '-e',
        'smpp.sequence_number', '-e', 'frame.interface_name', '-e', 'frame.p2p_dir', '-e',
        'frame.comment').decode().splitlines()]
    ones = pdus(vector(name))
    wrong = []
    for one, (time, sequence, interface, way, comment) in zip(ones, rows):
        words = dict(word.split('=', 1) for word in comment.split(' '))
        if one['command'] == 'deliver_sm_resp':
            words.pop('msg', None)
        place = f'{one["link"]}#{one["session"]}'
        said = (interface, words['session'], words.get('msg'), int(words.get('window', 0)), way,
                int(sequence, 0), int(time.split('.')[1][:3]))
        true = (place, place, one.get('msg'), one.get('window', 0),
                '0' if one['dir'] == 'out' else '1', one['smpp.sequence_number'],
                int(one['time'][20:23]))
        if said != true:
            wrong.append((said, true))
    tap.result(len(rows) == len(ones) == 52 and not wrong,
               f'{name}: tshark needs no settings: 52 PDUs, their link, message, window and time',
               [len(rows)] + wrong)
    comparison = dissect.Comparison(dissect.SILENT, dissect.DIFFERING)
    comparison.compare(name, dissect.read(vector(name)),
                       sum(dissect.dissected(path).values(), []))
    tap.result(not comparison.wrong and comparison.pdus == 52 and comparison.fields > 500,
               f'{name}: its {comparison.fields} fields are those of the capture', comparison.wrong)


# --- What is in it -------------------------------------------------------------------------------

def hidden():
    """By the octets of the file, and whoever reads it."""
    source = vector(CAPTURES[0])
    for options, text, number in (((), False, False), (('--text',), True, False),
                                  (('--numbers',), False, True),
                                  (('--text', '--numbers'), True, True),
                                  (('--text', '--numbers', '--redact'), False, False)):
        path = out('hidden.pcapng')
        status, _, _ = trace('read', '-w', path, *options, source)
        octets = content(path)
        tap.result(status == 0 and (TEXT in octets, NUMBER in octets, PASSWORD in octets) ==
                   (text, number, False), f'{options}: text {text}, number {number}, no password')
        said = [b'texts ' + (b'as the source had them' if text else b'masked'),
                b'numbers ' + (b'as the source had them' if number else b'masked')]
        tap.result(all(one in octets for one in said), f'{options}: and it says so', [octets[:300]])
        tap.result(os.stat(path).st_mode & 0o777 == 0o600, f'{options}: it is for the user only')
    for kind in ('-w', '--scenario'):
        path = out('open')
        with open(path, 'wb') as file:
            file.write(bytes(1 << 16))
        os.chmod(path, 0o644)
        status, _, _ = trace('read', kind, path, source)
        tap.result(status == 0 and os.stat(path).st_mode & 0o777 == 0o600 and
                   os.stat(path).st_size < 1 << 16,
                   f'{kind}: what anybody could read and is replaced is for the user only')
    _, shown, _ = trace('read', '-w', out('redacted.pcapng'), '-T', 'json', '--text', '--numbers',
                        '--redact', source)
    tap.result(TEXT in shown and TEXT not in content(out('redacted.pcapng')),
               '--redact hides what is written, not what is shown')


def chosen():
    path = out('chosen.pcapng')
    done = trace('read', '-w', path, '-f', 'error', vector(CAPTURES[0]))
    refused = [one for one in pdus(vector(CAPTURES[0])) if one.get('smpp.command_status') not in
               (None, '0x00000000')]
    hexes = [one['hex'] for one in pdus(path)]
    tap.result(done[2] == f'seen 52, shown 0, dropped 0, written {len(refused)}\n' and
               len(refused) > 2 and hexes == [one['hex'] for one in refused],
               'the filter chooses what is written', [done, hexes])
    _, shown, err = trace('read', '-w', path, '-T', 'json', '-f', 'error', vector(CAPTURES[0]))
    tap.result(len(shown.splitlines()) == len(refused) and
               err == f'seen 52, shown {len(refused)}, dropped 0, written {len(refused)}\n',
               'and shown with it when a view is asked for', [err])
    _, octets, _ = trace('read', '-w', '-', vector(CAPTURES[0]))
    _, mine, _ = trace('read', '-T', 'csv', '-e', 'hex', '-', octets=octets)
    _, theirs, _ = trace('read', '-T', 'csv', '-e', 'hex', vector(CAPTURES[0]))
    tap.result(mine == theirs and len(mine.splitlines()) == 53,
               'to the standard output, for another program')


# --- Many of them --------------------------------------------------------------------------------

def many(sessions):
    """A capture of so many connections, each of 52 PDUs."""
    path = out('many.pcap')
    source = trace_speed.Sessions()
    with open(path, 'wb') as file:
        source.write(file, sessions * len(source.body))
    return path


def hexes(path):
    return trace('read', '-T', 'csv', '-e', 'link', '-e', 'session', '-e', 'hex', path)[1]


def connections(source, count):
    path = out('connections.pcapng')
    status, _, err = trace('read', '-w', path, source)
    tap.result(status == 0 and f'written {52 * count}\n' in err and hexes(path) == hexes(source),
               f'{count} connections, read again', [err])
    if dissect.installed():
        rows = dissect.tshark('-r', path, '-Y', 'smpp', '-T', 'fields', '-e',
                              'frame.interface_name').decode().splitlines()
        names = {f'10.0.0.9:2775#{n + 1}' for n in range(count)}
        tap.result(len(rows) == 52 * count and set(rows) == names, 'and by tshark',
                   [len(rows), sorted(names - set(rows))[:5]])


def sections():
    """More sessions than a section may have interfaces."""
    count = INTERFACES + 2
    source = sim_replay.write_pcap([
        (n, sim_replay.tcp(('10.0.0.1', 1024 + n), sim_replay.SMSC, 1, sim_replay.pdu(0x15, n)))
        for n in range(count)])
    path = out('sections.pcapng')
    status, _, err = trace('read', '-w', path, source)
    tap.result(status == 0 and f'written {count}\n' in err and hexes(path) == hexes(source),
               f'{count} sessions, read again', [err])


def rotation(source):
    def parts(name):
        return sorted(one for one in os.listdir(folder) if one.startswith(name + '_'))
    whole = hexes(source).splitlines()[1:]
    for name, size, kept in (('all', '64K', 0), ('last', '64K,3', 3)):
        status, _, err = trace('read', '-w', out(name + '.pcapng'), '--rotate', size, source)
        files = parts(name)
        octets = [os.path.getsize(dissect.made(out(one))) for one in files]
        tap.result(status == 0 and max(octets) <= 65536 and min(octets[:-1]) > 60000 and
                   len(files) == (kept or len(files)) >= 3,
                   f'--rotate {size}: {len(files)} files, none is larger', [err, octets])
        rows = sum((hexes(out(one)).splitlines()[1:] for one in files), [])
        tap.result(rows == whole[len(whole) - len(rows):] and (kept > 0 or len(rows) == len(whole)),
                   f'--rotate {size}: together they have the {"last" if kept else "whole"}',
                   [len(rows), len(whole)])
        tap.result(files[-1].endswith(f'_{(len(parts("all"))):05}.pcapng') and
                   not os.path.exists(out(name + '.pcapng')), f'--rotate {size}: numbered', files)


# --- What cannot be written ----------------------------------------------------------------------

def limited():
    """A file may have 300000 octets: a disk that is full in the middle of a block."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))


def unwritable(source):
    path = vector(CAPTURES[0])
    status, _, err = trace('read', '-w', '/dev/full', path)
    tap.result(status == 1 and '/dev/full: No space left on device' in err,
               'a full device is told', [status, err])
    status, _, err = trace('read', '-w', out('nowhere/x.pcapng'), path)
    tap.result(status == 1 and err == f'smpp-trace: {out("nowhere/x.pcapng")}: No such file or '
               'directory (0 packets written)\n', 'so is a folder that is not there', [status, err])
    full = out('full.pcapng')
    status, _, err = trace('read', '-w', full, source, preexec_fn=limited)
    lines = err.splitlines()
    count = int(lines[-1].rsplit(' ', 1)[1])
    tap.result(status == 1 and f'{full}: File too large ({count} packets written)' in lines[0] and
               0 < count == len(hexes(full).splitlines()) - 1,
               'where the disk is full the file ends with a whole PDU, and the count is true',
               [status, err])
    own = out('own.pcap')
    shutil.copy(path, own)
    status, _, err = trace('read', '-w', own, own)
    tap.result(status == 1 and 'is what is read' in err and content(own) == content(path),
               'what is read is not replaced', [status, err])
    with open(own, 'rb') as file:
        status, _, err = trace('read', '--scenario', own, '-', stdin=file)
    tap.result(status == 1 and 'is what is read' in err and content(own) == content(path),
               'nor by its scenario where it is the standard input', [status, err])
    rotated = out('rotated_00001.pcap')
    shutil.copy(path, rotated)
    status, _, err = trace('read', '-w', out('rotated.pcap'), '--rotate', '64K', rotated)
    tap.result(status == 1 and 'is what is read' in err and content(rotated) == content(path),
               'nor is it where a rotation comes to its name', [status, err])
    status, _, err = trace('read', '-w', own, '--scenario', own, path)
    tap.result(status == 1 and 'is the scenario' in err, 'nor are two written into one',
               [status, err])
    kept = out('kept.pcapng')
    shutil.copy(path, kept)
    status, _, err = trace('read', '-w', kept, out('nothing.pcap'))
    tap.result(status == 1 and content(kept) == content(path),
               'nor is another file by what is not there', [status, err])


def command_line():
    path = vector(CAPTURES[0])
    for arguments, says in ((('read', '--rotate', '1M', path), 'wants -w'),
                            (('read', '--redact', path), 'wants -w'),
                            (('decode', '--scenario', out('x'), '00'), 'live, read and proxy'),
                            (('decode', '-w', out('x'), '00'), 'live, read and proxy'),
                            (('read', '-w', '-', '-v', path), 'standard output'),
                            (('read', '-w', '-', '--rotate', '1M', path), 'standard output'),
                            (('read', '-w', out('x'), '--rotate', '63K', path), '64K to 1024G'),
                            (('read', '-w', out('x'), '--rotate', '1025G', path), '64K to 1024G'),
                            (('read', '-w', out('x'), '--rotate', '99999', path), 'K, M or G'),
                            (('read', '-w', out('x'), '--rotate', '1M;3', path), 'comma'),
                            (('read', '-w', out('x'), '--rotate', '1M,0', path), '1 to 99999')):
        status, _, err = trace(*arguments)
        tap.result(status == 2 and says in err and not os.path.exists(out('x')),
                   f'{" ".join(arguments[1:-1])} is refused', [status, err])


# --- Scenarios -----------------------------------------------------------------------------------

def scenario_of_a_capture():
    for name in CAPTURES:
        path = out('scenario')
        done = trace('read', '--scenario', path, '--text', '--numbers', vector(name))
        rows = subprocess.run([SIM, '--replay', vector(name), '--show-script'], capture_output=True,
                              check=True).stdout.splitlines()
        mine = content(path).splitlines()
        tap.result(done == (0, b'', 'seen 52, shown 0, dropped 0\n') and mine[1:] == rows and
                   len(rows) > 20 and mine[0].startswith(b'# smpp-trace'),
                   f'{name}: its scenario is what smsc-sim makes of it', [done, mine[:2], rows[:1]])
    trace('read', '--scenario', path, vector(CAPTURES[0]))
    tap.result(NUMBER.hex().encode() not in content(path) and b'tail=hex:' in content(path),
               'numbers are masked in it unless they are asked for')
    status, _, err = trace('read', '--scenario', path, '-f', 'cmd=enquire_link',
                           vector(CAPTURES[0]))
    tap.result(status == 1 and err.splitlines()[0] == f'smpp-trace: {path}: nothing that an SMSC '
               'said is in it' and content(path) == b'', 'an empty one is refused', [status, err])
    status, _, err = trace('read', '--scenario', path, many(1000))
    tap.result(status == 1 and 'choose a part by -f' in err and content(path) == b'',
               'so is one that no simulator would play', [status, err])
    status, _, err = trace('read', '--scenario', '/dev/full', vector(CAPTURES[0]))
    tap.result(status == 1 and '/dev/full: No space left on device' in err, 'a full device is told',
               [status, err])


TROUBLE = f'''
on submit_sm destination_addr={THROTTLED} nth=1: answer command_status=ESME_RTHROTTLED
on submit_sm destination_addr={SLOW}: answer after=700ms
'''


def order(home, number, destination):
    home.daemon.load('--count', '1', '--numbers-from', destination, '--text', TEXT.decode())
    house.await_that(f'order {number} is resolved', lambda: home.daemon.resolved(number))


def answers(ones):
    """What a client of the carrier sees: statuses and ids in their order."""
    return [(int(str(one['status']), 0), one['message_id']) for one in ones]


def record(path):
    """A daemon meets a throttle and a slow answer: how many orders were seen, and the answers."""
    script = out('trouble')
    with open(script, 'w', encoding='ascii') as file:
        file.write(TROUBLE)
    with house.House(far=('--quiet', '--script', script)) as home:
        home.daemon.start()
        home.daemon.open_account()
        watching = subprocess.Popen(
            [TRACE, 'live', '--socket', home.folder + '/tap.sock', '--numbers', '--scenario', path,
             '-f', 'to~^3165 | from~^3165', '-T', 'json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tries = 0
        while not select.select([watching.stdout], [], [], 0)[0]:
            tries += 1
            order(home, tries, FIRST)
        order(home, tries + 1, THROTTLED)
        order(home, tries + 2, SLOW)
        ones = []
        for line in watching.stdout:
            ones.append(json.loads(line))
            if 'receipt' in ones[-1] and ones[-1]['smpp.source_addr'] == SLOW:
                break
        watching.send_signal(signal.SIGINT)
        ones += [json.loads(line) for line in watching.stdout]
        err = watching.stderr.read()
        watching.wait(house.PATIENCE_S)
    if watching.returncode != 0:
        raise house.Trouble(err.decode())
    firsts = [one for one in ones if one.get('command') == 'submit_sm' and
              one['smpp.destination_addr'] == FIRST]
    return len(firsts), answers(
        {'status': one['smpp.command_status'], 'message_id': one.get('smpp.message_id', '')}
        for one in ones if one.get('command') == 'submit_sm_resp' and 'request' in one)


def scenario_of_a_daemon():
    path = out('regression')
    firsts, seen = record(path)
    tap.result([status for status, _ in seen] == [0] * firsts + [0x58, 0, 0],
               'a daemon met a throttle, and then a slow answer', seen)
    with house.House(far=('--quiet', '--replay', path)) as home:
        home.daemon.start()
        home.daemon.open_account()
        for number in range(1, firsts + 1):
            order(home, number, FIRST)
        order(home, firsts + 1, THROTTLED)
        order(home, firsts + 2, SLOW)
        with open(home.far.log, encoding='utf-8') as file:
            events = [json.loads(line) for line in file]
    asked = [one for one in events if one.get('command') == 'submit_sm' and one['event'] == 'in']
    given = [one for one in events if one.get('command') == 'submit_sm_resp' and
             one['event'] == 'out']
    again = answers({'status': one['status'], 'message_id': one.get('message_id', '')}
                    for one in given)
    tap.result(again == seen, 'smsc-sim --replay gives the same answers to another daemon',
               [seen, again])
    took_ms = given[-1]['at_ms'] - asked[-1]['at_ms']
    tap.result(700 <= took_ms < 5000, f'and the slow one as late ({took_ms} ms)')


# --- A running daemon ----------------------------------------------------------------------------

def from_tls():
    """What passes under TLS, written as it passes."""
    chain, key = house.make_certificate(folder)
    path = out('live.pcapng')
    with house.House(far=('--quiet', '--tls-cert', chain, '--tls-key', key),
                     sets=(f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}',)) as home:
        home.daemon.start()
        home.daemon.open_account()
        process = subprocess.Popen([TRACE, 'live', '--socket', home.folder + '/tap.sock', '-w',
                                    path, '-T', 'json'], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

        def receipts():
            home.daemon.load('--count', '1', '--text', TEXT.decode())
            return b'"receipt":' in trace('read', '-T', 'json', path)[1]
        house.await_that('a receipt is in the file, while it is written', receipts)
        process.send_signal(signal.SIGINT)
        shown, err = process.communicate(timeout=house.PATIENCE_S)
    dissect.made(path)
    seen = [one for one in map(json.loads, shown.splitlines()) if 'octets' in one]
    tap.result(err.decode() == f'seen {len(seen)}, shown {len(seen)}, dropped 0, written '
               f'{len(seen)}\n', 'live under TLS: counted at its end', [err])
    mine = pdus(path)
    tap.result([(one['link'], one['session'], one['dir'], one['time'], one['hex']) for one in mine]
               == [(one['link'], one['session'], one['dir'], one['time'], one['hex'])
                   for one in seen] and TEXT not in content(path),
               'live under TLS: the file has what passed, masked', difference(mine, seen))
    if dissect.installed():
        rows = dissect.tshark('-r', path, '-Y', 'smpp', '-T', 'fields', '-e',
                              'smpp.sequence_number').decode().splitlines()
        tap.result([int(row, 0) for row in rows] == [one['smpp.sequence_number'] for one in seen],
                   'live under TLS: tshark reads it', rows)


def main():
    count = 1100
    try:
        for name in CAPTURES:
            the_same(name)
            if dissect.installed():
                tshark_agrees(name)
        hidden()
        chosen()
        connections(many(count), count)
        sections()
        rotation(many(40))
        unwritable(many(100))
        command_line()
        scenario_of_a_capture()
        scenario_of_a_daemon()
        from_tls()
        dissect.agreed(tap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
