import { type Machine, type MachineInstance, to } from '../../util/machine.ts'

/** How far a flow has come; the words are reflow's. `Closed` is the end. */
export type FlowState =
  | 'Unconnected'
  | 'ConnectingServer'
  | 'Connecting'
  | 'Binding'
  | 'Allocating'
  | 'Connected'
  | 'Ready'
  | 'Closed'

type Input =
  | 'connect'
  | 'connect server'
  | 'opened'
  | 'bind'
  | 'allocate'
  | 'established'
  | 'ready'
  | 'changed'
  | 'lost'
  | 'disconnected'
  | 'failed'
  | 'close'

/** @internal What the table acts on. */
export interface FlowActor extends MachineInstance<FlowState> {
  /** Opens the socket, and the connection to the server where there is one. */
  openPath(): void
  /** Asks the server for a binding or an allocation. */
  establish(): void
  closePath(): void
  reportConnected(): void
  reportReady(): void
  reportChanged(): void
  reportFailure(error: Error): void
}

/** @internal */
export interface FlowEvent {
  readonly error?: Error
}

/**
 * `Connected`: the tuples are known, and the flow waits for the others of its stream; `Ready`: media may go. A lost
 * allocation, or connection to the server, leads back through `Allocating`.
 */
export const flowMachine: Machine<FlowState, Input, FlowActor, FlowEvent> = {
  name: 'flow',
  source: 'the flow states of reflow; RFC 8489 and RFC 8656 for what happens in them',
  initial: 'Unconnected',
  final: 'Closed',
  inputs: [
    'connect',
    'connect server',
    'opened',
    'bind',
    'allocate',
    'established',
    'ready',
    'changed',
    'lost',
    'disconnected',
    'failed',
    'close',
  ],
  rows: {
    Unconnected: {
      connect: to('Connecting', openPath),
      'connect server': to('ConnectingServer', openPath),
      close: to('Closed'),
    },
    ConnectingServer: {
      bind: to('Binding', establish),
      allocate: to('Allocating', establish),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Connecting: {
      opened: to('Connected', reportConnected),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Binding: {
      established: to('Connected', reportConnected),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Allocating: {
      established: to('Connected', reportConnected),
      disconnected: to('ConnectingServer', openPath),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Connected: {
      ready: to('Ready', reportReady),
      changed: to('Connected', reportChanged),
      lost: to('Allocating', establish),
      disconnected: to('ConnectingServer', openPath),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Ready: {
      changed: to('Ready', reportChanged),
      lost: to('Allocating', establish),
      disconnected: to('ConnectingServer', openPath),
      failed: to('Unconnected', closePath, reportFailure),
      close: to('Closed', closePath),
    },
    Closed: {},
  },
  absorbs: {
    Unconnected: [
      'opened',
      'bind',
      'allocate',
      'established',
      'ready',
      'changed',
      'lost',
      'disconnected',
      'failed',
    ],
    ConnectingServer: [
      'connect',
      'connect server',
      'opened',
      'established',
      'ready',
      'changed',
      'lost',
      'disconnected',
    ],
    Connecting: [
      'connect',
      'connect server',
      'bind',
      'allocate',
      'established',
      'ready',
      'changed',
      'lost',
      'disconnected',
    ],
    Binding: [
      'connect',
      'connect server',
      'opened',
      'bind',
      'allocate',
      'ready',
      'changed',
      'lost',
      'disconnected',
    ],
    Allocating: ['connect', 'connect server', 'opened', 'bind', 'allocate', 'ready', 'changed', 'lost'],
    Connected: ['connect', 'connect server', 'opened', 'bind', 'allocate', 'established'],
    Ready: ['connect', 'connect server', 'opened', 'bind', 'allocate', 'established', 'ready'],
    Closed: [
      'connect',
      'connect server',
      'opened',
      'bind',
      'allocate',
      'established',
      'ready',
      'changed',
      'lost',
      'disconnected',
      'failed',
      'close',
    ],
  },
}

function openPath(self: FlowActor): void {
  self.openPath()
}

function establish(self: FlowActor): void {
  self.establish()
}

function closePath(self: FlowActor): void {
  self.closePath()
}

function reportConnected(self: FlowActor): void {
  self.reportConnected()
}

function reportReady(self: FlowActor): void {
  self.reportReady()
}

function reportChanged(self: FlowActor): void {
  self.reportChanged()
}

function reportFailure(self: FlowActor, { error }: FlowEvent): void {
  if (error !== undefined) self.reportFailure(error)
}
