import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import {
  FlowManager,
  type FlowManagerOptions,
  MediaSession,
  type MediaSessionHandler,
  type MediaSessionOptions,
  type MediaStream,
} from '../../../src/media/flow/index.ts'
import { RtpSender, staticClockRate } from '../../../src/media/rtp/index.ts'
import { systemClock } from '../../../src/net/clock.ts'
import { systemRandom } from '../../../src/net/random.ts'
import { UdpSocket } from '../../../src/net/udp.ts'
import { isWildcard } from '../../../src/util/address.ts'
import { Timers } from '../../../src/util/timers.ts'

/** Someone else's program on this host: a UDP socket of Node's own, on one of the loopback addresses. */
class Outsider {
  readonly #socket: Socket = createSocket('udp4')
  readonly received: Buffer[] = []
  #wake: () => void = () => {}

  static async at(address: string): Promise<Outsider> {
    const outsider = new Outsider()
    outsider.#socket.bind(0, address)
    await once(outsider.#socket, 'listening')
    outsider.#socket.on('message', bytes => {
      outsider.received.push(bytes)
      outsider.#wake()
    })
    cleanUp.push(() => outsider.#socket.close())
    return outsider
  }

  get address() {
    const { address, port } = this.#socket.address()
    return { address, port }
  }

  rtp(sequence: number, ssrc: number, to: MediaSession): Promise<void> {
    const packet = Buffer.alloc(172)
    packet[0] = 0x80
    packet.writeUInt16BE(sequence, 2)
    packet.writeUInt32BE(ssrc, 8)
    return this.send(packet, to)
  }

  async send(packet: Buffer, to: MediaSession): Promise<void> {
    const { port = 0, address = '' } = to.stream.rtpFlow.localTuple ?? {}
    const before = seen(to)
    await new Promise(resolve => this.#socket.send(packet, port, address, resolve))
    // each is seen before the next leaves: the order is the test's
    while (seen(to) === before) await new Promise(resolve => setImmediate(resolve))
  }

  async hears(count: number): Promise<Buffer> {
    while (this.received.length < count) await new Promise<void>(resolve => (this.#wake = resolve))
    return this.received[count - 1] ?? Buffer.alloc(0)
  }
}

function seen({ stream }: MediaSession): number {
  const { packetsIn, strangers } = stream.rtpFlow.counters
  return packetsIn + strangers
}

const cleanUp: (() => unknown)[] = []
const manager = (options: FlowManagerOptions = {}): FlowManager => {
  const made = new FlowManager(options)
  cleanUp.push(() => made.close())
  return made
}

afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end()
})

async function session(
  handler: MediaSessionHandler = {},
  options: Partial<MediaSessionOptions> & { allowEcho?: boolean } = {},
): Promise<{ media: MediaSession; sender: RtpSender }> {
  const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random: systemRandom })
  const media = await new Promise<MediaSession>((resolve, reject) => {
    const made: MediaSession = new MediaSession(
      manager(),
      {
        ...handler,
        onMediaStreamReady: () => resolve(made),
        onMediaStreamError: (_, error) => reject(error),
      },
      { address: '127.0.0.1', port: 0 },
      {
        ...options,
        rtp: {
          sender,
          cname: 'ours',
          clock: systemClock,
          timers: new Timers(systemClock),
          random: systemRandom,
          clockRateOf: staticClockRate,
          allowEcho: options.allowEcho ?? false,
        },
      },
    )
  })
  return { media, sender }
}

function packet(sender: RtpSender): Buffer {
  const bytes = Buffer.alloc(172)
  sender.write(bytes, 0, Buffer.alloc(160), 160, systemClock.now())
  return bytes
}

