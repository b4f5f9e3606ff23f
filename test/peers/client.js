#!/usr/bin/env node
// An ESME made with the npm package `smpp`: binds, sends submits, counts receipts, prints JSON.
//
// usage: client.js --port N [OPTION VALUE]...  (the table below)
// Ends when --receipts receipts came (default: as many as parts were accepted), then asks for each
// message if told to, unbinds, and prints its result. Exit status 0 if it ended by itself with all
// of them, 1 if not.
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
	command: 'submit_sm', // submit_sm, data_sm, submit_multi (to as many as --destinations)
	destinations: 3,
	parts: 1, // of each submit_sm, by user data header
	text: 'Hello number',
	query: 0, // 1: query_sm for each message that was accepted
	'system-id': 'npm',
	password: 'secret',
	destination: '', // one number for all; default: 4917000000000 and up
	'timeout-s': 30,
});
const STATES = ['', 'ENROUTE', 'DELIVRD', 'EXPIRED', 'DELETED', 'UNDELIV', 'ACCEPTD', 'UNKNOWN', 'REJECTD'];
const result = {
	bound: false, bind_status: null, sent: 0, accepted: 0, refused: 0, statuses: {},
	receipts: 0, states: {}, unmatched: 0, before_response: 0, repeated: 0, unbound: false,
	unsuccess: 0, queried: {}, disagreed: 0, enquired: false,
};
const entries = new Map(); // message_id -> what came for it
const of = argument.command === 'submit_multi' ? argument.destinations : argument.parts;
const total = argument.command === 'submit_multi' ? argument.count : argument.count * argument.parts;
let inFlight = 0;
let state = 'running';

const session = smpp.connect({ url: `smpp://${argument.host}:${argument.port}`, auto_enquire_link_period: 0 });

function finish(status) {
	if (state === 'finished')
		return;
	state = 'finished';
	result.unmatched = [...entries.values()].filter((entry) => !entry.accepted).length;
	const done = () => {
		console.log(JSON.stringify(result));
		process.exit(status);
	};
	setTimeout(done, 2000).unref();
	if (!result.bound || session.closed)
		return done();
	session.unbind((pdu) => {
		result.unbound = pdu.command_status === 0;
		session.close(done);
	});
}

function check() {
	const wanted = argument.receipts >= 0 ? argument.receipts
		: argument.command === 'submit_multi' ? result.accepted * of - result.unsuccess : result.accepted;
	if (state !== 'running' || result.accepted + result.refused !== total || result.receipts < wanted)
		return;
	state = 'asking';
	session.enquire_link((pdu) => {
		result.enquired = pdu.command_status === 0;
		ask(argument.query ? [...entries] : []);
	});
}

// What the SMSC says of each message, and whether its receipt said the same.
function ask(left) {
	if (left.length === 0)
		return finish(0);
	const [id, entry] = left.shift();
	session.query_sm({ message_id: id, source_addr: '4930123' }, (pdu) => {
		const said = pdu.command_status === 0 ? STATES[pdu.message_state] : pdu.command_status;
		result.queried[said] = (result.queried[said] || 0) + 1;
		if (said !== entry.state || pdu.message_id !== id)
			result.disagreed++;
		ask(left);
	});
}

function entryOf(id) {
	if (!entries.has(id))
		entries.set(id, { accepted: false, receipts: 0, state: '' });
	return entries.get(id);
}

function onResponse(pdu) {
	inFlight--;
	result.statuses[pdu.command_status] = (result.statuses[pdu.command_status] || 0) + 1;
	if (pdu.command_status === 0) {
		result.accepted++;
		result.unsuccess += (pdu.unsuccess_sme || []).length;
		entryOf(pdu.message_id).accepted = true;
	} else {
		result.refused++;
	}
	pump();
	check();
}

function numberOf(n) {
	return String(argument.destination || 4917000000000 + n);
}

function parametersOf(n) {
	const message = Math.floor(n / argument.parts);
	const common = { source_addr: '4930123', registered_delivery: 1 };
	const text = `${argument.text} ${message}`;
	if (argument.command === 'data_sm')
		return { ...common, destination_addr: numberOf(n), message_payload: { message: text } };
	if (argument.command === 'submit_multi')
		return { ...common, short_message: text, dest_address: [...Array(of)].map(
			(_, i) => ({ destination_addr: numberOf(n * of + i) })) };
	if (argument.parts === 1)
		return { ...common, destination_addr: numberOf(n), short_message: text };
	const part = n % argument.parts + 1;
	return { ...common, destination_addr: numberOf(message), short_message: {
		udh: Buffer.from([5, 0, 3, message & 255, argument.parts, part]), message: `${text}/${part}` } };
}

function pump() {
	while (inFlight < argument.window && result.sent < total) {
		const n = result.sent++;
		inFlight++;
		session[argument.command](parametersOf(n), onResponse);
	}
}

session.on('deliver_sm', (pdu) => {
	const text = String(pdu.short_message.message);
	const id = pdu.receipted_message_id || (/^id:(\S+)/.exec(text) || [])[1];
	const stat = (/ stat:(\S+)/.exec(text) || [])[1];
	const entry = entryOf(id);
	result.receipts++;
	result.states[stat] = (result.states[stat] || 0) + 1;
	entry.state = stat;
	if (!entry.accepted)
		result.before_response++;
	if (++entry.receipts > (argument.command === 'submit_multi' ? of : 1))
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
