import {
  Concealment,
  DtmfDetector,
  digitOf,
  dtmfTone,
  eventOf,
  G711_WITH_PLC,
  JitterBuffer,
  MediaClock,
  pcmu,
  QualityEstimate,
  RtpSender,
  RtpSession,
  SimulatedClock,
  SourceLatch,
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

/** Bob's side: latch, session, jitter buffer, concealment, and both detectors of digits. */
class Listener {
  readonly session: RtpSession
  readonly buffer = new JitterBuffer({ clockRate: 8000, frame: FRAME })
  readonly latch = new SourceLatch()
  inBand = ''
  named = ''
  readonly #clock: SimulatedClock
  readonly #concealment = new Concealment()
  readonly #detector = new DtmfDetector(digit => {
    this.inBand += digit
  })
  readonly #events: TelephoneEventReceiver
  readonly #samples = new Int16Array(FRAME)

  constructor(clock: SimulatedClock, timers: Timers, media: MediaClock) {
    const random = seededRandom(2)
    const sender = new RtpSender({ payloadType: PCMU, clockRate: 8000, random })
    this.#clock = clock
    this.session = new RtpSession({ sender, cname: 'bob', clock, timers, random }, { sendRtcp() {} })
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

  receive(bytes: Buffer, from: string): void {
    if (this.latch.accept(from) === 'refused') return
    const received = this.session.receiveRtp(bytes, from, 8000, this.#clock.now())
    if (received === undefined) return
    if (received.packet.payloadType === EVENTS) {
      this.buffer.pass(received.packet)
      this.#events.receive(received.packet)
    } else this.buffer.put(received.packet, this.#clock.now())
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
  it('RFC 4733, ITU-T Q.24: digits arrive in band and by name, over 2 % loss and 40 ms of jitter', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const media = new MediaClock(clock)
    const tokens = new Tokens(seededRandom(3))
    const listener = new Listener(clock, timers, media)
    const digits = '159D*0#3'
    speak(media, clock, digits, '2580', bytes => {
      if (tokens.below(50) === 0) return
      timers.after(NETWORK + tokens.below(40), () => listener.receive(bytes, '192.0.2.7:40000'))
      // a stranger's packets change nothing, for the latch is closed
      timers.after(NETWORK + 45, () => listener.receive(Buffer.from(bytes), '203.0.113.1:9'))
    })
    clock.advance(10_000)
    expect(listener.inBand).toBe(digits)
    expect(listener.named).toBe('2580')
    expect(listener.latch.refused).toBeGreaterThan(400)
    const [source] = listener.session.sources.values()
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
