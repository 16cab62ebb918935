import { LISTS } from './attribute-lists.ts'
import { DIRECTIONS, FLAG_NAMES, kindsOf, VALUES } from './attribute-syntax.ts'
import { type AttributeDraft, type Mutable, plus } from './draft.ts'
import type { LineReader } from './line-reader.ts'
import type {
  AttributeEntries,
  AttributeFlags,
  AttributeKind,
  AttributeValues,
  Direction,
  UnknownAttribute,
} from './session.ts'
import type { Syntax } from './syntax.ts'

/** Takes one line `a=…`. */
export function addAttribute(draft: AttributeDraft, line: LineReader): void {
  const start = line.at
  const known = knownAt(line)
  if (known?.take(draft, line)) draft.order = plus(draft.order, known.kind)
  else {
    line.at = start
    draft.attributes = plus(draft.attributes, unknown(line.takeRest()))
    draft.order = plus(draft.order, 'attributes')
  }
}

interface Known {
  readonly name: string
  readonly kind: AttributeKind
  /** Whether a colon and a value follow the name. */
  readonly valued: boolean
  /** Answers false where the line is not of the one form that we would write. */
  take(draft: AttributeDraft, line: LineReader): boolean
}

function unknown(text: string): UnknownAttribute {
  const colon = text.indexOf(':')
  return colon < 0 ? { name: text } : { name: text.slice(0, colon), value: text.slice(colon + 1) }
}

function knownAt(line: LineReader): Known | undefined {
  const length = line.nameLength(LONGEST_NAME)
  for (const known of BY_LENGTH[length] ?? []) {
    if (!line.startsWith(known.name)) continue
    line.at += length
    return known.valued === line.skip(COLON) ? known : undefined
  }
  return undefined
}

const COLON = 0x3a

function value<K extends keyof AttributeValues>(
  kind: K,
  syntax: Syntax<NonNullable<AttributeValues[K]>>,
): Known {
  return {
    name: syntax.name,
    kind,
    valued: true,
    take(draft: Mutable<AttributeValues>, line) {
      if (draft[kind] !== undefined) return false
      const read = syntax.read(line)
      if (read === undefined || !line.ended) return false
      draft[kind] = read
      return true
    },
  }
}

/** `add` names its list, so that a store costs no look-up by name. */
function list<K extends keyof AttributeEntries>(
  kind: K,
  add: (draft: AttributeDraft, entry: AttributeEntries[K]) => void,
): Known {
  const syntax: { readonly name: string; read(line: LineReader): AttributeEntries[K] | undefined } =
    LISTS[kind]
  return {
    name: syntax.name,
    kind,
    valued: true,
    take(draft, line) {
      const entry = syntax.read(line)
      if (entry === undefined || !line.ended) return false
      add(draft, entry)
      return true
    },
  }
}

function flag(kind: keyof AttributeFlags): Known {
  return {
    name: FLAG_NAMES[kind],
    kind,
    valued: false,
    take(draft, line) {
      if (draft[kind] || !line.ended) return false
      draft[kind] = true
      return true
    },
  }
}

function direction(name: Direction): Known {
  return {
    name,
    kind: 'direction',
    valued: false,
    take(draft, line) {
      if (draft.direction !== undefined || !line.ended) return false
      draft.direction = name
      return true
    },
  }
}

const KNOWN: readonly Known[] = [
  list('groups', (draft, entry) => {
    draft.groups = plus(draft.groups, entry)
  }),
  list('msids', (draft, entry) => {
    draft.msids = plus(draft.msids, entry)
  }),
  list('rtpmaps', (draft, entry) => {
    draft.rtpmaps = plus(draft.rtpmaps, entry)
  }),
  list('fmtps', (draft, entry) => {
    draft.fmtps = plus(draft.fmtps, entry)
  }),
  list('rtcpFeedback', (draft, entry) => {
    draft.rtcpFeedback = plus(draft.rtcpFeedback, entry)
  }),
  list('extmaps', (draft, entry) => {
    draft.extmaps = plus(draft.extmaps, entry)
  }),
  list('cryptos', (draft, entry) => {
    draft.cryptos = plus(draft.cryptos, entry)
  }),
  list('fingerprints', (draft, entry) => {
    draft.fingerprints = plus(draft.fingerprints, entry)
  }),
  list('candidates', (draft, entry) => {
    draft.candidates = plus(draft.candidates, entry)
  }),
  list('remoteCandidates', (draft, entry) => {
    draft.remoteCandidates = plus(draft.remoteCandidates, entry)
  }),
  list('ssrcs', (draft, entry) => {
    draft.ssrcs = plus(draft.ssrcs, entry)
  }),
  list('ssrcGroups', (draft, entry) => {
    draft.ssrcGroups = plus(draft.ssrcGroups, entry)
  }),
  ...kindsOf(VALUES)
    .filter(kind => kind !== 'direction')
    .map(kind => value(kind, VALUES[kind])),
  ...kindsOf(FLAG_NAMES).map(flag),
  ...DIRECTIONS.map(direction),
]

const LONGEST_NAME = Math.max(...KNOWN.map(({ name }) => name.length))

/** By the length of the name: three of six have it to themselves, and a text that is compared need not be cut. */
const BY_LENGTH: readonly (readonly Known[])[] = Array.from({ length: LONGEST_NAME + 1 }, (_, length) =>
  KNOWN.filter(({ name }) => name.length === length),
)
