import { describe, expect, it } from 'vitest'
import type { RtpEngineClient } from '../../../../src/media/rtpengine/client.ts'
import { RtpEngineReplyError } from '../../../../src/media/rtpengine/errors.ts'
import { simulateClient } from '../simulation.ts'

/** A result read from the reply that is given, as JSON of the engine. */
async function resultOf<T>(
  reply: object | string,
  call: (client: RtpEngineClient) => Promise<T>,
): Promise<T> {
  const document = typeof reply === 'string' ? reply : JSON.stringify({ result: 'ok', ...reply })
  const { simulation, client } = simulateClient({ answer: () => document }, { encoding: 'json' })
  const result = call(client)
  result.catch(() => {})
  await simulation.advance(10)
  return result
}

/** A query's reply as rtpengine 10.5 gave it, of a call after 55 packets one way. */
const QUERY = {
  created: 1795235222,
  created_us: 624529,
  'last signal': 1795235223,
  SSRC: {
    '4660': {
      'cumulative loss': 2,
      average: { MOS: 43, jitter: 1, 'packet loss': 0, 'round-trip time': 900 },
      lowest: { MOS: 42, 'reported at': 1795235222 },
    },
  },
  tags: {
    a: {
      tag: 'a',
      label: 'caller',
      created: 1795235222,
      subscriptions: [{ tag: 'b', type: 'offer/answer' }],
      subscribers: [{ tag: 'b', type: 'offer/answer' }],
      medias: [
        {
          index: 1,
          type: 'audio',
          protocol: 'RTP/AVP',
          codec: 'PCMU/8000',
          flags: ['initialized', 'send', 'recv'],
          streams: [
            {
              'local port': 30016,
              'local address': '127.50.0.1',
              family: 'IPv4',
              endpoint: { family: 'IPv4', address: '127.0.0.1', port: 50000 },
              'advertised endpoint': { family: 'IPv4', address: '127.0.0.1', port: 50002 },
              'crypto suite': 'AES_CM_128_HMAC_SHA1_80',
              'last packet': 1795235223,
              flags: ['RTP', 'filled'],
              SSRC: 4660,
              stats: { packets: 55, bytes: 8680, errors: 1 },
            },
          ],
        },
      ],
    },
    '': { tag: '', created: 1795235222, 'in dialogue with': 'a', medias: [] },
  },
  totals: { RTP: { packets: 105, bytes: 17280, errors: 0 }, RTCP: { packets: 1, bytes: 2, errors: 3 } },
}

/** An extract of a statistics reply of rtpengine 10.5. */
const STATISTICS = {
  statistics: {
    currentstatistics: { sessionsown: 1, packetrate: 25, byterate: 4335, errorrate_kernel: 0, unknown: 7 },
    totalstatistics: { uptime: '2', relayedpackets: 105, avgcallduration: '1.500000', managedsessions: 'x' },
    intervalstatistics: {
      totalcallsduration: '0.250000',
      minmanagedsessions: 0,
      maxmanagedsessions: 2,
      'minplay mediadelay': '0.000100',
      'maxplay mediadelay': '0.000300',
      'avgplay mediadelay': '0.000200',
      'minplay mediarequestrate': '1',
      'maxplay mediarequestrate': '3',
      'avgplay mediarequestrate': '2',
    },
    mos: { mos_total: '8.600000', mos_samples_total: 2, mos_average: '4.300000' },
    controlstatistics: {
      proxies: [{ proxy: '127.0.0.1', offercount: 3, offerduration: '0.000664', errorcount: 1 }],
      totaloffercount: 3,
    },
    interfaces: [
      {
        name: 'a',
        address: '127.50.0.1',
        ports: { min: 30000, max: 30999, used: 4, used_pct: '0.40', free: 996 },
      },
    ],
    transcoders: [{ chain: 'PCMU/8000 -> PCMA/8000', num: 2, packetrate: 38 }],
  },
}

