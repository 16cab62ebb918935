import type { InterfaceAddress } from '../../net/interfaces.ts'
import { canonicalAddress, familyOf, hostPort, isWildcard } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { TransportLayer } from './layer.ts'
import { type ListenOptions, type ListenPoint, parseListenPoint } from './listen-point.ts'
import { type MakersOptions, TransportMakers } from './makers.ts'

export interface ListenersOptions extends MakersOptions {
  readonly followInterval: number
  /** The host's addresses as they are now; it may throw. */
  readonly interfaces: () => readonly InterfaceAddress[]
}

/** Opens transports for listen points; those of a wildcard or an interface follow the addresses the host has. */
export class Listeners {
  readonly #transports: TransportLayer
  readonly #timers: Timers
  readonly #options: ListenersOptions
  /** Listen points that stand for several addresses, with the keys of the transports that are open for each. */
  readonly #followed = new Map<ListenPoint, Map<string, string>>()
  readonly #makers: TransportMakers
  #timer: Timer | undefined

  constructor(transports: TransportLayer, timers: Timers, options: ListenersOptions) {
    this.#transports = transports
    this.#timers = timers
    this.#options = options
    this.#makers = new TransportMakers(timers, options)
  }

  async listen(points: readonly (string | ListenOptions)[]): Promise<void> {
    const parsed = points.map(point => parseListenPoint(point))
    const opened: string[] = []
    try {
      for (const point of parsed) {
        for (const address of this.#addressesOf(point)) opened.push(await this.#open(point, address))
      }
    } catch (error) {
      for (const key of opened) await this.#transports.remove(key)
      for (const point of parsed) this.#followed.delete(point)
      throw error
    }
    if (this.#followed.size > 0)
      this.#timer ??= this.#timers.start(this, 'follow', this.#options.followInterval)
  }

  stop(): void {
    this.#timers.stop(this.#timer)
    this.#followed.clear()
  }

  onTimer(): void {
    void this.#follow()
  }

  /** Opens what has come and closes what has gone; an address that cannot be opened is tried again next time. */
  async #follow(): Promise<void> {
    for (const [point, open] of this.#followed) {
      try {
        await this.#update(point, open)
      } catch (error) {
        this.#onFailure(error)
      }
    }
    if (this.#timer && this.#followed.size > 0)
      this.#timers.restart(this.#timer, this.#options.followInterval)
  }

  async #update(point: ListenPoint, open: Map<string, string>): Promise<void> {
    const wanted = this.#matching(point)
    for (const [address, key] of open) {
      if (wanted.includes(address)) continue
      open.delete(address)
      await this.#transports.remove(key)
    }
    for (const address of wanted) {
      if (!open.has(address)) await this.#open(point, address).catch(error => this.#onFailure(error))
    }
  }

  /** Nobody waits for what is opened later: it is counted, logged and tried again. */
  #onFailure(error: unknown): void {
    const { counters, log } = this.#options
    counters.listenFailures++
    if (!log.enabled('warning')) return
    const text = error instanceof Error ? error.message : String(error)
    log.write('warning', 'transport', printable(text, 1000))
  }

  async #open(point: ListenPoint, address: string): Promise<string> {
    const transport = this.#makers.make(point, address)
    await this.#transports.add(transport)
    if (isFollowed(point)) {
      const open = this.#followed.get(point) ?? new Map<string, string>()
      this.#followed.set(point, open.set(address, transport.key))
    }
    return transport.key
  }

  /** @throws UsageError where an interface has no address, or there is none of that name */
  #addressesOf(point: ListenPoint): string[] {
    if (!isFollowed(point)) return [canonicalAddress(point.host) ?? point.host]
    const addresses = this.#matching(point)
    if (addresses.length > 0) return addresses
    const names = [...new Set(this.#options.interfaces().map(({ name }) => name))]
    throw new UsageError(
      'ERR_SIP_LISTEN',
      `${point.protocol.toLowerCase()}:${hostPort(point.host, point.port)}: neither an address nor an interface of this host, which has ${names.join(', ')}`,
    )
  }

  /** The host's addresses that a wildcard or interface stands for; link-local ones need a zone and are left out. */
  #matching(point: ListenPoint): string[] {
    const family = familyOf(point.host)
    return this.#options
      .interfaces()
      .filter(
        found =>
          (family === undefined ? found.name === point.host : found.family === family) && found.scope === 0,
      )
      .map(({ address }) => address)
  }
}

function isFollowed(point: ListenPoint): boolean {
  return familyOf(point.host) === undefined || isWildcard(point.host)
}
