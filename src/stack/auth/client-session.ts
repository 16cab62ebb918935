import { flatCopy, fromWire, isAscii } from '../../util/bytes.ts'
import type { Params } from '../grammar/params.ts'
import type { Auth } from '../headers/auth.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { DigestAccount } from './account.ts'
import { type Challenge, digest } from './challenge.ts'
import { type DigestInput, digestResponse, type Qop, responseAuth, sameSecret, userHash } from './digest.ts'
import { extValue, fitsQuotedString } from './ext-value.ts'

/** What a server's Authentication-Info proves: that it knows the secret, that it does not, or nothing. */
export type Proof = 'right' | 'wrong' | 'none'

/** The count that stands last in eight digits. */
const LAST_COUNT = 0xffffffff

/**
 * What goes on between a client and a realm from a challenge on (RFC 7616 §3.6): nonce, the count of its uses, and the
 * cnonce, which stays the same so that a `-sess` key does.
 */
export class ClientSession {
  readonly account: DigestAccount
  readonly #key: string
  readonly #challenge: Challenge
  readonly #qop: Qop | undefined
  readonly #newCnonce: () => string
  #nonce: string
  #cnonce: string
  #count = 0

  constructor(account: DigestAccount, key: string, challenge: Challenge, newCnonce: () => string) {
    this.account = account
    this.#key = key
    this.#challenge = {
      ...challenge,
      realm: kept(challenge.realm),
      nonce: kept(challenge.nonce),
      opaque: challenge.opaque === undefined ? undefined : kept(challenge.opaque),
    }
    this.#qop = challenge.qop.includes(account.qop) ? account.qop : challenge.qop[0]
    this.#newCnonce = newCnonce
    this.#nonce = this.#challenge.nonce
    this.#cnonce = newCnonce()
  }

  get nonce(): string {
    return this.#nonce
  }

  /** Whether the nonce may be used once more: its count has an end. */
  get isUsable(): boolean {
    return this.#count < LAST_COUNT
  }

  /** Credentials for a request, and what its answer is to be checked by. */
  credentials(template: RequestTemplate): { readonly value: Auth; readonly input: DigestInput } {
    this.#count++
    const { realm, algorithm, opaque, userhash } = this.#challenge
    const { username } = this.account
    const input: DigestInput = {
      algorithm,
      nonce: this.#nonce,
      uri: fromWire(template.requestUriText),
      qop: this.#qop,
      nc: this.#count.toString(16).padStart(8, '0'),
      cnonce: this.#cnonce,
    }
    const isExtended = !userhash && !fitsQuotedString(username)
    const name = userhash ? userHash(algorithm.hash, username, realm) : username
    const isCounted = this.#qop !== undefined
    const value = digest([
      isExtended ? ['username*', extValue(username)] : ['username', { quoted: name }],
      ['realm', { quoted: realm }],
      ['nonce', { quoted: input.nonce }],
      ['uri', { quoted: input.uri }],
      ['response', { quoted: digestResponse(this.#key, template.method, template.body, input) }],
      ['algorithm', algorithm.name],
      ['cnonce', isCounted ? { quoted: input.cnonce } : undefined],
      ['opaque', opaque === undefined ? undefined : { quoted: opaque }],
      ['qop', this.#qop],
      ['nc', isCounted ? input.nc : undefined],
      ['userhash', userhash ? 'true' : undefined],
    ])
    return { value, input }
  }

  /** Whether an Authentication-Info answers the request that `input` stood in (RFC 7616 §3.5). */
  isAbout(info: Params, input: DigestInput): boolean {
    const cnonce = info.text('cnonce')
    return cnonce === undefined || cnonce === input.cnonce
  }

  /** What Authentication-Info proves; unless that is wrong, its `nextnonce` is the nonce from now on. */
  onInfo(info: Params, input: DigestInput, body: Uint8Array): Proof {
    const proof = this.#proofOf(info, input, body)
    const next = info.text('nextnonce')
    if (proof !== 'wrong' && next !== undefined && next !== '' && next !== this.#nonce && isShort(next)) {
      this.#nonce = kept(next)
      this.#cnonce = this.#newCnonce()
      this.#count = 0
    }
    return proof
  }

  #proofOf(info: Params, input: DigestInput, body: Uint8Array): Proof {
    const rspauth = info.text('rspauth')
    if (rspauth === undefined) return 'none'
    const nc = info.text('nc')
    if (input.qop !== undefined && nc !== undefined && nc.toLowerCase() !== input.nc) return 'wrong'
    // the server says which protection it applied to its response; nothing is taken that was not asked for
    const qop = info.text('qop')?.toLowerCase() ?? input.qop
    if (qop !== input.qop) return 'wrong'
    return sameSecret(responseAuth(this.#key, body, input), rspauth.toLowerCase()) ? 'right' : 'wrong'
  }
}

/** Octets of a nonce, or an opaque, that are kept for a server. */
const MAX_KEPT = 4096

/** Whether a text of a server's may be kept and sent back. */
export function isShort(text: string | undefined): boolean {
  return text === undefined || text.length <= MAX_KEPT
}

/** A copy that keeps no message alive; what is not ASCII was copied when it was decoded. */
function kept(text: string): string {
  return isAscii(text) ? flatCopy(text) : text
}
