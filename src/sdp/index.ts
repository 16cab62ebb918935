export * from './attributes.ts'
export { encodeSdp } from './encode.ts'
export { parseSdp, type SdpLimits } from './parse.ts'
export * from './session.ts'
