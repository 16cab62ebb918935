import type { SipMessage, SipRequest } from 'resip/stack'
import { type ScriptedPeer, World } from 'resip/testing'
import {
  type ClientSubscription,
  type ClientSubscriptionHandler,
  DialogUsageManager,
  type ProfileParts,
  type ServerSubscription,
  type ServerSubscriptionHandler,
  type SubscribeOptions,
} from '../../src/dum/index.ts'
import type { NetworkConditions } from '../../src/testing/memory-network.ts'

export const text = (body: string): { contentType: string; body: string } => ({
  contentType: 'text/plain',
  body,
})

/** A DUM of alice's on the left, and one of bob's, or a peer that says what it is told to. */
export class Watching {
  readonly world: World
  readonly alice: DialogUsageManager
  readonly bob: DialogUsageManager
  watched: ServerSubscription | undefined

  static async make(conditions: NetworkConditions = {}, profile: ProfileParts = {}): Promise<Watching> {
    const world = new World({ delay: 10, ...conditions })
    world.drawnFrom('192.0.2.1')
    const dum = async (address: string, name: string) =>
      new DialogUsageManager(await world.stack(address), {
        profile: { aor: `sip:${name}@${address}`, ...profile },
      })
    return new Watching(world, await dum('192.0.2.1', 'alice'), await dum('192.0.2.2', 'bob'))
  }

  private constructor(world: World, alice: DialogUsageManager, bob: DialogUsageManager) {
    this.world = world
    this.alice = alice
    this.bob = bob
  }

  get ladder(): readonly string[] {
    return this.world.ladder
  }

  get steps(): string[] {
    return this.ladder.map(line => line.replace(/^\d+ /, ''))
  }

  /** What is left when all is over: nothing. */
  get left(): number {
    return this.alice.dialogCount + this.bob.dialogCount
  }

  advance(milliseconds: number): void {
    this.world.advance(milliseconds)
  }

  /** Header lines of what was sent, the nth of a method. */
  sent(method: string, index: number): string {
    const found = this.world.wires.filter(wire => wire.startsWith(`${method} `))
    return found.at(index) ?? ''
  }

  serving(handler: Partial<ServerSubscriptionHandler> = {}, policy = {}): void {
    const { world } = this
    this.bob.onSubscribe(
      'presence',
      {
        onNewSubscription: subscription => {
          this.watched = subscription
          subscription.grant(text('open'))
        },
        onRefresh: () => world.note('bob: refresh'),
        onExpired: () => world.note('bob: expired'),
        onExpiredByClient: () => world.note('bob: expired by client'),
        onNotifyRejected: (_, response) => world.note(`bob: rejected ${response.status}`),
        onError: () => world.note('bob: error'),
        onTerminated: (_, end) => world.note(`bob: terminated ${end.by} ${end.reason ?? end.status}`),
        ...handler,
      },
      policy,
    )
  }

  watching(
    handler: ClientSubscriptionHandler = {},
    options: SubscribeOptions = { expires: 600 },
  ): ClientSubscription {
    return this.alice.subscribe('sip:bob@192.0.2.2', 'presence', options, {
      ...noting(this.world),
      ...handler,
    })
  }

  async close(): Promise<void> {
    await this.world.close()
  }
}

/** Notes what is heard of a subscription. */
function noting(world: World): ClientSubscriptionHandler {
  return {
    onNewSubscription: () => world.note('alice: new'),
    onUpdatePending: (_, notify) => world.note(`alice: pending ${notify.body?.text ?? '-'}`),
    onUpdateActive: (_, notify) => world.note(`alice: active ${notify.body?.text ?? '-'}`),
    onUpdateExtension: (_, notify) => world.note(`alice: ${notify.state}`),
    onNotifyNotReceived: () => world.note('alice: no NOTIFY'),
    onTerminated: (_, end, notify) =>
      world.note(
        `alice: terminated ${end.by} ${end.reason ?? end.status ?? '-'} ${notify?.body?.text ?? '-'}`,
      ),
  }
}

/** A notifier without a stack. */
export class Notifier {
  readonly peer: ScriptedPeer
  readonly address: string
  readonly subscribes: SipRequest[] = []
  onSubscribe: (subscribe: SipRequest) => void = () => {}
  #cseq = 0

  static async at(world: World, address: string = '192.0.2.2'): Promise<Notifier> {
    return new Notifier(await world.peer(address), address)
  }

  private constructor(peer: ScriptedPeer, address: string) {
    this.peer = peer
    this.address = address
    peer.onMessage = (message: SipMessage) => {
      if (!message.isRequest || message.method !== 'SUBSCRIBE') return
      this.subscribes.push(message)
      this.onSubscribe(message)
    }
  }

  answer(subscribe: SipRequest, status: number, extra: string = '', tag: string = 'n1'): void {
    this.peer.answer(subscribe, status, tag, extra)
  }

  /** A NOTIFY to the subscriber; `extra` are header lines, each with its CR LF. */
  notify(
    subscribe: SipRequest,
    state: string,
    options: { tag?: string; event?: string; extra?: string; cseq?: number } = {},
  ): void {
    const { tag = 'n1', event = 'presence', extra = `Contact: <sip:${this.address}>\r\n` } = options
    const cseq = options.cseq ?? ++this.#cseq
    const from = subscribe.to.with({ tag }).toString()
    this.peer.send(
      `NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP ${this.address};branch=z9hG4bKn${tag}${cseq}\r\nMax-Forwards: 70\r\n` +
        `From: ${from}\r\nTo: ${subscribe.from}\r\nCall-ID: ${subscribe.callId}\r\nCSeq: ${cseq} NOTIFY\r\n` +
        `Event: ${event}\r\n${state === '' ? '' : `Subscription-State: ${state}\r\n`}${extra}Content-Length: 0\r\n\r\n`,
      '192.0.2.1',
    )
  }
}
