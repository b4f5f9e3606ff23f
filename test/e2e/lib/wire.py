"""The wire between two programs: a relay that writes down what passes, and a capture of it that
every tool can open. It changes nothing of what passes. Used by the scripts of test/e2e."""
import random
import select
import socket
import struct
import threading

CHUNK = 65536
MOST_IN_A_PACKET = 1400
ESME_PORT, SMSC_PORT = 40000, 2775  # in a capture; the relay's own are of no interest
SERVER, CLIENT = 'smsc', 'esme'


class Connection:
    """What passed on one: chunks of (who sent it, octets), in the order in which they were read."""

    def __init__(self, esme, smsc):
        self.sockets = {CLIENT: esme, SERVER: smsc}
        self.chunks = []

    def octets(self, who):
        return b''.join(octets for sender, octets in self.chunks if sender == who)


class Relay:
    """Listens on .port, and passes on to `port` what comes there; all of it until end()."""

    def __init__(self, port):
        self.to = port
        self.connections = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def accept(self, others):
        esme = self.listener.accept()[0]
        try:
            smsc = socket.create_connection(('127.0.0.1', self.to))
        except OSError:
            esme.close()
            return
        for one in (esme, smsc):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(esme, smsc)
        self.connections.append(connection)
        others[esme] = (connection, CLIENT, smsc)
        others[smsc] = (connection, SERVER, esme)

    @staticmethod
    def pass_on(one, others):
        connection, who, other = others[one]
        try:
            octets = one.recv(CHUNK)
            if octets:
                connection.chunks.append((who, octets))
                other.sendall(octets)
                return
        except OSError:
            pass
        for end in (one, other):
            others.pop(end, None)
            end.close()

    def run(self):
        others = {}
        while True:
            ready, _, _ = select.select([self.listener, self.woken, *others], [], [])
            if self.woken in ready:
                break
            for one in ready:
                if one is self.listener:
                    self.accept(others)
                elif one in others:
                    self.pass_on(one, others)
        for one in others:
            one.close()

    def end(self):
        self.wake.send(b'x')
        self.thread.join()
        for one in (self.listener, self.wake, self.woken):
            one.close()


# --- A capture -----------------------------------------------------------------------------------

def checksum(octets):
    total = sum(struct.unpack(f'>{len(octets) // 2}H', octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(ports, sequence, acknowledged, flags, octets):
    """IPv4 and TCP around some octets; the checksum of TCP is left out, as by offloading cards."""
    tcp = struct.pack('>HHIIBBHHH', *ports, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp) + len(octets), 0, 0x4000, 64, 6, 0,
                     bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    return ip + tcp + octets


def packets(connection, esme_port):
    """A TCP connection: hands shaken, chunks cut as they were read."""
    ports = {CLIENT: (esme_port, SMSC_PORT), SERVER: (SMSC_PORT, esme_port)}
    at = {CLIENT: 1000, SERVER: 5000}
    other = {CLIENT: SERVER, SERVER: CLIENT}

    def one(who, flags, octets=b''):
        whole = packet(ports[who], at[who], at[other[who]] if flags & 0x10 else 0, flags, octets)
        at[who] += len(octets) + bool(flags & 3)
        return whole
    yield one(CLIENT, 0x02)
    yield one(SERVER, 0x12)
    yield one(CLIENT, 0x10)
    for who, octets in connection.chunks:
        for begin in range(0, len(octets), MOST_IN_A_PACKET):
            yield one(who, 0x18, octets[begin:begin + MOST_IN_A_PACKET])
    yield one(CLIENT, 0x11)
    yield one(SERVER, 0x11)


def write_capture(path, connections):
    """As pcap of raw IP. A connection's ESME has the port ESME_PORT + its index."""
    with open(path, 'wb') as file:
        file.write(struct.pack('>IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        time_us = 1_700_000_000_000_000
        for n, connection in enumerate(connections):
            for whole in packets(connection, ESME_PORT + n):
                time_us += 1000
                file.write(struct.pack('>IIII', *divmod(time_us, 1_000_000), len(whole),
                                       len(whole)) + whole)


HEADER = 16


def may_cut(octets, at, known):
    """The last place up to `at` to cut at. tshark takes a segment that begins with less than a
    header, or with a command_id that it does not know, for no SMPP: nothing is cut there."""
    pdu, best = 0, 0
    while pdu + HEADER <= at:
        length = struct.unpack('>I', octets[pdu:pdu + 4])[0]
        if pdu + length > at:
            return at
        pdu += length
        if pdu == len(octets) or struct.unpack('>I', octets[pdu + 4:pdu + 8])[0] in known:
            best = pdu
    return best


def recut(connection, seed, known):
    """The same octets in other chunks: PDUs cut almost anywhere, several in one."""
    draw = random.Random(seed)
    cut = Connection(None, None)
    whole = {who: connection.octets(who) for who in (CLIENT, SERVER)}
    at, read = {CLIENT: 0, SERVER: 0}, {CLIENT: 0, SERVER: 0}
    for n, (who, octets) in enumerate(connection.chunks):
        read[who] += len(octets)
        last = not any(sender == who for sender, _ in connection.chunks[n + 1:])
        to = read[who] if last else may_cut(whole[who], draw.randint(at[who], read[who]),
                                         known)
        if to > at[who]:
            cut.chunks.append((who, whole[who][at[who]:to]))
            at[who] = to
    return cut