describe('a media session, from outside', () => {
  it('is not won by a stranger who sprays before the phone', async () => {
    // the phone's SDP names an address that nothing comes from; its SIP came from its NAT
    const [stranger, phone] = [await Outsider.at('127.0.0.66'), await Outsider.at('127.0.0.77')]
    const { media, sender } = await session({}, { destination: { sipSource: '127.0.0.77' } })
    media.setRemote({ address: '127.0.0.10', port: 4000 })
    for (let sequence = 0; sequence < 50; sequence++) await stranger.rtp(sequence, 666, media)
    for (let sequence = 0; sequence < 5; sequence++) {
      await phone.rtp(sequence, 7, media)
      await stranger.rtp(50 + sequence, 666, media)
    }
    expect(media.stream.rtpFlow.activeDestination).toEqual(phone.address)
    expect(media.send(packet(sender))).toBe(true)
    expect((await phone.hears(1)).readUInt32BE(8)).toBe(sender.ssrc)
    expect(stranger.received).toEqual([])
    // what the stranger sent before the phone spoke was taken for want of better; from then on nothing is
    expect(media.rtp.sources.get(7)?.sequence.valid).toBe(true)
    expect(media.stream.rtpFlow.counters.strangers).toBeGreaterThanOrEqual(5)
  })

  it('is not won by a stranger at all where the phone is where its SDP says', async () => {
    const [stranger, phone] = [await Outsider.at('127.0.0.66'), await Outsider.at('127.0.0.77')]
    const { media } = await session()
    media.setRemote(phone.address)
    await phone.rtp(1, 7, media)
    await phone.rtp(2, 7, media)
    for (let sequence = 0; sequence < 50; sequence++) await stranger.rtp(sequence, 666, media)
    expect(media.stream.rtpFlow.activeDestination).toEqual(phone.address)
    expect([...media.rtp.sources.keys()]).toEqual([7])
    expect(media.stream.rtpFlow.counters).toMatchObject({ packetsIn: 2, strangers: 50 })
  })

  it('goes to the signalled source after a re-INVITE, whoever was settled', async () => {
    const [first, second, stranger] = [
      await Outsider.at('127.0.0.77'),
      await Outsider.at('127.0.0.88'),
      await Outsider.at('127.0.0.66'),
    ]
    const moves: string[] = []
    const { media, sender } = await session({
      onMediaStreamMoved: (_, { address }) => moves.push(address),
    })
    media.setRemote(first.address)
    // a stranger that proved itself before the phone spoke
    await stranger.rtp(1, 666, media)
    await stranger.rtp(2, 666, media)
    expect(media.stream.rtpFlow.activeDestination).toEqual(stranger.address)
    // the signalled source wins all the same, and the one that a re-INVITE names too
    await first.rtp(1, 7, media)
    await first.rtp(2, 7, media)
    expect(media.stream.rtpFlow.activeDestination).toEqual(first.address)
    media.setRemote(second.address)
    expect(media.stream.rtpFlow.activeDestination).toEqual(second.address)
    // the same source, SSRC and all, from another address: no loop (RFC 3550 §8.2)
    for (let sequence = 3; sequence < 8; sequence++) await second.rtp(sequence, 7, media)
    expect(media.rtp.sources.get(7)?.sequence.received).toBeGreaterThanOrEqual(5)
    media.send(packet(sender))
    expect((await second.hears(1)).readUInt32BE(8)).toBe(sender.ssrc)
    expect([stranger.received, moves]).toEqual([[], ['127.0.0.66', '127.0.0.77']])
  })

  it('hears everybody where it is told to', async () => {
    const stranger = await Outsider.at('127.0.0.66')
    const { media } = await session({}, { destination: false })
    media.setRemote({ address: '127.0.0.10', port: 4000 })
    await stranger.rtp(1, 666, media)
    expect(media.stream.rtpFlow.counters).toMatchObject({ packetsIn: 1, strangers: 0 })
  })

  it.each([
    [true, [], [160, 160, 160]],
    [false, ['collision'], []],
  ])(
    'takes its own RTP back where that is allowed: %s (RFC 3550 §8.2)',
    async (allowEcho, collisions, heard) => {
      // as SIPp does with -rtp_echo: every packet comes back as it was
      const mirror = await Outsider.at('127.0.0.77')
      const log: string[] = []
      const payloads: number[] = []
      const { media, sender } = await session(
        {
          onCollision: () => log.push('collision'),
          onRtp: ({ packet: { payloadLength } }) => payloads.push(payloadLength),
        },
        { allowEcho },
      )
      media.setRemote(mirror.address)
      const ssrc = sender.ssrc
      for (let i = 0; i < 4; i++) {
        media.send(packet(sender))
        await mirror.send(await mirror.hears(i + 1), media)
      }
      expect([log, payloads, sender.ssrc === ssrc]).toEqual([collisions, heard, allowEcho])
      // an echo is no member beside ourselves
      expect(media.rtp.members.get(ssrc)).toBeUndefined()
    },
  )

  it('drops and counts payload types that were not negotiated', async () => {
    const phone = await Outsider.at('127.0.0.77')
    const { media } = await session()
    media.setRemote(phone.address)
    for (let sequence = 0; sequence < 3; sequence++) {
      const bytes = Buffer.alloc(20)
      bytes.writeUInt16BE(0x8000 | 99, 0)
      bytes.writeUInt16BE(sequence, 2)
      await phone.send(bytes, media)
    }
    expect([media.rtp.refused.payloadType, media.rtp.sources.size]).toEqual([3, 0])
  })
})

