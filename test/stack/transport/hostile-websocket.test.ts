import { SipStack, type StackOptions, type WebSocketOptions } from 'resip/stack'
import { afterEach, describe, expect, test } from 'vitest'
import {
  BINARY,
  type FrameParts,
  frame,
  PING,
  PONG,
  type UpgradeParts,
  upgradeRequest,
  WebSocketPeer,
} from '../../net/websocket-peer.ts'
import { requestText } from '../world.ts'

/** What peers do to a running stack over WebSocket on loop-back. */
let stack: SipStack
let port: number
const peers: WebSocketPeer[] = []

async function listening(
  websocket: WebSocketOptions = {},
  limits: StackOptions['limits'] = {},
): Promise<void> {
  stack = new SipStack({ limits, websocket })
  stack.onRequest(transaction => void transaction.respond(200))
  await stack.listen('ws:127.0.0.1:0')
  port = stack.transports[0]?.local.port ?? 0
}

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy()
  await stack.close()
})

async function raw(): Promise<WebSocketPeer> {
  const peer = await WebSocketPeer.connect(port)
  peers.push(peer)
  return peer
}

async function open(parts?: UpgradeParts): Promise<WebSocketPeer> {
  const peer = await WebSocketPeer.open(port, parts)
  peers.push(peer)
  return peer
}

/** Still there, and heard. */
async function answers(peer: WebSocketPeer): Promise<void> {
  peer.send(requestText('OPTIONS'))
  expect(await peer.text()).toMatch(/^SIP\/2\.0 200 /)
}

describe('RFC 7118 §4.1 the hand-shake', () => {
  test.each<[string, string, RegExp]>([
    ['without a sub-protocol', upgradeRequest({ protocol: undefined }), /^HTTP\/1\.1 400 /],
    ['of another sub-protocol', upgradeRequest({ protocol: 'chat, sips' }), /^HTTP\/1\.1 400 /],
    [
      'that asks for no WebSocket',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      /^HTTP\/1\.1 426 .*Upgrade: websocket/s,
    ],
    ['of another version', upgradeRequest({ version: '12' }), /^HTTP\/1\.1 426 .*Version: 13/s],
    ['by POST', upgradeRequest({ method: 'POST' }), /^HTTP\/1\.1 400 /],
    ['that is no HTTP', requestText('OPTIONS'), /^HTTP\/1\.1 400 /],
    ['that is too large', upgradeRequest({ extra: `X: ${'x'.repeat(9000)}\r\n` }), /^HTTP\/1\.1 431 /],
  ])('a request %s is refused in words', async (_, request, answer) => {
    await listening()
    const peer = await raw()
    peer.socket.write(request)
    expect(await peer.head()).toMatch(answer)
    await peer.closed()
    expect(stack.counters.refusedUpgrades).toBe(1)
  })

  test('`sip` among others is chosen, and no extension', async () => {
    await listening()
    const peer = await raw()
    const extra = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'
    peer.socket.write(upgradeRequest({ protocol: 'chat, sip', extra }))
    const answer = await peer.head()
    expect(answer).toMatch(/^HTTP\/1\.1 101 .*Sec-WebSocket-Protocol: sip\r\n/s)
    expect(answer).not.toContain('Extensions')
    await answers(peer)
  })

  test('who does not come to an end is cut off, though it goes on a byte at a time', async () => {
    await listening({ handshakeTimeout: 200 })
    const peer = await raw()
    const bytes = upgradeRequest()
    let at = 0
    const dribble = setInterval(() => peer.socket.write(bytes.charAt(at++)), 20)
    await peer.closed()
    clearInterval(dribble)
    expect(at).toBeLessThan(bytes.length)
    expect(stack.counters.refusedUpgrades).toBe(1)
  })

  test('hand-shakes under way are bounded; who is done makes room', async () => {
    await listening({ maxHandshakes: 2 })
    const first = await raw()
    await raw()
    const third = await raw()
    await third.closed()
    first.socket.write(upgradeRequest())
    expect(await first.head()).toMatch(/^HTTP\/1\.1 101 /)
    await answers(await open())
  })

  test('connections are bounded', async () => {
    await listening({}, { maxConnections: 1 })
    const first = await open()
    const second = await raw()
    await second.closed()
    await answers(first)
  })
})

