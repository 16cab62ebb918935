import { setTimeout as after } from 'node:timers/promises'
import { UdpSocket } from '../../../src/net/udp.ts'

const SSRC_BASE = 0x10000000
const SAMPLES = 160
const HEADER = 12

/** One end of a call on a plain UDP socket: sends PCMU packets of 20 ms and keeps what it receives. */
export class RtpParty {
  readonly ssrc: number
  readonly received: Buffer[] = []
  readonly #socket: UdpSocket
  #sequence = 0

  static async open(name: number): Promise<RtpParty> {
    let party: RtpParty | undefined
    const socket = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram: bytes => party?.received.push(bytes), onSocketError() {} },
    )
    party = new RtpParty(socket, SSRC_BASE + name)
    return party
  }

  private constructor(socket: UdpSocket, ssrc: number) {
    this.#socket = socket
    this.ssrc = ssrc
  }

  get port(): number {
    return this.#socket.local.port
  }

  /** An SDP that offers or accepts PCMU and telephone-event. */
  get sdp(): string {
    return sdpOf(this.port, 'RTP/AVP')
  }

  /** The payloads of one kind that came, RTCP and everything else left out. */
  payloads(payloadType: number): Buffer[] {
    return this.received
      .filter(packet => packet.length > HEADER && ((packet[1] ?? 0) & 0x7f) === payloadType)
      .map(packet => packet.subarray(HEADER))
  }

  /** Sends audio packets, one each 20 ms, to where an SDP points. */
  async talk(sdp: string, count: number, payload: (packet: number) => Buffer): Promise<void> {
    for (let packet = 0; packet < count; packet++) {
      this.send(sdp, 0, payload(packet), this.#sequence * SAMPLES)
      await after(20)
    }
  }

  /** Presses a key as RFC 4733 §2.5 has it: events that grow longer, the last one three times with its end bit. */
  async press(sdp: string, event: number): Promise<void> {
    const started = this.#sequence * SAMPLES
    for (const [ended, duration] of [
      [0, 160],
      [0, 320],
      [0x80, 480],
      [0x80, 480],
      [0x80, 480],
    ] as const) {
      this.send(sdp, 101, Buffer.from([event, ended | 10, duration >> 8, duration & 0xff]), started)
      await after(20)
    }
  }

  send(sdp: string, payloadType: number, payload: Buffer, timestamp: number): void {
    const packet = Buffer.alloc(HEADER + payload.length)
    packet[0] = 0x80
    packet[1] = payloadType
    packet.writeUInt16BE(this.#sequence & 0xffff, 2)
    packet.writeUInt32BE(timestamp >>> 0, 4)
    packet.writeUInt32BE(this.ssrc, 8)
    payload.copy(packet, HEADER)
    this.#sequence++
    const { address, port } = audioOf(sdp)
    this.#socket.send(packet, port, address)
  }

  close(): Promise<void> {
    return this.#socket.close()
  }
}

export function sdpOf(port: number, protocol: string, ...attributes: string[]): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${protocol} 0 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=ptime:20',
    ...attributes,
    '',
  ].join('\r\n')
}

/** Where an SDP wants its audio. */
export function audioOf(sdp: string): { address: string; port: number } {
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1]
  const port = /^m=audio (\d+)/m.exec(sdp)?.[1]
  if (address === undefined || port === undefined) throw new Error(`no audio in this SDP:\n${sdp}`)
  return { address, port: Number(port) }
}

/** 20 ms of a tone in µ-law (G.711), going on from packet to packet. */
export function tone(hertz: number, packet: number): Buffer {
  const samples = Buffer.alloc(SAMPLES)
  for (let i = 0; i < SAMPLES; i++) {
    samples[i] = muLaw(8000 * Math.sin((2 * Math.PI * hertz * (packet * SAMPLES + i)) / 8000))
  }
  return samples
}

/** The share of a signal's power that lies at a frequency, 0 to 1 (Goertzel). */
export function shareOf(hertz: number, signal: Float64Array): number {
  const step = (2 * Math.PI * hertz) / 8000
  let real = 0
  let imaginary = 0
  let power = 0
  for (const [at, sample] of signal.entries()) {
    real += sample * Math.cos(step * at)
    imaginary += sample * Math.sin(step * at)
    power += sample * sample
  }
  return power === 0 ? 0 : (2 * (real * real + imaginary * imaginary)) / (signal.length * power)
}

export function fromMuLaw(payload: Buffer): Float64Array {
  return Float64Array.from(payload, byte => {
    const inverted = ~byte & 0xff
    const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84
    return inverted & 0x80 ? -magnitude : magnitude
  })
}

function muLaw(sample: number): number {
  const magnitude = Math.min(Math.abs(Math.round(sample)), 32635) + 0x84
  const exponent = 24 - Math.clz32(magnitude)
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}
