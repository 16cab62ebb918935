import type { RequestFailure, RequestUser, SipStack, Target } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, options, settled, World } from '../world.ts'
import { type Manner, ScriptedStreams } from './scripted-streams.ts'

const [A6, A4, B6, B4] = ['2001:db8::2', '192.0.2.2', '2001:db8::3', '192.0.2.3'] as const

let world: World
let stack: SipStack
let ladder: string[]
let transports: ScriptedStreams[]
let failures: RequestFailure[]
let reported: string[]
/** What the next look-up finds. */
let found: readonly Target[]

beforeEach(() => {
  world = new World()
  ladder = []
  transports = []
  failures = []
  reported = []
})

afterEach(() => world.close())

const noting: RequestUser = {
  onFinal: response => void ladder.push(`${world.clock.now()} final ${response.status}`),
  onFailure(failure) {
    failures.push(failure)
    ladder.push(`${world.clock.now()} failed ${failure.status}`)
  },
  onTarget: target => void ladder.push(`${world.clock.now()} next ${target.address}`),
}

async function streams(manners: Readonly<Record<string, Manner>>): Promise<void> {
  stack = await world.stack('192.0.2.1', [], {
    locate: {
      locate: () => found,
      locateResponse: () => [],
      report: (target, outcome) => void reported.push(`${target.address} ${outcome}`),
    },
  })
  for (const address of ['192.0.2.1', '2001:db8::1']) {
    const transport = new ScriptedStreams(stack.timers, address, manners, ladder)
    transports.push(transport)
    await stack.addTransport(transport)
  }
}

const ofHost = (host: string, ...addresses: readonly string[]): Target[] =>
  addresses.map(address => ({ protocol: 'TCP', address, port: 5060, host }))

async function passing(milliseconds: number): Promise<void> {
  world.advance(milliseconds)
  await settled()
}

const open = (): number => transports.reduce((sum, { connections }) => sum + connections, 0)

