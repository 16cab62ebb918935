import { describe, expect, it } from 'vitest'
import {
  AlternateServer,
  ErrorCode,
  LongTermAuthentication,
  longTermKey,
  MappedAddress,
  MessageIntegrity,
  MessageIntegritySha256,
  method,
  Nonce,
  nodeHash,
  nonceWith,
  Padding,
  PasswordAlgorithm,
  PasswordAlgorithms,
  parseStun,
  passwordAlgorithm,
  Realm,
  ShortTermAuthentication,
  StunClient,
  type StunClientOptions,
  type StunCredentials,
  StunErrorResponse,
  StunMessage,
  StunWriter,
  shortTermKey,
  type TransportAddress,
  Userhash,
  Username,
  valued,
  XorMappedAddress,
} from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

const server = { address: '192.0.2.1', port: 3478 }
const other = { address: '192.0.2.2', port: 3478 }
const mapped = { address: '198.51.100.7', port: 40000 }
const credentials: StunCredentials = { username: 'alice', password: 'secret' }
const noParameters = new Uint8Array(0)

type Answer = (request: StunMessage, to: TransportAddress) => StunWriter | undefined

/** A client whose server is a list of answers, one a request; what happens is told as a ladder. */
function setUp(answers: Answer[], options: Partial<StunClientOptions> = {}, reliable = false) {
  const clock = new SimulatedClock()
  const ladder: string[] = []
  const requests: StunMessage[] = []
  const client: StunClient = new StunClient({
    transport: {
      reliable,
      send(bytes, to) {
        const request = parsed(bytes)
        requests.push(request)
        ladder.push(`${clock.now()} → ${to.address}`)
        const response = answers.shift()?.(request, to)
        if (response) client.receive(response.finish(), to)
      },
    },
    server,
    timers: new Timers(clock),
    random: seededRandom(1),
    ...options,
  })
  const ask = (asked: number = method.Binding): void => {
    client.request(
      { method: asked },
      {
        onSuccess: response => {
          const address = response.get(XorMappedAddress) ?? response.get(MappedAddress)
          ladder.push(`${clock.now()} success ${address?.address}:${address?.port}`)
        },
        onFailure: failure => {
          const status = failure instanceof StunErrorResponse ? ` ${failure.status} ${failure.reason}` : ''
          ladder.push(`${clock.now()} ${failure.code}${status}`)
        },
      },
    )
  }
  return { clock, client, ladder, requests, ask }
}

const succeed: Answer = request => StunWriter.responseTo(request, 'success').add(XorMappedAddress, mapped)

const refuse =
  (code: number, realm?: string, nonce?: string): Answer =>
  request => {
    const response = StunWriter.responseTo(request, 'error').add(ErrorCode, { code, reason: 'No' })
    if (realm !== undefined) response.add(Realm, realm)
    if (nonce !== undefined) response.add(Nonce, nonce)
    return response
  }

const signed = (answer: Answer, realm = 'example.org'): Answer => {
  const key = longTermKey(credentials, realm, nodeHash)
  return (request, to) => answer(request, to)?.integrity(key)
}

const redirect =
  (to: TransportAddress): Answer =>
  request =>
    StunWriter.responseTo(request, 'error')
      .add(ErrorCode, { code: 300, reason: 'Try' })
      .add(AlternateServer, to)