describe('RFC 7118 §7 who may connect', () => {
  const head = async (extra: string, path = '/'): Promise<string> => {
    const peer = await raw()
    peer.socket.write(upgradeRequest({ extra, path }))
    return peer.head()
  }

  test('RFC 6455 §10.2 a page of another origin may not; what is no browser may', async () => {
    await listening({ origins: ['https://phone.example.com'] })
    expect(await head('Origin: https://evil.example\r\n')).toMatch(/^HTTP\/1\.1 403 /)
    expect(await head('Origin: null\r\n')).toMatch(/^HTTP\/1\.1 403 /)
    expect(await head('Origin: https://Phone.example.com\r\n')).toMatch(/^HTTP\/1\.1 101 /)
    expect(await head('')).toMatch(/^HTTP\/1\.1 101 /)
  })

  test('a cookie, a path and an address are looked at, at once or later', async () => {
    await listening({
      check: async request => {
        await Promise.resolve()
        if (request.target === '/open' && request.remote.address === '127.0.0.1') return true
        if (request.cookie('session') === 'good') return true
        return { status: 401, challenge: 'Basic realm="x"' }
      },
    })
    expect(await head('', '/open')).toMatch(/^HTTP\/1\.1 101 /)
    expect(await head('Cookie: a=b; session="good"\r\n')).toMatch(/^HTTP\/1\.1 101 /)
    expect(await head('Cookie: session=bad\r\n')).toMatch(
      /^HTTP\/1\.1 401 .*WWW-Authenticate: Basic realm="x"\r\n/s,
    )
  })

  test('a check that throws refuses with 500, one that does not end with 503; one that answers nonsense lets nobody in', async () => {
    const check = (request: { readonly target: string }): Promise<boolean> => {
      if (request.target === '/throw') throw new Error('thrown')
      if (request.target === '/reject') return Promise.reject(new Error('rejected'))
      if (request.target === '/never') return new Promise(() => {})
      return Promise.resolve(JSON.parse('{"status":"200\\r\\nX: y","challenge":"a\\r\\nb"}'))
    }
    await listening({ check, handshakeTimeout: 200 })
    expect(await head('', '/throw')).toMatch(/^HTTP\/1\.1 500 /)
    expect(await head('', '/reject')).toMatch(/^HTTP\/1\.1 500 /)
    expect(await head('', '/never')).toMatch(/^HTTP\/1\.1 503 /)
    const nonsense = await head('', '/')
    expect(nonsense).toMatch(/^HTTP\/1\.1 403 /)
    expect(nonsense).not.toContain('WWW-Authenticate')
    expect(stack.counters.handlerErrors).toBe(2)
  })
})

describe('options that are none', () => {
  test.each<[WebSocketOptions, string]>([
    [{ maxHandshakes: Number.NaN }, 'websocket.maxHandshakes is NaN'],
    [{ handshakeTimeout: Number.POSITIVE_INFINITY }, 'websocket.handshakeTimeout is Infinity'],
    [{ pingInterval: -1 }, 'websocket.pingInterval is -1'],
    [{ origins: ['https://phone.example.com/'] }, 'websocket.origins is https://phone.example.com/'],
    [{ origins: ['phone.example.com'] }, 'websocket.origins is phone.example.com'],
  ])('%j is refused by listen', async (options, text) => {
    await expect(listening(options)).rejects.toThrow(text)
  })

  test('origins of apps, and null, are origins', async () => {
    await listening({ origins: ['capacitor://localhost', 'null', 'HTTPS://a.example:8443'] })
    await answers(await open({ extra: 'Origin: capacitor://localhost\r\n' }))
    await answers(await open({ extra: 'Origin: null\r\n' }))
  })
})

