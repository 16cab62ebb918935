import {
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPair,
  generateKeyPairSync,
  KeyObject,
  sign,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto'
import { promisify } from 'node:util'
import { UsageError } from '../../../util/errors.ts'
import { DtlsError } from '../alert.ts'
import type { Aead, DtlsCrypto, KeyShare, PeerCertificate, SigningKey } from '../crypto.ts'
import type { SignatureScheme } from '../suites.ts'

const TAG = 16
/** SubjectPublicKeyInfo of an X25519 key up to its 32 octets (RFC 8410 §4). */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')
const X25519_LENGTH = 32
const ecdhCurves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1' } as const
const certificateCurves: ReadonlySet<string | undefined> = new Set(Object.values(ecdhCurves))
/** Below it a key is too weak; above, a peer's signature costs us too much. */
const LEAST_RSA_BITS = 2048
const MOST_RSA_BITS = 8192

/** The cryptography of `node:crypto`; keys are KeyObjects. */
export const nodeCrypto: DtlsCrypto = {
  secret: bytes => createSecretKey(bytes),
  hash(algorithm, parts) {
    const hash = createHash(algorithm)
    for (const part of parts) hash.update(part)
    return hash.digest()
  },
  hmac(algorithm, key, parts) {
    const hmac = createHmac(algorithm, keyObject(key))
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  },
  aead,
  keyShare: group => (group.name === 'X25519' ? x25519Share() : ecdhShare(group.name)),
  sign: (scheme, { key }, data) => sign(scheme.hash, data, { key: keyObject(key), ...padding(scheme) }),
  verify(scheme, { key }, data, signature) {
    try {
      return verify(scheme.hash, data, { key: keyObject(key), ...padding(scheme) }, signature)
    } catch {
      return false
    }
  },
  certificate,
  generateKey,
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}

function aead(bytes: Uint8Array): Aead {
  const algorithm = bytes.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm'
  const key = createSecretKey(bytes)
  return {
    seal(nonce, associated, plaintext) {
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: TAG })
      cipher.setAAD(associated)
      const text = cipher.update(plaintext)
      cipher.final()
      return Buffer.concat([text, cipher.getAuthTag()])
    },
    open(nonce, associated, sealed) {
      if (sealed.length < TAG) return undefined
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: TAG })
      decipher.setAAD(associated)
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
      const text = decipher.update(sealed.subarray(0, sealed.length - TAG))
      try {
        decipher.final()
        return text
      } catch {
        return undefined
      }
    },
  }
}

function ecdhShare(curve: 'P-256' | 'P-384'): KeyShare {
  const ecdh = createECDH(ecdhCurves[curve])
  return {
    publicKey: ecdh.generateKeys(),
    agree: peer => agreed(() => createSecretKey(ecdh.computeSecret(peer))),
  }
}

function x25519Share(): KeyShare {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(X25519_PREFIX.length),
    agree: peer =>
      agreed(() => {
        if (peer.length !== X25519_LENGTH) throw new RangeError('an X25519 key has 32 octets')
        const key = Buffer.concat([X25519_PREFIX, peer])
        const theirs = createPublicKey({ key, format: 'der', type: 'spki' })
        return createSecretKey(diffieHellman({ privateKey, publicKey: theirs }))
      }),
  }
}

/** OpenSSL refuses points off the curve and secrets of zeros, each with an error of its own. */
function agreed(agree: () => KeyObject): KeyObject {
  try {
    return agree()
  } catch {
    throw new DtlsError("DTLS: the peer's key is no point of its curve", 'illegal_parameter')
  }
}

function certificate(der: Buffer): PeerCertificate {
  let key: KeyObject
  try {
    const read = new X509Certificate(der)
    // Node reads PEM as well, and stops at the end of the first certificate
    if (read.raw.length !== der.length) throw new RangeError('no certificate alone')
    key = read.publicKey
  } catch {
    throw new DtlsError('DTLS: what the peer sent as its certificate is none', 'bad_certificate')
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && certificateCurves.has(namedCurve)) return { type: 'ecdsa', key }
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= LEAST_RSA_BITS && modulusLength <= MOST_RSA_BITS) {
    return { type: 'rsa', key }
  }
  throw new DtlsError(
    `DTLS: the key of the peer's certificate (${key.asymmetricKeyType}, ${namedCurve ?? modulusLength}) is not taken: P-256, P-384 and RSA of ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits are`,
    'unsupported_certificate',
  )
}

async function generateKey(kind: 'P-256' | 'RSA-2048'): Promise<SigningKey> {
  const generate = promisify(generateKeyPair)
  const { publicKey, privateKey } =
    kind === 'P-256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048 })
  return {
    type: kind === 'P-256' ? 'ecdsa' : 'rsa',
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    key: privateKey,
  }
}

function padding({ pss }: SignatureScheme): { padding?: number; saltLength?: number } {
  if (!pss) return {}
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
}

function keyObject(key: object): KeyObject {
  if (key instanceof KeyObject) return key
  throw new UsageError('ERR_DTLS_KEY', 'this key is of another DtlsCrypto: make it with nodeCrypto')
}
