#!/usr/bin/python3
# builds: asan
"""What is installed for Wireshark, in the real tshark: it captures from a running daemon, over clear
links and over TLS, with no settings. Prints TAP."""
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

TRACE = house.program('smpp-trace')
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
                                out('extcap')})


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
    ones = dissect.read(path)
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


def main():
    if not dissect.installed():
        print('1..0 # SKIP tshark is not installed')
        return 0
    try:
        install()
        questions()
        no_daemon()
        nobody_reads()
        running('clear')
        chain, key = house.make_certificate(folder)
        running('tls', far=('--tls-cert', chain, '--tls-key', key),
                sets=(f'providers.alpha.links.alpha-1.tls={{ca: {chain}}}',))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
