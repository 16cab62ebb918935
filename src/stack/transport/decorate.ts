import { UsageError } from '../../util/errors.ts'
import { type Failed, prompt } from '../../util/guard.ts'
import { RequestTemplate } from '../message/template.ts'
import type { Placement } from './placement.ts'
import { refuseInsecure } from './secure.ts'

/** An application's last word on a request, when its way is known: the copy it is given may be changed and is answered. */
export type Decorate = (template: RequestTemplate, placement: Placement) => RequestTemplate

/**
 * The template as it is to be sent by this way; the one given is never touched, for it may be sent by another way next.
 * @throws EnvironmentError where it is a sips request and the way is not secure (RFC 5630), whatever `decorate` throws, and UsageError where it answers no template; what a promise of it rejects with
 *   ends at `failed`
 */
export function decorated(
  template: RequestTemplate,
  placement: Placement,
  decorate: Decorate | undefined,
  failed: Failed,
): RequestTemplate {
  refuseInsecure(template, placement)
  if (decorate === undefined) return template
  const answer = prompt(failed, 'decorate', decorate(template.derive(), placement))
  if (answer instanceof RequestTemplate) {
    refuseInsecure(answer, placement)
    return answer
  }
  throw new UsageError(
    'ERR_SIP_CALLBACK',
    'decorate answered no request template; it answers what it was given',
  )
}
