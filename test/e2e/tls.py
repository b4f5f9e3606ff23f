#!/usr/bin/python3
# builds: asan
"""Links over TLS against OpenSSL peers: who is let through, each refusal with its reason, new
certificates without a lost link, and the alarm before they end. Prints TAP."""
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

CERTIFICATES = r'''set -e; exec 2>/dev/null; cd "$1"; umask 077
EC="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
ca() { openssl req -x509 $EC -days $2 -keyout $1.key -out $1.crt -subj /CN=$1; }
leaf() { openssl req $EC -keyout $1.key -out $1.csr -subj /CN=$1; printf %s "$3" > $1.ext
	openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -CAcreateserial -out $1.crt \
		-extfile $1.ext -days $4; cat $1.crt $1.key > $1.pem; }
ca first-ca 60; ca second-ca 400; ca other-ca 60
leaf good first-ca subjectAltName=DNS:localhost,IP:127.0.0.1 9
leaf renewed second-ca subjectAltName=DNS:localhost,IP:127.0.0.1 200
leaf wrong first-ca subjectAltName=DNS:else.test 60
leaf expired first-ca subjectAltName=IP:127.0.0.1 -1
leaf foreign other-ca subjectAltName=IP:127.0.0.1 60
leaf client first-ca extendedKeyUsage=clientAuth 60
openssl req -x509 $EC -days 60 -keyout self.key -out self.crt -subj /CN=self \
	-addext subjectAltName=IP:127.0.0.1; cat self.crt self.key > self.pem
openssl pkey -in good.key -pubout -outform der | openssl dgst -sha256 -r | cut -c1-64 > good.pin
cp first-ca.crt ca.crt
'''


class Peer:
    """Ends TLS as a carrier does and hands the octets to the simulator behind it."""

    most = 65536  # octets in one record

    def __init__(self, folder, name, behind, client_ca=None, version=None):
        self.behind = behind
        self.show(folder, name, client_ca, version)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def show(self, folder, name, client_ca=None, version=None):
        """From the next connection on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, f'{name}.pem'))
        if client_ca:
            context.load_verify_locations(os.path.join(folder, f'{client_ca}.crt'))
            context.verify_mode = ssl.CERT_REQUIRED
        if version:
            context.maximum_version = version
        self.context = context

    def serve(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.pipe, args=(near,), daemon=True).start()

    def pipe(self, near):
        try:
            with self.context.wrap_socket(near, server_side=True) as tls, \
                    socket.create_connection(('127.0.0.1', self.behind)) as far:
                while True:
                    ready = [tls] if tls.pending() else select.select([tls, far], [], [])[0]
                    for one in ready:
                        octets = one.recv(self.most)
                        if not octets:
                            return
                        (far if one is tls else tls).sendall(octets)
        except OSError:
            near.close()


class Site:
    """Links by name, each with what follows in braces and why it is refused, or None: bound."""

    def __init__(self, home):
        self.home, self.folder = home, home.folder
        subprocess.run(['bash', '-c', CERTIFICATES, 'bash', self.folder], check=True)
        self.links = {}
        self.config = os.path.join(self.folder, 'esmed.yaml')

    def write(self, top=''):
        links = ''.join(f'      {name}: {{host: 127.0.0.1, {what}}}\n'
                        for name, (what, _) in self.links.items())
        text = f'''{top}
store: {{path: store, size: 64MiB}}
sockets: {{submit: {{path: submit.sock}}, control: {{path: control.sock}}}}
providers:
  beta:
    system_id: esmed
    password_file: password
    binds_per_minute: 600
    timers: {{tls: 500ms, reconnect_min: 100ms, reconnect_max: 30s}}
    links:
{links}routes: {{1: {{name: only, provider: beta}}}}
prices: [{{route: 1, prefix: "31", country: NL, price: "0.1"}}]
'''
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(self.config, 0o600)

    def run(self, *words):
        return subprocess.run([house.program('esmectl'), '--socket', self.home.daemon.control,
                               *words], capture_output=True, text=True, timeout=60, check=False)

    def link(self, name):
        answer = self.run('--json', 'links')
        links = json.loads(answer.stdout)['links'] if answer.returncode == 0 else []
        return next((link for link in links if link['name'] == f'beta/{name}'), {})

    def copy(self, source, target):
        with open(os.path.join(self.folder, source), encoding='utf-8') as file:
            text = file.read()
        with open(os.path.join(self.folder, target), 'w', encoding='utf-8') as file:
            file.write(text)


class OldServer:
    """openssl s_server that knows TLS 1.1 and nothing newer."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ['openssl', 's_server', '-accept', '127.0.0.1:0', '-cert', f'{folder}/good.pem',
             '-key', f'{folder}/good.pem', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = iter(self.process.stdout.readline, '')
        line = next((line for line in lines if line.startswith('ACCEPT ')), 'ACCEPT :0')
        self.port = int(line.rsplit(':', 1)[1])

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def alert_port(sockets):
    """Answers as OpenSSL does to what is no TLS, and stays."""
    listener = socket.create_server(('127.0.0.1', 0))
    sockets.append(listener)

    def serve():
        while True:
            near, _ = listener.accept()
            sockets.append(near)
            near.recv(65536)
            near.sendall(bytes.fromhex('15030300020246'))
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def mute_port(sockets):
    """Takes connections and never says a word."""
    sockets.append(socket.create_server(('127.0.0.1', 0)))
    return sockets[-1].getsockname()[1]


