import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { CallStatistics } from 'resip/media'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RtpEngineProxyOptions, startRtpEngineProxy } from '../../examples/rtpengine-proxy.mjs'
import { RtpEngineClient } from '../../src/media/rtpengine/client.ts'
import { parseRecording } from '../../src/media/rtpengine/results/recording.ts'
import { ensureSipp, Sipp, type SippOptions } from '../peers/sipp.ts'
import { RtpParty, sdpOf, tone } from './peers/rtp-party.ts'
import { RtpEngineProcess } from './peers/rtpengine.ts'

const PROXY = 25_060
const CALLEE = 25_070
const CALLER = 25_080
const SILENCE = Buffer.alloc(160, 0xff)
const scenario = (name: string): URL => new URL(`scenarios/${name}.xml`, import.meta.url)

const cleanUp: (() => Promise<unknown>)[] = []

beforeAll(ensureSipp)

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

async function startEngine(address: string): Promise<RtpEngineProcess> {
  const engine = await RtpEngineProcess.start({ address })
  cleanUp.push(() => engine.stop())
  return engine
}

async function startProxy(options: Pick<RtpEngineProxyOptions, 'engines' | 'offer' | 'pool' | 'onCallEnd'>) {
  const running = await startRtpEngineProxy({
    listen: [`udp:127.0.0.1:${PROXY}`],
    nextHop: `sip:127.0.0.1:${CALLEE}`,
    ...options,
  })
  cleanUp.push(() => running.close())
  return running
}

async function startSipp(options: Omit<SippOptions, 'address'>): Promise<Sipp> {
  const sipp = await Sipp.start({ address: '127.0.0.1', ...options })
  cleanUp.push(() => sipp.stop())
  return sipp
}

async function openParty(): Promise<RtpParty> {
  const party = await RtpParty.open()
  cleanUp.push(() => party.close())
  return party
}

function clientOf(engine: RtpEngineProcess): RtpEngineClient {
  const client = new RtpEngineClient(engine.url('udp'))
  cleanUp.push(() => client.close())
  return client
}

/** What the engine told one party to send to, said as an SDP. */
function towards(engine: RtpEngineProcess, call: CallStatistics, tag: string): string {
  const port = call.tags.get(tag)?.medias[0]?.streams[0]?.localPort ?? 0
  return sdpOf(port, 'RTP/AVP').replaceAll('127.0.0.1', engine.address)
}

const packetsOf = (call: CallStatistics, tag: string): number =>
  call.tags.get(tag)?.medias[0]?.streams[0]?.stats.packets ?? 0

/** Waits until the engine knows both parties of its only call. */
async function established(client: RtpEngineClient): Promise<CallStatistics> {
  await expect.poll(async () => (await client.list()).length, { timeout: 5_000 }).toBe(1)
  const [callId = ''] = await client.list()
  await expect.poll(async () => (await client.query(callId)).tags.has('callee1')).toBe(true)
  return client.query(callId)
}

/** Both talk, and both hear all of it. */
async function talk(
  engine: RtpEngineProcess,
  call: CallStatistics,
  alice: RtpParty,
  bob: RtpParty,
): Promise<void> {
  const heard = [alice, bob].map(party => party.payloads(0).length)
  await Promise.all([
    alice.talk(towards(engine, call, 'caller1'), 25, packet => Buffer.alloc(160, packet)),
    bob.talk(towards(engine, call, 'callee1'), 25, () => SILENCE),
  ])
  await expect.poll(() => bob.payloads(0).length).toBe((heard[1] ?? 0) + 25)
  await expect.poll(() => alice.payloads(0).length).toBe((heard[0] ?? 0) + 25)
}

