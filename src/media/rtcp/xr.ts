/** RFC 3611 §4.7: units are the RFC's own, 1/256 for rates, milliseconds for times, 127 for an unknown factor. */
export interface VoipMetrics {
  readonly block: 'voip-metrics'
  readonly ssrc: number
  readonly lossRate: number
  readonly discardRate: number
  readonly burstDensity: number
  readonly gapDensity: number
  readonly burstDuration: number
  readonly gapDuration: number
  readonly roundTripDelay: number
  readonly endSystemDelay: number
  /** dBm, -128 to 127; 127 is unknown. */
  readonly signalLevel: number
  readonly noiseLevel: number
  readonly residualEchoReturnLoss: number
  readonly gmin: number
  readonly rFactor: number
  readonly externalRFactor: number
  /** Times ten: 10 to 50, 127 is unknown. */
  readonly mosListening: number
  readonly mosConversational: number
  readonly receiverConfiguration: number
  readonly jitterBufferNominal: number
  readonly jitterBufferMaximum: number
  readonly jitterBufferAbsoluteMaximum: number
}

/** RFC 3611 §4.4: the receiver's reference time, which DLRR answers. */
export interface ReceiverReferenceTime {
  readonly block: 'receiver-reference-time'
  readonly seconds: number
  readonly fraction: number
}

/** A block that is carried and not understood (§3). */
export interface OtherXrBlock {
  readonly block: 'other'
  readonly blockType: number
  readonly typeSpecific: number
  /** Whole words. */
  readonly data: Buffer
}

export type XrBlock = VoipMetrics | ReceiverReferenceTime | OtherXrBlock

const RECEIVER_REFERENCE_TIME = 4
const VOIP_METRICS = 7
const VOIP_METRICS_LENGTH = 32

/** The blocks in `body`, or `undefined` where a block's length lies, or there are more than `most`. */
export function parseXrBlocks(body: Buffer, most: number): XrBlock[] | undefined {
  const blocks: XrBlock[] = []
  for (let at = 0; at < body.length; ) {
    if (at + 4 > body.length || blocks.length === most) return undefined
    const end = at + 4 + 4 * body.readUInt16BE(at + 2)
    if (end > body.length) return undefined
    const blockType = body.readUInt8(at)
    const data = body.subarray(at + 4, end)
    if (blockType === VOIP_METRICS && data.length === VOIP_METRICS_LENGTH) blocks.push(parseVoipMetrics(data))
    else if (blockType === RECEIVER_REFERENCE_TIME && data.length === 8) {
      blocks.push({
        block: 'receiver-reference-time',
        seconds: data.readUInt32BE(0),
        fraction: data.readUInt32BE(4),
      })
    } else blocks.push({ block: 'other', blockType, typeSpecific: body.readUInt8(at + 1), data })
    at = end
  }
  return blocks
}

export function encodeXrBlock(block: XrBlock): Buffer {
  if (block.block === 'voip-metrics') return withHeader(VOIP_METRICS, 0, encodeVoipMetrics(block))
  if (block.block === 'other') return withHeader(block.blockType, block.typeSpecific, block.data)
  const data = Buffer.alloc(8)
  data.writeUInt32BE(block.fraction, data.writeUInt32BE(block.seconds, 0))
  return withHeader(RECEIVER_REFERENCE_TIME, 0, data)
}

function withHeader(blockType: number, typeSpecific: number, data: Buffer): Buffer {
  const words = Math.ceil(data.length / 4)
  const bytes = Buffer.alloc(4 + 4 * words)
  bytes.writeUInt8(blockType, 0)
  bytes.writeUInt8(typeSpecific, 1)
  bytes.writeUInt16BE(words, 2)
  bytes.set(data, 4)
  return bytes
}

function parseVoipMetrics(data: Buffer): VoipMetrics {
  return {
    block: 'voip-metrics',
    ssrc: data.readUInt32BE(0),
    lossRate: data.readUInt8(4),
    discardRate: data.readUInt8(5),
    burstDensity: data.readUInt8(6),
    gapDensity: data.readUInt8(7),
    burstDuration: data.readUInt16BE(8),
    gapDuration: data.readUInt16BE(10),
    roundTripDelay: data.readUInt16BE(12),
    endSystemDelay: data.readUInt16BE(14),
    signalLevel: data.readInt8(16),
    noiseLevel: data.readInt8(17),
    residualEchoReturnLoss: data.readUInt8(18),
    gmin: data.readUInt8(19),
    rFactor: data.readUInt8(20),
    externalRFactor: data.readUInt8(21),
    mosListening: data.readUInt8(22),
    mosConversational: data.readUInt8(23),
    receiverConfiguration: data.readUInt8(24),
    jitterBufferNominal: data.readUInt16BE(26),
    jitterBufferMaximum: data.readUInt16BE(28),
    jitterBufferAbsoluteMaximum: data.readUInt16BE(30),
  }
}

function encodeVoipMetrics(metrics: VoipMetrics): Buffer {
  const data = Buffer.alloc(VOIP_METRICS_LENGTH)
  data.writeUInt32BE(metrics.ssrc, 0)
  data.writeUInt8(metrics.lossRate, 4)
  data.writeUInt8(metrics.discardRate, 5)
  data.writeUInt8(metrics.burstDensity, 6)
  data.writeUInt8(metrics.gapDensity, 7)
  data.writeUInt16BE(metrics.burstDuration, 8)
  data.writeUInt16BE(metrics.gapDuration, 10)
  data.writeUInt16BE(metrics.roundTripDelay, 12)
  data.writeUInt16BE(metrics.endSystemDelay, 14)
  data.writeInt8(metrics.signalLevel, 16)
  data.writeInt8(metrics.noiseLevel, 17)
  data.writeUInt8(metrics.residualEchoReturnLoss, 18)
  data.writeUInt8(metrics.gmin, 19)
  data.writeUInt8(metrics.rFactor, 20)
  data.writeUInt8(metrics.externalRFactor, 21)
  data.writeUInt8(metrics.mosListening, 22)
  data.writeUInt8(metrics.mosConversational, 23)
  data.writeUInt8(metrics.receiverConfiguration, 24)
  data.writeUInt16BE(metrics.jitterBufferNominal, 26)
  data.writeUInt16BE(metrics.jitterBufferMaximum, 28)
  data.writeUInt16BE(metrics.jitterBufferAbsoluteMaximum, 30)
  return data
}
