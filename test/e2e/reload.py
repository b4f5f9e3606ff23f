#!/usr/bin/python3
# builds: asan
"""The configuration loaded again and again under traffic: nothing is lost, links that a change does
not concern keep their session, and a wrong file changes nothing and says where. Prints TAP."""
import json
import os
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import checker  # noqa: E402
import house  # noqa: E402
import truth as truths  # noqa: E402

REQUESTS, BATCH = 200, 10
SILENT = '31699990018'  # taken, and no receipt ever

FILE = '''{top}store: {{path: store, size: {size}}}
sockets: {{submit: {{path: submit.sock}}, control: {{path: control.sock}}}}
providers:
  alpha: {{system_id: esmed, password_file: password, window: {window}, rate: {rate},
    timers: {{response: 2s, reconnect_min: 100ms, reconnect_max: 500ms}},
    links: {{one: {{host: 127.0.0.1, port: {port}, tls: off}}{links}}}}}
  beta: {{system_id: esmed, password_file: password,
    links: {{main: {{host: 127.0.0.1, port: {beta}, tls: off}}}}}}
routes:
  1: {{name: one, provider: {provider}, receipt_deadline: {deadline}}}
{routes}prices:
  - {{route: {priced}, prefix: "31", country: NL, price: "0.1"}}
'''


class Site:
    def __init__(self, home, beta):
        self.home = home
        self.usual = {'top': '', 'size': '64MiB', 'window': 20, 'rate': 0, 'links': '',
                      'port': home.far.port, 'beta': beta.port, 'provider': 'alpha',
                      'deadline': '3s', 'priced': 1,
                      'routes': '  2: {name: two, provider: beta}\n'}
        self.path = os.path.join(home.folder, 'esmed.yaml')
        self.second = f', two: {{host: 127.0.0.1, port: {home.far.port}, tls: off}}'

    def write(self, text=None, **changes):
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(text if text is not None else FILE.format(**{**self.usual, **changes}))
        os.chmod(self.path, 0o600)

    def run(self, *words):
        return subprocess.run([house.program('esmectl'), '--socket', self.home.daemon.control,
                               *words], capture_output=True, text=True, timeout=60, check=False)

    def ask(self, *words):
        return json.loads(self.run('--json', *words).stdout)

    def links(self):
        return {link['name']: link for link in self.ask('links')['links']}

    def generation(self):
        return self.ask('status')['config']['generation']


def load(site, results):
    results.append(site.home.daemon.load(
        '--count', str(REQUESTS * BATCH), '--batch', str(BATCH), '--connections', '4',
        '--caller-id', 'ACME', '--text', 'Hello', '--max-seconds', '30', '--rate', '400',
        log=site.home.client_log))


def again_and_again(site, tap):
    """Each change for the good, with wrong ones between, until the load is through."""
    changes = [{'links': site.second}, {'window': 5}, {'rate': 600, 'links': site.second},
               {'top': 'log: {level: debug}\n'}, {'window': 0}, {'links': site.second, 'window': 50},
               {'size': '128MiB'}, {'deadline': '4s'}, {}]
    results, wrong, taken = [], [], 0
    before = site.links()
    client = threading.Thread(target=load, args=(site, results))
    client.start()
    while client.is_alive():
        change = changes[taken % len(changes)]
        site.write(**change)
        told = site.run('reload')
        good = change.get('window') != 0 and 'size' not in change
        if (told.returncode == 0) != good:
            wrong.append(f'{change}: {told.stdout}{told.stderr}')
        taken += 1
        client.join(0.05)
    site.write()
    site.run('reload')
    after = site.links()
    tap.result(taken > len(changes) and not wrong, f'reloaded {taken} times under traffic', wrong)
    tap.result(results[0]['accepted'] == REQUESTS * BATCH, 'every message was accepted', results)
    tap.result(after['beta/main']['session'] == before['beta/main']['session'] and
               after['alpha/one']['session'] == before['alpha/one']['session'],
               'links that no change concerned kept their session', [str(before), str(after)])
    try:
        house.await_that('the other link is gone', lambda: 'alpha/two' not in site.links())
        tap.result(True, 'the link that was taken out drained and went')
    except house.Trouble as trouble:
        tap.result(False, 'the link that was taken out drained and went', [str(trouble)])


