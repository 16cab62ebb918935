import type { Socket } from 'node:dgram'
import { beforeAll, describe, expect, it } from 'vitest'
import { toneLevel } from '../../src/media/audio/goertzel.ts'
import { MediaClock } from '../../src/media/audio/media-clock.ts'
import { ToneGenerator } from '../../src/media/audio/tone.ts'
import { samplesOf } from '../../src/media/audio/wav.ts'
import { pcmu } from '../../src/media/codec/g711.ts'
import { randomCname } from '../../src/media/rtcp/cname.ts'
import type { SenderReport } from '../../src/media/rtcp/packet.ts'
import { parseRtcp } from '../../src/media/rtcp/parse.ts'
import { staticClockRate } from '../../src/media/rtp/payload-types.ts'
import { RtpSender } from '../../src/media/rtp/sender.ts'
import { RtpSession } from '../../src/media/rtp/session.ts'
import type { RtpSessionHandler } from '../../src/media/rtp/session-options.ts'
import type { ReceptionReport } from '../../src/media/rtp/source.ts'
import { systemClock } from '../../src/net/clock.ts'
import { systemRandom } from '../../src/net/random.ts'
import { Timers } from '../../src/util/timers.ts'
import { installed } from '../peers/installed.ts'
import { AudioPeer, freePorts, loopback } from './peers/media-tools.ts'

const FRAME = 160
/** All that comes is of one peer. */
const peerAt = { address: '127.0.0.1', port: 9 }
const LOST_EVERY = 20
const CAPS = 'application/x-rtp,media=audio,payload=0,clock-rate=8000,encoding-name=PCMU'

function session(handler: RtpSessionHandler): { session: RtpSession; sender: RtpSender } {
  const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random: systemRandom })
  const made = new RtpSession(
    {
      sender,
      clockRateOf: staticClockRate,
      cname: randomCname(systemRandom),
      clock: systemClock,
      timers: new Timers(systemClock),
      random: systemRandom,
      rtcpMinimum: 1000,
    },
    handler,
  )
  return { session: made, sender }
}

function closed(...sockets: Socket[]): void {
  for (const socket of sockets) socket.close()
}

