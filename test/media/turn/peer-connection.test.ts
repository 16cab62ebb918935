import { describe, expect, it } from 'vitest'
import {
  ConnectionId,
  ErrorCode,
  method,
  parseStun,
  StunMessage,
  StunWriter,
} from '../../../src/media/stun/index.ts'
import { turnCredentials } from '../../../src/media/turn/index.ts'
import { TurnPeerConnection } from '../../../src/media/turn/peer-connection.ts'
import type { StreamConnection } from '../../../src/net/stream.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import type { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { peer, serverAddress } from './fake-server.ts'

/** A connection to a server that is played by the test. */
function setUp() {
  const log: string[] = []
  const written: Buffer[] = []
  const clock = new SimulatedClock()
  let ends = 0
  const stream: StreamConnection = {
    id: 1,
    protocol: 'tcp',
    accepted: false,
    local: undefined,
    remote: { ...serverAddress, family: 4 },
    bytesIn: 0,
    bytesOut: 0,
    bufferedBytes: 0,
    write: bytes => written.push(Buffer.from(bytes)),
    end: () => log.push('ended'),
    destroy: (error?: EnvironmentError) => log.push(`destroyed ${error?.code}`),
  }
  const connection = new TurnPeerConnection({
    connectionId: 77,
    peer,
    server: serverAddress,
    credentials: turnCredentials(),
    timers: new Timers(clock),
    random: seededRandom(4),
    failed: error => log.push(String(error)),
    onEnd: () => {
      ends++
    },
    open: () => stream,
    onReady: () => log.push('ready'),
    onFailure: failure => log.push(failure.message),
  })
  connection.onConnected()
  const request = parseStun(written[0] ?? Buffer.alloc(0))
  if (!(request instanceof StunMessage)) throw new Error(request)
  const user = {
    onBytes: (bytes: Uint8Array) => log.push(Buffer.from(bytes).toString()),
    onClosed: (error: EnvironmentError | undefined) => log.push(`closed ${error?.code}`),
  }
  return { log, written, stream, connection, request, user, clock, ends: () => ends }
}

describe('a connection to a peer (RFC 6062 §4.3)', () => {
  it('is bound by its id; what is behind the answer in the same chunk is the peer’s', () => {
    const { log, stream, connection, request, user } = setUp()
    expect([request.method, request.get(ConnectionId)]).toEqual([method.ConnectionBind, 77])
    const answer = StunWriter.responseTo(request, 'success').finish()
    connection.onBytes(stream, answer.subarray(0, 7))
    connection.onBytes(stream, Buffer.concat([answer.subarray(7), Buffer.from('first')]))
    connection.onBytes(stream, Buffer.from('second'))
    connection.listen(user)
    connection.onBytes(stream, Buffer.from('third'))
    expect(log).toEqual(['ready', 'first', 'second', 'third'])
  })

  it('writes as it is, and is silent after close', () => {
    const { log, stream, written, connection, request, user } = setUp()
    connection.write(Buffer.from('too early'))
    connection.onBytes(stream, StunWriter.responseTo(request, 'success').finish())
    connection.listen(user)
    connection.write(Buffer.from('hello'))
    connection.close()
    connection.write(Buffer.from('too late'))
    connection.onBytes(stream, Buffer.from('nobody listens'))
    connection.onClosed(stream, undefined)
    expect(written.slice(1).map(String)).toEqual(['hello'])
    expect(log).toEqual(['ready', 'ended'])
  })

  it('tells a refusal, a broken stream and a silent server, once', () => {
    const refused = setUp()
    const refusal = StunWriter.responseTo(refused.request, 'error')
    refused.connection.onBytes(refused.stream, refusal.add(ErrorCode, { code: 400, reason: 'Bad' }).finish())
    refused.connection.onClosed(refused.stream, undefined)
    expect(refused.log).toEqual(['ended', 'STUN server 192.0.2.1:3478 answered 400 Bad'])

    const broken = setUp()
    broken.connection.onBytes(broken.stream, Buffer.alloc(40, 0xff))
    expect(broken.log).toEqual(['destroyed ERR_TURN_STREAM'])

    const silent = setUp()
    silent.clock.advance(60_000)
    expect(silent.log).toHaveLength(2)
    expect(silent.log[1]).toMatch(/did not answer/)
  })

  it('does not keep more than a mebibyte for nobody', () => {
    const { log, stream, connection, request } = setUp()
    connection.onBytes(stream, StunWriter.responseTo(request, 'success').finish())
    for (let i = 0; i < 17; i++) connection.onBytes(stream, Buffer.alloc(65_536))
    expect(log).toEqual(['ready', 'destroyed ERR_TURN_UNHEARD'])
  })

  it('counts what chunks of a single octet cost, which is far more than the octet', () => {
    const { log, stream, connection, request } = setUp()
    connection.onBytes(stream, StunWriter.responseTo(request, 'success').finish())
    for (let i = 0; i < 5000; i++) connection.onBytes(stream, Buffer.from([i]))
    expect(log).toEqual(['ready', 'destroyed ERR_TURN_UNHEARD'])
  })
})
