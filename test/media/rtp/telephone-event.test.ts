import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TelephoneEventReceiver } from '../../../src/media/rtp/event-receiver.ts'
import { type EventPacket, TelephoneEventSender } from '../../../src/media/rtp/event-sender.ts'
import { encodeTelephoneEvent, parseTelephoneEvents } from '../../../src/media/rtp/telephone-event.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { digitOf, eventOf } from '../../../src/util/dtmf.ts'
import { Timers } from '../../../src/util/timers.ts'

const SLOT = 160

/** The packets of each slot until the sender is idle. */
function slots(sender: TelephoneEventSender, from = 1000, most = 5000): EventPacket[][] {
  const all: EventPacket[][] = []
  for (let at = from; sender.active && all.length < most; at += SLOT) all.push(sender.tick(at >>> 0, SLOT))
  return all
}

function brief({ timestamp, marker, payload }: EventPacket): string {
  const [report] = parseTelephoneEvents(payload) ?? []
  return `${timestamp} ${report?.event}${marker ? ' M' : ''}${report?.end ? ' E' : ''} ${report?.duration}`
}

interface Receiving {
  clock: SimulatedClock
  ladder: string[]
  receiver: TelephoneEventReceiver
}

function receiving(): Receiving {
  const clock = new SimulatedClock()
  const ladder: string[] = []
  const receiver = new TelephoneEventReceiver(
    {
      onEvent: (event, volume, timestamp) =>
        ladder.push(`${clock.now()} ${event} −${volume} at ${timestamp}`),
      onEventEnd: (event, duration, how) => ladder.push(`${clock.now()} ${event} ${how} ${duration}`),
    },
    { timers: new Timers(clock) },
  )
  return { clock, ladder, receiver }
}

/** Delivers what `keeps` lets through, a slot each 20 ms. */
function deliver(to: Receiving, packets: EventPacket[][], keeps: (index: number) => boolean): void {
  let index = 0
  for (const slot of packets) {
    for (const packet of slot) if (keeps(index++)) to.receiver.receive(packet)
    to.clock.advance(20)
  }
}

describe('telephone events', () => {
  it('RFC 4733 §3.2: digits and their codes', () => {
    expect([...'0123456789*#ABCD'].map(eventOf)).toEqual(Array.from({ length: 16 }, (_, i) => i))
    expect(eventOf('d')).toBe(15)
    expect([digitOf(11), digitOf(16)]).toEqual(['#', undefined])
    for (const wrong of ['', 'E', '12', ' ']) expect(() => eventOf(wrong)).toThrow(/DTMF/)
  })

  it('RFC 4733 §2.3: the payload, and what is none', () => {
    const report = { event: 5, end: true, volume: 10, duration: 1600 }
    expect(encodeTelephoneEvent(report).toString('hex')).toBe('058a0640')
    expect(parseTelephoneEvents(Buffer.from('058a0640060a0010', 'hex'))).toHaveLength(2)
    expect(parseTelephoneEvents(Buffer.alloc(0))).toBeUndefined()
    expect(parseTelephoneEvents(Buffer.alloc(5))).toBeUndefined()
  })

  it('RFC 4733 §2.5.1.2, §2.5.1.4: marker on the first, growing duration, the end three times', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000 })
    sender.start(5, 70)
    expect(slots(sender).flat().map(brief)).toEqual([
      '1000 5 M 160',
      '1000 5 320',
      '1000 5 480',
      '1000 5 E 560',
      '1000 5 E 560',
      '1000 5 E 560',
    ])
  })

  it('RFC 4733 §2.5.1.2: the next digit waits for the pause, and has its own timestamp', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000, pause: 60 })
    sender.start(1, 40)
    sender.start(2, 40)
    expect(slots(sender).map(slot => slot.map(brief).join())).toEqual([
      '1000 1 M 160',
      '1000 1 E 320',
      '1000 1 E 320',
      '1000 1 E 320',
      '',
      '1800 2 M 160',
      '1800 2 E 320',
      '1800 2 E 320',
      '1800 2 E 320',
    ])
  })

  it('RFC 4733 §2.5.1.2: an event without a length goes on until it is stopped', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000, volume: 63 })
    sender.start(3)
    for (let i = 0; i < 10; i++) sender.tick(i * SLOT, SLOT)
    sender.stop()
    expect(sender.tick(10 * SLOT, SLOT).map(brief)).toEqual(['0 3 E 1760'])
  })

  it('RFC 4733 §2.5.1.2: a single slot holds a whole event', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000 })
    sender.start(3, 10)
    expect(slots(sender).flat().map(brief)).toEqual(['1000 3 M E 80', '1000 3 E 80', '1000 3 E 80'])
  })

  it('RFC 4733 §2.5.1.3: a long event is cut into segments without marker and end, each finished three times', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000 })
    sender.start(7, 10_000)
    const all = slots(sender).flat().map(brief)
    expect(all.filter(line => line.includes('M'))).toEqual(['1000 7 M 160'])
    expect(all.filter(line => line === '1000 7 65535')).toHaveLength(3)
    expect(all.filter(line => line.includes('E'))).toEqual(new Array(3).fill(`66535 7 E ${80_000 - 65_535}`))
    expect(all).toContain('66535 7 65')
  })

  it('RFC 4733 §2.5.1: the caller’s errors', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000, maxWaiting: 1 })
    expect(() => sender.start(256)).toThrow(/256/)
    expect(() => sender.start(1, 0)).toThrow(/0 ms/)
    sender.start(1, 100)
    expect(() => sender.start(1, 100)).toThrow(/wait already/)
  })
})

