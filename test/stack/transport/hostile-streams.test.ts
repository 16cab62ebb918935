import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { request, SipStack } from 'resip/stack'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { requestText } from '../world.ts'

/** What peers do to a running stack over TCP on loop-back. */
let stack: SipStack
let port: number

beforeEach(async () => {
  stack = new SipStack({ limits: { messageTimeout: 200, maxUnfinishedBytes: 300_000 } })
  stack.onRequest(transaction => void transaction.respond(200))
  await stack.listen('tcp:127.0.0.1:0')
  port = stack.transports[0]?.local.port ?? 0
})

afterEach(() => stack.close())

async function stream(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Reads until `length` octets have come. */
async function octets(socket: Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length) text += String((await once(socket, 'data'))[0])
  return text
}

test('RFC 5626 §4.4.1 ten thousand pings at once are answered, each with one CR LF', async () => {
  const socket = await stream()
  socket.write('\r\n\r\n'.repeat(10_000))
  expect(await octets(socket, 20_000)).toBe('\r\n'.repeat(10_000))
  socket.destroy()
})

test('RFC 3261 §18.3 a stream whose framing is lost is answered, and gone though its peer goes on sending', async () => {
  const socket = await stream()
  socket.write(requestText('OPTIONS', { extra: 'X: a\nY: b\r\n' }))
  expect(await octets(socket, 7)).toMatch(/^SIP\/2\.0 400 /)
  const dribble = setInterval(() => socket.write(requestText('OPTIONS')), 20)
  await new Promise(resolve => socket.once('close', resolve))
  clearInterval(dribble)
  expect(stack.counters.brokenStreams).toBe(1)
  expect(stack.counters.requestsIn.OPTIONS).toBe(0)
})

test('RFC 3261 §18.3 a request does not go over a connection that its peer broke and left open', async () => {
  let connections = 0
  const server = createServer({ allowHalfOpen: true }, socket => {
    const isFirst = ++connections === 1
    socket.on('error', () => {})
    socket.on('data', bytes => {
      const copied = String(bytes)
        .split('\r\n')
        .filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line))
      const lines = [isFirst ? 'SIP/2.0 486 Busy' : 'SIP/2.0 200 OK', ...copied]
      const broken = isFirst ? 'SIP/2.0 broken\r\n\r\n' : ''
      socket.write(`${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n${broken}`)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const place = server.address()
  const uri = `sip:127.0.0.1:${typeof place === 'object' ? place?.port : ''};transport=tcp`
  const ask = (): Promise<{ readonly status: number }> =>
    stack.request(request('OPTIONS', uri, { from: 'sip:a@b' }))
  expect((await ask()).status).toBe(486)
  expect((await ask()).status).toBe(200)
  expect(connections).toBe(2)
  await stack.close()
  server.close()
})

test('messages that many streams begin and do not end are bounded together; who ends one is answered', async () => {
  const begun = requestText('OPTIONS', { body: 'x'.repeat(90_000) })
  const hostile = await Promise.all(Array.from({ length: 5 }, stream))
  const ends = hostile.map(socket => once(socket, 'end'))
  for (const socket of hostile) socket.write(begun.slice(0, -1000))
  await Promise.race(ends)
  expect(stack.counters.crowdedStreams).toBeGreaterThan(0)
  const honest = await stream()
  honest.write(requestText('OPTIONS'))
  expect(await octets(honest, 7)).toMatch(/^SIP\/2\.0 200 /)
  for (const socket of [honest, ...hostile]) socket.destroy()
})
