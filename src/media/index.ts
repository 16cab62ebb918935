export * from './codec/index.ts'
export * from './rtcp/index.ts'
export * from './rtp/index.ts'
