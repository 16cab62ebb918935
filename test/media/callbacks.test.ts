import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DtmfDetector, dtmfTone } from '../../src/media/audio/dtmf.ts'
import { MediaClock } from '../../src/media/audio/media-clock.ts'
import { encodeRtcp } from '../../src/media/rtcp/encode.ts'
import type { RtcpPacket } from '../../src/media/rtcp/packet.ts'
import { TelephoneEventReceiver } from '../../src/media/rtp/event-receiver.ts'
import { RtpSender } from '../../src/media/rtp/sender.ts'
import { RtpSession } from '../../src/media/rtp/session.ts'
import type { RtpSessionHandler } from '../../src/media/rtp/session-options.ts'
import { encodeTelephoneEvent } from '../../src/media/rtp/telephone-event.ts'
import { DtmfListener } from '../../src/media/rtpengine/dtmf/listener.ts'
import { RtpEnginePool } from '../../src/media/rtpengine/pool/pool.ts'
import { UdpSocket } from '../../src/net/udp.ts'
import type { Remote } from '../../src/util/address.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { EnvironmentError } from '../../src/util/errors.ts'
import { seededRandom } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'
import { FakeEngine } from './rtpengine/fake-engine.ts'
import { outcome, Simulation, simulateClient } from './rtpengine/simulation.ts'

function at(address: string): Remote {
  return { address, port: 1 }
}

type Bad = (...args: unknown[]) => never | Promise<never>

/** How one callback is reached; what comes back is `callbackErrors` of its caller, once what follows has worked. */
type Reach = (bad: Bad, onCallbackError: (error: unknown) => void) => Promise<number>

const DTMF_LOG = Buffer.from(
  '{"callid":"c","source_tag":"a","tags":[],"type":"DTMF","timestamp":1,"source_ip":"x","event":5,"duration":100,"volume":8}',
)

/** Rejections that nobody caught: a real one ends the process. */
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): number => unhandled.push(reason)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})

afterEach(() => {
  process.off('unhandledRejection', onUnhandled)
})

/** A session told by one callback only, when it has heard another party and answers it still. */
function session(
  reach: (session: RtpSession, clock: SimulatedClock) => void,
  name: keyof RtpSessionHandler,
): Reach {
  return async (bad, onCallbackError) => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const random = seededRandom(1)
    const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random, ssrc: 1 })
    const handler: RtpSessionHandler = { sendRtcp() {}, [name]: bad }
    const rtp = new RtpSession({ sender, cname: 'me', clock, timers, random, onCallbackError }, handler)
    rtp.start()
    rtp.onSent()
    reach(rtp, clock)
    const { callbackErrors } = rtp
    rtp.receiveRtcp(report(77), at('other'))
    expect(rtp.members.get(77)).toBeDefined()
    expect(timers.size).toBe(1)
    rtp.close()
    await new Promise(setImmediate)
    return Math.max(callbackErrors, rtp.callbackErrors)
  }
}

function report(ssrc: number, ...more: RtcpPacket[]): Buffer {
  const about = { ssrc: 1, fractionLost: 0, lost: 0, highest: 0, jitter: 0, lastReport: 0, delay: 0 }
  return encodeRtcp([{ type: 'rr', ssrc, reports: [about] }, ...more])
}

function events(name: 'onEvent' | 'onEventEnd', end: boolean): Reach {
  return async (bad, onCallbackError) => {
    const clock = new SimulatedClock()
    const ends: number[] = []
    const handler = { onEvent() {}, onEventEnd: (event: number) => ends.push(event), [name]: bad }
    const receiver = new TelephoneEventReceiver(handler, { timers: new Timers(clock), onCallbackError })
    const payload = encodeTelephoneEvent({ event: 5, end, volume: 10, duration: 160 })
    receiver.receive({ timestamp: 0, marker: true, payload })
    clock.advance(1_000)
    receiver.receive({ timestamp: 8_000, marker: true, payload })
    clock.advance(1_000)
    if (name === 'onEvent') expect(ends).toEqual([5, 5])
    await new Promise(setImmediate)
    return receiver.callbackErrors
  }
}

function detector(name: 'onDigit' | 'onEnd'): Reach {
  return async (bad, onCallbackError) => {
    const nothing = (): void => {}
    const [onDigit, onEnd] = name === 'onDigit' ? [bad, nothing] : [nothing, bad]
    const dtmf = new DtmfDetector(onDigit, onEnd, { onCallbackError })
    const tone = new Int16Array(800)
    dtmfTone('5', 8000).fill(tone)
    for (let i = 0; i < 2; i++) {
      dtmf.write(tone)
      expect(dtmf.digit).toBe('5')
      dtmf.write(new Int16Array(800))
      expect(dtmf.digit).toBeUndefined()
    }
    await new Promise(setImmediate)
    return dtmf.callbackErrors
  }
}