describe('a stream, from outside', () => {
  const opened = (flows: FlowManager, address: string, onReady: (stream: MediaStream) => void = () => {}) =>
    new Promise<MediaStream>((resolve, reject) => {
      const stream: MediaStream = flows.createMediaStream(
        {
          onMediaStreamReady: () => {
            onReady(stream)
            resolve(stream)
          },
          onMediaStreamError: (_, error) => reject(error),
        },
        { address, port: 0 },
      )
    })

  it('sends what is sent as soon as it is told to be ready', async () => {
    const peer = await Outsider.at('127.0.0.77')
    let sent: unknown[] = []
    await opened(manager(), '127.0.0.1', stream => {
      stream.rtpFlow.setActiveDestination(peer.address.address, peer.address.port)
      sent = [stream.isReady, stream.rtpFlow.send(Buffer.from([0x80]))]
    })
    expect(sent).toEqual([true, true])
    expect(await peer.hears(1)).toEqual(Buffer.from([0x80]))
  })

  it('tells peers a real address where it is bound to a wildcard', async () => {
    const own = await opened(manager(), '0.0.0.0')
    expect(isWildcard(own.rtpFlow.localTuple?.address ?? '')).toBe(true)
    expect(isWildcard(own.rtpFlow.sessionTuple?.address ?? '0.0.0.0')).toBe(false)
    expect(own.rtpFlow.sessionTuple?.port).toBe(own.rtpFlow.localTuple?.port)
    const told = await opened(manager({ hostAddress: () => '192.0.2.1' }), '0.0.0.0')
    expect(told.rtcpFlow?.sessionTuple?.address).toBe('192.0.2.1')
  })

  it('has freed its ports when close is done: called twice, and while it opens', async () => {
    const flows = manager()
    const stream = await opened(flows, '127.0.0.1')
    const { port = 0 } = stream.rtpFlow.localTuple ?? {}
    void stream.close()
    await stream.close()
    const receiver = { onDatagram() {}, onSocketError() {} }
    const again = await UdpSocket.bind({ address: '127.0.0.1', port }, receiver)
    await again.close()
    const early = flows.createMediaStream({}, { address: '127.0.0.1', port })
    await early.close()
    for (const own of [port, port + 1]) {
      const free = await UdpSocket.bind({ address: '127.0.0.1', port: own }, receiver)
      await free.close()
    }
    expect(flows.size).toBe(0)
  })

  it('asks the system for a receive buffer of media size, and tells what it granted', async () => {
    const [usual, small] = await Promise.all([
      opened(manager(), '127.0.0.1'),
      opened(manager({ receiveBufferSize: 32 * 1024 }), '127.0.0.1'),
    ])
    // Linux tells twice what was asked for
    expect([128, 256]).toContain(usual.rtpFlow.receiveBufferSize / 1024)
    expect([32, 64]).toContain(small.rtpFlow.receiveBufferSize / 1024)
  })
})
