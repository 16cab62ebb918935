import { toWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import type { Tokens } from '../../util/random.ts'
import { HmacSha1 } from '../../util/sha1.ts'

/** A secret as an application keeps it: octets, or a `KeyObject` of `node:crypto`. */
export type NonceKey = Uint8Array | { export(): Uint8Array }

/** Hexadecimal digits of milliseconds since 1970: enough until the year 10889. */
const TIME = 12
/** Characters of six random bits. */
const TOKEN = 12
/** Octets of the HMAC that are kept: HMAC-SHA1-96. */
const TAG = 12
const LENGTH = TIME + TOKEN + 2 * TAG
const SHORTEST_KEY = 16

/** What a nonce of ours tells; `undefined` time for one that is none. */
export type NonceAge = 'valid' | 'expired' | 'foreign'

/**
 * Nonces that a server knows again without keeping them: time and a token, signed together with the realm and, where
 * that is wanted, the client's address (RFC 7616 §3.3, §5.4). Nodes that share the key take each other's.
 */
export class Nonces {
  readonly #hmac: HmacSha1
  readonly #realm: string
  readonly #tokens: Tokens
  readonly #lifetime: number

  /**
   * `lifetime` in milliseconds.
   * @throws UsageError where the key is too short
   */
  constructor(key: NonceKey, realm: string, lifetime: number, tokens: Tokens) {
    const octets = key instanceof Uint8Array ? key : key.export()
    if (octets.length < SHORTEST_KEY) {
      throw new UsageError(
        'ERR_SIP_KEY',
        `a key of ${octets.length} octets is too short; give ${SHORTEST_KEY} or more, as randomBytes(20) makes them`,
      )
    }
    this.#hmac = new HmacSha1(octets)
    // one character an octet, as the HMAC takes text, and a length so that no realm runs into what follows
    const wire = toWire(realm)
    this.#realm = `nonce ${wire.length} ${wire} `
    this.#lifetime = lifetime
    this.#tokens = tokens
  }

  /** A nonce that is valid from `date`, in milliseconds since 1970. `source` is '' where none is bound. */
  next(date: number, source: string): string {
    const content = date.toString(16).padStart(TIME, '0') + this.#tokens.next(TOKEN)
    return content + this.#hmac.hex(this.#signed(content, source), TAG)
  }

  /** Whether a nonce is ours and its time is not over; one from more than a second ahead is foreign. */
  ageOf(nonce: string, date: number, source: string): NonceAge {
    if (nonce.length !== LENGTH) return 'foreign'
    const content = nonce.slice(0, TIME + TOKEN)
    if (!this.#hmac.matches(this.#signed(content, source), TAG, nonce.slice(TIME + TOKEN))) return 'foreign'
    const age = date - timeOf(nonce)
    if (!(age >= -CLOCK_SKEW)) return 'foreign'
    return age <= this.#lifetime ? 'valid' : 'expired'
  }

  #signed(content: string, source: string): string {
    return this.#realm + content + source
  }
}

/** When a nonce of ours was made, in milliseconds since 1970. */
export function timeOf(nonce: string): number {
  return Number.parseInt(nonce.slice(0, TIME), 16)
}

/** Milliseconds by which the clocks of nodes that share a key may differ. */
const CLOCK_SKEW = 1000
