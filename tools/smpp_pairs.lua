-- For Wireshark and tshark 4.0: what SMPP PDUs have to do with one another, which its own dissector
-- does not tell. Requests and responses know one another's frames, responses their time, both the
-- window; of several PDUs in one frame each has its own. `smpp-trace read` tells the same, and more.
--
--	smpp_pairs.response     in a request: the frame of its response
--	smpp_pairs.unanswered   in a request: no response is in the capture
--	smpp_pairs.request      in a response: the frame of its request
--	smpp_pairs.rtt          in a response: time since its request
--	smpp_pairs.unasked      in a response: no request is in the capture
--	smpp_pairs.window       requests of the same session and side that are open now; those of the
--	                        session itself (bind, enquire_link, unbind) have no part in it
--
-- What only a later frame tells is known when a frame is dissected again: always in Wireshark, in
-- tshark with `-2 -R frame` (without -R it reads no fields for scripts in the first of two passes).

local pairs_of = Proto('smpp_pairs', 'SMPP request and response')
local field = {
	sequence = ProtoField.uint32('smpp_pairs.sequence_number', 'Sequence #'),
	response = ProtoField.framenum('smpp_pairs.response', 'Response in', base.NONE, frametype.RESPONSE),
	request = ProtoField.framenum('smpp_pairs.request', 'Response to', base.NONE, frametype.REQUEST),
	rtt = ProtoField.relative_time('smpp_pairs.rtt', 'Response time'),
	window = ProtoField.uint32('smpp_pairs.window', 'Window'),
	unanswered = ProtoField.bool('smpp_pairs.unanswered', 'No response'),
	unasked = ProtoField.bool('smpp_pairs.unasked', 'No request'),
}
pairs_of.fields = field

local command_ids = Field.new('smpp.command_id')
local sequence_numbers = Field.new('smpp.sequence_number')
local stream = Field.new('tcp.stream')
local interface = Field.new('frame.interface_name')
local time = Field.new('frame.time_relative')

local RESPONSE = 0x80000000
local GENERIC_NACK = 0x80000000
-- command_id of each request that has a response: does it count in the window? (SMPP 3.4, 5.1.2.1)
local in_window = {
	[0x01] = false, [0x02] = false, [0x09] = false, -- bind_receiver, _transmitter, _transceiver
	[0x06] = false, [0x15] = false, -- unbind, enquire_link
	[0x03] = true, [0x04] = true, [0x05] = true, -- query_sm, submit_sm, deliver_sm
	[0x07] = true, [0x08] = true, [0x21] = true, [0x103] = true, -- replace, cancel, multi, data
}

local frames -- by number: its PDUs, in their order
local open -- by session, side and sequence_number: a request without response so far
local windows -- by session and side: how many of them count

function pairs_of.init()
	frames, open, windows = {}, {}, {}
end

-- The session: a TCP connection, or the interface, LINK#NUMBER, that smpp-trace wrote for it.
local function session_of(pinfo)
	local number, name = stream(), interface()
	return number and 'tcp ' .. number.value or name and name.value or ''
end

local function side(session, address, port)
	return session .. ' ' .. tostring(address) .. ' ' .. port
end

local function close(pdu)
	open[pdu.key] = nil
	if in_window[pdu.command_id] then
		windows[pdu.asker] = windows[pdu.asker] - 1
	end
end

local function learn_request(pdu)
	if open[pdu.key] then -- the number is used again before its response
		close(open[pdu.key])
	end
	open[pdu.key] = pdu
	windows[pdu.asker] = (windows[pdu.asker] or 0) + (in_window[pdu.command_id] and 1 or 0)
	pdu.window = windows[pdu.asker]
end

local function learn_response(pdu)
	local request = open[pdu.key]
	if request and (pdu.command_id == GENERIC_NACK or pdu.command_id == request.command_id + RESPONSE) then
		close(request)
		request.response = pdu
		pdu.request = request
		pdu.window = windows[request.asker]
	end
end

-- The PDUs of a frame, which is seen for the first time.
local function learn(pinfo)
	local pdus, session, numbers = {}, session_of(pinfo), { sequence_numbers() }
	local from, to = side(session, pinfo.src, pinfo.src_port), side(session, pinfo.dst, pinfo.dst_port)
	for i, command_id in ipairs({ command_ids() }) do
		local pdu = {
			command_id = command_id.value, sequence = numbers[i].value,
			frame = pinfo.number, at = time().value,
		}
		pdu.asker = pdu.command_id < RESPONSE and from or to
		pdu.key = pdu.asker .. ' ' .. pdu.sequence
		pdus[i] = pdu
		if pdu.command_id >= RESPONSE then
			learn_response(pdu)
		elseif in_window[pdu.command_id] ~= nil then
			learn_request(pdu)
		end
	end
	return pdus
end

local function show(pdu, tree, again)
	local part = tree:add(pairs_of)
	local function tell(name, value)
		if value ~= nil then
			part:add(field[name], value):set_generated()
		end
	end
	tell('sequence', pdu.sequence)
	tell('window', pdu.window)
	if pdu.request then
		tell('request', pdu.request.frame)
		tell('rtt', pdu.at - pdu.request.at)
	elseif pdu.response then
		tell('response', pdu.response.frame)
	elseif pdu.command_id >= RESPONSE then
		tell('unasked', true)
	elseif again and in_window[pdu.command_id] ~= nil then
		tell('unanswered', true)
	end
end

function pairs_of.dissector(_, pinfo, tree)
	local again = frames[pinfo.number] ~= nil
	if not again and command_ids() then
		frames[pinfo.number] = learn(pinfo)
	end
	for _, pdu in ipairs(frames[pinfo.number] or {}) do
		show(pdu, tree, again)
	end
end

register_postdissector(pairs_of)
