import { World } from 'resip/testing'
import {
  type ClientInvite,
  type ClientInviteHandler,
  type ClientInviteSession,
  DialogUsageManager,
  type ProfileParts,
  type ServerInviteHandler,
  type ServerInviteSession,
} from '../../src/dum/index.ts'
import type { NetworkConditions } from '../../src/testing/memory-network.ts'

export function sdp(port: number): { contentType: string; body: string } {
  const body = `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`
  return { contentType: 'application/sdp', body }
}

/** The port that a description names. */
export function portOf(description: { readonly text: string } | undefined): string {
  return /m=audio (\d+)/.exec(description?.text ?? '')?.[1] ?? '-'
}

export interface PairOptions {
  readonly conditions?: NetworkConditions
  readonly alice?: ProfileParts
  readonly bob?: ProfileParts
}

/** Two DUMs, alice on the left: what passes and what their handlers hear is in the ladder. */
export class Pair {
  readonly world: World
  readonly alice: DialogUsageManager
  readonly bob: DialogUsageManager
  call: ClientInvite | undefined
  caller: ClientInviteSession | undefined
  callee: ServerInviteSession | undefined

  static async make(options: PairOptions = {}): Promise<Pair> {
    const world = new World({ delay: 10, ...options.conditions })
    world.drawnFrom('192.0.2.1')
    const dum = async (address: string, name: string, profile: ProfileParts = {}) =>
      new DialogUsageManager(await world.stack(address), {
        profile: { aor: `sip:${name}@${address}`, sessionExpires: 0, ...profile },
      })
    const alice = await dum('192.0.2.1', 'alice', options.alice)
    return new Pair(world, alice, await dum('192.0.2.2', 'bob', options.bob))
  }

  private constructor(world: World, alice: DialogUsageManager, bob: DialogUsageManager) {
    this.world = world
    this.alice = alice
    this.bob = bob
  }

  get ladder(): readonly string[] {
    return this.world.ladder
  }

  /** The ladder without times: what happened, in order. */
  get steps(): string[] {
    return this.ladder.map(line => line.replace(/^\d+ /, ''))
  }

  advance(milliseconds: number): void {
    this.world.advance(milliseconds)
  }

  /** Bob rings, and accepts when told to, or at once. */
  answering(handler: Partial<ServerInviteHandler> = {}, accepts: boolean = true): void {
    const { world } = this
    this.bob.onInvite({
      onNewSession: session => {
        this.callee = session
        session.provisional(180)
      },
      onOffer: (session, offer) => {
        offer.answer(sdp(2000))
        if (accepts && session.state === 'early') session.accept()
      },
      onConnectedConfirmed: () => world.note('bob: confirmed'),
      onAckNotReceived: () => world.note('bob: no ACK'),
      onTerminated: (_, why) => world.note(`bob: ${why.kind} ${why.cause}`),
      ...handler,
    })
  }

  /** Alice calls. */
  calling(
    handler: Partial<ClientInviteHandler> = {},
    offer: { contentType: string; body: string } | undefined = sdp(1000),
  ): ClientInvite {
    const { world } = this
    this.call = this.alice.invite('sip:bob@192.0.2.2', offer === undefined ? {} : { offer }, {
      onNewSession: session => {
        this.caller = session
      },
      onOffer: (_, given) => given.answer(sdp(1000)),
      onAnswer: (_, answer) => world.note(`alice: answer ${portOf(answer)}`),
      onConnected: () => world.note('alice: connected'),
      onForkDestroyed: () => world.note('alice: fork destroyed'),
      onTerminated: (_, why) => world.note(`alice: ${why.kind} ${why.cause}`),
      onFailure: (_, why) => world.note(`alice: failed ${why.kind} ${why.status ?? '-'}`),
      ...handler,
    })
    return this.call
  }

  /** What is left when all is over: nothing. */
  get left(): number {
    return this.alice.dialogCount + this.bob.dialogCount
  }

  async close(): Promise<void> {
    await this.world.close()
  }
}
