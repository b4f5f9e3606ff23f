#!/usr/bin/env node
// An SMSC made with the npm package `smpp`: a far end that shares no line with this project.
// Responses carry hex message ids, receipts the same numbers in decimal, padded with zeros.
//
// usage: server.js [--host H] [--port N] [--delay-ms N] [--failed-every N] [--system-id ID]
//                  [--password WORD]
// First line: listening on HOST:PORT. SIGTERM prints one line of JSON and ends it.
'use strict';
const smpp = require('smpp');
const { options } = require('./options');

const argument = options({
	host: '127.0.0.1',
	port: 0,
	'delay-ms': 20,
	'failed-every': 10, // each nth message is UNDELIV; 0: none
	'system-id': '',
	password: '',
});
const REDELIVER_MS = 500;
const ID_WIDTH = 12;

const stats = { sessions: 0, submits: 0, receipts_sent: 0, receipts_acked: 0, delivered: 0, failed: 0 };
const receivers = new Set(); // sessions that are bound to receive
let nextId = 0xa0000001;

function date(d) {
	return d.toISOString().replace(/\D/g, '').slice(2, 12);
}

function receiptText(message) {
	const id = String(message.id).padStart(ID_WIDTH, '0');
	const now = date(new Date());
	return `id:${id} sub:001 dlvrd:${message.failed ? '000' : '001'} submit date:${now} ` +
		`done date:${now} stat:${message.failed ? 'UNDELIV' : 'DELIVRD'} ` +
		`err:${message.failed ? '001' : '000'} text:${message.text}`;
}

// Sends a receipt on the message's session or, when that is gone, on any other; until it is acked.
function deliver(message) {
	const session = receivers.has(message.session) ? message.session : [...receivers][0];
	let settled = false;
	const again = () => {
		if (!settled) {
			settled = true;
			setTimeout(deliver, REDELIVER_MS, message);
		}
	};
	if (!session)
		return again();
	stats.receipts_sent++;
	session.once('close', again);
	session.deliver_sm({
		source_addr: message.destination,
		destination_addr: message.source,
		esm_class: 4,
		short_message: receiptText(message),
	}, (pdu) => {
		session.removeListener('close', again);
		if (pdu.command_status !== 0)
			return again();
		settled = true;
		stats.receipts_acked++;
	});
}

function onSubmit(session, pdu) {
	const n = ++stats.submits;
	const every = argument['failed-every'];
	const message = {
		id: nextId++,
		session,
		source: pdu.source_addr,
		destination: pdu.destination_addr,
		text: String(pdu.short_message.message || '').slice(0, 20),
		failed: every > 0 && n % every === 0,
	};
	stats[message.failed ? 'failed' : 'delivered']++;
	session.send(pdu.response({ message_id: message.id.toString(16) }));
	if (pdu.registered_delivery & 3)
		setTimeout(deliver, argument['delay-ms'], message);
}

function bindStatus(pdu) {
	if (argument['system-id'] && pdu.system_id !== argument['system-id'])
		return smpp.ESME_RINVSYSID;
	if (argument.password && pdu.password !== argument.password)
		return smpp.ESME_RINVPASWD;
	return smpp.ESME_ROK;
}

function onSession(session) {
	stats.sessions++;
	session.setMaxListeners(0);
	session.socket.setNoDelay(true);
	for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
		session.on(command, (pdu) => {
			const command_status = bindStatus(pdu);
			session.send(pdu.response({ command_status, system_id: 'npm-smpp' }));
			if (command_status === 0 && command !== 'bind_transmitter')
				receivers.add(session);
		});
	}
	session.on('submit_sm', (pdu) => onSubmit(session, pdu));
	session.on('enquire_link', (pdu) => session.send(pdu.response()));
	session.on('unbind', (pdu) => {
		receivers.delete(session);
		session.send(pdu.response());
		session.close();
	});
	session.on('close', () => receivers.delete(session));
	session.on('error', () => receivers.delete(session));
}

const server = smpp.createServer({}, onSession);
server.on('error', (error) => {
	console.error(`server.js: ${error.message}`);
	process.exit(1);
});
server.listen(argument.port, argument.host, () => {
	console.log(`listening on ${argument.host}:${server.address().port}`);
});
for (const signal of ['SIGTERM', 'SIGINT']) {
	process.on(signal, () => {
		console.log(JSON.stringify(stats));
		process.exit(0);
	});
}
