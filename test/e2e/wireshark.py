#!/usr/bin/python3
# builds: asan
"""What is installed for Wireshark, in the real tshark: it captures from a running daemon, over clear
links and over TLS, with no settings; its scripts pair requests and responses as smpp-trace does, and
read SMPP in TLS on any port. Prints TAP."""
import json
import os
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
import tls  # noqa: E402
import wire  # noqa: E402
from truth import ROOT  # noqa: E402

TRACE = house.program('smpp-trace')
PAIRS, IN_TLS = (os.path.join(ROOT, 'tools', name) for name in ('smpp_pairs.lua', 'smpp_tls.lua'))
VECTORS = os.path.join(ROOT, 'test', 'vectors')
TEXT, NUMBER = 'Your code is 483920', '31612340000'
tap = house.Tap()
folder = tempfile.mkdtemp(prefix='esmed-shark.')
# To root tshark is somebody with special rights, and heeds no folder of extcap programs but its own.
AS_ANYBODY = {'user': 65534, 'group': 65534, 'extra_groups': []} if os.geteuid() == 0 else {}


def out(name):
    return os.path.join(folder, name)


def shark(*arguments, **how):
    """tshark as an ordinary user, with smpp-trace where it looks for extcap programs."""
    return subprocess.Popen(['tshark', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **how, **AS_ANYBODY, env={
                                **os.environ, 'HOME': out('home'), 'WIRESHARK_EXTCAP_DIR':
                                out('extcap'), 'TMPDIR': out('written')})


def done(process):
    """(exit status, stdout, stderr) at its end."""
    said = process.communicate(timeout=house.PATIENCE_S)
    return process.returncode, *said


def install():
    """A copy: whoever tshark runs as may not see into the folder of the build."""
    os.chmod(folder, 0o711)
    for name in ('extcap', 'home', 'written'):
        os.mkdir(out(name))
    os.chmod(out('written'), 0o777)
    shutil.copy(TRACE, out('extcap'))


# --- What it is asked ------------------------------------------------------------------------------

def questions():
    status, said, err = done(shark('-D'))
    tap.result(status == 0 and any(line.endswith(' esmed (SMPP of the running esmed)')
                                   for line in said.splitlines()), 'tshark -D lists it', [said, err])
    status, said, err = done(shark('-i', 'esmed', '-L'))
    tap.result(status == 0 and 'WIRESHARK_UPPER_PDU (SMPP)' in said, 'tshark -L knows its link type',
               [said, err])
    for filter_text, says in (('cmd=submit_sm & status!=0', ''),
                              ('cmd=', 'column 5: a value is missing here\n')):
        asked = subprocess.run([TRACE, '--extcap-interface', 'esmed', '--extcap-capture-filter',
                                filter_text], capture_output=True, text=True, check=False)
        tap.result((asked.returncode, asked.stdout, asked.stderr) == (0, says, ''),
                   f'a capture filter is judged: {filter_text}', [asked])
    for arguments, says in ((('--extcap-interface=eth0', '--extcap-dlts'), 'there is only esmed'),
                            (('--extcap-interface=esmed', '--capture'), '--capture wants --fifo'),
                            (('--capture', '--extcap-interface=esmed', '--fifo', out('no/fifo')),
                             'No such file')):
        asked = subprocess.run([TRACE, *arguments], capture_output=True, text=True, check=False)
        tap.result(asked.returncode != 0 and asked.stdout == '' and says in asked.stderr,
                   f'{" ".join(arguments[:2])}: what is wrong is told', [asked])


def no_daemon():
    _, _, err = done(shark('-i', 'esmed', '-o', f'extcap.esmed.socket:{out("none")}'))
    tap.result(f'smpp-trace: {out("none")}: ' in err and 'is esmed running' in err,
               'tshark tells that there is no daemon', [err])


def nobody_reads():
    """Wireshark gives up before it reads, as where it may not capture: nothing may stay behind."""
    os.mkfifo(out('fifo'))
    process = subprocess.Popen([TRACE, '--capture', '--extcap-interface', 'esmed', '--fifo',
                                out('fifo')], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    house.await_that('it waits for its reader', lambda: waits_in_open(process.pid))
    process.terminate()
    tap.result(process.wait(house.PATIENCE_S) == -signal.SIGTERM, 'one whom nobody reads ends')
    process.stderr.close()


def waits_in_open(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        return file.read().rsplit(') ', 1)[1].startswith('S')


# --- A running daemon ------------------------------------------------------------------------------

FIELDS = ('frame.interface_name', 'smpp.command_id', 'smpp.sequence_number')
RECEIPT = '0x00000005'


def rows_until_a_receipt(process, home):
    """What tshark shows while messages are sent."""
    rows = []
    while not any(row['smpp.command_id'] == RECEIPT for row in rows):
        home.daemon.load('--count', '1', '--text', TEXT)
        rows += rows_there(process)
    return rows


def rows_there(process):
    rows = []
    os.set_blocking(process.stdout.fileno(), False)
    while line := process.stdout.readline():
        rows.append(dict(zip(FIELDS, line.rstrip('\n').split('\t'))))
    return rows


def captures(name, home):
    socket, path = home.folder + '/tap.sock', out(f'written/{name}.pcapng')
    common = ['-i', 'esmed', '-o', f'extcap.esmed.socket:{socket}']
    wanted = [argument for field in FIELDS for argument in ('-e', field)]
    process = shark(*common, '-l', '-P', '-w', path, '-T', 'fields', *wanted)
    rows = rows_until_a_receipt(process, home)
    process.send_signal(signal.SIGINT)
    status, _, err = done(process)
    tap.result(status == 0 and 'Error by extcap' not in err, f'{name}: tshark captures, and ends well',
               [status, err])
    with open(path, 'rb') as file:
        octets = file.read()
    tap.result(TEXT.encode() not in octets and NUMBER.encode() not in octets,
               f'{name}: texts and numbers are masked')
    ones = dissect.read(dissect.made(path))
    tap.result([(f'{one["link"]}#{one["session"]}', int(one['smpp.command_id'], 0),
                 one['smpp.sequence_number']) for one in ones[:len(rows)]] ==
               [(row['frame.interface_name'], int(row['smpp.command_id'], 0),
                 int(row['smpp.sequence_number'], 0)) for row in rows] and
               {one['link'] for one in ones} == {'alpha/alpha-1'},
               f'{name}: what it showed is what was captured, link and session are the interface',
               [ones[:1], rows[:1]])
    return common


def chosen(home, common):
    """What Wireshark's dialog and its line for a capture filter can say."""
    process = shark(*common, '-o', 'extcap.esmed.text:true', '-o', 'extcap.esmed.numbers:true', '-f',
                    f'cmd=submit_sm & request & to={NUMBER}', '-c', '2', '-l', '-T', 'json',
                    '--no-duplicate-keys')

    def ended():
        home.daemon.load('--count', '1', '--text', TEXT, '--numbers-from', NUMBER)
        return process.poll() is not None
    house.await_that('two packets end it', ended)
    status, said, err = done(process)
    seen = [packet['_source']['layers']['smpp'] for packet in json.loads(said)]
    tap.result(status == 0 and 'Error by extcap' not in err and
               [one['smpp.destination_addr'] for one in seen] == [NUMBER] * 2 and
               all(one['smpp.message'] == TEXT.encode().hex(':') for one in seen),
               'a filter of ours chooses, and what may be seen is seen when it is asked for',
               [status, err, seen])
    for wrong, says in ((f'to={NUMBER}', 'the daemon hides'), ('cmd=', 'column 5: a value is')):
        _, _, err = done(shark(*common, '-f', wrong))
        tap.result('Error by extcap' in err and says in err, f'told: {wrong} cannot work', [err])


def running(name, far=(), sets=()):
    sets += (f'sockets.tap.group={AS_ANYBODY["group"]}', 'sockets.tap.mode=0660') \
        if AS_ANYBODY else ()
    with house.House(far=('--quiet', *far), sets=sets) as home:
        os.chmod(home.folder, 0o711)
        home.daemon.start()
        home.daemon.open_account()
        common = captures(name, home)
        if not far:
            chosen(home, common)


# --- Requests and responses -------------------------------------------------------------------------

def told_by_script(path, *options):
    """Of each PDU, in their order: its frame, and what smpp_pairs.lua tells of it."""
    told = []
    for packet in dissect.tree(path, '-X', f'lua_script:{PAIRS}', '-2', '-R', 'frame',
                               *options).iter('packet'):
        frame = int(packet.find('.//field[@name="num"]').get('show'))
        for proto in packet.findall('proto[@name="smpp_pairs"]'):
            told.append({'frame': frame} | {
                field.get('name').removeprefix('smpp_pairs.'): field.get('show')
                for field in proto.iter('field')})
    return told


def told_by_trace(path):
    """The same, as smpp-trace says it."""
    done_ = subprocess.run([TRACE, 'read', '-T', 'json', path], capture_output=True, text=True,
                           check=True, timeout=house.PATIENCE_S)
    told = {}
    for one in map(json.loads, done_.stdout.splitlines()):
        if 'unanswered' in one:
            told[one['request']]['unanswered'] = '1'
        if 'octets' not in one:
            continue
        this = told[one['number']] = {'frame': one['packet'], 'sequence_number':
                                      str(one['smpp.sequence_number'])}
        if 'window' in one:
            this['window'] = str(one['window'])
        if 'request' in one:
            asked = told[one['request']]
            asked.pop('unanswered', None)  # it was late
            asked['response'], this['request'] = str(one['packet']), str(asked['frame'])
            this['rtt'] = one['rtt_ms']
        elif 'rtt_ms' in one:
            this['unasked'] = '1'
    return list(told.values())


def same(mine, theirs):
    """smpp-trace says nothing of a window in which nothing is open."""
    theirs = {name: value for name, value in theirs.items() if (name, value) != ('window', '0')}
    return mine.keys() == theirs.keys() and all(
        abs(float(theirs[name]) * 1000 - mine[name]) < 1 if name == 'rtt' else
        mine[name] == theirs[name] for name in mine)


def pairs(name, path, least):
    mine, theirs = told_by_trace(path), told_by_script(path)
    wrong = [pair for pair in zip(mine, theirs) if not same(*pair)]
    frames = {one['frame'] for one in mine}
    tap.result(len(mine) == len(theirs) and not wrong,
               f'{name}: {len(mine)} PDUs in {len(frames)} frames are paired as smpp-trace pairs them',
               [len(mine), len(theirs), *wrong[:5]])
    tap.result(sum('request' in one for one in theirs) >= least, f'{name}: {least} pairs at least')


def pairing():
    for name in ('session-port2775.pcap', 'session-port8080.pcap', 'upper-pdu.pcapng'):
        pairs(name, os.path.join(VECTORS, name), 24)
    packets = sim_replay.session()
    pairs('segments sent again', sim_replay.write_pcap(packets[:5] + packets[4:6] + packets[4:]), 2)


def columns():
    """What Wireshark's list and its display filters make of them."""
    wanted = ''.join(f',"{name}","%Cus:smpp_pairs.{name}"' for name in ('request', 'rtt', 'window'))
    rows = dissect.tshark(
        '-r', os.path.join(VECTORS, 'session-port2775.pcap'), '-X', f'lua_script:{PAIRS}', '-2', '-R',
        'frame', '-Y', 'smpp_pairs.unanswered || smpp_pairs.rtt > 0.34', '-o',
        'gui.column.format:"number","%m"' + wanted).decode().splitlines()
    tap.result([row.split() for row in rows] == [['14', '9'], ['27', '16', '0.340999000', '2'],
                                                 ['28', '17', '0.343999000', '1']],
               'they can be columns and be asked for', rows)


# --- SMPP in TLS -------------------------------------------------------------------------------------

class Carrier(tls.Peer):
    """Notes the keys of its connections, and puts PDUs into records without regard to their ends."""

    most = 37

    def show(self, folder, name, client_ca=None, version=None):
        super().show(folder, name, client_ca, version)
        self.context.keylog_filename = out('keys')


def in_tls():
    """A session under TLS on the wire, and the same behind the carrier's end of TLS."""
    chain, key = house.make_certificate(folder)
    with open(out('both.pem'), 'wb') as both:
        for path in (chain, key):
            with open(path, 'rb') as file:
                both.write(file.read())
    with house.House(far=('--quiet',),
                     sets=(f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}',)) as home:
        plain = wire.Relay(home.far.port)
        secret = wire.Relay(Carrier(folder, 'both', plain.port).port)
        home.daemon.sets.append(f'providers.alpha.links.alpha-1.port={secret.port}')
        home.daemon.start()
        home.daemon.open_account()
        home.daemon.load('--count', '100')
        house.await_that('every receipt is answered',
                         lambda: home.far.count_submits() == 100 and home.far.settled())
        home.daemon.stop()
        secret.end()
        plain.end()
    for name, relay in (('plain', plain), ('secret', secret)):
        wire.write_capture(out(f'{name}.pcap'), relay.connections)
    return dissect.made(out('plain.pcap')), out('secret.pcap')


def tls_is_read():
    plain, secret = in_tls()
    keys = ('-o', f'tls.keylog_file:{out("keys")}')
    tap.result(not dissect.dissected(secret, *keys), 'tshark alone sees no SMPP in TLS')
    ours = dissect.by_flow(dissect.read(plain))
    theirs = dissect.dissected(secret, *keys, '-X', f'lua_script:{IN_TLS}')
    comparison = dissect.Comparison(dissect.SILENT, dissect.DIFFERING)
    for way, port in (('out', wire.ESME_PORT), ('in', wire.SMSC_PORT)):
        comparison.compare(way, ours[1, way], theirs.get(('0', str(port)), []))
    tap.result(not comparison.wrong and comparison.pdus > 300,
               f'{comparison.fields} fields of {comparison.pdus} PDUs in TLS are those behind it',
               comparison.wrong)
    mine = told_by_trace(plain)
    told = told_by_script(secret, *keys, '-X', f'lua_script:{IN_TLS}')
    tap.result(sum('request' in one for one in mine) == sum('request' in one for one in told) > 150,
               'and they are paired', [len(mine), len(told)])


def main():
    if not dissect.installed():
        print('1..0 # SKIP tshark is not installed')
        return 0
    try:
        pairing()
        columns()
        tls_is_read()
        install()
        questions()
        no_daemon()
        nobody_reads()
        running('clear')
        chain, key = house.make_certificate(folder)
        running('tls', far=('--tls-cert', chain, '--tls-key', key),
                sets=(f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}',))
        dissect.agreed(tap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
