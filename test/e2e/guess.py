#!/usr/bin/python3
# builds: asan
"""Guessed API keys: a peer that gives too many wrong ones is refused for a while, unseen; a key that
was right from there, other peers and every account go on. Prints TAP."""
import http.client
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

TAP = house.Tap()
MOST = 10
SECOND = 'second-key-0123456789abcdef0123456789abcdef'


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:1500] for detail in details])


def ask(link, key):
    """(status, code, Retry-After) of a balance."""
    link.request('GET', '/api/v1/balance', headers={'X-API-KEY': key})
    answer = link.getresponse()
    body = house.json.loads(answer.read())
    link.close()
    return answer.status, body.get('code'), answer.headers['Retry-After']


def figure(daemon, name):
    link = house.UnixConnection(daemon.control)
    link.request('GET', '/metrics')
    text = link.getresponse().read().decode()
    link.close()
    return int(re.search(rf'^esmed_{re.escape(name)} (\d+)$', text, re.M).group(1))


def play(daemon, local, tcp):
    check('a right key is right', ask(local, house.KEY)[0] == 200)
    began = time.monotonic()
    answers = [ask(local, f'guess-{n}') for n in range(MOST)]
    check('ten wrong keys are told that they are wrong', answers ==
          [(401, 'invalid_api_key', None)] * MOST, answers)
    status, code, wait = ask(local, 'guess-again')
    quick = time.monotonic() - began < 1
    check('the next is refused, with the time to wait', not quick or
          (status, code, wait) == (429, 'too_many_wrong_keys', '1'), status, code, wait)
    wrong = figure(daemon, 'wrong_keys_total')
    answers = [ask(local, f'guess-{n}') for n in range(100)]
    looked = figure(daemon, 'wrong_keys_total') - wrong
    allowed = time.monotonic() - began + 1
    check('a hundred guesses are looked at no faster than one a second', looked <= allowed and
          sum(answer[0] == 429 for answer in answers) == 100 - looked, looked, allowed)
    check('a right one that was not used from here is not looked at either',
          ask(local, SECOND)[0] == 429 or time.monotonic() - began > 2)
    check('the key that was right from here still is', ask(local, house.KEY)[0] == 200)
    check('and so is any right one from elsewhere', ask(tcp, SECOND)[0] == 200)
    check('who sends no key is told so', daemon.api('GET', '/api/v1/balance', key=None)[0] == 401)
    check('what was refused unseen is counted at its limit', figure(
        daemon, 'limit_met_total{limit="wrong_keys"}') >= 98)
    house.await_that('the right key is looked at again', lambda: ask(local, SECOND)[0] == 200)
    check('no account was locked: it took a second or so',
          time.monotonic() - began < house.PATIENCE_S)


def spare_the_honest(daemon):
    """A client with an old key that asks everything, ten times over, is no guesser."""
    link = house.UnixConnection(daemon.submit)
    answers = [ask(link, 'esmed_0123456789abcdef0123456789abcdef') for _ in range(250)]
    check('as it comes, a client with a wrong key is told so, however busy it is',
          set(answers) == {(401, 'invalid_api_key', None)}, set(answers))
    check('and the right key beside it is heard at once', ask(link, house.KEY)[0] == 200)


def main():
    with house.House(['--quiet'], ('listen=127.0.0.1:0', f'limits.wrong_keys={MOST}')) as home:
        daemon = home.daemon
        daemon.start()
        daemon.open_account()
        daemon.operate('POST', '/control/v1/accounts/import', {'accounts': [
            {'name': 'second', 'opening': '1', 'keys': [{'key': SECOND}]}]})
        port = int(re.search(r'address=127\.0\.0\.1:(\d+)', daemon.said(1 << 20)).group(1))
        play(daemon, house.UnixConnection(daemon.submit),
             http.client.HTTPConnection('127.0.0.1', port, timeout=house.PATIENCE_S))
        daemon.stop()
    with house.House(['--quiet']) as home:
        home.daemon.start()
        home.daemon.open_account()
        spare_the_honest(home.daemon)
        home.daemon.stop()
    return TAP.end()


if __name__ == '__main__':
    sys.exit(main())
