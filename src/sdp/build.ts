import { EMPTY_ATTRIBUTES } from './draft.ts'
import type { Attributes, MediaDescription, SessionDescription } from './session.ts'

/** No attributes at all. */
export const NO_ATTRIBUTES: Attributes = EMPTY_ATTRIBUTES

/** A session description of its origin and whatever else is given; a session without bounds, and no media. */
export function sessionDescription(
  given: Partial<SessionDescription> & Pick<SessionDescription, 'origin'>,
): SessionDescription {
  return {
    ...NO_ATTRIBUTES,
    name: '-',
    emails: [],
    phones: [],
    bandwidths: [],
    timings: [{ start: 0, stop: 0, repeats: [] }],
    otherLines: [],
    media: [],
    ...given,
  }
}

/** A media section of its `m=` line and whatever else is given. */
export function mediaDescription(
  given: Partial<MediaDescription> & Pick<MediaDescription, 'type' | 'port' | 'protocol' | 'formats'>,
): MediaDescription {
  return { ...NO_ATTRIBUTES, connections: [], bandwidths: [], otherLines: [], ...given }
}
