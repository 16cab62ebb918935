import { beforeEach, describe, expect, test } from 'vitest'
import type { StreamConnection } from '../../../src/net/stream.ts'
import type { Flow } from '../../../src/stack/message/flow.ts'
import { defaultFramerLimits } from '../../../src/stack/message/framer.ts'
import { ConnectionTable } from '../../../src/stack/transport/connection-table.ts'
import type { TransportAddress } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import type { EnvironmentError } from '../../../src/util/errors.ts'
import { Timers } from '../../../src/util/timers.ts'
import { deaf, requestText } from '../world.ts'

let clock: SimulatedClock
let timers: Timers
let told: string[]
let table: ConnectionTable
let ids = 0

class FakeConnection implements StreamConnection {
  readonly id: number = ++ids
  readonly protocol = 'tcp'
  readonly accepted: boolean
  readonly local: TransportAddress = { address: '192.0.2.1', port: 5060, family: 4 }
  readonly remote: TransportAddress
  bytesIn = 0
  bytesOut = 0
  readonly bufferedBytes = 0
  readonly written: string[] = []

  constructor(accepted: boolean, port = 5060) {
    this.accepted = accepted
    this.remote = { address: '192.0.2.2', port, family: 4 }
  }

  write(bytes: Uint8Array | string): void {
    this.bytesOut += bytes.length
    this.written.push(String(bytes))
  }

  end(): void {
    told.push(`${clock.now()} end`)
    table.onClosed(this, undefined)
  }

  destroy(error?: EnvironmentError): void {
    told.push(`${clock.now()} destroy ${error?.code ?? ''}`)
    table.onClosed(this, error)
  }

  receive(text: string): void {
    this.bytesIn += text.length
    table.onBytes(this, Buffer.from(text, 'latin1'))
  }
}

function flowOf({ id, remote }: FakeConnection): Flow {
  return { protocol: 'TCP', transport: 'tcp:192.0.2.1:5060', ...remote, connection: id }
}

beforeEach(() => {
  clock = new SimulatedClock()
  timers = new Timers(clock)
  told = []
  const receiver = {
    ...deaf,
    onFramed: (_head: unknown, bytes: Buffer, flow: Flow) =>
      void told.push(`${clock.now()} message of ${bytes.length} by ${flow.connection}`),
    onBrokenStream: (error: Error) => void told.push(`${clock.now()} broken: ${error.message}`),
    onFlowFailed: (flow: Flow, error: EnvironmentError | undefined) =>
      void told.push(`${clock.now()} failed ${flow.connection} ${error?.message ?? 'closed'}`),
  }
  table = new ConnectionTable('TCP', receiver, timers, {
    framing: { ...defaultFramerLimits, maxMessageBytes: 100_000 },
    connections: { idleTimeout: 60_000, messageTimeout: 32_000 },
  })
})

function accepted(): FakeConnection {
  const connection = new FakeConnection(true)
  table.onConnected(connection)
  return connection
}

const text = requestText('OPTIONS')

describe('connections', () => {
  test('a message in pieces is one message, and two in one piece are two', () => {
    const connection = accepted()
    for (const character of text) connection.receive(character)
    connection.receive(text + text)
    const line = `0 message of ${text.length} by ${connection.id}`
    expect(told).toEqual([line, line, line])
  })

  test('RFC 5626 §4.4.1 a ping of two CR LF is answered with one, between messages and in pieces', () => {
    const connection = accepted()
    connection.receive('\r\n\r\n')
    connection.receive(`${text}\r\n`)
    expect(connection.written).toEqual(['\r\n'])
    connection.receive('\r\n')
    expect(connection.written).toEqual(['\r\n', '\r\n'])
    connection.receive(text)
    expect(told).toHaveLength(2)
  })

  test('§18.3 a stream whose framing is lost is told and closed, and what follows is not heard', () => {
    const connection = accepted()
    connection.receive(text.replace('Content-Length: 0', 'Content-Length: many'))
    connection.receive(text)
    expect(told).toEqual([
      '0 broken: Content-Length: one decimal number expected',
      '0 end',
      `0 failed ${connection.id} closed`,
    ])
    expect(timers.size).toBe(0)
    expect(table.size).toBe(0)
  })

  test('a message above the limit, and a head without end, break the stream before they are there', () => {
    accepted().receive(text.replace('Content-Length: 0', 'Content-Length: 100000'))
    expect(told[0]).toContain('above the limit of 100000')
    told.length = 0
    accepted().receive(`OPTIONS sip:a SIP/2.0\r\n${'x'.repeat(70_000)}`)
    expect(told[0]).toBe('0 broken: message: head of more than 65535 bytes')
  })

  test('an idle one is closed, and the error says so', () => {
    const connection = accepted()
    clock.advance(60_000)
    expect(told).toEqual([
      '60000 destroy ERR_IDLE',
      `60000 failed ${connection.id} tcp 192.0.2.2:5060: nothing was sent or received for 60000 ms; the connection was closed`,
    ])
    expect(timers.size).toBe(0)
  })

  test.each(['received', 'sent'])('what is %s keeps it open, at least the idle time long', way => {
    const connection = accepted()
    clock.advance(59_999)
    if (way === 'sent') connection.write('x')
    else connection.receive('\r\n')
    clock.advance(60_000)
    expect(told).toEqual([])
    clock.advance(60_000)
    expect(told[0]).toContain('destroy ERR_IDLE')
  })

  test('a sender that does not finish its message is cut off, however it dribbles', () => {
    const connection = accepted()
    clock.advance(1000)
    connection.receive(text.slice(0, 40))
    for (let at = 40; at < 71; at++) {
      clock.advance(1000)
      connection.receive(text.slice(at, at + 1))
    }
    expect(told).toEqual([])
    clock.advance(999)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told[0]).toBe('33000 destroy ERR_SLOW_SENDER')
    expect(timers.size).toBe(0)
  })

  test('a sender is not slow for having sent for long: each message has its own time', () => {
    const connection = accepted()
    for (let round = 0; round < 10; round++) {
      connection.receive(text.slice(0, 40))
      clock.advance(20_000)
      connection.receive(text.slice(40) + text.slice(0, 10))
      clock.advance(20_000)
      connection.receive(text.slice(10))
    }
    expect(told).toHaveLength(20)
    expect(told.every(line => line.includes('message of'))).toBe(true)
  })

  test('one that we make is found by its address until it is closed; an accepted one never is', () => {
    const made = new FakeConnection(false, 5080)
    table.add(made)
    table.onConnected(made)
    const other = accepted()
    expect(table.madeTo('192.0.2.2', 5080)).toBe(made)
    expect(table.madeTo('192.0.2.2', 5060)).toBeUndefined()
    expect(table.of(flowOf(other))).toBe(other)
    expect(table.of({ ...flowOf(other), address: '192.0.2.99' })).toBeUndefined()
    expect(table.size).toBe(2)
    table.onClosed(made, undefined)
    expect(table.madeTo('192.0.2.2', 5080)).toBeUndefined()
    expect(table.of(flowOf(made))).toBeUndefined()
    expect(table.size).toBe(1)
  })

  test('after close nothing is told, a late connection is destroyed, and no timer is left', () => {
    const connection = accepted()
    table.close()
    told.length = 0
    connection.receive(text)
    accepted()
    expect(told).toEqual(['0 destroy '])
    expect(timers.size).toBe(0)
  })
})
