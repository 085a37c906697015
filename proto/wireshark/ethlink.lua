-- SPDX-License-Identifier: BSD-3-Clause
-- Wireshark and tshark dissector for EthLink data and link control frames.
--
--   tshark -X lua_script:ethlink.lua -r capture.pcap -V
--   or put this file into the folder that Help > About > Folders calls "Personal Lua Plugins".
--
-- EthLink overlays the Ethernet addresses, and a dissector behind the EtherType does not see those.
-- So this one stands in front of Wireshark's Ethernet and hands it every frame that is not ours.
--
-- Display filters that are often wanted:
--   ethlink.drop                                                    what a receiver refuses
--   ethlink.drop == "bad_icrc"                                      and why: names as of counters
--   _ws.expert.group == "Malformed"                                 lengths, counts, sets, items
--   ethlink.item.address == 0x1000                                  who reads or writes there
--   ethlink.link.eligible == 1 && ethlink.link.seq == 77            one place in an LLR sequence
--
-- Layout: docs/protocol.md and proto/wire/*.h.

local WTAP_ENCAP_ETHERNET = 1
local TYPE_VLAN = 0x8100
local OEFH_SIZE = 14
local LINK_WORD = 8
local ETHERNET_MIN = 60
local FRAME_MIN = 32 -- OEFH 14, network 2, transaction 12, ICRC 4; of control frames, too
local CONTROL_BODY = 20
local CRC_SIZE = 4
local CONTROL_ADDRESSES = "\x01\x80\xC2\x00\x00\x0E\x02\x00"

local TXN_SIZE = 12
local OPCODES = {
    [0x00] = "invalid",
    [0x01] = "request",
    [0x02] = "response",
    [0x03] = "ack",
    [0x04] = "nack",
    [0x05] = "open",
    [0x06] = "opened",
    [0x07] = "reset",
    [0x3F] = "test",
}
local REQUEST, RESPONSE, ACK, NACK, OPEN, OPENED, RESET = 1, 2, 3, 4, 5, 6, 7
local NACK_REASONS = {[1] = "gap", [2] = "no_receive", [3] = "no_room"}
local RESET_REASONS = {[1] = "unknown_channel", [2] = "no_room", [3] = "closed"}
local CLASSES = {[0] = "load_store", [1] = "rdma"}
local ITEMS = {
    [0x00] = "invalid",
    [0x01] = "load",
    [0x02] = "store",
    [0x03] = "atomic",
    [0x10] = "write",
    [0x11] = "read",
    [0x12] = "send",
    [0x81] = "done",
    [0x82] = "data",
    [0x83] = "read_data",
}
local LOAD, STORE, ATOMIC, WRITE, READ, SEND = 0x01, 0x02, 0x03, 0x10, 0x11, 0x12
local DONE, DATA, READ_DATA = 0x81, 0x82, 0x83
local ATOMICS = {
    [0] = "fetch_add", [1] = "swap", [2] = "compare_swap",
    [3] = "fetch_and", [4] = "fetch_or", [5] = "fetch_xor",
}
local COMPARE_SWAP = 2
local TXN_STATUS = {
    [0] = "ok", [1] = "remote_access", [2] = "timeout", [3] = "peer_restarted",
    [4] = "unreachable", [5] = "cancelled", [6] = "invalid", [7] = "no_receive",
    [8] = "too_long", [9] = "closed",
}
local ITEM_HEAD, ITEM_WHERE = 4, 16
local ITEM_LAST, ITEM_IMMEDIATE, ITEM_ERROR = 1, 2, 4
local LOAD_STORE_MAX = 256
local MESSAGE_MAX = 2 ^ 30
local KIND_SETS, KIND_CC_UPDATE, KIND_HELLO = 1, 2, 3
local KINDS = {[KIND_SETS] = "ordered sets", [KIND_CC_UPDATE] = "CC_Update",
    [KIND_HELLO] = "hello"}
local ELEMENT_SIZE = {[KIND_SETS] = 8, [KIND_CC_UPDATE] = 3, [KIND_HELLO] = 32}
local COUNT_MIN = {[KIND_SETS] = 1, [KIND_CC_UPDATE] = 1, [KIND_HELLO] = 0}
local COUNT_MAX = {[KIND_SETS] = 40, [KIND_CC_UPDATE] = 32, [KIND_HELLO] = 8}
local HEAD_SIZE = {[KIND_SETS] = 0, [KIND_CC_UPDATE] = 0, [KIND_HELLO] = 34}
local SETS = {
    [0x01] = "LLR_ACK",
    [0x02] = "LLR_NACK",
    [0x03] = "LLR_INIT",
    [0x04] = "LLR_INIT_ECHO",
    [0x10] = "CF_Update",
}
local SET_CF_UPDATE = 0x10
local VCS_MAX = 32
local STATUS = {[0] = "Bad", [1] = "Good"}

local ethlink = Proto("ethlink", "EthLink")
ethlink.prefs.data_type = Pref.uint("EtherType of data frames", 0x88B5)
ethlink.prefs.control_type = Pref.uint("EtherType of link control frames", 0x88B6)

-- Fields ---------------------------------------------------------------------------------------

local f = {
    dst = ProtoField.uint16("ethlink.dst", "Dst GPU-ID"),
    length = ProtoField.uint16("ethlink.length", "Total Length"),
    entropy = ProtoField.uint16("ethlink.entropy", "Entropy"),
    src = ProtoField.uint16("ethlink.src", "Src GPU-ID"),
    link = ProtoField.uint32("ethlink.link", "Link word", base.HEX),
    eligible = ProtoField.bool("ethlink.link.eligible", "LLR-eligible", 32, nil, 0x80000000),
    poisoned = ProtoField.bool("ethlink.link.poisoned", "Poisoned", 32, nil, 0x40000000),
    vc = ProtoField.uint32("ethlink.link.vc", "VC", base.DEC, nil, 0x3E000000),
    session = ProtoField.uint32("ethlink.link.session", "Session", base.DEC, nil, 0x01F00000),
    seq = ProtoField.uint32("ethlink.link.seq", "Sequence", base.DEC, nil, 0x000FFFFF),
    tpid = ProtoField.uint16("ethlink.vlan.tpid", "VLAN tag", base.HEX),
    pcp = ProtoField.uint16("ethlink.vlan.pcp", "PCP", base.DEC, nil, 0xE000),
    dei = ProtoField.bool("ethlink.vlan.dei", "DEI", 16, nil, 0x1000),
    vid = ProtoField.uint16("ethlink.vlan.vid", "VID (tenant)", base.DEC, nil, 0x0FFF),
    type = ProtoField.uint16("ethlink.type", "EtherType", base.HEX),
    ar = ProtoField.bool("ethlink.net.ar", "Adaptive routing", 16, nil, 0x8000),
    reserved = ProtoField.uint16("ethlink.net.reserved", "Reserved", base.DEC, nil, 0x7000),
    ttl = ProtoField.uint16("ethlink.net.ttl", "TTL", base.DEC, nil, 0x0F00),
    dscp = ProtoField.uint16("ethlink.net.dscp", "DSCP", base.DEC, nil, 0x00FC),
    ecn = ProtoField.uint16("ethlink.net.ecn", "ECN", base.DEC, nil, 0x0003),
    opcode = ProtoField.uint8("ethlink.txn.opcode", "Opcode", base.HEX, OPCODES),
    txn_version = ProtoField.uint8("ethlink.txn.version", "Version", base.DEC, nil, 0xC0),
    flags = ProtoField.uint8("ethlink.txn.flags", "Flags", base.HEX, nil, 0x3F),
    channel = ProtoField.uint16("ethlink.txn.channel", "Channel"),
    psn = ProtoField.uint32("ethlink.txn.psn", "PSN"),
    from_target = ProtoField.bool("ethlink.txn.from_target", "From the target", 8, nil, 0x01),
    ack = ProtoField.uint32("ethlink.txn.ack", "ACK"),
    item_opcode = ProtoField.uint8("ethlink.item.opcode", "Opcode", base.HEX, ITEMS),
    item_psn = ProtoField.uint32("ethlink.item.psn", "PSN"),
    item_flags = ProtoField.uint8("ethlink.item.flags", "Flags", base.HEX),
    item_last = ProtoField.bool("ethlink.item.last", "Last", 8, nil, 0x01),
    item_with_immediate = ProtoField.bool("ethlink.item.with_immediate", "With immediate", 8, nil,
        0x02),
    item_error = ProtoField.bool("ethlink.item.error", "Error", 8, nil, 0x04),
    item_atomic = ProtoField.uint8("ethlink.item.atomic", "Atomic", base.DEC, ATOMICS),
    item_status = ProtoField.uint8("ethlink.item.status", "Status", base.DEC, TXN_STATUS),
    item_length = ProtoField.uint16("ethlink.item.length", "Length"),
    item_done = ProtoField.uint16("ethlink.item.done", "Transactions that ended"),
    item_key = ProtoField.uint64("ethlink.item.key", "Key", base.HEX),
    item_address = ProtoField.uint64("ethlink.item.address", "Address", base.HEX),
    item_operand = ProtoField.uint64("ethlink.item.operand", "Operand", base.HEX),
    item_compare = ProtoField.uint64("ethlink.item.compare", "Compare", base.HEX),
    item_total = ProtoField.uint32("ethlink.item.total", "Total"),
    item_immediate = ProtoField.uint64("ethlink.item.immediate", "Immediate", base.HEX),
    item_data = ProtoField.bytes("ethlink.item.data", "Data"),
    nonce = ProtoField.uint64("ethlink.open.nonce", "Nonce", base.HEX),
    class = ProtoField.uint8("ethlink.open.class", "Class", base.DEC, CLASSES),
    open_flags = ProtoField.uint8("ethlink.open.flags", "Flags", base.HEX),
    transactions_max = ProtoField.uint16("ethlink.open.transactions_max", "Transactions"),
    response_bytes_max = ProtoField.uint32("ethlink.open.response_bytes_max", "Response bytes"),
    epoch = ProtoField.uint64("ethlink.open.epoch", "Epoch of the target", base.HEX),
    nack_reason = ProtoField.uint8("ethlink.nack.reason", "Reason", base.DEC, NACK_REASONS),
    reset_reason = ProtoField.uint8("ethlink.reset.reason", "Reason", base.DEC, RESET_REASONS),
    payload = ProtoField.bytes("ethlink.payload", "Payload"),
    icrc = ProtoField.uint32("ethlink.icrc", "ICRC", base.HEX),
    icrc_status = ProtoField.uint8("ethlink.icrc.status", "ICRC status", base.DEC, STATUS),
    pad = ProtoField.bytes("ethlink.pad", "Pad"),
    fcs = ProtoField.uint32("ethlink.fcs", "FCS", base.HEX),
    fcs_status = ProtoField.uint8("ethlink.fcs.status", "FCS status", base.DEC, STATUS),
    destination = ProtoField.ether("ethlink.control.destination", "Destination"),
    version = ProtoField.uint8("ethlink.control.version", "Version", base.DEC, nil, 0xF0),
    kind = ProtoField.uint8("ethlink.control.kind", "Kind", base.DEC, KINDS, 0x0F),
    count = ProtoField.uint8("ethlink.control.count", "Count"),
    tx_epoch = ProtoField.uint16("ethlink.control.tx_epoch", "Tx epoch"),
    rx_epoch = ProtoField.uint16("ethlink.control.rx_epoch", "Rx epoch"),
    set = ProtoField.bytes("ethlink.control.set", "Ordered set"),
    set_type = ProtoField.uint8("ethlink.control.set.type", "Type", base.HEX, SETS),
    set_value = ProtoField.uint32("ethlink.control.set.value", "Value"),
    set_arg = ProtoField.uint16("ethlink.control.set.arg", "Argument"),
    cc = ProtoField.uint24("ethlink.control.cc", "Credits consumed", base.DEC, nil, 0xFFFFF0),
    hello_digest = ProtoField.uint64("ethlink.hello.digest", "Digest of the fabric file", base.HEX),
    hello_node = ProtoField.uint32("ethlink.hello.node", "Node"),
    hello_port = ProtoField.uint16("ethlink.hello.port", "Port"),
    hello_hold = ProtoField.uint16("ethlink.hello.hold_ms", "Hold time (ms)"),
    hello_incarnation = ProtoField.uint32("ethlink.hello.incarnation", "Incarnation"),
    hello_sequence = ProtoField.uint32("ethlink.hello.sequence", "Sequence"),
    heard_node = ProtoField.uint32("ethlink.hello.heard_node", "Hears node"),
    heard_port = ProtoField.uint16("ethlink.hello.heard_port", "Hears port"),
    heard_incarnation = ProtoField.uint32("ethlink.hello.heard_incarnation", "Hears incarnation"),
    advert = ProtoField.bytes("ethlink.advert", "Link states"),
    advert_node = ProtoField.uint32("ethlink.advert.node", "Node"),
    advert_part = ProtoField.uint16("ethlink.advert.part", "Part (64 ports)"),
    advert_flags = ProtoField.uint16("ethlink.advert.flags", "Flags", base.HEX),
    advert_version = ProtoField.uint64("ethlink.advert.version", "Version"),
    advert_dead = ProtoField.uint64("ethlink.advert.dead", "Dead links", base.HEX),
    advert_drained = ProtoField.uint64("ethlink.advert.drained", "Drained links", base.HEX),
    crc = ProtoField.uint32("ethlink.control.crc", "CRC", base.HEX),
    crc_status = ProtoField.uint8("ethlink.control.crc.status", "CRC status", base.DEC, STATUS),
    drop = ProtoField.string("ethlink.drop", "A receiver drops it as"),
}
local fields = {}
for _, field in pairs(f) do table.insert(fields, field) end
ethlink.fields = fields

local e = {
    length = ProtoExpert.new("ethlink.malformed.length", "Length contradicts the bytes",
        expert.group.MALFORMED, expert.severity.ERROR),
    control = ProtoExpert.new("ethlink.malformed.control", "Malformed link control frame",
        expert.group.MALFORMED, expert.severity.ERROR),
    txn = ProtoExpert.new("ethlink.malformed.txn", "Malformed transaction",
        expert.group.MALFORMED, expert.severity.ERROR),
    misplaced = ProtoExpert.new("ethlink.item.misplaced", "Item of the other direction",
        expert.group.PROTOCOL, expert.severity.WARN),
    icrc = ProtoExpert.new("ethlink.icrc.bad", "Bad ICRC",
        expert.group.CHECKSUM, expert.severity.ERROR),
    crc = ProtoExpert.new("ethlink.control.crc.bad", "Bad CRC",
        expert.group.CHECKSUM, expert.severity.ERROR),
    fcs = ProtoExpert.new("ethlink.fcs.bad", "Bad FCS",
        expert.group.CHECKSUM, expert.severity.ERROR),
    opcode = ProtoExpert.new("ethlink.txn.unknown", "Unknown opcode or version",
        expert.group.UNDECODED, expert.severity.WARN),
    poisoned = ProtoExpert.new("ethlink.link.poisoned.expert", "Damaged upstream",
        expert.group.PROTOCOL, expert.severity.NOTE),
    ecn = ProtoExpert.new("ethlink.net.ecn.nonzero", "ECN is fixed to 0 by the protocol",
        expert.group.PROTOCOL, expert.severity.NOTE),
}
local experts = {}
for _, one in pairs(e) do table.insert(experts, one) end
ethlink.experts = experts

-- CRC-32 of IEEE 802.3 -------------------------------------------------------------------------

local bits = bit32 or require("bit") -- Lua 5.2 brings bit32, other Wiresharks bring bit
local band, bxor, rshift = bits.band, bits.bxor, bits.rshift
local TWO_32 = 4294967296 -- bit gives signed numbers, bit32 does not: both modulo 2^32

local CRC_TABLE = {}
for byte = 0, 255 do
    local crc = byte
    for _ = 1, 8 do
        local odd = crc % 2 == 1
        crc = rshift(crc, 1)
        if odd then crc = bxor(crc, 0xEDB88320) end
    end
    CRC_TABLE[byte] = crc % TWO_32
end

local function crc32(text)
    local crc = 0xFFFFFFFF
    for i = 1, #text do
        crc = bxor(rshift(crc, 8), CRC_TABLE[band(bxor(crc, text:byte(i)), 0xFF)])
    end
    return bxor(crc, 0xFFFFFFFF) % TWO_32
end

-- Pieces ---------------------------------------------------------------------------------------

-- Shows a checksum and whether it is `computed`, and gives whether it is.
local function add_checksum(tree, field, status_field, bad, range, carried, computed)
    local item = tree:add(field, range, carried)
    local good = computed == carried
    if good then
        item:append_text(" [correct]")
    else
        item:append_text(string.format(" [incorrect, should be 0x%08x]", computed))
        item:add_proto_expert_info(bad, string.format("%s: should be 0x%08x",
            bad == e.icrc and "Bad ICRC" or bad == e.crc and "Bad CRC" or "Bad FCS", computed))
    end
    tree:add(status_field, range, good and 1 or 0):set_generated()
    return good
end

local function add_link_word(tree, tvb)
    local range = tvb(LINK_WORD, 4)
    local item = tree:add(f.link, range)
    local raw = range:uint()
    if raw == 0 then
        item:append_text(" (none)")
        return
    end
    for _, field in ipairs({f.eligible, f.poisoned, f.vc, f.session, f.seq}) do
        item:add(field, range)
    end
    if range:bitfield(1, 1) == 1 then item:add_proto_expert_info(e.poisoned) end
end

local function add_vlan(tree, tvb)
    local item = tree:add(f.tpid, tvb(12, 2))
    for _, field in ipairs({f.pcp, f.dei, f.vid}) do item:add(field, tvb(14, 2)) end
    item:append_text(string.format(", VID %d", tvb(14, 2):bitfield(4, 12)))
end

local function add_net(tree, tvb, offset)
    local range = tvb(offset, 2)
    local net = tree:add(ethlink, range, string.format("Network header, TTL %d, DSCP %d",
        range:bitfield(4, 4), range:bitfield(8, 6)))
    for _, field in ipairs({f.ar, f.reserved, f.ttl, f.dscp}) do net:add(field, range) end
    local ecn = net:add(f.ecn, range)
    if range:bitfield(14, 2) ~= 0 then ecn:add_proto_expert_info(e.ecn) end
end

-- Items and other payloads ---------------------------------------------------------------------

-- Each takes (subtree, cut, flags, length), where cut(n) is the range of the item's next n bytes or
-- nil if there are not as many, and adds its fields. It gives a text, and whether all is legal.

local function cut_where(tree, cut)
    local range = cut(ITEM_WHERE)
    if range == nil then return "", false end
    tree:add(f.item_key, range(0, 8))
    tree:add(f.item_address, range(8, 8))
    return string.format(" at 0x%s", tostring(range(8, 8):bytes()):lower()), true
end

local function cut_field(tree, cut, field, size)
    local range = cut(size)
    if range ~= nil and size > 0 then tree:add(field, range) end
    return range ~= nil, range
end

local function is_load_store(length) return length >= 1 and length <= LOAD_STORE_MAX end

local function cut_load(tree, cut, flags, length)
    local text, good = cut_where(tree, cut)
    return length .. text, good and flags == 0 and is_load_store(length)
end

local function cut_store(tree, cut, flags, length)
    local text, good = cut_where(tree, cut)
    good = good and cut_field(tree, cut, f.item_data, length)
    return length .. text, good and flags == 0 and is_load_store(length)
end

local function cut_atomic(tree, cut, flags, length)
    local text, good = cut_where(tree, cut)
    good = good and cut_field(tree, cut, f.item_operand, 8)
    if flags == COMPARE_SWAP then good = good and cut_field(tree, cut, f.item_compare, 8) end
    text = string.format("%s %d%s", ATOMICS[flags] or "unknown", length, text)
    return text, good and ATOMICS[flags] ~= nil and (length == 4 or length == 8)
end

local function cut_message(tree, cut, flags, length)
    local good = cut_field(tree, cut, f.item_data, length)
    local text = length .. (band(flags, ITEM_LAST) ~= 0 and " last" or "")
    if band(flags, ITEM_IMMEDIATE) ~= 0 then
        good = good and cut_field(tree, cut, f.item_immediate, 8)
        text = text .. " with immediate"
    end
    return text, good and (flags <= ITEM_LAST or flags == ITEM_LAST + ITEM_IMMEDIATE)
end

local function cut_write(tree, cut, flags, length)
    local where, good = cut_where(tree, cut)
    if not good then return tostring(length), false end
    local text, rest_good = cut_message(tree, cut, flags, length)
    return text .. where, rest_good
end

local function cut_read(tree, cut, flags, length)
    local text, good = cut_where(tree, cut)
    if not good then return "", false end
    local has_total, range = cut_field(tree, cut, f.item_total, 4)
    if not has_total then return text, false end
    local total = range:uint()
    return total .. text, flags == 0 and length == 0 and total >= 1 and total <= MESSAGE_MAX
end

local function cut_done(_, _, flags, length)
    local text = string.format("%d %s", length, TXN_STATUS[flags] or "status " .. flags)
    return text, TXN_STATUS[flags] ~= nil and length >= 1
end

local function cut_data(tree, cut, flags, length)
    local good = cut_field(tree, cut, f.item_data, length)
    return tostring(length), good and flags == 0 and is_load_store(length)
end

local function cut_read_data(tree, cut, flags, length)
    local good = cut_field(tree, cut, f.item_data, length)
    local error = band(flags, ITEM_ERROR) ~= 0
    local text = length .. (band(flags, ITEM_LAST) ~= 0 and " last" or "") ..
        (error and " error" or "")
    return text, good and band(flags, 0xFF - ITEM_LAST - ITEM_ERROR) == 0 and error == (length == 0)
end

local CUT = {
    [LOAD] = cut_load,
    [STORE] = cut_store,
    [ATOMIC] = cut_atomic,
    [WRITE] = cut_write,
    [READ] = cut_read,
    [SEND] = cut_message,
    [DONE] = cut_done,
    [DATA] = cut_data,
    [READ_DATA] = cut_read_data,
}

local function add_item_head(tree, tvb, offset, opcode)
    tree:add(f.item_opcode, tvb(offset, 1))
    local flags = tvb(offset + 1, 1)
    if opcode == ATOMIC then
        tree:add(f.item_atomic, flags)
    elseif opcode == DONE then
        tree:add(f.item_status, flags)
    else
        local item = tree:add(f.item_flags, flags)
        if opcode == WRITE or opcode == SEND or opcode == READ_DATA then
            item:add(f.item_last, flags)
            item:add(opcode == READ_DATA and f.item_error or f.item_with_immediate, flags)
        end
    end
    tree:add(opcode == DONE and f.item_done or f.item_length, tvb(offset + 2, 2))
end

-- One item from `offset` on: where the next one begins, or nil if this is none; and a text.
-- One that a short capture cuts off is no item and not malformed either.
local function add_item(tree, tvb, offset, finish, whole, psn)
    local item = tree:add(ethlink, tvb(offset, math.min(ITEM_HEAD, finish - offset)), "Item")
    local function give_up(why)
        if not whole then
            item:append_text(", cut short")
        else
            item:add_proto_expert_info(e.txn, why)
        end
        return nil, "malformed item"
    end
    if finish - offset < ITEM_HEAD then return give_up("Too short for an item") end
    local opcode = tvb(offset, 1):uint()
    local at = offset + ITEM_HEAD
    local truncated = false
    local function cut(n)
        truncated = truncated or at + n > finish
        if truncated then return nil end
        at = at + n
        return n == 0 and tvb(at - 1, 1) or tvb(at - n, n)
    end
    item:add(f.item_psn, tvb(offset, 4), psn % TWO_32):set_generated()
    add_item_head(item, tvb, offset, opcode)
    if CUT[opcode] == nil then return give_up("Unknown item") end
    local text, good = CUT[opcode](item, cut, tvb(offset + 1, 1):uint(), tvb(offset + 2, 2):uint())
    text = ITEMS[opcode] .. " " .. text
    item:set_text("Item, " .. text)
    item:set_len(at - offset)
    if truncated then return give_up("The item says more than there are bytes") end
    if not good then
        item:add_proto_expert_info(e.txn, "Flags or length that this item cannot have")
        return nil, text .. " (malformed)"
    end
    return at, text, item
end

-- All items up to `finish`: the texts of the first few, and whether all are legal.
local function add_items(tree, tvb, offset, finish, whole, frame_opcode)
    local psn = tvb(offset - TXN_SIZE + 4, 4):uint()
    local count, texts = 0, {}
    if offset == finish and whole then
        tree:add_proto_expert_info(e.txn, "A request or response without items")
        return "", false
    end
    while offset ~= nil and offset < finish do
        local opcode = tvb(offset, 1):uint()
        local next_offset, text, item = add_item(tree, tvb, offset, finish, whole, psn + count)
        if item ~= nil and (opcode >= DONE) ~= (frame_opcode == RESPONSE) then
            item:add_proto_expert_info(e.misplaced)
        end
        count = count + 1
        if count <= 4 then table.insert(texts, text) end
        offset = next_offset
    end
    if count > 4 then table.insert(texts, string.format("+%d more", count - 4)) end
    return table.concat(texts, ", "), offset ~= nil
end

local OPEN_SIZE, OPENED_SIZE = 16, 24
local PAYLOAD_SIZE = {[ACK] = 0, [NACK] = 1, [OPEN] = OPEN_SIZE, [OPENED] = OPENED_SIZE,
    [RESET] = 1}

local function add_open(tree, tvb, offset, with_epoch)
    tree:add(f.nonce, tvb(offset, 8))
    local class = CLASSES[tvb(offset + 8, 1):uint()]
    local class_item = tree:add(f.class, tvb(offset + 8, 1))
    if class == nil then class_item:add_proto_expert_info(e.txn, "No such class") end
    tree:add(f.open_flags, tvb(offset + 9, 1))
    tree:add(f.transactions_max, tvb(offset + 10, 2))
    tree:add(f.response_bytes_max, tvb(offset + 12, 4))
    if with_epoch then tree:add(f.epoch, tvb(offset + OPEN_SIZE, 8)) end
    return class or "unknown class", class ~= nil
end

-- What the opcode brings, up to `finish`: a summary, and whether it is legal.
local function add_payload(tree, tvb, offset, finish, whole, opcode)
    if opcode == REQUEST or opcode == RESPONSE then
        return add_items(tree, tvb, offset, finish, whole, opcode)
    end
    local wanted = PAYLOAD_SIZE[opcode]
    if wanted == nil then return "payload " .. finish - offset, true end
    if finish - offset ~= wanted then
        if whole then tree:add_proto_expert_info(e.txn, "A payload of another size") end
        return "payload " .. finish - offset, false
    end
    if opcode == NACK or opcode == RESET then
        local field = opcode == NACK and f.nack_reason or f.reset_reason
        local reasons = opcode == NACK and NACK_REASONS or RESET_REASONS
        tree:add(field, tvb(offset, 1))
        return reasons[tvb(offset, 1):uint()] or "unknown reason", true
    end
    if opcode == ACK then return "", true end
    return add_open(tree, tvb, offset, opcode == OPENED)
end

-- The transaction header and what follows it, up to `finish`: a summary for the Info column, and
-- what a receiver drops it as, or nil.
-- `whole`: the payload ends at `finish`, otherwise it was cut off there.
local function add_txn(tree, tvb, offset, finish, whole)
    local opcode = tvb(offset, 1):uint()
    local version = tvb(offset + 1, 1):bitfield(0, 2)
    local name = OPCODES[opcode] or string.format("opcode 0x%02x", opcode)
    local txn = tree:add(ethlink, tvb(offset, TXN_SIZE), "Transaction header, " .. name)
    local opcode_item = txn:add(f.opcode, tvb(offset, 1))
    txn:add(f.txn_version, tvb(offset + 1, 1))
    txn:add(f.flags, tvb(offset + 1, 1)):add(f.from_target, tvb(offset + 1, 1))
    txn:add(f.channel, tvb(offset + 2, 2))
    txn:add(f.psn, tvb(offset + 4, 4))
    txn:add(f.ack, tvb(offset + 8, 4))
    local known = opcode ~= 0 and OPCODES[opcode] ~= nil and version == 0
    if not known then opcode_item:add_proto_expert_info(e.opcode) end
    local first = offset + TXN_SIZE
    local size = math.max(finish - first, 0)
    local text = string.format("%s, channel %d, PSN %d, ACK %d", name, tvb(offset + 2, 2):uint(),
        tvb(offset + 4, 4):uint(), tvb(offset + 8, 4):uint())
    local payload = size > 0 and tree:add(f.payload, tvb(first, size)) or txn
    if not known then
        return text .. ", payload " .. size, version ~= 0 and "unknown_version" or "unknown_opcode"
    end
    local rest, good = add_payload(payload, tvb, first, first + size, whole, opcode)
    return rest == "" and text or text .. ", " .. rest, not good and "txn_malformed" or nil
end

-- The bytes behind the last checksum: the pad, then maybe an FCS. Says whether there are no others,
-- and whether the FCS is good or not there.
-- A pad goes to 60 bytes, or to 64 if a tag was put into a frame that was padded before.
local function add_rest(tree, tvb, finish, tag_size)
    local size = tvb:len()
    local least = math.max(finish, ETHERNET_MIN)
    local most = math.max(finish - tag_size, ETHERNET_MIN) + tag_size
    local last = size >= finish + CRC_SIZE and tvb(size - CRC_SIZE, CRC_SIZE):le_uint() or 0
    local with_fcs = size == most + CRC_SIZE or (size == least + CRC_SIZE and last ~= 0)
    local pad_end = with_fcs and size - CRC_SIZE or size
    if pad_end > finish then tree:add(f.pad, tvb(finish, pad_end - finish)) end
    local good = true
    if with_fcs then
        good = add_checksum(tree, f.fcs, f.fcs_status, e.fcs, tvb(pad_end, CRC_SIZE), last,
            crc32(tvb:raw(0, pad_end)))
    end
    return with_fcs or size <= most, good
end

-- Data frames ----------------------------------------------------------------------------------

-- The ICRC covers OEFH, network, transaction and payload; not the tag; Reserved, TTL, DSCP and ECN
-- as ones. The link word counts as zero: the next hop clears it before anybody checks.
local function computed_icrc(tvb, tag_size, icrc_offset)
    local net = tvb:raw(OEFH_SIZE + tag_size, 1):byte()
    net = net >= 0x80 and "\xFF\xFF" or "\x7F\xFF"
    return crc32(tvb:raw(0, LINK_WORD) .. "\0\0\0\0" .. tvb:raw(12 + tag_size, 2) .. net ..
        tvb:raw(16 + tag_size, icrc_offset - 16 - tag_size))
end

-- What is wrong with the lengths, or nil.
local function judge_length(size, total_length, tag_size)
    if size < FRAME_MIN + tag_size then return "Runt: shorter than its own headers" end
    if total_length < FRAME_MIN then return "Total Length is less than that of the headers" end
    if total_length + tag_size > size then return "Total Length says more than there are bytes" end
end

-- Gives what a receiver drops it as, or nil.
local function dissect_data(tvb, pinfo, tree, tag_size)
    local captured, size = tvb:len(), tvb:reported_len()
    local total_length = tvb(2, 2):uint()
    local finish = total_length + tag_size
    tree:set_text(string.format("EthLink, GPU %d to GPU %d", tvb(6, 2):uint(), tvb(0, 2):uint()))
    pinfo.cols.src = "GPU " .. tvb(6, 2):uint()
    pinfo.cols.dst = "GPU " .. tvb(0, 2):uint()
    pinfo.cols.info = "EthLink frame, cut short"

    tree:add(f.dst, tvb(0, 2))
    local length_item = tree:add(f.length, tvb(2, 2))
    tree:add(f.entropy, tvb(4, 2))
    tree:add(f.src, tvb(6, 2))
    add_link_word(tree, tvb)
    if tag_size > 0 then add_vlan(tree, tvb) end
    tree:add(f.type, tvb(12 + tag_size, 2))

    local why = judge_length(size, total_length, tag_size)
    local drop = why ~= nil and "length_mismatch" or nil
    if why ~= nil then length_item:add_proto_expert_info(e.length, why) end
    if captured >= 16 + tag_size then add_net(tree, tvb, 14 + tag_size) end
    if captured < 28 + tag_size then return drop end
    local whole = total_length >= FRAME_MIN and finish <= captured
    local payload_end = whole and finish - CRC_SIZE or captured
    local text, drop_txn = add_txn(tree, tvb, 16 + tag_size, payload_end, whole)
    pinfo.cols.info = text
    if not whole then return drop end

    local range = tvb(payload_end, CRC_SIZE)
    local good_icrc = add_checksum(tree, f.icrc, f.icrc_status, e.icrc, range, range:uint(),
        computed_icrc(tvb, tag_size, payload_end))
    drop = not good_icrc and "bad_icrc" or drop_txn
    if captured < size then return drop end
    local no_others, good_fcs = add_rest(tree, tvb, finish, tag_size)
    if not good_fcs then return "bad_fcs" end
    if no_others then return drop end
    length_item:add_proto_expert_info(e.length, "More bytes than Total Length and pad account for")
    return "length_mismatch"
end

-- Link control frames --------------------------------------------------------------------------

local function add_set(tree, range)
    local raw = range:bytes()
    local set_type = range(1, 1):uint()
    local value = math.floor(range(1, 4):uint() / 16) % 0x100000
    local arg = range(5, 2):uint()
    local name = SETS[set_type] or string.format("type 0x%02x", set_type)
    local item = tree:add(f.set, range)
    item:set_text(string.format("%s, value %d, argument %d", name, value, arg))
    item:add(f.set_type, range(1, 1))
    item:add(f.set_value, range(2, 3), value)
    item:add(f.set_arg, range(5, 2))
    local framed = raw:get_index(0) == 0x5C and raw:get_index(4) % 16 == 6 and raw:get_index(7) == 0
    local vc_exists = set_type ~= SET_CF_UPDATE or arg < VCS_MAX
    if not framed or SETS[set_type] == nil or not vc_exists then
        item:add_proto_expert_info(e.control, "Malformed ordered set")
        return name .. " " .. value, false
    end
    return name .. " " .. value, true
end

-- In the order of the bytes.
local function add_hello(tree, range)
    tree:add(f.hello_digest, range(0, 8))
    tree:add(f.hello_node, range(8, 4))
    tree:add(f.hello_port, range(12, 2))
    tree:add(f.hello_hold, range(14, 2))
    tree:add(f.hello_incarnation, range(16, 4))
    tree:add(f.hello_sequence, range(20, 4))
    tree:add(f.heard_node, range(24, 4))
    tree:add(f.heard_port, range(28, 2))
    tree:add(f.heard_incarnation, range(30, 4))
    local from = string.format("Hello %d of node %d port %d", range(20, 4):uint(),
        range(8, 4):uint(), range(12, 2):uint())
    if range(30, 4):uint() == 0 then return from .. ", hears nobody" end
    return string.format("%s, hears node %d port %d", from, range(24, 4):uint(),
        range(28, 2):uint())
end

local function add_advert(tree, range)
    local item = tree:add(f.advert, range)
    item:set_text(string.format("Links of node %d, part %d: dead %s, drained %s",
        range(0, 4):uint(), range(4, 2):uint(), range(16, 8):bytes():tohex(true),
        range(24, 8):bytes():tohex(true)))
    item:add(f.advert_node, range(0, 4))
    item:add(f.advert_part, range(4, 2))
    item:add(f.advert_flags, range(6, 2))
    item:add(f.advert_version, range(8, 8))
    item:add(f.advert_dead, range(16, 8))
    item:add(f.advert_drained, range(24, 8))
end

-- As much of a hello as was captured. All that it can say is legal.
local function add_hello_body(tree, tvb, count)
    local head, size = HEAD_SIZE[KIND_HELLO], ELEMENT_SIZE[KIND_HELLO]
    if CONTROL_BODY + head > tvb:len() then return "Hello", true end
    local text = add_hello(tree, tvb(CONTROL_BODY, head))
    for i = 0, count - 1 do
        local offset = CONTROL_BODY + head + i * size
        if offset + size > tvb:len() then break end
        add_advert(tree, tvb(offset, size))
    end
    return text, true
end

-- A summary, and whether all elements are legal.
local function add_control_body(tree, tvb, kind, count)
    if kind == KIND_HELLO then return add_hello_body(tree, tvb, count) end
    local size = ELEMENT_SIZE[kind]
    local texts, all_good = {}, true
    for i = 0, count - 1 do
        local offset = CONTROL_BODY + i * size
        if offset + size > tvb:len() then break end
        local range = tvb(offset, size)
        if kind == KIND_SETS then
            local text, good = add_set(tree, range)
            table.insert(texts, text)
            all_good = all_good and good
        else
            local item = tree:add(f.cc, range)
            item:prepend_text(string.format("VC %d: ", i))
            if range(2, 1):uint() % 16 ~= 0 then
                item:add_proto_expert_info(e.control, "The last four bits must be zero")
                all_good = false
            end
        end
    end
    if kind == KIND_CC_UPDATE then return "CC_Update of " .. count .. " VCs", all_good end
    return table.concat(texts, ", "), all_good
end

-- Gives what a receiver drops it as, or nil.
local function dissect_control(tvb, pinfo, tree)
    local captured, size = tvb:len(), tvb:reported_len()
    tree:set_text("EthLink link control")
    pinfo.cols.src = "link neighbour"
    pinfo.cols.dst = "link"
    pinfo.cols.info = "Link control, malformed"
    local drop
    local function malformed(item, why)
        item:add_proto_expert_info(e.control, why)
        drop = "control_malformed"
        return drop
    end

    local destination = tree:add(f.destination, tvb(0, 6))
    if tvb:raw(0, #CONTROL_ADDRESSES) ~= CONTROL_ADDRESSES then
        malformed(destination, "Not addressed to the nearest bridge")
    end
    add_link_word(tree, tvb)
    tree:add(f.type, tvb(12, 2))
    if captured < CONTROL_BODY then
        if size < CONTROL_BODY then malformed(tree, "Runt: shorter than its own header") end
        return drop
    end

    local version_item = tree:add(f.version, tvb(14, 1))
    local kind_item = tree:add(f.kind, tvb(14, 1))
    local count_item = tree:add(f.count, tvb(15, 1))
    tree:add(f.tx_epoch, tvb(16, 2))
    tree:add(f.rx_epoch, tvb(18, 2))
    local version, kind = tvb(14, 1):bitfield(0, 4), tvb(14, 1):bitfield(4, 4)
    local count = tvb(15, 1):uint()
    if version ~= 1 then return malformed(version_item, "Unknown version") end
    if KINDS[kind] == nil then return malformed(kind_item, "Unknown kind") end
    if count < COUNT_MIN[kind] or count > COUNT_MAX[kind] then
        return malformed(count_item,
            "The count must be " .. COUNT_MIN[kind] .. " to " .. COUNT_MAX[kind])
    end

    local body_end = CONTROL_BODY + HEAD_SIZE[kind] + count * ELEMENT_SIZE[kind]
    if body_end + CRC_SIZE > size then
        malformed(count_item, "The count says more than there are bytes")
    end
    local text, good_body = add_control_body(tree, tvb, kind, count)
    pinfo.cols.info = text
    if body_end + CRC_SIZE > captured then return drop end
    local range = tvb(body_end, CRC_SIZE)
    local good_crc = add_checksum(tree, f.crc, f.crc_status, e.crc, range, range:uint(),
        crc32(tvb:raw(0, LINK_WORD) .. "\0\0\0\0" .. tvb:raw(12, body_end - 12)))
    if captured == size then
        local no_others, good_fcs = add_rest(tree, tvb, body_end + CRC_SIZE, 0)
        if not good_fcs then return "bad_fcs" end
        if not no_others then
            malformed(count_item, "More bytes than the count and the pad account for")
        end
    end
    if drop == nil and not good_crc then return "control_bad_crc" end
    return drop or not good_body and "control_malformed" or nil
end

-- The door -------------------------------------------------------------------------------------

local encapsulations = DissectorTable.get("wtap_encap")
local ethernet = encapsulations:get_dissector(WTAP_ENCAP_ETHERNET)

function ethlink.dissector(tvb, pinfo, root)
    local captured = tvb:len()
    local tag_size = 0
    local ether_type = captured >= OEFH_SIZE and tvb(12, 2):uint() or nil
    if ether_type == TYPE_VLAN and captured >= OEFH_SIZE + 4 then
        tag_size = 4
        ether_type = tvb(16, 2):uint()
    end
    local is_data = ether_type == ethlink.prefs.data_type
    if not is_data and (ether_type ~= ethlink.prefs.control_type or tag_size ~= 0) then
        return ethernet:call(tvb, pinfo, root)
    end
    local tree = root:add(ethlink, tvb())
    pinfo.cols.protocol = is_data and "EthLink" or "EthLink-LC"
    local drop = is_data and dissect_data(tvb, pinfo, tree, tag_size)
        or not is_data and dissect_control(tvb, pinfo, tree)
    local size = tvb:reported_len()
    if size < FRAME_MIN + tag_size then drop = "runt" end
    if drop and captured == size then tree:add(f.drop, drop):set_generated() end
    return captured
end

encapsulations:add(WTAP_ENCAP_ETHERNET, ethlink)
