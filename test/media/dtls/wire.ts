import { encodeFragment, HandshakeType } from '../../../src/media/dtls/handshake/message.ts'
import { numbers, uint8, uint16, vector } from '../../../src/media/dtls/octets.ts'
import { ContentType, DTLS_1_2, plainRecord } from '../../../src/media/dtls/record.ts'

/** A handshake message in one clear record, its numbers as told. */
export function clearMessage(
  type: number,
  sequence: number,
  body: Buffer,
  { record = 0, version = DTLS_1_2 }: { readonly record?: number; readonly version?: number } = {},
): Buffer {
  const message = encodeFragment({ type, sequence, body }, 0, body.length)
  return plainRecord(ContentType.handshake, version, record, message)
}

/** A piece of a message, whose lengths may be anything. */
export function clearFragment(
  type: number,
  sequence: number,
  {
    length,
    offset,
    data,
    claimed = data.length,
  }: {
    readonly length: number
    readonly offset: number
    readonly data: Buffer
    readonly claimed?: number
  },
): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 0)
  header.writeUIntBE(length, 1, 3)
  header.writeUInt16BE(sequence, 4)
  header.writeUIntBE(offset, 6, 3)
  header.writeUIntBE(claimed, 9, 3)
  return plainRecord(ContentType.handshake, DTLS_1_2, 0, Buffer.concat([header, data]))
}

export function clearAlert(level: number, code: number): Buffer {
  return plainRecord(ContentType.alert, DTLS_1_2, 0, Buffer.of(level, code))
}

export interface HelloParts {
  readonly version?: number
  readonly random?: Buffer
  readonly cookie?: Buffer
  readonly suites?: readonly number[]
  readonly compression?: Buffer
  readonly groups?: readonly number[]
  readonly schemes?: readonly number[] | undefined
  readonly profiles?: readonly number[]
  readonly more?: Buffer
}

/** The body of a ClientHello that a peer other than ours might send. */
export function helloBody({
  version = DTLS_1_2,
  random = Buffer.alloc(32, 7),
  cookie = Buffer.alloc(0),
  suites = [0xc02b],
  compression = Buffer.of(0),
  groups = [23],
  schemes = [0x0403],
  profiles = [1],
  more = Buffer.alloc(0),
}: HelloParts = {}): Buffer {
  const extension = (type: number, body: Buffer) => Buffer.concat([uint16(type), vector(2, body)])
  return Buffer.concat([
    uint16(version),
    random,
    vector(1),
    vector(1, cookie),
    numbers(suites),
    vector(1, compression),
    vector(
      2,
      extension(10, numbers(groups)),
      extension(11, vector(1, uint8(0))),
      ...(schemes === undefined ? [] : [extension(13, numbers(schemes))]),
      extension(14, Buffer.concat([numbers(profiles), vector(1)])),
      more,
    ),
  ])
}

export function clientHello(parts: HelloParts = {}, sequence = 0, record = 0): Buffer {
  return clearMessage(HandshakeType.clientHello, sequence, helloBody(parts), { record })
}

/** The cookie in a HelloVerifyRequest's datagram. */
export function cookieOf(datagram: Buffer): Buffer {
  return datagram.subarray(13 + 12 + 3)
}
