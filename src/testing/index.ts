/** `resip/testing`: simulated time and a network in memory, for tests of SIP programs. */
export { SimulatedClock } from '../util/clock.ts'
export { seededRandom } from '../util/random.ts'
export { MemoryNetwork, MemoryTransport, type NetworkConditions, type Passage } from './memory-network.ts'
