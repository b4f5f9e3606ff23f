#!/usr/bin/python3
# builds: asan
"""The description of the API: a valid OpenAPI 3.1 document that the daemon serves as it stands in
core/openapi.json, and that names the calls of the submit socket, no more and no less. Prints TAP."""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import description  # noqa: E402
import house  # noqa: E402
import truth  # noqa: E402

TAP = house.Tap()
CORE = os.path.join(truth.ROOT, 'core')
OPERATORS = {'store_corrupt'}  # codes that only the control socket answers with


def check(name, good, *details):
    TAP.result(bool(good), name, [repr(detail)[:3000] for detail in details])


def rows():
    """(method, pattern) of each row of the table of calls."""
    with open(os.path.join(CORE, 'submit.c'), encoding='utf-8') as file:
        return set(re.findall(r'^\t\{ "([A-Z]+)", "(/[^"]*)", ', file.read(), re.M))


def codes():
    """Each code that a handler of the submit socket may refuse with."""
    found = set()
    for name in os.listdir(CORE):
        if name.endswith('.c') and not name.startswith(('control', 'tap')):
            with open(os.path.join(CORE, name), encoding='utf-8') as file:
                for line in re.findall(r'(?:\.code = |api_refuse_\w+\([\w>-]+,\s)[^,;]*', file.read()):
                    found.update(re.findall(r'"([a-z_]+)"', line))
    return found - OPERATORS


def broken(change):
    """What is found in a copy that `change` has broken."""
    document = json.loads(description.Description().text)
    change(document)
    return description.Description(json.dumps(document)).flaws()


def the_file(api):
    flaws = api.flaws()
    check('the description is a valid OpenAPI 3.1 document', not flaws, *flaws)
    check('its JSON is written as python3 -m json.tool --indent 2 --no-ensure-ascii does',
          api.text == json.dumps(api.document, indent=2, ensure_ascii=False) + '\n')
    described = {(method, path) for path, method, _ in api.operations}
    check('every call of the submit socket is described, and none that does not exist',
          described == rows(), described ^ rows())
    for name in ('Error', 'Problem'):
        described = set(api.document['components']['schemas'][name]['properties']['code']['enum'])
        check(f'{name} names every code of a refusal, and none that does not exist',
              described == codes(), described ^ codes())
    balance = '/api/v1/balance'
    for name, change in (
            ('an operation without answers',
             lambda document: document['paths'][balance]['get'].pop('responses')),
            ('a member that OpenAPI does not have',
             lambda document: document['paths'][balance]['get'].update(colour='red')),
            ('a reference to nothing',
             lambda document: document['components']['schemas'].pop('Balance')),
            ('a type that JSON does not have',
             lambda document: document['components']['schemas']['Balance'].update(type='float')),
            ('an example that is not as described',
             lambda document: document['components']['schemas']['Balance']['required'].append('x'))):
        check(f'it would be told of {name}', broken(change))


def the_daemon(api):
    with house.House(far=('--quiet',)) as home:
        daemon = home.daemon
        daemon.start()
        connection = house.UnixConnection(daemon.submit)
        connection.request('GET', '/api/v1/openapi.json')
        response = connection.getresponse()
        octets = response.read()
        connection.close()
        check('the daemon serves the file without a key', response.status == 200 and
              response.getheader('Content-Type') == 'application/json' and
              octets == api.text.encode(), response.status, len(octets))


def a_guesser(api):
    """Whoever gives wrong keys is refused in the end, whatever he asks, and each operation says so."""
    ids = {'{bx_message_id}': 'BX-1-0123456789abcdef', '{order_id}': '1', '{route_id}': '1'}
    with house.House(['--quiet'], ('limits.wrong_keys=1',)) as home:
        home.daemon.start()
        for path, method, operation in api.operations:
            if operation.get('security') == []:
                continue
            target = re.sub('{.*?}', lambda found: ids[found[0]], path)
            home.daemon.api('GET', '/api/v1/balance', key='guess')
            status, _ = home.daemon.api(method, target, {} if method == 'POST' else None, key='guess')
            check(f'{method} {path} refuses who guesses keys, and says so',
                  status == 429 and '429' in operation['responses'], status)


the_api = description.Description()
the_file(the_api)
the_daemon(the_api)
a_guesser(the_api)
sys.exit(TAP.end())
