import { type Machine, type MachineInstance, to } from '../../util/machine.ts'

/**
 * Whether a stream's packets are protected. Only in `plain` does plain RTP pass; `failed` and `closed` are ends, from which nothing
 * leads back to it.
 */
export type ProtectionState = 'plain' | 'pending' | 'on' | 'changing' | 'failed' | 'closed'

type Input = 'expect' | 'keys' | 'new keys' | 'settled' | 'failure' | 'plain agreed' | 'close'

/** @internal What the table acts on. */
export interface ProtectionActor extends MachineInstance<ProtectionState> {
  reportSecured(): void
  /** New keys of the peer's replace the old, before there are any of ours. */
  startRetiring(): void
  /** New keys of the peer's stand beside the old; ours wait until the peer shows that it has them. */
  startSettling(): void
  /** Our new keys are in use; the peer's old ones go after a while. */
  settle(): void
  forgetKeys(): void
}

/** The protection of a stream (RFC 3711; RFC 4568 §7.1.4 for the change of keys). */
export const protectionMachine: Machine<ProtectionState, Input, ProtectionActor, object> = {
  name: 'protection',
  source: 'RFC 3711, RFC 4568 §7.1: keys of both directions, agreed by signalling or by DTLS (RFC 5764)',
  initial: 'plain',
  final: 'closed',
  inputs: ['expect', 'keys', 'new keys', 'settled', 'failure', 'plain agreed', 'close'],
  rows: {
    plain: {
      expect: to('pending'),
      close: to('closed'),
    },
    pending: {
      keys: to('on', reportSecured),
      'new keys': to('pending', startRetiring),
      failure: to('failed', forgetKeys),
      'plain agreed': to('plain', forgetKeys),
      close: to('closed', forgetKeys),
    },
    on: {
      'new keys': to('changing', startSettling),
      failure: to('failed', forgetKeys),
      'plain agreed': to('plain', forgetKeys),
      close: to('closed', forgetKeys),
    },
    changing: {
      'new keys': to('changing', startSettling),
      settled: to('on', settle),
      failure: to('failed', forgetKeys),
      'plain agreed': to('plain', forgetKeys),
      close: to('closed', forgetKeys),
    },
    failed: {
      close: to('closed'),
    },
    closed: {},
  },
  absorbs: {
    plain: ['keys', 'new keys', 'settled', 'failure', 'plain agreed'],
    pending: ['expect', 'settled'],
    // a new association is under way: the old keys go on
    on: ['expect', 'keys', 'settled'],
    changing: ['expect', 'keys'],
    failed: ['expect', 'keys', 'new keys', 'settled', 'failure', 'plain agreed'],
    closed: ['expect', 'keys', 'new keys', 'settled', 'failure', 'plain agreed', 'close'],
  },
}

function reportSecured(self: ProtectionActor): void {
  self.reportSecured()
}

function startRetiring(self: ProtectionActor): void {
  self.startRetiring()
}

function startSettling(self: ProtectionActor): void {
  self.startSettling()
}

function settle(self: ProtectionActor): void {
  self.settle()
}

function forgetKeys(self: ProtectionActor): void {
  self.forgetKeys()
}
