/** `resip/testing`: simulated time, a network in memory with faults, scripted peers: for tests of SIP programs. */
export { SimulatedClock } from '../util/clock.ts'
export { seededRandom } from '../util/random.ts'
export { bindingStoreChecks } from './binding-store.ts'
export { MemoryNetwork, MemoryTransport, type NetworkConditions, type Passage } from './memory-network.ts'
export { deafReceiver, ScriptedPeer } from './scripted-peer.ts'
export { checkUserStore, type KnownToStore, type StoreCheck, userStoreChecks } from './user-store.ts'
export { answerTo, headerLines, type RequestTextParts, requestText, title } from './wire-text.ts'
export { World } from './world.ts'
