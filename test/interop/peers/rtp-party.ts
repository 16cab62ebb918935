import { setTimeout as after } from 'node:timers/promises'
import { type ToneLevel, toneLevel } from '../../../src/media/audio/goertzel.ts'
import { ToneGenerator } from '../../../src/media/audio/tone.ts'
import { pcmu } from '../../../src/media/codec/g711.ts'
import { FlowManager, type MediaStream } from '../../../src/media/flow/index.ts'
import { TelephoneEventSender } from '../../../src/media/rtp/event-sender.ts'
import { parseRtp, RTP_HEADER, type RtpPacket } from '../../../src/media/rtp/packet.ts'
import { RtpSender } from '../../../src/media/rtp/sender.ts'
import type { TransportAddress } from '../../../src/media/stun/index.ts'
import { systemClock } from '../../../src/net/clock.ts'
import { systemRandom } from '../../../src/net/random.ts'

const RATE = 8000
const FRAME = 160
const INTERVAL = 20
const AUDIO = 0
const EVENTS = 101

const flows = new FlowManager()

/** One end of a call on flows of our own: sends PCMU packets of 20 ms and keeps what it receives. */
export class RtpParty {
  readonly received: RtpPacket[] = []
  readonly #sources = new Map<string, TransportAddress>()
  readonly #stream: MediaStream
  readonly #local: TransportAddress
  readonly #sender = new RtpSender({ payloadType: AUDIO, clockRate: RATE, random: systemRandom })

  static open(): Promise<RtpParty> {
    return new Promise((resolve, reject) => {
      const stream = flows.createMediaStream(
        {
          onMediaStreamReady: rtp => resolve(new RtpParty(stream, rtp)),
          onMediaStreamError: (_, error) => reject(error),
        },
        { address: '127.0.0.1', port: 0 },
      )
    })
  }

  private constructor(stream: MediaStream, local: TransportAddress) {
    this.#stream = stream
    this.#local = local
    stream.rtpFlow.onReceive((bytes, { address, port }) => {
      const packet = parseRtp(bytes)
      if (typeof packet === 'string') throw new Error(`this is no RTP packet: ${packet}`)
      this.received.push(packet)
      this.#sources.set(`${address} ${port}`, { address, port })
    })
  }

  get port(): number {
    return this.#local.port
  }

  get ssrc(): number {
    return this.#sender.ssrc
  }

  /** Where the packets came from. */
  get sources(): TransportAddress[] {
    return [...this.#sources.values()]
  }

  /** An SDP that offers or accepts PCMU and telephone-event. */
  get sdp(): string {
    return sdpOf(this.port, 'RTP/AVP')
  }

  /** The payloads of one kind that came. */
  payloads(payloadType: number): Buffer[] {
    return this.received.filter(packet => packet.payloadType === payloadType).map(packet => packet.payload)
  }

  /** Sends audio packets, one each 20 ms, to where an SDP points; resolves with their payloads. */
  async talk(sdp: string, count: number, payload: (packet: number) => Buffer): Promise<Buffer[]> {
    this.#turnTo(sdp)
    const said: Buffer[] = []
    for (let index = 0; index < count; index++) {
      const frame = payload(index)
      const packet = Buffer.alloc(RTP_HEADER + frame.length)
      this.#sender.write(packet, 0, frame, FRAME, systemClock.now(), index === 0)
      this.#stream.rtpFlow.send(packet)
      said.push(frame)
      await after(INTERVAL)
    }
    return said
  }

  /** Presses a key for some milliseconds (RFC 4733 §2.5). */
  async press(sdp: string, event: number, duration: number): Promise<void> {
    this.#turnTo(sdp)
    const events = new TelephoneEventSender({ clockRate: RATE })
    events.start(event, duration)
    while (events.active) {
      for (const { payload, timestamp, marker } of events.tick(this.#sender.timestamp, FRAME)) {
        const packet = Buffer.alloc(RTP_HEADER + payload.length)
        this.#sender.writeAt(packet, 0, payload, timestamp, systemClock.now(), marker, EVENTS)
        this.#stream.rtpFlow.send(packet)
      }
      this.#sender.advance(FRAME)
      await after(INTERVAL)
    }
  }

  close(): Promise<void> {
    return this.#stream.close()
  }

  #turnTo(sdp: string): void {
    const { address, port } = audioOf(sdp)
    this.#stream.rtpFlow.setActiveDestination(address, port)
  }
}

export function sdpOf(port: number, protocol: string, ...attributes: string[]): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${protocol} ${AUDIO} ${EVENTS}`,
    `a=rtpmap:${AUDIO} PCMU/8000`,
    `a=rtpmap:${EVENTS} telephone-event/8000`,
    'a=ptime:20',
    ...attributes,
    '',
  ].join('\r\n')
}

/** Where an SDP wants its audio. */
export function audioOf(sdp: string): TransportAddress {
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1]
  const port = /^m=audio (\d+)/m.exec(sdp)?.[1]
  if (address === undefined || port === undefined) throw new Error(`no audio in this SDP:\n${sdp}`)
  return { address, port: Number(port) }
}

/** Makes 20 ms of a tone of −10 dBm0 in µ-law (G.711) at each call, going on from packet to packet. */
export function tone(hertz: number): () => Buffer {
  const generator = new ToneGenerator({ sampleRate: RATE, frequencies: [hertz], level: -10 })
  const samples = new Int16Array(FRAME)
  return () => {
    generator.fill(samples)
    const payload = Buffer.alloc(FRAME)
    pcmu.encode(samples, payload)
    return payload
  }
}

/** A tone's level and share in payloads of µ-law. */
export function toneIn(payloads: readonly Buffer[], hertz: number): ToneLevel {
  const octets = Buffer.concat(payloads)
  const samples = new Int16Array(octets.length)
  pcmu.decode(octets, samples)
  return toneLevel(samples, hertz, RATE)
}
