#!/usr/bin/env node
// An SMSC made with the npm package `smpp`: a far end that shares no line with this project.
// Responses carry hex message ids, receipts the same numbers in decimal, padded with zeros.
//
// usage: server.js [OPTION VALUE]...  (the table below)
// First line: listening on HOST:PORT. SIGUSR1 prints one line of JSON, SIGTERM does and ends it.
'use strict';
const smpp = require('smpp');
const { options } = require('./options');

const argument = options({
	host: '127.0.0.1',
	port: 0,
	'delay-ms': 20,
	'failed-every': 10, // each nth message is UNDELIV; 0: none
	receipts: 1, // 0: none is sent, only a query tells
	'receipt-by': 'deliver_sm', // or data_sm: text in message_payload, id and state in TLVs
	'enquire-ms': 0, // ask each link that often whether it lives; 0: never
	'unbind-after': 0, // that many submits, once, while the others run
	keep: 0, // tell what was read of that many submits
	mo: 0, // 1: each link is given messages from a handset, alone and in parts
	'system-id': '',
	password: '',
});
const REDELIVER_MS = 500;
const ID_WIDTH = 12;

const stats = { sessions: 0, submits: 0, receipts_sent: 0, receipts_acked: 0, delivered: 0, failed: 0,
	multis: 0, queries: 0, cancels: 0, enquired: 0, alive: 0, unbinds: 0, unbound: 0, unbind_resps: 0, mo_sent: 0, mo_acked: 0, kept: [] };
const taken = new Map(); // messages by the id that their response gave
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

function receiptOf(message) {
	if (argument['receipt-by'] === 'deliver_sm')
		return { short_message: receiptText(message) };
	return {
		message_payload: { message: receiptText(message) },
		receipted_message_id: message.id.toString(16),
		message_state: message.failed ? 5 : 2,
	};
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
	session[argument['receipt-by']]({
		source_addr: message.destination,
		destination_addr: message.source,
		esm_class: 4,
		...receiptOf(message),
	}, (pdu) => {
		session.removeListener('close', again);
		if (pdu.command_status !== 0)
			return again();
		settled = true;
		stats.receipts_acked++;
	});
}

function keep(pdu) {
	const { message, udh } = pdu.short_message;
	stats.kept.push({
		destination: pdu.destination_addr,
		data_coding: pdu.data_coding,
		esm_class: pdu.esm_class,
		udh: (udh || []).map((element) => element.toString('hex')),
		text: String(message),
	});
}

function unbind(session) {
	receivers.delete(session);
	stats.unbinds++;
	session.unbind((pdu) => {
		stats.unbind_resps += pdu.command_status === 0;
		session.close();
	});
}

// One message alone in each alphabet, and one in three parts of which the last comes first.
function fromHandset(session) {
	const addresses = { source_addr_ton: 1, source_addr_npi: 1, source_addr: '491701234567',
		destination_addr: 'ACME' };
	const part = (n) => ({ short_message: { udh: Buffer.from([5, 0, 3, 0x2a, 3, n]),
		message: `\u0447\u0430\u0441\u0442\u044c ${n};` }, data_coding: 8 });
	for (const message of [{ short_message: 'Hello from a handset', data_coding: 0 },
		{ short_message: '\u041f\u0440\u0438\u0432\u0435\u0442', data_coding: 8 }, part(3), part(1), part(2)]) {
		stats.mo_sent++;
		session.deliver_sm({ ...addresses, ...message }, (pdu) => {
			stats.mo_acked += pdu.command_status === 0;
		});
	}
}

function onBound(session) {
	receivers.add(session);
	if (argument.mo)
		fromHandset(session);
	if (argument['enquire-ms'] === 0)
		return;
	const asking = setInterval(() => {
		stats.enquired++;
		session.enquire_link((pdu) => {
			stats.alive += pdu.command_status === 0;
		});
	}, argument['enquire-ms']);
	session.on('close', () => clearInterval(asking));
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
	if (stats.kept.length < argument.keep)
		keep(pdu);
	taken.set(message.id.toString(16), message);
	session.send(pdu.response({ message_id: message.id.toString(16) }));
	if (n === argument['unbind-after'])
		unbind(session);
	if (argument.receipts && pdu.registered_delivery & 3)
		setTimeout(deliver, argument['delay-ms'], message);
}

// One id for all; those whose number ends in 7 are refused.
function onSubmitMulti(session, pdu) {
	const id = nextId++;
	const refused = [];
	stats.multis++;
	for (const { destination_addr: destination } of pdu.dest_address) {
		stats.submits++;
		if (destination.endsWith('7')) {
			refused.push({ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: destination,
				error_status_code: smpp.ESME_RINVDSTADR });
			stats.failed++;
			continue;
		}
		stats.delivered++;
		setTimeout(deliver, argument['delay-ms'], { id, session, source: pdu.source_addr, destination,
			text: '', failed: false });
	}
	session.send(pdu.response({ message_id: id.toString(16), unsuccess_sme: refused }));
}

function onQuery(session, pdu) {
	const message = taken.get(pdu.message_id);
	stats.queries++;
	session.send(pdu.response(message ? { message_id: pdu.message_id, message_state: message.failed ? 5 : 2 } :
		{ command_status: smpp.ESME_RQUERYFAIL }));
}

function onCancel(session, pdu) {
	stats.cancels++;
	session.send(pdu.response({ command_status: smpp.ESME_RCANCELFAIL }));
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
				onBound(session);
		});
	}
	session.on('submit_sm', (pdu) => onSubmit(session, pdu));
	session.on('submit_multi', (pdu) => onSubmitMulti(session, pdu));
	session.on('query_sm', (pdu) => onQuery(session, pdu));
	session.on('cancel_sm', (pdu) => onCancel(session, pdu));
	session.on('enquire_link', (pdu) => session.send(pdu.response()));
	session.on('unbind', (pdu) => {
		receivers.delete(session);
		stats.unbound++;
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
process.on('SIGUSR1', () => console.log(JSON.stringify(stats)));
for (const signal of ['SIGTERM', 'SIGINT']) {
	process.on(signal, () => {
		console.log(JSON.stringify(stats));
		process.exit(0);
	});
}