describe('RFC 7118 §5 messages', () => {
  test('§4.2 text and binary alike are heard; what is UTF-8 is answered as text', async () => {
    await listening()
    const peer = await open()
    for (const opcode of [undefined, BINARY]) {
      peer.send(
        requestText('OPTIONS', { extra: 'Subject: Grüße\r\n' }),
        opcode === undefined ? {} : { opcode },
      )
      const answer = await peer.frame()
      expect(answer?.opcode).toBe(1)
      expect(answer?.payload.toString()).toMatch(/^SIP\/2\.0 200 /)
    }
  })

  test('§4.2 an answer that is no UTF-8 comes as binary', async () => {
    await listening()
    const peer = await open()
    const [start = '', ...lines] = requestText('OPTIONS').split('\r\n')
    const text = [start, ...lines.map(line => line.replace(/^(Call-ID: )/, '$1\xff'))].join('\r\n')
    peer.send(Buffer.from(text, 'latin1'), { opcode: BINARY })
    const answer = await peer.frame()
    expect(answer?.opcode).toBe(BINARY)
  })

  test('Content-Length is not needed', async () => {
    await listening()
    const peer = await open()
    peer.send(requestText('OPTIONS').replace(/Content-Length: 0\r\n/, ''))
    expect(await peer.text()).toMatch(/^SIP\/2\.0 200 /)
  })

  test('a message of two is answered with 400, and none of them is handled', async () => {
    await listening()
    const peer = await open()
    peer.send(requestText('OPTIONS') + requestText('OPTIONS'))
    expect(await peer.text()).toMatch(/^SIP\/2\.0 400 /)
    expect(stack.counters.requestsIn.OPTIONS).toBe(0)
    peer.send(`${requestText('OPTIONS')}\r\n`)
    expect(await peer.text()).toMatch(/^SIP\/2\.0 200 /)
  })

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['a word', 'hello'],
    ['STUN', Buffer.from('000100002112a442000000000000000000000000', 'hex')],
    ['JSON', '{"a":1}'],
  ])('what is no SIP is dropped: %s', async (_, payload) => {
    await listening()
    const peer = await open()
    peer.send(payload, { opcode: BINARY })
    await answers(peer)
    expect(stack.counters.malformed + stack.counters.keepAlives).toBe(1)
  })

  test('a request that lacks what it needs is answered, and the connection stays', async () => {
    await listening()
    const peer = await open()
    peer.send(requestText('OPTIONS').replace(/CSeq: .*\r\n/, 'CSeq: x\r\n'))
    expect(await peer.text()).toMatch(/^SIP\/2\.0 400 /)
    await answers(peer)
  })

  test('RFC 5626 §4.4.1, RFC 7118 §6 two line ends are answered with one', async () => {
    await listening()
    const peer = await open()
    peer.send('\r\n\r\n')
    expect(await peer.text()).toBe('\r\n')
    peer.send('\r\n')
    await answers(peer)
  })

  test('a message in fragments with a ping among them is one', async () => {
    await listening()
    const peer = await open()
    const text = requestText('OPTIONS')
    peer.send(text.slice(0, 10), { final: false })
    peer.send('?', { opcode: PING })
    peer.send(text.slice(10, 50), { opcode: 0, final: false })
    peer.send(text.slice(50), { opcode: 0 })
    const [one, other] = [await peer.frame(), await peer.frame()]
    expect([one?.opcode, other?.opcode].sort()).toEqual([1, PONG].sort())
  })
})

describe('RFC 6455 frames that break the rules', () => {
  const most = 10_000

  test.each<[string, Buffer[], number]>([
    ['no mask (§5.1)', [frame('x', { masked: false })], 1002],
    ['text that is no UTF-8 (§8.1)', [frame(Buffer.from([0xc3, 0x28]))], 1007],
    ['a reserved bit (§5.2)', [frame('x', { reserved: 0x40 })], 1002],
    ['an opcode that is none', [frame('x', { opcode: 3 })], 1002],
    ['a continuation of nothing (§5.4)', [frame('x', { opcode: 0 })], 1002],
    ['a ping in fragments (§5.5)', [frame('x', { opcode: PING, final: false })], 1002],
    ['a ping of 126 bytes (§5.5)', [frame('x'.repeat(126), { opcode: PING })], 1002],
    ['a frame that says it is too large, none of which came', [frame('', { length: most + 1 })], 1009],
    ['a frame of 2^63 bytes', [frame('', { length: 2 ** 63 })], 1009],
    [
      'fragments that are too large together, the last of which did not come',
      [frame('x'.repeat(most), { final: false }), frame('', { opcode: 0, length: 1 })],
      1009,
    ],
    [
      'two thousand fragments without a byte',
      [
        frame('', { final: false }),
        ...Array.from({ length: 2000 }, () => frame('', { opcode: 0, final: false })),
      ],
      1008,
    ],
  ])('%s', async (_, frames, code) => {
    await listening({}, { maxMessageBytes: most })
    const peer = await open()
    peer.socket.write(Buffer.concat(frames))
    expect(await peer.closeCode()).toBe(code)
    await peer.closed()
    await expect.poll(() => stack.counters.brokenWebSockets).toBe(1)
    await answers(await open())
  })
})

