import type { Remote } from '../../util/address.ts'
import { guarded } from '../../util/guard.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { type AlertName, encodeAlert } from './alert.ts'
import type { DtlsCounters } from './counters.ts'
import { encodeFlight, type Flight } from './flight.ts'
import type { DtlsOptions, DtlsUser } from './options.ts'
import { ContentType, DTLS_1_2, type RecordLayer } from './record.ts'
import { Retransmission } from './retransmission.ts'

/** What an association sends, and tells its user: flights, alerts, and the calls into the application. */
export class Sender {
  /** Where flights go, as far as it is known. */
  remote: Remote | undefined
  flight: Flight = []
  readonly #options: DtlsOptions
  readonly #user: DtlsUser
  readonly #layer: RecordLayer
  readonly #counters: DtlsCounters
  readonly #retransmission: Retransmission
  readonly #failed: (error: unknown) => void

  constructor(options: DtlsOptions, user: DtlsUser, layer: RecordLayer, counters: DtlsCounters) {
    const callbacks = new CallbackErrors(options)
    this.#options = options
    this.#user = user
    this.#layer = layer
    this.#counters = counters
    this.#retransmission = new Retransmission(options.roundTrip, options.mtu)
    this.#failed = error => {
      counters.callbackErrors++
      callbacks.failed(error)
    }
  }

  /** Milliseconds after which the flight goes again. */
  get timeout(): number {
    return this.#retransmission.timeout
  }

  /** False where a flight went but a moment ago. */
  get mayAnswer(): boolean {
    return this.#retransmission.mayAnswer(this.#options.timers.now())
  }

  sendFirst(): void {
    this.#retransmission.begin()
    this.#transmit()
  }

  sendAfterTimeout(): void {
    this.#retransmission.backOff()
    this.#counters.retransmitted++
    this.#transmit()
  }

  /** False where the flight went but a moment ago: what came is a copy, or on its way too. */
  sendForRepeated(): boolean {
    if (!this.mayAnswer) return false
    this.#counters.retransmitted++
    this.#transmit()
    return true
  }

  /** In the clear as long as there are no keys. */
  sendAlert(name: AlertName): void {
    const epoch = this.#layer.isProtected ? 1 : 0
    this.send(this.#layer.seal(ContentType.alert, DTLS_1_2, epoch, encodeAlert(name)), this.remote)
  }

  send(datagram: Buffer, to: Remote | undefined): void {
    guarded(this.#failed, this.#user, this.#user.send, datagram, to)
  }

  tellKeys(...keys: Parameters<DtlsUser['onKeys']>): void {
    guarded(this.#failed, this.#user, this.#user.onKeys, ...keys)
  }

  tellEnd(...error: Parameters<DtlsUser['onEnd']>): void {
    guarded(this.#failed, this.#user, this.#user.onEnd, ...error)
  }

  #transmit(): void {
    this.#retransmission.sent(this.#options.timers.now())
    for (const datagram of encodeFlight(this.flight, this.#layer, this.#retransmission.mtu)) {
      this.send(datagram, this.remote)
    }
  }
}
