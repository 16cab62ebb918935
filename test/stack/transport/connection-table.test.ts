import { beforeEach, describe, expect, test } from 'vitest'
import type { StreamConnection } from '../../../src/net/stream.ts'
import type { Flow } from '../../../src/stack/message/flow.ts'
import { Counters } from '../../../src/stack/statistics.ts'
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
let counters: Counters
let opened: number[]
let pongs: number
let ids = 0

class FakeConnection implements StreamConnection {
  readonly id: number = ++ids
  readonly protocol = 'tcp'
  readonly accepted: boolean
  readonly local: TransportAddress = { address: '192.0.2.1', port: 5060, family: 4 }
  readonly remote: TransportAddress
  bytesIn = 0
  bytesOut = 0
  bufferedBytes = 0
  peerDomains: readonly string[] = []
  readonly written: string[] = []
  /** Its peer leaves its half open after ours was closed. */
  isHalfOpen = false

  constructor(accepted: boolean, port = 5060, address = '192.0.2.2') {
    this.accepted = accepted
    this.remote = { address, port, family: address.includes(':') ? 6 : 4 }
  }

  write(bytes: Uint8Array | string): void {
    this.bytesOut += bytes.length
    this.written.push(String(bytes))
  }

  end(): void {
    told.push(`${clock.now()} end`)
    if (!this.isHalfOpen) table.onClosed(this, undefined)
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
  const { address, port } = remote
  return { protocol: 'TCP', transport: 'tcp:192.0.2.1:5060', address, port, connection: id }
}

function never(): never {
  throw new Error('none is to be made')
}

beforeEach(() => {
  opened = []
  pongs = 0
  counters = new Counters()
  clock = new SimulatedClock()
  timers = new Timers(clock)
  told = []
  const receiver = {
    ...deaf,
    onFramed: (_head: unknown, bytes: Buffer, flow: Flow) =>
      void told.push(`${clock.now()} message of ${bytes.length} by ${flow.connection}`),
    onBrokenStream: (error: Error) => void told.push(`${clock.now()} broken: ${error.message}`),
    onFlowOpened: (flow: Flow) => void opened.push(flow.connection),
    onPong: () => void pongs++,
    onFlowFailed: (flow: Flow, error: EnvironmentError | undefined) =>
      void told.push(`${clock.now()} failed ${flow.connection} ${error?.message ?? 'closed'}`),
  }
  table = new ConnectionTable('TCP', receiver, timers, {
    framing: { maxMessageBytes: 100_000 },
    connections: {
      idleTimeout: 60_000,
      messageTimeout: 32_000,
      maxOutboundConnections: 3,
      maxQueuedBytes: 1000,
    },
    counters,
  })
  table.transport = 'tcp:192.0.2.1:5060'
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

  test('RFC 5626 §4.4.1 the pings of one chunk are answered with one write, and with none where too much waits', () => {
    const connection = accepted()
    connection.receive('\r\n\r\n'.repeat(400))
    expect(connection.written).toEqual(['\r\n'.repeat(400)])
    connection.bufferedBytes = 800
    connection.receive('\r\n\r\n'.repeat(501))
    expect(connection.written).toHaveLength(1)
    expect(counters.refusedWrites).toBe(1)
  })

  test('RFC 5626 §3.5.1 pongs are told and not taken for pings, together, apart or beside a ping of the peer', () => {
    const connection = accepted()
    connection.receive(text)
    const flow = flowOf(connection)
    expect([table.keepAlive(flow), table.keepAlive(flow)]).toEqual([table.keepAlive(flow), expect.anything()])
    expect(connection.written).toEqual(['\r\n\r\n', '\r\n\r\n', '\r\n\r\n'])
    connection.written.length = 0
    connection.receive('\r\n\r\n')
    expect(pongs).toBe(2)
    connection.receive('\r\n\r')
    connection.receive('\n')
    expect([pongs, connection.written]).toEqual([3, []])
    connection.receive(`\r\n${text}\r\n`)
    expect([pongs, connection.written]).toEqual([3, ['\r\n']])
    connection.receive(text)
    connection.receive('\r\n')
    expect([pongs, connection.written]).toEqual([3, ['\r\n']])
    expect(table.keepAlive({ ...flow, connection: 0 })).toBe('gone')
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

  test('§18.3 a peer that leaves its half open after its framing was lost is cut off, however it goes on sending', () => {
    const connection = accepted()
    connection.receive(text)
    connection.isHalfOpen = true
    connection.receive('broken\r\n\r\n')
    told.length = 0
    for (let second = 0; second < 40; second++) {
      clock.advance(1000)
      connection.receive(text)
    }
    expect(told).toEqual(['32000 destroy ', `32000 failed ${connection.id} closed`])
    expect(timers.size).toBe(0)
  })

  test('§18.3 where the framing of one that we made is lost, what is sent next goes over another', () => {
    const [broken, other] = [new FakeConnection(false), new FakeConnection(false)]
    const flow = { ...flowOf(broken), connection: 0 }
    table.send('one', flow, () => broken)
    broken.isHalfOpen = true
    broken.receive('SIP/2.0 broken\r\n\r\n')
    expect(table.send('two', flow, () => other)).toMatchObject({ connection: other.id })
    expect(table.send('three', flow, never)).toMatchObject({ connection: other.id })
    expect(table.send('late', flowOf(broken), never)).toBe('gone')
    expect([broken.written, other.written]).toEqual([['one'], ['two', 'three']])
    clock.advance(32_000)
    expect(table.send('four', flow, never)).toMatchObject({ connection: other.id })
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
    connection.receive(text)
    told.length = 0
    // the first look, which is for the first message, finds that something had come
    clock.advance(92_000)
    expect(told).toEqual([
      '92000 destroy ERR_IDLE',
      `92000 failed ${connection.id} tcp 192.0.2.2:5060: nothing was sent or received for 60000 ms; the connection was closed`,
    ])
    expect(timers.size).toBe(0)
  })

  test.each(['received', 'sent'])('what is %s keeps it open, at least the idle time long', way => {
    const connection = accepted()
    connection.receive(text)
    told.length = 0
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
    connection.receive(text)
    told.length = 0
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

  test('one that we make is found by its address until it is closed; an accepted one by its own flow only', () => {
    const other = accepted()
    const made = new FakeConnection(false, 5060)
    const toPeer: Flow = { ...flowOf(other), connection: 0 }
    const flow = table.send('one', toPeer, () => made)
    expect(flow).toMatchObject({ address: '192.0.2.2', port: 5060, connection: made.id })
    table.onConnected(made)
    expect(table.send('two', toPeer, never)).toBe(flow)
    expect(made.written).toEqual(['one', 'two'])
    expect(table.send('three', flowOf(other), never)).toMatchObject({ connection: other.id })
    expect(other.written).toEqual(['three'])
    expect(table.send('x', { ...flowOf(other), address: '192.0.2.99' }, never)).toBe('gone')
    expect(table.size).toBe(2)
    made.destroy()
    expect(table.send('x', flowOf(made), never)).toBe('gone')
    expect(table.size).toBe(1)
  })

  test('RFC 5922 one that must prove a name is not used for another name, nor for none', () => {
    const to = (serverName?: string): Flow => ({
      ...flowOf(new FakeConnection(false)),
      connection: 0,
      serverName,
    })
    const names = [undefined, 'a.example', 'b.example', 'A.example', undefined]
    const flows = names.map(name => table.send('x', to(name), () => new FakeConnection(false)))
    expect(flows.map(sent => (typeof sent === 'string' ? sent : sent.serverName))).toEqual([
      undefined,
      'a.example',
      'b.example',
      'a.example',
      undefined,
    ])
    expect(table.size).toBe(3)
  })

  test('an IPv6 address is one, however it is written', () => {
    const made = new FakeConnection(false, 5060, '2001:db8::2')
    const to = (address: string): Flow => ({ ...flowOf(made), connection: 0, address })
    table.send('one', to('2001:DB8:0::2'), () => made)
    table.send('two', to('2001:db8::2'), never)
    expect(made.written).toEqual(['one', 'two'])
  })

  test('a flow is told when it is up, accepted or made', () => {
    const other = accepted()
    const made = new FakeConnection(false, 5080)
    table.send('x', { ...flowOf(made), connection: 0 }, () => made)
    expect(opened).toEqual([other.id])
    table.onConnected(made)
    expect(opened).toEqual([other.id, made.id])
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

describe('a stream that speaks no SIP', () => {
  test.each([
    ['HTTP, at its second word', 'GET /', 'OPTIONS *'],
    ['HTTP through a proxy, at the end of the line', 'GET http://a.example/ HTTP/1.1\r\n'],
    ['TLS, at once', '\x16'],
    ['STUN, at once', '\x00'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r'],
    ['a line without end', 'x'.repeat(65)],
    ['a space', ' '],
    ['blank lines and then', '\r\n\r\n{'],
  ])('%s: is closed and counted', (_, ...streams) => {
    for (const [at, stream] of streams.entries()) {
      const connection = accepted()
      for (const character of stream.slice(0, -1)) connection.receive(character)
      expect(counters.foreignStreams).toBe(at)
      connection.receive(stream.slice(-1))
      expect(counters.foreignStreams).toBe(at + 1)
      expect(told.at(-2)).toBe('0 destroy ERR_NOT_SIP')
    }
    expect(table.size).toBe(0)
    expect(timers.size).toBe(0)
  })

  test.each([
    'OPTIONS sip:a SIP/2.0\r\n',
    'SIP/2.0 200 OK\r\n',
    'sip/',
    "\r\nx!%*_+`'~-.y TEL:1 sIp/9",
    'A a  SIP/',
  ])('%j may be one, in a piece or by bytes', stream => {
    accepted().receive(stream)
    const slow = accepted()
    for (const character of stream) slow.receive(character)
    expect(told).toEqual([])
  })

  test.each([
    ['says nothing', ''],
    ['only pings', '\r\n\r\n'],
    ['never comes to the end of its first message', 'OPTIONS sip:a SIP/2.0\r\n'],
  ])('one that %s is closed after messageTimeout', (_, said) => {
    const connection = accepted()
    for (let second = 0; second < 32; second++) {
      connection.receive(said)
      clock.advance(999)
    }
    expect(told).toEqual([])
    clock.advance(32)
    expect(told[0]).toBe('32000 destroy ERR_SLOW_SENDER')
    expect(counters.slowSenders).toBe(1)
  })

  test('one that we made may stay silent', () => {
    const made = new FakeConnection(false)
    table.send('x', { ...flowOf(made), connection: 0 }, () => made)
    clock.advance(59_999)
    expect(told).toEqual([])
  })
})

describe('bounds', () => {
  const to = (port: number): Flow => ({ ...flowOf(new FakeConnection(false, port)), connection: 0 })
  const connect = ({ port }: Flow): FakeConnection => new FakeConnection(false, port)

  test('when as many were made as may be, the one that is idle longest gives way; none that is in use does', () => {
    for (const port of [1, 2, 3]) table.send('x', to(port), connect)
    expect(table.send('x', to(4), connect)).toBe('full')
    expect([counters.refusedConnections, counters.evictedConnections]).toEqual([1, 0])
    clock.advance(20_000)
    table.send('x', to(1), never)
    clock.advance(12_000)
    expect(table.send('x', to(4), connect)).toMatchObject({ port: 4 })
    expect(counters.evictedConnections).toBe(1)
    expect(told).toEqual([
      '32000 destroy ERR_EVICTED',
      expect.stringMatching(/^32000 failed \d+ tcp 192\.0\.2\.2:2: it was idle/),
    ])
    expect(table.size).toBe(3)
  })

  test('no more than 64 are looked at for one that can go; the next look goes on from there', () => {
    const many = new ConnectionTable('TCP', deaf, timers, {
      connections: { maxOutboundConnections: 200 },
      counters,
    })
    for (let port = 1; port <= 200; port++) many.send('x', to(port), connect)
    clock.advance(32_000)
    for (let port = 1; port <= 200; port++) if (port !== 150) many.send('x', to(port), never)
    expect([201, 202, 203, 204].map(port => typeof many.send('x', to(port), connect))).toEqual([
      'string',
      'string',
      'object',
      'string',
    ])
    expect([counters.refusedConnections, counters.evictedConnections]).toEqual([3, 1])
    many.close()
    expect(timers.size).toBe(0)
  })

  test('one whose framing is lost counts for as long as its peer leaves it open', () => {
    for (let port = 1; port <= 3; port++) {
      const connection = new FakeConnection(false, port)
      table.send('x', to(port), () => connection)
      connection.isHalfOpen = true
      connection.receive('SIP/2.0 broken\r\n\r\n')
    }
    expect(table.send('x', to(4), never)).toBe('full')
    clock.advance(32_000)
    expect(table.send('x', to(4), connect)).toMatchObject({ port: 4 })
  })

  test('what is kept of messages that are not whole is bounded on all together: those that keep most go', () => {
    const many = new ConnectionTable('TCP', deaf, timers, {
      connections: { maxUnfinishedBytes: 10_000 },
      counters,
    })
    const streams = [4000, 100, 4000, 100, 3000].map((size, port) => {
      const connection = new FakeConnection(true, port + 1)
      many.onConnected(connection)
      many.onBytes(connection, Buffer.from(`OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(size)}`))
      return connection
    })
    expect(told).toEqual(['0 end'])
    expect(counters.crowdedStreams).toBe(1)
    for (const connection of streams) many.onBytes(connection, Buffer.from('\r\n\r\n'))
    many.close()
  })

  test('what waits to be written on all together is bounded: the longest queue goes', () => {
    const [slow, slower, quick] = [1, 2, 3].map(port => {
      const connection = new FakeConnection(false, port)
      table.send('x', to(port), () => connection)
      return connection
    })
    if (slow && slower && quick) {
      slow.bufferedBytes = 200
      slower.bufferedBytes = 700
    }
    expect(table.send('y'.repeat(500), to(3), never)).toMatchObject({ port: 3 })
    expect(told).toEqual([])
    expect(table.send('y'.repeat(500), to(3), never)).toMatchObject({ port: 3 })
    expect(told[0]).toBe('0 destroy ERR_SLOW_READERS')
    expect(told[1]).toContain('192.0.2.2:2: 700 bytes wait for it')
    expect(told).toHaveLength(2)
    expect(counters.refusedWrites).toBe(0)
    expect(table.send('y'.repeat(1001), to(3), never)).toBe('full')
    expect(counters.refusedWrites).toBe(1)
  })
})

describe('a peer that takes nothing', () => {
  test('is cut off after writeTimeout, and counted; one that takes a little is not', () => {
    const stuck = accepted()
    stuck.receive(text)
    stuck.bufferedBytes = 4
    table.send('x'.repeat(4), flowOf(stuck), never)
    const slow = accepted()
    slow.receive(text)
    slow.bufferedBytes = 4
    table.send('x'.repeat(4), flowOf(slow), never)
    clock.advance(20_000)
    slow.bufferedBytes = 3
    told = []
    clock.advance(12_001)
    expect(told.map(line => line.split(' ').slice(0, 3).join(' '))).toEqual([
      '32000 destroy ERR_STUCK',
      `32000 failed ${stuck.id}`,
    ])
    expect(counters.stuckWriters).toBe(1)
    slow.bufferedBytes = 0
    clock.advance(27_000)
    expect(counters.stuckWriters).toBe(1)
  })

  test('is not looked for where what was written is taken at once, nor cut off for what is written later', () => {
    const connection = accepted()
    connection.receive(text)
    for (let second = 0; second < 120; second++) {
      table.send('x', flowOf(connection), never)
      clock.advance(1000)
    }
    expect(counters.stuckWriters).toBe(0)
  })
})

describe('RFC 5923 aliases', () => {
  const via = 'SIP/2.0/TLS client.example:5071;branch=z9hG4bKa;alias'
  const aliased = requestText('OPTIONS', { via })
  const back: Flow = {
    protocol: 'TLS',
    transport: 'tcp:192.0.2.1:5060',
    address: '192.0.2.2',
    port: 5071,
    connection: 0,
    serverName: 'Client.example',
  }

  function client(protocol: 'TCP' | 'TLS', peerDomains: readonly string[], first = aliased): FakeConnection {
    table = new ConnectionTable(protocol, { ...deaf }, timers, { counters })
    const connection = new FakeConnection(true, 40_000)
    connection.peerDomains = peerDomains
    table.onConnected(connection)
    connection.receive(first)
    return connection
  }

  function reaches(flow: Flow): FakeConnection[] {
    const made: FakeConnection[] = []
    table.send('x', flow, () => {
      const connection = new FakeConnection(false, flow.port)
      made.push(connection)
      return connection
    })
    return made
  }

  test('§8.2 a request goes over the connection of a client that proved its sent-by and asked for it', () => {
    const connection = client('TLS', ['client.example'])
    expect(reaches(back)).toEqual([])
    expect(connection.written).toEqual(['x'])
    connection.destroy()
    expect(reaches(back)).toHaveLength(1)
  })

  test('§8.2 the default port is 5061, whatever the source port', () => {
    client('TLS', ['client.example'], requestText('OPTIONS', { via: via.replace(':5071', '') }))
    expect(reaches({ ...back, port: 5061 })).toEqual([])
  })

  test.each([
    ['plain TCP', 'TCP', ['client.example'], aliased, back],
    ['a client that proved nothing', 'TLS', [], aliased, back],
    ['a client that proved another name', 'TLS', ['other.example'], aliased, back],
    ['a certificate with a wildcard', 'TLS', ['*.example'], aliased, back],
    ['one that did not ask', 'TLS', ['client.example'], aliased.replace(';alias', ';aliased'), back],
    [
      'another name that is asked for',
      'TLS',
      ['client.example'],
      aliased,
      { ...back, serverName: 'bank.example' },
    ],
    ['another port', 'TLS', ['client.example'], aliased, { ...back, port: 40_000 }],
    ['another address', 'TLS', ['client.example'], aliased, { ...back, address: '192.0.2.3' }],
  ] as const)('§8.2, §9 not for %s', (_, protocol, domains, first, flow) => {
    const connection = client(protocol, domains, first)
    expect(reaches(flow)).toHaveLength(1)
    expect(connection.written).toEqual([])
  })
})
