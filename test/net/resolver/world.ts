import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
} from 'dns-packet'
import { DnsResolver } from '../../../src/net/resolver/dns-resolver.ts'
import type { DnsChannel, DnsChannelUser, DnsNetwork } from '../../../src/net/resolver/network.ts'
import type { DnsOptions } from '../../../src/net/resolver/options.ts'
import type { Remote } from '../../../src/util/address.ts'
import { hostPort } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

/** What a name server does to a question. */
export interface Reply {
  /** Milliseconds until it arrives. Default 10. */
  readonly delay?: number
  readonly rcode?: number
  readonly flags?: number
  readonly answers?: Answer[]
  readonly authorities?: Answer[]
  readonly additionals?: Answer[]
  /** Instead of the server's own. */
  readonly from?: Remote
  /** Fields of the answer as it is encoded that differ. */
  readonly changed?: Partial<Packet>
  /** The octets instead. */
  readonly bytes?: (answer: Buffer) => Buffer
}

export interface Asked {
  readonly id: number
  readonly name: string
  readonly type: string
  readonly edns: number | undefined
  readonly transport: 'udp' | 'tcp'
  readonly server: string
}

export type Server = (asked: Asked) => readonly Reply[] | Reply | undefined | 'refuse'

export const TRUNCATED = 0x200

export const soa = (name: string, minimum: number, ttl = 3600): Answer => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: 'ns.invalid', rname: 'root.invalid', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})
export const a = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data })
export const aaaa = (name: string, data: string, ttl = 60): Answer => ({ type: 'AAAA', name, ttl, data })
export const cname = (name: string, data: string, ttl = 60): Answer => ({ type: 'CNAME', name, ttl, data })
export const srv = (name: string, target: string, port = 5060, ttl = 60): Answer => ({
  type: 'SRV',
  name,
  ttl,
  data: { priority: 0, weight: 0, port, target },
})

/** Name servers in simulated time; `ladder` holds each question as it was sent. */
export class DnsWorld implements DnsNetwork {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)
  readonly servers: Map<string, Server> = new Map()
  readonly ladder: string[] = []
  readonly asked: Asked[] = []
  /** Channels that are not closed. */
  open = 0

  resolver(options: DnsOptions = {}): DnsResolver {
    return new DnsResolver({
      servers: ['192.0.2.53'],
      hosts: false,
      network: this,
      timers: this.timers,
      random: seededRandom(7),
      ...options,
    })
  }

  /** A server at an address, at port 53 unless one is given. */
  serve(address: string, server: Server): void {
    this.servers.set(hostPort(address, 53), server)
  }

  udp(server: Remote, user: DnsChannelUser): DnsChannel {
    return this.#channel('udp', server, user)
  }

  tcp(server: Remote, user: DnsChannelUser): DnsChannel {
    return this.#channel('tcp', server, user)
  }

  /** Lets promises settle that can, then time pass. */
  async advance(milliseconds: number): Promise<void> {
    await settled()
    this.clock.advance(milliseconds)
    await settled()
  }

  #channel(transport: 'udp' | 'tcp', server: Remote, user: DnsChannelUser): DnsChannel {
    this.open++
    let isOpen = true
    const at = hostPort(server.address, server.port)
    return {
      send: bytes => {
        const query = decode(Buffer.from(bytes))
        const { name = '', type = '' } = query.questions?.[0] ?? {}
        const opt = query.additionals?.find(record => record.type === 'OPT')
        const edns = opt?.type === 'OPT' ? opt.udpPayloadSize : undefined
        const asked = { id: query.id ?? 0, name, type, edns, transport, server: at }
        this.asked.push(asked)
        this.ladder.push(
          `${this.clock.now()} → ${type} ${name} ${server.address}${transport === 'tcp' ? ' tcp' : ''}`,
        )
        const replies = this.servers.get(at)?.(asked)
        if (replies === 'refuse') {
          this.timers.after(1, () => {
            if (isOpen) user.onChannelFailure(new EnvironmentError('ECONNREFUSED', `${at} refused`))
          })
          return
        }
        for (const reply of [replies ?? []].flat()) {
          const { address, port } = reply.from ?? server
          const answer = answerTo(asked, query, reply)
          this.timers.after(reply.delay ?? 10, () => {
            if (isOpen) user.onMessage(Buffer.from(answer), address, port)
          })
        }
      },
      close: () => {
        if (isOpen) this.open--
        isOpen = false
      },
    }
  }
}

export const authoritative: number = AUTHORITATIVE_ANSWER

function answerTo(asked: Asked, query: Packet, reply: Reply): Buffer {
  const answer = encode({
    type: 'response',
    id: asked.id,
    flags: (reply.flags ?? RECURSION_AVAILABLE) | (reply.rcode ?? 0),
    questions: query.questions ?? [],
    answers: reply.answers ?? [],
    authorities: reply.authorities ?? [],
    additionals: reply.additionals ?? [],
    ...reply.changed,
  })
  return reply.bytes?.(answer) ?? answer
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined
}

/** Whether a question went to a server; what becomes of it is of no interest. */
export function isAsked(found: unknown): boolean {
  if (!(found instanceof Promise)) return false
  found.catch(() => {})
  return true
}
