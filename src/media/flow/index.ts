export type { DestinationOptions } from './destination.ts'
export { Flow, type PacketListener } from './flow.ts'
export type { FlowCounters } from './flow-counters.ts'
export { type FlowState, flowMachine } from './flow-machine.ts'
export {
  FlowManager,
  type FlowManagerOptions,
  type LocalMediaBinding,
  type MediaStreamOptions,
  type NatTraversalMode,
} from './flow-manager.ts'
export { MediaSession, type MediaSessionHandler, type MediaSessionOptions } from './media-session.ts'
export { MediaStream, type MediaStreamHandler } from './media-stream.ts'
export { type ProtectionState, protectionMachine } from './protection-machine.ts'
export type { SrtpFlowCounters } from './srtp-counters.ts'