def refuses(site, tap, title, words, text=None, **changes):
    """Exit status 1, the words with the place, and nothing changed."""
    before = site.ask('status')['config'], site.links()
    site.write(text, **changes)
    for verb in (('reload', '--dry-run'), ('reload',)):
        told = site.run(*verb)
        tap.result(told.returncode == 1 and all(word in told.stderr for word in words) and
                   'nothing was changed' in told.stderr, f'{title}: {" ".join(verb)} says where',
                   [str(told.returncode), told.stdout, told.stderr])
    after = site.ask('status')['config'], site.links()
    same = before[0] == after[0] and all(
        before[1][name]['session'] == link['session'] for name, link in after[1].items())
    tap.result(same, f'{title}: the old configuration goes on', [str(before), str(after)])


def wrong_files(site, tap):
    path = site.path
    refuses(site, tap, 'no YAML', [f'{path}:2:1: not YAML'], text='store: [\n')
    refuses(site, tap, 'two mistakes', [f'{path}:4:62: providers.alpha.window',
                                        f'{path}:10:28: routes.1.provider', 'nowhere'],
            window=0, provider='nowhere')
    refuses(site, tap, 'another store',
            [f'{path}:1:28: store.size: 64MiB is now 128MiB, and that needs a restart'],
            size='128MiB')
    refuses(site, tap, 'another socket', ['listen: not set is now', 'needs a restart'],
            top='listen: 127.0.0.1:1\n')
    site.home.daemon.load('--count', '1', '--numbers-from', SILENT, '--caller-id', 'ACME', '--text',
                          'Hello', log=site.home.client_log)
    refuses(site, tap, 'a route with a message', [
        f'{path}:10:28: routes.1: it has another provider, and 1 of its messages are not final'],
            provider='beta')


def missing_route(site, tap):
    """Once its messages are final a route may go, and with it what it is asked for."""
    house.await_that('the silent one is final', lambda: site.home.daemon.resolved(REQUESTS + 1))
    site.write(routes='  3: {name: three, provider: beta}\n')
    told = site.run('--json', 'reload', '--dry-run')
    changes = json.loads(told.stdout)['changes']
    tap.result({(change['path'], change['is']) for change in changes} ==
               {('routes.2', 'gone'), ('routes.3', 'new')}, '--dry-run says what would change',
               [told.stdout])
    generation = site.generation()
    told = site.run('reload')
    tap.result(told.returncode == 0 and site.generation() == generation + 1 and
               'routes.3' in told.stdout, 'and reload does it', [told.stdout, told.stderr])
    audit = site.ask('audit', 'list', '--limit=1')['audit'][0]
    tap.result(f'generation {generation + 1}' in audit['verb'] and audit['uid'] == os.geteuid(),
               'the audit has it with the uid', [str(audit)])
    site.write()
    site.home.daemon.process.send_signal(signal.SIGHUP)
    house.await_that('SIGHUP has loaded it', lambda: site.generation() == generation + 2)
    site.write(text='store: [\n')
    site.home.daemon.process.send_signal(signal.SIGHUP)
    house.await_that('the log says why not', lambda: f'config.mistake {site.path}:' in
                     site.home.daemon.said(3000).split('generation', 1)[-1])
    tap.result(site.generation() == generation + 2, 'SIGHUP does the same, and tells the log')


def judge(site, tap, beta):
    house.await_that('every receipt is settled', site.home.far.settled)
    status = site.home.daemon.stop()
    site.home.far.end()
    beta.end()
    truth = truths.load(house.program('store_dump'), site.home.daemon.store,
                        {'alpha': site.home.far.log, 'beta': beta.log}, site.home.client_log)
    wrong = [f'{name}: {text}' for name, text in
             checker.check(truth, checker.How(quiet=True, client_account=house.ACCOUNT))]
    tap.result(status == 0 and not wrong, 'no message was lost, doubled or paid twice', wrong)


def main():
    tap = house.Tap()
    with house.House(['--quiet']) as home:
        beta = house.FarEnd(home.folder, '--quiet', name='beta')
        try:
            site = Site(home, beta)
            site.write()
            home.daemon.config, home.daemon.sets = site.path, []
            home.daemon.start()
            home.daemon.open_account()
            house.await_that('all links are bound', lambda: all(
                link['state'] == 'bound' for link in site.links().values()
                if link['provider'] != 'sandbox'))
            again_and_again(site, tap)
            for number in range(1, REQUESTS + 1):
                house.await_that(f'order {number} is resolved',
                                 lambda n=number: home.daemon.resolved(n))
            wrong_files(site, tap)
            missing_route(site, tap)
            judge(site, tap, beta)
        finally:
            beta.end()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
