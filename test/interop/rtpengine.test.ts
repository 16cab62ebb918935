import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRtp, type RtpPacket } from '../../src/media/rtp/packet.ts'
import { RtpEngineClient } from '../../src/media/rtpengine/client.ts'
import type { DtmfEvent } from '../../src/media/rtpengine/dtmf/event.ts'
import { DtmfListener } from '../../src/media/rtpengine/dtmf/listener.ts'
import { RtpEngineRefusedError } from '../../src/media/rtpengine/errors.ts'
import type { NgEncoding } from '../../src/media/rtpengine/message/message.ts'
import type { OfferOptions } from '../../src/media/rtpengine/options.ts'
import { parseRecording } from '../../src/media/rtpengine/results/recording.ts'
import { audioOf, RtpParty, sdpOf, tone, toneIn } from './peers/rtp-party.ts'
import { type CarrierName, RtpEngineProcess } from './peers/rtpengine.ts'

const AUDIO = 0
const EVENTS = 101
const SPOKEN_BY_ALICE = 1000
const SPOKEN_BY_BOB = 440

let engine: RtpEngineProcess
let dtmf: DtmfListener
const events: DtmfEvent[] = []
const scratch = mkdtempSync(join(tmpdir(), 'resip-interop-'))
const wav = join(scratch, 'tone.wav')

beforeAll(async () => {
  dtmf = await DtmfListener.bind({ address: '127.0.0.1', port: 0 }, { onDtmf: event => events.push(event) })
  engine = await RtpEngineProcess.start({ address: '127.61.0.1', dtmfLog: `127.0.0.1:${dtmf.local?.port}` })
  writeFileSync(wav, waveFile(8000))
})

afterAll(async () => {
  await engine?.stop()
  await dtmf?.close()
  rmSync(scratch, { recursive: true, force: true })
})