describe('STUN client', () => {
  it('hands over the response to a Binding request (RFC 8489 §6.3.3)', () => {
    const { ladder, ask, client } = setUp([succeed])
    ask()
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 success 198.51.100.7:40000'])
    expect(client.pending).toBe(0)
  })

  it('retransmits the same octets, and takes the first response only', () => {
    const { ladder, requests, clock, ask, client } = setUp([() => undefined, succeed])
    ask()
    clock.advance(10_000)
    expect(ladder).toEqual(['0 → 192.0.2.1', '500 → 192.0.2.1', '500 success 198.51.100.7:40000'])
    expect(requests[1]?.bytes).toEqual(requests[0]?.bytes)
    const late = StunWriter.responseTo(request(requests[0]), 'success').finish()
    expect(client.receive(late, server)).toBe(true)
    expect(client.counters.unmatched).toBe(1)
  })

  it('leaves requests and indications to others, and counts what is malformed', () => {
    const { client } = setUp([])
    expect(client.receive(new StunWriter(1, 'request', new Uint8Array(12)).finish(), server)).toBe(false)
    expect(client.receive(new Uint8Array(5), server)).toBe(true)
    expect(client.counters.truncated).toBe(1)
  })

  it('drops a response without a good fingerprint where it is used (RFC 8489 §7)', () => {
    const { client, ladder, ask, clock } = setUp([succeed, (r, to) => succeed(r, to)?.fingerprint()], {
      fingerprint: true,
    })
    ask()
    clock.advance(500)
    expect(ladder.at(-1)).toBe('500 success 198.51.100.7:40000')
    expect(client.counters.badFingerprint).toBe(1)
  })

  it('fails on unknown comprehension-required attributes (RFC 8489 §6.3.3), not on those of RFC 3489', () => {
    const strange = setUp([(r, to) => succeed(r, to)?.addOctets(0x7ff0, noParameters)])
    strange.ask()
    expect(strange.ladder.at(-1)).toBe('0 ERR_STUN_UNUSABLE')
    const old = setUp([
      r =>
        StunWriter.responseTo(r, 'success').add(MappedAddress, mapped).addOctets(0x000b, new Uint8Array(8)),
    ])
    old.ask()
    expect(old.ladder.at(-1)).toBe('0 success 198.51.100.7:40000')
  })

  it('fails on an error response without ERROR-CODE (RFC 8489 §6.3.4)', () => {
    const { ladder, ask } = setUp([r => StunWriter.responseTo(r, 'error')])
    ask()
    expect(ladder.at(-1)).toBe('0 ERR_STUN_UNUSABLE')
  })

  it('remembers the round trip for the next RTO, but not of a retransmitted request (RFC 8489 §6.2.1)', () => {
    const { client, clock, ladder, requests, ask } = setUp([])
    ask()
    clock.advance(400)
    client.receive(StunWriter.responseTo(request(requests[0]), 'success').finish(), server)
    ask()
    clock.advance(1200)
    expect(ladder).toEqual([
      '0 → 192.0.2.1',
      '400 success undefined:undefined',
      '400 → 192.0.2.1',
      '1600 → 192.0.2.1',
    ])
  })

  it('tells a transport that cannot send, a line that is full, and nothing once cancelled', () => {
    const { client, clock, ladder, ask } = setUp([], { limit: 1 })
    ask()
    ask()
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 ERR_STUN_TRANSPORT'])
    client.close()
    const user = { onSuccess: () => ladder.push('success'), onFailure: () => ladder.push('failure') }
    const broken = new StunClient({
      transport: {
        reliable: false,
        send() {
          throw new Error('no route')
        },
      },
      server,
      timers: new Timers(clock),
      random: seededRandom(1),
    })
    broken.request({ method: 1 }, user)
    expect(ladder.at(-1)).toBe('failure')
    const other = setUp([])
    other.client.request({ method: 1 }, user).cancel()
    other.clock.advance(60_000)
    expect([other.ladder, other.client.pending, ladder.length]).toEqual([['0 → 192.0.2.1'], 0, 3])
  })

  it('has ten requests under way at most, the others wait their turn (RFC 8489 §6.2)', () => {
    const { client, clock, ladder, requests, ask } = setUp([])
    for (let i = 0; i < 12; i++) ask()
    expect([requests.length, client.pending]).toEqual([10, 12])
    client.receive((succeed(request(requests[3]), server) ?? fail()).finish(), server)
    expect([requests.length, client.pending]).toEqual([11, 11])
    client.request({ method: 1 }, { onSuccess: fail, onFailure: fail }).cancel()
    clock.advance(100_000)
    expect(ladder.filter(line => line.endsWith('TIMEOUT'))).toEqual([
      ...new Array(10).fill('39500 ERR_STUN_TIMEOUT'),
      '79000 ERR_STUN_TIMEOUT',
    ])
    expect(client.pending).toBe(0)
  })

  it('runs through a long line of requests that fail at once', () => {
    let works = true
    let failed = 0
    const client = new StunClient({
      transport: {
        reliable: false,
        send() {
          if (!works) throw new Error('no route')
        },
      },
      server,
      timers: new Timers(new SimulatedClock()),
      random: seededRandom(1),
      limit: 20_000,
    })
    for (let i = 0; i < 20_000; i++)
      client.request({ method: 1 }, { onSuccess: fail, onFailure: () => failed++ })
    works = false
    client.transportFailed(new Error('gone'))
    expect([failed, client.pending]).toEqual([20_000, 0])
  })

  it('is not stuck by a user that throws, and tells what it threw', () => {
    const errors: unknown[] = []
    const onCallbackError = (error: unknown): void => {
      errors.push(error)
    }
    const { client, clock, requests, ask } = setUp([], { outstanding: 1, onCallbackError })
    const user = {
      onSuccess() {
        throw new Error('mine')
      },
      onFailure: fail,
    }
    client.request({ method: 1 }, user)
    ask()
    const answer = (succeed(request(requests[0]), server) ?? fail()).finish()
    expect(client.receive(answer, server)).toBe(true)
    expect(errors).toEqual([new Error('mine')])
    expect([requests.length, client.pending]).toEqual([2, 1])
    clock.advance(100_000)
    expect(client.pending).toBe(0)
  })

  it('sends indications once, unsigned and without waiting (RFC 8489 §6.3.2)', () => {
    const { client, clock, requests } = setUp([], {
      authentication: new ShortTermAuthentication(credentials, nodeHash),
      fingerprint: true,
    })
    client.indicate({ method: 1 })
    clock.advance(60_000)
    expect(requests.map(one => [one.class, one.types(), client.pending])).toEqual([
      ['indication', [0x8028], 0],
    ])
  })

  it('tells a failed transport and a closed client', () => {
    const { client, ladder, ask } = setUp([])
    ask()
    client.transportFailed(new Error('unreachable'))
    expect(ladder.at(-1)).toBe('0 ERR_STUN_TRANSPORT')
    ask()
    client.close()
    expect(client.pending).toBe(0)
    expect(ask).toThrow('closed')
    expect(ladder).toHaveLength(3)
  })
})

