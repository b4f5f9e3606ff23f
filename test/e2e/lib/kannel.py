"""Kannel's bearerbox and smsbox, an ESME that shares no line with this project, with a small HTTP
server for their delivery reports. Used by the scripts of test/e2e and by test/bench."""
import contextlib
import http.server
import os
import random
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request

import house

PATH = os.environ['PATH'] + ':/usr/sbin'
USER = 'tester'


def installed():
    return all(shutil.which(name, path=PATH) for name in ('bearerbox', 'smsbox'))


def free_port():
    """One for a program that cannot be told to take any: not of those that the kernel gives to whoever
    asks for any, for it may give this one away until the program has it."""
    with open('/proc/sys/net/ipv4/ip_local_port_range', encoding='ascii') as file:
        first = int(file.read().split()[0])
    while True:
        port = random.randrange(10_000, first) if first > 11_000 else 0
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(('127.0.0.1', port))
            return probe.getsockname()[1]


def takes(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


class Reports:
    """Takes delivery reports: GET /?id=ID&type=N; .got is a list of (id, type)."""

    def __init__(self):
        got = self.got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                got.append((query['id'][0], int(query['type'][0])))
                self.send_response(200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def of(self, name):
        return sorted(kind for one, kind in list(self.got) if one == name)

    def end(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Box:
    """One of Kannel's programs."""

    def __init__(self, name, path):
        self.name = name
        self.process = subprocess.Popen([shutil.which(name, path=PATH), '-v', '4', path],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens(self, port):
        if self.process.poll() is not None:
            raise house.Trouble(f'{self.name} ended with {self.process.returncode}')
        return takes(port)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(house.PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def said(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


class Kannel:
    """bearerbox bound to the far end at `far_port`, and smsbox in front of it. `smsc` are lines of
    its group smsc."""

    def __init__(self, folder, far_port, *smsc):
        self.reports = Reports()
        self.boxes = []
        self.sendsms_port, self.smsbox_port = free_port(), free_port()
        path = os.path.join(folder, 'kannel.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'''
group = core
admin-port = {free_port()}
admin-password = tester
smsbox-port = {self.smsbox_port}
box-allow-ip = 127.0.0.1
log-level = 0
log-file = {folder}/bearerbox.log
store-type = file
store-location = {folder}/kannel.store
dlr-storage = internal

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.sendsms_port}
log-level = 0
log-file = {folder}/smsbox.log

group = sendsms-user
username = {USER}
password = {USER}
max-messages = 5
concatenation = true

group = smsc
smsc = smpp
smsc-id = far
host = 127.0.0.1
port = {far_port}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
interface-version = 34
{os.linesep.join(smsc)}
''')
        try:
            self.start('bearerbox', path, self.smsbox_port)
            self.start('smsbox', path, self.sendsms_port)
            # It listens before it can serve, and hangs up on who asks in between.
            house.await_that('smsbox is connected', lambda: 'Connected to bearerbox' in
                             said(os.path.join(folder, 'smsbox.log')))
        except BaseException:
            self.end()
            raise

    def start(self, name, path, port):
        self.boxes.append(Box(name, path))
        house.await_that(f'{name} listens', lambda: self.boxes[-1].listens(port))

    def send(self, name, to, text, **more):
        """An intent whose reports name it; all kinds of them are asked for."""
        report = f'http://127.0.0.1:{self.reports.port}/?id={name}&type=%d'
        query = urllib.parse.urlencode({'username': USER, 'password': USER, 'from': '4930123',
                                        'to': to, 'text': text, 'charset': 'UTF-8',
                                        'dlr-mask': 31, 'dlr-url': report, **more})
        with urllib.request.urlopen(
                f'http://127.0.0.1:{self.sendsms_port}/cgi-bin/sendsms?{query}',
                timeout=house.PATIENCE_S) as response:
            return response.status, response.read().decode()

    def end(self):
        for box in reversed(self.boxes):
            box.end()
        self.reports.end()
