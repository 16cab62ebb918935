/**
 * A server of streams that is measured in a process of its own:
 * `node server.js stateless|calls|bare CERTIFICATE KEY LISTEN…`. `stateless` answers OPTIONS without a transaction, `calls`
 * takes calls besides, `bare` is Node's TLS server alone, which only shakes hands.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { h, nameAddr, SipStack } from 'resip/stack'

const [mode, certificateFile = '', keyFile = '', ...points] = process.argv.slice(2)
const certificate = readFileSync(certificateFile, 'latin1')
const key = readFileSync(keyFile, 'latin1')

if (mode === 'bare') {
  const server = createServer({ cert: certificate, key, minVersion: 'TLSv1.2' }, socket => {
    socket.on('error', () => {})
    socket.resume()
  })
  server.on('tlsClientError', (_, socket) => socket.destroy())
  server.listen(Number(points[0]?.split(':').at(-1)), '127.0.0.1', () => console.log('listens on'))
} else {
  const stack = new SipStack({
    tls: { certificates: [{ certificate, key }] },
    limits: { maxConnections: 30_000, idleTimeout: 3_600_000 },
  })
  if (mode === 'calls') {
    const address = nameAddr('<sip:callee@host.invalid>')
    const contact = address.with({ uri: address.uri.with({ host: '' }) })
    stack.onRequest(transaction => {
      const ok = transaction.response(200)
      transaction.respond(transaction.request.method === 'INVITE' ? ok.set(h.Contact, contact) : ok)
    })
  } else {
    stack.onMessage(message => {
      if (message.isRequest) stack.reply(message, 200)
    })
  }
  await stack.listen(...points)
  console.log('listens on', points.join(' '))
}
