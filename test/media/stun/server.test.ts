import { describe, expect, it } from 'vitest'
import {
  type BindingAnswer,
  BindingServer,
  ChangeRequest,
  checkIntegrity,
  ErrorCode,
  LongTermAuthentication,
  LongTermServerAuthentication,
  type LongTermServerOptions,
  longTermKey,
  MappedAddress,
  MessageIntegrity,
  MessageIntegritySha256,
  Nonce,
  nodeHash,
  OtherAddress,
  Padding,
  PasswordAlgorithms,
  parseStun,
  Realm,
  ResponseOrigin,
  ResponsePort,
  ShortTermAuthentication,
  ShortTermServerAuthentication,
  Software,
  type StunAuthentication,
  StunClient,
  StunErrorResponse,
  StunMessage,
  StunWriter,
  shortTermKey,
  UnknownAttributes,
  Userhash,
  Username,
  XorMappedAddress,
} from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { hex } from './hex.ts'

const source = { address: '198.51.100.7', port: 40000 }
const local = { address: '192.0.2.1', port: 3478 }
const other = { address: '192.0.2.2', port: 3479 }
const id = hex('000102030405060708090a0b')
const alice = { username: 'alice', password: 'secret' }

function ask(server: BindingServer, request: StunWriter): StunMessage {
  return parsed(server.receive(request.finish(), source, local).answer)
}

describe('Binding server', () => {
  it('answers with XOR-MAPPED-ADDRESS (RFC 8489 §6.3.1.1)', () => {
    const response = ask(
      new BindingServer({ software: 'resip', fingerprint: false }),
      new StunWriter(1, 'request', id),
    )
    expect([response.class, response.method]).toEqual(['success', 1])
    expect(response.get(XorMappedAddress)).toEqual(source)
    expect(response.get(Software)).toBe('resip')
    expect(response.has(MappedAddress)).toBe(false)
  })

  it('gives a client of RFC 3489 MAPPED-ADDRESS and its own transaction id (RFC 5389 §12.2)', () => {
    const classic = hex('00112233445566778899aabbccddeeff')
    const response = ask(new BindingServer(), new StunWriter(1, 'request', classic))
    expect(response.get(MappedAddress)).toEqual(source)
    expect(response.has(XorMappedAddress)).toBe(false)
    expect(Buffer.from(response.transactionId)).toEqual(classic)
  })

  it('answers 420 with the list of what it does not know (RFC 8489 §6.3.1)', () => {
    const request = new StunWriter(1, 'request', id).addOctets(0x7f00, new Uint8Array(4))
    const response = ask(
      new BindingServer(),
      request.add(ChangeRequest, { changeIp: true, changePort: false }),
    )
    expect(response.get(ErrorCode)).toEqual({ code: 420, reason: 'Unknown Attribute' })
    expect(response.get(UnknownAttributes)).toEqual([0x7f00, 0x0003])
  })

  it('answers 400 to a known attribute that breaks its format, and counts it', () => {
    const server = new BindingServer()
    const response = ask(server, new StunWriter(1, 'request', id).addOctets(0x0024, new Uint8Array(3)))
    expect(response.get(ErrorCode)?.code).toBe(400)
    expect(server.counters.badRequests).toBe(1)
  })

  it('is silent on indications, responses, other methods, and what is no STUN (RFC 8489 §6.3.2)', () => {
    const server = new BindingServer()
    const silent = [
      new StunWriter(1, 'indication', id).finish(),
      new StunWriter(1, 'success', id).finish(),
      new StunWriter(3, 'request', id).finish(),
      hex('8000'),
    ]
    for (const bytes of silent) expect(server.receive(bytes, source, local)).toEqual({})
    expect([server.counters.ignored, server.counters.truncated]).toEqual([3, 1])
  })

  it('asks its judge after the credentials and the form, and tells what it answered (RFC 8445 §7.3.1.1)', () => {
    const asked: unknown[][] = []
    let verdict: 487 | 400 | undefined = 487
    const server = new BindingServer({
      authentication: new ShortTermServerAuthentication(
        name => (name === 'alice' ? 'secret' : undefined),
        nodeHash,
      ),
      judge: (...values) => {
        asked.push(values)
        return verdict
      },
    })
    const key = shortTermKey('secret', nodeHash)
    const signed = (): StunWriter => new StunWriter(1, 'request', id).add(Username, 'alice').integrity(key)
    const conflict = server.receive(signed().finish(), source, local)
    expect(conflict.verdict).toBe(487)
    const refusal = parsed(conflict.answer)
    expect(refusal.get(ErrorCode)).toEqual({ code: 487, reason: 'Role Conflict' })
    expect(checkIntegrity(refusal, key)).toBe('valid')
    expect(asked).toEqual([[conflict.request, 'alice', source, local]])
    verdict = undefined
    const good = server.receive(signed().finish(), source, local)
    expect([good.verdict, good.request?.get(Username), parsed(good.answer).class]).toEqual([
      'success',
      'alice',
      'success',
    ])
    const stranger = new StunWriter(1, 'request', id).add(Username, 'bob').integrity(key)
    expect(server.receive(stranger.finish(), source, local).verdict).toBe(401)
    const unknown = new StunWriter(1, 'request', id)
      .add(Username, 'alice')
      .addOctets(0x7f00, new Uint8Array(0))
      .integrity(key)
    expect(server.receive(unknown.finish(), source, local).verdict).toBe(420)
    expect(asked).toHaveLength(2)
  })

  it('answers 500 where its judge or its credentials throw', () => {
    const errors: unknown[] = []
    const failing = (): never => {
      throw new Error('mine')
    }
    const options = { onCallbackError: (error: unknown) => void errors.push(error) }
    const judged = new BindingServer({ ...options, judge: failing })
    const asked = new BindingServer({
      ...options,
      authentication: new ShortTermServerAuthentication(failing, nodeHash),
    })
    expect(ask(judged, new StunWriter(1, 'request', id)).get(ErrorCode)?.code).toBe(500)
    const signed = new StunWriter(1, 'request', id).add(Username, 'a').integrity(shortTermKey('b', nodeHash))
    expect(ask(asked, signed).get(ErrorCode)?.code).toBe(500)
    expect([errors.length, judged.callbackErrors, asked.callbackErrors]).toEqual([2, 1, 1])
  })

  it('wants a fingerprint where it is used (RFC 8489 §7)', () => {
    const server = new BindingServer({ fingerprint: true })
    expect(server.receive(new StunWriter(1, 'request', id).finish(), source, local)).toEqual({})
    expect(server.counters.badFingerprint).toBe(1)
    expect(ask(server, new StunWriter(1, 'request', id).fingerprint()).class).toBe('success')
  })

  it('answers from the address and to the port asked for (RFC 5780 §6.1)', () => {
    const server = new BindingServer({ other })
    const request = new StunWriter(1, 'request', id).add(ChangeRequest, { changeIp: true, changePort: true })
    const { answer } = server.receive(request.add(ResponsePort, 5000).finish(), source, local)
    expect([answer?.from, answer?.to]).toEqual([other, { address: source.address, port: 5000 }])
    expect([parsed(answer).get(ResponseOrigin), parsed(answer).get(OtherAddress)]).toEqual([other, other])
  })

  it('pads what was padded, up to an Ethernet’s datagram and never more than was asked (RFC 5780 §6.1)', () => {
    const padded = (octets: number): number | undefined =>
      ask(
        new BindingServer({ other }),
        new StunWriter(1, 'request', id).add(Padding, new Uint8Array(octets)),
      ).get(Padding)?.length
    expect([padded(64), padded(1500), padded(9000)]).toEqual([64, 1500, 1500])
    expect(ask(new BindingServer({ other }), new StunWriter(1, 'request', id)).has(Padding)).toBe(false)
  })
})