describe.each<[CarrierName, NgEncoding]>([
  ['udp', 'bencode'],
  ['udp', 'json'],
  ['tcp', 'bencode'],
  ['http', 'bencode'],
  ['http', 'json'],
  ['ws', 'bencode'],
  ['ws', 'json'],
])('rtpengine 10.5 over %s in %s', (carrier, encoding) => {
  const call = `${carrier}-${encoding}@example.com`
  let client: RtpEngineClient
  let alice: RtpParty
  let bob: RtpParty

  beforeAll(async () => {
    client = new RtpEngineClient(engine.url(carrier), { encoding })
    alice = await RtpParty.open()
    bob = await RtpParty.open()
  })

  afterAll(async () => {
    await client.close()
    await alice.close()
    await bob.close()
  })

  it('answers every command that it knows', async () => {
    expect((await client.ping()).roundTrip).toBeLessThan(1000)

    const flags = ['inject-DTMF', 'trust-address'] as const
    const replace = ['origin', 'session-connection'] as const
    const offered = await client.offer(alice.sdp, call, 'alice', {
      flags: [...flags, 'reset'],
      replace,
      label: 'caller',
      ice: 'remove',
      receivedFrom: '127.0.0.1',
      direction: ['a', 'a'],
      tos: 184,
      viaBranch: 'z9hG4bK1',
    })
    expect(offered.sdp).toContain(`IN IP4 ${engine.address}`)
    const answered = await client.answer(bob.sdp, call, 'alice', 'bob', {
      flags,
      replace,
      viaBranch: 'z9hG4bK1',
    })
    expect(answered.sdp).toMatch(new RegExp(`^o=.*IN IP4 ${engine.address}`, 'm'))
    await Promise.all([alice.talk(answered.sdp, 5, tone(440)), bob.talk(offered.sdp, 5, tone(440))])

    const queried = await client.query(call)
    expect([...queried.tags.keys()].sort()).toEqual(['alice', 'bob'])
    expect(queried.tags.get('alice')).toMatchObject({ label: 'caller', subscriptions: ['bob'] })
    expect(queried.tags.get('alice')?.medias[0]?.streams[0]?.endpoint.port).toBe(alice.port)
    expect(queried.totals.rtp.packets).toBeGreaterThanOrEqual(10)
    expect(await client.list()).toContain(call)
    expect(await client.list(1)).toHaveLength(1)

    const party = { fromTag: 'alice' }
    await client.startRecording(call, { metadata: 'k:v' })
    await client.stopRecording(call)
    await client.startForwarding(call, party)
    await client.stopForwarding(call, party)
    await client.blockDtmf(call, party)
    await client.unblockDtmf(call, party)
    await client.blockMedia(call, { label: 'caller' })
    await client.unblockMedia(call, { label: 'caller' })
    await client.silenceMedia(call)
    await client.unsilenceMedia(call)
    const played = await client.playMedia(call, { ...party, file: wav, repeatTimes: 2 })
    expect(played.duration).toBe(1000)
    await client.stopMedia(call, party)
    await client.playDtmf(call, '#', { ...party, duration: 100 })

    const subscribed = await client.subscribeRequest(call, { fromTag: 'alice', toTag: 'listener' })
    expect(subscribed).toMatchObject({ fromTags: ['alice'], toTag: 'listener' })
    expect(subscribed.sdp).toContain('a=sendonly')
    await client.subscribeAnswer(bob.sdp.replace('a=ptime', 'a=recvonly\r\na=ptime'), call, 'listener', {
      flags: ['allow-transcoding'],
    })
    await client.unsubscribe(call, 'listener')
    const published = await client.publish(`${alice.sdp}a=sendonly\r\n`, `published-${call}`, 'alice')
    expect(published.sdp).toContain('a=recvonly')
    await client.delete(`published-${call}`, 'alice')

    const statistics = await client.statistics()
    expect(statistics.current.sessionstotal).toBeGreaterThanOrEqual(1)
    expect(statistics.totals.uptime).toBeTypeOf('number')
    expect(statistics.interval.commands.get('play media')?.delay.max).toBeTypeOf('number')
    expect(statistics.interfaces[0]).toMatchObject({ name: 'a', address: engine.address })
    expect(statistics.proxies.some(proxy => (proxy.counts.get('offer') ?? 0) > 0)).toBe(true)

    const deleted = await client.delete(call, 'alice', {
      toTag: 'bob',
      deleteDelay: 0,
      viaBranch: 'z9hG4bK1',
    })
    expect(deleted.call?.totals.rtp.packets).toBeGreaterThanOrEqual(10)
    expect(await client.list()).not.toContain(call)
  })

  it('warns of a call that it does not know, and refuses it where that is fatal', async () => {
    expect((await client.delete('nobody', 'a')).warning).toContain('not found')
    const refusal = await client.delete('nobody', 'a', { flags: ['fatal'] }).catch(error => error)
    expect(refusal).toBeInstanceOf(RtpEngineRefusedError)
    expect(refusal).toMatchObject({ code: 'ERR_RTPENGINE_REFUSED', command: 'delete' })
    expect(refusal.reason).toContain('not found')
  })

  it('refuses the commands of later versions', async () => {
    const requests = [
      client.pauseRecording('c'),
      client.connect('c', 'a', 'b'),
      client.transform([]),
      client.request('mesh'),
    ]
    for (const outcome of await Promise.allSettled(requests)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'Unrecognized command' } })
    }
  })

  it('carries Unicode through', async () => {
    const sdp = alice.sdp.replace('s=-', 's=Grüße €')
    const offered = await client.offer(sdp, `unicode-${call}`, 'tag-é')
    expect(offered.sdp).toContain('s=Grüße €')
    expect([...(await client.query(`unicode-${call}`)).tags.keys()]).toContain('tag-é')
    await client.delete(`unicode-${call}`, 'tag-é')
  })

  it('answers many requests at once', async () => {
    const pings = await Promise.all(Array.from({ length: 500 }, () => client.ping()))
    expect(pings).toHaveLength(500)
    const calls = Array.from({ length: 200 }, (_, i) => `many-${i}-${call}`)
    for (let round = 0; round < 3; round++) {
      await Promise.all(calls.map(one => client.offer(alice.sdp, one, 'alice')))
      await Promise.all(calls.map(one => client.answer(bob.sdp, one, 'alice', 'bob')))
    }
    await Promise.all(calls.map(one => client.delete(one, 'alice')))
    expect(client.counters).toMatchObject({ timeouts: 0, malformedReplies: 0, strayReplies: 0 })
  })
})

