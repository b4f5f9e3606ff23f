-- For Wireshark and tshark 4.0: SMPP in TLS, on any port, where a key log (tls.keylog_file) or a private
-- key opens it. Wireshark's own dissectors decrypt the octets and then do not know what they are.

local in_tls = Proto('smpp_tls', 'SMPP in TLS')
local smpp = Dissector.get('smpp')

local HEADER_OCTETS = 16
local RESPONSE = 0x80000000
local PDU_OCTETS_MAX = 1048576 -- a command_length above this is none
local commands = { -- SMPP 3.4, 5.1.2.1; without the bit of a response
	[0x00] = true, [0x01] = true, [0x02] = true, [0x03] = true, [0x04] = true, [0x05] = true,
	[0x06] = true, [0x07] = true, [0x08] = true, [0x09] = true, [0x0B] = true, [0x15] = true,
	[0x21] = true, [0x102] = true, [0x103] = true,
}
local known -- connections whose first octets were a header: what follows may be cut anywhere

function in_tls.init()
	known = {}
end

local function connection_of(pinfo)
	local ends = {
		tostring(pinfo.src) .. ' ' .. pinfo.src_port, tostring(pinfo.dst) .. ' ' .. pinfo.dst_port,
	}
	table.sort(ends)
	return table.concat(ends, ' ')
end

local function is_header(tvb)
	if tvb:reported_len() < HEADER_OCTETS then
		return false
	end
	local length, command_id, status = tvb(0, 4):uint(), tvb(4, 4):uint(), tvb(8, 4):uint()
	return length >= HEADER_OCTETS and length <= PDU_OCTETS_MAX and commands[command_id % RESPONSE]
		and (command_id >= RESPONSE or status == 0)
end

in_tls:register_heuristic('tls', function(tvb, pinfo, tree)
	local connection = connection_of(pinfo)
	if not known[connection] and not is_header(tvb) then
		return false
	end
	known[connection] = true
	if tvb:len() < HEADER_OCTETS then -- it would not ask for the rest of a header
		pinfo.desegment_offset, pinfo.desegment_len = 0, DESEGMENT_ONE_MORE_SEGMENT
	else
		pinfo.can_desegment = 2 -- one less in each dissector: it may ask for the rest of a PDU
		smpp:call(tvb, pinfo, tree)
	end
	return true
end)
