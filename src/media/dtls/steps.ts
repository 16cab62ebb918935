import type { Remote } from '../../util/address.ts'
import type { ResipError } from '../../util/errors.ts'
import type { MachineInstance } from '../../util/machine.ts'

/** Inputs that both roles know. */
export const commonInputs = [
  'time-out',
  'repeated flight',
  'finished',
  'finished unverified',
  'fingerprint fits',
  'fingerprint wrong',
  'broken rule',
  'clear alert',
  'doubt over',
  'fatal alert',
  'deadline',
  'renegotiation',
  'close notify',
  'close',
] as const

export type CommonInput = (typeof commonInputs)[number]

export interface DtlsEvent {
  /** What ends the association. */
  readonly error?: ResipError
  /** A hello that is asked for a cookie, and where the request goes. */
  readonly helloVerify?: { readonly record: Buffer; readonly to: Remote }
}

/** What an association of either role can do; the tables say when. */
export interface Steps<S extends string> extends MachineInstance<S> {
  startDeadline(): void
  sendFlight(): void
  sendLastFlight(): void
  sendAgain(): void
  answerRepeated(): void
  startDoubt(error: ResipError | undefined): void
  stopTimers(): void
  giveKeys(): void
  sendAlert(error: ResipError | undefined): void
  refuseRenegotiation(): void
  sendCloseNotify(): void
  release(): void
  tellEnd(error: ResipError | undefined): void
}

type Any = Steps<string>

export function startDeadline(self: Any): void {
  self.startDeadline()
}

export function sendFlight(self: Any): void {
  self.sendFlight()
}

/** A flight that nothing answers, and that no timer sends again. */
export function sendLastFlight(self: Any): void {
  self.sendLastFlight()
}

export function sendAgain(self: Any): void {
  self.sendAgain()
}

export function answerRepeated(self: Any): void {
  self.answerRepeated()
}

export function startDoubt(self: Any, { error }: DtlsEvent): void {
  self.startDoubt(error)
}

export function stopTimers(self: Any): void {
  self.stopTimers()
}

export function giveKeys(self: Any): void {
  self.giveKeys()
}

export function sendAlert(self: Any, { error }: DtlsEvent): void {
  self.sendAlert(error)
}

export function refuseRenegotiation(self: Any): void {
  self.refuseRenegotiation()
}

export function sendCloseNotify(self: Any): void {
  self.sendCloseNotify()
}

export function release(self: Any): void {
  self.release()
}

export function tellEnd(self: Any, { error }: DtlsEvent): void {
  self.tellEnd(error)
}
