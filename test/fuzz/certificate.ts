import { X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { readCertificate } from '../../src/net/tls-certificate.ts'
import { certificateNames, identityError, proves, sipDomains } from '../../src/net/tls-identity.ts'
import { UsageError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { testCertificate, testKey } from '../net/certificate.ts'

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface CertificateFuzzReport {
  readonly runs: number
  readonly read: number
  readonly refused: number
  /** Those that were read and prove a domain all the same. */
  readonly proving: number
}

/** PEM that is put together anew each time would hide the mutations behind its armour: the DER inside is mutated too. */
const DER = Buffer.from(forge.util.decode64(testCertificate.replace(/-----[^-]+-----|\s/g, '')), 'latin1')
const PIECES = [
  'DNS:',
  'URI:sip:',
  'IP Address:',
  ', ',
  '"',
  '\\',
  '\\u0000',
  'a.example',
  '*.',
  '@',
  ':',
  ';',
  '[',
  '\n',
  'CN=',
]

/**
 * Feeds `count` mutated certificates, keys and subjectAltNames to what reads ours and checks a peer's. Throws where one
 * of them throws anything but a UsageError, or tells a key.
 */
export function fuzzCertificates(count: number, seed: number): CertificateFuzzReport {
  const dice = new Tokens(seededRandom(seed))
  let read = 0
  let refused = 0
  let proving = 0
  const below = (limit: number): number => dice.below(limit)
  for (let run = 0; run < count; run++) {
    const isOwn = below(4) === 0
    const what = isOwn ? readOwn(below) : readPeers(below)
    if (what === undefined) refused++
    else read++
    if (what === true) proving++
  }
  return { runs: count, read, refused, proving }
}

type Dice = (limit: number) => number

/** A certificate of ours as text, damaged, with its key damaged or whole. */
function readOwn(below: Dice): boolean | undefined {
  const certificate = damagedText(testCertificate, below)
  const key = below(2) === 0 ? testKey : damagedText(testKey, below)
  try {
    return readCertificate({ certificate, key }).names.includes('turn.test')
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const secret = testKey.split('\n')[2] ?? ''
    if (error.message.includes(secret)) throw new Error('a key was told', { cause: error })
    return undefined
  }
}

/** A peer's certificate: what OpenSSL takes of damaged DER, and the names that only we read. */
function readPeers(below: Dice): boolean | undefined {
  const der = Buffer.from(DER)
  for (let hits = 1 + below(4); hits > 0; hits--) der[below(der.length)] = below(256)
  const names = certificateNames(below(2) === 0 ? pieces(below) : (parsed(der) ?? pieces(below)))
  for (const domain of sipDomains(names)) {
    if (domain !== domain.toLowerCase()) throw new Error(`${domain} is not in small letters`)
    if (!domain.startsWith('*') && !proves(names, domain))
      throw new Error(`${domain} is borne and not proved`)
  }
  identityError(names, 'a.example')
  return proves(names, 'a.example') || proves(names, 'turn.test')
}

function parsed(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    // Node's refusal, and its TLS has refused it before us
    return undefined
  }
}

function pieces(below: Dice): { subjectAltName: string; subject: string } {
  let text = ''
  for (let left = below(12); left > 0; left--) text += PIECES[below(PIECES.length)] ?? ''
  return { subjectAltName: text, subject: text }
}

function damagedText(text: string, below: Dice): string {
  const at = below(text.length)
  if (below(3) === 0) return text.slice(0, at)
  return text.slice(0, at) + String.fromCharCode(below(128)) + text.slice(at + 1 + below(3))
}