const CALLBACKS: Readonly<Record<string, Reach>> = {
  'MediaClock onSlot': async (bad, onCallbackError) => {
    const clock = new SimulatedClock()
    const media = new MediaClock(clock, { onCallbackError })
    let slots = 0
    media.start({ onSlot: bad }, 20, 0)
    media.start({ onSlot: () => slots++ }, 20, 0)
    clock.advance(40)
    expect(slots).toBe(2)
    await new Promise(setImmediate)
    return media.callbackErrors
  },
  'RtpSession sendRtcp': session((_, clock) => clock.advance(20_000), 'sendRtcp'),
  'RtpSession onReport': session(rtp => rtp.receiveRtcp(report(2), at('a')), 'onReport'),
  'RtpSession onRtcp': session(
    rtp =>
      rtp.receiveRtcp(
        report(2, { type: 'app', subtype: 0, ssrc: 2, name: 'test', data: Buffer.alloc(0) }),
        at('a'),
      ),
    'onRtcp',
  ),
  'RtpSession onLeave, at a BYE': session(rtp => {
    rtp.receiveRtcp(report(2), at('a'))
    rtp.receiveRtcp(report(2, { type: 'bye', ssrcs: [2] }), at('a'))
  }, 'onLeave'),
  'RtpSession onLeave, at a time-out': session((rtp, clock) => {
    for (const ssrc of [2, 3]) rtp.receiveRtcp(report(ssrc), at('a'))
    clock.advance(120_000)
    expect(rtp.members.size).toBe(0)
  }, 'onLeave'),
  'RtpSession onCollision': session(rtp => rtp.receiveRtcp(report(1), at('a')), 'onCollision'),
  'TelephoneEventReceiver onEvent': events('onEvent', false),
  'TelephoneEventReceiver onEventEnd': events('onEventEnd', true),
  'TelephoneEventReceiver onEventEnd, at a time-out': events('onEventEnd', false),
  'DtmfDetector onDigit': detector('onDigit'),
  'DtmfDetector onEnd': detector('onEnd'),
  'DtmfListener onDtmf': async (bad, onCallbackError) => {
    const listener = await DtmfListener.bind(
      { address: '127.0.0.1', port: 0, onCallbackError },
      { onDtmf: bad },
    )
    const engine = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram() {}, onSocketError() {} },
    )
    for (const datagram of [DTMF_LOG, Buffer.from('no event')])
      engine.send(datagram, listener.local?.port ?? 0, '127.0.0.1')
    await expect.poll(() => listener.malformed).toBe(1)
    await Promise.all([listener.close(), engine.close()])
    return listener.callbackErrors
  },
  'DtmfListener onDtmfError': async (bad, onCallbackError) => {
    const listener = await DtmfListener.bind(
      { address: '127.0.0.1', port: 0, onCallbackError },
      { onDtmf() {}, onDtmfError: bad },
    )
    listener.onSocketError(new EnvironmentError('ENOBUFS', 'no room'))
    await new Promise(setImmediate)
    await listener.close()
    return listener.callbackErrors
  },
  'RtpEngineClient onDtmf': async (bad, onCallbackError) => {
    const { simulation, engine, client } = simulateClient({}, { onDtmf: bad, onCallbackError })
    const event = 'd6:callid1:c5:eventi5e10:source_tag1:a4:type4:DTMFe'
    engine.reply(`d4:data${event}6:notify6:onDTMFe`, 'notification')
    const ping = outcome(client.ping())
    await simulation.advance(5)
    expect(await ping).toBe('ok')
    await new Promise(setImmediate)
    return client.callbackErrors
  },
  'RtpEnginePool onHealth': async (bad, onCallbackError) => {
    const simulation = new Simulation()
    const { timers } = simulation
    const engines = new Map(['udp://192.0.2.1', 'udp://192.0.2.2'].map(url => [url, new FakeEngine(timers)]))
    const pool = new RtpEnginePool([...engines.keys()], {
      timers,
      random: seededRandom(1),
      onHealth: bad,
      onCallbackError,
      carrier: url => engines.get(url)?.carrier ?? new FakeEngine(timers).carrier,
    })
    await simulation.advance(10)
    for (const engine of engines.values()) engine.down = true
    await simulation.advance(8_000)
    expect(pool.engines.map(engine => engine.healthy)).toEqual([false, false])
    for (const engine of engines.values()) engine.down = false
    await simulation.advance(8_000)
    expect(pool.engines.map(engine => engine.healthy)).toEqual([true, true])
    const offer = outcome(pool.offer('v=0', 'x', 'a'))
    await simulation.advance(5)
    expect(await offer).toBe('ok')
    await new Promise(setImmediate)
    return pool.callbackErrors
  },
}

const THROWS: Bad = () => {
  throw new Error('thrown by the application')
}
const REJECTS: Bad = async () => {
  throw new Error('rejected by the application')
}

describe('callbacks of the application', () => {
  for (const [name, reach] of Object.entries(CALLBACKS)) {
    it.each([
      ['throws', THROWS],
      ['rejects', REJECTS],
    ])(`${name} that %s hurts nobody, is counted and told`, async (_, bad) => {
      const told: unknown[] = []
      const counted = await reach(bad, error => told.push(error))
      expect(counted).toBeGreaterThan(0)
      expect(told).toHaveLength(counted)
      expect(String(told[0])).toMatch(/by the application/)
      await new Promise(setImmediate)
      expect(unhandled).toEqual([])
    })
  }

  it('onCallbackError that throws or rejects hurts nobody either', async () => {
    for (const bad of [THROWS, REJECTS]) {
      const clock = new SimulatedClock()
      const media = new MediaClock(clock, { onCallbackError: bad })
      media.start({ onSlot: THROWS }, 20, 0)
      clock.advance(100)
      await new Promise(setImmediate)
      expect(media.callbackErrors).toBe(5)
    }
    expect(unhandled).toEqual([])
  })

  it('a carrier of the application that throws costs its request and leaves no timer', async () => {
    const simulation = new Simulation()
    const { client } = simulateClient(
      {},
      {
        timers: simulation.timers,
        carrier: () => ({
          reliable: false,
          longestMessage: 65_507,
          send: THROWS,
          forget() {},
          close: async () => {},
        }),
      },
    )
    expect(await outcome(client.ping())).toBe('ERR_RTPENGINE_CARRIER')
    expect([client.pending, simulation.timers.size]).toEqual([0, 0])
  })
})