describe('GStreamer', () => {
  beforeAll(() =>
    installed(
      'gst-launch-1.0',
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
    ),
  )

  it('RFC 3550 §6.4: its report about our stream says what our own receiver says, over 5 % loss', async () => {
    const port = await freePorts()
    const [rtp, rtcp] = [await loopback(), await loopback()]
    const peer = new AudioPeer('gst-launch-1.0', [
      ...['-q', 'rtpbin', 'name=rtp', 'udpsrc', 'address=127.0.0.1', `port=${port}`, `caps=${CAPS}`, '!'],
      ...['rtp.recv_rtp_sink_0', 'rtp.', '!', 'rtppcmudepay', '!', 'mulawdec', '!', 'fdsink', 'fd=1'],
      ...['udpsrc', 'address=127.0.0.1', `port=${port + 1}`, '!', 'rtp.recv_rtcp_sink_0'],
      ...['rtp.send_rtcp_src_0', '!', 'udpsink', 'host=127.0.0.1', `port=${rtcp.address().port}`],
      ...['sync=false', 'async=false'],
    ])
    const reports: { theirs: ReceptionReport; roundTrip: number | undefined; ours: ReceptionReport }[] = []
    // never started: a report of its own would begin a new interval of the fraction lost
    const ours = session({ sendRtcp() {} })
    const { session: sending, sender } = session({
      sendRtcp: bytes => rtcp.send(bytes, port + 1, '127.0.0.1'),
      onReport(_from, theirs, roundTrip) {
        const [source] = ours.session.sources.values()
        if (source !== undefined) reports.push({ theirs, roundTrip, ours: source.report(systemClock.now()) })
      },
    })
    rtcp.on('message', bytes => sending.receiveRtcp(bytes, peerAt))
    sending.start()
    const media = new MediaClock(systemClock)
    const tone = new ToneGenerator({ sampleRate: 8000, frequencies: [1004], level: -10 })
    const samples = new Int16Array(FRAME)
    const payload = Buffer.alloc(FRAME)
    const send = (): void => {
      tone.fill(samples)
      pcmu.encode(samples, payload)
      const bytes = Buffer.alloc(12 + FRAME)
      const sequence = sender.sequence
      sender.write(bytes, 0, payload, FRAME, systemClock.now())
      sending.onSent()
      if (sequence % LOST_EVERY === 0) return
      rtp.send(bytes, port, '127.0.0.1')
      ours.session.receiveRtp(bytes, bytes.length, peerAt, systemClock.now())
    }
    let enough: (value: unknown) => void = () => {}
    const reported = new Promise(resolve => {
      enough = resolve
    })
    const pace = media.start(
      {
        onSlot(slot, skipped) {
          sender.advance(skipped * FRAME)
          send()
          // its first reports may fall into the start of its pipeline: the last of several counts
          if (reports.length >= 4 || slot > 50 * 60) enough(undefined)
        },
      },
      20,
    )
    try {
      await reported
      expect(peer.log).toBe('')
      const last = reports.at(-1)
      if (last === undefined) throw new Error('GStreamer sent no report')
      const { theirs, ours: own, roundTrip } = last
      // packets that came before its pipeline stood are not of its count; what is on the way may be one apart
      expect(Math.abs(theirs.highest - own.highest)).toBeLessThanOrEqual(2)
      expect(Math.abs(theirs.fractionLost - own.fractionLost)).toBeLessThanOrEqual(8)
      expect(theirs.fractionLost / 256).toBeCloseTo(1 / LOST_EVERY, 1)
      expect(own.lost - theirs.lost).toBeGreaterThanOrEqual(-1)
      expect(own.lost - theirs.lost).toBeLessThanOrEqual(own.lost / 2)
      expect(Math.abs(theirs.jitter - own.jitter) / 8).toBeLessThan(5)
      expect(theirs.lastReport).not.toBe(0)
      expect(roundTrip).toBeGreaterThanOrEqual(0)
      expect(roundTrip).toBeLessThan(50)
      const heard = samplesOf(peer.output)
      const measured = toneLevel(heard.subarray(heard.length - 160, heard.length), 1004, 8000)
      expect(measured.ratio).toBeGreaterThan(0.95)
    } finally {
      media.stop(pace)
      sending.close()
      ours.session.close()
      await peer.stop()
      closed(rtp, rtcp)
    }
  })

  it('RFC 3550 §6.4.1: what we received of its stream is what its sender report counts', async () => {
    const port = await freePorts()
    const [rtp, rtcp] = [await loopback(port), await loopback(port + 1)]
    const back = await freePorts()
    const peer = new AudioPeer('gst-launch-1.0', [
      ...[
        '-q',
        'rtpbin',
        'name=rtp',
        'audiotestsrc',
        'is-live=true',
        'freq=1000',
        'samplesperbuffer=160',
        '!',
      ],
      ...['audio/x-raw,rate=8000,channels=1', '!', 'mulawenc', '!', 'rtppcmupay', '!', 'rtp.send_rtp_sink_0'],
      ...['rtp.send_rtp_src_0', '!', 'udpsink', 'host=127.0.0.1', `port=${port}`],
      ...[
        'rtp.send_rtcp_src_0',
        '!',
        'udpsink',
        'host=127.0.0.1',
        `port=${port + 1}`,
        'sync=false',
        'async=false',
      ],
      ...['udpsrc', 'address=127.0.0.1', `port=${back}`, '!', 'rtp.recv_rtcp_sink_0'],
    ])
    const { session: receiving } = session({ sendRtcp: bytes => rtcp.send(bytes, back, '127.0.0.1') })
    receiving.start()
    const heard: Buffer[] = []
    rtp.on('message', bytes => {
      const received = receiving.receiveRtp(bytes, bytes.length, peerAt, performance.now())
      if (received !== undefined) heard.push(received.packet.payload)
    })
    try {
      const sr = await new Promise<{ report: SenderReport; received: number }>(resolve => {
        let reports = 0
        rtcp.on('message', bytes => {
          receiving.receiveRtcp(bytes, peerAt)
          const packets = parseRtcp(bytes)
          if (typeof packets === 'string') throw new Error(`GStreamer sent RTCP that is ${packets}`)
          const report = packets.find(packet => packet.type === 'sr')
          const [source] = receiving.sources.values()
          if (report !== undefined && ++reports >= 2)
            resolve({ report, received: source?.sequence.received ?? 0 })
        })
      })
      // the first packet only proves the source (appendix A.1)
      expect(Math.abs(sr.report.packets - 1 - sr.received)).toBeLessThanOrEqual(1)
      const [source] = receiving.sources.values()
      expect(source?.sequence.lost).toBe(0)
      expect(source?.jitter.milliseconds).toBeLessThan(10)
      const [member] = receiving.members.all()
      expect(member?.cname).toMatch(/.+/)
      const samples = new Int16Array(8000)
      pcmu.decode(Buffer.concat(heard.slice(-50)), samples)
      expect(toneLevel(samples, 1000, 8000).ratio).toBeGreaterThan(0.99)
    } finally {
      receiving.close()
      await peer.stop()
      closed(rtp, rtcp)
    }
  })
})
