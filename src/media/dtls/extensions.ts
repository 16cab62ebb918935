import { DtlsError } from './alert.ts'
import { numbers, OctetReader, uint8, uint16, vector } from './octets.ts'

const ExtensionType = {
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const

const UNCOMPRESSED = 0

/** The extensions of a hello that we know; another is passed over. */
export interface Extensions {
  /** RFC 8422 §5.1.1 */
  readonly groups?: readonly number[]
  /** RFC 5246 §7.4.1.4.1 */
  readonly signatureSchemes?: readonly number[]
  /** RFC 5764 §4.1.1; `mki` is empty where none is used. */
  readonly useSrtp?: { readonly profiles: readonly number[]; readonly mki: Buffer }
  /** RFC 7627 §5.1 */
  readonly extendedMasterSecret: boolean
  /** RFC 5746 §3.2: always that of a first handshake. */
  readonly renegotiationInfo: boolean
  /** RFC 8422 §5.1.2: that uncompressed points can be read is all there is to say. */
  readonly pointFormats: boolean
}

export function encodeExtensions(extensions: Extensions): Buffer {
  const { groups, signatureSchemes, useSrtp } = extensions
  const parts: Buffer[] = []
  const add = (type: number, body: Buffer) => parts.push(uint16(type), vector(2, body))
  if (extensions.renegotiationInfo) add(ExtensionType.renegotiationInfo, vector(1))
  if (extensions.extendedMasterSecret) add(ExtensionType.extendedMasterSecret, Buffer.alloc(0))
  if (groups !== undefined) add(ExtensionType.supportedGroups, numbers(groups))
  if (extensions.pointFormats) add(ExtensionType.ecPointFormats, vector(1, uint8(UNCOMPRESSED)))
  if (signatureSchemes !== undefined) add(ExtensionType.signatureAlgorithms, numbers(signatureSchemes))
  if (useSrtp !== undefined) {
    add(ExtensionType.useSrtp, Buffer.concat([numbers(useSrtp.profiles), vector(1, useSrtp.mki)]))
  }
  return vector(2, ...parts)
}

/** What a hello ends with; a hello without extensions ends before them. `types` are all that it has. */
export function readExtensions(reader: OctetReader): { extensions: Extensions; types: ReadonlySet<number> } {
  const bodies = new Map<number, OctetReader>()
  if (reader.left > 0) {
    const list = new OctetReader(reader.vector(2))
    while (list.left > 0) {
      const type = list.uint16()
      if (bodies.has(type)) throw refused(`extension ${type} twice`)
      bodies.set(type, new OctetReader(list.vector(2)))
    }
  }
  reader.end()
  const extensions = readKnown(bodies)
  return { extensions, types: new Set(bodies.keys()) }
}

/** The types that a client of ours sends, and therefore the only ones that it is sent. */
export const offeredExtensions: ReadonlySet<number> = new Set(Object.values(ExtensionType))

function readKnown(bodies: ReadonlyMap<number, OctetReader>): Extensions {
  const read = <T>(type: number, parse: (body: OctetReader) => T): T | undefined => {
    const body = bodies.get(type)
    if (body === undefined) return undefined
    const value = parse(body)
    body.end()
    return value
  }
  const groups = read(ExtensionType.supportedGroups, body => body.numbers())
  const signatureSchemes = read(ExtensionType.signatureAlgorithms, body => body.numbers())
  const useSrtp = read(ExtensionType.useSrtp, body => ({ profiles: body.numbers(), mki: body.vector(1) }))
  const pointFormats = read(ExtensionType.ecPointFormats, body => body.vector(1, 1))
  if (pointFormats !== undefined && !pointFormats.includes(UNCOMPRESSED))
    throw refused('no uncompressed points')
  const renegotiation = read(ExtensionType.renegotiationInfo, body => body.vector(1))
  if (renegotiation !== undefined && renegotiation.length > 0) {
    throw new DtlsError('DTLS: the peer renegotiates what was never negotiated', 'handshake_failure')
  }
  return {
    ...(groups !== undefined && { groups }),
    ...(signatureSchemes !== undefined && { signatureSchemes }),
    ...(useSrtp !== undefined && { useSrtp }),
    extendedMasterSecret: read(ExtensionType.extendedMasterSecret, () => true) ?? false,
    renegotiationInfo: renegotiation !== undefined,
    pointFormats: pointFormats !== undefined,
  }
}

function refused(what: string): DtlsError {
  return new DtlsError(`DTLS: the peer's hello has ${what}`, 'illegal_parameter')
}
