import { nameAddr } from '../../stack/grammar/name-addr.ts'
import type { ProfileValues } from './parts.ts'

/** What a profile says where nobody said otherwise. */
export const defaultProfile: ProfileValues = {
  aor: nameAddr('<sip:anonymous@anonymous.invalid>'),
  contact: undefined,
  outboundProxy: [],
  credentials: undefined,
  methods: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'PRACK', 'UPDATE'],
  schemes: ['sip', 'sips', 'tel'],
  accept: { INVITE: ['application/sdp', 'multipart/*'], '*': ['*/*'] },
  encodings: ['identity'],
  languages: [],
  events: [],
  supported: ['100rel', 'timer', 'replaces', 'norefersub'],
  required: [],
  userAgent: '',
  registrationExpires: 3600,
  subscriptionExpires: 3600,
  publicationExpires: 3600,
  reliableUas: 'supported',
  reliableUac: 'supported',
  sessionExpires: 1800,
  minSessionExpires: 90,
  refresher: 'either',
  refreshMethod: 'UPDATE',
  staleCall: 180,
  staleReInvite: 40,
  mergedRequests: true,
  headers: '',
}
