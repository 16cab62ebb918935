import { type ResponseTemplate, response, type SipResponse } from 'resip/stack'
import { MemoryNetwork } from 'resip/testing'
import { describe, expect, test } from 'vitest'
import { encode } from '../../../src/stack/message/encode.ts'
import { parseMessage } from '../../../src/stack/message/message.ts'
import { Counters } from '../../../src/stack/statistics.ts'
import type { ClientMachine } from '../../../src/stack/transaction/client-machine.ts'
import type { TransactionContext } from '../../../src/stack/transaction/context.ts'
import { InviteClient, inviteClient } from '../../../src/stack/transaction/invite-client.ts'
import { InviteServer, inviteServer } from '../../../src/stack/transaction/invite-server.ts'
import { NonInviteClient, nonInviteClient } from '../../../src/stack/transaction/non-invite-client.ts'
import { NonInviteServer, nonInviteServer } from '../../../src/stack/transaction/non-invite-server.ts'
import { SentResponse } from '../../../src/stack/transaction/sent-response.ts'
import { ServerTransaction } from '../../../src/stack/transaction/server-transaction.ts'
import { defaultTiming } from '../../../src/stack/transaction/timers.ts'
import { Placement } from '../../../src/stack/transport/placement.ts'
import type { SendFailure } from '../../../src/stack/transport/transport.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { openCells } from '../../../src/util/machine.ts'
import { type Timer, Timers } from '../../../src/util/timers.ts'
import { invite, options, requestText, title } from '../world.ts'

/**
 * What an input leads to: the next state, what is sent (`> ACK`), what the user hears (`TU 180`, `TU fails: …`) in
 * their order, and then the timers that run afterwards with the milliseconds they have left. Written from the RFCs'
 * figures; a cell that is not here must do nothing.
 */
type Expected = Readonly<Record<string, readonly [state: string, ...effects: string[]]>>

const flow = {
  protocol: 'UDP',
  transport: 'udp:192.0.2.1:5060',
  address: '192.0.2.2',
  port: 5060,
  connection: 0,
} as const

class Stub {
  readonly log: string[] = []
  /** Why `send` fails, where it does. */
  failure: SendFailure | undefined
  /** What all its transactions weigh. */
  weight = 0
  readonly clock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)
  readonly transport = new MemoryNetwork(this.timers).transport('UDP', '192.0.2.1', 5060)
  readonly context: TransactionContext = {
    timers: this.timers,
    timing: defaultTiming,
    send: (wire, flow) => {
      this.log.push(`> ${title(wire)}`)
      return this.failure ?? flow
    },
    onRetransmission() {},
    onMoved() {},
    onReleased() {},
    onWeight: (was, now) => {
      this.weight += now - was
    },
    onEnded: () => {
      this.log.push('ended')
    },
  }

  running(...timers: readonly (Timer | undefined)[]): string[] {
    const now = this.timers.now()
    return timers.flatMap(timer => (timer?.running ? [`${timer.name} ${timer.deadline - now}`] : []))
  }
}

function inviteClientIn(state: string, stub: Stub): InviteClient {
  const machine = clientOf(stub, 'INVITE') as InviteClient
  machine.start()
  if (state === 'proceeding') machine.onResponse(answer('INVITE', 180))
  if (state === 'accepted') machine.onResponse(answer('INVITE', 200))
  if (state === 'completed') machine.onResponse(answer('INVITE', 486))
  if (state === 'terminated') machine.abandon()
  return machine
}

function nonInviteClientIn(state: string, stub: Stub): NonInviteClient {
  const machine = clientOf(stub, 'OPTIONS') as NonInviteClient
  machine.start()
  if (state === 'proceeding') machine.onResponse(answer('OPTIONS', 100))
  if (state === 'completed') machine.onResponse(answer('OPTIONS', 200))
  if (state === 'terminated') machine.abandon()
  return machine
}

function clientOf(stub: Stub, method: 'INVITE' | 'OPTIONS'): ClientMachine<string> {
  const template = method === 'INVITE' ? invite() : options()
  const placement = new Placement(stub.transport, flow, 'z9hG4bKclient')
  const user = {
    onResponse: (heard: SipResponse) => void stub.log.push(`TU ${heard.status}`),
    onFailure: (failure: string) => void stub.log.push(`TU fails: ${failure}`),
    onEnded: () => void stub.log.push('TU ended'),
  }
  const Kind = method === 'INVITE' ? InviteClient : NonInviteClient
  return new Kind(stub.context, 'key', placement, template, encode(template, placement), user)
}

