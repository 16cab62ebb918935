import type {
  AttributeEntries,
  AttributeFlags,
  AttributeKind,
  AttributeValues,
  Bandwidth,
  Connection,
  MediaDescription,
  OtherLine,
  SessionDescription,
  Timing,
  UnknownAttribute,
} from './session.ts'

export type Mutable<T> = { -readonly [key in keyof T]: T[key] }

type ListDraft = { [kind in keyof AttributeEntries]: AttributeEntries[kind][] }

/** The attributes of a section while its lines are read. Its empty lists may be shared: they are replaced, not filled. */
export interface AttributeDraft extends Mutable<AttributeValues>, Mutable<AttributeFlags>, ListDraft {
  attributes: UnknownAttribute[]
  order: AttributeKind[]
}

interface SectionDraft extends AttributeDraft {
  information?: string
  bandwidths: Bandwidth[]
  key?: string
  otherLines: OtherLine[]
}

export interface SessionDraft extends SectionDraft, Omit<Mutable<SessionDescription>, keyof SectionDraft> {
  emails: string[]
  phones: string[]
  timings: TimingDraft[]
  media: MediaDescription[]
}

export interface MediaDraft extends SectionDraft, Omit<Mutable<MediaDescription>, keyof SectionDraft> {
  formats: string[]
  connections: Connection[]
}

interface TimingDraft extends Timing {
  readonly repeats: string[]
}

/** What stands for every list that is empty. */
const NONE: never[] = []
Object.freeze(NONE)

export const EMPTY_ATTRIBUTES: AttributeDraft = {
  iceLite: false,
  iceMismatch: false,
  endOfCandidates: false,
  rtcpMux: false,
  rtcpMuxOnly: false,
  rtcpRsize: false,
  bundleOnly: false,
  groups: NONE,
  msids: NONE,
  rtpmaps: NONE,
  fmtps: NONE,
  rtcpFeedback: NONE,
  extmaps: NONE,
  cryptos: NONE,
  fingerprints: NONE,
  candidates: NONE,
  remoteCandidates: NONE,
  ssrcs: NONE,
  ssrcGroups: NONE,
  attributes: NONE,
  order: NONE,
}

const EMPTY_SESSION: SessionDraft = {
  ...EMPTY_ATTRIBUTES,
  origin: {
    username: '',
    sessionId: '',
    sessionVersion: '',
    networkType: '',
    addressType: '',
    address: '',
  },
  name: '-',
  emails: NONE,
  phones: NONE,
  bandwidths: NONE,
  timings: NONE,
  otherLines: NONE,
  media: NONE,
}

const EMPTY_MEDIA: MediaDraft = {
  ...EMPTY_ATTRIBUTES,
  type: '',
  port: 0,
  protocol: '',
  formats: NONE,
  connections: NONE,
  bandwidths: NONE,
  otherLines: NONE,
}

/** A clone of a constant costs a tenth of an object to which twenty fields are added. */
export function sessionDraft(): SessionDraft {
  return { ...EMPTY_SESSION }
}

export function mediaDraft(): MediaDraft {
  return { ...EMPTY_MEDIA }
}

/** The list with one more: itself, or a new one in place of the shared empty one. */
export function plus<T>(list: T[], entry: T): T[] {
  if (list.length === 0) return [entry]
  list.push(entry)
  return list
}