describe('received telephone events', () => {
  function digits(count: number): EventPacket[][] {
    const sender = new TelephoneEventSender({ clockRate: 8000 })
    for (let i = 0; i < count; i++) sender.start(i % 16, 100)
    return slots(sender, 0xffffff00)
  }

  it('RFC 4733 §2.5.2.2: each event once, its repeated ends ignored', () => {
    const to = receiving()
    deliver(to, digits(2), () => true)
    expect(to.ladder).toEqual(['0 0 −10 at 4294967040', '80 0 end 800', '160 1 −10 at 1024', '240 1 end 800'])
    expect(to.receiver.stale).toBe(4)
  })

  it('RFC 4733 §2.5.2.2: whatever is lost, at least one packet in six left, every digit is heard once and in order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), kept => {
        const packets = digits(6)
        const to = receiving()
        const heard = new Set<number>()
        const order = packets.flat()
        deliver(to, packets, index => {
          const keep = kept[index % kept.length] === true
          if (keep) heard.add(order[index]?.payload.readUInt8(0) ?? -1)
          return keep
        })
        to.clock.advance(1000)
        expect(to.ladder.filter(line => line.includes('at')).map(line => Number(line.split(' ')[1]))).toEqual(
          [...heard],
        )
        expect(to.ladder.filter(line => !line.includes('at'))).toHaveLength(heard.size)
      }),
    )
  })

  it('RFC 4733 §2.5.2.2: first packets lost: the event begins with the next, at its own time', () => {
    const to = receiving()
    deliver(to, digits(1), index => index >= 3)
    expect(to.ladder).toEqual(['60 0 −10 at 4294967040', '80 0 end 800'])
  })

  it('RFC 4733 §2.5.2.2: all ends lost: it ends by time, and late packets do not start it again', () => {
    const to = receiving()
    const packets = digits(1)
    deliver(to, packets, index => index < 3)
    to.clock.advance(200)
    expect(to.ladder).toEqual(['0 0 −10 at 4294967040', '190 0 timeout 480'])
    deliver(to, packets, () => true)
    expect(to.ladder).toHaveLength(2)
  })

  it('RFC 4733 §2.5.2.2: all ends lost: the next event ends it', () => {
    const to = receiving()
    const packets = digits(2).flat()
    for (const index of [0, 1, 7]) {
      const packet = packets[index]
      if (packet !== undefined) to.receiver.receive(packet)
    }
    expect(to.ladder.map(line => line.split(' ').slice(1, 3).join(' '))).toEqual(['0 −10', '0 next', '1 −10'])
  })

  it('RFC 4733 §2.5.2.3: segments are one event, also where a segment’s last packets were lost', () => {
    const sender = new TelephoneEventSender({ clockRate: 8000 })
    sender.start(7, 10_000)
    const packets = slots(sender)
    for (const keeps of [(): boolean => true, (index: number): boolean => index < 409 || index > 414]) {
      const to = receiving()
      deliver(to, packets, keeps)
      expect(to.ladder.map(line => line.replace(/^\d+ /, ''))).toEqual(['7 −10 at 1000', '7 end 80000'])
    }
  })

  it('RFC 4733 §2.5.1.5: several events in one packet follow each other in time', () => {
    const to = receiving()
    const payload = Buffer.from('018a0320028a0320', 'hex')
    to.receiver.receive({ timestamp: 100, marker: true, payload })
    expect(to.ladder).toEqual(['0 1 −10 at 100', '0 1 end 800', '0 2 −10 at 900', '0 2 end 800'])
  })

  it('RFC 4733 §2.3: payloads of no whole report cost a counter', () => {
    const to = receiving()
    to.receiver.receive({ timestamp: 1, marker: true, payload: Buffer.alloc(3) })
    expect(to.receiver.malformed).toBe(1)
    expect(to.ladder).toEqual([])
  })

  it('RFC 3550 §8: after a restart of the source its timestamps begin anew; after close nothing is told', () => {
    const to = receiving()
    const report = (timestamp: number): void =>
      to.receiver.receive({ timestamp, marker: true, payload: Buffer.from('010a00a0', 'hex') })
    report(5000)
    to.receiver.reset()
    report(100)
    expect(to.ladder).toEqual(['0 1 −10 at 5000', '0 1 next 160', '0 1 −10 at 100'])
    to.receiver.close()
    to.clock.advance(1000)
    expect(to.ladder).toHaveLength(3)
  })
})
