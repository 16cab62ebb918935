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
  | 'suspended'
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
 * `Connected`: the tuples are known, and the flow waits for the others of its stream, or until its way is good again;
 * `Ready`: media may go. A lost allocation, or connection to the server, leads back through `Allocating`.
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
    'suspended',
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
      // a way that was suspended is there again
      established: to('Connected', reportConnected),
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
      suspended: to('Connected'),
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
      'suspended',
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
      'suspended',
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
      'suspended',
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
      'suspended',
    ],
    Allocating: [
      'connect',
      'connect server',
      'opened',
      'bind',
      'allocate',
      'ready',
      'changed',
      'lost',
      'suspended',
    ],
    Connected: ['connect', 'connect server', 'opened', 'bind', 'allocate', 'suspended'],
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
      'suspended',
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
