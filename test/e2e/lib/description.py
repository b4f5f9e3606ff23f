"""core/openapi.json as the tests use it: whether it is an OpenAPI 3.1 document, and whether an answer
is what it says. An answer may have no member that is not described: what is added there must be
added here."""
import json
import os
import re

import jsonschema

from truth import ROOT

FILE = os.path.join(ROOT, 'core', 'openapi.json')
DIALECT = jsonschema.Draft202012Validator
METHODS = ('get', 'post', 'put', 'delete', 'patch', 'options', 'head', 'trace')


def _object(needed, allowed='', schemas=None):
    """An object with these members and no other; those without a schema of their own are texts."""
    texts = {name: {'type': 'string'} for name in needed.split() + allowed.split()}
    return {'type': 'object', 'required': needed.split(), 'additionalProperties': False,
            'properties': {**texts, **(schemas or {})}}


def _map(schema, names='.'):
    return {'type': 'object', 'patternProperties': {names: schema}, 'additionalProperties': False}


def _or_reference(schema):
    return {'if': {'required': ['$ref']}, 'then': _object('$ref'), 'else': schema}


# What OpenAPI 3.1.0 (4.8) allows, as far as it is used here: anything beyond it is a mistake.
FLAG, SCHEMA = {'type': 'boolean'}, {'type': 'object'}
TEXTS = {'type': 'array', 'items': {'type': 'string'}}
HEADER = _or_reference(_object('schema', 'description', {'schema': SCHEMA, 'required': FLAG}))
CONTENT = _map(_object('schema', '', {'schema': SCHEMA, 'example': True}), '^[a-z]+/[a-z+-]+$')
PARAMETER = _or_reference(_object('name in schema', 'description', {
    'schema': SCHEMA, 'required': FLAG, 'in': {'enum': ['query', 'header', 'path']}}))
PARAMETERS = {'type': 'array', 'items': PARAMETER}
RESPONSE = _or_reference(_object('description headers content', '',
                                 {'headers': _map(HEADER), 'content': CONTENT}))
SECURITY = {'type': 'array', 'items': _map(TEXTS)}
OPERATION = _object('tags operationId summary responses', 'description', {
    'tags': TEXTS, 'security': SECURITY, 'parameters': PARAMETERS,
    'requestBody': _object('content', '', {'required': FLAG, 'content': CONTENT}),
    'responses': _map(RESPONSE, '^[1-5][0-9][0-9]$')})
PATH = _object('', '', {'parameters': PARAMETERS, **{name: OPERATION for name in METHODS}})
DOCUMENT = _object('openapi info servers security tags paths components', '', {
    'openapi': {'const': '3.1.0'},
    'info': _object('title version summary description license', '',
                    {'license': _object('name', 'identifier')}),
    'servers': {'type': 'array', 'items': _object('url', 'description')},
    'security': SECURITY, 'tags': {'type': 'array', 'items': _object('name', 'description')},
    'paths': _map(PATH, '^/'),
    'components': _object('', '', {
        'securitySchemes': _map(_object('type in name', 'description',
                                        {'type': {'const': 'apiKey'}})),
        'schemas': _map(SCHEMA), 'headers': _map(HEADER), 'parameters': _map(PARAMETER),
        'responses': _map(RESPONSE)})})


def walk(value, place='#'):
    """Every object in it, with its place."""
    if isinstance(value, dict):
        yield place, value
        for name, member in value.items():
            yield from walk(member, f'{place}/{name.replace("~", "~0").replace("/", "~1")}')
    elif isinstance(value, list):
        for i, member in enumerate(value):
            yield from walk(member, f'{place}/{i}')


