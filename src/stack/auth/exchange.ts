import type { Header } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import { Auth } from '../headers/auth.ts'
import { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { DigestAccount } from './account.ts'
import { type Challenge, MAX_CHALLENGES, readChallenge } from './challenge.ts'
import type { ClientSession, Proof } from './client-session.ts'
import type { DigestInput } from './digest.ts'
import { type AuthHeaders, proxyHeaders, wwwHeaders } from './verdict.ts'

/** Kind, realm and what a session may be used again for: To or Call-ID (RFC 3261 §22.2, §22.3). */
export type SessionKey = string

/** What an exchange needs of its client. */
export interface Sessions {
  readonly accounts: readonly DigestAccount[]
  readonly counters: { answered: number; unanswered: number; rejected: number }
  sessionOf(key: SessionKey): ClientSession | undefined
  answerTo(challenge: Challenge): ClientSession | undefined
  keep(key: SessionKey, session: ClientSession): void
  drop(key: SessionKey, session: ClientSession): void
  noteProof(response: SipResponse, proof: Proof): void
}

/** How often one request is repeated: a proxy after another may ask, and a nonce grow stale on the way. */
const MAX_REPEATS = 8

/** Credentials of one realm in a request. */
interface Part {
  readonly key: SessionKey
  readonly headers: AuthHeaders
  session: ClientSession
  input: DigestInput | undefined
  /** They were sent without being asked for: that they are refused says nothing of the secret. */
  isUnasked: boolean
  wasStale: boolean
}

/**
 * One request and its repeats after challenges. Never sends a nonce again that was refused, a secret again that was
 * refused under a fresh nonce, nor more than one repeat for nonces that were stale: there is no loop (RFC 3261 §22.1).
 */
export class DigestExchange {
  readonly #client: Sessions
  readonly #template: RequestTemplate
  readonly #parts: Part[] = []
  #repeats = 0

  constructor(client: Sessions, template: RequestTemplate) {
    this.#client = client
    this.#template = template
  }

  /** The request with the credentials that its servers asked for before, if they did. */
  first(): RequestTemplate {
    for (const account of this.#client.accounts) {
      for (const realm of account.realms) {
        for (const headers of [wwwHeaders, proxyHeaders]) {
          const key = this.#keyOf(headers, realm, account)
          const session = this.#client.sessionOf(key)
          const isKnown = this.#parts.some(part => part.key === key)
          if (session !== undefined && !isKnown)
            this.#parts.push({ key, headers, session, input: undefined, isUnasked: true, wasStale: false })
        }
      }
    }
    return this.#parts.length === 0 ? this.#template : this.#filled(0)
  }

  /**
   * The request to be sent next, with CSeq counted up, where the response is a challenge that can be answered; else
   * `undefined`: then the response is the last word, and what its Authentication-Info says has been taken in.
   */
  next(response: SipResponse): RequestTemplate | undefined {
    if (response.status !== 401 && response.status !== 407) {
      if (response.status >= 200) this.#takeInfo(response)
      return undefined
    }
    if (this.#repeats >= MAX_REPEATS) return undefined
    const answered = this.#answer(response)
    if (answered === 0) {
      this.#client.counters.unanswered++
      return undefined
    }
    if (answered === undefined) {
      this.#client.counters.rejected++
      return undefined
    }
    this.#client.counters.answered += answered
    return this.#filled(++this.#repeats)
  }

  /** How many realms can be answered; `undefined` where one of them refused what it got. */
  #answer(response: SipResponse): number | undefined {
    const seen = new Set<SessionKey>()
    let answered = 0
    for (const [headers, challenge] of challengesOf(response)) {
      const session = this.#client.answerTo(challenge)
      if (session === undefined) continue
      const key = this.#keyOf(headers, challenge.realm, session.account)
      // RFC 8760 §2.4: of one realm's challenges the topmost that can be answered
      if (seen.has(key)) continue
      seen.add(key)
      const part = this.#parts.find(known => known.key === key)
      if (part !== undefined && !mayRepeat(part, challenge)) {
        this.#client.drop(key, part.session)
        return undefined
      }
      if (part === undefined)
        this.#parts.push({ key, headers, session, input: undefined, isUnasked: false, wasStale: false })
      else Object.assign(part, { session, isUnasked: false, wasStale: part.wasStale || challenge.stale })
      this.#client.keep(key, session)
      answered++
    }
    return answered
  }

  /** A proxy that took its credentials before takes them with a new count only, so that all are written anew. */
  #filled(repeats: number): RequestTemplate {
    const { number, method } = this.#template.cseq
    const out = this.#template.derive()
    if (repeats > 0) out.set(h.CSeq, new CSeq((number + repeats) % 0x80000000, method))
    for (const part of this.#parts) {
      if (!part.session.isUsable) continue
      const { value, input } = part.session.credentials(out)
      part.input = input
      out.append(part.headers.credentials, value)
    }
    return out
  }

  #takeInfo(response: SipResponse): void {
    for (const headers of [wwwHeaders, proxyHeaders]) {
      const info = infoOf(response, headers.info)
      if (info === undefined) continue
      const parts = this.#parts.filter(part => part.headers === headers)
      for (const { session, input } of parts) {
        if (input === undefined || !session.isAbout(info, input)) continue
        // without a cnonce it does not say whose it is
        if (parts.length > 1 && !info.has('cnonce')) continue
        this.#client.noteProof(response, session.onInfo(info, input, response.body))
      }
    }
  }

  #keyOf({ status }: AuthHeaders, realm: string, account: DigestAccount): SessionKey {
    const { to, callId } = this.#template
    const use = account.everywhere ? '' : status === 401 ? to.uri.toString() : callId
    return `${status} ${realm.length} ${realm} ${account.username} ${use}`
  }
}

/** Whether a realm that got credentials may get others: for another nonce, if it was stale or nobody had asked. */
function mayRepeat(part: Part, challenge: Challenge): boolean {
  if (part.input?.nonce === challenge.nonce) return false
  return challenge.stale ? !part.wasStale : part.isUnasked
}

/** The challenges of a response that are understood; a line that cannot be read hurts no other. */
function* challengesOf(response: SipResponse): Generator<readonly [AuthHeaders, Challenge]> {
  let lines = 0
  for (const entry of response.headers()) {
    const headers = [wwwHeaders, proxyHeaders].find(one => one.challenge === entry.header)
    if (headers === undefined) continue
    if (++lines > MAX_CHALLENGES) return
    for (const value of entry.tryValues().value ?? []) {
      const challenge = value instanceof Auth ? readChallenge(value) : undefined
      if (challenge !== undefined) yield [headers, challenge]
    }
  }
}

function infoOf(response: SipResponse, header: Header<Params>): Params | undefined {
  return response.has(header) ? response.try(header).value : undefined
}
