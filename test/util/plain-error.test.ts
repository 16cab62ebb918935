import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import {
  ErrorCode,
  parseStun,
  StunErrorResponse,
  StunMessage,
  StunWriter,
} from '../../src/media/stun/index.ts'
import { ParseError } from '../../src/stack/grammar/parse-error.ts'
import {
  EnvironmentError,
  fromPlain,
  PeerError,
  type PlainError,
  toPlain,
  UsageError,
} from '../../src/util/errors.ts'

/** Through the door between two threads, and back. */
function cloned(error: unknown): Error {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(toPlain(error))
  const received: { message: PlainError } | undefined = receiveMessageOnPort(port2)
  port1.close()
  if (received === undefined) throw new Error('nothing was received')
  return fromPlain(received.message)
}

describe('an error for another thread', () => {
  it('keeps family, name, code, message, status, stack and cause', () => {
    const cause = Object.assign(new Error('read'), { code: 'ECONNRESET', syscall: 'read' })
    const error = new EnvironmentError('ERR_TURN_CONNECTION', 'gone', { cause })
    const again = cloned(error)
    expect(again).toBeInstanceOf(EnvironmentError)
    expect(again).not.toBeInstanceOf(PeerError)
    expect(again).toMatchObject({ name: 'EnvironmentError', code: 'ERR_TURN_CONNECTION', message: 'gone' })
    expect(again.stack).toBe(error.stack)
    expect(again.cause).toMatchObject({ message: 'read', code: 'ECONNRESET', syscall: 'read' })
    expect(cloned(new UsageError('ERR_ADDRESS', 'no'))).toBeInstanceOf(UsageError)
  })

  it('keeps what a subclass tells, and leaves behind what cannot be cloned', () => {
    const parsed = cloned(new ParseError('Via', 'no host', 'SIP/2.0/UDP', 3))
    expect(parsed).toBeInstanceOf(PeerError)
    expect(parsed).toMatchObject({ name: 'ParseError', header: 'Via', offset: 3, status: 400 })
    const response = parseStun(
      new StunWriter(3, 'error', new Uint8Array(12)).add(ErrorCode, { code: 486, reason: 'x' }).finish(),
    )
    if (!(response instanceof StunMessage)) throw new Error(response)
    const refusal = new StunErrorResponse({ code: 486, reason: 'Quota' }, response, {
      address: '::1',
      port: 1,
    })
    const again = cloned(refusal)
    expect(again).toMatchObject({
      name: 'StunErrorResponse',
      code: 'ERR_STUN_RESPONSE',
      status: 486,
      reason: 'Quota',
    })
    expect(again).not.toHaveProperty('response')
  })

  it('is an error also where something else was thrown, and ends where causes are a circle', () => {
    expect(cloned('text')).toMatchObject({ message: 'text' })
    const one: Error = new Error('one')
    one.cause = new Error('two', { cause: one })
    let depth = 0
    for (let next: unknown = cloned(one); next instanceof Error; next = next.cause) depth++
    expect(depth).toBe(9)
  })

  it('changes nothing that an error is made of', () => {
    const hostile = {
      ...toPlain(new PeerError('ERR', 'x', 400)),
      details: { status: 200, message: 'y', toString: 'z' },
    }
    const error = fromPlain(hostile)
    expect(error).toMatchObject({ status: 400, message: 'x' })
    expect(String(error)).toBe('PeerError: x')
  })
})
