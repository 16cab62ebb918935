import {
  ack2xx,
  DigestClient,
  type DigestRealm,
  h,
  nameAddr,
  type RequestTemplate,
  request,
  type SipStack,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { invite, lines, type Peer, settled, targets, World } from '../world.ts'
import { Pair, REALM, SECRET } from './pair.ts'

const SERVER = '192.0.2.2'
let world: World
let alice: SipStack

beforeEach(async () => {
  world = new World({ delay: 1 })
  alice = await world.stack('192.0.2.1', ['UDP', 'TCP'])
  world.drawnFrom('192.0.2.1')
})

afterEach(() => world.close())

function client(): DigestClient {
  return new DigestClient({ username: 'bob', realms: REALM, password: SECRET })
}

/** A stack behind a realm, which answers 200. */
async function guarded(realm: DigestRealm, address: string = SERVER): Promise<SipStack> {
  const stack = await world.stack(address, ['UDP', 'TCP'])
  stack.onRequest(async transaction => {
    const caller = await realm.authenticate(transaction)
    if (caller === undefined) return
    transaction.respond(
      caller.addInfo(transaction.response(200)).set(h.Contact, nameAddr(`<sip:${address}>`)),
    )
  })
  return stack
}

async function passed(milliseconds: number = 10): Promise<void> {
  for (let at = 0; at < milliseconds; at++) {
    world.advance(1)
    await settled()
  }
}

describe('RFC 3261 §22.2: RequestOptions.credentials', () => {
  it('a 401 is answered: same Call-ID and From tag, CSeq counted up, another branch', async () => {
    await guarded(new Pair({ clock: world.clock }).realm)
    const credentials = client()
    const template = request('OPTIONS', `sip:${SERVER}`, { from: '<sip:bob@example.com>' })
    const pending = alice.request(template, { credentials })
    await passed()
    const ok = await pending
    expect([ok.status, credentials.proofOf(ok)]).toEqual([200, 'right'])
    expect(world.ladder).toEqual(['0 → OPTIONS', '1 ← 401', '2 → OPTIONS', '3 ← 200'])
    const [first = '', , second = ''] = world.wires
    for (const name of ['Call-ID', 'From', 'To']) expect(lines(second, name)).toEqual(lines(first, name))
    expect([lines(first, 'CSeq'), lines(second, 'CSeq')]).toEqual([['1 OPTIONS'], ['2 OPTIONS']])
    expect(lines(second, 'Via')).not.toEqual(lines(first, 'Via'))
    // the template itself was not touched, and the next request needs no challenge
    expect(template.cseq.number).toBe(1)
    const again = alice.request(template.derive(), { credentials })
    await passed()
    expect((await again).status).toBe(200)
    expect(world.ladder).toHaveLength(6)
  })

  it('an INVITE: the 401 is acknowledged, and the ACK to the 2xx has the credentials (§22.1)', async () => {
    await guarded(new Pair({ clock: world.clock }).realm)
    const acks: RequestTemplate[] = []
    const outgoing = alice.send(
      invite(`sip:bob@${SERVER}`),
      {
        onFinal: ok => {
          acks.push(ack2xx(outgoing.template, ok))
          alice.sendAck(ack2xx(outgoing.template, ok))
        },
        onFailure() {},
      },
      { credentials: client() },
    )
    await passed()
    expect(world.ladder.slice(0, 6)).toEqual([
      '0 → INVITE',
      '1 ← 401',
      '2 → ACK',
      '2 → INVITE',
      '3 ← 200',
      '4 → ACK',
    ])
    const wires = world.wires.filter(wire => wire.startsWith('ACK '))
    expect(wires.map(wire => [lines(wire, 'CSeq')[0], lines(wire, 'Authorization').length])).toEqual([
      ['1 ACK', 0],
      ['2 ACK', 1],
    ])
    expect(lines(wires[1] ?? '', 'Authorization')).toEqual(lines(world.wires[3] ?? '', 'Authorization'))
  })

  it('what cannot be answered is the final response; a wrong secret is tried once', async () => {
    await guarded(new Pair({ clock: world.clock }).realm)
    const stranger = new DigestClient({ username: 'bob', realms: 'elsewhere', password: SECRET })
    const wrong = new DigestClient({ username: 'bob', realms: REALM, password: 'guess' })
    for (const [credentials, sent] of [
      [stranger, 1],
      [wrong, 2],
    ] as const) {
      world.ladder.length = 0
      const pending = alice.request(request('OPTIONS', `sip:${SERVER}`, { from: '<sip:bob@example.com>' }), {
        credentials,
      })
      await passed()
      expect((await pending).status).toBe(401)
      expect(world.ladder.filter(line => line.endsWith('OPTIONS'))).toHaveLength(sent)
    }
  })

  it('the repeat goes to the target and connection that challenged, the others stay behind it', async () => {
    const silent = await world.peer('192.0.2.8')
    await guarded(new Pair({ clock: world.clock }).realm, '192.0.2.9')
    const template = request('OPTIONS', 'sip:example.com', { from: '<sip:bob@example.com>' })
    const repeats: number[] = []
    const pending = alice.request(template, {
      credentials: client(),
      targets: [...targets('UDP', '192.0.2.8'), ...targets('TCP', '192.0.2.9', '192.0.2.10')],
      targetTimeout: 100,
      onRepeat: (repeat, challenge) => repeats.push(repeat.cseq.number, challenge.status),
    })
    await passed(120)
    expect((await pending).status).toBe(200)
    expect(repeats).toEqual([2, 401])
    expect(silent.heard).toHaveLength(1)
    const opened = world.passages.filter(({ to, what }) => what === 'OPTIONS' && to.includes('192.0.2.9'))
    expect(opened).toHaveLength(2)
  })

  it('RFC 3261 §18.1.1: credentials that make a request too large for UDP make it leave by TCP', async () => {
    await guarded(new Pair({ clock: world.clock }).realm)
    const template = request('MESSAGE', `sip:${SERVER}`, { from: '<sip:bob@example.com>' })
    template.setBody('text/plain', 'x'.repeat(900))
    const pending = alice.request(template, { credentials: client() })
    await passed()
    expect((await pending).status).toBe(200)
    const ways = world.passages.filter(({ what }) => what === 'MESSAGE').map(({ to }) => to.slice(0, 3))
    expect(ways.map(way => way.toUpperCase())).toEqual(['UDP', 'TCP'])
  })

  it('a request that was cancelled, or abandoned, is not sent again', async () => {
    const peer: Peer = await world.peer(SERVER)
    const challenge = `WWW-Authenticate: Digest realm="${REALM}", nonce="1", qop="auth"\r\n`
    peer.onMessage = message => {
      if (message.isRequest && message.method === 'INVITE') peer.answer(message, 180)
      if (message.isRequest && message.method === 'CANCEL') {
        peer.answer(message, 200)
        const asked = peer.heard[0]
        if (asked !== undefined) peer.answer(asked, 401, 'peer', challenge)
      }
    }
    const told: number[] = []
    const outgoing = alice.send(
      invite(`sip:bob@${SERVER}`),
      { onFinal: final => told.push(final.status), onFailure() {}, onProvisional: () => outgoing.cancel() },
      { credentials: client() },
    )
    await passed(20)
    expect(told).toEqual([401])
    expect(peer.titles.filter(title => title === 'INVITE')).toHaveLength(1)
  })

  it('one that is cancelled when its repeat is told is not sent again, and ends with 487', async () => {
    await guarded(new Pair({ clock: world.clock }).realm)
    const told: number[] = []
    const outgoing = alice.send(
      invite(`sip:bob@${SERVER}`),
      { onFinal() {}, onFailure: failure => told.push(failure.status) },
      { credentials: client(), onRepeat: () => outgoing.cancel() },
    )
    await passed(20)
    expect(told).toEqual([487])
    expect(world.ladder).toEqual(['0 → INVITE', '1 ← 401', '2 → ACK'])
  })

  it('a CANCEL that reaches a guarded user matches nothing: 481 (§9.2)', async () => {
    const { realm } = new Pair({ clock: world.clock })
    const stack = await world.stack(SERVER)
    stack.addUser({ accepts: () => true, onRequest: transaction => realm.authenticate(transaction) })
    const peer = await world.peer('192.0.2.7')
    peer.send(
      'CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n' +
        'To: <sip:b@c>\r\nCall-ID: 1\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n',
      SERVER,
    )
    await passed()
    expect(peer.titles).toEqual(['481'])
  })
})

describe('RFC 3261 §22.3: a proxy that keeps nothing', () => {
  it('asks with 407, takes its own credentials out and forwards', async () => {
    const { realm } = new Pair({ clock: world.clock, proxy: true })
    const proxy = await world.stack('192.0.2.5')
    proxy.onMessage(async message => {
      if (message.isResponse) {
        proxy.forwardResponse(message)
        return
      }
      const verdict = await realm.check(message)
      if (verdict.kind === 'refused')
        proxy.reply(message, verdict.fill(proxy.statelessResponse(message, verdict.status, verdict.reason)))
      else proxy.forward(message, realm.strip(message.forward()))
    })
    const peer = await world.peer(SERVER)
    peer.onMessage = message => peer.answer(message, 200)
    const pending = alice.request(request('OPTIONS', `sip:${SERVER}`, { from: '<sip:bob@example.com>' }), {
      credentials: client(),
      targets: targets('UDP', '192.0.2.5'),
    })
    await passed()
    expect((await pending).status).toBe(200)
    expect(peer.heard.map(message => message.has(h.ProxyAuthorization))).toEqual([false])
  })
})