describe('query', () => {
  it('tells of parties, media and streams', async () => {
    const call = await resultOf(QUERY, client => client.query('c'))
    expect(call).toMatchObject({
      created: 1795235222,
      lastSignal: 1795235223,
      totals: { rtp: { packets: 105, bytes: 17280, errors: 0 }, rtcp: { packets: 1, bytes: 2, errors: 3 } },
    })
    expect([...call.tags.keys()]).toEqual(['a', ''])
    const caller = call.tags.get('a')
    expect(caller).toMatchObject({ label: 'caller', subscriptions: ['b'], subscribers: ['b'] })
    expect(caller?.medias).toEqual([
      {
        index: 1,
        type: 'audio',
        protocol: 'RTP/AVP',
        codec: 'PCMU/8000',
        flags: ['initialized', 'send', 'recv'],
        streams: [
          {
            localPort: 30016,
            localAddress: '127.50.0.1',
            endpoint: { family: 'IPv4', address: '127.0.0.1', port: 50000 },
            advertisedEndpoint: { family: 'IPv4', address: '127.0.0.1', port: 50002 },
            cryptoSuite: 'AES_CM_128_HMAC_SHA1_80',
            lastPacket: 1795235223,
            ssrc: 4660,
            flags: ['RTP', 'filled'],
            stats: { packets: 55, bytes: 8680, errors: 1 },
          },
        ],
      },
    ])
    expect(call.ssrcs.get(4660)).toEqual({
      cumulativeLoss: 2,
      average: { mos: 4.3, jitter: 1, roundTripTime: 900, packetLoss: 0 },
      lowest: { mos: 4.2, jitter: undefined, roundTripTime: undefined, packetLoss: undefined },
      highest: undefined,
    })
  })

  it('knows the other party as engines before 10.5 name it', async () => {
    const call = await resultOf(QUERY, client => client.query('c'))
    expect(call.tags.get('')?.subscriptions).toEqual(['a'])
  })

  it('is malformed without the time the call was created', async () => {
    await expect(resultOf({}, client => client.query('c'))).rejects.toBeInstanceOf(RtpEngineReplyError)
  })

  it('takes a hostile tag for a tag', async () => {
    const reply = '{"result":"ok","created":1,"tags":{"__proto__":{"label":"x"}}}'
    const call = await resultOf(reply, client => client.query('c'))
    expect(call.tags.get('__proto__')?.label).toBe('x')
  })
})

describe('statistics', () => {
  it('are numbers, also those that come as strings', async () => {
    const statistics = await resultOf(STATISTICS, client => client.statistics())
    expect(statistics.current).toEqual({
      sessionsown: 1,
      packetrate: 25,
      byterate: 4335,
      errorrate_kernel: 0,
    })
    expect(statistics.totals).toEqual({ uptime: 2, relayedpackets: 105, avgcallduration: 1.5 })
    expect(statistics.mos).toEqual({ mos_total: 8.6, mos_samples_total: 2, mos_average: 4.3 })
    expect(statistics.interval).toEqual({
      totalcallsduration: 0.25,
      minmanagedsessions: 0,
      maxmanagedsessions: 2,
      commands: new Map([
        [
          'play media',
          { delay: { min: 0.0001, max: 0.0003, avg: 0.0002 }, requestRate: { min: 1, max: 3, avg: 2 } },
        ],
      ]),
    })
    expect(statistics.proxies).toEqual([{ proxy: '127.0.0.1', counts: new Map([['offer', 3]]), errors: 1 }])
    expect(statistics.interfaces[0]?.ports).toEqual({
      min: 30000,
      max: 30999,
      used: 4,
      used_pct: 0.4,
      free: 996,
    })
    expect(statistics.transcoders).toEqual([
      { chain: 'PCMU/8000 -> PCMA/8000', figures: { num: 2, packetrate: 38 } },
    ])
  })

  it('are malformed where they are absent', async () => {
    await expect(resultOf({}, client => client.statistics())).rejects.toBeInstanceOf(RtpEngineReplyError)
  })
})

describe('results of the other commands', () => {
  it('delete tells what the engine counted, or warns', async () => {
    const deleted = await resultOf(QUERY, client => client.delete('c', 'a'))
    expect(deleted.call?.totals.rtp.packets).toBe(105)
    expect(deleted.warning).toBeUndefined()
    const unknown = await resultOf({ warning: 'Call-ID not found' }, client => client.delete('c', 'a'))
    expect(unknown).toMatchObject({ warning: 'Call-ID not found', call: undefined })
  })

  it('subscribe request tells the tags', async () => {
    const one = { sdp: 'v=0', 'from-tag': 'a', 'from-tags': ['a', 'b'], 'to-tag': 's' }
    expect(await resultOf(one, c => c.subscribeRequest('c', { fromTag: 'a' }))).toMatchObject({
      sdp: 'v=0',
      fromTags: ['a', 'b'],
      toTag: 's',
    })
    const older = { sdp: 'v=0', 'from-tag': 'a', 'to-tag': 's' }
    expect((await resultOf(older, c => c.subscribeRequest('c', { fromTag: 'a' }))).fromTags).toEqual(['a'])
  })

  it('play media tells how long it is, stop media how far it came', async () => {
    const played = await resultOf({ duration: 1500 }, c => c.playMedia('c', { fromTag: 'a', file: 'x' }))
    expect(played.duration).toBe(1500)
    const stopped = await resultOf({ 'last-frame-pos': 7 }, c => c.stopMedia('c', { fromTag: 'a' }))
    expect(stopped.lastFramePos).toBe(7)
  })

  it('transform tells where to send (written after the sources of mr13, which no engine here speaks)', async () => {
    const reply = {
      'call-id': 'c',
      'from-tag': 'a',
      media: [{ id: '1', family: 'IP4', address: '192.0.2.1', port: 30000 }],
    }
    const result = await resultOf(reply, client => client.transform([]))
    expect(result).toMatchObject({ callId: 'c', fromTag: 'a', media: reply.media })
    const portless = { ...reply, media: [{ id: '1', family: 'IP4', address: '192.0.2.1' }] }
    await expect(resultOf(portless, client => client.transform([]))).rejects.toThrow('it has no port')
  })
})
