import { type KeepAlive, type KeepUser, p, type SipResponse, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/stack/message/flow.ts'
import { invite, lines, options, type Peer, requestText, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World
let begun: KeepAlive[]
let failed: string[]

beforeEach(() => {
  world = new World()
  begun = []
  failed = []
})

afterEach(() => world.close())

const user: KeepUser = {
  onKeepAlive: keepAlive => void begun.push(keepAlive),
  onFailed: (_, error) => void failed.push(`${error?.code}`),
}

const over = (protocol: Protocol): string => `sip:bob@${SERVER};transport=${protocol.toLowerCase()}`

/** The first Via of what the peer heard last, or of the wire. */
const viaOf = (wire: string): string => lines(wire, 'Via')[0] ?? ''

describe('RFC 6223 §4 keep as a client', () => {
  async function asking(protocol: Protocol, answer: string): Promise<{ client: SipStack; peer: Peer }> {
    const client = await world.stack(CLIENT, [protocol])
    const peer = await world.peer(SERVER, protocol)
    peer.onMessage = message => {
      const via = viaOf(message.toString())
      const wire = `SIP/2.0 200 OK\r\n${message
        .toString()
        .slice(message.toString().indexOf('\r\n') + 2)
        .replace(via, via.replace(';keep', answer))}`
      peer.transport.send(wire, { protocol, transport: '', address: CLIENT, port: 5060, connection: 0 })
    }
    client.send(options(over(protocol)), { onFinal() {}, onFailure() {} }, { keep: user })
    world.advance(0)
    return { client, peer }
  }

  test('is asked for in the Via, and only where that is wished', async () => {
    const { client, peer } = await asking('UDP', '')
    expect(peer.heard[0]?.via.param(p.keep)).toBe(true)
    client.send(options(), { onFinal() {}, onFailure() {} })
    world.advance(0)
    expect(peer.heard[1]?.via.params.has('keep')).toBe(false)
  })

  test.each([
    [';keep=30', 24_000, 30_000],
    [';keep=0', 96_000, 120_000],
  ])('granted with %s, pings begin, each after %d to %d ms', async (answer, least, most) => {
    await asking('TCP', answer)
    const pings = (): number => world.wires.filter(wire => wire === '\r\n\r\n').length
    expect(begun).toHaveLength(1)
    world.advance(least - 1)
    expect(pings()).toBe(0)
    world.advance(most - least + 1)
    expect(pings()).toBe(1)
    begun[0]?.stop()
    world.advance(1_000_000)
    expect([pings(), failed]).toEqual([1, []])
  })

  test.each([';keep', '', ';keep=', ';keep=soon', ';keep=-1'])(
    'answered with "%s" it is not granted: no ping, and over UDP no STUN, leaves (RFC 5626 §8)',
    async answer => {
      const { client } = await asking('UDP', answer)
      world.advance(1_000_000)
      expect(begun).toEqual([])
      expect(world.wires.filter(wire => wire.length === 20)).toEqual([])
      expect(client.flows.size).toBe(0)
    },
  )

  test('a refresh that is granted again keeps the one handle, with the new time', async () => {
    const { client } = await asking('TCP', ';keep=100')
    client.send(options(over('TCP')), { onFinal() {}, onFailure() {} }, { keep: user })
    world.advance(0)
    expect(begun).toHaveLength(2)
    expect(begun[1]).toBe(begun[0])
    expect(client.flows.size).toBe(1)
  })

  test('the CANCEL of an INVITE has the very Via of it (RFC 3261 §9.1)', async () => {
    const client = await world.stack(CLIENT)
    const peer = await world.peer(SERVER)
    const call = client.send(invite(), { onFinal() {}, onFailure() {} }, { keep: user })
    world.advance(0)
    const [heard] = peer.heard
    if (heard) peer.answer(heard, 180)
    world.advance(0)
    call.cancel()
    world.advance(0)
    const [first, second] = peer.heard.map(message => viaOf(message.toString()))
    expect(second).toBe(first)
    expect(first).toContain(';keep')
  })
})

describe('RFC 6223 §4.3 keep as a server', () => {
  async function answered(keep: number | undefined, via: string, status = 200): Promise<string> {
    const server = await world.stack(SERVER, ['UDP'], keep === undefined ? {} : { keep })
    server.onRequest(transaction => transaction.respond(status))
    const peer = await world.peer(CLIENT)
    peer.send(
      requestText('OPTIONS', { via, extra: 'Via: SIP/2.0/UDP ua.example;branch=z9hG4bK0;keep\r\n' }),
      SERVER,
    )
    world.advance(0)
    const [answer] = peer.heard
    return answer === undefined ? '' : lines(answer.toString(), 'Via').join(' | ')
  }
  const asking = `SIP/2.0/UDP ${CLIENT}:5060;branch=z9hG4bK1;keep`
  const below = ' | SIP/2.0/UDP ua.example;branch=z9hG4bK0;keep'

  test('a value is put to the keep of the hop before us, and to no other', async () => {
    expect(await answered(30, asking)).toBe(`${asking}=30${below}`)
  })

  test.each([
    ['there is no policy', undefined, asking, 200],
    ['it was not asked for', 30, asking.replace(';keep', ''), 200],
    ['it has a value already', 30, `${asking}=7`, 200],
    ['the request is refused', 30, asking, 404],
  ])('nothing where %s', async (_, keep, via, status) => {
    expect(await answered(keep, via, status)).toBe(`${via}${below}`)
  })

  test('a policy that is no number of seconds is refused', () => {
    for (const keep of [-1, 1.5, Number.NaN])
      expect(() => new SipStack({ keep })).toThrow(/whole number of seconds/)
  })

  test('two stacks agree, and the STUN keep-alives are answered', async () => {
    const client = await world.stack(CLIENT)
    const server = await world.stack(SERVER, ['UDP'], { keep: 20 })
    server.onRequest(transaction => transaction.respond(200))
    const finals: SipResponse[] = []
    client.send(
      options(),
      { onFinal: response => void finals.push(response), onFailure() {} },
      { keep: user },
    )
    world.advance(200_000)
    expect(finals[0]?.via.param(p.keep)).toBe(20)
    expect(begun[0]?.answered).toBeGreaterThanOrEqual(9)
    expect(failed).toEqual([])
  })
})