describe('long-term credentials (RFC 8489 §9.2)', () => {
  const authentication = () => new LongTermAuthentication(credentials, nodeHash)

  it('sends the first request bare, answers the 401 once, and signs from then on (§9.2.3)', () => {
    const { ladder, requests, ask } = setUp(
      [refuse(401, 'example.org', 'n1'), signed(succeed), signed(succeed)],
      { authentication: authentication() },
    )
    ask()
    ask()
    expect(ladder.filter(line => line.includes('success'))).toHaveLength(2)
    expect(requests.map(r => [r.get(Username), r.get(Realm), r.get(Nonce), r.has(MessageIntegrity)])).toEqual(
      [
        [undefined, undefined, undefined, false],
        ['alice', 'example.org', 'n1', true],
        ['alice', 'example.org', 'n1', true],
      ],
    )
    expect(new Set(requests.map(r => r.transactionKey)).size).toBe(3)
  })

  it('does not try the same credentials twice (§9.2.5)', () => {
    const { ladder, ask } = setUp([refuse(401, 'example.org', 'n1'), refuse(401, 'example.org', 'n2')], {
      authentication: authentication(),
    })
    ask()
    expect(ladder.slice(2)).toEqual(['0 ERR_STUN_RESPONSE 401 No'])
  })

  it('takes a new nonce from a 438, and stops when the server never has enough (§9.2.5)', () => {
    const stale = setUp([refuse(401, 'example.org', 'n1'), refuse(438, undefined, 'n2'), signed(succeed)], {
      authentication: authentication(),
    })
    stale.ask()
    expect(stale.requests.map(r => r.get(Nonce))).toEqual([undefined, 'n1', 'n2'])
    expect(stale.ladder.at(-1)).toBe('0 success 198.51.100.7:40000')
    const answers = Array.from({ length: 20 }, (_, i) => refuse(i === 0 ? 401 : 438, 'example.org', `n${i}`))
    const endless = setUp(answers, { authentication: authentication() })
    endless.ask()
    expect(endless.requests).toHaveLength(4)
    expect(endless.ladder.at(-1)).toBe('0 ERR_STUN_RESPONSE 438 No')
  })

  it('discards an unsigned or wrongly signed response (§9.2.5)', () => {
    const { client, clock, ladder, ask } = setUp(
      [refuse(401, 'example.org', 'n1'), succeed, signed(succeed, 'elsewhere'), signed(succeed)],
      { authentication: authentication() },
    )
    ask()
    clock.advance(5000)
    expect(ladder.at(-1)).toBe('1500 success 198.51.100.7:40000')
    expect(client.counters.badIntegrity).toBe(2)
  })

  it('discards an unsigned 400 to a signed request (§9.2.5)', () => {
    const { clock, ladder, ask } = setUp([refuse(401, 'example.org', 'n1'), refuse(400)], {
      authentication: authentication(),
    })
    ask()
    clock.advance(60_000)
    expect(ladder.at(-1)).toBe('39500 ERR_STUN_INTEGRITY')
  })

  it('answers challenges to requests that are under way together, each for itself', () => {
    const { client, ladder, requests, ask } = setUp([], { authentication: authentication() })
    const answerAll = (from: number, answer: Answer): void => {
      for (const one of requests.slice(from)) client.receive((answer(one, server) ?? fail()).finish(), server)
    }
    ask()
    ask()
    answerAll(0, refuse(401, 'example.org', 'n1'))
    answerAll(2, refuse(438, 'example.org', 'n2'))
    answerAll(4, signed(succeed))
    expect(requests.map(one => one.get(Nonce))).toEqual([undefined, undefined, 'n1', 'n1', 'n2', 'n2'])
    expect(ladder.filter(line => line.includes('success'))).toHaveLength(2)
  })

  it('echoes realm and nonce octet for octet, whatever they are', () => {
    const nonce = new Uint8Array(763).fill(0xe9)
    const { ladder, requests, ask } = setUp(
      [(r, to) => refuse(401, 'example.org')(r, to)?.addOctets(0x0015, nonce), signed(succeed)],
      { authentication: authentication() },
    )
    ask()
    const offset = request(requests[1]).find(0x0015)
    expect(new Uint8Array(request(requests[1]).bytes.subarray(offset, offset + 763))).toEqual(nonce)
    expect(ladder.at(-1)).toBe('0 success 198.51.100.7:40000')
  })

  it('fails, and does not throw, where a challenge makes the request too large', () => {
    const { client, requests } = setUp([], { authentication: authentication() })
    const seen: string[] = []
    client.request(
      { method: 1, attributes: [valued(Padding, new Uint8Array(65_500))] },
      { onSuccess: () => seen.push('success'), onFailure: failure => seen.push(failure.code) },
    )
    const challenge = refuse(401, 'example.org', 'n1')(request(requests[0]), server)
    client.receive((challenge ?? fail()).finish(), server)
    expect(seen).toEqual(['ERR_STUN_TRANSPORT'])
    expect(client.pending).toBe(0)
  })

  it('takes unsigned errors where told to, but no wrongly signed ones', () => {
    const lenient = new LongTermAuthentication(credentials, nodeHash, { unsignedErrors: 'accept' })
    const { client, clock, ladder, ask } = setUp(
      [refuse(401, 'example.org', 'n1'), signed(refuse(437), 'elsewhere'), refuse(437)],
      { authentication: lenient },
    )
    ask()
    clock.advance(5000)
    expect(ladder.at(-1)).toBe('500 ERR_STUN_RESPONSE 437 No')
    expect(client.counters.badIntegrity).toBe(1)
  })

  it('stops on a challenge whose offer of algorithms was taken away (§9.2.1)', () => {
    const nonce = nonceWith({ passwordAlgorithms: true, usernameAnonymity: false }, 'n1')
    const { ladder, ask } = setUp([refuse(401, 'example.org', nonce)], { authentication: authentication() })
    ask()
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 ERR_STUN_RESPONSE 401 No'])
  })

  it('chooses the first algorithm it knows, hides the name, and uses SHA-256 (§9.2.5, §14.4)', () => {
    const nonce = nonceWith({ passwordAlgorithms: true, usernameAnonymity: true }, 'n1')
    const offered = [99, passwordAlgorithm.SHA256, passwordAlgorithm.MD5].map(algorithm => ({
      algorithm,
      parameters: noParameters,
    }))
    const key = longTermKey(credentials, 'example.org', nodeHash, 'sha256')
    const { ladder, requests, ask } = setUp(
      [
        (r, to) => refuse(401, 'example.org', nonce)(r, to)?.add(PasswordAlgorithms, offered),
        (r, to) => succeed(r, to)?.integritySha256(key),
      ],
      { authentication: authentication() },
    )
    ask()
    const second = request(requests[1])
    expect(second.get(PasswordAlgorithm)?.algorithm).toBe(passwordAlgorithm.SHA256)
    expect(second.get(PasswordAlgorithms)).toEqual(offered)
    expect([second.has(Username), second.has(Userhash), second.has(MessageIntegrity)]).toEqual([
      false,
      true,
      false,
    ])
    expect(second.has(MessageIntegritySha256)).toBe(true)
    expect(ladder.at(-1)).toBe('0 success 198.51.100.7:40000')
  })

  it('refuses credentials that can never be sent, at once', () => {
    expect(() => new LongTermAuthentication({ username: 'a\u0007', password: 'b' }, nodeHash)).toThrow(
      /SASLprep/,
    )
  })

  it('does not fail on a realm that cannot be prepared', () => {
    const { ladder, ask } = setUp([refuse(401, 'ex\u0000ample', 'n1')], { authentication: authentication() })
    ask()
    expect(ladder.at(-1)).toBe('0 ERR_STUN_RESPONSE 401 No')
  })
})