describe('SIPp calls SIPp through the example proxy, with media through rtpengine', () => {
  it('passes what both parties say, and what they said was recorded', async () => {
    const engine = await startEngine('127.61.0.6')
    const ended: CallStatistics[] = []
    await startProxy({
      engines: [engine.url('udp')],
      offer: { recordCall: true, metadata: 'from:proxy' },
      onCallEnd: (_, call) => ended.push(call),
    })
    const [alice, bob] = [await openParty(), await openParty()]
    await startSipp({ scenario: scenario('uas'), port: CALLEE, keys: { rtp_port: bob.port } })
    const calling = { port: CALLER, target: PROXY, calls: 1, duration: 3_000 }
    const caller = await startSipp({
      scenario: scenario('uac-pause'),
      ...calling,
      keys: { rtp_port: alice.port },
    })
    const client = clientOf(engine)
    const call = await established(client)
    await talk(engine, call, alice, bob)
    expect(bob.payloads(0)).toEqual(Array.from({ length: 25 }, (_, packet) => Buffer.alloc(160, packet)))

    const result = await caller.finished()
    expect(result, result.errors).toMatchObject({ calls: 1, successful: 1, failed: 0 })
    await expect.poll(() => ended.length).toBe(1)
    expect(ended[0]?.totals.rtp).toMatchObject({ packets: 50, errors: 0 })
    expect(await client.list()).toEqual([])

    const [file = ''] = recordingsOf(engine)
    const recording = parseRecording(readFileSync(file, 'utf8'))
    expect(recording.metadata).toBe('from:proxy')
    const pcap = readFileSync(recording.pcap)
    expect(rtpCount(pcap, alice.ssrc)).toBe(25)
    expect(rtpCount(pcap, bob.ssrc)).toBe(25)
  })

  it('passes it too where the offer comes late, and after a re-INVITE', async () => {
    const engine = await startEngine('127.61.0.6')
    await startProxy({ engines: [engine.url('udp')] })
    const [alice, bob] = [await openParty(), await openParty()]
    await startSipp({ scenario: scenario('uas-twice'), port: CALLEE, keys: { rtp_port: bob.port } })
    const calling = { port: CALLER, target: PROXY, calls: 1, duration: 2_000 }
    const caller = await startSipp({
      scenario: scenario('uac-late-offer'),
      ...calling,
      keys: { rtp_port: alice.port },
    })
    const client = clientOf(engine)
    await established(client)
    const callId = (await client.list())[0] ?? ''
    const tagsOf = async (): Promise<string[]> => [...(await client.query(callId)).tags.keys()].sort()
    await expect.poll(tagsOf).toEqual(['callee1', 'caller1'])
    const first = await client.query(callId)
    await talk(engine, first, alice, bob)
    const began = first.lastSignal ?? 0
    await expect
      .poll(async () => (await client.query(callId)).lastSignal ?? 0, { timeout: 5_000 })
      .toBeGreaterThan(began)
    const second = await client.query(callId)
    await talk(engine, second, alice, bob)
    for (const tag of ['caller1', 'callee1'])
      expect(towards(engine, second, tag)).toBe(towards(engine, first, tag))
    const result = await caller.finished()
    expect(result, result.errors).toMatchObject({ calls: 1, successful: 1, failed: 0 })
    expect(await client.list()).toEqual([])
  })

  it('carries 30 calls with streams of RTP and loses none, each recorded', async () => {
    const engine = await startEngine('127.61.0.6')
    const ended = new Map<string, CallStatistics>()
    const { media, proxy } = await startProxy({
      engines: [engine.url('udp')],
      offer: { recordCall: true },
      onCallEnd: (callId, call) => ended.set(callId, call),
    })
    await startSipp({ scenario: 'uas', port: CALLEE, echo: 26_000 })
    const files = { 'tone.ulaw': Buffer.concat(Array.from({ length: 50 }, tone(440))) }
    const calling = { port: CALLER, target: PROXY, calls: 30, rate: 15, duration: 1_500 }
    const caller = await startSipp({ scenario: scenario('uac-stream'), ...calling, files })
    const result = await caller.finished()
    expect(result, result.errors).toMatchObject({ calls: 30, successful: 30, failed: 0 })
    await expect.poll(() => ended.size).toBe(30)
    for (const call of ended.values()) {
      const counts = [...call.tags.keys()].map(tag => packetsOf(call, tag))
      expect(counts).toHaveLength(2)
      // 1.5 s of packets of 20 ms, and each comes back from the callee
      for (const packets of counts) expect(packets).toBeGreaterThan(50)
    }
    expect(recordingsOf(engine)).toHaveLength(30)
    expect(media.metrics).toMatchObject({ calls: 0, withoutEngine: 0 })
    expect(proxy).toMatchObject({ failedSteps: 0, order: { waiting: 0 } })
  })

  it('loses no new call when one of two engines is killed under load', async () => {
    const first = await startEngine('127.61.0.6')
    const second = await startEngine('127.61.0.7')
    const { media, proxy } = await startProxy({
      engines: [first.url('udp'), second.url('udp')],
      pool: {
        // below T1: SIPp's callee has no transactions, and gives a call up whose INVITE comes again after its ACK
        attemptTimeout: 250,
        health: { interval: 500, timeout: 300 },
        retransmission: { initial: 100 },
      },
    })
    // a call whose offer an engine has can get its answer from no other: killed while no call is between the two
    const between = new Set<string>()
    const { offer, answer } = media
    media.offer = (sdp, callId, ...others) => {
      between.add(callId)
      return offer.call(media, sdp, callId, ...others)
    }
    media.answer = (sdp, callId, ...others) =>
      answer.call(media, sdp, callId, ...others).finally(() => between.delete(callId))
    await startSipp({ scenario: 'uas', port: CALLEE })
    const calling = { port: CALLER, target: PROXY, calls: 200, rate: 40, duration: 1_000 }
    const caller = await startSipp({ scenario: 'uac', ...calling })
    while (media.metrics.engines.some(engine => engine.opened < 20) || between.size > 0) await after(1)
    const opened = media.metrics.engines[0]?.opened ?? 0
    await first.stop('SIGKILL')
    const result = await caller.finished()
    expect(result, result.errors).toMatchObject({ calls: 200, successful: 200, failed: 0 })
    expect(media.metrics.failovers).toBeGreaterThan(0)
    expect(media.metrics.engines.map(engine => engine.healthy)).toEqual([false, true])
    expect(media.metrics.engines[0]?.opened).toBe(opened)
    expect(media.metrics.engines[1]?.opened).toBeGreaterThanOrEqual(200 - opened)
    expect(proxy.failedSteps).toBe(0)
  })
})

/** The metadata files of an engine. */
function recordingsOf(engine: RtpEngineProcess): string[] {
  const folder = join(engine.recordings, 'metadata')
  return readdirSync(folder).map(name => join(folder, name))
}

/** RTP packets of one source in a pcap of raw IPv4 packets, as rtpengine writes it. */
function rtpCount(pcap: Buffer, ssrc: number): number {
  let count = 0
  for (let at = 24; at < pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8)
    const rtp = at + 16 + ((pcap[at + 16] ?? 0) & 0x0f) * 4 + 8
    if (length >= 40 && pcap.readUInt32BE(rtp + 8) === ssrc) count++
    at += 16 + length
  }
  return count
}
