import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { decode, encode, type Packet, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet'
import { afterEach, expect, it } from 'vitest'
import { DnsResolver } from '../../../src/net/resolver/dns-resolver.ts'
import { withLength } from '../../../src/net/resolver/length-framer.ts'
import { systemServers } from '../../../src/net/resolver/servers.ts'
import { sharedResolver } from '../../../src/net/resolver/shared.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

function answer(bytes: Buffer, change: Partial<Packet> = {}): Buffer {
  const { id = 0, questions = [] } = decode(bytes)
  const name = questions[0]?.name ?? ''
  return encode({
    type: 'response',
    id,
    flags: RECURSION_AVAILABLE,
    questions,
    answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }],
    ...change,
  })
}

async function udpServer(
  address: string,
  answered: (bytes: Buffer) => Buffer,
): Promise<{ socket: Socket; ports: number[] }> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const ports: number[] = []
  socket.on('message', (bytes, { port, address: from }) => {
    ports.push(port)
    socket.send(answered(bytes), port, from)
  })
  await new Promise<void>(resolve => socket.bind(0, address, resolve))
  closers.push(() => socket.close())
  return { socket, ports }
}

function resolverOf(...servers: string[]): DnsResolver {
  const resolver = new DnsResolver({ servers, hosts: false })
  closers.push(() => resolver.close())
  return resolver
}

it.each(['127.0.0.1', '::1'])(
  'asks over UDP at %s, each question from a port of its own (RFC 5452)',
  async address => {
    const { socket, ports } = await udpServer(address, answer)
    const { port } = socket.address()
    const resolver = resolverOf(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)
    const before = process.getActiveResourcesInfo().toSorted()
    const names = Array.from({ length: 20 }, (_, i) => `n${i}.example`)
    expect(await Promise.all(names.map(name => resolver.addresses(name, 4)))).toEqual(
      names.map(() => ['192.0.2.1']),
    )
    expect(new Set(ports).size).toBe(20)
    expect(ports.every(one => one >= 32_768)).toBe(true)
    // nothing of ours keeps the process alive once the sockets have closed
    await expect
      .poll(() => process.getActiveResourcesInfo().filter(one => one === 'UDPWRAP').length)
      .toBe(before.filter(one => one === 'UDPWRAP').length)
  },
)

it('goes over TCP where the answer was cut off (RFC 7766)', async () => {
  const server: Server = createServer(socket => {
    socket.on('data', bytes => {
      const framed = withLength(answer(bytes.subarray(2)))
      socket.write(framed.subarray(0, 5))
      setImmediate(() => socket.write(framed.subarray(5)))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const at = server.address()
  const port = at !== null && typeof at === 'object' ? at.port : 0
  const socket = createSocket('udp4')
  socket.on('message', (bytes, from) => {
    socket.send(answer(bytes, { flags: TRUNCATED_RESPONSE, answers: [] }), from.port, from.address)
  })
  await new Promise<void>(resolve => socket.bind(port, '127.0.0.1', resolve))
  closers.push(() => socket.close())
  const resolver = resolverOf(`127.0.0.1:${port}`)
  expect(await resolver.addresses('example.org', 4)).toEqual(['192.0.2.1'])
  expect(resolver.counters).toMatchObject({ truncated: 1, sent: 2, answered: 1 })
})

it('a port where nobody listens is told by its code, and the next server answers', async () => {
  const dead = createSocket('udp4')
  await new Promise<void>(resolve => dead.bind(0, '127.0.0.1', resolve))
  const { port } = dead.address()
  await new Promise<void>(resolve => dead.close(() => resolve()))
  const { socket } = await udpServer('127.0.0.1', answer)
  const resolver = resolverOf(`127.0.0.1:${port}`, `127.0.0.1:${socket.address().port}`)
  expect(await resolver.addresses('example.org', 4)).toEqual(['192.0.2.1'])
  const { tries } = await resolver.explain('example.org', 'A')
  expect(tries.map(({ result }) => result)).toEqual([
    expect.stringMatching(/^(ECONNREFUSED|ETIMEOUT)$/),
    'answer',
  ])
})

it('the shared resolver is one, and knows localhost without asking', () => {
  expect(sharedResolver()).toBe(sharedResolver())
  expect(sharedResolver().addresses('localhost', 4)).toContain('127.0.0.1')
})

it("the system's name servers are numeric", () => {
  for (const server of systemServers()) expect(server).toMatch(/^[\d.:a-f[\]%\w]+$/)
})
