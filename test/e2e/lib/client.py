"""A client of the API as somebody writes it from the documentation alone: python3-requests, over the
Unix socket (python3-requests-unixsocket) or TCP. Whatever is answered to it, to anybody who shares
its Witness, is held against the description of the API, and every status of a message, every word
and every request id is kept to be judged at the end."""
import json
import re
import threading
import urllib.parse

import requests
import requests_unixsocket

import description
import house

AMOUNT = re.compile(r'"(?:cost|balance|balance_before|balance_after|price|estimated_cost|amount|'
                    r'refund|progress_pct)":([^\s,}\]]+)')
STATUSES = {'QUEUED', 'SENT', 'DELIVERED', 'FAILED', 'EXPIRED', 'UNKNOWN'}


class Witness:
    """Who has seen every answer."""

    def __init__(self):
        self.api = description.Description()
        self.objections, self.refused, self.statuses, self.texts = [], [], set(), []
        self.amounts = []  # as they are written
        self.seen = set()  # (method, path, status), as described
        self.lock = threading.Lock()

    def hear(self, method, target, status, fields, octets):
        objections = self.api.objections(method, target, status, fields, octets)
        with self.lock:
            self.objections += [f'{method} {target} {status}: {one}' for one in objections]
            self.seen.add((method, self.api.find(method, target)[0], status))
            self.texts.append(octets)
            if status >= 400:
                self.refused.append(fields.get('X-Request-Id'))
            if octets and 'application/json' in fields.get('Content-Type', ''):
                self._note(json.loads(octets))
                self.amounts += AMOUNT.findall(octets.decode())

    def _note(self, value):
        if isinstance(value, dict):
            if 'bx_message_id' in value and isinstance(value.get('status'), str):
                self.statuses.add(value['status'])
            for member in value.values():
                self._note(member)
        elif isinstance(value, list):
            for member in value:
                self._note(member)

    def judge(self, check, daemon):
        """The last words, once nobody asks any more."""
        check('every answer is as the description says', not self.objections,
              len(self.objections), *self.objections[:20])
        check('a message has one of six statuses and no other', self.statuses and
              self.statuses <= STATUSES, self.statuses)
        check('amounts are written with at most six decimals and never as powers',
              all(re.fullmatch(r'-?(0|[1-9][0-9]*)(\.[0-9]{0,5}[1-9])?', one)
                  for one in self.amounts), self.amounts[:20])
        logged = set(re.findall(r'request_id=([0-9a-f]+)', daemon.said(1 << 28)))
        check('the request id of every refusal is in the log', self.refused and
              set(self.refused) <= logged, set(self.refused) - logged)


def as_json(fields, octets):
    """What an answer says; None: nothing, or not in JSON."""
    return json.loads(octets) if octets and 'json' in fields.get('Content-Type', '') else None


class Client:
    def __init__(self, base, key, witness):
        self.base, self.key, self.witness = base, key, witness
        self.session = requests_unixsocket.Session()
        self.session.trust_env = False

    def ask(self, method, target, body=None, key=..., **fields):
        """body: octets, or what becomes JSON; key None: without one. The response has .body, its
        JSON."""
        key = self.key if key is ... else key
        headers = {'Content-Type': 'application/json',
                   **{name.replace('_', '-'): value for name, value in fields.items()}}
        if key is not None:
            headers['X-API-KEY'] = key
        octets = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        response = self.session.request(method, self.base + target, data=octets, headers=headers,
                                        timeout=house.PATIENCE_S, allow_redirects=False)
        self.witness.hear(method, target, response.status_code, response.headers,
                          response.content)
        response.body = as_json(response.headers, response.content)
        return response

    def get(self, target, **more):
        return self.ask('GET', target, **more)

    def post(self, target, body, **more):
        return self.ask('POST', target, body, **more)

    def send(self, body, **more):
        return self.post('/api/v1/send_sms', body, **more)

    def close(self):
        self.session.close()


def over_unix(daemon):
    return 'http+unix://' + urllib.parse.quote(daemon.submit, safe='')


def over_tcp(daemon):
    found = re.search(r'server\.listening address=(127\.0\.0\.1:\d+)', daemon.said(1 << 20))
    return 'http://' + found.group(1)


def with_query(target, **query):
    return target + ('&' if '?' in target else '?') + urllib.parse.urlencode(query)
