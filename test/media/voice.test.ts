import {
  type BindSocket,
  Concealment,
  DtmfDetector,
  digitOf,
  dtmfTone,
  eventOf,
  FlowManager,
  G711_WITH_PLC,
  JitterBuffer,
  MediaClock,
  MediaSession,
  pcmu,
  QualityEstimate,
  type ReceivedRtp,
  type Remote,
  RtpSender,
  SimulatedClock,
  seededRandom,
  TelephoneEventReceiver,
  TelephoneEventSender,
  Timers,
} from 'resip/media'
import { describe, expect, it } from 'vitest'
import { Tokens } from '../../src/util/random.ts'

const FRAME = 160
const PCMU = 0
const EVENTS = 101
const NETWORK = 30

const alice = { address: '192.0.2.7', port: 40_000 }
const stranger = { address: '203.0.113.1', port: 9 }

/** Bob's side: a media session, jitter buffer, concealment, and both detectors of digits. */
class Listener {
  readonly media: MediaSession
  readonly buffer = new JitterBuffer({ clockRate: 8000, frame: FRAME })
  inBand = ''
  named = ''
  /** What the network brings to Bob's port. */
  arrive: (bytes: Buffer, from: Remote) => void = () => {}
  readonly #clock: SimulatedClock
  readonly #concealment = new Concealment()
  readonly #detector = new DtmfDetector(digit => {
    this.inBand += digit
  })
  readonly #events: TelephoneEventReceiver
  readonly #samples = new Int16Array(FRAME)

  constructor(clock: SimulatedClock, timers: Timers, media: MediaClock, onReady: () => void) {
    const random = seededRandom(2)
    const sender = new RtpSender({ payloadType: PCMU, clockRate: 8000, random })
    const bindSocket: BindSocket = async (address, _, receiver) => {
      this.arrive = (bytes, from) => receiver.onDatagram(bytes, from.address, from.port)
      return { local: { address, port: 30_000 }, send() {}, close: async () => {} }
    }
    const clockRateOf = (payloadType: number): number | undefined =>
      payloadType === PCMU || payloadType === EVENTS ? 8000 : undefined
    this.#clock = clock
    this.media = new MediaSession(
      new FlowManager({ timers, random, bindSocket }),
      { onMediaStreamReady: onReady, onRtp: received => this.#receive(received) },
      { address: '192.0.2.1', port: 0 },
      {
        rtp: { sender, cname: 'bob', clock, timers, random, clockRateOf },
        stream: { rtcpMux: true },
      },
    )
    this.#events = new TelephoneEventReceiver(
      {
        onEvent: event => {
          this.named += digitOf(event) ?? '?'
        },
        onEventEnd() {},
      },
      { timers },
    )
    media.start({ onSlot: () => this.#play() }, 20)
  }

  #receive({ packet }: ReceivedRtp): void {
    if (packet.payloadType === EVENTS) {
      this.buffer.pass(packet)
      this.#events.receive(packet)
    } else this.buffer.put(packet, this.#clock.now())
  }

  #play(): void {
    const item = this.buffer.take(this.#clock.now())
    if (typeof item !== 'string') {
      pcmu.decode(item.payload, this.#samples)
      this.#concealment.received(this.#samples)
    } else if (item === 'concealed') this.#concealment.conceal(this.#samples)
    else this.#samples.fill(0)
    this.#detector.write(this.#samples)
  }
}

/** Alice's side: digits as tones in her audio, or as events, and nothing else. */
function speak(
  media: MediaClock,
  clock: SimulatedClock,
  digits: string,
  named: string,
  send: (bytes: Buffer) => void,
) {
  const sender = new RtpSender({ payloadType: PCMU, clockRate: 8000, random: seededRandom(1) })
  const events = new TelephoneEventSender({ clockRate: 8000 })
  const samples = new Int16Array(FRAME)
  const payload = Buffer.alloc(FRAME)
  const tones = [...digits].map(digit => dtmfTone(digit, 8000))
  media.start(
    {
      onSlot(slot) {
        if (slot === tones.length * 10 + 20) for (const digit of named) events.start(eventOf(digit), 100)
        const packets = events.tick(sender.timestamp, FRAME)
        for (const event of packets) {
          const bytes = Buffer.alloc(16)
          sender.writeAt(bytes, 0, event.payload, event.timestamp, clock.now(), event.marker, EVENTS)
          send(bytes)
        }
        if (packets.length > 0) {
          sender.advance(FRAME)
          return
        }
        // a tone of 100 ms, then 100 ms of silence
        const tone = slot % 10 < 5 ? tones[Math.floor(slot / 10)] : undefined
        if (tone === undefined) samples.fill(0)
        else tone.fill(samples)
        pcmu.encode(samples, payload)
        const bytes = Buffer.alloc(12 + FRAME)
        sender.write(bytes, 0, payload, FRAME, clock.now())
        send(bytes)
      },
    },
    20,
  )
}

describe('voice over a simulated network', () => {
  it('RFC 4733, ITU-T Q.24: digits arrive in band and by name, over 2 % loss and 40 ms of jitter', async () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const media = new MediaClock(clock)
    const tokens = new Tokens(seededRandom(3))
    const listener = await new Promise<Listener>(resolve => {
      const made: Listener = new Listener(clock, timers, media, () => resolve(made))
    })
    listener.media.setRemote(alice)
    const digits = '159D*0#3'
    speak(media, clock, digits, '2580', bytes => {
      if (tokens.below(50) === 0) return
      timers.after(NETWORK + tokens.below(40), () => listener.arrive(bytes, alice))
      // a stranger's packets change nothing: who is settled where signalling said is displaced by nobody
      timers.after(NETWORK + 45, () => listener.arrive(Buffer.from(bytes), stranger))
    })
    clock.advance(10_000)
    expect(listener.inBand).toBe(digits)
    expect(listener.named).toBe('2580')
    expect(listener.media.stream.rtpFlow.counters.strangers).toBeGreaterThan(400)
    const [source] = listener.media.rtp.sources.values()
    const loss = (source?.sequence.lost ?? 0) / (source?.sequence.expected ?? 1)
    expect(loss).toBeGreaterThan(0.005)
    expect(loss).toBeLessThan(0.04)

    const quality = new QualityEstimate(G711_WITH_PLC)
    expect(quality.mos).toBeNull()
    quality.measuredDelay(NETWORK + listener.buffer.averageDelay)
    quality.measuredLoss(loss + listener.buffer.late / (source?.sequence.expected ?? 1))
    expect(quality.mos).toBeGreaterThan(3.8)
    expect(quality.mos).toBeLessThan(4.4)
  })
})
