/** A static audio payload type of RFC 3551 §6, table 4. */
export interface StaticPayloadType {
  readonly payloadType: number
  readonly encoding: string
  /** The RTP clock, not always the sampling rate: G.722 samples at 16 kHz and counts 8,000 (§4.5.2). */
  readonly clockRate: number
  readonly channels: number
}

/** The static payload types of telephony (RFC 3551 §6, RFC 3389 for CN). */
export const staticPayloadTypes: readonly StaticPayloadType[] = [
  { payloadType: 0, encoding: 'PCMU', clockRate: 8000, channels: 1 },
  { payloadType: 3, encoding: 'GSM', clockRate: 8000, channels: 1 },
  { payloadType: 4, encoding: 'G723', clockRate: 8000, channels: 1 },
  { payloadType: 8, encoding: 'PCMA', clockRate: 8000, channels: 1 },
  { payloadType: 9, encoding: 'G722', clockRate: 8000, channels: 1 },
  { payloadType: 10, encoding: 'L16', clockRate: 44100, channels: 2 },
  { payloadType: 11, encoding: 'L16', clockRate: 44100, channels: 1 },
  { payloadType: 13, encoding: 'CN', clockRate: 8000, channels: 1 },
  { payloadType: 15, encoding: 'G728', clockRate: 8000, channels: 1 },
  { payloadType: 18, encoding: 'G729', clockRate: 8000, channels: 1 },
]

const clockRates = new Map(staticPayloadTypes.map(({ payloadType, clockRate }) => [payloadType, clockRate]))

/** The clock rate of a static payload type, `undefined` for all others. */
export function staticClockRate(payloadType: number): number | undefined {
  return clockRates.get(payloadType)
}