function answer(method: string, status: number): SipResponse {
  const message = parseMessage(Buffer.from(encode(responseTo(method, status))))
  if (message instanceof Error || !message.isResponse) throw new Error('no response')
  return message
}

function responseTo(method: string, status: number): ResponseTemplate {
  const request = parseMessage(Buffer.from(requestText(method)))
  if (request instanceof Error || !request.isRequest) throw new Error('no request')
  return response(request, status, 'tag')
}

function serverOf<M extends InviteServer | NonInviteServer>(stub: Stub, method: string, machine: M): M {
  const request = parseMessage(Buffer.from(requestText(method)))
  if (request instanceof Error || !request.isRequest) throw new Error('no request')
  const owner = {
    accepts: () => true,
    onRequest() {},
    onFailure: (_: unknown, failure: string) => void stub.log.push(`TU fails: ${failure}`),
  }
  const failed = (error: unknown): never => {
    throw error
  }
  const shared = { counters: new Counters(), failed, isClosed: false, keep: undefined }
  machine.handle = new ServerTransaction(request, owner, 'tag', machine, undefined, shared)
  return machine
}

/** An answer of the machine's user, as a server transaction gives it. */
function answerOf(machine: InviteServer | NonInviteServer, method: string, status: number): SentResponse {
  const handle = machine.handle ?? serverOf(new Stub(), method, machine).handle
  if (handle === undefined) throw new Error('no handle')
  return new SentResponse(status, encode(responseTo(method, status)), handle, machine)
}

const way = { flow, fallback: flow, isReliable: false }

function inviteServerIn(state: string, stub: Stub): InviteServer {
  const machine = serverOf(stub, 'INVITE', new InviteServer(stub.context, 'key', way, 300))
  machine.onResponse(answerOf(machine, 'INVITE', 180))
  if (state === 'accepted') machine.onResponse(answerOf(machine, 'INVITE', 200))
  if (state === 'completed' || state === 'confirmed' || state === 'terminated')
    machine.onResponse(answerOf(machine, 'INVITE', 486))
  if (state === 'confirmed') machine.onRequest(true)
  if (state === 'terminated') machine.onTimer('timer H')
  return machine
}

function nonInviteServerIn(state: string, stub: Stub): NonInviteServer {
  const machine = serverOf(stub, 'OPTIONS', new NonInviteServer(stub.context, 'key', way, 300))
  if (state === 'proceeding') machine.onResponse(answerOf(machine, 'OPTIONS', 100))
  if (state === 'completed' || state === 'terminated') machine.onResponse(answerOf(machine, 'OPTIONS', 200))
  if (state === 'terminated') machine.onTimer('timer J')
  return machine
}

const statusOf: Readonly<Record<string, number>> = { '1xx': 183, '2xx': 202, '3xx-6xx': 404, '2xx-6xx': 404 }

interface Instance {
  readonly state: string
  readonly resending?: Timer | undefined
  readonly ending?: Timer | undefined
  readonly timer?: Timer | undefined
}

/** Gives every input to a machine in every state and compares what it does with `expected`. */
function walk<M extends Instance>(
  machine: { readonly rows: object; readonly inputs: readonly string[] },
  make: (state: string, stub: Stub) => M,
  give: (instance: M, input: string) => void,
  expected: Expected,
): void {
  const cells = Object.keys(machine.rows).flatMap(state => machine.inputs.map(input => ({ state, input })))
  const names = new Set(cells.map(({ state, input }) => `${state} × ${input}`))
  test('expects nothing of cells that are none', () => {
    expect(Object.keys(expected).filter(name => !names.has(name))).toEqual([])
  })
  test.each(cells)('$state × $input', ({ state, input }) => {
    const stub = new Stub()
    const instance = make(state, stub)
    expect(instance.state).toBe(state)
    const timers = (): string[] => stub.running(instance.resending, instance.ending, instance.timer)
    const before = timers()
    stub.log.length = 0
    give(instance, input)
    const [next, ...effects] = expected[`${state} × ${input}`] ?? [state, ...before]
    expect([instance.state, ...stub.log, ...timers()]).toEqual([next, ...effects])
  })
}

