import { describe, expect, it } from 'vitest'
import {
  RtpEngineCarrierError,
  RtpEngineRefusedError,
  RtpEngineReplyError,
  RtpEngineTimeoutError,
} from '../../../src/media/rtpengine/errors.ts'
import { PeerError, UsageError } from '../../../src/util/errors.ts'
import { outcome, simulateClient } from './simulation.ts'

describe('NG requests over UDP', () => {
  it('asks once where the reply comes', async () => {
    const { simulation, engine, client } = simulateClient({ delay: 20 })
    const ping = client.ping()
    await simulation.advance(100)
    expect(await ping).toEqual({ roundTrip: 40 })
    await simulation.advance(20_000)
    expect(engine.ladder).toEqual(['0 → ping'])
    expect(simulation.timers.size).toBe(0)
  })

  it('asks again with the same cookie, at doubling intervals up to 4 s, and gives up after 10 s', async () => {
    const { simulation, engine, client } = simulateClient()
    engine.loseNext = 100
    const ping = client.ping().catch(error => error)
    await simulation.advance(11_000)
    expect(engine.ladder).toEqual(['0 → ping', '500 → ping', '1500 → ping', '3500 → ping', '7500 → ping'])
    const error = await ping
    expect(error).toBeInstanceOf(RtpEngineTimeoutError)
    expect(error).toMatchObject({ code: 'ERR_RTPENGINE_TIMEOUT', command: 'ping', timeout: 10_000 })
    expect(client.counters).toMatchObject({ requests: 1, retransmissions: 4, timeouts: 1, replies: 0 })
    expect(client.pending).toBe(0)
  })

  it('is answered once by an engine that got the request twice, and counts the second reply', async () => {
    const { simulation, engine, client } = simulateClient({ delay: 300 })
    const offer = client.offer('v=0\r\n', 'call', 'a')
    await simulation.advance(2_000)
    expect((await offer).sdp).toBe('v=0\r\na=engine\r\n')
    expect(engine.ladder).toEqual(['0 → offer', '500 → offer'])
    expect(engine.requests).toHaveLength(1)
    expect(client.counters).toMatchObject({
      replies: 1,
      duplicateReplies: 1,
      lateReplies: 0,
      strayReplies: 0,
    })
  })

  it('ignores and counts a reply that comes too late', async () => {
    const { simulation, client } = simulateClient({ delay: 300 })
    const ping = outcome(client.ping({ timeout: 400 }))
    await simulation.advance(1_000)
    expect(await ping).toBe('ERR_RTPENGINE_TIMEOUT')
    expect(client.counters).toMatchObject({ timeouts: 1, lateReplies: 1 })
  })

  it('ignores and counts what answers nothing', async () => {
    const { engine, client } = simulateClient()
    engine.reply('d6:result4:ponge', 'unknown')
    engine.deliver(Buffer.from('nocookie'))
    engine.deliver(Buffer.alloc(0))
    expect(client.counters).toMatchObject({ strayReplies: 3, replies: 0 })
  })

  it('uses a fresh cookie for each request', async () => {
    const { simulation, engine, client } = simulateClient()
    const pings = Array.from({ length: 100 }, () => client.ping())
    await simulation.advance(10)
    await Promise.all(pings)
    expect(engine.requests).toHaveLength(100)
  })

  it('takes the intervals and the time-out it is given', async () => {
    const { simulation, engine, client } = simulateClient(
      {},
      { timeout: 1000, retransmission: { initial: 100, maximum: 200 } },
    )
    engine.loseNext = 100
    const ping = outcome(client.ping())
    await simulation.advance(1_000)
    expect(await ping).toBe('ERR_RTPENGINE_TIMEOUT')
    expect(engine.ladder).toEqual(['0', '100', '300', '500', '700', '900'].map(at => `${at} → ping`))
  })

  it('refuses a message that no datagram holds', () => {
    const { client } = simulateClient()
    expect(() => client.offer('x'.repeat(66_000), 'call', 'a')).toThrow(UsageError)
    expect(client.pending).toBe(0)
  })

  it('takes no more requests at a time than allowed', async () => {
    const { client } = simulateClient({}, { maxPending: 1 })
    const first = client.ping()
    expect(await outcome(client.ping())).toBe('ERR_RTPENGINE_BUSY')
    expect(client.counters.refusedByLimit).toBe(1)
    await client.close()
    expect(await outcome(first)).toBe('ERR_RTPENGINE_CLOSED')
  })

  it('takes no more bytes of requests at a time than allowed, and again as many when they ended', async () => {
    const { simulation, client } = simulateClient({}, { maxPendingBytes: 5_000 })
    for (let round = 1; round <= 3; round++) {
      const offers = [1, 2, 3].map(i => outcome(client.offer('x'.repeat(2_000), `call${i}`, 'a')))
      await simulation.advance(5)
      expect(await Promise.all(offers)).toEqual(['ok', 'ok', 'ERR_RTPENGINE_BUSY'])
      expect(client.counters.refusedByLimit).toBe(round)
    }
  })
})

