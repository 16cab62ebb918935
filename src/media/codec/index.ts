export { pcma, pcmu, type SampleCodec, SILENCE } from './g711.ts'