describe('options of an offer have their effect', () => {
  const sdp = sdpOf(40000, 'RTP/AVP')
  const webrtc = { transportProtocol: 'UDP/TLS/RTP/SAVPF', sdes: false } as const

  it.each<[string, OfferOptions, RegExp, boolean]>([
    ['no ICE by default', {}, /a=candidate/, false],
    ['ice', { ice: 'force' }, /a=candidate/, true],
    ['iceLite', { ice: 'force', iceLite: 'forward' }, /a=ice-lite/, true],
    ['flags', { ice: 'force', flags: ['trickle-ICE'] }, /a=ice-options:trickle/, true],
    ['rtcpMux', { rtcpMux: ['offer'] }, /a=rtcp-mux/, true],
    ['transportProtocol with SDES', { transportProtocol: 'RTP/SAVP', dtls: false }, /a=crypto/, true],
    ['dtls: false', { transportProtocol: 'RTP/SAVP', dtls: false }, /a=fingerprint/, false],
    ['sdes: false', webrtc, /a=crypto/, false],
    [
      'transportProtocol with DTLS',
      webrtc,
      /m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0.*a=fingerprint:sha-256/is,
      true,
    ],
    ['dtlsFingerprint', { ...webrtc, dtlsFingerprint: 'SHA-512' }, /a=fingerprint:sha-512/i, true],
    [
      'sdes',
      { transportProtocol: 'RTP/SAVP', dtls: false, sdes: ['no-AES_CM_128_HMAC_SHA1_32'] },
      /AES_CM_128_HMAC_SHA1_32/,
      false,
    ],
    ['mediaAddress', { mediaAddress: '192.0.2.99' }, /^c=IN IP4 192\.0\.2\.99/m, true],
    ['replace', { replace: ['origin'] }, /^o=- 1 1 IN IP4 127\.61\.0\.1/m, true],
    ['codec strip', { codec: { strip: ['telephone-event'] } }, /telephone-event/, false],
    ['codec transcode', { codec: { transcode: ['PCMA'] } }, /a=rtpmap:8 PCMA/, true],
    ['ptime', { ptime: 40 }, /a=ptime:40/, true],
    ['direction', { direction: ['a', 'b'] }, /^c=IN IP4 127\.62\.0\.1/m, true],
    ['generate-mid', { flags: ['generate-mid'] }, /a=mid:/, true],
    ['no-rtcp-attribute', { flags: ['no-rtcp-attribute'] }, /a=rtcp:/, false],
    ['loop-protect', { flags: ['loop-protect'] }, /a=rtpengine:/, true],
    ['any other key', { other: { 'media-address': '192.0.2.98' } }, /^c=IN IP4 192\.0\.2\.98/m, true],
    ['any other flag', { otherFlags: ['generate-mid'] }, /a=mid:/, true],
  ])('%s', async (_, options, expected, present) => {
    const client = new RtpEngineClient(engine.url('udp'))
    try {
      const offered = await client.offer(sdp, 'options', 'alice', options)
      expect(expected.test(offered.sdp), offered.sdp).toBe(present)
    } finally {
      await client.delete('options', 'alice')
      await client.close()
    }
  })
})

