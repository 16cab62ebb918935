import type { Protocol, StackOptions } from 'resip/stack'
import { h, type SipMessage, type SipRequest, type SipStack } from 'resip/stack'
import { type ScriptedPeer, World } from 'resip/testing'
import {
  type ClientRegistration,
  type ClientRegistrationHandler,
  DialogUsageManager,
  type ProfileParts,
  type RegisterOptions,
} from '../../../src/dum/index.ts'
import type { NetworkConditions } from '../../../src/testing/memory-network.ts'

/** What a scripted registrar answers; `undefined` for nothing. */
export type Script = (
  request: SipRequest,
  count: number,
) => readonly [status: number, lines: string] | undefined

export interface PeerOptions {
  readonly conditions?: NetworkConditions
  readonly protocol?: Protocol
  readonly profile?: ProfileParts
  readonly stack?: StackOptions
}

/** A DUM on the left that registers, and a scripted registrar on the right. */
export class WithRegistrar {
  readonly world: World
  readonly dum: DialogUsageManager
  readonly dumStack: SipStack
  readonly peer: ScriptedPeer
  readonly heard: SipRequest[] = []
  script: Script = granting()

  static async make(options: PeerOptions = {}): Promise<WithRegistrar> {
    const { conditions, protocol = 'UDP', profile, stack } = options
    const world = new World({ delay: 10, ...conditions })
    world.drawnFrom('192.0.2.1')
    const dumStack = await world.stack('192.0.2.1', [protocol], stack)
    const dum = new DialogUsageManager(dumStack, {
      profile: { aor: 'sip:alice@192.0.2.2', ...profile },
    })
    return new WithRegistrar(world, dum, dumStack, await world.peer('192.0.2.2', protocol))
  }

  private constructor(world: World, dum: DialogUsageManager, dumStack: SipStack, peer: ScriptedPeer) {
    this.dumStack = dumStack
    this.world = world
    this.dum = dum
    this.peer = peer
    peer.onMessage = message => this.answer(peer, message)
  }

  answer(peer: ScriptedPeer, message: SipMessage): void {
    if (!message.isRequest) return
    this.heard.push(message)
    const answer = this.script(message, this.heard.length)
    if (answer !== undefined) peer.answer(message, answer[0], 'registrar', answer[1])
  }

  /** A further registrar, or edge. */
  async another(address: string, protocol: Protocol = 'UDP'): Promise<ScriptedPeer> {
    const peer = await this.world.peer(address, protocol)
    peer.onMessage = message => this.answer(peer, message)
    return peer
  }

  register(options: RegisterOptions = {}, handler: ClientRegistrationHandler = {}): ClientRegistration {
    const { world } = this
    return this.dum.register(this.dum.profile, options, {
      onSuccess: ({ expires }) => world.note(`registered ${expires}`),
      onRemoved: () => world.note('removed'),
      onFailure: (_, why) => world.note(`failed ${why.status}`),
      onRequestRetry: (_, why) => world.note(`retry after ${why.status}`),
      onRefreshRequired: () => world.note('refresh required'),
      onFlowTerminated: () => world.note('flow lost'),
      onBindings: (_, contacts) => world.note(`bound: ${contacts.length}`),
      ...handler,
    })
  }

  advance(milliseconds: number): void {
    this.world.advance(milliseconds)
  }

  get ladder(): readonly string[] {
    return this.world.ladder
  }

  get steps(): string[] {
    return this.ladder.map(line => line.replace(/^\d+ /, ''))
  }

  /** A header of each REGISTER that was heard. */
  texts(name: string): string[] {
    return this.heard.map(request => fieldOf(request, name))
  }

  async close(): Promise<void> {
    await this.world.close()
  }
}

/** All values of a header as they came. */
export function fieldOf(request: SipMessage, name: string): string {
  const lines = request.toString().split('\r\n')
  const own = lines.filter(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  return own.map(line => line.slice(name.length + 1).trim()).join(', ')
}

/** A registrar that grants what is asked, `most` seconds at the most, and lists the Contacts of the request. */
export function granting(most: number = 3600, lines: string = ''): Script {
  return request => {
    const asked = Math.min(most, request.get(h.Expires) ?? most)
    const contacts = request.all(h.Contact).filter(contact => !contact.isWildcard)
    const live = contacts.filter(contact => contact.params.text('expires') !== '0' && asked > 0)
    return [200, live.map(contact => `Contact: ${contact};expires=${asked}\r\n`).join('') + lines]
  }
}
