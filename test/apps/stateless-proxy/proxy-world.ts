import { h, type SipMessage, type SipRequest } from 'resip/stack'
import { StatelessProxy, type StatelessProxyOptions } from '../../../apps/stateless-proxy/proxy.ts'
import type { Protocol } from '../../../src/stack/message/flow.ts'
import { type Peer, World } from '../../stack/world.ts'

export const UAC = '192.0.2.1'
export const UAS = '192.0.2.2'
export const PROXY = '192.0.2.10'
/** Nobody's but the attacker's. */
export const MALLORY = '192.0.2.66'

type Place = readonly [protocol: Protocol, address: string, port?: number]

/** Stateless proxies and their peers on a network in memory. */
export class ProxyWorld extends World {
  readonly #proxies: StatelessProxy[] = []

  async proxy(
    options: Partial<StatelessProxyOptions> = {},
    ...places: readonly Place[]
  ): Promise<StatelessProxy> {
    const stack = { clock: this.clock, ...options.stack }
    const proxy = await StatelessProxy.start({ listen: [], ...options, stack })
    this.#proxies.push(proxy)
    for (const [protocol, address, port = 5060] of places.length > 0 ? places : [['UDP', PROXY] as const])
      await proxy.stack.addTransport(this.network.transport(protocol, address, port))
    return proxy
  }

  /** Sends a text to the proxy; what comes of it at once has happened afterwards. */
  say(peer: Peer, text: string, address: string = PROXY, port: number = 5060): void {
    peer.send(text, address, port)
    this.advance(0)
  }

  /** What the proxy sent, as `200 udp:192.0.2.1:5060`. */
  sentBy(address: string = PROXY): string[] {
    return this.passages
      .filter(({ from }) => from.includes(`${address}:`))
      .map(({ what, to }) => `${what} ${to}`)
  }

  override async close(): Promise<void> {
    await Promise.all(this.#proxies.map(proxy => proxy.close()))
    await super.close()
  }
}

/** The last request that a peer heard, or one of those before. */
export function requestAt(peer: Peer, at: number = -1): SipRequest {
  const message = peer.heard.at(at)
  if (!message?.isRequest) throw new Error(`no request but ${peer.titles.join(' ') || 'nothing'}`)
  return message
}

export function vias(message: SipMessage): string[] {
  return message.all(h.Via).map(String)
}

/** A response as text, with these Vias and nothing else of interest. */
export function responseText(viaValues: readonly string[], extra: string = ''): string {
  return (
    `SIP/2.0 200 OK\r\n${viaValues.map(via => `Via: ${via}\r\n`).join('')}` +
    'From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\n' +
    `Call-ID: call-1\r\nCSeq: 1 OPTIONS\r\n${extra}Content-Length: 0\r\n\r\n`
  )
}
