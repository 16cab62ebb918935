/**
 * Who may import whom (docs/architecture.md). A folder may import itself and the folders named beside it;
 * whatever it reaches in another top-level folder of src is named here or is an error.
 */
const allowed = {
  util: [],
  net: ['util'],
  stun: ['util'],
  sdp: ['util'],
  stack: ['util', 'net', 'sdp', 'stun'],
  proxy: ['stack', 'sdp', 'util'],
  dum: ['stack', 'sdp', 'util'],
  media: ['util', 'net', 'sdp', 'stun'],
  testing: ['dum', 'stack', 'sdp', 'util'],
  ua: ['dum', 'media', 'stack', 'sdp', 'util'],
}

const houseRules = Object.entries(allowed).map(([folder, others]) => ({
  name: `${folder}-imports-only-its-own`,
  comment: `src/${folder} may import ${others.length ? others.map(o => `src/${o}`).join(', ') : 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
}))

/** The floors of src/stack, from the ground up: a room imports from its own floor and those below. */
const stackFloors = [
  'grammar',
  'headers',
  'message',
  'contents',
  'auth',
  'transport',
  'flow',
  'locate',
  'transaction',
  'forward',
]

const floorRules = stackFloors.map((floor, index) => ({
  name: `stack-${floor}-looks-down`,
  comment: `src/stack/${floor} imports nothing that stands above it`,
  severity: 'error',
  from: { path: `^src/stack/${floor}/` },
  to: { path: `^src/stack/(${[...stackFloors.slice(index + 1), 'stack\\.ts', 'index\\.ts'].join('|')})` },
}))

/** The floors of src/media; the rooms of the first know each other only where the next list says so. */
const mediaFloors = [
  ['stun', 'srtp', 'dtls', 'rtp', 'rtcp', 'codec', 'audio', 'rtpengine'],
  ['socket'],
  ['turn'],
  ['ice'],
  ['flow'],
  ['negotiation'],
  ['engine'],
]
const acquainted = ['rtp', 'rtcp', 'audio', 'codec']

const mediaRules = [
  ...mediaFloors.map((rooms, index) => ({
    name: `media-${rooms[0]}-looks-down`,
    comment: `src/media: ${rooms.join(', ')} import nothing that stands above them`,
    severity: 'error',
    from: { path: `^src/media/(${rooms.join('|')})/` },
    to: {
      path: `^src/media/(${[...mediaFloors.slice(index + 1).flat(), 'index\\.ts'].join('|')})`,
    },
  })),
  ...mediaFloors[0].map(room => ({
    name: `media-${room}-keeps-to-itself`,
    comment: `on the first floor of src/media only ${acquainted.join(', ')} know each other`,
    severity: 'error',
    from: { path: `^src/media/${room}/` },
    to: {
      path: `^src/media/(${mediaFloors[0]
        .filter(other => other !== room && !(acquainted.includes(room) && acquainted.includes(other)))
        .join('|')})/`,
    },
  })),
]

/** The floors of src/dum. The rooms of the last are the usages, which do not know each other. */
const dumFloors = [
  ['core', 'call-record'],
  ['profile'],
  ['handlers', 'event-package'],
  ['exchange'],
  ['dialog', 'soft-state'],
  ['invite', 'subscription', 'registration', 'publication', 'pager', 'out-of-dialog'],
]
const usages = dumFloors[dumFloors.length - 1]

const dumRules = [
  ...dumFloors.map((rooms, index) => ({
    name: `dum-${rooms[0]}-looks-down`,
    comment: `src/dum: ${rooms.join(', ')} import nothing that stands above them`,
    severity: 'error',
    from: { path: `^src/dum/(${rooms.join('|')})/` },
    to: {
      path: `^src/dum/(${[
        ...dumFloors
          .slice(index + 1)
          .flat()
          .map(room => `${room}/`),
        '[^/]+\\.ts$',
      ].join('|')})`,
    },
  })),
  ...usages.map(room => ({
    name: `dum-${room}-keeps-to-itself`,
    comment: 'a usage of a dialog knows no other',
    severity: 'error',
    from: { path: `^src/dum/${room}/` },
    to: { path: `^src/dum/(${usages.filter(other => other !== room).join('|')})/` },
  })),
]

module.exports = {
  forbidden: [
    ...houseRules,
    ...floorRules,
    ...mediaRules,
    ...dumRules,
    {
      name: 'no-circles',
      comment: 'two files that import each other, be it for a type, are one file or hide a third',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'node-only-in-net-and-io',
      comment: 'protocol code is sans-IO: node:* is imported under src/net and in folders named io',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/net/|/io/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'programs-use-the-public-surface',
      comment: 'apps and bench import the package entry points only',
      severity: 'error',
      from: { path: '^(apps|bench)/' },
      to: { path: '^src/', pathNot: '^src/[^/]+/index\\.ts$|^src/util/|^src/stack/forward/flow-token\\.ts$' },
    },
    {
      name: 'util-is-no-public-surface',
      comment:
        'what a program needs of util, an entry point exports; a bench may measure it, and the flow tokens, where they stand',
      severity: 'error',
      from: { path: '^apps/' },
      to: { path: '^src/(util/|stack/forward/flow-token)' },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      severity: 'error',
      from: { path: '^(src|apps)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'default'],
    },
  },
}
