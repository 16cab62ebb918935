/** `resip/media`: flows and what they carry; nothing here knows SIP. */
export * from './rtpengine/index.ts'
export * from './stun/index.ts'