def lay_out(site, old, sockets):
    folder, behind = site.folder, site.home.far.port

    def peer(name, **how):
        return Peer(folder, name, behind, **how).port

    site.good = Peer(folder, 'good', behind)
    with open(os.path.join(folder, 'good.pin'), encoding='utf-8') as file:
        pin = file.read().strip()
    wrong_pin = ('0' if pin[0] != '0' else '1') + pin[1:]
    ours = 'cert: client.crt, key: client.key'
    demands = {'client_ca': 'first-ca'}
    site.links = {
        'good': (f'port: {site.good.port}, tls: {{ca: ca.crt}}', None),
        'pinned': (f'port: {peer("good")}, tls: {{ca: ca.crt, pin: {pin}}}', None),
        'named': (f'port: {peer("good")}, tls: {{ca: ca.crt, server_name: localhost}}', None),
        'mutual': (f'port: {peer("good", **demands)}, tls: {{ca: ca.crt, {ours}}}', None),
        'expired': (f'port: {peer("expired")}, tls: {{ca: ca.crt}}',
                    'certificate refused: it has expired (CN=expired, issuer CN=first-ca, until 20'),
        'self': (f'port: {peer("self")}, tls: {{ca: ca.crt}}',
                 'certificate refused: it is self-signed (CN=self'),
        'wrong': (f'port: {peer("wrong")}, tls: {{ca: ca.crt}}',
                  'certificate refused: it is for else.test and not for 127.0.0.1 (CN=wrong'),
        'foreign': (f'port: {peer("foreign")}, tls: {{ca: ca.crt}}',
                    'certificate refused: its issuer is not trusted (CN=foreign, issuer CN=other'),
        'system': (f'port: {peer("good")}',
                   'certificate refused: its issuer is not trusted (CN=good, issuer CN=first-ca'),
        'key': (f'port: {peer("good")}, tls: {{ca: ca.crt, pin: {wrong_pin}}}',
                f'if the key was changed on purpose, set pin to {pin}'),
        'old': (f'port: {old.port}, tls: {{ca: ca.crt}}',
                'refused by the peer: it speaks no TLS 1.2 or later'),
        'plain': (f'port: {behind}, tls: {{ca: ca.crt}}', 'is it plain TCP on this port'),
        'mute': (f'port: {mute_port(sockets)}, tls: {{ca: ca.crt}}',
                 'no TLS handshake within 500 ms: the peer says nothing'),
        'clear': (f'port: {peer("good")}, tls: off', 'TLS on this port'),
        'alert': (f'port: {alert_port(sockets)}, tls: off', 'the peer speaks TLS on this port'),
        'bare': (f'port: {peer("good", **demands)}, tls: {{ca: ca.crt}}',
                 'it demands a certificate of ours'),
        'bare12': (f'port: {peer("good", version=ssl.TLSVersion.TLSv1_2, **demands)}, '
                   'tls: {ca: ca.crt}', 'it demands a certificate of ours'),
        'unknown': (f'port: {peer("good", client_ca="other-ca")}, tls: {{ca: ca.crt, {ours}}}',
                    'it does not trust the issuer of our certificate'),
    }


def verdicts(site, tap):
    for name, (_, words) in site.links.items():
        def stands(name=name, words=words):
            link = site.link(name)
            return link.get('state') == 'bound' if words is None else \
                words in (link.get('reason') or '')
        title = f'{name}: ' + (f'"{words}"' if words else 'bound')
        title = re.sub('[0-9a-f]{64}', 'PIN', title)
        try:
            house.await_that(title, stands, 20)
            tap.result(True, title)
        except house.Trouble as trouble:
            tap.result(False, title, [str(trouble), str(site.link(name))])
    one_line = all('\n' not in (site.link(name).get('reason') or '') for name in site.links)
    tap.result(one_line, 'each in one line')
    def unsaid():
        said = site.home.daemon.said(100000)
        return [words for _, words in site.links.values() if words and words not in said]
    try:
        house.await_that('all are in the log', lambda: not unsaid(), 15)
        tap.result(True, 'and in the log')
    except house.Trouble:
        tap.result(False, 'and in the log', unsaid())


