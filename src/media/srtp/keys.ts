import { UsageError } from '../../util/errors.ts'
import type { Secret, SrtpCrypto } from './cipher.ts'
import { keySaltLength, type SrtpSuite, srtpSuites } from './suites.ts'

/** A master key. */
export interface SrtpKey {
  /** Master key and master salt together, as `inline:` carries them (RFC 4568 §6.1): 30, 46, 28 or 44 octets by suite. */
  readonly keySalt: Uint8Array
  /** 1 to 8 octets that name the key in each packet; all keys of a context have one of the same length, or none. */
  readonly mki?: Uint8Array
  /** SRTP packets, and SRTCP packets, that it may serve; 2^31 at most, and by default (RFC 4568 §6.4.2, RFC 5764 §4.1.2). */
  readonly lifetime?: number
}

/** The one master key, or several told apart by MKI; the first is used until its lifetime is over, then the next. */
export type SrtpKeys = Uint8Array | readonly SrtpKey[]

export interface SrtpOptions {
  /** Packets behind the newest that are still taken, once each (RFC 3711 §3.3.2). Default 64. Inbound. */
  readonly window?: 64 | 128
  /** SSRCs that the context keeps, none of which it forgets. Default 64. */
  readonly sources?: number
  /** Packets between derivations (RFC 3711 §4.3.1): a power of two, 2^24 at most; 0, the default, derives once. */
  readonly derivationRate?: number
  /**
   * Inbound: the context before. A source that both know may have kept its roll-over counter (RFC 3711 §3.3.1) or begun again at
   * 0 (RFC 4568 §6.4): both are tried.
   */
  readonly after?: InboundSrtp
  /** Outbound: nine tenths of the last key's lifetime are over. Called once. */
  readonly onKeyDue?: () => void
  /** Milliseconds on any monotonic scale; the system's by default. */
  readonly now?: () => number
}

/** What became of packets that came in. */
export interface SrtpCounters {
  authenticated: number
  /** Forged, cut short, unencrypted, or under another key. */
  failed: number
  replayed: number
  old: number
  /** Under a key that nobody agreed on. */
  mki: number
  /** Of sources past the limit. */
  sources: number
  /** After the key's lifetime. */
  expired: number
}

/**
 * The sending end under its master keys: `protect` for RTP, `protectRtcp` for RTCP. Both work in place on the packet from
 * `start` to `end` of `bytes`, write `overhead` octets behind `end` and answer the new end, or less than 0, one of
 * `srtpFaults`, with nothing changed. **They never send an index twice.** No state is saved or restored: that would.
 */
export interface OutboundSrtp {
  /** Octets that a packet grows by, and needs room for behind its end. */
  readonly overhead: { readonly rtp: number; readonly rtcp: number }
  /** Whether a source has passed sequence number 65,535. */
  readonly rolledOver: boolean
  protect(bytes: Buffer, start: number, end: number): number
  protectRtcp(bytes: Buffer, start: number, end: number): number
  /** Zeroes the keys; nothing is protected from here on. */
  close(): void
}

/**
 * The receiving end: in place, from `start` to `end`. Answers where the plain packet ends; less than 0, one of `srtpFaults`, where
 * it is to be dropped, the bytes whole again for the next context to try. Nothing that comes from the wire makes it throw.
 */
export interface InboundSrtp {
  readonly counters: SrtpCounters
  /** Whether the packet taken last is the newest of its source: what moves us to another address. */
  readonly isNewest: boolean
  unprotect(bytes: Buffer, start: number, end: number): number
  unprotectRtcp(bytes: Buffer, start: number, end: number): number
  /** @internal the index that a sequence number most likely stands for; -1 where the source is not known */
  indexOf(ssrc: number, sequence: number): number
  close(): void
}

export const MOST_PACKETS: number = 2 ** 31
const LONGEST_MKI = 8
const MOST_KEYS = 16
const HIGHEST_RATE = 2 ** 24

/** Whether each key has the suite's length. Throws a UsageError for no suite of ours, and for what is no key. */
export function keysFit(suite: SrtpSuite, keys: SrtpKeys): boolean {
  if (!Object.hasOwn(srtpSuites, suite))
    throw new UsageError('ERR_SRTP_SUITE', `srtp: no suite '${String(suite)}'`)
  const length = keySaltLength(suite)
  return listed(keys).every(({ keySalt }) => keySalt.length === length)
}

/**
 * The keys as a list. Throws a UsageError: ERR_SRTP_SUITE for no suite of ours, ERR_SRTP_KEY for a wrong length, no key, too many,
 * or MKIs that do not tell them apart.
 */