describe('short-term credentials (RFC 8489 §9.1)', () => {
  const key = shortTermKey(credentials.password, nodeHash)

  it('signs with both until the server has shown which it knows (§9.1.2, §9.1.5)', () => {
    const { requests, ladder, ask } = setUp(
      [(r, to) => succeed(r, to)?.integrity(key), (r, to) => succeed(r, to)?.integrity(key)],
      { authentication: new ShortTermAuthentication(credentials, nodeHash) },
    )
    ask()
    ask()
    expect(requests.map(r => [r.has(MessageIntegrity), r.has(MessageIntegritySha256)])).toEqual([
      [true, true],
      [true, false],
    ])
    expect(ladder.filter(line => line.includes('success'))).toHaveLength(2)
  })

  it('discards a response signed by the algorithm that it did not send (§9.1.4)', () => {
    const { client, ask } = setUp([(r, to) => succeed(r, to)?.integritySha256(key)], {
      authentication: new ShortTermAuthentication(credentials, nodeHash, { integrity: 'sha1' }),
    })
    ask()
    expect(client.counters.badIntegrity).toBe(1)
  })
})

describe('alternate server (RFC 8489 §10, RFC 8656 §7.4)', () => {
  it('asks the other server for the allocation, and stays with it', () => {
    const { ladder, client, ask } = setUp([redirect(other), succeed, succeed])
    ask(method.Allocate)
    ask(method.Refresh)
    expect(ladder.filter(line => line.includes('→'))).toEqual([
      '0 → 192.0.2.1',
      '0 → 192.0.2.2',
      '0 → 192.0.2.2',
    ])
    expect(client.server).toEqual(other)
  })

  it.each([
    ['Binding', method.Binding],
    ['Refresh', method.Refresh],
    ['CreatePermission', method.CreatePermission],
    ['ChannelBind', method.ChannelBind],
    ['Connect', method.Connect],
  ])('moves nobody by a 300 to %s', (_, asked) => {
    const { ladder, client, ask } = setUp([redirect(other)])
    ask(asked)
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 ERR_STUN_RESPONSE 300 Try'])
    expect(client.server).toEqual(server)
  })

  it('is not believed where the request was signed and the 300 is not (RFC 8489 §14.8)', () => {
    const authentication = new LongTermAuthentication(credentials, nodeHash, { unsignedErrors: 'accept' })
    const answers = [refuse(401, 'example.org', 'n'), redirect(other), signed(succeed)]
    const { ladder, client, clock, ask } = setUp(answers, { authentication })
    ask(method.Allocate)
    clock.advance(500)
    expect(ladder).toEqual([
      '0 → 192.0.2.1',
      '0 → 192.0.2.1',
      '500 → 192.0.2.1',
      '500 success 198.51.100.7:40000',
    ])
    expect(client.server).toEqual(server)
    expect(client.counters.badIntegrity).toBe(1)
  })

  it('is not sent in circles', () => {
    const { ladder, ask } = setUp([redirect(other), redirect(server)])
    ask(method.Allocate)
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 → 192.0.2.2', '0 ERR_STUN_RESPONSE 300 Try'])
  })

  it('keeps to its address family', () => {
    const { ladder, ask } = setUp([redirect({ address: '2001:db8::1', port: 3478 })])
    ask(method.Allocate)
    expect(ladder).toEqual(['0 → 192.0.2.1', '0 ERR_STUN_RESPONSE 300 Try'])
  })

  it('follows signed redirects only, where told so', () => {
    const options = { alternateServer: 'authenticated' } as const
    const bare = setUp([redirect(other)], options)
    bare.ask(method.Allocate)
    expect(bare.ladder).toHaveLength(2)
    const authentication = new LongTermAuthentication(credentials, nodeHash)
    const good = setUp([refuse(401, 'example.org', 'n'), signed(redirect(other)), succeed], {
      ...options,
      authentication,
    })
    good.ask(method.Allocate)
    expect(good.ladder.at(-1)).toBe('0 success 198.51.100.7:40000')
    expect(good.requests.at(-1)?.has(Nonce)).toBe(false)
  })

  it('is the application’s to open over a reliable transport', () => {
    const { ladder, ask } = setUp([redirect(other)], {}, true)
    ask(method.Allocate)
    expect(ladder.at(-1)).toBe('0 ERR_STUN_RESPONSE 300 Try')
  })
})

function fail(): never {
  throw new Error('no answer')
}

function parsed(bytes: Uint8Array): StunMessage {
  return request(parseStun(bytes))
}

function request(message: StunMessage | string | undefined): StunMessage {
  if (!(message instanceof StunMessage)) throw new Error(`no message: ${message}`)
  return message
}
