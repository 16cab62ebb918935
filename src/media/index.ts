export * from './rtpengine/index.ts'
