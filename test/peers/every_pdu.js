#!/usr/bin/env node
// Both ends of a session in which each PDU of SMPP 3.4 passes in each direction it may, with each
// of its TLVs, texts in all alphabets and parts, and answers that refuse. Made with the npm package
// `smpp`: not one octet of it comes from this project.
//
// usage: every_pdu.js TLVS
// TLVS is test/vectors/smpp34/tlvs.tsv. First line: listening on HOST:PORT. Then a line on standard
// input is the port to call, which may be that of somebody in between who listens. Exit status 0
// when everything was said and answered; the last line tells of it as JSON.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

const PATIENCE_MS = 20000;
const CONCAT_8 = (part) => Buffer.from([5, 0, 3, 0x2a, 2, part]);
const CONCAT_16 = (part) => Buffer.from([6, 8, 4, 0x12, 0x34, 2, part]);
const RECEIPT = 'id:0123456789 sub:001 dlvrd:001 submit date:2611201530 done date:2611201531 ' +
	'stat:DELIVRD err:000 text:Hello';
const said = { requests: 0, answers: 0, unanswered: [] };

// --- TLVs: each as raw octets under a name of its own, so that only its number is the library's ---

const rows = fs.readFileSync(process.argv[2], 'utf8').trim().split('\n').slice(1).map((line) => {
	const [name, tag, type, min, max, repeats, pdus] = line.split('\t');
	return { name, type, tag: Number(tag), min: Number(min), max: Number(max), repeats: repeats === 'y',
		pdus: pdus.split(',') };
});

for (const row of rows)
	smpp.addTLV('raw_' + row.name, { id: row.tag, type: smpp.types.tlv.buffer, multiple: row.repeats });
smpp.addTLV('raw_vendor', { id: 0x1454, type: smpp.types.tlv.buffer });

function value(row) {
	const n = Math.min(row.max, Math.max(row.min, 5));
	return row.type === 'C-Octet String' ? Buffer.from('abcd\0') : Buffer.from(Array.from({ length: n }, (_, i) => i + 1));
}

// All TLVs that a PDU may carry, but for those of a long message.
function tlvs(pdu, except = ['message_payload']) {
	const result = {};
	for (const row of rows) {
		if (row.pdus.includes(pdu) && !except.includes(row.name))
			result['raw_' + row.name] = row.repeats ? [value(row), value(row)] : value(row);
	}
	return { ...result, raw_vendor: Buffer.from([0xde, 0xad]) };
}

// --- Asking and answering ------------------------------------------------------------------------

function ask(session, command, parameters = {}) {
	said.requests++;
	return new Promise((resolve, reject) => {
		const late = setTimeout(() => {
			said.unanswered.push(command);
			reject(new Error(`no answer to ${command}`));
		}, PATIENCE_MS);
		session[command](parameters, (pdu) => {
			clearTimeout(late);
			said.answers++;
			resolve(pdu);
		});
	});
}

function answerOf(pdu) {
	const text = pdu.short_message && String(pdu.short_message.message);
	const [, status] = /^status:(\d+)/.exec(text) || [];
	if (status)
		return { command_status: Number(status) };
	switch (pdu.command) {
	case 'bind_transceiver':
	case 'bind_transmitter':
	case 'bind_receiver':
		return pdu.password === 'wrong' ? { command_status: smpp.ESME_RINVPASWD }
			: { system_id: 'every', raw_sc_interface_version: Buffer.from([0x34]) };
	case 'submit_sm':
		return { message_id: '0a1b2c3d' };
	case 'submit_multi':
		return { message_id: '42', unsuccess_sme: pdu.dest_address.slice(0, 2).map(
			(to) => ({ ...to, destination_addr: to.destination_addr || '1', error_status_code: 11 })) };
	case 'data_sm':
		return { message_id: '', ...tlvs('data_sm_resp') };
	case 'query_sm':
		return { message_id: pdu.message_id, final_date: '2611201530000400+'.slice(0, 16),
			message_state: 2, error_code: 3 };
	default:
		return {};
	}
}

function answerAll(session) {
	session.on('pdu', (pdu) => {
		if (!pdu.isResponse() && !['outbind', 'alert_notification'].includes(pdu.command))
			session.send(pdu.response(answerOf(pdu)));
	});
	session.on('error', () => {});
}

// --- What is said ----------------------------------------------------------------------------------

