import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  FlowManager,
  type MediaStream,
  type MediaStreamOptions,
  type NatTraversalMode,
} from '../../src/media/flow/index.ts'
import type { TransportAddress } from '../../src/media/stun/index.ts'
import { alice, type Coturn, startCoturn } from './peers/coturn.ts'

const modes: NatTraversalMode[] = [
  'NoNatTraversal',
  'StunBindDiscovery',
  'TurnUdpAllocation',
  'TurnTcpAllocation',
  'TurnTlsAllocation',
]
const manager = new FlowManager()
const others: Coturn[] = []
let coturn: Coturn

beforeAll(async () => {
  coturn = await startCoturn('127.54.1.1')
})

afterAll(async () => {
  await manager.close()
  for (const server of [coturn, ...others]) await server.stop()
})

interface Ready {
  readonly stream: MediaStream
  readonly rtp: TransportAddress
  readonly rtcp: TransportAddress | undefined
}

function opened(mode: NatTraversalMode, more: MediaStreamOptions = {}): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const stream = manager.createMediaStream(
      {
        onMediaStreamReady: (rtp, rtcp) => resolve({ stream, rtp, rtcp }),
        onMediaStreamError: (_, error) => reject(error),
      },
      { address: '127.0.0.1', port: 0 },
      {
        natTraversalMode: mode,
        serverHostname: coturn.address,
        serverPort: mode === 'TurnTlsAllocation' ? coturn.tlsPort : coturn.port,
        // a STUN server asks nobody who he is
        ...(mode !== 'StunBindDiscovery' && { stunUsername: alice.username, stunPassword: alice.password }),
        tls: coturn.tls,
        timing: { rto: 100 },
        ...more,
      },
    )
  })
}

function rtpPacket(sequence: number): Buffer {
  const packet = Buffer.alloc(172)
  packet[0] = 0x80
  packet.writeUInt16BE(sequence, 2)
  return packet
}

const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7])

describe.each(modes)('two flows in mode %s', mode => {
  it('exchange RTP and RTCP', async () => {
    const [a, b] = await Promise.all([opened(mode), opened(mode)])
    expect(a.rtp.port % 2).toBe(0)
    expect(a.rtcp?.port).toBe(a.rtp.port + 1)
    const { rtpFlow, rtcpFlow } = a.stream
    if (rtcpFlow === undefined || b.rtcp === undefined || a.rtcp === undefined) throw new Error('no RTCP')
    const tuples = { NoNatTraversal: rtpFlow.localTuple, StunBindDiscovery: rtpFlow.reflexiveTuple }
    expect(rtpFlow.sessionTuple).toEqual(
      mode in tuples ? tuples[mode as keyof typeof tuples] : rtpFlow.relayTuple,
    )
    rtpFlow.setActiveDestination(b.rtp.address, b.rtp.port)
    b.stream.rtpFlow.setActiveDestination(a.rtp.address, a.rtp.port)
    rtcpFlow.setActiveDestination(b.rtcp.address, b.rtcp.port)
    b.stream.rtcpFlow?.setActiveDestination(a.rtcp.address, a.rtcp.port)
    // a relay lets through what it has a permission for: both must have sent
    b.stream.rtpFlow.send(rtpPacket(0))
    b.stream.rtcpFlow?.send(report)
    await new Promise(resolve => setTimeout(resolve, 50))
    for (let sequence = 0; sequence < 50; sequence++) rtpFlow.send(rtpPacket(sequence))
    for (let sequence = 0; sequence < 50; sequence++) {
      const { data, source } = await b.stream.rtpFlow.receive({ timeout: 3000 })
      expect(Buffer.from(data).readUInt16BE(2)).toBe(sequence)
      expect(a.rtp).toMatchObject(source)
    }
    rtcpFlow.send(report)
    const { data } =
      (await b.stream.rtcpFlow?.receiveFrom(a.rtcp.address, a.rtcp.port, { timeout: 3000 })) ?? {}
    expect(data && Buffer.compare(data, report)).toBe(0)
    await Promise.all([a.stream.close(), b.stream.close()])
  })

  it('multiplex RTP and RTCP on one port (RFC 5761)', async () => {
    const [a, b] = await Promise.all([opened(mode, { rtcpMux: true }), opened(mode, { rtcpMux: true })])
    expect(a.rtcp).toEqual(a.rtp)
    b.stream.rtpFlow.setActiveDestination(a.rtp.address, a.rtp.port)
    b.stream.rtcpFlow?.setActiveDestination(a.rtp.address, a.rtp.port)
    a.stream.rtpFlow.setActiveDestination(b.rtp.address, b.rtp.port)
    a.stream.rtpFlow.send(rtpPacket(0))
    await b.stream.rtpFlow.receive({ timeout: 500 }).catch(() => {})
    b.stream.rtcpFlow?.send(report)
    b.stream.rtpFlow.send(rtpPacket(1))
    const packet = await a.stream.rtpFlow.receive({ timeout: 3000 })
    expect(Buffer.from(packet.data).readUInt16BE(2)).toBe(1)
    const control = await a.stream.rtcpFlow?.receive({ timeout: 3000 })
    expect(control && Buffer.compare(control.data, report)).toBe(0)
    await Promise.all([a.stream.close(), b.stream.close()])
  })
})

