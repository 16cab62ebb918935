/** RFC 5246 §7.4, RFC 6347 §4.3.2. */
export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const

export const HANDSHAKE_HEADER = 12

/** A whole handshake message; `sequence` is its `message_seq`. */
export interface HandshakeMessage {
  readonly type: number
  readonly sequence: number
  readonly body: Buffer
}

/** A piece of one (RFC 6347 §4.2.3); `data` is a view. */
export interface HandshakeFragment {
  readonly type: number
  readonly sequence: number
  /** Of the whole message. */
  readonly length: number
  readonly offset: number
  readonly data: Buffer
}

/** All fragments of a record, undefined where its lengths lie or where it has none. */
export function readFragments(payload: Buffer): HandshakeFragment[] | undefined {
  const fragments: HandshakeFragment[] = []
  let at = 0
  while (at < payload.length) {
    if (payload.length - at < HANDSHAKE_HEADER) return undefined
    const length = payload.readUIntBE(at + 1, 3)
    const offset = payload.readUIntBE(at + 6, 3)
    const start = at + HANDSHAKE_HEADER
    const end = start + payload.readUIntBE(at + 9, 3)
    if (end > payload.length || offset + (end - start) > length) return undefined
    // an empty piece of a message that is not empty says nothing
    if (end === start && length > 0) return undefined
    fragments.push({
      type: payload.readUInt8(at),
      sequence: payload.readUInt16BE(at + 4),
      length,
      offset,
      data: payload.subarray(start, end),
    })
    at = end
  }
  return fragments.length > 0 ? fragments : undefined
}

/** The piece of a message from `offset`, with its header. */
export function encodeFragment(
  { type, sequence, body }: HandshakeMessage,
  offset: number,
  length: number,
): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_HEADER + length)
  bytes.writeUInt8(type, 0)
  bytes.writeUIntBE(body.length, 1, 3)
  bytes.writeUInt16BE(sequence, 4)
  bytes.writeUIntBE(offset, 6, 3)
  bytes.writeUIntBE(length, 9, 3)
  body.copy(bytes, HANDSHAKE_HEADER, offset, offset + length)
  return bytes
}

/** A message as the transcript has it: as if it had come in one piece (RFC 6347 §4.2.6). */
export function encodeMessage(message: HandshakeMessage): Buffer {
  return encodeFragment(message, 0, message.body.length)
}
