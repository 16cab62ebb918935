import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DtlsFactory } from '../../src/media/dtls/index.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { installed } from '../peers/installed.ts'
import { handshakeWith, opensslAlone } from './peers/dtls-handshake.ts'
import { makeFactory } from './peers/dtls-party.ts'
import { OpensslIdentities } from './peers/openssl.ts'

/** `DTLS_HANDSHAKES=200` is the whole of it; a few are enough to see that it works. */
const HANDSHAKES = Number(process.env.DTLS_HANDSHAKES ?? 10)
const AT_ONCE = 20
const LOSS = 0.15
const WITHIN = 30_000

let identities: OpensslIdentities
let factory: DtlsFactory

beforeAll(async () => {
  installed('openssl', 'openssl')
  identities = new OpensslIdentities()
  factory = await makeFactory({})
})

afterAll(() => identities?.remove())

it(`RFC 6347 §4.2.4: ${HANDSHAKES} handshakes in each role through a relay that loses 15 %, as openssl does with itself`, async () => {
  const ours = (role: 'client' | 'server') => async (lose: () => boolean) => {
    const { keys, theirs, exported } = await handshakeWith(identities, role, factory, {
      lose,
      within: WITHIN,
    })
    return keys !== undefined && theirs !== undefined && exported?.equals(theirs) === true
  }
  const client = await completed(ours('client'))
  const server = await completed(ours('server'))
  const control = await completed(lose => opensslAlone(identities, lose, WITHIN))
  process.stdout.write(
    `of ${HANDSHAKES}: client ${client}, server ${server}, openssl with itself ${control}\n`,
  )
  expect(Math.min(client, server)).toBeGreaterThanOrEqual(Math.floor(0.95 * HANDSHAKES))
  expect(Math.min(client, server)).toBeGreaterThanOrEqual(control - 2)
}, 480_000)

/** How many of them were done in time; some at once, for most of the time is waiting. */
async function completed(one: (lose: () => boolean) => Promise<boolean>): Promise<number> {
  let done = 0
  let begun = 0
  const worker = async () => {
    while (begun < HANDSHAKES) {
      const dice = new Tokens(seededRandom(begun++))
      if (await one(() => dice.below(1000) < LOSS * 1000)) done++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return done
}
