import { NameAddr } from '../../stack/grammar/name-addr.ts'
import { noParams } from '../../stack/grammar/params.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import type { Profile } from './profile.ts'

/**
 * The Contact of a message of ours: the profile's, or the AOR's user at a host that the transport fills in. In a dialog
 * that is secure it is a sips URI (RFC 3261 §12.1.1).
 */
export function contactFor(profile: Profile, secure: boolean): NameAddr {
  const { contact, aor } = profile.values
  const uri = contact?.uri ?? new Uri('sip', userOf(aor.uri), undefined, '', undefined, noParams, '', '')
  const given = contact ?? new NameAddr('', uri, noParams)
  return secure && !uri.secure ? given.with({ uri: uri.with({ scheme: 'sips' }) }) : given
}

function userOf(uri: Uri): string | undefined {
  return uri.isSip && !uri.host.endsWith('.invalid') ? uri.user : undefined
}