describe('a call through rtpengine', () => {
  it('passes the media of our flows on both sides in both directions, and records it', async () => {
    const client = new RtpEngineClient(engine.url('udp'))
    const told: DtmfEvent[] = []
    const witness = new RtpEngineClient(engine.url('tcp'), { onDtmf: event => told.push(event) })
    await witness.ping()
    const alice = await RtpParty.open()
    const bob = await RtpParty.open()
    try {
      const offered = await client.offer(alice.sdp, 'recorded', 'alice', {
        recordCall: true,
        metadata: 'job:42',
      })
      const answered = await client.answer(bob.sdp, 'recorded', 'alice', 'bob')
      const [saidByAlice, saidByBob] = await Promise.all([
        alice.talk(answered.sdp, 50, tone(SPOKEN_BY_ALICE)),
        bob.talk(offered.sdp, 50, tone(SPOKEN_BY_BOB)),
      ])
      await expect.poll(() => bob.payloads(AUDIO).length).toBe(50)
      await expect.poll(() => alice.payloads(AUDIO).length).toBe(50)
      expect(bob.payloads(AUDIO)).toEqual(saidByAlice)
      expect(alice.payloads(AUDIO)).toEqual(saidByBob)
      expect(bob.sources).toEqual([audioOf(offered.sdp)])
      expect(alice.sources).toEqual([audioOf(answered.sdp)])
      for (const [heard, spoken, own] of [
        [bob, SPOKEN_BY_ALICE, SPOKEN_BY_BOB],
        [alice, SPOKEN_BY_BOB, SPOKEN_BY_ALICE],
      ] as const) {
        const { level, ratio } = toneIn(heard.payloads(AUDIO), spoken)
        expect(level).toBeCloseTo(-10, 1)
        expect(ratio).toBeGreaterThan(0.99)
        expect(toneIn(heard.payloads(AUDIO), own).ratio).toBeLessThan(0.01)
      }

      await alice.press(answered.sdp, 5, 60)
      await expect.poll(() => bob.payloads(EVENTS)).toHaveLength(5)
      const pressed = (): DtmfEvent[] => events.filter(event => event.callId === 'recorded')
      await expect.poll(() => pressed().length).toBe(1)
      expect(pressed()[0]).toMatchObject({ sourceTag: 'alice', digit: '5', duration: 60 })

      await expect.poll(() => told.filter(event => event.callId === 'recorded')).toHaveLength(1)
      expect(told.at(-1)).toEqual(pressed()[0])

      const { call } = await client.delete('recorded', 'alice')
      expect(call?.totals.rtp).toMatchObject({ packets: 105, errors: 0 })
      const folder = join(engine.recordings, 'metadata')
      await expect.poll(() => readdirSync(folder).filter(name => name.includes('recorded'))).toHaveLength(1)
      const [file] = readdirSync(folder).filter(name => name.includes('recorded'))
      const recording = parseRecording(readFileSync(join(folder, file ?? ''), 'utf8'))
      expect(recording.metadata).toBe('job:42')
      expect(recording.sdps.map(one => one.mode)).toEqual(['offer', 'answer'])
      const recorded = rtpOf(readFileSync(recording.pcap))
      for (const [party, payloads] of [
        [alice, saidByAlice],
        [bob, saidByBob],
      ] as const) {
        const own = recorded.filter(packet => packet.ssrc === party.ssrc && packet.payloadType === AUDIO)
        expect(own.map(packet => packet.payload)).toEqual(payloads)
        const first = own[0]?.sequence ?? Number.NaN
        expect(own.map(packet => packet.sequence)).toEqual(
          payloads.map((_, index) => (first + index) & 0xffff),
        )
      }
    } finally {
      await witness.close()
      await client.close()
      await alice.close()
      await bob.close()
    }
  })
})

/** The RTP packets in a pcap of raw IPv4 packets, as rtpengine writes it. */
function rtpOf(pcap: Buffer): RtpPacket[] {
  const packets: RtpPacket[] = []
  for (let at = 24; at < pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8)
    const packet = pcap.subarray(at + 16, at + 16 + length)
    const rtp = parseRtp(packet.subarray(((packet[0] ?? 0) & 0x0f) * 4 + 8))
    if (typeof rtp !== 'string') packets.push(rtp)
    at += 16 + length
  }
  return packets
}

/** One second of a tone, 16 bit, mono. */
function waveFile(rate: number): Buffer {
  const samples = Buffer.alloc(rate * 2)
  for (let i = 0; i < rate; i++)
    samples.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 440 * i) / rate)), i * 2)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples.length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.length, 40)
  return Buffer.concat([header, samples])
}
