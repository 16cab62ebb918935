import { flagParam, type Param, textParam } from './params.ts'

/** URI parameters that say where a message goes (RFC 3261 §19.1.1). */
export const transportParam: Param<string> = textParam('transport')
export const maddrParam: Param<string> = textParam('maddr')
export const lrParam: Param<true> = flagParam('lr')
