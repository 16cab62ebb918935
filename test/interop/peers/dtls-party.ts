import type { Socket } from 'node:dgram'
import {
  createDtlsFactory,
  type DtlsEndpoint,
  type DtlsFactory,
  type DtlsFactoryOptions,
  type DtlsKeys,
  type DtlsOptions,
  type Fingerprint,
  nodeCrypto,
} from '../../../src/media/dtls/index.ts'
import { systemClock, systemTimers } from '../../../src/net/clock.ts'
import { systemRandom } from '../../../src/net/random.ts'
import { boundSocket } from './openssl.ts'

/** An endpoint of ours on a socket of its own. */
export class DtlsParty {
  readonly endpoint: DtlsEndpoint
  readonly port: number
  /** Resolves with the keys; undefined where the association ended, or nothing came of it in time. */
  readonly keys: Promise<DtlsKeys | undefined>
  error: Error | undefined
  readonly #socket: Socket

  private constructor(
    socket: Socket,
    factory: DtlsFactory,
    role: 'client' | 'server',
    fingerprint: Fingerprint,
    within: number,
    options: Partial<DtlsOptions>,
  ) {
    this.#socket = socket
    this.port = socket.address().port
    let resolve: (keys: DtlsKeys | undefined) => void = () => {}
    const promise = new Promise<DtlsKeys | undefined>(settle => {
      resolve = settle
    })
    const timer = setTimeout(() => resolve(undefined), within)
    this.keys = promise.finally(() => clearTimeout(timer))
    this.endpoint = factory.endpoint(
      {
        role,
        fingerprints: [fingerprint],
        proven: false,
        timers: systemTimers,
        random: systemRandom,
        ...options,
      },
      {
        send: (datagram, to) => {
          if (to !== undefined) socket.send(datagram, to.port, to.address)
        },
        onKeys: keys => resolve(keys),
        onEnd: error => {
          this.error = error
          resolve(undefined)
        },
      },
    )
    socket.on('message', (datagram, { address, port }) => this.endpoint.receive(datagram, { address, port }))
    socket.on('error', () => {})
  }

  static async open(
    factory: DtlsFactory,
    role: 'client' | 'server',
    fingerprint: Fingerprint,
    within: number,
    options: Partial<DtlsOptions> = {},
  ): Promise<DtlsParty> {
    return new DtlsParty(await boundSocket(), factory, role, fingerprint, within, options)
  }

  start(port: number): void {
    this.endpoint.start({ address: '127.0.0.1', port })
  }

  close(): void {
    this.endpoint.close()
    this.#socket.close()
  }
}

export function makeFactory(options: Partial<DtlsFactoryOptions>): Promise<DtlsFactory> {
  const common = {
    random: systemRandom,
    crypto: nodeCrypto,
    date: systemClock.date(),
    now: systemClock.now(),
  }
  return createDtlsFactory({ ...common, ...options })
}
