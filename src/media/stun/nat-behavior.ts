import { valued } from '../../stun/attribute.ts'
import { mappedAddressOf, OtherAddress } from '../../stun/attributes/address.ts'
import { ChangeRequest } from '../../stun/attributes/nat-behavior.ts'
import { method } from '../../stun/header.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import type { StunMessage } from '../../stun/message.ts'
import { sameRemote } from '../../util/address.ts'
import { guarded } from '../../util/guard.ts'
import { feed, type Machine, to } from '../../util/machine.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import { StunClient } from './client.ts'
import type { StunTransport } from './client-options.ts'
import type { StunRequest } from './exchange.ts'
import type { StunFailure } from './failure.ts'
import { BindingServer } from './server/binding-server.ts'
import type { StunTiming } from './transaction.ts'

export type NatDependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'

/** What was found; what could not be found is `undefined`. */
export interface NatBehavior {
  /** The server answers over UDP (RFC 5780 §4.2). */
  readonly reachable: boolean
  /** It has a second address to test with; without, only `mapped` and `translated` are known. */
  readonly supported: boolean
  /** Our address as the server sees it. */
  readonly mapped: TransportAddress | undefined
  /** There is a NAT between; known where the local address is. */
  readonly translated: boolean | undefined
  readonly mapping: NatDependence | undefined
  readonly filtering: NatDependence | undefined
  /** What we send to our own mapped address comes back; tested where asked for. */
  readonly hairpinning: boolean | undefined
  /** Why the server could not be used. */
  readonly failure: StunFailure | undefined
}

export interface NatBehaviorOptions extends CallbackErrorOptions {
  /** One UDP socket; its port must not have been used with this server for some minutes (RFC 5780 §4.1). */
  readonly transport: StunTransport
  readonly server: TransportAddress
  /** The socket's own address, where it is known and not a wildcard. */
  readonly local?: TransportAddress
  readonly timers: Timers
  readonly random: RandomSource
  readonly hairpin?: boolean
  /** The tests that nobody answers wait as long as any: 39.5 s each by default. */
  readonly timing?: Partial<StunTiming>
  onResult(behavior: NatBehavior): void
}

type State =
  | 'idle'
  | 'connectivity'
  | 'filteringII'
  | 'filteringIII'
  | 'mappingII'
  | 'mappingIII'
  | 'hairpin'
  | 'done'

type Input =
  | 'start'
  | 'full answer'
  | 'plain answer'
  | 'answer'
  | 'same mapping'
  | 'no answer'
  | 'nothing more'

interface Event {
  readonly mapped?: TransportAddress | undefined
  readonly other?: TransportAddress | undefined
  readonly failure?: StunFailure
}

const nothing: Event = {}

/**
 * Finds out how the NAT before us maps and filters (RFC 5780 §4). Filtering is tested before mapping, for the mapping
 * tests open the filters that would be tested (§4.5).
 */
export class NatBehaviorDiscovery {
  /** @internal */
  state: State = 'idle'
  /** @internal */
  turn: unknown[] | null = null
  /** @internal */
  readonly options: NatBehaviorOptions
  /** @internal */
  found: { -readonly [field in keyof NatBehavior]: NatBehavior[field] } = {
    reachable: false,
    supported: false,
    mapped: undefined,
    translated: undefined,
    mapping: undefined,
    filtering: undefined,
    hairpinning: undefined,
    failure: undefined,
  }
  /** @internal the server's second address and port */
  other: TransportAddress | undefined
  /** @internal our address as the server's second address saw it */
  second: TransportAddress | undefined
  readonly #client: StunClient
  /** @internal */
  readonly errors: CallbackErrors
  readonly #mirror = new BindingServer()

  constructor(options: NatBehaviorOptions) {
    this.options = options
    this.errors = new CallbackErrors(options)
    const { transport, server, timers, random, timing } = options
    this.#client = new StunClient({
      transport,
      server,
      timers,
      random,
      alternateServer: 'never',
      ...(timing && { timing }),
    })
  }

  start(): void {
    feed(natBehaviorMachine, this, 'start', nothing)
  }

  /** Takes in a datagram that came to the socket from `source`. */
  receive(bytes: Uint8Array, source: TransportAddress): void {
    if (this.#client.receive(bytes, source) || this.state !== 'hairpin') return
    const { answer } = this.#mirror.receive(bytes, source, this.options.local ?? source)
    if (answer !== undefined) this.options.transport.send(answer.bytes, answer.to)
  }

  /** Ends it without a result. */
  cancel(): void {
    this.#client.close()
  }

  /** @internal sends the request of a test and gives the answer to `judge`, which says what it means */
  test(
    request: Partial<StunRequest>,
    judge: (mapped: TransportAddress | undefined, source: TransportAddress, response: StunMessage) => Input,
  ): void {
    this.#client.request(
      { method: method.Binding, ...request },
      {
        onSuccess: (response, source) => {
          const mapped = mappedAddressOf(response)
          const other = response.get(OtherAddress)
          feed(natBehaviorMachine, this, judge(mapped, source, response), { mapped, other })
        },
        onFailure: failure => feed(natBehaviorMachine, this, 'no answer', { failure }),
      },
    )
  }
}