function giveToClient(instance: InviteClient | NonInviteClient, input: string): void {
  const status = statusOf[input]
  const method = instance instanceof InviteClient ? 'INVITE' : 'OPTIONS'
  if (status !== undefined) instance.onResponse(answer(method, status))
  else if (input === 'transport error') instance.onTransportError()
  else if (input === 'transport removed') instance.onTransportRemoved()
  else if (input === 'abandon') instance.abandon()
  else instance.onTimer(input as never)
}

function giveToServer(instance: InviteServer | NonInviteServer, input: string): void {
  const status = statusOf[input]
  const method = instance instanceof InviteServer ? 'INVITE' : 'OPTIONS'
  if (status !== undefined) instance.onResponse(answerOf(instance, method, status))
  else if (input === 'transport error') instance.onTransportError()
  else if (input === 'transport removed') instance.onTransportRemoved()
  else if (input === 'flow lost') instance.onFlowLost()
  else if (input === 'INVITE' || input === 'request') instance.onRequest(false)
  else if (input === 'ACK') instance.onRequest(true)
  else instance.onTimer(input as never)
}

describe('tables are complete: each state × input has a row or is named as absorbed', () => {
  test('§17.1.1 INVITE client', () => expect(openCells(inviteClient)).toEqual([]))
  test('§17.1.2 non-INVITE client', () => expect(openCells(nonInviteClient)).toEqual([]))
  test('§17.2.1 INVITE server', () => expect(openCells(inviteServer)).toEqual([]))
  test('§17.2.2 non-INVITE server', () => expect(openCells(nonInviteServer)).toEqual([]))
})

describe('RFC 3261 §17.1.1 Figure 5, as RFC 6026 §8.4 replaces it: INVITE client', () => {
  walk(inviteClient, inviteClientIn, giveToClient, {
    'calling × timer A': ['calling', '> INVITE', 'timer A 1000', 'timer B 32000'],
    'calling × timer B': ['terminated', 'ended', 'TU fails: timeout'],
    'calling × transport error': ['terminated', 'ended', 'TU fails: transport error'],
    'calling × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'accepted × transport removed': ['terminated', 'ended', 'TU ended'],
    'completed × transport removed': ['terminated', 'ended'],
    'proceeding × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'calling × 1xx': ['proceeding', 'TU 183'],
    'calling × 2xx': ['accepted', 'TU 202', 'timer M 32000'],
    'calling × 3xx-6xx': ['completed', '> ACK', 'TU 404', 'timer D 32000'],
    'calling × abandon': ['terminated', 'ended'],
    'proceeding × 1xx': ['proceeding', 'TU 183'],
    'proceeding × 2xx': ['accepted', 'TU 202', 'timer M 32000'],
    'proceeding × 3xx-6xx': ['completed', '> ACK', 'TU 404', 'timer D 32000'],
    'proceeding × transport error': ['terminated', 'ended', 'TU fails: transport error'],
    'proceeding × abandon': ['terminated', 'ended'],
    'accepted × 2xx': ['accepted', 'TU 202', 'timer M 32000'],
    'accepted × timer M': ['terminated', 'ended', 'TU ended'],
    'accepted × abandon': ['terminated', 'ended'],
    'completed × 3xx-6xx': ['completed', '> ACK', 'timer D 32000'],
    'completed × timer D': ['terminated', 'ended'],
    // the figure tells the TU; ours has been told the final response, and forgets its user with it
    'completed × transport error': ['terminated', 'ended'],
  })
})

describe('RFC 3261 §17.1.2 Figure 6: non-INVITE client', () => {
  walk(nonInviteClient, nonInviteClientIn, giveToClient, {
    'trying × timer E': ['trying', '> OPTIONS', 'timer E 1000', 'timer F 32000'],
    'trying × timer F': ['terminated', 'ended', 'TU fails: timeout'],
    'trying × transport error': ['terminated', 'ended', 'TU fails: transport error'],
    'trying × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'proceeding × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'completed × transport removed': ['terminated', 'ended'],
    'trying × 1xx': ['proceeding', 'TU 183', 'timer E 500', 'timer F 32000'],
    'trying × 2xx-6xx': ['completed', 'TU 404', 'timer K 5000'],
    'trying × abandon': ['terminated', 'ended'],
    'proceeding × timer E': ['proceeding', '> OPTIONS', 'timer E 4000', 'timer F 32000'],
    'proceeding × timer F': ['terminated', 'ended', 'TU fails: timeout'],
    'proceeding × transport error': ['terminated', 'ended', 'TU fails: transport error'],
    'proceeding × 1xx': ['proceeding', 'TU 183', 'timer E 500', 'timer F 32000'],
    'proceeding × 2xx-6xx': ['completed', 'TU 404', 'timer K 5000'],
    'proceeding × abandon': ['terminated', 'ended'],
    'completed × timer K': ['terminated', 'ended'],
  })
})

