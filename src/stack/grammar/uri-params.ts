import { bracketed } from '../../util/address.ts'
import { hostOf } from './host.ts'
import { flagParam, type Param, textParam } from './params.ts'

/** URI parameters that say where a message goes (RFC 3261 §19.1.1). */
export const transportParam: Param<string> = textParam('transport')
/** A host, of an IPv6 address without its brackets; absent where the text is no host. */
export const maddrParam: Param<string> = { name: 'maddr', parse: hostOf, encode: bracketed }
export const lrParam: Param<true> = flagParam('lr')
