import { afterEach, describe, expect, it } from 'vitest'
import { AlternateServer, method } from '../../../src/media/stun/index.ts'
import { TurnUdpSocket } from '../../../src/media/turn/index.ts'
import { refused, ScriptedServer } from './scripted-server.ts'

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
