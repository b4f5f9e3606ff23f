#!/usr/bin/python3
# builds: plain
"""The questions of smpp-trace(1): each command of the page is run as it stands there, and says what
the page says, octet by octet. Placeholders, for what is another each time:

	of commands with `live` or `message`: each number, and the carrier's id
	of the latter: our id of the message, of which the carrier's receipt is UNKNOWN, and how long
		before it was released, which is not told if it was less than a millisecond
	of all: a line of the page that begins with eight blanks goes on with the one before, behind a blank

carrier.pcap and alpha.pcapng are of test/vectors. The daemon's carrier takes 50 ms for each answer, and does
not know what became of the first message, while `live` watches the rest. Prints TAP."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402
from truth import ROOT  # noqa: E402

PAGE = os.path.join(ROOT, 'tools', 'smpp-trace.1.scd')
CAPTURES = {'carrier.pcap': 'session-port2775.pcap', 'alpha.pcapng': 'upper-pdu.pcapng'}
QUESTIONS = 5
tap = house.Tap()


def examples():
    """(question, command, what it says) in the order of the page."""
    with open(PAGE, encoding='utf-8') as file:
        section = re.search(r'^# QUESTIONS\n(.*?)^# ', file.read(), re.M | re.S)[1]
    found = []
    question = ''
    for prose, block in re.findall(r'^(.*?)^```\n(.*?)^```\n', section, re.M | re.S):
        question = ([question] + re.findall(r'[^.:?\n]*\?', prose))[-1]
        for line in block.replace('\n        ', ' ').replace('\\\\', '\\').splitlines():
            if line.startswith('$ '):
                found.append((question, line[2:], []))
            else:
                found[-1][2].append(line)
    return found


def plain(line, live):
    line = re.sub(r' \(released \d+ms before\)', '', line) if live else line
    line = re.sub(r'\b[0-9a-f]{13}\b', 'ID', line) if live else line
    return re.sub(r'\d+(\.\d+)*', 'N', line) if live else line


def answers(folder, path, command):
    done = subprocess.run(['bash', '-c', command], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=2 * house.PATIENCE_S, check=False,
                          env=os.environ | {'PATH': f'{path}:{os.environ["PATH"]}'})
    return done.stdout.decode().splitlines()


def install(folder, socket):
    """A folder for PATH with smpp-trace, which finds the tap where this daemon has it."""
    path = os.path.join(folder, 'smpp-trace')
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o755), 'w') as file:
        file.write(f'#!/bin/sh\nexec {house.program("smpp-trace")} --socket={socket} "$@"\n')
    return folder


def ask(home, work, found, message):
    path = install(tempfile.mkdtemp(dir=home.folder), os.path.join(home.folder, 'tap.sock'))
    for name, vector in CAPTURES.items():
        shutil.copy(os.path.join(ROOT, 'test', 'vectors', vector), os.path.join(work, name))
    for question, command, page in found:
        live = ' live' in command or ' message ' in command
        command, *page = (re.sub(r'BX-1-\w+', message, line) for line in (command, *page))
        said = answers(work, path, command)
        tap.result(page and [plain(line, live) for line in said] ==
                   [plain(line, live) for line in page], f'{question.strip()} {command}', said)


def main():
    found = examples()
    tap.result(len({question for question, _, _ in found}) == QUESTIONS, 'the page has five questions',
               [question for question, _, _ in found])
    with tempfile.TemporaryDirectory() as work:
        script = os.path.join(work, 'script')
        with open(script, 'w', encoding='utf-8') as file:
            file.write('on submit_sm nth=1: outcome mix=unknown=100\n')
        with house.House(far=('--quiet', '--latency-ms', '50', '--script', script)) as home:
            home.daemon.start()
            home.daemon.open_account()
            home.daemon.load('--count', '1', '--text', 'on the way')
            message, = house.await_that('its receipt is there', lambda: home.daemon.api(
                'GET', '/api/v1/dlr?status=UNKNOWN')[1]['messages'])
            home.daemon.load('--count', '4000', '--batch', '1000', '--text', 'on the way')
            ask(home, work, found, message['bx_message_id'])
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
