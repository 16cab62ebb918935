import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StunErrorResponse } from '../../src/media/stun/index.ts'
import {
  type Allocation,
  type AllocationRequest,
  TurnAsyncUdpSocket,
  type TurnPeerConnection,
  type TurnSocket,
  TurnTcpSocket,
  TurnTlsSocket,
  TurnUdpSocket,
  turnRefusal,
} from '../../src/media/turn/index.ts'
import { UdpSocket } from '../../src/net/udp.ts'
import { alice, type Coturn, startCoturn } from './peers/coturn.ts'

const SOAK_SECONDS = Number(process.env.TURN_SOAK_SECONDS ?? 5)
const closers: (() => Promise<void> | void)[] = []
let coturn: Coturn

beforeAll(async () => {
  coturn = await startCoturn('127.54.0.1')
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
  await coturn.stop()
})

type Transport = 'udp' | 'tcp' | 'tls'

function open(transport: Transport, server = coturn, credentials = alice): TurnSocket {
  const options = { host: server.address, ...credentials, timing: { rto: 100 } }
  const socket =
    transport === 'udp'
      ? new TurnUdpSocket({ ...options, port: server.port })
      : transport === 'tcp'
        ? new TurnTcpSocket({ ...options, port: server.port })
        : new TurnTlsSocket({ ...options, port: server.tlsPort, tls: server.tls })
  closers.push(() => socket.close())
  return socket
}

/** A plain UDP socket that sends back what it gets. */
async function openEcho(): Promise<{ address: string; port: number; close(): Promise<void> }> {
  const socket: UdpSocket = await UdpSocket.bind(
    { address: '127.0.0.1', port: 0 },
    { onDatagram: (bytes, address, port) => socket.send(bytes, port, address), onSocketError() {} },
  )
  closers.push(() => socket.close())
  return { address: '127.0.0.1', port: socket.local.port, close: () => socket.close() }
}

async function allocated(socket: TurnSocket, request?: AllocationRequest): Promise<Allocation> {
  await socket.connect()
  return socket.createAllocation(request)
}

