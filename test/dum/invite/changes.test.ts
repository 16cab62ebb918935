import { describe, expect, test } from 'vitest'
import { Pair, portOf, sdp } from '../pair.ts'

const plain = { reliableUas: 'never', supported: ['timer'] } as const

async function talking(alice = {}, bob = {}): Promise<Pair> {
  const pair = await Pair.make({ alice: { ...plain, ...alice }, bob: { ...plain, ...bob } })
  pair.answering({
    onOffer: (session, offer) => {
      if (session.state !== 'early') pair.world.note(`bob: offer ${portOf(offer.body)} in ${offer.carrier}`)
      offer.answer(sdp(session.state === 'early' ? 2000 : 2002))
      if (session.state === 'early') session.accept()
    },
    onAnswer: (_, answer) => pair.world.note(`bob: answer ${portOf(answer)}`),
    onOfferRejected: (_, status) => pair.world.note(`bob: offer rejected ${status}`),
    onSessionExpired: () => pair.world.note('bob: expired'),
  })
  pair.calling({
    onOffer: (_, offer) => {
      pair.world.note(`alice: offer ${portOf(offer.body)} in ${offer.carrier}`)
      offer.answer(sdp(1002))
    },
    onOfferRejected: (_, status) => pair.world.note(`alice: offer rejected ${status}`),
    onSessionExpired: () => pair.world.note('alice: expired'),
  })
  pair.advance(1000)
  pair.world.ladder.length = 0
  return pair
}

describe('RFC 3261 §14: re-INVITE', () => {
  test('of the caller', async () => {
    const pair = await talking()
    pair.caller?.offer(sdp(1010))
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '1000 → INVITE',
      '1010 bob: offer 1010 in INVITE',
      '1010 ← 200',
      '1020 alice: answer 2002',
      '1020 → ACK',
    ])
    expect(portOf(pair.caller?.localDescription)).toBe('1010')
    expect(portOf(pair.callee?.localDescription)).toBe('2002')
    await pair.close()
  })

  test('of the callee', async () => {
    const pair = await talking()
    pair.callee?.offer(sdp(2010))
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '1000 ← INVITE',
      '1010 alice: offer 2010 in INVITE',
      '1010 → 200',
      '1020 bob: answer 1002',
      '1020 ← ACK',
    ])
    await pair.close()
  })

  test('that is refused changes nothing', async () => {
    const pair = await talking()
    if (pair.callee) pair.callee.handler = { onOffer: (_, offer) => offer.reject() }
    pair.caller?.offer(sdp(1010))
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '1000 → INVITE',
      '1010 ← 488',
      '1020 → ACK',
      '1020 alice: offer rejected 488',
    ])
    expect(portOf(pair.caller?.localDescription)).toBe('1000')
    expect(portOf(pair.callee?.remoteDescription)).toBe('1000')
    await pair.close()
  })

  test('that crosses another: both 491, then one after the other', async () => {
    const pair = await talking()
    pair.caller?.offer(sdp(1010))
    pair.callee?.offer(sdp(2010))
    pair.advance(10_000)
    expect(pair.steps.slice(0, 6)).toEqual(['→ INVITE', '← INVITE', '← 491', '→ 491', '→ ACK', '← ACK'])
    const offers = pair.ladder.filter(line => / offer /.test(line)).map(line => line.replace(/^\d+ /, ''))
    expect(offers).toEqual(['alice: offer 2010 in INVITE', 'bob: offer 1010 in INVITE'])
    const [first = 0, second = 0] = pair.ladder
      .filter(line => / offer /.test(line))
      .map(line => Number.parseInt(line, 10))
    // §14.1: who owns the Call-ID waits for 2.1 to 4 s, the other for up to 2
    expect(first).toBeLessThan(1000 + 20 + 2000 + 20)
    expect(second).toBeGreaterThanOrEqual(1000 + 20 + 2100)
    await pair.close()
  })

  test('that crosses a BYE', async () => {
    const pair = await talking()
    pair.caller?.offer(sdp(1010))
    pair.callee?.end()
    pair.advance(60_000)
    expect(pair.steps).toEqual([
      '→ INVITE',
      '← BYE',
      'bob: LocalBye 16',
      '← 481',
      '→ 200',
      'alice: RemoteBye 16',
      '→ ACK',
    ])
    expect(pair.left).toBe(0)
    await pair.close()
  })

  test('one that waits is replaced by a newer one, whose reply hears 491', async () => {
    const pair = await talking()
    const { world } = pair
    const reply = (name: string) => ({
      answer: () => world.note(`${name} answered`),
      reject: (status?: number) => world.note(`${name} ${status}`),
    })
    pair.caller?.offer(sdp(1010), reply('first'))
    pair.caller?.offer(sdp(1012), reply('second'))
    pair.caller?.offer(sdp(1014), reply('third'))
    pair.advance(1000)
    expect(pair.steps).toEqual([
      '→ INVITE',
      'second 491',
      'bob: offer 1010 in INVITE',
      '← 200',
      'first answered',
      '→ ACK',
      '→ INVITE',
      'bob: offer 1014 in INVITE',
      '← 200',
      'third answered',
      '→ ACK',
    ])
    await pair.close()
  })

  test('without offer: what is agreed is offered again (RFC 6337 §5.2.5)', async () => {
    const pair = await talking()
    pair.caller?.requestOffer()
    pair.advance(1000)
    expect(pair.steps).toEqual(['→ INVITE', '← 200', 'alice: offer 2000 in 2xx', '→ ACK', 'bob: answer 1002'])
    await pair.close()
  })

  test('§14.2: whose ACK does not come ends the call', async () => {
    const pair = await talking()
    pair.world.network.isLost = ({ wire }) => wire.startsWith('ACK')
    pair.caller?.offer(sdp(1010))
    pair.advance(120_000)
    expect(pair.steps.slice(-4)).toEqual(['← BYE', 'bob: Error 41', '→ 200', 'alice: RemoteBye 16'])
    expect(pair.left).toBe(0)
    await pair.close()
  })
})

