import type { Protocol } from '../stack/message/flow.ts'
import type { StackOptions } from '../stack/options.ts'
import { SipStack } from '../stack/stack.ts'
import { SimulatedClock } from '../util/clock.ts'
import { seededRandom } from '../util/random.ts'
import { Timers } from '../util/timers.ts'
import { MemoryNetwork, type NetworkConditions } from './memory-network.ts'
import { ScriptedPeer } from './scripted-peer.ts'
import { title } from './wire-text.ts'

/** Stacks and peers on a network in memory in simulated time, with a ladder of what passed: `500 → INVITE`, `520 ← 180`. */
export class World {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)
  readonly network: MemoryNetwork
  readonly ladder: string[] = []
  /** Everything that was sent, as text, lost or not. */
  readonly wires: string[] = []
  /** Who sent what to whom, by the keys of their transports. */
  readonly passages: { readonly from: string; readonly to: string; readonly what: string }[] = []
  readonly #stacks: SipStack[] = []
  #left = ''

  constructor(conditions: NetworkConditions = {}) {
    this.network = new MemoryNetwork(this.timers, conditions)
    this.network.onPassage = ({ time, from, to, wire, lost }) => {
      this.passages.push({ from, to, what: title(wire) })
      this.wires.push(wire)
      const arrow = from.includes(this.#left) ? '→' : '←'
      this.ladder.push(`${time} ${arrow} ${lost ? '✗ ' : ''}${title(wire)}`)
    }
  }

  /** The address whose sendings point to the right in the ladder. */
  drawnFrom(address: string): void {
    this.#left = address
  }

  /** Puts a remark into the ladder. */
  note(text: string): void {
    this.ladder.push(`${this.clock.now()} ${text}`)
  }

  /** A stack with one transport of each protocol at `address`, port 5060; its randomness comes from the address. */
  async stack(
    address: string,
    protocols: readonly Protocol[] = ['UDP'],
    options: StackOptions = {},
  ): Promise<SipStack> {
    const seed = [...address].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7)
    const stack = new SipStack({ clock: this.clock, random: seededRandom(seed), ...options })
    for (const protocol of protocols)
      await stack.addTransport(this.network.transport(protocol, address, 5060))
    this.#stacks.push(stack)
    return stack
  }

  async peer(address: string, protocol: Protocol = 'UDP', port: number = 5060): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(this.network.transport(protocol, address, port))
    await peer.transport.open(peer)
    return peer
  }

  /** Moves time on; whatever is due happens at its own millisecond. */
  advance(milliseconds: number): void {
    this.clock.advance(milliseconds)
  }

  /** Closes all stacks. */
  async close(): Promise<void> {
    await Promise.all(this.#stacks.map(stack => stack.close()))
  }
}
