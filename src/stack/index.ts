export { parseMessage } from './message/message.ts'