describe('RFC 4028: the session timer', () => {
  test('§7.2: the caller refreshes by UPDATE at half the interval', async () => {
    const pair = await talking({ sessionExpires: 90 }, { sessionExpires: 90 })
    pair.advance(100_000)
    expect(pair.ladder.map(line => line.replace(/^\d+ /, ''))).toEqual([
      '→ UPDATE',
      '← 200',
      '→ UPDATE',
      '← 200',
    ])
    expect(Number.parseInt(pair.ladder[0] ?? '', 10)).toBe(45_020)
    await pair.close()
  })

  test('§10: no refresh comes: BYE a third of the interval before it expires', async () => {
    const pair = await talking({ sessionExpires: 90 }, { sessionExpires: 90 })
    pair.world.network.isLost = ({ wire }) => wire.startsWith('UPDATE')
    pair.advance(100_000)
    expect(pair.ladder.filter(line => !line.includes('✗'))).toEqual([
      '60010 bob: expired',
      '60010 ← BYE',
      '60010 bob: Timeout 102',
      '60020 alice: expired',
      '60020 → BYE',
      '60020 alice: Timeout 102',
      '60020 → 200',
      '60030 ← 200',
    ])
    expect(pair.left).toBe(0)
    await pair.close()
  })

  test('§7.3: 422 makes the interval longer', async () => {
    const pair = await Pair.make({
      alice: { ...plain, sessionExpires: 100 },
      bob: { ...plain, minSessionExpires: 300, sessionExpires: 300 },
    })
    pair.answering()
    pair.calling()
    pair.advance(1000)
    expect(pair.steps.slice(0, 4)).toEqual(['→ INVITE', '← 422', '→ ACK', '→ INVITE'])
    expect(pair.world.wires.findLast(wire => wire.startsWith('INVITE'))).toContain('Session-Expires: 300')
    expect(pair.steps).toContain('alice: connected')
    await pair.close()
  })
})
