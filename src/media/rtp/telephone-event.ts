/** One event report (RFC 4733 §2.3). */
export interface TelephoneEvent {
  /** 0 to 255: 0–9 are the digits, 10 `*`, 11 `#`, 12–15 A–D, 16 is a hook flash (RFC 4733 §3.2, table 3). */
  readonly event: number
  readonly end: boolean
  /** 0 to 63, the power in −dBm0; 0 leaves it to the receiver. */
  readonly volume: number
  /** In timestamp units, 0 to 0xFFFF. */
  readonly duration: number
}

export const MAX_SEGMENT = 0xffff
const EVENT_LENGTH = 4

/** The reports in a payload, contiguous in time (§2.5.1.5), or `undefined` where its length is none. */
export function parseTelephoneEvents(payload: Buffer): TelephoneEvent[] | undefined {
  if (payload.length === 0 || payload.length % EVENT_LENGTH !== 0) return undefined
  const events: TelephoneEvent[] = []
  for (let at = 0; at < payload.length; at += EVENT_LENGTH) {
    const flags = payload.readUInt8(at + 1)
    events.push({
      event: payload.readUInt8(at),
      end: (flags & 0x80) !== 0,
      volume: flags & 0x3f,
      duration: payload.readUInt16BE(at + 2),
    })
  }
  return events
}

export function encodeTelephoneEvent(report: TelephoneEvent): Buffer {
  const payload = Buffer.alloc(EVENT_LENGTH)
  payload.writeUInt8(report.event, 0)
  payload.writeUInt8((report.end ? 0x80 : 0) | (report.volume & 0x3f), 1)
  payload.writeUInt16BE(report.duration, 2)
  return payload
}
