import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  AlternateServer,
  Lifetime,
  method,
  parseStun,
  StunFramer,
  StunMessage,
} from '../../../src/media/stun/index.ts'
import { TurnTcpSocket, TurnUdpSocket } from '../../../src/media/turn/index.ts'
import { resolverOf } from '../resolver.ts'
import { granted, refused, ScriptedServer } from './scripted-server.ts'

const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function started(address?: string, signed?: boolean): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(address, signed)
  closers.push(() => server.close())
  return server
}

function opened(server: ScriptedServer, options = {}): TurnUdpSocket {
  const socket = new TurnUdpSocket({
    host: server.address.address,
    port: server.address.port,
    username: 'alice',
    password: 'secret',
    timing: { rto: 20 },
    ...options,
  })
  closers.push(() => socket.close())
  return socket
}

describe('a forged 300 (RFC 8656 §7.4, RFC 8489 §10)', () => {
  it.each([
    ['signed, is passed over, and the server’s own answer taken', true],
    ['bare, is a refusal', false],
  ])('to a Refresh that is %s; the attacker gets nothing', async (_, signed) => {
    const server = await started('127.0.0.1', signed)
    const attacker = await started('127.0.0.1', signed)
    const socket = opened(server)
    await socket.connect()
    await socket.createAllocation()
    let forged = 0
    server.script = request => {
      if (request.method !== method.Refresh || forged++ > 0) return undefined
      return refused(request, 300).add(AlternateServer, attacker.address)
    }
    const refreshing = socket.refreshAllocation(700)
    if (signed) expect(await refreshing).toBe(700)
    else await expect(refreshing).rejects.toMatchObject({ status: 300 })
    expect(await socket.refreshAllocation(800)).toBe(800)
    expect(forged).toBeGreaterThan(0)
    expect(attacker.received).toBe(0)
    expect(socket.relayTuple?.port).toBe(50_000)
  })

  it('to an Allocate is followed, once to each server', async () => {
    const [first, second] = [await started(), await started()]
    first.script = request =>
      request.method === method.Allocate
        ? refused(request, 300).add(AlternateServer, second.address)
        : undefined
    second.script = request =>
      request.method === method.Allocate
        ? refused(request, 300).add(AlternateServer, first.address)
        : undefined
    const socket = opened(first)
    await socket.connect()
    await expect(socket.createAllocation()).rejects.toMatchObject({ status: 300 })
    expect([first.of(method.Allocate).length, second.of(method.Allocate).length]).toEqual([1, 1])
  })
})

describe('a server over UDP', () => {
  it('where nobody listens fails at once: the system tells the ICMP error (RFC 8489 §6.2.1)', async () => {
    const server = await started()
    const { address, port } = server.address
    await server.close()
    const socket = new TurnUdpSocket({ host: address, port })
    closers.push(() => socket.close())
    await socket.connect()
    const begin = performance.now()
    await expect(socket.createAllocation()).rejects.toMatchObject({
      code: 'ERR_STUN_TRANSPORT',
      cause: { code: 'ECONNREFUSED' },
    })
    await expect(socket.bindRequest()).rejects.toMatchObject({ code: 'ERR_STUN_TRANSPORT' })
    expect(performance.now() - begin).toBeLessThan(5000)
  })

  it('has its other address asked where nobody listens at the first', async () => {
    const server = await started()
    const resolver = resolverOf('127.0.0.77', '127.0.0.1')
    const socket = opened(server, { host: 'turn.test', resolver, timing: { rto: 500 } })
    expect((await socket.connect()).address).toBe('127.0.0.77')
    await socket.createAllocation()
    expect(server.of(method.Allocate)).toHaveLength(2)
  })

  it('that calls our address in use (437) sees two others of ours (RFC 8656 §7.4)', async () => {
    const server = await started('127.0.0.1', false)
    server.script = request => (request.method === method.Allocate ? refused(request, 437) : undefined)
    const socket = opened(server)
    await socket.connect()
    await expect(socket.createAllocation()).rejects.toMatchObject({ status: 437 })
    const ports = server.of(method.Allocate).map(({ from }) => from.port)
    expect(new Set(ports).size).toBe(3)
  })

  it('hears of the end of an allocation before the socket closes (RFC 8656 §8)', async () => {
    const server = await started()
    const socket = opened(server)
    await socket.connect()
    await socket.createAllocation()
    const destroyed = expect(socket.destroyAllocation()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await socket.close()
    await destroyed
    await server.until(method.Refresh)
    expect(server.of(method.Refresh)[0]?.request.get(Lifetime)).toBe(0)
  })
})

describe('a server over TCP', () => {
  it('hears of the end of an allocation before the connection closes (RFC 8656 §8)', async () => {
    const lifetimes: (number | undefined)[] = []
    const sockets: Socket[] = []
    let ended = (): void => {}
    const over = new Promise<void>(resolve => {
      ended = resolve
    })
    const server = createServer(socket => {
      sockets.push(socket.on('error', () => {}))
      const framer = new StunFramer()
      socket.on('data', chunk => {
        for (const frame of framer.push(chunk)) {
          const request = parseStun(frame)
          if (!(request instanceof StunMessage)) continue
          if (request.method === method.Refresh) lifetimes.push(request.get(Lifetime))
          else
            socket.write(
              granted(request, { address: '127.0.0.1', port: 1 }, { address: '127.0.0.1', port: 2 }).finish(),
            )
        }
      })
      socket.on('close', ended)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => new Promise(resolve => server.close(() => resolve())))
    const bound = server.address()
    const socket = new TurnTcpSocket({
      host: '127.0.0.1',
      port: bound !== null && typeof bound === 'object' ? bound.port : 0,
    })
    await socket.connect()
    await socket.createAllocation()
    const destroyed = expect(socket.destroyAllocation()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await socket.close()
    await destroyed
    await over
    expect(lifetimes).toEqual([0])
    for (const one of sockets) one.destroy()
  })
})
