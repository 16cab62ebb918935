import { uri } from '../../stack/grammar/uri.ts'
import * as p from '../../stack/headers/params.ts'
import { attempt } from '../../stack/message/reader.ts'
import type { Binding } from '../handlers/registration.ts'
import type { RegisterWish } from './register-wish.ts'

/** Temporary GRUUs of a device that stay valid; each REGISTER makes one more (RFC 5627 §5.2). */
const MOST_TEMPORARY = 8

/**
 * The GRUUs of a device (RFC 5627 §5): the public one is the address of record with its URN; temporary ones tell nothing of
 * either. Those of another Call-ID are void: the device has begun anew.
 */
export function gruusOf(
  { aor, callId }: RegisterWish,
  instance: string,
  known: Binding | undefined,
  newToken: () => string,
): { publicGruu: string; temporaryGruus: readonly string[] } {
  // an address of record with characters that only an escape can hold has no text that is a URI
  const address = attempt(() => uri(aor)).value
  if (address === undefined || !address.isSip) return { publicGruu: '', temporaryGruus: [] }
  const publicGruu = address.withParam(p.gr, instance).toString()
  const temporary = address.with({ user: `tgruu.${newToken()}` }).toString()
  const earlier = known?.callId === callId ? known.temporaryGruus : []
  return { publicGruu, temporaryGruus: [...earlier, `${temporary};gr`].slice(-MOST_TEMPORARY) }
}