describe('RFC 3261 §17.2.1 Figure 7, as RFC 6026 §8.6 replaces it: INVITE server', () => {
  walk(inviteServer, inviteServerIn, giveToServer, {
    'proceeding × INVITE': ['proceeding', '> 180'],
    'proceeding × 1xx': ['proceeding', '> 183'],
    'proceeding × 2xx': ['accepted', '> 202', 'timer L 32000'],
    'proceeding × 3xx-6xx': ['completed', '> 404', 'timer G 500', 'timer H 32000'],
    'proceeding × trying': ['proceeding', '> 100'],
    'proceeding × transport error': ['proceeding', 'TU fails: transport error'],
    'proceeding × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'accepted × transport removed': ['terminated', 'ended'],
    'completed × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'confirmed × transport removed': ['terminated', 'ended'],
    'proceeding × flow lost': ['proceeding', 'TU fails: flow lost'],
    'accepted × 2xx': ['accepted', '> 202', 'timer L 32000'],
    'accepted × timer L': ['terminated', 'ended'],
    'completed × INVITE': ['completed', '> 486', 'timer G 500', 'timer H 32000'],
    'completed × ACK': ['confirmed', 'timer I 5000'],
    'completed × timer G': ['completed', '> 486', 'timer G 1000', 'timer H 32000'],
    'completed × timer H': ['terminated', 'ended', 'TU fails: timeout'],
    'completed × transport error': ['completed', 'TU fails: transport error', 'timer G 500', 'timer H 32000'],
    'completed × flow lost': ['completed', 'TU fails: flow lost', 'timer G 500', 'timer H 32000'],
    'confirmed × timer I': ['terminated', 'ended'],
  })
})

describe('RFC 3261 §17.2.2 Figure 8, with RFC 4320 §4 and RFC 6026 §8.8: non-INVITE server', () => {
  walk(nonInviteServer, nonInviteServerIn, giveToServer, {
    'trying × 1xx': ['proceeding', '> 183', 'expiry 32000'],
    'trying × 2xx-6xx': ['completed', '> 404', 'timer J 32000'],
    'trying × trying timer': ['proceeding', '> 100', 'expiry 32000'],
    'trying × transport error': ['trying', 'TU fails: transport error', 'trying timer 3500'],
    'trying × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'proceeding × transport removed': ['terminated', 'ended', 'TU fails: transport error'],
    'completed × transport removed': ['terminated', 'ended'],
    'trying × flow lost': ['trying', 'TU fails: flow lost', 'trying timer 3500'],
    'proceeding × request': ['proceeding', '> 100', 'expiry 32000'],
    'proceeding × 1xx': ['proceeding', '> 183', 'expiry 32000'],
    'proceeding × 2xx-6xx': ['completed', '> 404', 'timer J 32000'],
    'proceeding × expiry': ['terminated', 'ended', 'TU fails: timeout'],
    'proceeding × transport error': ['proceeding', 'TU fails: transport error', 'expiry 32000'],
    'proceeding × flow lost': ['proceeding', 'TU fails: flow lost', 'expiry 32000'],
    'completed × request': ['completed', '> 200', 'timer J 32000'],
    // its user was released with the answer, which tells of itself where it could not be sent: see below
    'completed × timer J': ['terminated', 'ended'],
  })
})

test.each([
  ['INVITE server', inviteServerIn],
  ['non-INVITE server', nonInviteServerIn],
] as const)('RFC 3261 §17.2.4: neither the way nor its backup takes a response of an %s', (_, make) => {
  const stub = new Stub()
  const instance = make('proceeding', stub)
  stub.log.length = 0
  stub.failure = 'gone'
  instance.onResponse(answerOf(instance, 'INVITE', 404))
  expect(stub.log.filter(line => line.startsWith('>'))).toEqual(['> 404', '> 404'])
  expect(stub.log.at(-1)).toBe('TU fails: transport error')
})