/** The order of the tests; RFC 5780 describes each in words. */
export const natBehaviorMachine: Machine<State, Input, NatBehaviorDiscovery, Event> = {
  name: 'nat-behavior',
  source: 'RFC 5780 §4.2, §4.3, §4.4',
  initial: 'idle',
  final: 'done',
  inputs: ['start', 'full answer', 'plain answer', 'answer', 'same mapping', 'no answer', 'nothing more'],
  rows: {
    idle: { start: to('connectivity', testConnectivity) },
    connectivity: {
      'full answer': to('filteringII', noteMapped, testOtherAddressAndPort),
      'plain answer': to('done', noteMapped, report),
      'no answer': to('done', noteFailure, report),
    },
    filteringII: {
      answer: to('mappingII', noteOpenFilter, testOtherAddress),
      'no answer': to('filteringIII', testOtherPort),
      'plain answer': to('mappingII', testOtherAddress),
    },
    filteringIII: {
      answer: to('mappingII', noteAddressFilter, testOtherAddress),
      'no answer': to('mappingII', notePortFilter, testOtherAddress),
      'plain answer': to('mappingII', testOtherAddress),
    },
    mappingII: {
      'same mapping': to('hairpin', noteOneMapping, testHairpin),
      answer: to('mappingIII', noteSecondMapping, testMappingOfPort),
      'no answer': to('hairpin', testHairpin),
    },
    mappingIII: {
      'same mapping': to('hairpin', noteMappingByAddress, testHairpin),
      answer: to('hairpin', noteMappingByPort, testHairpin),
      'no answer': to('hairpin', testHairpin),
    },
    hairpin: {
      answer: to('done', noteHairpin, report),
      'no answer': to('done', noteNoHairpin, report),
      'nothing more': to('done', report),
    },
    done: {},
  },
  absorbs: {
    idle: ['full answer', 'plain answer', 'answer', 'same mapping', 'no answer', 'nothing more'],
    connectivity: ['start', 'answer', 'same mapping', 'nothing more'],
    filteringII: ['start', 'full answer', 'same mapping', 'nothing more'],
    filteringIII: ['start', 'full answer', 'same mapping', 'nothing more'],
    mappingII: ['start', 'full answer', 'plain answer', 'nothing more'],
    mappingIII: ['start', 'full answer', 'plain answer', 'nothing more'],
    hairpin: ['start', 'full answer', 'plain answer', 'same mapping'],
    done: ['start', 'full answer', 'plain answer', 'answer', 'same mapping', 'no answer', 'nothing more'],
  },
}

function testConnectivity(self: NatBehaviorDiscovery): void {
  self.test({}, (_, __, response) =>
    response.get(OtherAddress) === undefined ? 'plain answer' : 'full answer',
  )
}

function testOtherAddressAndPort(self: NatBehaviorDiscovery): void {
  const { other } = self
  const change = [valued(ChangeRequest, { changeIp: true, changePort: true })]
  self.test({ attributes: change }, (_, source) => cameFrom(source, other))
}

function testOtherPort(self: NatBehaviorDiscovery): void {
  const expected = self.other && { address: self.options.server.address, port: self.other.port }
  const change = [valued(ChangeRequest, { changeIp: false, changePort: true })]
  self.test({ attributes: change }, (_, source) => cameFrom(source, expected))
}

/** An answer from the address that was asked tells nothing of filters: the server does not do as it says. */
function cameFrom(source: TransportAddress, expected: TransportAddress | undefined): Input {
  return expected !== undefined && sameRemote(source, expected) ? 'answer' : 'plain answer'
}

function testOtherAddress(self: NatBehaviorDiscovery): void {
  const { other, found } = self
  if (other === undefined) return
  const target = { address: other.address, port: self.options.server.port }
  self.test({ to: target }, mapped => compared(mapped, found.mapped))
}

function testMappingOfPort(self: NatBehaviorDiscovery): void {
  const { other, second } = self
  if (other !== undefined) self.test({ to: other }, mapped => compared(mapped, second))
}

function compared(a: TransportAddress | undefined, b: TransportAddress | undefined): Input {
  return a !== undefined && b !== undefined && sameRemote(a, b) ? 'same mapping' : 'answer'
}

function testHairpin(self: NatBehaviorDiscovery): void {
  const { mapped } = self.found
  if (!self.options.hairpin || mapped === undefined) feed(natBehaviorMachine, self, 'nothing more', nothing)
  else self.test({ to: mapped }, () => 'answer')
}

function noteMapped(self: NatBehaviorDiscovery, { mapped, other }: Event): void {
  const { local } = self.options
  self.other = other
  self.found.reachable = true
  self.found.supported = other !== undefined
  self.found.mapped = mapped
  if (local !== undefined && mapped !== undefined) self.found.translated = !sameRemote(local, mapped)
}

function noteFailure(self: NatBehaviorDiscovery, { failure }: Event): void {
  self.found.failure = failure
}

function noteOpenFilter(self: NatBehaviorDiscovery): void {
  self.found.filtering = 'endpoint-independent'
}

function noteAddressFilter(self: NatBehaviorDiscovery): void {
  self.found.filtering = 'address-dependent'
}

function notePortFilter(self: NatBehaviorDiscovery): void {
  self.found.filtering = 'address-and-port-dependent'
}

function noteSecondMapping(self: NatBehaviorDiscovery, { mapped }: Event): void {
  self.second = mapped
}

function noteOneMapping(self: NatBehaviorDiscovery): void {
  self.found.mapping = 'endpoint-independent'
}

function noteMappingByAddress(self: NatBehaviorDiscovery): void {
  self.found.mapping = 'address-dependent'
}

function noteMappingByPort(self: NatBehaviorDiscovery): void {
  self.found.mapping = 'address-and-port-dependent'
}

function noteHairpin(self: NatBehaviorDiscovery): void {
  self.found.hairpinning = true
}

function noteNoHairpin(self: NatBehaviorDiscovery): void {
  self.found.hairpinning = false
}

function report(self: NatBehaviorDiscovery): void {
  const { options } = self
  guarded(self.errors.failed, options, options.onResult, { ...self.found })
}