describe('bounds', () => {
  test('RFC 6455 §5.5.3 of pings that come together the last is answered', async () => {
    await listening()
    const peer = await open()
    const pings = Array.from({ length: 50 }, (_, number) => frame(String(number), { opcode: PING }))
    peer.socket.write(Buffer.concat(pings))
    expect((await peer.frame())?.payload.toString()).toBe('49')
    await answers(peer)
  })

  test.each<[string, FrameParts]>([
    ['pings', { opcode: PING }],
    ['pongs nobody asked for', { opcode: PONG }],
  ])('a flood of %s ends', async (_, parts) => {
    await listening()
    const peer = await open()
    peer.socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => frame('x', parts))))
    await peer.closed()
    expect(stack.counters.controlFloods).toBe(1)
    await answers(await open())
  })

  test('messages that many begin and do not end are bounded together; who ends one is answered', async () => {
    await listening({}, { maxUnfinishedBytes: 300_000 })
    const begun = frame('x'.repeat(70_000), { final: false })
    const hostile = await Promise.all(Array.from({ length: 8 }, () => open()))
    for (const peer of hostile) peer.socket.write(begun)
    await expect.poll(() => stack.counters.crowdedStreams).toBeGreaterThan(0)
    await answers(await open())
  })

  test('a byte at a time costs as much as what is kept for it', async () => {
    await listening({}, { maxUnfinishedBytes: 10_000 })
    const peer = await open()
    const text = frame(requestText('OPTIONS', { body: 'x'.repeat(500) }), { final: false })
    const dribble = setInterval(() => peer.socket.write(text.subarray(0, 1)), 2)
    peer.socket.write(text)
    await peer.closed()
    clearInterval(dribble)
    expect(stack.counters.crowdedStreams + stack.counters.brokenWebSockets).toBe(1)
  })

  test('RFC 3261 §18.3 a message that does not end in time is cut off, though frames and pings go on', async () => {
    await listening({}, { messageTimeout: 200 })
    const peer = await open()
    peer.send('OPTIONS ', { final: false })
    const dribble = setInterval(() => peer.socket.write(frame('x', { opcode: 0, final: false })), 20)
    await peer.closed()
    clearInterval(dribble)
    expect(stack.counters.slowSenders).toBe(1)
  })

  test('a WebSocket that says nothing is no slow sender: its hand-shake spoke', async () => {
    await listening({}, { messageTimeout: 100 })
    const peer = await open()
    await new Promise(resolve => setTimeout(resolve, 250))
    await answers(peer)
  })

  test('who does not read is cut off', async () => {
    await listening({}, { maxBufferedBytes: 65_536 })
    const peer = await open()
    peer.socket.pause()
    const request = frame(requestText('OPTIONS', { extra: `Via: SIP/2.0/UDP a;x=${'x'.repeat(20_000)}\r\n` }))
    const write = (): void => {
      while (peer.socket.write(request) === true) {}
    }
    peer.socket.on('drain', write)
    write()
    await expect.poll(() => stack.counters.slowReaders, { timeout: 20_000 }).toBe(1)
  })
})

describe('RFC 7118 §6, RFC 6455 §5.5.2 pings of ours', () => {
  test('who does not answer is closed; who does stays', async () => {
    await listening({ pingInterval: 100, pongTimeout: 200 })
    const [silent, polite] = [await open(), await open()]
    let pings = 0
    const answering = (async () => {
      for (let ping = await polite.frame(); ping !== undefined; ping = await polite.frame()) {
        pings++
        polite.send(ping.payload, { opcode: PONG })
      }
    })()
    await silent.closed()
    await expect.poll(() => pings).toBeGreaterThan(3)
    expect(stack.counters.lostPongs).toBe(1)
    expect(polite.isClosed).toBe(false)
    polite.socket.destroy()
    await answering
  })
})
