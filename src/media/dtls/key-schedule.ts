import { UsageError } from '../../util/errors.ts'
import type { DtlsCrypto, Secret } from './crypto.ts'
import type { CipherSuite, HashName, SrtpProfile } from './suites.ts'

const MASTER_LENGTH = 48
const VERIFY_LENGTH = 12
const SALT_LENGTH = 4

/** The randoms of both hellos. */
export interface Randoms {
  readonly client: Buffer
  readonly server: Buffer
}

/** What the record protection of one direction needs. */
export interface DirectionKeys {
  readonly key: Buffer
  readonly salt: Buffer
}

/** RFC 5246 §5: P_hash over the label and the seed. */
export function prf(
  crypto: DtlsCrypto,
  hash: HashName,
  secret: Secret,
  label: string,
  seed: readonly Uint8Array[],
  length: number,
): Buffer {
  const labelled = [Buffer.from(label, 'latin1'), ...seed]
  const blocks: Buffer[] = []
  let a = crypto.hmac(hash, secret, labelled)
  for (let filled = 0; filled < length; ) {
    const block = crypto.hmac(hash, secret, [a, ...labelled])
    blocks.push(block)
    filled += block.length
    a = crypto.hmac(hash, secret, [a])
  }
  const output = Buffer.concat(blocks, length)
  for (const block of blocks) block.fill(0)
  return output
}

/** RFC 7627 §4 where `sessionHash` is given, RFC 5246 §8.1 elsewhere. */
export function masterSecret(
  crypto: DtlsCrypto,
  { hash }: CipherSuite,
  premaster: Secret,
  { client, server }: Randoms,
  sessionHash: Buffer | undefined,
): Secret {
  const octets =
    sessionHash === undefined
      ? prf(crypto, hash, premaster, 'master secret', [client, server], MASTER_LENGTH)
      : prf(crypto, hash, premaster, 'extended master secret', [sessionHash], MASTER_LENGTH)
  const secret = crypto.secret(octets)
  octets.fill(0)
  return secret
}

/** RFC 5246 §6.3, RFC 5288 §3: no MAC keys, salts of four octets. */
export function recordKeys(
  crypto: DtlsCrypto,
  { hash, keyLength }: CipherSuite,
  master: Secret,
  { client, server }: Randoms,
): { readonly client: DirectionKeys; readonly server: DirectionKeys } {
  const length = 2 * (keyLength + SALT_LENGTH)
  const block = prf(crypto, hash, master, 'key expansion', [server, client], length)
  const salts = 2 * keyLength
  return {
    client: { key: block.subarray(0, keyLength), salt: block.subarray(salts, salts + SALT_LENGTH) },
    server: { key: block.subarray(keyLength, salts), salt: block.subarray(salts + SALT_LENGTH) },
  }
}

/** RFC 5246 §7.4.9. */
export function verifyData(
  crypto: DtlsCrypto,
  { hash }: CipherSuite,
  master: Secret,
  side: 'client' | 'server',
  transcript: readonly Uint8Array[],
): Buffer {
  const seed = [crypto.hash(hash, transcript)]
  return prf(crypto, hash, master, `${side} finished`, seed, VERIFY_LENGTH)
}

/** What the key schedule itself uses (RFC 5705 §4). */
const reserved = [
  'client finished',
  'server finished',
  'master secret',
  'key expansion',
  'extended master secret',
]

/**
 * RFC 5705 §4, without a context.
 * @throws UsageError for a label that the key schedule uses, and for a length that is none
 */
export function exportKeyingMaterial(
  crypto: DtlsCrypto,
  { hash }: CipherSuite,
  master: Secret,
  { client, server }: Randoms,
  label: string,
  length: number,
): Buffer {
  if (label === '' || reserved.includes(label)) {
    throw new UsageError(
      'ERR_DTLS_EXPORTER',
      `no keying material for the label ${JSON.stringify(label)}: it is the key schedule's own`,
    )
  }
  if (!Number.isSafeInteger(length) || length < 1 || length > 0xffff) {
    throw new UsageError('ERR_DTLS_EXPORTER', `${length} is no length for keying material: 1 to 65,535`)
  }
  return prf(crypto, hash, master, label, [client, server], length)
}

/** RFC 5764 §4.2: keys before salts, the client's before the server's; each side's key and salt together. */
export function srtpKeys(
  crypto: DtlsCrypto,
  suite: CipherSuite,
  master: Secret,
  randoms: Randoms,
  { keyLength, saltLength }: SrtpProfile,
): { readonly client: Buffer; readonly server: Buffer } {
  const length = 2 * (keyLength + saltLength)
  const material = exportKeyingMaterial(crypto, suite, master, randoms, 'EXTRACTOR-dtls_srtp', length)
  const salts = 2 * keyLength
  const client = Buffer.concat([
    material.subarray(0, keyLength),
    material.subarray(salts, salts + saltLength),
  ])
  const server = Buffer.concat([material.subarray(keyLength, salts), material.subarray(salts + saltLength)])
  material.fill(0)
  return { client, server }
}