def close(schema):
    """The same, but that objects have no members beside those that are named."""
    if isinstance(schema, list):
        return [close(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: {key: close(one) for key, one in member.items()}
              if name == 'properties' else member if name in ('const', 'enum', 'example')
              else close(member) for name, member in schema.items()}
    if 'properties' in schema:
        closed.setdefault('additionalProperties', False)
    return closed


class Description:
    def __init__(self, text=None):
        if text is None:
            with open(FILE, encoding='utf-8') as file:
                text = file.read()
        self.text, self.document = text, json.loads(text)
        self.resolver = jsonschema.RefResolver('', close(self.document))
        self.operations = [(path, method.upper(), operation)
                           for path, item in self.document['paths'].items()
                           for method, operation in item.items() if method in METHODS]

    def follow(self, value):
        while '$ref' in value:
            found = self.document
            for name in value['$ref'][2:].split('/'):
                found = found[name.replace('~1', '/').replace('~0', '~')]
            value = found
        return value

    def errors(self, value, schema, closed=True):
        """Where a value is not as the schema says, in words."""
        validator = DIALECT(close(schema) if closed else schema, resolver=self.resolver)
        return [f'{"/".join(map(str, error.absolute_path))}: {error.message[:300]}'
                for error in validator.iter_errors(value)]

    def parameters(self, path, operation):
        return [self.follow(one) for one in self.document['paths'][path].get('parameters', []) +
                operation.get('parameters', [])]

    # --- Is it a good document? ---------------------------------------------------------------------

    def flaws(self):
        """Why it is no OpenAPI document, or one that contradicts itself."""
        found = [f'{"/".join(map(str, error.absolute_path))}: {error.message[:200]}'
                 for error in DIALECT(DOCUMENT).iter_errors(self.document)]
        found = found or self._flaws_of_references() + self._flaws_of_schemas()
        if found:
            return found
        for path, method, operation in self.operations:
            found += [f'{method} {path}: {flaw}' for flaw in self._flaws_of(path, operation)]
        names = [operation['operationId'] for _, _, operation in self.operations]
        return found + [f'two operations are {name}' for name in set(names) if names.count(name) > 1]

    def _flaws_of_references(self):
        found, used = [], set()
        for place, value in walk(self.document):
            if not isinstance(value.get('$ref', None), str):
                continue
            used.add(value['$ref'])
            try:
                self.follow(value)
            except KeyError:
                found.append(f'{place} refers to nothing: {value["$ref"]}')
        for kind in ('schemas', 'headers', 'responses', 'parameters'):
            for name in self.document['components'].get(kind, {}):
                if f'#/components/{kind}/{name}' not in used:
                    found.append(f'nothing refers to {kind}/{name}')
        return found

    def _flaws_of_schemas(self):
        found = []
        for place, value in walk(self.document):
            schemas = {place + '/schema': value['schema']} if isinstance(
                value.get('schema'), dict) else {}
            if place == '#/components/schemas':
                schemas = {f'{place}/{name}': one for name, one in value.items()}
            for where, schema in schemas.items():
                try:
                    DIALECT.check_schema(schema)
                except jsonschema.SchemaError as error:
                    found.append(f'{where}: {error.message[:200]}')
        return found

    def _flaws_of(self, path, operation):
        given = [one['name'] for one in self.parameters(path, operation) if one['in'] == 'path']
        if given != re.findall(r'\{(\w+)\}', path):
            yield f'parameters {given}'
        bodies = [('request', operation['requestBody'])] if 'requestBody' in operation else []
        bodies += [(status, self.follow(one)) for status, one in operation['responses'].items()]
        for which, body in bodies:
            for kind, media in body['content'].items():
                if 'example' not in media and media['schema'] != {'type': 'object'} and \
                        kind != 'application/problem+json':
                    yield f'{which} has no example'
                for flaw in self.errors(media['example'], media['schema']) \
                        if 'example' in media else []:
                    yield f'the example of {which}: {flaw}'
        for one in self.parameters(path, operation):
            if 'default' in one['schema'] and self.errors(one['schema']['default'], one['schema']):
                yield f'the default of {one["name"]}'

    # --- Is an answer as it says? -------------------------------------------------------------------

    def find(self, method, target):
        """(path, operation) of a request; operation None: no such method; path None: no such path."""
        target = target.split('?')[0]
        for path, item in self.document['paths'].items():
            pattern, names = '', self.parameters(path, {})
            for word in re.split(r'(\{\w+\})', path):
                schema = [self.follow(one['schema']) for one in names
                          if '{' + one['name'] + '}' == word]
                pattern += (schema[0].get('pattern', '[0-9]{1,19}').strip('^$') if schema
                            else re.escape(word))
            if re.fullmatch(pattern, target):
                return path, item.get('get' if method == 'HEAD' else method.lower())
        return None, None

    def _response(self, method, target, status):
        responses = self.document['components']['responses']
        path, operation = self.find(method, target)
        if operation and str(status) in operation['responses']:
            return self.follow(operation['responses'][str(status)])
        beside = {404: 'NotFound'} if not path else {405: 'NoMethod', 411: 'NoLength'}
        if not operation and status in beside:
            return responses[beside[status]]
        for name in ('Malformed', 'TooSlow', 'TooLarge', 'TooManyFields', 'NoSuchVersion'):
            if not operation and responses[name]['content']['application/json']['example'][
                    'status'] == status:
                return responses[name]
        return None

    def objections(self, method, target, status, fields, octets):
        """What is not as described in an answer; `fields` is asked with names in any case."""
        response = self._response(method, target, status)
        if response is None:
            return [f'{method} {target} must not answer {status}']
        found = []
        for name, header in response['headers'].items():
            header, value = self.follow(header), fields.get(name)
            if value is None:
                found += [f'{name} is missing'] if header.get('required') else []
                continue
            if header['schema']['type'] == 'integer' and value.isdigit():
                value = int(value)
            found += [f'{name}: {error}' for error in self.errors(value, header['schema'])]
        kind = fields.get('Content-Type', '').split(';')[0]
        if kind not in response['content']:
            return found + [f'Content-Type is {kind}']
        if method == 'HEAD':
            return found + (['HEAD has a body'] if octets else [])
        schema = response['content'][kind]['schema']
        if kind == 'text/event-stream':
            values = [json.loads(line[6:]) for line in octets.decode().split('\n')
                      if line.startswith('data: ')]
            schema = {'$ref': '#/components/schemas/Event'}
        elif kind == 'application/x-ndjson':
            values = [json.loads(line) for line in octets.decode().split('\n') if line]
        elif kind.endswith('json'):
            values = [json.loads(octets, parse_constant=lambda word: found.append(word))]
        else:
            values = [octets.decode()]
        for value in values:
            found += self.errors(value, schema)
        return found
