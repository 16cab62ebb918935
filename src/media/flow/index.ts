export { type PacketKind, packetKind } from '../socket/packet-kind.ts'
export { type BindSocket, type MediaSocket, PortPool, type PortRange } from '../socket/port-pool.ts'
export { Flow, type FlowCounters, type PacketListener } from './flow.ts'
export { type FlowState, flowMachine } from './flow-machine.ts'
export {
  FlowManager,
  type FlowManagerOptions,
  type LocalMediaBinding,
  type MediaStreamOptions,
  type NatTraversalMode,
} from './flow-manager.ts'
export { MediaStream, type MediaStreamHandler } from './media-stream.ts'