describe('RFC 8305: several addresses of one host over a stream', () => {
  test('the next is tried after 250 ms; the first that is up gets the message, the other is closed', async () => {
    await streams({ [A6]: 'silent', [A4]: 20 })
    found = ofHost('a', A6, A4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.slice(0, -1)).toEqual([
      `0 connect ${A6}`,
      `250 connect ${A4}`,
      `270 close ${A6}`,
      `270 OPTIONS ${A4}`,
    ])
    expect(ladder.at(-1)).toMatch(/^\d+ final 200$/)
    expect(open()).toBe(1)
  })

  test('one that is up in less than that has no rival', async () => {
    await streams({ [A6]: 200, [A4]: 0 })
    found = ofHost('a', A6, A4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.slice(0, 2)).toEqual([`0 connect ${A6}`, `200 OPTIONS ${A6}`])
    expect(ladder.some(line => line.includes(A4))).toBe(false)
  })

  test('a slow first one may still win while the second is under way', async () => {
    await streams({ [A6]: 300, [A4]: 100 })
    found = ofHost('a', A6, A4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.slice(0, 4)).toEqual([
      `0 connect ${A6}`,
      `250 connect ${A4}`,
      `300 close ${A4}`,
      `300 OPTIONS ${A6}`,
    ])
  })

  test('one that fails makes way at once', async () => {
    await streams({ [A6]: { after: 5, code: 'ECONNREFUSED' }, [A4]: 10 })
    found = ofHost('a', A6, A4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.slice(0, 5)).toEqual([
      `0 connect ${A6}`,
      `5 ECONNREFUSED ${A6}`,
      `5 connect ${A4}`,
      `15 next ${A4}`,
      `15 OPTIONS ${A4}`,
    ])
    expect(reported).toEqual([`${A6} transport error`, `${A4} ok`])
  })

  test('none of them: the next host is tried, and all are listed with why', async () => {
    await streams({
      [A6]: { after: 5, code: 'ECONNREFUSED' },
      [A4]: { after: 5, code: 'ERR_TLS_IDENTITY' },
      [B6]: { after: 5, code: 'EHOSTUNREACH' },
      [B4]: { after: 5, code: 'ECONNREFUSED' },
    })
    found = [...ofHost('a', A6, A4), ...ofHost('b', B6, B4)]
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(failures[0]?.message).toBe(
      `OPTIONS: the last try ended with transport error; tried tcp ${A6}:5060 transport error (ECONNREFUSED), ` +
        `tcp ${A4}:5060 transport error (ERR_TLS_IDENTITY), tcp ${B6}:5060 transport error (EHOSTUNREACH), ` +
        `tcp ${B4}:5060 transport error (ECONNREFUSED)`,
    )
    expect(ladder.at(-1)).toBe('20 failed 503')
    expect(open()).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('hosts do not race one another: priorities of SRV stay', async () => {
    await streams({ [A4]: 400, [B4]: 0 })
    found = [...ofHost('a', A4), ...ofHost('b', B4)]
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.some(line => line.includes(B4))).toBe(false)
  })

  test('where a connection to one of them is up, it is used and none is made', async () => {
    await streams({ [A6]: 'silent', [A4]: 20 })
    found = ofHost('a', A6, A4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    ladder.length = 0
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.filter(line => !line.includes('final'))).toEqual([`1000 OPTIONS ${A4}`])
  })

  test('two requests at once share the attempts, and neither takes the other’s away', async () => {
    await streams({ [A6]: 'silent', [A4]: 20 })
    found = ofHost('a', A6, A4)
    for (const _ of [1, 2]) stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    expect(ladder.filter(line => !line.includes('final'))).toEqual([
      `0 connect ${A6}`,
      `250 connect ${A4}`,
      `270 OPTIONS ${A4}`,
      `270 close ${A6}`,
      `270 OPTIONS ${A4}`,
    ])
    expect(ladder.filter(line => line.includes('final'))).toHaveLength(2)
  })

  test('fair to both families: whichever is alive serves, at the cost of one delay', async () => {
    for (const [dead, alive] of [
      [A6, A4],
      [A4, A6],
    ] as const) {
      ladder = []
      transports = []
      await streams({ [dead]: 'silent', [alive]: 10 })
      found = ofHost('a', dead, alive)
      const began = world.clock.now()
      stack.send(options('sip:a;transport=tcp'), noting)
      await passing(1000)
      expect(ladder).toContain(`${began + 260} OPTIONS ${alive}`)
      await stack.close()
    }
  })

  test('a call that is cancelled meanwhile leaves no connection and sends nothing', async () => {
    await streams({ [A6]: 'silent', [A4]: 'silent' })
    found = ofHost('a', A6, A4)
    const outgoing = stack.send(invite('sip:a;transport=tcp'), noting)
    await passing(300)
    expect(open()).toBe(2)
    outgoing.cancel()
    await passing(1000)
    expect(ladder.slice(2)).toEqual([`300 close ${A6}`, `300 close ${A4}`, '300 failed 487'])
    expect(open()).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('RFC 3261 §17.1.4 the transport of its connections is removed: it is lost at once, and another host is tried', async () => {
    await streams({ [A4]: 'silent', [B4]: 'silent' })
    found = ofHost('a', A4, B4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(1000)
    const [transport] = transports
    if (transport === undefined) throw new Error('a transport expected')
    const removed = stack.removeTransport(transport)
    expect(failures.map(({ status }) => status)).toEqual([503])
    expect(failures[0]?.attempts.map(({ outcome }) => outcome)).toEqual([
      'transport error',
      'transport error',
    ])
    expect(reported).toEqual([])
    await removed
    expect(stack.timers.size).toBe(0)
  })

  test('RFC 3261 §17.1.2.2 a transport that never tells keeps a request no longer than Timer F', async () => {
    await streams({ [A4]: 'silent', [B4]: 'silent' })
    found = ofHost('a', A4, B4)
    stack.send(options('sip:a;transport=tcp'), noting)
    await passing(31_999)
    expect(failures).toEqual([])
    await passing(1)
    expect(failures.map(({ status }) => status)).toEqual([408])
    expect(open()).toBe(0)
  })

  test('targetTimeout: a host none of whose addresses answers gives way', async () => {
    await streams({ [A6]: 'silent', [A4]: 'silent', [B4]: 10 })
    found = [...ofHost('a', A6, A4), ...ofHost('b', B4)]
    stack.send(invite('sip:a;transport=tcp'), noting)
    await passing(5000)
    expect(ladder.slice(0, 7)).toEqual([
      `0 connect ${A6}`,
      `250 connect ${A4}`,
      `4000 close ${A6}`,
      `4000 close ${A4}`,
      `4000 next ${B4}`,
      `4000 connect ${B4}`,
      `4000 INVITE ${B4}`,
    ])
    expect(reported.slice(0, 2)).toEqual([`${A6} timeout`, `${A4} timeout`])
  })

  test('the addresses that were not needed stay behind the one that won', async () => {
    await streams({ [A6]: 10, [A4]: 10 })
    found = ofHost('a', A6, A4)
    const outgoing = stack.send(options('sip:a;transport=tcp'), noting)
    world.advance(10)
    expect(outgoing.target?.address).toBe(A6)
    expect(outgoing.remaining.map(({ address }) => address)).toEqual([A4])
  })
})
