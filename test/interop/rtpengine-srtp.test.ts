import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toneLevel } from '../../src/media/audio/goertzel.ts'
import { samplesOf } from '../../src/media/audio/wav.ts'
import { RtpEngineClient } from '../../src/media/rtpengine/client.ts'
import { UdpSocket } from '../../src/net/udp.ts'
import { installed } from '../peers/installed.ts'
import { audioOf, RtpParty, sdpOf, tone, toneIn } from './peers/rtp-party.ts'
import { RtpEngineProcess } from './peers/rtpengine.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const SPOKEN_BY_ALICE = 1000
const SPOKEN_BY_FFMPEG = 440

let engine: RtpEngineProcess
const scratch = mkdtempSync(join(tmpdir(), 'resip-srtp-'))

beforeAll(async () => {
  installed('ffmpeg', 'ffmpeg')
  engine = await RtpEngineProcess.start({ address: '127.61.0.2' })
})

afterAll(async () => {
  await engine?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

describe('RTP on one side, SRTP by SDES (RFC 4568) on the other', () => {
  it('is translated both ways by the engine, with ffmpeg as the SRTP party', async () => {
    const client = new RtpEngineClient(engine.url('udp'))
    const alice = await RtpParty.open()
    const running: ChildProcess[] = []
    try {
      const offered = await client.offer(alice.sdp, 'srtp', 'alice', {
        transportProtocol: 'RTP/SAVP',
        dtls: false,
      })
      expect(offered.sdp).toContain('RTP/SAVP')
      const { tag, key: itsKey } = cryptoOf(offered.sdp)
      const ourKey = Buffer.from(Array.from({ length: 30 }, (_, i) => 7 * i)).toString('base64')

      const port = await freePort()
      // ffmpeg sends from another port than it receives on: the engine must not learn it
      const answered = await client.answer(
        sdpOf(port, 'RTP/SAVP', `a=crypto:${tag} ${SUITE} inline:${ourKey}`),
        'srtp',
        'alice',
        'bob',
        { flags: ['asymmetric'] },
      )
      expect(answered.sdp).toContain('RTP/AVP')
      expect(answered.sdp).not.toContain('a=crypto')

      const heard = join(scratch, 'heard.raw')
      const description = join(scratch, 'bob.sdp')
      writeFileSync(description, sdpOf(port, 'RTP/SAVP', `a=crypto:1 ${SUITE} inline:${itsKey}`))
      running.push(
        ffmpeg(
          ...AT_ONCE,
          '-protocol_whitelist',
          'file,udp,rtp,srtp',
          '-i',
          description,
          ...RAW,
          '-y',
          heard,
        ),
      )
      const to = audioOf(offered.sdp)
      running.push(
        ffmpeg(
          ...['-re', '-f', 'lavfi', '-i', `sine=frequency=${SPOKEN_BY_FFMPEG}:sample_rate=8000`],
          ...['-ac', '1', '-c:a', 'pcm_mulaw', '-payload_type', '0', '-f', 'rtp'],
          ...[
            '-srtp_out_suite',
            SUITE,
            '-srtp_out_params',
            ourKey,
            `srtp://${to.address}:${to.port}?pkt_size=172`,
          ],
        ),
      )

      await alice.talk(answered.sdp, 250, tone(SPOKEN_BY_ALICE))
      await expect.poll(() => alice.payloads(0).length, { timeout: 10_000 }).toBeGreaterThan(100)
      await expect.poll(() => sizeOf(heard), { timeout: 10_000 }).toBeGreaterThan(16_000)

      // packet by packet: one that was lost would put the rest of a longer window out of phase
      const toAlice = alice.payloads(0).slice(-50)
      expect(median(toAlice.map(payload => toneIn([payload], SPOKEN_BY_FFMPEG).ratio))).toBeGreaterThan(0.9)
      const samples = samplesOf(readFileSync(heard))
      const toBob = Array.from({ length: 40 }, (_, packet) =>
        samples.subarray(packet * 160, (packet + 1) * 160),
      )
      expect(median(toBob.map(frame => toneLevel(frame, SPOKEN_BY_ALICE, 8000).ratio))).toBeGreaterThan(0.9)

      const { tags } = await client.query('srtp')
      expect(tags.get('bob')?.medias[0]?.streams[0]?.cryptoSuite).toBe(SUITE)
      expect(tags.get('alice')?.medias[0]?.streams[0]?.cryptoSuite).toBeUndefined()
    } finally {
      for (const process of running) await end(process)
      await client.delete('srtp', 'alice')
      await client.close()
      await alice.close()
    }
  })
})

const AT_ONCE = ['-analyzeduration', '0', '-probesize', '32', '-fflags', 'nobuffer']
const RAW = ['-flush_packets', '1', '-f', 's16le', '-ar', '8000', '-ac', '1']

function ffmpeg(...options: string[]): ChildProcess {
  return spawn('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', ...options], { stdio: 'ignore' })
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const gone = once(process, 'exit')
  process.kill('SIGKILL')
  await gone
}

/** The line of our suite: the engine offers many. */
function cryptoOf(sdp: string): { tag: string; key: string } {
  const [, tag, key] = new RegExp(`a=crypto:(\\d+) ${SUITE} inline:([^|\\s]+)`).exec(sdp) ?? []
  if (tag === undefined || key === undefined) throw new Error(`no key for ${SUITE} in this SDP:\n${sdp}`)
  return { tag, key }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** An even port that nobody uses, with the next one free for RTCP. */
async function freePort(): Promise<number> {
  for (;;) {
    const socket = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram() {}, onSocketError() {} },
    )
    const { port } = socket.local
    await socket.close()
    if (port % 2 === 0) return port
    await after(1)
  }
}