export function checkedKeys(suite: SrtpSuite, keys: SrtpKeys): readonly SrtpKey[] {
  if (!keysFit(suite, keys)) {
    throw new UsageError(
      'ERR_SRTP_KEY',
      `srtp: a key and salt of ${suite} have ${keySaltLength(suite)} octets`,
    )
  }
  const list = listed(keys)
  checkNames(list)
  return list
}

/** Master keys that can be compared, and read no more. */
export class KeyMaterial {
  readonly suite: SrtpSuite
  readonly #keys: readonly { readonly secret: Secret; readonly name: string }[]

  /** Throws as `checkedKeys` does. */
  constructor(suite: SrtpSuite, keys: SrtpKeys, crypto: SrtpCrypto) {
    this.suite = suite
    this.#keys = checkedKeys(suite, keys).map(({ keySalt, mki, lifetime }) => ({
      secret: crypto.secret(keySalt),
      name: `${Buffer.from(mki ?? NO_MKI).toString('hex')} ${lifetime}`,
    }))
  }

  /** Whether both hold the same keys for the same suite. */
  equals(other: KeyMaterial): boolean {
    if (this.suite !== other.suite || this.#keys.length !== other.#keys.length) return false
    return this.#keys.every(({ secret, name }, at) => {
      const its = other.#keys[at]
      return its?.name === name && secret.equals(its.secret)
    })
  }

  /** Whether any octets of both are the same: suite, MKI and lifetime are no part of what a key stream is made from. */
  overlaps(other: KeyMaterial): boolean {
    return this.#keys.some(({ secret }) => other.#keys.some(its => secret.equals(its.secret)))
  }
}

const NO_MKI = new Uint8Array(0)

export function checkOptions({ window, sources, derivationRate: rate }: SrtpOptions): void {
  if (window !== undefined && window !== 64 && window !== 128) {
    throw new UsageError('ERR_SRTP_OPTION', `srtp: a replay window has 64 or 128 packets, not ${window}`)
  }
  if (sources !== undefined && !(Number.isSafeInteger(sources) && sources > 0)) {
    throw new UsageError('ERR_SRTP_OPTION', `srtp: ${sources} is no number of sources`)
  }
  if (
    rate !== undefined &&
    !(rate === 0 || (rate > 0 && rate <= HIGHEST_RATE && Number.isInteger(Math.log2(rate))))
  ) {
    throw new UsageError(
      'ERR_SRTP_OPTION',
      `srtp: derivation rate ${rate} is neither 0 nor a power of 2 to 2^24`,
    )
  }
}

/** Who writes no TypeScript may give anything: base64 as it stands in SDP is the likeliest. */
function listed(keys: SrtpKeys): readonly SrtpKey[] {
  const list: unknown = keys instanceof Uint8Array ? [{ keySalt: keys }] : keys
  if (Array.isArray(list) && list.every(isKey)) return list
  throw new UsageError(
    'ERR_SRTP_KEY',
    'srtp: a key is a Uint8Array, or a list of { keySalt, mki } that are; decode base64 first',
  )
}

function isKey(key: unknown): key is SrtpKey {
  if (typeof key !== 'object' || key === null || !('keySalt' in key)) return false
  return key.keySalt instanceof Uint8Array && (!('mki' in key) || isMki(key.mki))
}

function isMki(mki: unknown): boolean {
  return mki === undefined || mki instanceof Uint8Array
}

function checkNames(keys: readonly SrtpKey[]): void {
  const length = keys[0]?.mki?.length ?? 0
  const names = new Set(keys.map(({ mki }) => Buffer.from(mki ?? NO_MKI).toString('hex')))
  if (keys.length === 0 || keys.length > MOST_KEYS) {
    throw new UsageError('ERR_SRTP_KEY', `srtp: ${keys.length} master keys; 1 to ${MOST_KEYS} can be`)
  }
  if (length > LONGEST_MKI || keys.some(({ mki }) => (mki?.length ?? 0) !== length)) {
    throw new UsageError('ERR_SRTP_KEY', `srtp: MKIs have one length, of ${LONGEST_MKI} octets at most`)
  }
  if (names.size < keys.length)
    throw new UsageError('ERR_SRTP_KEY', 'srtp: several keys need MKIs that differ')
  // the second would go on where the lifetime of the first ends
  if (
    keys.some(({ keySalt }, at) =>
      keys.slice(0, at).some(before => Buffer.compare(before.keySalt, keySalt) === 0),
    )
  )
    throw new UsageError('ERR_SRTP_KEY', 'srtp: several keys need octets that differ, not their MKIs alone')
  const bad = keys.find(({ lifetime: n }) => n !== undefined && !(Number.isSafeInteger(n) && n > 0))
  if (bad !== undefined) throw new UsageError('ERR_SRTP_KEY', `srtp: a lifetime of ${bad.lifetime} packets`)
}
