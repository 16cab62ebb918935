import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { MediaClock, RtpSender, systemClock, systemRandom } from 'resip/media'
import type { Measurement } from './measurement.ts'

export const PACER_STREAMS = 300
export const PACER_SECONDS = 10
const INTERVAL = 20
const FRAME = 160

/** Sends G.711 for many streams on loop-back, all on one media clock: how late packets leave, and the drift at the end. */
export async function pacer(): Promise<Measurement[]> {
  const sink = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const socket = createSocket('udp4')
  sink.bind(0, '127.0.0.1')
  socket.bind(0, '127.0.0.1')
  await Promise.all([once(sink, 'listening'), once(socket, 'listening')])
  const port = sink.address().port
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')

  const cpu = process.cpuUsage()
  const result = await run(bytes => socket.send(bytes))
  const used = process.cpuUsage(cpu)
  socket.close()
  sink.close()

  const bench = 'pacer'
  const label = `${PACER_STREAMS} streams, ${PACER_SECONDS} s`
  const late = result.lateness.sort()
  const share = (of: number): number => late[Math.min(late.length - 1, Math.floor(of * late.length))] ?? 0
  return [
    { bench, case: `${label}: lateness p50`, value: share(0.5), unit: 'ms' },
    {
      bench,
      case: `${label}: lateness p99.9`,
      value: share(0.999),
      unit: 'ms',
      note: 'required: 10 ms at most',
    },
    { bench, case: `${label}: lateness, greatest`, value: share(1), unit: 'ms' },
    {
      bench,
      case: `${label}: drift at the end`,
      value: result.drift,
      unit: 'ms',
      note: 'required: 2 ms at most',
    },
    { bench, case: `${label}: slots skipped`, value: result.skipped, unit: '' },
    {
      bench,
      case: `${label}: CPU a packet sent and received`,
      value: (used.user + used.system) / late.length,
      unit: 'µs',
    },
  ]
}

/** Drift: by how much later packets leave in the last second than in the first, as medians of all streams. */
async function run(
  send: (bytes: Buffer) => void,
): Promise<{ lateness: Float64Array; drift: number; skipped: number }> {
  const clock = new MediaClock(systemClock)
  const slots = (PACER_SECONDS * 1000) / INTERVAL
  const lateness = new Float64Array(PACER_STREAMS * slots)
  const payload = Buffer.alloc(FRAME, 0xff)
  const perSecond = (PACER_STREAMS * 1000) / INTERVAL
  let count = 0
  let skippedSlots = 0
  await Promise.all(
    Array.from({ length: PACER_STREAMS }, () => {
      const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random: systemRandom })
      return new Promise<void>(resolve => {
        let first = 0
        const pace = clock.start(
          {
            onSlot(slot, skipped, deadline) {
              const now = performance.now()
              if (slot === 0) first = deadline
              skippedSlots += skipped
              if (skipped > 0) sender.advance(skipped * FRAME)
              // a buffer of its own: the socket keeps it until the datagram has left
              const bytes = Buffer.allocUnsafe(12 + FRAME)
              sender.write(bytes, 0, payload, FRAME, deadline)
              send(bytes)
              // against the slot's number, not the clock's word: a drifting clock would show
              if (count < lateness.length) lateness[count++] = now - first - slot * INTERVAL
              if (slot < slots - 1) return
              clock.stop(pace)
              resolve()
            },
          },
          INTERVAL,
        )
      })
    }),
  )
  const sent = lateness.subarray(0, count)
  const drift = median(sent.slice(-perSecond)) - median(sent.slice(0, perSecond))
  return { lateness: sent, drift, skipped: skippedSlots }
}

function median(values: Float64Array): number {
  return values.sort()[values.length >> 1] ?? 0
}
