import { encodeSdp, parseSdp, type SessionDescription } from '../../sdp/index.ts'
import { type Content, content } from './content.ts'

/** application/sdp (RFC 8866). */
export const sdp: Content<SessionDescription> = content('application/sdp', {
  parse: body => parseSdp(body),
  encode: encodeSdp,
})
