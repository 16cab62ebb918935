import type { RandomSource } from '../../../util/random.ts'
import type { DtlsCrypto, SigningKey } from '../crypto.ts'
import { type SignatureScheme, signatureSchemes } from '../suites.ts'
import {
  bitString,
  boolean,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts'

const DAY = 86_400_000
const SERIAL_LENGTH = 16
const VERSION_3 = Buffer.of(2)
const COMMON_NAME = '2.5.4.3'
const BASIC_CONSTRAINTS = '2.5.29.19'
/** RFC 5280 §4.1.2.1 sets no limit, RFC 5280 appendix A.1 has 64 characters. */
const MOST_NAME = 64

/** A certificate and the key that it is of. */
export interface Identity {
  readonly key: SigningKey
  /** DER. */
  readonly certificate: Buffer
}

/** What a certificate says of itself. */
export interface CertificateOptions {
  /** Its common name: an address-of-record, or something random for a call that is to be anonymous (RFC 5763 §6.1). */
  readonly name: string
  readonly days: number
  /** Now, in milliseconds since 1970. */
  readonly date: number
}

/**
 * A certificate that vouches for nothing but its key: self-signed, v3 (RFC 5280 §4.1), no authority, valid from a day ago, for
 * clocks differ. It has no key usage: OpenSSL takes a key that may not sign certificates for no issuer, not even of its own.
 */
export function selfSigned(
  crypto: DtlsCrypto,
  random: RandomSource,
  key: SigningKey,
  { name, days, date }: CertificateOptions,
): Identity {
  const algorithm = signatureAlgorithm(key)
  const subject = sequence(
    set(sequence(objectIdentifier(COMMON_NAME), utf8String([...name].slice(0, MOST_NAME).join('')))),
  )
  const serial = random.fill(Buffer.alloc(SERIAL_LENGTH))
  // a serial number is above zero (RFC 5280 §4.1.2.2)
  serial.writeUInt8(((serial[0] ?? 0) & 0x7f) | 0x40, 0)
  const unsigned = sequence(
    context(0, integer(VERSION_3)),
    integer(serial),
    algorithm,
    subject,
    sequence(time(date - DAY), time(date + days * DAY)),
    subject,
    key.spki,
    context(3, sequence(extension(BASIC_CONSTRAINTS, sequence()))),
  )
  const signature = crypto.sign(schemeOf(key), key, unsigned)
  return { key, certificate: sequence(unsigned, algorithm, bitString(signature)) }
}

function extension(identifier: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), boolean(true), octetString(value))
}

function schemeOf({ type }: SigningKey): SignatureScheme {
  const scheme = signatureSchemes.find(({ key, hash, pss }) => key === type && hash === 'sha256' && !pss)
  if (scheme === undefined) throw new RangeError(`no signature for a key of type ${type}`)
  return scheme
}

/** ecdsa-with-SHA256 (RFC 5758 §3.2) or sha256WithRSAEncryption, which has parameters of NULL (RFC 4055 §5). */
function signatureAlgorithm({ type }: SigningKey): Buffer {
  if (type === 'ecdsa') return sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  return sequence(objectIdentifier('1.2.840.113549.1.1.11'), Buffer.of(0x05, 0x00))
}