describe('NG requests over a reliable carrier', () => {
  it('asks once, however long the reply takes', async () => {
    const { simulation, engine, client } = simulateClient({ reliable: true, delay: 4_000 })
    const ping = outcome(client.ping())
    await simulation.advance(9_000)
    expect(await ping).toBe('ok')
    expect(engine.ladder).toEqual(['0 → ping'])
  })

  it('rejects all that are under way when the connection is lost, and goes on with the next', async () => {
    const { simulation, engine, client } = simulateClient({ reliable: true, delay: 100 })
    const lost = [client.ping(), client.list()]
    engine.fail('ECONNRESET')
    for (const request of lost) {
      const error = await request.catch(reason => reason)
      expect(error).toBeInstanceOf(RtpEngineCarrierError)
      expect(error).toMatchObject({ code: 'ECONNRESET', engine: 'udp://192.0.2.1:2223' })
    }
    const next = outcome(client.ping())
    await simulation.advance(200)
    expect(await next).toBe('ok')
    expect(client.counters.carrierFailures).toBe(2)
  })

  it('rejects at once where sending fails at once', async () => {
    const { engine, client } = simulateClient({ reliable: true })
    engine.refusing = true
    const controller = new AbortController()
    expect(await outcome(client.ping({ signal: controller.signal }))).toBe('ECONNREFUSED')
    controller.abort()
    expect(engine.forgotten).toEqual([])
  })
})

describe('NG replies', () => {
  it('reject with the reason of an engine that refuses', async () => {
    const { simulation, client } = simulateClient({
      answer: () => ({ result: 'error', 'error-reason': 'Unknown call-id' }),
    })
    const query = client.query('call').catch(error => error)
    await simulation.advance(10)
    const error = await query
    expect(error).toBeInstanceOf(RtpEngineRefusedError)
    expect(error).toMatchObject({
      reason: 'Unknown call-id',
      command: 'query',
      code: 'ERR_RTPENGINE_REFUSED',
    })
  })

  it('put nothing into an error’s message that a terminal or a log would take for more than text', async () => {
    const { simulation, client } = simulateClient({
      answer: () => ({ result: 'error', 'error-reason': '\x1b[2J\nforged line' }),
    })
    const query = client.query('call').catch(error => error)
    await simulation.advance(10)
    const { message } = await query
    expect(message).toContain('forged line')
    expect(message).not.toMatch(/[\x00-\x1f\x7f]/)
  })

  it('tell a busy engine from one that refuses', async () => {
    const { simulation, engine, client } = simulateClient({
      answer: () => ({ result: 'load limit', message: 'Maximum sessions reached' }),
    })
    const offer = outcome(client.offer('v=0', 'call', 'a', { loadLimit: true }))
    await simulation.advance(10)
    expect(await offer).toBe('ERR_RTPENGINE_LOAD_LIMIT')
    expect(engine.requests[0]?.get('supports')).toEqual(['load limit'])
  })

  it.each([
    ['no bencode', 'd6:result'],
    ['no dictionary', 'l2:oke'],
    ['no result', 'de'],
    ['a result nobody knows', 'd6:result5:maybee'],
    ['a result that is no string', 'd6:resulti1ee'],
    ['an offer without an SDP', 'd6:result2:oke'],
    ['an SDP that is no string', 'd6:result2:ok3:sdpi5ee'],
    ['broken JSON', '{"result":'],
    ['JSON too deep', `{"result":${'['.repeat(20)}${']'.repeat(20)}}`],
  ])('are malformed with %s', async (_, document) => {
    const { simulation, client } = simulateClient({ answer: () => document })
    const offer = client.offer('v=0', 'call', 'a').catch(error => error)
    await simulation.advance(10)
    expect(await offer).toBeInstanceOf(RtpEngineReplyError)
    expect(await offer).toBeInstanceOf(PeerError)
    expect(client.pending).toBe(0)
  })

  it('are read as JSON where the engine answers so', async () => {
    const { simulation, client } = simulateClient(
      { answer: () => '{"result":"ok","calls":["a","b",null],"x":true}' },
      { encoding: 'json' },
    )
    const list = client.list(5)
    await simulation.advance(10)
    expect(await list).toEqual(['a', 'b'])
  })
})

