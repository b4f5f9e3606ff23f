#!/usr/bin/env node
// An ESME made with the npm package `smpp`: binds, sends submits, counts receipts, prints JSON.
//
// usage: client.js --port N [--host H] [--count N] [--window N] [--receipts N] [--bind KIND]
//                  [--system-id ID] [--password WORD] [--destination DIGITS] [--timeout-s N]
// Ends when --receipts receipts came (default: as many as submits were accepted) or at the
// timeout. Exit status 0 if it ended by itself with all of them, 1 if not.
'use strict';
const smpp = require('smpp');
const { options } = require('./options');

const argument = options({
	host: '127.0.0.1',
	port: 0,
	count: 100,
	window: 10,
	receipts: -1,
	bind: 'transceiver',
	'system-id': 'npm',
	password: 'secret',
	destination: '', // one number for all; default: 4917000000000 and up
	'timeout-s': 30,
});
const result = {
	bound: false, bind_status: null, sent: 0, accepted: 0, refused: 0, statuses: {},
	receipts: 0, states: {}, unmatched: 0, before_response: 0, repeated: 0, unbound: false,
};
const ids = new Map(); // message_id -> receipts that came for it
let inFlight = 0;
let finished = false;

const session = smpp.connect({ url: `smpp://${argument.host}:${argument.port}`, auto_enquire_link_period: 0 });

function finish(status) {
	if (finished)
		return;
	finished = true;
	result.unmatched = [...ids.values()].filter((entry) => !entry.accepted).length;
	const done = () => {
		console.log(JSON.stringify(result));
		process.exit(status);
	};
	setTimeout(done, 2000).unref();
	if (!result.bound || session.closed)
		return done();
	session.unbind(() => {
		result.unbound = true;
		session.close(done);
	});
}

function check() {
	const wanted = argument.receipts >= 0 ? argument.receipts : result.accepted;
	if (result.accepted + result.refused === argument.count && result.receipts >= wanted)
		finish(0);
}

function entryOf(id) {
	if (!ids.has(id))
		ids.set(id, { accepted: false, receipts: 0 });
	return ids.get(id);
}

function onResponse(pdu) {
	inFlight--;
	result.statuses[pdu.command_status] = (result.statuses[pdu.command_status] || 0) + 1;
	if (pdu.command_status === 0) {
		result.accepted++;
		entryOf(pdu.message_id).accepted = true;
	} else {
		result.refused++;
	}
	pump();
	check();
}

function pump() {
	while (inFlight < argument.window && result.sent < argument.count) {
		const n = result.sent++;
		inFlight++;
		session.submit_sm({
			source_addr: '4930123',
			destination_addr: String(argument.destination || 4917000000000 + n),
			registered_delivery: 1,
			short_message: `Hello number ${n}`,
		}, onResponse);
	}
}

session.on('deliver_sm', (pdu) => {
	const text = String(pdu.short_message.message);
	const id = pdu.receipted_message_id || (/^id:(\S+)/.exec(text) || [])[1];
	const stat = (/ stat:(\S+)/.exec(text) || [])[1];
	const entry = entryOf(id);
	result.receipts++;
	result.states[stat] = (result.states[stat] || 0) + 1;
	if (!entry.accepted)
		result.before_response++;
	if (++entry.receipts > 1)
		result.repeated++;
	session.send(pdu.response());
	check();
});
session.on('enquire_link', (pdu) => session.send(pdu.response()));
session.on('unbind', (pdu) => session.send(pdu.response()));
session.on('error', (error) => {
	result.error = error.message;
	finish(1);
});
session.on('close', () => finish(1));
session.on('connect', () => {
	session[`bind_${argument.bind}`]({
		system_id: argument['system-id'],
		password: argument.password,
		interface_version: 0x34,
	}, (pdu) => {
		result.bind_status = pdu.command_status;
		result.bound = pdu.command_status === 0;
		if (!result.bound)
			return finish(1);
		pump();
		check();
	});
});
setTimeout(finish, argument['timeout-s'] * 1000, 1).unref();
