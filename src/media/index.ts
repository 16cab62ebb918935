export * from './flow/index.ts'
export * from './stun/index.ts'
export * from './turn/index.ts'
