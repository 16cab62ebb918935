import { parseMessage, type RequestFailure, type SipResponse, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DatagramReceiver } from '../../../src/net/udp.ts'
import { NarrowPaths } from '../../../src/stack/transport/narrow-paths.ts'
import { UdpTransport } from '../../../src/stack/transport/udp.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { Timers } from '../../../src/util/timers.ts'
import { answerTo, invite, options } from '../world.ts'

const PEER = { address: '192.0.2.2', port: 5060, family: 4 } as const

let clock: SimulatedClock
let stack: SipStack
let sent: { readonly at: number; readonly bytes: Buffer }[]
let told: string[]
/** What the system says to the next datagrams. */
let answers: string[]
let receiver: DatagramReceiver | undefined

beforeEach(async () => {
  clock = new SimulatedClock()
  stack = new SipStack({ clock })
  sent = []
  told = []
  answers = []
  const socket = {
    local: { address: '192.0.2.1', port: 5060, family: 4 as const },
    send(bytes: Uint8Array) {
      const code = answers.shift()
      sent.push({ at: clock.now(), bytes: Buffer.from(bytes) })
      if (code === undefined) return
      const size = bytes.length > 1400 ? bytes.length : undefined
      stack.timers.after(0, () => receiver?.onSocketError(new EnvironmentError(code, code), PEER, size))
    },
    close: () => Promise.resolve(),
  }
  const bind = (_: unknown, to: DatagramReceiver): Promise<typeof socket> => {
    receiver = to
    return Promise.resolve(socket)
  }
  const { counters, timers } = stack
  await stack.addTransport(new UdpTransport({ address: '192.0.2.1', port: 5060, bind, counters }, timers))
})

afterEach(() => stack.close())

const user = {
  onFinal: (response: SipResponse) => void told.push(`${clock.now()} ${response.status}`),
  onFailure: (failure: RequestFailure) => void told.push(`${clock.now()} ${failure.message}`),
}

const times = (): number[] => sent.map(({ at }) => at)

describe('RFC 3261 §17.1 a datagram that the system does not take now', () => {
  test.each(['ENOBUFS', 'EAGAIN', 'EWOULDBLOCK', 'ENOMEM', 'EINTR', 'EPERM'])(
    '%s: the transaction goes on by Timer A, is counted, and is answered',
    code => {
      answers = [code, code]
      stack.send(invite(), user)
      clock.advance(1500)
      expect(times()).toEqual([0, 500, 1500])
      expect(stack.counters.datagramsLost).toBe(2)
      expect(stack.counters.flowFailures).toBe(0)
      const request = parseMessage(sent[2]?.bytes ?? Buffer.alloc(0))
      if (request instanceof Error) throw request
      receiver?.onDatagram(Buffer.from(answerTo(request, 486)), PEER.address, PEER.port)
      expect(told).toEqual(['1500 486'])
    },
  )

  test.each(['ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED', 'EACCES', 'EADDRNOTAVAIL'])(
    '§17.1.4, §18.4 %s fails the transaction at once',
    code => {
      answers = [code]
      stack.send(invite(), user)
      clock.advance(10)
      expect(told).toEqual([
        `0 INVITE: the last try ended with transport error; tried udp 192.0.2.2:5060 transport error (${code})`,
      ])
      expect(stack.counters.flowFailures).toBe(1)
      expect(times()).toEqual([0])
    },
  )

  test('EMSGSIZE fails the message that is too large when it is sent again, and no other to that peer', () => {
    answers = ['EMSGSIZE']
    const large = options().setBody('text/plain', 'x'.repeat(3000))
    stack.send(large, user)
    stack.send(options(), user)
    clock.advance(500)
    expect(told).toEqual([
      '500 OPTIONS: the last try ended with transport error; tried udp 192.0.2.2:5060 transport error (ERR_SIP_TOO_LARGE)',
    ])
    expect(times()).toEqual([0, 0, 500])
    clock.advance(1000)
    expect(times()).toEqual([0, 0, 500, 1500])
    stack.send(large, user)
    expect(told).toHaveLength(2)
    clock.advance(600_000)
    sent.length = 0
    stack.send(large, user)
    expect(sent).toHaveLength(1)
  })

  test('256 addresses are kept in mind, each for ten minutes, with the least size that was refused', () => {
    const paths = new NarrowPaths(new Timers(clock))
    for (let i = 0; i <= 256; i++) paths.note(`10.0.0.${i}`, 2000)
    paths.note('10.0.0.9', 1500)
    paths.note('10.0.0.9', 3000)
    const isNarrow = (last: number, size: number): boolean => paths.isTooLarge(`10.0.0.${last}`, size)
    expect([isNarrow(0, 9000), isNarrow(1, 2000), isNarrow(1, 1999)]).toEqual([false, true, false])
    expect([isNarrow(9, 1500), isNarrow(9, 1499)]).toEqual([true, false])
    clock.advance(600_000)
    expect(isNarrow(1, 9000)).toBe(false)
  })
})
