// Takes INVITEs that nobody acknowledges until the stack refuses more, and prints what it then holds. Run with a small
// heap by limits.test.ts: a limit in octets is worth something if the process lives.
import { SipStack, sentByOf } from 'resip/stack'

const [size, count] = process.argv.slice(2).map(Number)

const transport = {
  key: 'udp:192.0.2.2:5060',
  protocol: 'UDP',
  isReliable: false,
  local: { address: '192.0.2.2', port: 5060, family: 4 },
  sentBy: sentByOf('192.0.2.2', 5060),
  open: async () => {},
  // as a socket does, which makes one text of its parts
  send: (wire, flow) => (Buffer.from(wire, 'latin1').length > 0 ? flow : 'closed'),
  close: async () => {},
}
const flow = { protocol: 'UDP', transport: transport.key, address: '192.0.2.1', port: 5060, connection: 0 }

const stack = new SipStack({ congestion: { refuseAbove: Number.POSITIVE_INFINITY } })
await stack.addTransport(transport)
stack.onRequest(transaction => transaction.respond(486))

const filling = `X-Filling: ${'x'.repeat(Math.max(0, size - 300))}\r\n`
for (let number = 0; number < count && stack.counters.refusedByLimit === 0; number++) {
  const text =
    `INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK${number}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:alice@example.com>;tag=${number}\r\nTo: <sip:bob@example.com>\r\nCall-ID: ${number}@192.0.2.1\r\n` +
    `CSeq: 1 INVITE\r\n${filling}Content-Length: 0\r\n\r\n`
  stack.receive(Buffer.from(text, 'latin1'), flow)
}
const { heapUsed, external } = process.memoryUsage()
const report = {
  transactions: stack.transactionCount,
  refused: stack.counters.refusedByLimit,
  kept: Math.round((heapUsed + external) / 1048576),
}
process.stdout.write(`${JSON.stringify(report)}\n`)
await stack.close()