describe('what an engine tells unasked', () => {
  /** As rtpengine 10.5 sent it over TCP. */
  const NOTIFICATION =
    'd6:notify6:onDTMF4:datad4:tagsl1:a1:be6:callid2:c110:source_tag1:a4:type4:DTMF9:source_ip9:127.0.0.19:timestampi1795237106e5:eventi5e8:durationi60e6:volumei10eee'

  it('are the keys that parties press', () => {
    const events: unknown[] = []
    const { engine, client } = simulateClient({}, { onDtmf: event => events.push(event) })
    engine.reply(NOTIFICATION, '322ab55ab678e452')
    engine.reply(NOTIFICATION.replace('onDTMF', 'onElse'), 'x')
    engine.reply('d6:notify6:onDTMFe', 'x')
    engine.reply(NOTIFICATION.replace('4:type4:DTMF', '4:type4:DTMX'), 'x')
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      callId: 'c1',
      sourceTag: 'a',
      digit: '5',
      duration: 60,
      tags: ['a', 'b'],
    })
    expect(client.counters).toMatchObject({ notifications: 4, strayReplies: 0, replies: 0 })
  })

  it('is told to nobody after close', async () => {
    const events: unknown[] = []
    const { engine, client } = simulateClient({}, { onDtmf: event => events.push(event) })
    await client.close()
    engine.reply(NOTIFICATION, 'x')
    expect(events).toEqual([])
  })
})

describe('AbortSignal', () => {
  it('sends nothing where it is aborted already', async () => {
    const { engine, client } = simulateClient()
    expect(await outcome(client.ping({ signal: AbortSignal.abort('enough') }))).toBe('enough')
    expect(engine.ladder).toEqual([])
  })

  it('ends a request at once with its reason, and the reply counts as late', async () => {
    const { simulation, engine, client } = simulateClient({ delay: 100 })
    const controller = new AbortController()
    const ping = outcome(client.ping({ signal: controller.signal }))
    await simulation.advance(50)
    controller.abort('hung up')
    expect(await ping).toBe('hung up')
    expect(client.pending).toBe(0)
    expect(engine.forgotten).toHaveLength(1)
    await simulation.advance(500)
    expect(client.counters).toMatchObject({ lateReplies: 1, timeouts: 0, retransmissions: 0 })
  })
})

describe('close', () => {
  it('rejects what is under way and what comes after, and closes the carrier', async () => {
    const { simulation, engine, client } = simulateClient()
    const ping = outcome(client.ping())
    await client.close()
    expect(await ping).toBe('ERR_RTPENGINE_CLOSED')
    expect(await outcome(client.ping())).toBe('ERR_RTPENGINE_CLOSED')
    expect(engine.closed).toBe(true)
    await simulation.advance(1_000)
    expect(client.counters.strayReplies).toBe(0)
    expect(simulation.timers.size).toBe(0)
  })
})
