import {
  DigestClient,
  DigestRealm,
  MemoryUsers,
  parseMessage,
  request,
  response,
  SipResponse,
} from '../../src/stack/index.ts'
import { encode } from '../../src/stack/message/encode.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'

const REALM = 'example.com'
const flow = { protocol: 'UDP', transport: 't', address: '192.0.2.1', port: 5060, connection: 0 } as const
const head =
  'REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n' +
  'From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n'

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface DigestFuzzReport {
  readonly authenticated: number
  readonly refused: number
  readonly answered: number
  readonly ignored: number
}

/** Words that are put in by a mutation, besides octets. */
const words = [
  '"',
  '\\',
  ',',
  '=',
  ' ',
  '\r\n ',
  'nc=00000000',
  'nc=ffffffff',
  'algorithm=MD5-sess',
  'qop="auth,auth-int"',
  'qop=auth-int',
  'userhash=true',
  "username*=UTF-8''%e4",
  'stale=true',
  'nonce=""',
  'realm="example.com"',
  'charset=UTF-8',
  'rspauth=""',
  'nextnonce="x"',
  'Digest ',
  '\u00e4',
  '\0',
]

/**
 * Feeds `count` mutated credentials to a realm, and as many mutated challenges and Authentication-Infos to a client. Throws
 * where one of them does.
 */
export function fuzzDigest(count: number, seed: number): DigestFuzzReport {
  const dice = new Tokens(seededRandom(seed))
  const clock = new SimulatedClock()
  const users = new MemoryUsers([{ username: 'bob', realm: REALM, secret: 'secret' }])
  const realm = new DigestRealm({
    realm: REALM,
    users,
    clock,
    random: seededRandom(seed),
    qop: ['auth', 'auth-int'],
    userhash: dice.below(2) === 0,
    maxNonces: 100,
  })
  const client = new DigestClient(
    { username: 'bob', realms: REALM, password: 'secret' },
    { random: seededRandom(seed) },
  )
  const report = { authenticated: 0, refused: 0, answered: 0, ignored: 0 }
  const template = request('REGISTER', `sip:${REALM}`, { from: `sip:bob@${REALM}`, to: `sip:bob@${REALM}` })
  for (let run = 0; run < count; run++) {
    const asked = received('')
    if (asked === undefined) throw new Error('a request expected')
    const challenge = encode(realm.challenge(asked).fill(response(asked, 401, 'tag')))
    const exchange = client.begin(template)
    const wire = mutatedHeader(dice, challenge, 'WWW-Authenticate')
    let step = wire
    try {
      const answer = parseMessage(Buffer.from(wire, 'latin1'))
      const next = answer instanceof SipResponse ? exchange.next(answer) : undefined
      if (next === undefined) report.ignored++
      else report.answered++
      if (next !== undefined) step = encode(next)
      const line = /^Authorization: .*\r\n/m.exec(step)?.[0] ?? 'Authorization: Digest\r\n'
      step = mutatedHeader(dice, line, 'Authorization')
      const message = received(step)
      if (message === undefined) continue
      const verdict = realm.check(message)
      if (verdict instanceof Promise) throw new Error('an answer at once expected')
      if (verdict.kind === 'authenticated') {
        report.authenticated++
        step = mutatedHeader(
          dice,
          encode(verdict.addInfo(response(message, 200, 'tag'))),
          'Authentication-Info',
        )
        const ok = parseMessage(Buffer.from(step, 'latin1'))
        if (ok instanceof SipResponse) exchange.next(ok)
      } else {
        report.refused++
        if (verdict.kind === 'refused')
          encode(verdict.fill(response(message, verdict.status, 't', verdict.reason)))
      }
      realm.strip(message.forward())
    } catch (error) {
      throw new Error(`run ${run} of seed ${seed}: ${JSON.stringify(step)}`, { cause: error })
    }
    if (dice.below(50) === 0) clock.advance(dice.below(400_000))
    if (dice.below(20) === 0) client.forget()
  }
  return report
}

function received(lines: string) {
  const message = parseMessage(Buffer.from(`${head}${lines}\r\n`, 'latin1'), flow)
  return message instanceof Error || !message.isRequest ? undefined : message
}

/** The text with up to three changes behind the first line of that name. */
function mutatedHeader(dice: Tokens, text: string, name: string): string {
  const from = text.indexOf(name)
  if (from < 0) return text
  let out = text
  for (let changes = dice.below(4); changes > 0; changes--) {
    const end = out.indexOf('\r\n', from)
    const at = from + name.length + 2 + dice.below(Math.max(1, end - from - name.length - 2))
    const kind = dice.below(4)
    const word = words[dice.below(words.length)] ?? ''
    if (kind === 0) out = out.slice(0, at) + String.fromCharCode(dice.byte()) + out.slice(at + 1)
    else if (kind === 1) out = `${out.slice(0, at)}, ${word}, ${out.slice(at)}`
    else if (kind === 2) out = out.slice(0, at) + word + out.slice(at)
    else out = out.slice(0, at) + out.slice(at + dice.below(20))
  }
  return out
}