describe('Binding server with short-term credentials (RFC 8489 §9.1.3)', () => {
  const server = new BindingServer({
    authentication: new ShortTermServerAuthentication(
      name => (name === 'alice' ? 'secret' : undefined),
      nodeHash,
    ),
  })

  it('answers 400 without and 401 with wrong credentials, unsigned', () => {
    expect(ask(server, new StunWriter(1, 'request', id)).get(ErrorCode)?.code).toBe(400)
    for (const wrong of [
      { ...alice, username: 'bob' },
      { ...alice, password: 'guess' },
    ]) {
      const request = new StunWriter(1, 'request', id)
      new ShortTermAuthentication(wrong, nodeHash).sign(request)
      const response = ask(server, request)
      expect(response.get(ErrorCode)?.code).toBe(401)
      expect(response.has(MessageIntegrity) || response.has(MessageIntegritySha256)).toBe(false)
    }
  })

  it('signs with what the request was signed with', () => {
    for (const integrity of ['sha1', 'sha256', 'both'] as const) {
      const authentication = new ShortTermAuthentication(alice, nodeHash, { integrity })
      expect(outcome(server, authentication).ladder).toEqual(['success'])
    }
  })
})

describe('Binding server with long-term credentials (RFC 8489 §9.2.4)', () => {
  const users = new Map([['alice', 'secret']])
  let now = 1000
  const options: LongTermServerOptions = {
    realm: 'example.org',
    users,
    hash: nodeHash,
    secret: new Uint8Array(16),
    now: () => now,
  }
  const old = new BindingServer({ authentication: new LongTermServerAuthentication(options) })
  const current = new BindingServer({
    authentication: new LongTermServerAuthentication({ ...options, passwordAlgorithms: true }),
  })

  it('challenges, with the nonce cookie and the algorithms where it has them', () => {
    const first = ask(old, new StunWriter(1, 'request', id))
    expect([first.get(ErrorCode)?.code, first.get(Realm), first.has(PasswordAlgorithms)]).toEqual([
      401,
      'example.org',
      false,
    ])
    const second = ask(current, new StunWriter(1, 'request', id))
    expect(second.get(Nonce)).toMatch(/^obMatJos2wAAA/)
    expect(second.get(PasswordAlgorithms)?.map(one => one.algorithm)).toEqual([2, 1])
  })

  it('knows a user by hash without hashing all users for each request (§9.2.4)', () => {
    let hashed = 0
    const hash = {
      ...nodeHash,
      digest: (...args: Parameters<typeof nodeHash.digest>) => {
        hashed++
        return nodeHash.digest(...args)
      },
    }
    const many = new Map(Array.from({ length: 100 }, (_, i) => [`user${i}`, 'secret']))
    const authentication = new LongTermServerAuthentication({ ...options, users: many, hash })
    const before = hashed
    const request = new StunWriter(1, 'request', id).add(Userhash, new Uint8Array(32))
    request
      .add(Realm, 'example.org')
      .add(Nonce, 'any')
      .integrity(longTermKey(alice, 'example.org', nodeHash))
    expect(ask(new BindingServer({ authentication }), request).get(ErrorCode)?.code).toBe(401)
    expect(before).toBeGreaterThanOrEqual(100)
    expect(hashed).toBe(before)
  })

  it('lets our own client in, by user name or by its hash', () => {
    for (const server of [old, current]) {
      const { ladder, requests } = outcome(server, new LongTermAuthentication(alice, nodeHash))
      expect(ladder).toEqual(['success'])
      expect(requests.at(-1)?.has(Userhash)).toBe(server === current)
      expect(requests.at(-1)?.has(Username)).toBe(server === old)
    }
  })

  it('answers 438 to a nonce that has grown old, and the client goes on (§9.2.5)', () => {
    for (const server of [old, current]) {
      const authentication = new LongTermAuthentication(alice, nodeHash)
      outcome(server, authentication)
      now += 600_001
      const { ladder, requests } = outcome(server, authentication)
      expect(ladder).toEqual(['success'])
      expect(requests).toHaveLength(2)
    }
  })

  it('answers 401 to strangers and 400 to half a set of attributes', () => {
    for (const wrong of [
      { ...alice, username: 'bob' },
      { ...alice, password: 'guess' },
    ]) {
      expect(outcome(old, new LongTermAuthentication(wrong, nodeHash)).ladder).toEqual(['401'])
    }
    const key = longTermKey(alice, 'example.org', nodeHash)
    const half = new StunWriter(1, 'request', id).add(Username, 'alice').integrity(key)
    expect(ask(old, half).get(ErrorCode)?.code).toBe(400)
  })

  it('answers 400 where somebody has changed the list of algorithms (§9.2.4)', () => {
    const nonce = ask(current, new StunWriter(1, 'request', id)).get(Nonce) ?? ''
    const md5 = [{ algorithm: 1, parameters: new Uint8Array(0) }]
    const request = new StunWriter(1, 'request', id)
      .add(Username, 'alice')
      .add(Realm, 'example.org')
      .add(Nonce, nonce)
      .add(PasswordAlgorithms, md5)
      .integritySha256(longTermKey(alice, 'example.org', nodeHash))
    expect(ask(current, request).get(ErrorCode)?.code).toBe(400)
  })

  it('does not take a nonce that another address was given (§9.2.4)', () => {
    const nonce =
      parsed(old.receive(new StunWriter(1, 'request', id).finish(), other, local).answer).get(Nonce) ?? ''
    const key = longTermKey(alice, 'example.org', nodeHash)
    const request = new StunWriter(1, 'request', id)
      .add(Username, 'alice')
      .add(Realm, 'example.org')
      .add(Nonce, nonce)
    expect(ask(old, request.integrity(key)).get(ErrorCode)?.code).toBe(438)
  })
})

/** What our client, with `authentication`, gets from a server. */
function outcome(
  server: BindingServer,
  authentication: StunAuthentication,
): { ladder: string[]; requests: StunMessage[] } {
  const ladder: string[] = []
  const requests: StunMessage[] = []
  const client = new StunClient({
    server: local,
    timers: new Timers(new SimulatedClock()),
    random: seededRandom(5),
    authentication,
    transport: {
      reliable: false,
      send(bytes) {
        const request = parseStun(bytes)
        if (request instanceof StunMessage) requests.push(request)
        const { answer } = server.receive(bytes, source, local)
        if (answer) client.receive(answer.bytes, local)
      },
    },
  })
  client.request(
    { method: 1 },
    {
      onSuccess: response => ladder.push(response.get(XorMappedAddress) ? 'success' : 'no address'),
      onFailure: failure =>
        ladder.push(failure instanceof StunErrorResponse ? `${failure.status}` : failure.code),
    },
  )
  return { ladder, requests }
}

function parsed(answer: BindingAnswer | undefined): StunMessage {
  const message = answer && parseStun(answer.bytes)
  if (!(message instanceof StunMessage)) throw new Error(`no answer: ${message}`)
  return message
}
