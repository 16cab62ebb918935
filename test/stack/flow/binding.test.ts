import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { XorMappedAddress } from '../../../src/stun/attributes/address.ts'
import { ErrorCode, UnknownAttributes } from '../../../src/stun/attributes/general.ts'
import { checkFingerprint } from '../../../src/stun/integrity.ts'
import { parseStun, StunMessage } from '../../../src/stun/message.ts'
import { StunWriter } from '../../../src/stun/writer.ts'
import { deaf, World } from '../world.ts'

const SERVER = '192.0.2.2'

let world: World
let heard: Buffer[]

beforeEach(() => {
  world = new World()
  heard = []
})

afterEach(() => world.close())

const ID = Buffer.from('resip-flows!')
const binding = (): StunWriter => new StunWriter(1, 'request', ID)

/** What comes back for a datagram from `from`. */
async function ask(
  datagram: Buffer,
  from: string = '198.51.100.7',
  stateless: boolean = false,
): Promise<Buffer[]> {
  const server = await world.stack(from.includes(':') ? '2001:db8::2' : SERVER)
  if (stateless) server.onMessage(() => {})
  else server.addUser({ accepts: () => false, onRequest() {}, onStun: bytes => void strays.push(bytes) })
  const client = world.network.transport('UDP', from, 40_000)
  await client.open({ ...deaf, onDatagram: bytes => void heard.push(bytes) })
  const [to] = server.transports
  client.send(datagram.latin1Slice(), {
    protocol: 'UDP',
    transport: client.key,
    address: to?.local.address ?? '',
    port: 5060,
    connection: 0,
  })
  world.advance(0)
  return heard
}
const strays: Buffer[] = []

function parsed(bytes: Buffer | undefined): StunMessage {
  const message = parseStun(bytes ?? Buffer.alloc(0))
  if (message instanceof StunMessage) return message
  throw new Error(message)
}

describe('RFC 5626 §8 the limited STUN server on a SIP port', () => {
  test.each([
    ['198.51.100.7', false],
    ['198.51.100.7', true],
    ['2001:db8::7', false],
  ])('tells %s its address and port, and nothing else (a stateless stack: %s)', async (from, stateless) => {
    const [answer] = await ask(binding().finish(), from, stateless)
    const message = parsed(answer)
    expect([message.class, message.method, message.types()]).toEqual(['success', 1, [XorMappedAddress.type]])
    expect(message.transactionId.subarray(4)).toEqual(new Uint8Array(ID))
    expect(message.get(XorMappedAddress)).toEqual({ address: from, port: 40_000 })
    expect(heard).toHaveLength(1)
  })

  test('RFC 8489 §7.1 a request with FINGERPRINT gets one back, with a wrong one nothing', async () => {
    const [answer] = await ask(binding().fingerprint().finish())
    expect(checkFingerprint(parsed(answer))).toBe('valid')
    const wrong = binding().fingerprint().finish()
    wrong[27] = (wrong[27] ?? 0) ^ 1
    world = new World()
    expect(await ask(wrong)).toHaveLength(1)
  })

  test('RFC 8489 §6.3.1 what must be understood and is not: 420 with its types; what may be ignored is', async () => {
    const [answer] = await ask(
      binding()
        .addOctets(0x0003, Buffer.alloc(4))
        .addOctets(0x7777, Buffer.alloc(0))
        .addOctets(0x8022, Buffer.from('x'))
        .finish(),
    )
    const message = parsed(answer)
    expect(message.class).toBe('error')
    expect(message.get(ErrorCode)?.code).toBe(420)
    expect(message.get(UnknownAttributes)).toEqual([0x0003, 0x7777])
  })

  test('credentials are left unread', async () => {
    const [answer] = await ask(binding().addOctets(0x0006, Buffer.from('bob')).finish())
    expect(parsed(answer).class).toBe('success')
  })

  test.each([
    ['IPv4', '198.51.100.7', 0],
    ['IPv6', '2001:db8::7', 0],
    ['one unknown type', '198.51.100.7', 1],
    ['fifty unknown types', '198.51.100.7', 50],
  ])('no answer is more than 24 octets longer than its request: %s', async (_, from, unknown) => {
    const request = binding()
    for (let i = 0; i < unknown; i++) request.addOctets(0x7000 + i, Buffer.alloc(0))
    const bytes = request.fingerprint().finish()
    const [answer] = await ask(bytes, from)
    expect(answer?.length).toBeGreaterThan(20)
    expect((answer?.length ?? 0) - bytes.length).toBeLessThanOrEqual(24)
  })

  test.each([
    ['an indication', new StunWriter(1, 'indication', ID).finish()],
    ['another method', new StunWriter(3, 'request', ID).finish()],
    ['a response to nothing', new StunWriter(1, 'success', ID).finish()],
    [
      'a cut message',
      Buffer.concat([binding().finish().subarray(0, 2), Buffer.from([0, 8]), binding().finish().subarray(4)]),
    ],
  ])('%s gets no answer, and goes to who listens for STUN', async (_, datagram) => {
    strays.length = 0
    expect(await ask(datagram)).toEqual([])
    expect(strays).toEqual([datagram])
  })

  test('a request that is answered is told to nobody else', async () => {
    strays.length = 0
    await ask(binding().finish())
    expect(strays).toEqual([])
  })
})
