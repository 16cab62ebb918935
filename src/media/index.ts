export * from './stun/index.ts'