def stands_in_status(site, tap):
    said = site.run('status').stdout
    unsaid = [words for _, words in site.links.values() if words and words not in said]
    tap.result(not unsaid, 'status says each of them', [said])


def awaits(site, tap, title, ask):
    try:
        house.await_that(title, ask, 15)
        tap.result(True, title)
    except house.Trouble as trouble:
        tap.result(False, title, [str(trouble), str(site.link('good')), site.run('status').stdout])


def alarm(site):
    return next((line for line in site.run('status').stdout.splitlines()
                 if line.startswith('ALARM certificate')), '')


def renews(site, tap):
    awaits(site, tap, 'the certificate that ends in 9 days is an alarm with whose and when',
           lambda: re.search(r"carrier's certificate \(CN=good\) ends on 20\d\d-\d\d-\d\d, [89] "
                             r'days from now', alarm(site)))
    sessions = {name: site.link(name)['session'] for name in ('good', 'pinned', 'mutual')}
    site.copy('second-ca.crt', 'ca.crt')
    site.good.show(site.folder, 'renewed')
    told = site.run('reload')
    tap.result(told.returncode == 0 and 'generation 2' in told.stdout, 'new certificates are taken',
               [told.stdout, told.stderr])
    tap.result({name: site.link(name)['session'] for name in sessions} == sessions and all(
        site.link(name)['state'] == 'bound' for name in sessions), 'no link was dropped for them')
    site.run('link', 'beta/good', 'rebind')
    awaits(site, tap, 'the next connection is made with them', lambda: (
        site.link('good')['state'] == 'bound' and
        ' CN=renewed pin ' in (site.link('good')['tls_session'] or '')))
    for name in ('pinned', 'named', 'mutual'):
        site.run('link', f'beta/{name}', 'down')


def broken(site, tap):
    session = site.link('good')['session']
    for file, text, words in (
            ('ca.crt', 'no certificate\n', 'ca.crt: no certificates in PEM'),
            ('client.key', None, 'client.key: it is not the key of the certificate in ')):
        with open(os.path.join(site.folder, file), encoding='utf-8') as now:
            kept = now.read()
        if text is None:
            site.copy('good.key', file)
        else:
            with open(os.path.join(site.folder, file), 'w', encoding='utf-8') as now:
                now.write(text)
        told = site.run('reload')
        tap.result(told.returncode == 1 and words in told.stderr and
                   'nothing was changed, generation 2 stays in force' in told.stderr,
                   f'a {file} that cannot be used is refused with file and reason',
                   [str(told.returncode), told.stdout, told.stderr])
        with open(os.path.join(site.folder, file), 'w', encoding='utf-8') as now:
            now.write(kept)
    tap.result(site.link('good')['session'] == session, 'and touches no link')


def alarm_ends(site, tap):
    """The links that still show the old one are taken out of the file."""
    site.links = {'good': site.links['good']}
    site.write()
    told = site.run('reload')
    tap.result(told.returncode == 0, 'links are taken out', [told.stdout, told.stderr])
    awaits(site, tap, 'with every certificate renewed the alarm is gone', lambda: not alarm(site))
    site.write('certificate_warning: 365d')
    site.run('reload')
    awaits(site, tap, 'the setting says how long before', lambda: '(CN=renewed)' in alarm(site))


def refused_at_start(site, tap):
    site.home.daemon.stop()
    site.copy('good.key', 'client.key')
    site.links = {'mutual': ('port: 1, tls: {ca: ca.crt, cert: client.crt, key: client.key}', None)}
    site.write()
    done = subprocess.run(site.home.daemon.command(), capture_output=True, text=True, timeout=60,
                          check=False)
    tap.result(done.returncode != 0 and 'link beta/mutual: tls: key ' in done.stderr and
               'it is not the key of the certificate in' in done.stderr,
               'a key of another certificate is refused at the start', [done.stderr])


def main():
    tap = house.Tap()
    sockets = []
    with house.House(['--quiet']) as home:
        site = Site(home)
        old = OldServer(home.folder)
        home.daemon.config, home.daemon.sets = site.config, []
        try:
            lay_out(site, old, sockets)
            site.write()
            home.daemon.start()
            verdicts(site, tap)
            stands_in_status(site, tap)
            renews(site, tap)
            broken(site, tap)
            alarm_ends(site, tap)
            refused_at_start(site, tap)
        finally:
            old.end()
            for one in sockets:
                one.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
