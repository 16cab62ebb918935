import { type MediaAttributes, parse, parseRemoteCandidates, type SessionAttributes } from 'sdp-transform'
import type { LineReader } from './line-reader.ts'
import type { AttributeValues, Crypto, RemoteCandidate } from './session.ts'
import { MAX_PORT, type Syntax } from './syntax.ts'

/** The attributes that sdp-transform reads for us: those that are not in every offer, for it takes ten times as long. */
export const connectionReuse: Syntax<NonNullable<AttributeValues['connectionReuse']>> = transformed({
  name: 'connection',
  value({ connectionType }) {
    return connectionType === 'new' || connectionType === 'existing' ? connectionType : undefined
  },
  write: reuse => `connection:${reuse}`,
})

export const cryptos: Syntax<Crypto> = transformed({
  name: 'crypto',
  value({ crypto }, text) {
    const [first] = crypto ?? []
    const tag = number(first?.id)
    if (first === undefined || tag === undefined) return undefined
    const head = { tag, suite: String(first.suite), keyParams: String(first.config), sessionParams: [] }
    const written = writeCrypto(head)
    // all that follows, of which sdp-transform gives the first word only
    return text.startsWith(`${written} `)
      ? { ...head, sessionParams: text.slice(written.length + 1).split(' ') }
      : head
  },
  write: writeCrypto,
})

export const remoteCandidates: Syntax<readonly RemoteCandidate[]> = transformed({
  name: 'remote-candidates',
  value(attributes) {
    const candidates: RemoteCandidate[] = []
    for (const { component, ip, port } of parseRemoteCandidates(attributes.remoteCandidates ?? '')) {
      const [id, place] = [number(component), number(port)]
      if (id === undefined || place === undefined || place > MAX_PORT) return undefined
      candidates.push({ component: id, address: String(ip), port: place })
    }
    return candidates
  },
  write: candidates =>
    `remote-candidates:${candidates.map(({ component, address, port }) => `${component} ${address} ${port}`).join(' ')}`,
})

interface Transformed<T> {
  readonly name: string
  value(attributes: Partial<SessionAttributes & MediaAttributes>, text: string): T | undefined
  write(value: T): string
}

/** A value is taken only where writing it gives the very text again: sdp-transform drops what it does not expect. */
function transformed<T>({ name, value, write }: Transformed<T>): Syntax<T> {
  return {
    name,
    read(line: LineReader) {
      const text = `${name}:${line.takeRest()}`
      const read = value(parse(`a=${text}`), text)
      return read !== undefined && write(read) === text ? read : undefined
    },
    write,
  }
}

function writeCrypto({ tag, suite, keyParams, sessionParams }: Crypto): string {
  return `crypto:${[tag, suite, keyParams, ...sessionParams].join(' ')}`
}

/** sdp-transform makes a number of whatever looks like one and leaves the rest text, whatever its types say. */
function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}