const NUMBERS = { source_addr_ton: 5, source_addr_npi: 0, source_addr: 'ACME',
	dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491701234567' };
const FROM = { source_addr_ton: 1, source_addr_npi: 1, source_addr: '491701234567',
	dest_addr_ton: 5, dest_addr_npi: 0, destination_addr: 'ACME' };

function* submits() {
	yield { short_message: 'Hello' };
	yield { short_message: '' };
	yield { short_message: 'Gr\u00fc\u00dfe [\u20ac] ~|^ @', data_coding: 0 };
	yield { short_message: '\u041f\u0440\u0438\u0432\u0435\u0442 \ud83d\ude00', data_coding: 8 };
	yield { short_message: 'caf\u00e9', data_coding: 3 };
	yield { short_message: Buffer.from([0, 1, 0xfe, 0xff]), data_coding: 4 };
	for (const part of [1, 2]) {
		yield { short_message: { udh: CONCAT_8(part), message: `part ${part}` }, data_coding: 0 };
		yield { short_message: { udh: CONCAT_16(part), message: `\u0447\u0430\u0441\u0442\u044c ${part}` },
			data_coding: 8 };
		yield { short_message: `sar ${part}`, raw_sar_msg_ref_num: Buffer.from([1, 2]),
			raw_sar_total_segments: Buffer.from([2]), raw_sar_segment_seqnum: Buffer.from([part]) };
	}
	yield { short_message: '', message_payload: 'p'.repeat(600), data_coding: 0 };
	yield { short_message: 'x'.repeat(254), data_coding: 0 };
	yield { service_type: 'CMT', esm_class: 0x83, protocol_id: 0x41, priority_flag: 3,
		schedule_delivery_time: '261201120000004+', validity_period: '000001000000000R',
		registered_delivery: 0x1e, replace_if_present_flag: 1, data_coding: 0xf1,
		sm_default_msg_id: 7, short_message: Buffer.from('all') };
	yield { short_message: 'with TLVs', ...tlvs('submit_sm') };
	for (const status of [1, 8, 11, 20, 69, 88, 102, 255, 1025, 0x7fffffff])
		yield { short_message: `status:${status}` };
}

async function fromEsme(session) {
	await ask(session, 'bind_transceiver', { system_id: 'esme', password: 'secret', system_type: 'test',
		interface_version: 0x34, addr_ton: 1, addr_npi: 1, address_range: '^49' });
	for (const submit of submits())
		await ask(session, 'submit_sm', { ...NUMBERS, registered_delivery: 1, ...submit });
	await ask(session, 'submit_multi', { ...NUMBERS, short_message: 'many', dest_address: [
		{ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491701' }, { dl_name: 'a list' },
		{ dest_addr_ton: 2, dest_addr_npi: 8, destination_addr: '0170' }], ...tlvs('submit_multi') });
	await ask(session, 'data_sm', { ...NUMBERS, registered_delivery: 1, ...tlvs('data_sm', []) });
	await ask(session, 'query_sm', { ...NUMBERS, message_id: '0a1b2c3d' });
	await ask(session, 'cancel_sm', { ...NUMBERS, service_type: 'CMT', message_id: '0a1b2c3d' });
	await ask(session, 'replace_sm', { ...NUMBERS, message_id: '0a1b2c3d', short_message: 'better',
		schedule_delivery_time: '', validity_period: '000000010000000R', registered_delivery: 1 });
	await ask(session, 'enquire_link');
	await unknown(session);
}

// A command that nobody knows draws a generic_nack.
function unknown(session) {
	const octets = Buffer.alloc(20);
	octets.writeUInt32BE(20, 0);
	octets.writeUInt32BE(0x0000010a, 4);
	octets.writeUInt32BE(0x7fffff01, 12);
	said.requests++;
	return new Promise((resolve) => {
		session.once('generic_nack', () => {
			said.answers++;
			resolve();
		});
		session.socket.write(octets);
	});
}

async function fromSmsc(session) {
	await ask(session, 'deliver_sm', { ...FROM, esm_class: 4, short_message: Buffer.from(RECEIPT),
		raw_receipted_message_id: Buffer.from('0123456789\0'), raw_message_state: Buffer.from([2]),
		raw_network_error_code: Buffer.from([3, 0, 0x15]) });
	await ask(session, 'deliver_sm', { ...FROM, short_message: { udh: CONCAT_8(1), message:
		'\u043e\u0442\u0432\u0435\u0442' }, data_coding: 8 });
	await ask(session, 'deliver_sm', { ...FROM, short_message: 'all of them', ...tlvs('deliver_sm') });
	await ask(session, 'data_sm', { ...FROM, esm_class: 4, message_payload: { message: RECEIPT },
		raw_message_state: Buffer.from([5]), raw_receipted_message_id: Buffer.from('77\0') });
	session.alert_notification({ source_addr_ton: 1, source_addr_npi: 1, source_addr: '491701234567',
		esme_addr_ton: 5, esme_addr_npi: 0, esme_addr: 'ACME',
		raw_ms_availability_status: Buffer.from([1]) });
	// Several PDUs at once.
	await Promise.all([...Array(6)].map((_, i) => ask(session, i % 2 ? 'enquire_link' : 'deliver_sm',
		i % 2 ? {} : { ...FROM, short_message: `together ${i}` })));
}

async function connected(port) {
	const session = smpp.connect({ url: `smpp://127.0.0.1:${port}`, auto_enquire_link_period: 0 });
	answerAll(session);
	await new Promise((resolve, reject) => {
		session.on('connect', resolve);
		session.on('error', reject);
	});
	return session;
}

async function closed(session) {
	await new Promise((resolve) => session.close(resolve));
}

async function everything(server, port) {
	const far = new Promise((resolve) => server.once('session', resolve));
	const session = await connected(port);
	const smsc = await far;
	smsc.outbind({ system_id: 'smsc', password: 'outbind' });
	await fromEsme(session);
	await fromSmsc(smsc);
	await ask(smsc, 'unbind');
	await closed(session);
	for (const kind of ['bind_transmitter', 'bind_receiver', 'bind_transceiver']) {
		const other = await connected(port);
		await ask(other, kind, { system_id: 'esme', password: 'wrong', interface_version: 0x34 });
		await ask(other, kind, { system_id: 'esme', password: 'right', interface_version: 0x34 });
		await ask(other, 'unbind');
		await closed(other);
	}
}

const server = smpp.createServer({}, answerAll);
server.listen(0, '127.0.0.1', () => {
	console.log(`listening on 127.0.0.1:${server.address().port}`);
	readline.createInterface({ input: process.stdin }).once('line', (port) => {
		everything(server, Number(port)).then(() => {
			console.log(JSON.stringify(said));
			process.exit(0);
		}, (error) => {
			console.error(error);
			process.exit(1);
		});
	});
});