describe.each<Transport>(['udp', 'tcp', 'tls'])('coturn over %s', transport => {
  it('serves every function of the awaited form (RFC 8656)', async () => {
    const socket = open(transport)
    await socket.connect()
    const reflexive = await socket.bindRequest()
    expect(reflexive.port).toBe(socket.localTuple?.port)
    const allocation = await socket.createAllocation({ lifetime: 700, ports: 'even' })
    expect(allocation.relay.address).toBe(coturn.address)
    expect(allocation.relay.port % 2).toBe(0)
    expect(allocation.reflexive).toEqual(reflexive)
    expect(allocation.lifetime).toBe(700)
    expect(socket.relayTuple).toEqual(allocation.relay)
    expect(await socket.refreshAllocation(800)).toBe(800)
    expect(socket.lifetime).toBe(800)

    const echo = await openEcho()
    for (const size of [1, 2, 3, 4, 1200]) {
      socket.sendTo(echo.address, echo.port, Buffer.alloc(size, size))
      const { data, source } = await socket.receive({ timeout: 5000 })
      expect(Buffer.compare(data, Buffer.alloc(size, size))).toBe(0)
      expect(source).toEqual({ address: echo.address, port: echo.port })
    }
    const channel = await socket.setActiveDestination(echo.address, echo.port)
    expect(channel).toBeGreaterThanOrEqual(0x4000)
    for (const size of [1, 2, 3, 4, 1200]) {
      socket.send(Buffer.alloc(size, 7))
      const { data } = await socket.receiveFrom(echo.address, echo.port, { timeout: 5000 })
      expect(Buffer.compare(data, Buffer.alloc(size, 7))).toBe(0)
    }
    const other = await openEcho()
    await socket.setActiveDestination(other.address, other.port)
    socket.send(Buffer.from('other'))
    expect((await socket.receive({ timeout: 5000 })).source.port).toBe(other.port)
    socket.clearActiveDestination()
    await expect(socket.receive({ timeout: 20 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await socket.destroyAllocation()
    expect(socket.relayTuple).toBeUndefined()
    await socket.close()
  })

  it('keeps the odd port for the reservation token (RFC 8656 §7.2)', async () => {
    const rtp = open(transport)
    const rtcp = open(transport)
    const first = await allocated(rtp, { ports: 'even-and-reserve' })
    const { reservationToken } = first
    if (reservationToken === undefined) throw new Error('no token')
    const second = await allocated(rtcp, { reservationToken })
    expect(second.relay.port).toBe(first.relay.port + 1)
    await Promise.all([rtp.close(), rtcp.close()])
  })

  it('refuses a wrong password once, with code and reason', async () => {
    const socket = open(transport, coturn, { username: 'alice', password: 'guess' })
    const refusal = await allocated(socket).catch((error: unknown) => error)
    if (!(refusal instanceof StunErrorResponse)) throw refusal
    expect(refusal.status).toBe(401)
    expect(refusal.reason).not.toBe('')
    expect(turnRefusal(refusal)).toBe('unauthenticated')
    await socket.close()
  })

  it(`relays ${SOAK_SECONDS} s of two G.711 calls without loss`, async () => {
    const [a, b] = [open(transport), open(transport)]
    const [first, second] = [await allocated(a), await allocated(b)]
    await Promise.all([
      a.setActiveDestination(second.relay.address, second.relay.port),
      b.setActiveDestination(first.relay.address, first.relay.port),
    ])
    const packets = SOAK_SECONDS * 50
    const received = [count(a, packets), count(b, packets)]
    const begin = performance.now()
    for (let sequence = 0; sequence < packets; sequence++) {
      const wait = begin + sequence * 20 - performance.now()
      if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
      const packet = Buffer.alloc(172)
      packet.writeUInt32BE(sequence)
      a.send(packet)
      b.send(packet)
    }
    expect(await Promise.all(received)).toEqual([packets, packets])
    await Promise.all([a.close(), b.close()])
  })
})

async function count(socket: TurnSocket, packets: number): Promise<number> {
  let next = 0
  while (next < packets) {
    const { data } = await socket.receive({ timeout: 3000 })
    if (Buffer.from(data).readUInt32BE() !== next) break
    next++
  }
  return next
}

describe('coturn', () => {
  it('checks certificates: an unknown authority is refused', async () => {
    const socket = new TurnTlsSocket({ host: coturn.address, port: coturn.tlsPort, ...alice })
    await expect(socket.connect()).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await socket.close()
  })

  it('is not asked for TCP relays over UDP (RFC 6062 §4.1)', async () => {
    const socket = open('udp')
    await socket.connect()
    await expect(socket.createAllocation({ transport: 'TCP' })).rejects.toMatchObject({
      code: 'ERR_TURN_REQUEST',
    })
    await socket.close()
  })

  it('tells that IPv6 is not served (RFC 8656 §7.2: 440), and a dual allocation goes on without', async () => {
    const socket = open('udp')
    await socket.connect()
    const refused = await socket.createAllocation({ addressFamily: 'IPv6' }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ status: 440 })
    const dual = await socket.createAllocation({ addressFamily: 'dual' })
    expect(dual.relay.address).toBe(coturn.address)
    expect(dual.additionalRelay).toBeUndefined()
    await socket.close()
  })

  it('relays IPv6 to IPv6 (RFC 8656 §7.1)', async () => {
    const server = await startCoturn('::1')
    closers.push(() => server.stop())
    const [a, b] = [open('udp', server), open('udp', server)]
    const [first, second] = [
      await allocated(a, { addressFamily: 'IPv6' }),
      await allocated(b, { addressFamily: 'IPv6' }),
    ]
    expect([first.relay.address, second.relay.address]).toEqual(['::1', '::1'])
    await Promise.all([
      a.setActiveDestination(second.relay.address, second.relay.port),
      b.setActiveDestination(first.relay.address, first.relay.port),
    ])
    a.send(Buffer.from('through two relays'))
    const { data, source } = await b.receiveFrom('::1', first.relay.port, { timeout: 3000 })
    expect(Buffer.from(data).toString()).toBe('through two relays')
    expect(source).toEqual(first.relay)
    await Promise.all([a.close(), b.close()])
    await server.stop()
  })

  it('answers every call of the handler form', async () => {
    const echo = await openEcho()
    const log: string[] = []
    await new Promise<void>((resolve, reject) => {
      const socket: TurnAsyncUdpSocket = new TurnAsyncUdpSocket(
        {
          onConnectSuccess(id, address, port) {
            log.push(`connected ${id === socket.id} ${address}:${port}`)
            socket.bindRequest()
          },
          onConnectFailure: (_, error) => reject(error),
          onBindSuccess(_, reflexive, server) {
            log.push(`bound ${reflexive.address} ${server.port}`)
            socket.createAllocation({ lifetime: 650 })
          },
          onAllocationSuccess(_, reflexive, relay, lifetime, bandwidth, token) {
            log.push(`allocated ${reflexive?.address} ${relay.address} ${lifetime} ${bandwidth} ${token}`)
            socket.refreshAllocation(660)
          },
          onAllocationFailure: (_, error) => reject(error),
          onRefreshSuccess(_, lifetime) {
            log.push(`lifetime ${lifetime}`)
            if (lifetime > 0) socket.setActiveDestination(echo.address, echo.port)
            else socket.close().then(resolve)
          },
          onChannelBindSuccess: (_, channel) => log.push(`channel ${channel}`),
          onSetActiveDestinationSuccess(_, address) {
            log.push(`active ${address}`)
            socket.send(Buffer.from('hello'))
          },
          onSendSuccess: () => log.push('sent'),
          onReceiveSuccess(_, address, port, data) {
            log.push(`received ${Buffer.from(data)} ${address} ${port === echo.port}`)
            socket.clearActiveDestination()
            socket.destroyAllocation()
          },
          onClearActiveDestinationSuccess: () => log.push('cleared'),
        },
        { host: coturn.address, port: coturn.port, ...alice },
      )
      closers.push(() => socket.close())
      socket.connect()
    })
    expect(log).toEqual([
      `connected true ${coturn.address}:${coturn.port}`,
      `bound 127.0.0.1 ${coturn.port}`,
      `allocated 127.0.0.1 ${coturn.address} 650 undefined undefined`,
      'lifetime 660',
      'channel 16384',
      'active 127.0.0.1',
      'sent',
      'received hello 127.0.0.1 true',
      'cleared',
      'lifetime 0',
    ])
  })

  it('renews a nonce that it calls stale (RFC 8489 §9.2.5: 438)', async () => {
    const server = await startCoturn('127.54.0.2', ['--stale-nonce=1'])
    closers.push(() => server.stop())
    const socket = open('udp', server)
    await allocated(socket)
    await new Promise(resolve => setTimeout(resolve, 2500))
    expect(await socket.refreshAllocation(700)).toBe(700)
    await socket.close()
  })

  it.each<Transport>(['udp', 'tcp'])('sends us elsewhere (300) over %s, and we go', async transport => {
    const elsewhere = `--alternate-server=${coturn.address}:${coturn.port}`
    const server = await startCoturn('127.54.0.3', [elsewhere])
    closers.push(() => server.stop())
    const socket = open(transport, server)
    const allocation = await allocated(socket)
    expect(allocation.relay.address).toBe(coturn.address)
    await socket.close()
    await server.stop()
  })

  it('has a quota (486)', async () => {
    const server = await startCoturn('127.54.0.4', ['--user-quota=1'])
    closers.push(() => server.stop())
    const [first, second] = [open('udp', server), open('udp', server)]
    await allocated(first)
    const refused = await allocated(second).catch((error: unknown) => error)
    if (!(refused instanceof StunErrorResponse)) throw refused
    expect(refused.status).toBe(486)
    expect(turnRefusal(refused)).toBe('allocation-quota-reached')
    await Promise.all([first.close(), second.close()])
    await server.stop()
  })

  it.each<Transport>(['udp', 'tcp'])(
    'may die and come back: the loss is told, and a new allocation works (%s)',
    async transport => {
      const server = await startCoturn('127.54.0.5')
      closers.push(() => server.stop())
      let lost: Error | undefined
      const options = { host: server.address, port: server.port, ...alice, timing: { rto: 20, requests: 3 } }
      const onAllocationLost = (error: Error): void => {
        lost = error
      }
      const socket =
        transport === 'udp'
          ? new TurnUdpSocket({ ...options, onAllocationLost })
          : new TurnTcpSocket({ ...options, onAllocationLost })
      await allocated(socket)
      await server.stop()
      if (transport === 'udp') {
        await expect(socket.refreshAllocation()).rejects.toMatchObject({ code: 'ERR_STUN_TRANSPORT' })
      } else await until(() => lost !== undefined)
      const back = await startCoturn('127.54.0.5')
      closers.push(() => back.stop())
      if (transport === 'udp') {
        await expect(socket.refreshAllocation()).rejects.toMatchObject({ status: 437 })
        expect(lost).toMatchObject({ status: 437 })
      } else await socket.connect()
      const again = await socket.createAllocation()
      expect(again.relay.address).toBe(back.address)
      await socket.close()
      await back.stop()
    },
  )
})

describe('TCP allocations of coturn (RFC 6062)', () => {
  it.each<Transport>(['tcp', 'tls'])(
    'connect to a peer, and take its connection, over %s',
    async transport => {
      const socket = open(transport)
      const { relay } = await allocated(socket, { transport: 'TCP' })
      const listener = await listening(peer => peer.on('data', data => peer.write(data)))
      const address = listener.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      const connection = await socket.connectPeer('127.0.0.1', port)
      expect(await exchanged(connection, 'to the peer')).toBe('to the peer')
      connection.close()

      socket.permit('127.0.0.1')
      await socket.bindRequest()
      const accepting = socket.acceptConnection()
      const caller = connect({ host: relay.address, port: relay.port, localAddress: '127.0.0.1' })
      caller.on('error', () => {})
      caller.on('data', data => caller.write(data))
      const accepted = await accepting
      expect(await exchanged(accepted, 'from the peer')).toBe('from the peer')
      accepted.close()
      caller.destroy()
      await socket.close()
      await new Promise(resolve => listener.close(resolve))
    },
  )
})

function listening(onPeer: (peer: Socket) => void): Promise<Server> {
  return new Promise(resolve => {
    // coturn ends a peer's connection with a reset
    const server = createServer(peer => onPeer(peer.on('error', () => {})))
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

function exchanged(connection: TurnPeerConnection, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    connection.listen({
      onBytes(bytes) {
        got += Buffer.from(bytes).toString()
        if (got.length >= text.length) resolve(got)
      },
      onClosed: reject,
    })
    connection.write(Buffer.from(text))
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}
