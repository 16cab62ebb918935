import { Identifiers, nameAddr, register, type SipStack } from 'resip/stack'
import { describe, expect, test } from 'vitest'
import { seededRandom, Tokens } from '../../../src/util/random.ts'
import { invite, options, World } from '../world.ts'

const REQUESTS = 1000

const networks = [
  { seed: 1, loss: 0.05, delay: 20, jitter: 30, duplication: 0.05 },
  { seed: 2, loss: 0.15, delay: 50, jitter: 400, duplication: 0.2 },
  { seed: 3, loss: 0.3, delay: 100, jitter: 1000, duplication: 0.1 },
]

interface Tally {
  finals: number
  failures: number
  /** Requests whose user heard other than one end. */
  readonly wrong: string[]
  /** How often the server's users saw each branch, Call-ID and method. */
  readonly seen: Map<string, number>
  readonly serverFailures: number
}

async function run(
  conditions: (typeof networks)[number],
  send: (client: SipStack, name: string, ended: (what: 'final' | 'failure') => void) => void,
): Promise<Tally & { client: SipStack; server: SipStack }> {
  const world = new World(conditions)
  const client = await world.stack('192.0.2.1')
  const server = await world.stack('192.0.2.2')
  const seen = new Map<string, number>()
  let serverFailures = 0
  let answered = 0
  server.addUser({
    accepts: request => request.method !== 'CANCEL',
    onRequest(transaction) {
      const { request, method } = transaction
      const name = `${request.via.branch} ${method}`
      seen.set(name, (seen.get(name) ?? 0) + 1)
      if (method === 'INVITE') transaction.respond(180)
      const status = method === 'INVITE' ? 486 : 200
      server.timers.after((answered++ * 37) % 900, () => {
        if (!transaction.isAnswered) transaction.respond(status)
      })
    },
    onFailure: () => void serverFailures++,
  })
  const ends = new Map<string, string[]>()
  for (let number = 0; number < REQUESTS; number++) {
    const name = String(number)
    ends.set(name, [])
    world.advance(3)
    send(client, name, what => void ends.get(name)?.push(what))
  }
  // 64·T1 to give up, T1 of it again for Timer I or D of the last, and what is under way
  world.advance(64_000 + 32_000 + 5_000)
  const all = [...ends.values()].flat()
  return {
    client,
    server,
    seen,
    serverFailures,
    finals: all.filter(what => what === 'final').length,
    failures: all.filter(what => what === 'failure').length,
    wrong: [...ends].filter(([, heard]) => heard.length !== 1).map(([name, heard]) => `${name}: ${heard}`),
  }
}

function expectNothingLeft({ client, server, seen, wrong }: Awaited<ReturnType<typeof run>>): void {
  expect(wrong).toEqual([])
  expect([...seen].filter(([, times]) => times !== 1)).toEqual([])
  expect(client.transactionCounts()).toEqual(nothing)
  expect(server.transactionCounts()).toEqual(nothing)
  expect([client.transactionCount, server.transactionCount]).toEqual([0, 0])
  expect([client.timers.size, server.timers.size]).toEqual([0, 0])
  expect([client.counters.malformed, server.counters.malformed]).toEqual([0, 0])
  expect([client.counters.handlerErrors, server.counters.handlerErrors]).toEqual([0, 0])
}

const nothing = { inviteClient: {}, inviteServer: {}, nonInviteClient: {}, nonInviteServer: {} }

describe.each(networks)(
  'over a network of loss $loss, jitter $jitter ms, duplication $duplication',
  conditions => {
    test('1,000 REGISTERs: each ends once, each is seen once, nothing is left', async () => {
      const ids = new Identifiers(new Tokens(seededRandom(conditions.seed)))
      const tally = await run(conditions, (client, name, ended) => {
        const template = register(nameAddr(`<sip:u${name}@192.0.2.2>`), undefined, ids)
        client.send(template, { onFinal: () => ended('final'), onFailure: () => ended('failure') })
      })
      expectNothingLeft(tally)
      expect(tally.finals + tally.failures).toBe(REQUESTS)
      // eleven tries each way: a failure is all but impossible
      expect(tally.failures).toBeLessThan(REQUESTS / 50)
      expect(tally.seen.size).toBeGreaterThanOrEqual(tally.finals)
      expect(tally.client.counters.retransmissionsOut).toBeGreaterThan(REQUESTS * conditions.loss)
    })

    test('1,000 INVITEs refused with 486, ACKs lost as well: the same', async () => {
      const tally = await run(conditions, (client, _, ended) => {
        client.send(invite(), { onFinal: () => ended('final'), onFailure: () => ended('failure') })
      })
      expectNothingLeft(tally)
      expect(tally.failures).toBeLessThan(REQUESTS / 50)
      expect(tally.serverFailures).toBeLessThan(REQUESTS / 50)
      expect(tally.client.counters.requestsOut.INVITE).toBe(REQUESTS)
    })

    test('1,000 calls cancelled after a second: each ends once with 486 or 487', async () => {
      const tally = await run(conditions, (client, _, ended) => {
        const outgoing = client.send(invite(), {
          onFinal: () => ended('final'),
          onFailure: () => ended('failure'),
        })
        client.timers.after(1000, () => outgoing.cancel())
      })
      expectNothingLeft(tally)
      expect(tally.failures).toBeLessThan(REQUESTS / 50)
    })
  },
)

test('one seed is one history: two runs of it are the same, another seed is another', async () => {
  const history = async (seed: number): Promise<string> => {
    const world = new World({ loss: 0.2, jitter: 200, duplication: 0.2, seed })
    const client = await world.stack('192.0.2.1')
    const server = await world.stack('192.0.2.2')
    server.onRequest(transaction => transaction.respond(200))
    for (let number = 0; number < 20; number++)
      client.send(options(), { onFinal: ({ status }) => world.note(`${status}`), onFailure() {} })
    world.advance(100_000)
    return world.ladder.join('\n')
  }
  expect(await history(5)).toBe(await history(5))
  expect(await history(5)).not.toBe(await history(6))
})
