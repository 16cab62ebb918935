import type { TlsOptions } from '../../net/tls-contexts.ts'
import { familyOf, hostPort } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { TransportLayer } from './layer.ts'
import { isFollowed, type ListenOptions, type ListenPoint, parseListenPoint } from './listen-point.ts'
import { Listener, type ListenerContext } from './listener.ts'
import { type MakersOptions, TransportMakers } from './makers.ts'
import type { Interfaces } from './selector.ts'

export interface ListenersOptions extends MakersOptions {
  readonly followInterval: number
  /** The host's addresses as they are now; it may throw. */
  readonly interfaces: Interfaces
}

/** Opens and closes listeners; those of a wildcard or an interface follow the addresses the host has. */
export class Listeners {
  readonly #timers: Timers
  readonly #options: ListenersOptions
  readonly #makers: TransportMakers
  readonly #context: ListenerContext
  readonly #listeners = new Set<Listener>()
  #timer: Timer | undefined
  #isFollowing = false

  constructor(transports: TransportLayer, timers: Timers, options: ListenersOptions) {
    this.#timers = timers
    this.#options = options
    this.#makers = new TransportMakers(timers, options)
    this.#context = {
      transports,
      make: (point, address, port) => this.#makers.make({ ...point, port }, address),
      onFailure: (error, isNews) => this.#onFailure(error, isNews),
    }
  }

  async listen(points: readonly (string | ListenOptions)[]): Promise<void> {
    const listeners = points.map(point => new Listener(parseListenPoint(point), this.#context))
    try {
      for (const listener of listeners) await listener.open(this.#addressesOf(listener.point))
    } catch (error) {
      await closeAll(listeners)
      throw error
    }
    for (const listener of listeners) this.#listeners.add(listener)
    if (listeners.some(({ point }) => isFollowed(point)))
      this.#timer ??= this.#timers.start(this, 'follow', this.#options.followInterval)
  }

  /**
   * Closes the listeners of the points, or single transports of theirs by key.
   * @throws UsageError where there is none of them; nothing is closed then
   */
  async unlisten(points: readonly (string | ListenOptions)[]): Promise<void> {
    const closing = points.map(point => this.#closing(point))
    await Promise.all(closing.map(close => close()))
    for (const listener of this.#listeners)
      if (!listener.isOpen && !isFollowed(listener.point)) this.#listeners.delete(listener)
  }

  /** See `SipStack.updateTls`. */
  updateTls(options: TlsOptions): void {
    const { contexts } = this.#options
    contexts.update(options)
    this.#makers.warnAbout(contexts)
  }

  stop(): void {
    this.#timers.stop(this.#timer)
    for (const listener of this.#listeners) listener.stop()
    this.#listeners.clear()
  }

  onTimer(): void {
    if (!this.#isFollowing) void this.#follow()
  }

  #closing(asked: string | ListenOptions): () => Promise<unknown> {
    const point = parseListenPoint(asked)
    const listeners = [...this.#listeners].filter(listener => isSame(listener.point, point))
    if (listeners.length > 0) return () => this.#close(listeners)
    const key = typeof asked === 'string' ? asked : asked.listen
    const owner = [...this.#listeners].find(listener => listener.has(key))
    if (owner !== undefined) return () => owner.leave(key)
    const there = [...this.#listeners].map(listener => nameOf(listener.point))
    throw new UsageError(
      'ERR_SIP_LISTEN',
      `"${printable(key)}": no listener is open for it; those that are: ${there.join(', ') || 'none'}`,
    )
  }

  #close(listeners: readonly Listener[]): Promise<void> {
    for (const listener of listeners) this.#listeners.delete(listener)
    if (![...this.#listeners].some(({ point }) => isFollowed(point))) {
      this.#timers.stop(this.#timer)
      this.#timer = undefined
    }
    return closeAll(listeners)
  }

  /** Opens what has come and closes what has gone. */
  async #follow(): Promise<void> {
    this.#isFollowing = true
    for (const listener of [...this.#listeners]) {
      if (!isFollowed(listener.point)) continue
      try {
        await listener.follow(this.#matching(listener.point))
      } catch (error) {
        this.#onFailure(error, true)
      }
    }
    this.#isFollowing = false
    if (this.#timer && this.#listeners.size > 0)
      this.#timers.restart(this.#timer, this.#options.followInterval)
  }

  /** Nobody waits for what is opened later: it is counted, logged and tried again. */
  #onFailure(error: unknown, isNews: boolean): void {
    const { counters, log } = this.#options
    counters.listenFailures++
    if (!isNews || !log.enabled('warning')) return
    const text = error instanceof Error ? error.message : String(error)
    log.write('warning', 'transport', printable(text, 1000))
  }

  /** @throws UsageError where an interface has no address, or there is none of that name */
  #addressesOf(point: ListenPoint): string[] {
    if (!isFollowed(point)) return [point.host]
    const addresses = this.#matching(point)
    if (addresses.length > 0) return addresses
    if (familyOf(point.host) !== undefined)
      throw new UsageError('ERR_SIP_LISTEN', `${nameOf(point)}: this host has no address of that family now`)
    const names = [...new Set(this.#options.interfaces().map(({ name }) => name))]
    throw new UsageError(
      'ERR_SIP_LISTEN',
      `${nameOf(point)}: neither an address nor an interface of this host, which has ${names.join(', ')}`,
    )
  }

  /** The host's addresses that a wildcard or interface stands for; link-local ones need a zone and are left out. */
  #matching({ host, ipv6Only }: ListenPoint): string[] {
    const family = familyOf(host)
    const takesIpv4 = family === 4 || !(ipv6Only ?? family === 6)
    return this.#options
      .interfaces()
      .filter(
        found =>
          found.scope === 0 &&
          (family !== undefined || found.name === host) &&
          (found.family === 4 ? takesIpv4 : family !== 4),
      )
      .map(({ address }) => address)
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map(listener => listener.close()))
}

function isSame(one: ListenPoint, other: ListenPoint): boolean {
  return one.protocol === other.protocol && one.host === other.host && one.port === other.port
}

function nameOf({ protocol, host, port }: ListenPoint): string {
  return `${protocol.toLowerCase()}:${hostPort(host, port)}`
}
