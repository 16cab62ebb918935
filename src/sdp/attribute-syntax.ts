import type { LineReader } from './line-reader.ts'
import type { AttributeFlags, AttributeValues, Connection, Direction } from './session.ts'
import { MAX_PORT, nextWords, type Syntax } from './syntax.ts'
import { connectionReuse } from './transformed-syntax.ts'

type ValueSyntax = {
  readonly [kind in keyof AttributeValues]-?: Syntax<NonNullable<AttributeValues[kind]>>
}

export const FLAG_NAMES: { readonly [kind in keyof AttributeFlags]: string } = {
  iceLite: 'ice-lite',
  iceMismatch: 'ice-mismatch',
  endOfCandidates: 'end-of-candidates',
  rtcpMux: 'rtcp-mux',
  rtcpMuxOnly: 'rtcp-mux-only',
  rtcpRsize: 'rtcp-rsize',
  bundleOnly: 'bundle-only',
}

export const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']

const SETUPS = ['active', 'passive', 'actpass', 'holdconn'] as const

export const VALUES: ValueSyntax = {
  direction: {
    // not a name on the wire: each direction is an attribute of its own, without a value
    name: 'direction',
    read: () => undefined,
    write: direction => direction,
  },
  mid: {
    name: 'mid',
    read: word,
    write: mid => `mid:${mid}`,
  },
  ptime: {
    name: 'ptime',
    read: real,
    write: ptime => `ptime:${ptime}`,
  },
  maxptime: {
    name: 'maxptime',
    read: real,
    write: maxptime => `maxptime:${maxptime}`,
  },
  rtcp: {
    name: 'rtcp',
    read(line) {
      const port = line.count()
      if (port < 0 || port > MAX_PORT) return undefined
      if (line.ended) return { port }
      const networkType = line.nextWord()
      const addressType = line.nextWord()
      const address = line.nextWord()
      if (networkType === undefined || addressType === undefined || address === undefined) return undefined
      return { port, connection: { networkType, addressType, address } }
    },
    write: ({ port, connection }) => `rtcp:${port}${connection ? ` ${connectionText(connection)}` : ''}`,
  },
  setup: {
    name: 'setup',
    read(line) {
      const role = line.word()
      return SETUPS.find(known => known === role)
    },
    write: setup => `setup:${setup}`,
  },
  connectionReuse,
  iceUfrag: {
    name: 'ice-ufrag',
    read: word,
    write: ufrag => `ice-ufrag:${ufrag}`,
  },
  icePwd: {
    name: 'ice-pwd',
    read: word,
    write: pwd => `ice-pwd:${pwd}`,
  },
  iceOptions: {
    name: 'ice-options',
    read(line) {
      const first = word(line)
      return first === undefined ? undefined : [first, ...nextWords(line)]
    },
    write: options => `ice-options:${options.join(' ')}`,
  },
  icePacing: {
    name: 'ice-pacing',
    read(line) {
      const pacing = line.count()
      return pacing < 0 ? undefined : pacing
    },
    write: pacing => `ice-pacing:${pacing}`,
  },
}

/** The kinds of a table, in its order. */
export function kindsOf<T extends object>(table: T): (keyof T & string)[] {
  const kinds: (keyof T & string)[] = []
  for (const kind in table) kinds.push(kind)
  return kinds
}

/** `IN IP4 192.0.2.1`, with what multicast adds (RFC 8866 §5.7). */
export function connectionText({ networkType, addressType, address, ttl, count }: Connection): string {
  const lifetime = ttl === undefined ? '' : `/${ttl}`
  const addresses = count === undefined ? '' : `/${count}`
  return `${networkType} ${addressType} ${address}${lifetime}${addresses}`
}

function word(line: LineReader): string | undefined {
  return line.word() || undefined
}

/** `20` or `2.5`, where that is how we would write it. */
function real(line: LineReader): number | undefined {
  const whole = line.count()
  if (line.ended || whole < 0) return whole < 0 ? undefined : whole
  const text = `${whole}${line.takeRest()}`
  const value = Number(text)
  return String(value) === text ? value : undefined
}