describe('a stream that cannot be had', () => {
  it('says so once: wrong password', async () => {
    await expect(opened('TurnUdpAllocation', { stunPassword: 'guess' })).rejects.toMatchObject({
      status: 401,
    })
  })

  it('says so once: nobody answers', async () => {
    const silent = opened('StunBindDiscovery', {
      serverPort: 9,
      timing: { rto: 10, requests: 2, lastWait: 2 },
    })
    await expect(silent).rejects.toMatchObject({ code: 'ERR_STUN_TIMEOUT' })
  })
})

describe.each<NatTraversalMode>(['TurnUdpAllocation', 'TurnTcpAllocation'])('a stream in mode %s', mode => {
  it('gives its allocation back at close', async () => {
    const narrow = await startCoturn('127.54.1.3', ['--user-quota=1'])
    others.push(narrow)
    const more = { serverHostname: narrow.address, rtcpEnabled: false }
    const first = await opened(mode, more)
    await expect(opened(mode, more)).rejects.toMatchObject({ status: 486 })
    await first.stream.close()
    // the server lets a second pass before it counts an allocation as gone
    let second: Ready | undefined
    for (const end = performance.now() + 10_000; second === undefined && performance.now() < end; ) {
      await new Promise(resolve => setTimeout(resolve, 200))
      second = await opened(mode, more).catch(() => undefined)
    }
    await second?.stream.close()
    expect(second).toBeDefined()
    await narrow.stop()
  })
})

describe('a TURN server that dies', () => {
  async function begun(address: string, recoveryAttempts: number) {
    const server = await startCoturn(address)
    others.push(server)
    const log: string[] = []
    let wake = (): void => {}
    const note = (what: string): void => {
      log.push(what)
      wake()
    }
    const stream = manager.createMediaStream(
      {
        onMediaStreamReady: rtp => note(`ready ${rtp.address}`),
        onMediaStreamChanged: rtp => note(`changed ${rtp.address}`),
        onMediaStreamError: note,
      },
      { address: '127.0.0.1', port: 0 },
      {
        natTraversalMode: 'TurnTcpAllocation',
        serverHostname: server.address,
        serverPort: server.port,
        stunUsername: alice.username,
        stunPassword: alice.password,
        recoveryAttempts,
      },
    )
    const told = async (count: number): Promise<string[]> => {
      while (log.length < count) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      return log
    }
    await told(1)
    return { server, stream, told }
  }

  it('ends the stream, once', async () => {
    const { server, stream, told } = await begun('127.54.1.2', 0)
    await server.stop()
    await told(2)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(await told(2)).toEqual([`ready ${server.address}`, 'ECONNREFUSED'])
    await stream.close()
  })

  it('and comes back gives the stream new relays', async () => {
    const { server, stream, told } = await begun('127.54.1.4', 5)
    await server.stop()
    const back = await startCoturn('127.54.1.4')
    others.push(back)
    expect(await told(2)).toEqual([`ready ${server.address}`, `changed ${server.address}`])
    expect(stream.isReady).toBe(true)
    await stream.close()
  })
})
